"""What the picture of a tagged sentence is made of."""

from __future__ import annotations

import torch
from torch import Tensor

from regard.attention import Lengths
from regard.data import Tagged
from regard.data.tag_batches import Numbering
from regard.models import Tagger, looking
from regard.tasks.tagging_search import words_of

# A tag that is nowhere in a sentence as probable as this is left out of its picture.
_SEEN = 0.02


def sample(model: Tagger, numbering: Numbering, one: Tagged, device: torch.device) -> dict[str, object]:
    """A sentence with its tags, their probabilities, the transitions between them, and the attention (mean of heads).

    `states` are the tags that are probable somewhere, in alphabetical order; `marginals` has a row for each of them,
    `transitions` one for each tag before another.
    """
    batch = numbering.untagged([one.words]).to(device)
    words, where = words_of(batch), Lengths(batch.lengths)
    with torch.no_grad(), looking(model) as seen:
        scores = model.scores(words, batch.lengths)
        best, marginals = model.crf.best(scores, where).states[0], model.crf.marginals(scores, where)[0]
    names = numbering.tags.items
    shown = sorted(
        {*best.tolist(), *(marginals.amax(0) >= _SEEN).nonzero().flatten().tolist()}, key=names.__getitem__
    )
    transition = model.crf.transition.detach()[shown][:, shown]
    return {
        "view": "tagged",
        "words": list(one.words),
        "expected": list(one.tags),
        "tags": [names[state] for state in best.tolist()],
        "states": [names[state] for state in shown],
        "marginals": _rounded(marginals[:, shown].T),
        "transitions": _rounded(transition),
        "weights": _rounded(list(seen.values())[-1][0].mean(0)) if seen else None,
    }


def _rounded(matrix: Tensor) -> list[list[float]]:
    return [[round(value, 4) for value in row] for row in matrix.double().tolist()]
