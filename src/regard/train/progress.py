"""What a person sees while a run goes on: a bar on a terminal, lines elsewhere; always on stderr."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class Reporter(Protocol):
    """Told about every step."""

    def step(self, done: float, text: str) -> None:
        """A share of the work is done; `text` says how it goes."""
        ...

    def say(self, text: str) -> None:
        """A line that stays."""
        ...

    def close(self) -> None:
        """No more will come."""
        ...


@dataclass
class Silent:
    """For processes other than the first."""

    def step(self, done: float, text: str) -> None:
        """Nothing."""

    def say(self, text: str) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


@dataclass
class Lines:
    """A plain line now and then, with the time that is left."""

    every: float = 15.0
    started: float = field(default_factory=time.monotonic)
    last: float = 0.0
    first: float | None = None

    def step(self, done: float, text: str) -> None:
        """A line, if the last one is long enough ago."""
        now = time.monotonic()
        self.first = done if self.first is None else self.first
        if now - self.last < self.every:
            return
        self.last = now
        gained = done - self.first
        left = (1 - done) * (now - self.started) / gained if gained > 0 else None
        eta = "" if left is None else f"  {int(left) // 60}:{int(left) % 60:02d} left"
        print(f"{done:6.1%}  {text}{eta}", file=sys.stderr, flush=True)

    def say(self, text: str) -> None:
        """A line."""
        print(text, file=sys.stderr, flush=True)

    def close(self) -> None:
        """Nothing to close."""


class Bar:
    """A bar with the time that is left."""

    def __init__(self) -> None:
        columns = (BarColumn(), TextColumn("{task.percentage:>5.1f} %"), TextColumn("{task.description}"))
        times = (TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
        self._bar = Progress(*columns, *times, console=Console(stderr=True))
        self._bar.start()
        self._task = self._bar.add_task("", total=1.0)

    def step(self, done: float, text: str) -> None:
        """Move the bar."""
        self._bar.update(self._task, completed=done, description=text)

    def say(self, text: str) -> None:
        """A line above the bar."""
        self._bar.console.print(text, markup=False, highlight=False)

    def close(self) -> None:
        """Leave the bar as it is."""
        self._bar.stop()


def reporter(*, first_process: bool) -> Reporter:
    """The one that fits where stderr goes."""
    if not first_process:
        return Silent()
    return Bar() if sys.stderr.isatty() else Lines()
