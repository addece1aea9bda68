"""The weights of attention inside of a model, while it runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from regard.attention import Attention
from regard.attention import weights as weights_of
from regard.attention.module import joined


@contextmanager
def looking(model: nn.Module) -> Iterator[dict[str, Tensor]]:
    """Collect the weights of every `Attention` in a model that runs inside of the block, by the module's name.

    They are Tq x Tk numbers for each head, without dropout; of a module that runs twice, the later ones. What the
    model computes stays the same.

    Example:
        >>> import torch
        >>> from regard.layers import MultiHead
        >>> layer, inputs = MultiHead(8, heads=2), torch.zeros(1, 5, 8)
        >>> with looking(layer) as seen:
        ...     _ = layer(inputs, inputs)
        >>> seen["attention"].shape
        torch.Size([1, 2, 5, 5])
    """
    seen: dict[str, Tensor] = {}

    def keep(name: str, module: Attention, given: tuple[Tensor, ...], named: dict[str, Any]) -> None:
        query, key = given[0], given[1]
        where = joined(module.where, named.get("where"))
        seen[name] = weights_of(query, key, score=module.score, where=where, weigh=module.weigh)

    found = [(name, module) for name, module in model.named_modules() if isinstance(module, Attention)]
    handles = [
        module.register_forward_pre_hook(
            lambda module, given, named, name=name: keep(name, module, given, named), with_kwargs=True
        )
        for name, module in found
    ]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()
