"""Histories as numbers: windows to learn from, and whole ones to go on from."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor

from regard.data.batches import token_batches
from regard.data.inventory import Inventory
from regard.data.vocabulary import PAD

BEGIN, MASK = PAD + 1, PAD + 2
SPECIAL = ("<pad>", "<begin>", "<mask>")


@dataclass(frozen=True)
class HistoryBatch:
    """Histories as numbers, oldest first, and how long each is; PAD fills up.

    The beginning of a history is an entry of its own, BEGIN, so that nobody's is empty.
    """

    items: Int[Tensor, "batch time"]
    lengths: Int[Tensor, " batch"]

    def __len__(self) -> int:
        return len(self.lengths)

    def to(self, device: torch.device) -> HistoryBatch:
        """The batch on a device."""
        return HistoryBatch(self.items.to(device), self.lengths.to(device))

    def taken(self, count: int) -> Bool[Tensor, "batch items"]:
        """Whether each of `count` items is in a history."""
        found = torch.zeros(len(self), count, dtype=torch.bool, device=self.items.device)
        return found.scatter_(1, self.items, True)


def padded(histories: Sequence[Sequence[int]]) -> HistoryBatch:
    """A batch of numbered histories.

    Example:
        >>> padded([[1, 7, 8], [1]]).items
        tensor([[1, 7, 8],
                [1, 0, 0]])
    """
    longest = max(map(len, histories))
    rows = [[*one, *[PAD] * (longest - len(one))] for one in histories]
    return HistoryBatch(torch.tensor(rows), torch.tensor([len(one) for one in histories]))


def numbered(items: Inventory, history: Sequence[str]) -> list[int]:
    """BEGIN and the numbers of a history's items; those that are not known are left out.

    Example:
        >>> numbered(Inventory.of(["b", "a"], SPECIAL), ["a", "x", "b"])
        [1, 3, 4]
    """
    found = (items.number(item, PAD) for item in history)
    return [BEGIN, *(number for number in found if number >= len(SPECIAL))]


class HistoryWindows:
    """Windows of numbered histories, each named by the place where it ends.

    A history that is longer than a window is read in several, cut at other places in every epoch; the last one ends
    with it, is whole, and may repeat a part of the one before.

    Args:
        histories: numbers of each, the first of them BEGIN.
        longest: most targets of a window, which has one entry more.

    Raises:
        ValueError: longest is not positive.

    Example:
        >>> windows = HistoryWindows([[1, 7, 8, 9], [1, 5]], longest=3)
        >>> windows.batch([4, 6]).items
        tensor([[1, 7, 8, 9],
                [1, 5, 0, 0]])
    """

    def __init__(self, histories: Sequence[Sequence[int]], longest: int) -> None:
        if longest < 1:
            raise ValueError(f"longest is {longest}, expected at least one item.")
        # Of what only begins, nothing can be learned.
        kept = [one for one in histories if len(one) > 1]
        self.longest = longest
        self.flat = np.array([number for one in kept for number in one], np.int64)
        self.bounds = np.array([0, *accumulate(map(len, kept))])

    def batches(self, tokens_per_batch: int, seed: int, epoch: int) -> list[list[int]]:
        """Where the windows of every batch of an epoch end; those of a batch are about as long as each other."""
        generator = random.Random(f"{seed}-{epoch}")
        ends = [end for place in range(len(self.bounds) - 1) for end in self._ends(place, generator)]
        lengths = [(end - self._start(end),) * 2 for end in ends]
        return [[ends[place] for place in one] for one in token_batches(lengths, tokens_per_batch, seed, epoch)]

    def batch(self, ends: Sequence[int]) -> HistoryBatch:
        """The windows that end there."""
        return padded([self.flat[self._start(end) : end].tolist() for end in ends])

    def _ends(self, place: int, generator: random.Random) -> Iterator[int]:
        begin, end = (int(bound) for bound in self.bounds[place : place + 2])
        if end - begin > self.longest + 1:
            yield from range(begin + 1 + generator.randint(1, self.longest), end, self.longest)
        yield end

    def _start(self, end: int) -> int:
        begin = int(self.bounds[np.searchsorted(self.bounds, end) - 1])
        return max(begin, end - self.longest - 1)
