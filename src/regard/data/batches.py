"""Padded batches of about as many tokens each."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from regard.data.vocabulary import BEGIN, END, PAD


@dataclass(frozen=True)
class Batch:
    """Sources, and targets shifted by one: `inputs` begin with BEGIN, `targets` end with END; PAD fills up."""

    source: Int[Tensor, "batch source"]
    source_lengths: Int[Tensor, " batch"]
    inputs: Int[Tensor, "batch target"]
    targets: Int[Tensor, "batch target"]

    def to(self, device: torch.device) -> Batch:
        """The batch on a device."""
        tensors = (self.source, self.source_lengths, self.inputs, self.targets)
        return Batch(*(tensor.to(device) for tensor in tensors))


Numbered = tuple[Sequence[int], Sequence[int]]


def collate(examples: Sequence[Numbered]) -> Batch:
    """A padded batch of (source, target) numbers; every source ends with END, so none is empty."""
    sources = [[*source, END] for source, _target in examples]
    inputs = [[BEGIN, *target] for _source, target in examples]
    targets = [[*target, END] for _source, target in examples]
    lengths = torch.tensor([len(source) for source in sources], dtype=torch.int64)
    return Batch(_padded(sources), lengths, _padded(inputs), _padded(targets))


def token_batches(
    lengths: Sequence[tuple[int, int]], tokens_per_batch: int, seed: int, epoch: int
) -> list[list[int]]:
    """Indices in batches whose padded size is at most `tokens_per_batch` on either side.

    Examples are shuffled, sorted by length inside of pools of many batches so that little is padding, cut, and the
    batches shuffled again. Seed and epoch decide everything.
    """
    generator = random.Random(f"{seed}-{epoch}")
    order = list(range(len(lengths)))
    generator.shuffle(order)
    mean = max(1, sum(target for _source, target in lengths) // max(1, len(lengths)))
    pool = max(1, tokens_per_batch // mean) * 100
    batches: list[list[int]] = []
    for start in range(0, len(order), pool):
        ordered = sorted(order[start : start + pool], key=lambda index: lengths[index])
        batches.extend(_cut(ordered, lengths, tokens_per_batch))
    generator.shuffle(batches)
    return batches


def shard(indices: Sequence[int], rank: int, world: int) -> list[int]:
    """The share of one process in a batch: together the processes see all of it, each example once."""
    return list(indices[rank::world])


def _cut(ordered: list[int], lengths: Sequence[tuple[int, int]], tokens: int) -> list[list[int]]:
    batches: list[list[int]] = []
    batch: list[int] = []
    longest = 0
    for index in ordered:
        longest_with = max(longest, *lengths[index])
        if batch and longest_with * (len(batch) + 1) > tokens:
            batches.append(batch)
            batch, longest_with = [], max(lengths[index])
        batch.append(index)
        longest = longest_with
    return [*batches, batch] if batch else batches


def _padded(rows: Sequence[Sequence[int]]) -> Tensor:
    longest = max(len(row) for row in rows)
    return torch.tensor([[*row, *[PAD] * (longest - len(row))] for row in rows], dtype=torch.int64)
