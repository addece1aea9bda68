"""The groups of cases, one for each line of the table of aims."""

from __future__ import annotations

from difflib import get_close_matches

from benchmarks.kernels.case import Group
from benchmarks.kernels.groups.additive import ADDITIVE
from benchmarks.kernels.groups.crf import CHAIN
from benchmarks.kernels.groups.decoding import DECODING
from benchmarks.kernels.groups.extras import EXTRAS
from benchmarks.kernels.groups.overhead import OVERHEAD
from benchmarks.kernels.groups.softmax import AS_ON_INTEL, BFLOAT16, FLOAT32, SIZES
from benchmarks.kernels.groups.sparse import SPARSE
from benchmarks.kernels.groups.statistics import STATISTICS
from benchmarks.kernels.groups.window import WINDOW

GROUPS = (
    FLOAT32, AS_ON_INTEL, BFLOAT16, SIZES, WINDOW, ADDITIVE, SPARSE, CHAIN, STATISTICS, DECODING, EXTRAS, OVERHEAD,
)  # fmt: skip


def group(name: str) -> Group:
    """A group by its name.

    Raises:
        ValueError: there is none of that name.
    """
    names = [one.name for one in GROUPS]
    if name not in names:
        near = get_close_matches(name, names, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"group {name!r} is not known; expected some of {', '.join(names)}.{hint}")
    return GROUPS[names.index(name)]
