"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole(path: Path, mode: int = 0o644) -> Iterator[Path]:
    """A file to write, which gets its name only when the block has ended well.

    Until then it has the same ending, by which some libraries choose what they write.

    Raises:
        OSError: its folder is not there, or full.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".writing-", suffix=path.suffix)
    os.close(handle)
    try:
        yield Path(name)
        # A temporary file is its owner's alone.
        os.chmod(name, mode)
        os.replace(name, path)
    finally:
        Path(name).unlink(missing_ok=True)


def write_text(path: Path, parts: Iterable[str], mode: int = 0o644) -> None:
    """Write a text into a file, whole or not at all.

    Raises:
        OSError: its folder is not there, or full.
    """
    with whole(path, mode) as partial, partial.open("w", encoding="utf-8", errors="replace") as file:
        file.writelines(parts)
