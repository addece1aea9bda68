"""How recommendations are scored, and the trivial ones to compare with."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from regard.data import History, Splits
from regard.data.history_batches import SPECIAL, HistoryBatch, numbered, padded
from regard.data.inventory import Inventory
from regard.train.metrics import Metric
from regard.train.neighbours import by_neighbours, neighbours, popularity
from regard.train.ranking import draw_negatives, ranking_metrics, ranks, sampled_ranks

# With more items than these, all cosines do not fit into memory; nor do more pairs of a user and an item.
_MOST_ITEMS, _MOST_PAIRS = 20_000, 500_000_000
# The place of what cannot be recommended, behind every cut.
_NEVER = 1 << 40


@dataclass(frozen=True)
class Places:
    """The place of what a user took: among all items, among those that were new, and among a few sampled ones."""

    every: int
    new: int
    sampled: int


@dataclass(frozen=True)
class Sampled:
    """How many negatives the sampled ranking draws, 0 for none, and why there are none though some were wanted."""

    count: int
    reason: str = ""


@dataclass(frozen=True)
class Reading:
    """How many entries of a history are read, the newest ones, and how many histories at a time."""

    newest: int
    together: int


Scorer = Callable[[HistoryBatch], Tensor]
Asked = tuple[int, History]


def places(score: Scorer, items: Inventory, asked: Sequence[Asked], sampled: int, reading: Reading) -> list[Places]:
    """Rank the last item of numbered histories by what comes before it; the number decides the sampled negatives."""
    found: list[Places] = []
    for start in range(0, len(asked), reading.together):
        part = asked[start : start + reading.together]
        histories = [numbered(items, one.items[:-1]) for _place, one in part]
        targets = torch.tensor([items.number(one.items[-1], -1) for _place, one in part])
        scores = without_special(score(padded([one[-reading.newest :] for one in histories]))).cpu()
        taken = padded(histories).taken(len(items))
        found += _ranked(scores, taken, targets, [place for place, _one in part], sampled)
    return found


def without_special(scores: Tensor) -> Tensor:
    """Scores in which what is no item is last of all."""
    return scores.index_fill(1, torch.arange(len(SPECIAL), device=scores.device), -math.inf)


def metrics(found: Sequence[Places], items: int, sampled: Sampled) -> list[Metric]:
    """NDCG, hit rate and mean reciprocal rank of all three rankings; the full one first."""
    users = f"leave-one-out in order of time, {len(found)} users"
    full = f"{users}; full ranking of {items} items"
    ties = "ties count against; what training never showed is never found"
    rankings = [
        ("", [one.every for one in found], f"{full}, also what the user took before; {ties}"),
        ("new items: ", [one.new for one in found], f"{full} but what the user took before; {ties}"),
    ]
    if sampled.count:
        few = f"{users}; among {sampled.count} sampled new items only, all as probable, seeded by the user's number"
        rankings.append(("sampled: ", [one.sampled for one in found], f"{few}; {ties}"))
    missing = [Metric("sampled ranking", math.nan, f"not measured: {sampled.reason}")] if sampled.reason else []
    return [
        metric
        for before, places_, protocol in rankings
        for metric in ranking_metrics(torch.tensor(places_), protocol, before)
    ] + missing


def baselines(splits: Splits[History], items: Inventory, together: int) -> list[Metric]:
    """NDCG of the most popular items, and of items that the same users took."""
    histories = [numbered(items, one.items) for one in splits.train]
    parts = (histories[start : start + together] for start in range(0, len(histories), together))
    popular = torch.stack([popularity(_matrix(part, len(items))) for part in parts]).sum(0)
    asked = list(enumerate(splits.test))
    whole = Reading(max(len(one.items) for one in splits.test), together)
    ranked = places(lambda batch: popular.expand(len(batch), -1), items, asked, 0, whole)
    found = _named("popularity", ranked, len(items))
    if reason := _too_many(len(histories), len(items)):
        return [*found, Metric("item-kNN: NDCG@10", math.nan, f"not measured: {reason}", digits=4)]
    near = neighbours(_matrix(histories, len(items)))
    ranked = places(lambda batch: by_neighbours(batch.taken(len(items)).float(), near), items, asked, 0, whole)
    return [*found, *_named("item-kNN", ranked, len(items), "; cosine, 100 neighbours")]


def _too_many(users: int, items: int) -> str:
    if items > _MOST_ITEMS:
        return f"{items} items are more than {_MOST_ITEMS}"
    if users * items > _MOST_PAIRS:
        return f"{users} users times {items} items are more than {_MOST_PAIRS} pairs"
    return ""


def _named(name: str, found: Sequence[Places], items: int, how: str = "") -> list[Metric]:
    return [
        Metric(f"{name}: {one.name}", one.value, one.protocol + how, one.digits)
        for one in metrics(found, items - len(SPECIAL), Sampled(0))
        if "NDCG" in one.name
    ]


def _matrix(histories: Sequence[Sequence[int]], items: int) -> Tensor:
    taken = padded(histories).taken(items).float()
    taken[:, : len(SPECIAL)] = 0
    return taken


def _ranked(scores: Tensor, taken: Tensor, targets: Tensor, numbers: Sequence[int], sampled: int) -> list[Places]:
    """Places of one batch; an unknown target (-1) is never found."""
    known, wanted = targets >= 0, targets.clamp(min=0)
    taken[:, : len(SPECIAL)] = True
    every = ranks(scores, wanted).where(known, _NEVER)
    new = ranks(scores, wanted, taken).where(known, _NEVER)
    some = new
    if sampled:
        never = taken.scatter(1, wanted[:, None], True)
        rows = [
            draw_negatives(sampled, one[None], torch.Generator().manual_seed(number))
            for one, number in zip(never, numbers, strict=True)
        ]
        some = sampled_ranks(scores, wanted, torch.cat(rows)).where(known, _NEVER)
    return [Places(*row) for row in zip(every.tolist(), new.tolist(), some.tolist(), strict=True)]
