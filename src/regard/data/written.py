"""Files that are never half there: written beside their place, brought to disk, and put in place with one rename."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path


def write_text(path: Path, text: str) -> None:
    """Put a text in place at once.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "a.txt"
        >>> write_text(path, "whole")
        >>> path.read_text(), len(list(path.parent.iterdir()))
        ('whole', 1)
    """
    write_at_once(path, lambda place: place.write_text(text, encoding="utf-8"))


def write_at_once(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a file beside `path`, bring it to disk, and put it in place with one rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    place = _beside(path)
    # The module tempfile would let nobody but the user read it, whatever the umask.
    os.close(os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    try:
        write(place)
        _to_disk(place)
        os.replace(place, path)
    finally:
        place.unlink(missing_ok=True)


def folder_at_once(path: Path, write: Callable[[Path], object]) -> None:
    """The same for a folder, which must not exist yet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    place = _beside(path)
    place.mkdir()
    try:
        write(place)
        for file in place.iterdir():
            _to_disk(file)
        os.rename(place, path)
        _to_disk(path.parent)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _beside(path: Path) -> Path:
    return path.parent / f".writing-{secrets.token_hex(8)}"


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
