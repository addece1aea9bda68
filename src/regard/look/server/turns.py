"""How many views are worked out at once, so that nobody can ask for more memory than this."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from typing import TypeVar

from anyio import CapacityLimiter, to_thread

Answer = TypeVar("Answer")

# What looks at a part of a map takes little; the rest wait.
AT_ONCE = 4

# glibc keeps what a thread has freed for that thread: hundreds of MiB of blocks of a long map, each time.
_TRIM = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None


class Turns:
    """Questions wait here for their turn.

    A pass over a whole map uses every core by itself, so that two at a time would only take twice the memory; parts
    of maps are shown meanwhile.
    """

    def __init__(self) -> None:
        self._parts, self._passes = CapacityLimiter(AT_ONCE), CapacityLimiter(1)

    async def part(self, ask: Callable[[], Answer]) -> Answer:
        """Answer what looks at a part of a map."""
        return await to_thread.run_sync(ask, limiter=self._parts)

    async def whole(self, ask: Callable[[], Answer]) -> Answer:
        """Answer what takes a pass over a whole map, or a large part of it."""
        return await to_thread.run_sync(_giving_back, ask, limiter=self._passes)


def _giving_back(ask: Callable[[], Answer]) -> Answer:
    try:
        return ask()
    finally:
        if _TRIM is not None:
            _TRIM(0)
