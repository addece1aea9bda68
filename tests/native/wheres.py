"""Wheres of every kind, for a problem of any size."""

from __future__ import annotations

from typing import Protocol

import torch

import regard as rg

KINDS = ("all", "causal", "window", "lengths", "mask", "others", "alibi")


class Sized(Protocol):
    """What a where has to know of a problem; everything random hangs on its seed."""

    @property
    def batch(self) -> int: ...
    @property
    def key_heads(self) -> int: ...
    @property
    def group(self) -> int: ...
    @property
    def queries(self) -> int: ...
    @property
    def keys(self) -> int: ...
    @property
    def seed(self) -> int: ...


def where_of(sizes: Sized, kind: str) -> rg.Where | None:
    """A where of a kind; the mask and the lengths hide all keys from some queries."""
    generator = torch.Generator().manual_seed(sizes.seed + 1)
    shown = torch.rand(sizes.batch, 1, sizes.queries, sizes.keys, generator=generator) < 0.3
    lengths = torch.randint(0, sizes.keys + 1, (sizes.batch,), generator=generator)
    slopes = torch.rand(sizes.key_heads * sizes.group, generator=generator)
    return {
        "all": None,
        "causal": rg.Causal(),
        "window": rg.Window(sizes.keys // 3, sizes.seed % 3, align=sizes.seed % 5),
        "lengths": rg.Lengths(lengths),
        "mask": rg.Mask(shown),
        "others": ~rg.Window(1, sizes.seed % 4) & rg.Lengths(lengths),
        "alibi": rg.Causal() + rg.Alibi(slopes),
    }[kind]
