"""Weights that only move forward, as sound and its transcript do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from regard.attention.space import Tile
from regard.attention.structures.alignment import aligned, alignment
from regard.attention.structures.chunks import Chunks, spread
from regard.attention.weighings.weighing import Carried, widened


@dataclass(frozen=True, eq=False)
class Monotonic(Carried):
    """Expected weights of a reader who goes through the keys from left to right and stops at one for every query.

    p_ij = sigmoid(s_ij),   q_ij = (1 - p_i(j-1)) q_i(j-1) + w_(i-1)j,   w_ij = p_ij q_ij

    For each query the reader starts where the last one stopped, goes on by the probability 1 - p, and stops by p.
    A reader who runs past the last key looks at nothing, so rows may sum to less than one. A key that is hidden is
    passed; a query that may see nothing leaves the reader where it was. Add noise to the scores while training, so
    that they learn to be far from 0 (Raffel et al., section 2.4).

    With a chunk, the reader looks softly at the `chunk` keys that end where it stops:

    v_ij = sum_{k=j}^{j+chunk-1} w_ik exp(s_ij) / sum_{l=k-chunk+1}^{k} exp(s_il)

    There the paper has scores of their own for the softmax; here the same s serves both.

    Args:
        chunk: keys that are looked at once the reader has stopped; 1 is the key itself.
        before: weights of the query before the first, broadcasting to (..., 1, Tk); None starts at the first key.
            `Memory.answer` gives the weighing of the next step.

    Raises:
        ValueError: chunk is below 1.

    Example:
        >>> import regard as rg, torch
        >>> rg.Monotonic().exact(torch.tensor([[0.0, 100.0, 0.0], [-100.0, 0.0, 0.0]]))
        tensor([[0.5000, 0.5000, 0.0000],
                [0.0000, 0.5000, 0.2500]])

    Source: Raffel et al. 2017, equations 9 to 11; chunks: Chiu and Raffel 2018, equation 10.
    """

    chunk: int = 1
    before: Float[Tensor, "*batch 1 keys"] | None = None

    def __post_init__(self) -> None:
        if self.chunk < 1:
            raise ValueError(f"chunk is {self.chunk}, expected at least 1 key.")

    @property
    def width(self) -> int:
        return 6 if self.chunk == 1 else 12

    def learned(self) -> tuple[Tensor, ...]:
        return () if self.before is None else (self.before,)

    def on(self, tile: Tile) -> Monotonic:
        if self.before is None:
            return self
        lifted = tile.space.lift_cells(self.before, "before")
        return replace(self, before=lifted[tile.index[0] if len(lifted) > 1 else slice(None)])

    def start(self, scores: Tensor) -> Tensor:
        dtype = widened(scores[..., :0]).dtype
        if self.before is not None:
            return self.before.to(dtype).expand(*scores.shape[:-2], 1, scores.shape[-1])
        start = scores.new_zeros((*scores.shape[:-2], 1, scores.shape[-1]), dtype=dtype)
        start[..., :1] = 1
        return start

    def stream(self, scores: Tensor, carry: Tensor) -> tuple[Tensor, Tensor]:
        return self._weights(aligned, Chunks.apply, scores, carry)

    def exact_stream(self, scores: Tensor, carry: Tensor) -> tuple[Tensor, Tensor]:
        return self._weights(alignment, spread, scores, carry)

    def _weights(
        self,
        align: Callable[[Tensor, Tensor], Tensor],
        spreads: Callable[[Tensor, Tensor, int], Tensor],
        scores: Tensor,
        carry: Tensor,
    ) -> tuple[Tensor, Tensor]:
        wide = widened(scores)
        chances = wide.sigmoid()
        stopped = align(chances, carry)
        weights = stopped if self.chunk == 1 else spreads(stopped, wide, self.chunk)
        return weights.to(scores.dtype), _last(stopped, (chances > 0).any(-1, keepdim=True), carry)

    def after(self, carry: Tensor) -> Monotonic:
        return replace(self, before=carry)


def _last(stopped: Tensor, chosen: Tensor, carry: Tensor) -> Tensor:
    """The weights of the last row that was not empty: behind the others, the reader is still where it was."""
    rows = torch.arange(1, stopped.shape[-2] + 1, device=stopped.device)[:, None]
    last = (rows * chosen).amax(-2, keepdim=True)
    picked = stopped.gather(-2, (last - 1).clamp(min=0).expand(*stopped.shape[:-2], 1, stopped.shape[-1]))
    return torch.where(last > 0, picked, carry)
