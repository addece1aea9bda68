"""A run asked at the command line, and what it says to input that cannot be."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

import pytest

from regard.cli import main


def ask(run: Path | str, text: str, monkeypatch: pytest.MonkeyPatch, *options: str) -> int:
    """The exit code of `regard run` with this standard input."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8"))
    return main(["run", str(run), *options])


def assert_told(capsys: pytest.CaptureFixture[str], says: str) -> None:
    """What was wrong is the last that stands on standard error, in one line that names the verb."""
    *_before, last = capsys.readouterr().err.splitlines()
    assert re.match(r"regard \w+: ", last)
    assert says in last
