"""Files of sentences that blank lines divide."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from regard.data.tables import read_lines

Lines = list[tuple[int, str]]


def numbered_blocks(path: Path) -> Iterator[Lines]:
    """Runs of lines of a file that are not blank, each line with its number.

    Raises:
        ValueError: the file is empty or only blank, or not UTF-8.
        OSError: it cannot be read.
    """
    found = False
    for block in blocks(read_lines(path)):
        found = True
        yield block
    if not found:
        raise ValueError(f"{path} has only blank lines; expected a word a line and a blank line between sentences.")


def blocks(lines: Iterable[str]) -> Iterator[Lines]:
    """The same of any lines, as soon as each run has ended.

    Example:
        >>> list(blocks(["a", "b", "", "", "c"]))
        [[(1, 'a'), (2, 'b')], [(5, 'c')]]
    """
    for blank, block in groupby(enumerate(lines, start=1), key=lambda numbered: not numbered[1].strip()):
        if not blank:
            yield list(block)
