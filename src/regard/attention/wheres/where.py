"""What a where is: which keys a query may see, and with what prior; and how two are combined."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from regard.attention.native.terms import Program
from regard.attention.space import Space, Tile
from regard.attention.wheres.band import Band


class Kind(Enum):
    """What a where does: only hide keys, or also change scores or weights."""

    MASK = "mask"
    PRIOR = "prior"


class Seen(NamedTuple):
    """What a where says of one tile; None means nothing to say. All broadcast to the tile's scores.

    visible: True where the key may be seen. prior: added to the score. factor: multiplies the weight after
    normalising.
    """

    visible: Tensor | None = None
    prior: Tensor | None = None
    factor: Tensor | None = None


class Simple(NamedTuple):
    """A where that can be said without a T x T tensor: whether query i sees keys 0 to i, and which keys all see.

    keys: True where a key may be seen, (batch, 1, 1, keys); None for all.
    """

    causal: bool = False
    keys: Tensor | None = None


class Documents(Protocol):
    """Packed documents, in which positions can be counted."""

    def banded(self, band: Band) -> Where:
        """A band of keys round each query, by positions in its document."""


class Where(ABC):
    """Which keys a query may see (True = may be seen), and with what prior.

    Combine with `a & b` (seen by both), `a | b` (by either), `~a` (the others), `a + prior` (a, with a prior
    on the scores).
    """

    @abstractmethod
    def seen(self, tile: Tile) -> Seen:
        """What this where says of a tile."""

    def check(self, space: Space) -> None:
        """Raise ValueError where this cannot apply to the space."""

    def span(self, rows: range, space: Space) -> range:
        """Keys outside of this range are hidden from all of these rows."""
        return range(space.keys)

    def simple(self, space: Space) -> Simple | None:
        """The where as other kernels know it; None where it cannot be said like that."""
        return None

    def program(self, space: Space) -> Program | None:
        """The where as our own kernels know it; None where it cannot be said like that."""
        return None

    def select(self, index: Tensor) -> Where:
        """The same where for other rows of the batch, as beam search reorders them."""
        return self

    def without_first(self, count: int) -> Where:
        """The same where once the first `count` keys are forgotten.

        Raises:
            ValueError: it counts keys from the first one.
        """
        raise ValueError(
            f"{self!r} counts keys from the first one, so a memory with it cannot forget its first keys."
        )

    def documents(self) -> Documents | None:
        """The documents that this where packs into one sequence, if it does."""
        return None

    def within(self, documents: Documents) -> Where:
        """The same where with its positions counted in each document; see Segments."""
        return self

    def learned(self) -> tuple[Tensor, ...]:
        """Tensors that may need a gradient."""
        return ()

    @property
    def kind(self) -> Kind:
        """Whether this only hides keys or also carries a prior."""
        return Kind.MASK

    def __and__(self, other: Where) -> Where:
        return _joined(self, other)

    def __or__(self, other: Where) -> Where:
        _need_masks("|", self, other)
        return Either(self, other)

    def __invert__(self) -> Where:
        _need_masks("~", self)
        return Others(self)

    def __add__(self, other: Where) -> Where:
        if other.kind is not Kind.PRIOR:
            raise ValueError(
                f"the right side of + is {other!r}, which hides keys and adds no prior; write a & b to hide "
                "what either hides, and put the prior on the right of +."
            )
        return _joined(self, other)


def _joined(left: Where, right: Where) -> Where:
    documents = left.documents()
    documents = right.documents() if documents is None else documents
    return Both(left, right) if documents is None else Both(left.within(documents), right.within(documents))


def _need_masks(sign: str, *wheres: Where) -> None:
    for where in wheres:
        if where.kind is not Kind.MASK:
            raise ValueError(
                f"{sign} needs wheres that only hide keys, but {where!r} also carries a prior; combine the "
                "masks first and add the prior with +."
            )


@dataclass(frozen=True)
class Everything(Where):
    """Every query sees every key."""

    def seen(self, tile: Tile) -> Seen:
        return Seen()

    def simple(self, space: Space) -> Simple:
        return Simple()

    def program(self, space: Space) -> Program:
        return Program()

    def without_first(self, count: int) -> Where:
        return self


EVERYTHING = Everything()


@dataclass(frozen=True, eq=False)
class Both(Where):
    """Seen by both; priors add and factors multiply."""

    left: Where
    right: Where

    def seen(self, tile: Tile) -> Seen:
        left, right = self.left.seen(tile), self.right.seen(tile)
        return Seen(
            _join(torch.logical_and, left.visible, right.visible),
            _join(torch.add, left.prior, right.prior),
            _join(torch.mul, left.factor, right.factor),
        )

    def check(self, space: Space) -> None:
        self.left.check(space)
        self.right.check(space)

    def span(self, rows: range, space: Space) -> range:
        left, right = self.left.span(rows, space), self.right.span(rows, space)
        start = max(left.start, right.start)
        return range(start, max(start, min(left.stop, right.stop)))

    def program(self, space: Space) -> Program | None:
        left, right = self.left.program(space), self.right.program(space)
        return None if left is None or right is None else left.both(right)

    def select(self, index: Tensor) -> Where:
        return Both(self.left.select(index), self.right.select(index))

    def without_first(self, count: int) -> Where:
        return Both(self.left.without_first(count), self.right.without_first(count))

    def documents(self) -> Documents | None:
        left = self.left.documents()
        return self.right.documents() if left is None else left

    def within(self, documents: Documents) -> Where:
        return Both(self.left.within(documents), self.right.within(documents))

    def learned(self) -> tuple[Tensor, ...]:
        return self.left.learned() + self.right.learned()

    @property
    def kind(self) -> Kind:
        return Kind.PRIOR if Kind.PRIOR in (self.left.kind, self.right.kind) else Kind.MASK


@dataclass(frozen=True, eq=False)
class Either(Where):
    """Seen by one or the other."""

    left: Where
    right: Where

    def seen(self, tile: Tile) -> Seen:
        left, right = self.left.seen(tile).visible, self.right.seen(tile).visible
        return Seen(None if left is None or right is None else left | right)

    def check(self, space: Space) -> None:
        self.left.check(space)
        self.right.check(space)

    def span(self, rows: range, space: Space) -> range:
        left, right = self.left.span(rows, space), self.right.span(rows, space)
        return range(min(left.start, right.start), max(left.stop, right.stop))

    def program(self, space: Space) -> Program | None:
        left, right = self.left.program(space), self.right.program(space)
        return None if left is None or right is None else left.either(right)

    def select(self, index: Tensor) -> Where:
        return Either(self.left.select(index), self.right.select(index))

    def without_first(self, count: int) -> Where:
        return Either(self.left.without_first(count), self.right.without_first(count))

    def within(self, documents: Documents) -> Where:
        return Either(self.left.within(documents), self.right.within(documents))


@dataclass(frozen=True, eq=False)
class Others(Where):
    """Seen where the other where hides."""

    hidden: Where

    def seen(self, tile: Tile) -> Seen:
        visible = self.hidden.seen(tile).visible
        nothing = torch.zeros((1, 1, 1, 1), dtype=torch.bool, device=tile.space.device)
        return Seen(nothing if visible is None else ~visible)

    def check(self, space: Space) -> None:
        self.hidden.check(space)

    def program(self, space: Space) -> Program | None:
        hidden = self.hidden.program(space)
        return None if hidden is None else hidden.others()

    def select(self, index: Tensor) -> Where:
        return Others(self.hidden.select(index))

    def without_first(self, count: int) -> Where:
        return Others(self.hidden.without_first(count))

    def within(self, documents: Documents) -> Where:
        return Others(self.hidden.within(documents))


def _join(join: Callable[[Tensor, Tensor], Tensor], left: Tensor | None, right: Tensor | None) -> Tensor | None:
    if left is None or right is None:
        return right if left is None else left
    return join(left, right)
