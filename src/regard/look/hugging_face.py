"""Models of Hugging Face on our own attention, by the package's two registries, without any mask of T x T."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from regard.attention import Attention, Bias, Dot, Mask, Softmax, Where
from regard.attention.native.terms import Code, Program, Step, strided
from regard.attention.space import Space, Tile
from regard.attention.wheres.where import Seen
from regard.look.sight_found import of_cells

# A plain word: names with "flash", "sdpa", "flex" or a slash are taken for other things there.
NAME = "regard"


# What the registry calls: module, query, key, value and mask, the rest by name; context and no weights.
Attending = Callable[..., tuple[Tensor, None]]


@contextmanager
def on_regard(model: nn.Module, attending: Attending | None = None) -> Iterator[nn.Module]:
    """Let a model of Hugging Face compute its attention by `regard.attend` while a block runs.

    Memory then grows with the length also where a model has padding or sliding windows, for which it makes masks of
    T x T otherwise; softcaps and sinks are kept. Both registries are served, since with one of them every mask would
    be dropped without a word. Results are those of the model's eager attention up to rounding.

    Args:
        model: a model whose attention goes by the package's AttentionInterface.
        attending: what computes a context; None means `regard.attend`, as `attention_of` sets it up.

    Raises:
        ImportError: transformers is not installed.
        ValueError: the model's attention cannot be set.

    Example:
        >>> from regard.look.hugging_face import on_regard
        >>> with on_regard(model) as served:                        # doctest: +SKIP
        ...     with regard.record(served) as seen:
        ...         served(**inputs)

    Source: transformers 5.23, documentation of the attention interface.
    """
    from transformers import AttentionInterface, AttentionMaskInterface

    AttentionInterface.register(NAME, _attend if attending is None else attending)
    AttentionMaskInterface.register(NAME, _mask)
    configs = _configs(model)
    before = [(config, config._attn_implementation) for config in configs]
    # PyTorch types what a module has as tensors or modules, and this is a method.
    if not before or not model._can_set_attn_implementation():  # type: ignore[operator]
        raise ValueError(
            f"model is {type(model).__name__}, whose attention does not go by the AttentionInterface; record it as "
            "it is, with regard.record."
        )
    try:
        for config in configs:
            config._attn_implementation_internal = NAME
        yield model
    finally:
        for config, name in before:
            config._attn_implementation_internal = name


@dataclass(frozen=True, eq=False)
class Described(Where):
    """What the package says of a mask, and not the mask: a function of places, offsets, and keys that are no padding.

    Args:
        function: whether a query sees a key, told numbers of sequences, heads, queries and keys.
        queries: how many there are.
        keys: how many there are.
        query_offset: place of the first query.
        key_offset: place of the first key.
        padding: True where a key is none, (batch, keys).
    """

    function: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
    queries: int
    keys: int
    query_offset: int
    key_offset: int
    padding: Tensor | None

    def seen(self, tile: Tile) -> Seen:
        return Seen(self._cells(tile.rows, tile.columns, tile.batch))

    def program(self, space: Space) -> Program | None:
        if self._ends is None:
            return None
        program = Program((Step(Code.SPANS, self._ends),))
        if self.padding is None:
            return program
        shown = self.padding[:, None, None]
        return program.both(Program((Step(Code.MASK, strided(shown, 4)),)))

    @cached_property
    def _ends(self) -> tuple[Tensor, Tensor] | None:
        """First visible key of each query and the key after the last, if they say all but the padding."""
        sequences = range(1 if self.padding is None else len(self.padding))

        def cells(rows: range) -> Tensor:
            return self._shown(rows, range(self.keys), sequences).expand(-1, -1, len(rows), self.keys)

        sight = of_cells(cells, self.queries, self.keys)
        if sight is None or sight.first is None or sight.stop is None or sight.shown is not None:
            return None
        if bool((sight.first != sight.first[:1]).any()) or bool((sight.stop != sight.stop[:1]).any()):
            return None
        return sight.first[0, 0].long().contiguous(), sight.stop[0, 0].long().contiguous()

    def _cells(self, rows: range, columns: range, batch: range) -> Tensor:
        shown = self._shown(rows, columns, batch)
        if self.padding is None:
            return shown
        sequences = slice(batch.start, batch.stop)
        return shown & self.padding[sequences, None, None, columns.start : columns.stop]

    def _shown(self, rows: range, columns: range, batch: range) -> Tensor:
        sequence = torch.arange(batch.start, batch.stop)[:, None, None, None]
        query = torch.arange(rows.start, rows.stop)[:, None] + self.query_offset
        key = torch.arange(columns.start, columns.stop)[None] + self.key_offset
        return torch.as_tensor(self.function(sequence, torch.zeros((), dtype=torch.long), query[None, None], key))


def _configs(model: nn.Module) -> list[Any]:
    """Configurations of a model and its parts, each once."""
    found = {id(part.config): part.config for part in model.modules() if hasattr(part, "config")}
    return [config for config in found.values() if hasattr(config, "_attn_implementation_internal")]


def _mask(
    batch_size: int,
    q_length: int,
    kv_length: int,
    q_offset: int = 0,
    kv_offset: int = 0,
    mask_function: Any = None,
    attention_mask: Tensor | None = None,
    **_others: Any,
) -> Described:
    """The mask function of the registry: a description instead of cells."""
    padding = None
    if attention_mask is not None:
        real = attention_mask.bool()
        more = kv_offset + kv_length - real.shape[-1]
        real = torch.nn.functional.pad(real, (0, max(0, more)))
        padding = real[:, kv_offset : kv_offset + kv_length]
    return Described(mask_function, q_length, kv_length, int(q_offset), int(kv_offset), padding)


def _attend(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Any, **told: Any
) -> tuple[Tensor, None]:
    """The attention function of the registry, (batch, queries, heads, size)."""
    context = attention_of(module, query, key, attention_mask, **told)(query, key, value)
    return context.transpose(1, 2).contiguous(), None


def attention_of(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    attention_mask: Any,
    dropout: float = 0.0,
    scaling: float | None = None,
    is_causal: bool | None = None,
    softcap: float | None = None,
    s_aux: Tensor | None = None,
    position_bias: Tensor | None = None,
    **_others: Any,
) -> Attention:
    """The attention that the registry asks for, told in the package's words."""
    where = _where(attention_mask, query, key, is_causal if is_causal is not None else _is_causal(module))
    if position_bias is not None:
        prior = Bias(position_bias)
        where = prior if where is None else where + prior
    sink = None if s_aux is None else s_aux.reshape(-1, 1, 1)
    attention = Attention(Dot(scale=scaling, softcap=softcap), where, Softmax(sink=sink), dropout)
    return attention.train(module.training)


def _is_causal(module: nn.Module) -> bool:
    return bool(getattr(module, "is_causal", False))


def _where(mask: Any, query: Tensor, key: Tensor, causal: bool) -> Where | None:
    from regard.attention.conventions import from_hugging_face

    if isinstance(mask, Described):
        return mask
    if mask is None:
        return from_hugging_face(is_causal=causal and query.shape[2] > 1)
    return Mask(mask) if mask.dtype == torch.bool else from_hugging_face(mask)
