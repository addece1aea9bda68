"""Files of sentences that blank lines divide."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from regard.data.parallel import read_lines

Lines = list[tuple[int, str]]


def numbered_blocks(path: Path) -> Iterator[Lines]:
    """Runs of lines that are not blank, each line with its number.

    Raises:
        ValueError: the file is empty or only blank, or not UTF-8.
        OSError: it cannot be read.
    """
    lines = enumerate(read_lines(path), start=1)
    found = False
    for blank, block in groupby(lines, key=lambda numbered: not numbered[1].strip()):
        if not blank:
            found = True
            yield list(block)
    if not found:
        raise ValueError(f"{path} has only blank lines; expected a word a line and a blank line between sentences.")
