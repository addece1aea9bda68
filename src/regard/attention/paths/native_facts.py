"""Facts about weights by our own kernels on a CPU."""

from __future__ import annotations

from torch import Tensor

from regard.attention.call import Call, Prepared
from regard.attention.facts import Wanted
from regard.attention.native.lowered import served
from regard.attention.native.statistics import Asked, statistics
from regard.attention.native.tiles import chosen_rows
from regard.attention.tracing import wants_gradient


def facts_by_kernels(call: Call, prepared: Prepared, wanted: Wanted) -> dict[str, Tensor] | None:
    """The wanted facts by the names of `facts_of`; None where the kernels cannot serve the call or its gradient."""
    if wants_gradient(prepared.query, prepared.key, *call.learned()):
        return None
    lowered = served(call, prepared.query.dtype)
    if isinstance(lowered, str):
        return None
    found: dict[str, Tensor] = {}
    asked = _asked(wanted)
    if asked.names:
        found.update(statistics(prepared.query, prepared.key, lowered, asked))
    if wanted.rows is not None:
        found["rows"] = chosen_rows(prepared.query, prepared.key, lowered, sorted(set(wanted.rows)))
    return found


def _asked(wanted: Wanted) -> Asked:
    names = {name for name in ("lse", "maximum", "entropy", "position", "mass") if getattr(wanted, name)}
    if wanted.top:
        names |= {"weight", "index"}
    if wanted.pooled is not None:
        names.add("pooled")
    return Asked(frozenset(names), wanted.top, wanted.pooled or (0, 0))
