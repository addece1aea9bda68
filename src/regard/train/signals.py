"""Signals that end a training after its step."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def wishes_to_stop(stop: list[int]) -> Iterator[None]:
    """Turn the first Ctrl-C or termination into a wish to stop after the step; a second one is obeyed at once.

    Args:
        stop: where the wish is put, as the number of its signal.
    """

    def wish(number: int, frame: FrameType | None) -> None:
        if stop:
            raise KeyboardInterrupt
        stop.append(number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, wish) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
