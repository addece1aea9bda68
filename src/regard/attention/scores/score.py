"""What a score is: how well a query and a key match."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from torch import Tensor, nn

from regard.attention.native.terms import Match, Matching

Module = TypeVar("Module", bound=nn.Module)


class Score(ABC):
    """How well each query matches each key, computed tile by tile.

    A score is cut in two so that work on a single query or key is done once: `prepare_query` and
    `prepare_key` see all of them, `tile` sees a few prepared queries against a few prepared keys.
    """

    @abstractmethod
    def prepare_query(self, query: Tensor) -> Tensor:
        """(..., Tq, D) to whatever `tile` wants, (..., Tq, any)."""

    def factor(self, query_size: int) -> float:
        """What `bare_query` leaves to kernels, to which it costs nothing: prepare_query = factor * bare_query."""
        return 1.0

    def bare_query(self, query: Tensor) -> Tensor:
        """What `prepare_query` gives, but for its factor."""
        return self.prepare_query(query)

    @abstractmethod
    def prepare_key(self, key: Tensor, start: int = 0) -> Tensor:
        """(..., Tk, Dk) to whatever `tile` wants, (..., Tk, any); `start` is the first key's position."""

    @abstractmethod
    def tile(self, query: Tensor, key: Tensor) -> Tensor:
        """Scores (..., rows, columns) of prepared queries (..., rows, any) and keys (..., columns, any)."""

    def width(self, key_size: int) -> int:
        """Numbers held at once for one cell of a tile, where a prepared key has `key_size` numbers."""
        return 1

    @property
    def is_inner_product(self) -> bool:
        """Whether `tile` is the plain product of prepared queries and keys."""
        return False

    def match(self) -> Match | None:
        """The score as our own kernels know it; None where they do not."""
        return Match(Matching.PRODUCT) if self.is_inner_product else None

    def after(self, weights: Tensor) -> Score:
        """The score of the next query, told the weights (..., Tq, Tk) of this one; most have no use for them."""
        return self

    def learned(self) -> tuple[Tensor, ...]:
        """Tensors that `tile` itself reads and that may need a gradient."""
        return ()

    def check(self, query_size: int, key_size: int) -> None:
        """Raise ValueError where queries and keys of these sizes cannot be scored."""


class InnerProduct(Score):
    """A score that is all preparation: what is left for a tile is the product of prepared queries and keys."""

    def tile(self, query: Tensor, key: Tensor) -> Tensor:
        return query @ key.transpose(-1, -2)

    @property
    def is_inner_product(self) -> bool:
        return True


@dataclass(frozen=True)
class Written(Score):
    """A score that a user wrote as a function of a query tile and a key tile."""

    function: Callable[[Tensor, Tensor], Tensor]

    def prepare_query(self, query: Tensor) -> Tensor:
        return query

    def prepare_key(self, key: Tensor, start: int = 0) -> Tensor:
        return key

    def tile(self, query: Tensor, key: Tensor) -> Tensor:
        scores = self.function(query, key)
        wanted = (query.shape[-2], key.shape[-2])
        if tuple(scores.shape[-2:]) != wanted:
            raise ValueError(
                f"score returned shape {tuple(scores.shape)} for a query tile {tuple(query.shape)} and a "
                f"key tile {tuple(key.shape)}; expected (..., {wanted[0]}, {wanted[1]}), one score for "
                "each query and key."
            )
        return scores

    def width(self, key_size: int) -> int:
        # What a function makes of two tiles is not known; at worst it makes their differences.
        return key_size


def check_equal(name: str, query_size: int, key_size: int) -> None:
    """Raise ValueError where queries and keys differ in size, for the score of this name."""
    if query_size != key_size:
        raise ValueError(
            f"key has size {key_size} and query has size {query_size}; {name} needs them equal. Project one of them, "
            f"or use Bilinear({query_size}, {key_size})."
        )


def as_score(score: Score | Callable[[Tensor, Tensor], Tensor]) -> Score:
    """Take a score as it is, or wrap a function of two tiles."""
    if isinstance(score, Score):
        return score
    if callable(score):
        return Written(score)
    raise ValueError(
        f"score is {score!r}, expected a score such as regard.Dot() or a function of a query tile "
        "(..., rows, D) and a key tile (..., columns, D) that returns (..., rows, columns)."
    )


def held(score: Score) -> Score:
    """The same score with the tensors it has now.

    A backward that computes again what a module computed must read what the module read, not what it was given since:
    `torch.func.functional_call` lends tensors for one call only.
    """
    return _held(score) if isinstance(score, nn.Module) else score


def _held(module: Module) -> Module:
    own = copy.copy(module)
    own._parameters, own._buffers = dict(module._parameters), dict(module._buffers)
    own._modules = {name: None if part is None else _held(part) for name, part in module._modules.items()}
    return own
