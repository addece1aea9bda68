"""What the picture of a recommendation is made of."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from regard.data import History
from regard.data.history_batches import BEGIN, HistoryBatch, numbered, padded
from regard.data.inventory import Inventory
from regard.tasks.recommend_approaches import Approach
from regard.tasks.recommend_scores import without_special

# Past items of a picture, the newest ones, and recommended ones.
_PAST, _CHOSEN = 15, 10


def sample(approach: Approach, model: Any, items: Inventory, one: History, device: torch.device) -> dict[str, object]:
    """A user's newest items, what is recommended that is new, what was read for it, and what each past item drove.

    `weights` has a row for each past item: what each recommendation read of it. `driven` has the same shape: which
    share of a recommendation's probability is lost when this item is taken out of the history; negative where it
    gains. Probabilities are softmax of the scores over all items.
    """
    every = numbered(items, one.items[:-1])
    history, taken = every[-approach.newest :], padded([every]).to(device)
    whole = padded([history]).to(device)
    with torch.no_grad():
        scores = _new_only(approach.scores(model, whole), taken)
        logs, chosen = scores.log_softmax(-1)[0].topk(min(_CHOSEN, int(scores.isfinite().sum())))
        weights = approach.weights(model, whole, chosen[None])[0]
        shown = [place for place, item in enumerate(history) if item != BEGIN][-_PAST:]
        # Of a history of one entry the beginning is left.
        fewer = [history[:place] + history[place + 1 :] or [BEGIN] for place in shown]
        without = padded(fewer or [history]).to(device)
        # What was taken stays no candidate when it is forgotten, so that probabilities compare.
        changed = _new_only(approach.scores(model, without), taken).log_softmax(-1)[:, chosen]
    return {
        "view": "recommended",
        "user": one.user,
        "history": [items.items[history[place]] for place in shown],
        "earlier": len(history) - len(shown) - history.count(BEGIN),
        "expected": one.items[-1],
        "recommended": [items.items[item] for item in chosen.tolist()],
        "probabilities": [round(value, 5) for value in logs.exp().tolist()],
        "weights": [[round(value, 4) for value in weights[:, place].tolist()] for place in shown],
        "driven": [[round(value, 4) for value in row] for row in (1 - (changed - logs).exp())[: len(shown)].tolist()],
    }


def _new_only(scores: Tensor, batch: HistoryBatch) -> Tensor:
    return without_special(scores).masked_fill(batch.taken(scores.shape[1]), -torch.inf)
