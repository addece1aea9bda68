"""One query against a long memory, as a decoder with a cache asks it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

import regard as rg
from benchmarks.kernels.attention import formula
from benchmarks.kernels.case import Aim, Answer, Build, Call, Case, Contender, Group, Pass, Result, Scale, Side, Work
from benchmarks.kernels.makes import compiled, filled, plain, regard
from regard.attention.plan import Path


@dataclass(frozen=True)
class _Shape:
    heads: int
    key_heads: int
    keys: int
    size: int
    dtype: torch.dtype = torch.float32

    def __str__(self) -> str:
        dtype = str(self.dtype).removeprefix("torch.")
        return f"{self.heads} heads on {self.key_heads}, {self.keys} keys, D = {self.size}, {dtype}"

    def tensors(self) -> tuple[Tensor, ...]:
        query = filled(1, self.heads, 1, self.size, seed=0, dtype=self.dtype)
        key, value = (filled(1, self.key_heads, self.keys, self.size, seed=seed, dtype=self.dtype) for seed in (1, 2))
        return query, key, value


_SHAPES = {
    Scale.FULL: (_Shape(8, 8, 32_768, 64), _Shape(8, 2, 32_768, 64), _Shape(8, 8, 32_768, 64, torch.bfloat16)),
    Scale.SMOKE: (_Shape(4, 2, 31, 5),),
}
_FORWARD = (Pass.FORWARD,)
_READING = "reading keys and values"


def _case(shape: _Shape) -> Case:
    def ours(path: Path | None, *tensors: Tensor) -> Call:
        return partial(rg.attend, *tensors, path=path)

    grouped = shape.heads // shape.key_heads

    def written(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        return formula(query.unflatten(1, (-1, grouped)).squeeze(-2), key, value).reshape(query.shape)

    return Case(
        str(shape),
        shape.tensors,
        (
            # A decoder holds a memory, which has looked for NaN in its keys once and not in every step.
            Contender("Regard, Memory.ask", _memory, Side.OURS, _FORWARD),
            *regard(ours, "native", "blockwise", passes=_FORWARD),
            Contender("SDPA", plain(partial(scaled_dot_product_attention, enable_gqa=grouped > 1)), passes=_FORWARD),
            Contender("formula", plain(written), passes=_FORWARD),
            Contender("formula, compiled", compiled(written), passes=_FORWARD, build=Build.COMPILED),
            Contender(_READING, plain(_read), Side.YARDSTICK, _FORWARD, Answer.OTHER),
        ),
        {Pass.FORWARD: _work(shape)},
        (Aim(_READING, Pass.FORWARD, 0.6), Aim(None, Pass.FORWARD, 1.0)),
        shape.dtype,
    )


def _memory(query: Tensor, key: Tensor, value: Tensor) -> Call:
    with torch.no_grad():
        memory = rg.Memory(key, value)
    return partial(memory.ask, query)


def _read(query: Tensor, key: Tensor, value: Tensor) -> Result:
    """The least that any answer costs: every number of the memory read once."""
    return key.sum(), value.sum()


def _work(shape: _Shape) -> Work:
    cells = shape.heads * shape.keys
    touched = 2 * (shape.key_heads * shape.keys + shape.heads) * shape.size * shape.dtype.itemsize
    return Work(4 * cells * shape.size, cells, touched)


DECODING = Group(
    "decoding", "one query against a memory of 32,768 keys", lambda scale: [_case(shape) for shape in _SHAPES[scale]]
)
