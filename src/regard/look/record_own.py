"""Our own attention modules, recorded by what they were asked."""

from __future__ import annotations

import inspect
import math
from dataclasses import replace
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules import module as modules
from torch.utils.hooks import RemovableHandle

from regard.attention import Attention, Where
from regard.attention.attend import prepare_call
from regard.attention.call import Call
from regard.attention.module import joined
from regard.attention.native.terms import Code, Matching, Step, Weights
from regard.attention.prepared import PreparedKeys
from regard.attention.shapes import lift
from regard.attention.wheres.where import Kind
from regard.look.record_call import Captured, context_differs
from regard.look.record_kept import Kept
from regard.look.record_names import Running
from regard.look.sight import Sight
from regard.look.sight_found import of_cells, of_mask, whole, with_prior

# Cells of a where that is not told by ranges: more are not looked at.
_MOST = 1 << 28


class Own:
    """A forward hook on every `regard.Attention` that runs while a model does.

    Args:
        kept: where attentions go.
        running: which module runs.
    """

    def __init__(self, kept: Kept, running: Running) -> None:
        self._kept, self._running = kept, running
        self._handle: RemovableHandle | None = None

    def __enter__(self) -> Own:
        self._handle = modules.register_module_forward_hook(self._hook, with_kwargs=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._handle is not None:
            self._handle.remove()
            # PyTorch forgets the hook, but not that it wanted keywords, by which compilers take it to be there still.
            modules._global_forward_hooks_with_kwargs.pop(self._handle.id, None)

    def _hook(self, module: nn.Module, given: tuple[Any, ...], named: dict[str, Any], context: Any) -> None:
        if not isinstance(module, Attention) or self._running.module is None:
            return
        arguments = inspect.signature(module.forward).bind(*given, **named).arguments
        name = self._running.name_of(module)
        with torch.no_grad():
            self._kept.take(name, lambda: _captured(module, arguments, context))


def _captured(module: Attention, given: dict[str, Any], context: Tensor) -> Captured | str:
    query, key, value = given["query"], given["key"], given["value"]
    where: Where | None = joined(module.where, given.get("where"))
    call, asked, keys = prepare_call(query, key, value, module.score, where, module.weigh, None)
    match, rule = call.score.match(), call.weigh.rule(call.space)
    if match is None or match.matching is not Matching.PRODUCT or match.size:
        return f"its score {type(call.score).__name__} is no product of queries and keys"
    if rule is None or rule.weights is not Weights.SOFTMAX:
        return f"its weighing {type(call.weigh).__name__} is no softmax"
    sink = None if rule.number is None else _sink(rule.number, call.space.heads)
    if isinstance(sink, str):
        return sink
    sight = _sight(call)
    if isinstance(sight, str):
        return sight
    cap = match.softcap / rule.temperature if match.softcap else None
    return replace(
        Captured(lift(asked.tensor), keys.key, call.factor / rule.temperature, _cooled(sight, rule.temperature)),
        softcap=cap,
        sink=sink,
        compare=None if module.training and module.dropout else _compare(keys, context),
    )


def _compare(keys: PreparedKeys, context: Tensor) -> Any:
    return context_differs(keys.value, lift(context))


def _cooled(sight: Sight, temperature: float) -> Sight:
    if temperature == 1.0:
        return sight
    bias, relative = sight.bias, sight.relative
    return replace(
        sight,
        bias=None if bias is None else bias / temperature,
        relative=None if relative is None else relative / temperature,
    )


def _sink(number: Tensor, heads: int) -> Tensor | str:
    if number.shape[0] != 1 or number.shape[2] != 1:
        return "its sink is not one number for each head"
    return number.reshape(-1).expand(heads).clone()


def _sight(call: Call) -> Sight | str:
    """What a where shows: told by its steps where they are ranges, else by its cells."""
    space = call.space
    program = call.where.program(space)
    if program is not None and not program.priors:
        found = _ranges(program.conditions, space.queries, space.keys, space.batch)
        if found is not None:
            return found
    if call.where.kind is Kind.MASK:
        found = of_cells(lambda rows: _cells(call, rows), space.queries, space.keys)
        if found is not None:
            return found
    if space.batch * space.queries * space.keys > _MOST:
        return f"its where is no range of keys, and {space.queries} x {space.keys} cells are too many to look at"
    seen = call.where.seen(space.whole())
    if seen.factor is not None:
        return "its weights are multiplied after they were normalised"
    if seen.visible is None:
        sight = whole(space.queries, space.keys)
    else:
        cells = seen.visible.expand(*seen.visible.shape[:3], space.keys).cpu()
        sight = of_mask(cells, space.queries)
    if seen.prior is None:
        return sight
    shown = torch.ones((), dtype=torch.bool) if seen.visible is None else seen.visible.cpu()
    bias = seen.prior.detach().cpu()
    if math.inf == float(bias.abs().max()):
        bias = bias.masked_fill(bias == -torch.inf, 0.0)
    shape = torch.broadcast_shapes(bias.shape, shown.shape)
    return with_prior(sight, bias.expand(shape), shown.expand(shape), torch.arange(space.queries))


def _cells(call: Call, rows: range) -> Tensor:
    """Which cells of some rows are seen, (batch or 1, heads or 1, rows or 1, keys)."""
    seen = call.where.seen(replace(call.space.whole(), rows=rows)).visible
    seen = torch.ones((1, 1, 1, 1), dtype=torch.bool) if seen is None else seen.cpu()
    return seen.expand(*seen.shape[:3], call.space.keys)


def _ranges(steps: tuple[Step, ...], queries: int, keys: int, batch: int) -> Sight | None:
    """Ranges of keys that all of the steps show; None where a step is no range."""
    place = torch.arange(queries)
    first, stop = torch.zeros((1, 1, queries), dtype=torch.long), torch.full((1, 1, queries), keys)
    for step in steps:
        numbers = step.arguments
        if step.code is Code.BAND:
            low, high = int(numbers[0]), int(numbers[1])
            first, stop = torch.maximum(first, place + low), torch.minimum(stop, place + high + 1)
        elif step.code is Code.KEY_LENGTHS:
            stop = torch.minimum(stop, torch.as_tensor(numbers[0]).cpu().reshape(-1, 1, 1))
        elif step.code is Code.QUERY_LENGTHS:
            real = place < torch.as_tensor(numbers[0]).cpu().reshape(-1, 1, 1)
            stop = stop * real
        elif step.code is not Code.AND:
            return None
    first, stop = torch.broadcast_tensors(first, stop)
    empty = stop <= first
    return Sight(first=first.masked_fill(empty, 0).int(), stop=stop.masked_fill(empty, 0).int())
