"""CoNLL in columns: a word a line, its tag in the last column, a blank line between sentences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from regard.data.blocks import numbered_blocks

_DOCUMENT = "-DOCSTART-"


@dataclass(frozen=True)
class Columns:
    """A sentence as rows of cells, all of one width."""

    rows: tuple[tuple[str, ...], ...]

    def column(self, place: int) -> tuple[str, ...]:
        """One column; -1 is the last."""
        return tuple(row[place] for row in self.rows)


def read_columns(path: str | Path, least: int = 1) -> list[Columns]:
    r"""The sentences of a file with a word a line, as CoNLL-2003 and WNUT-17 have them.

    A line with a tab is divided by tabs, any other by white space. Lines that begin with -DOCSTART- divide documents
    and are left out.

    Args:
        path: a UTF-8 file; .gz is unpacked.
        least: fewest columns of a line.

    Raises:
        ValueError: a line has too few columns, others than the line before it, or an empty one; or the file is empty
            or not UTF-8. File and line are named.
        OSError: the file cannot be read.

    Example:
        >>> import tempfile, pathlib
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "words.txt"
        >>> _ = path.write_text("-DOCSTART- O\n\nEU B-ORG\nrejects O\n", encoding="utf-8")
        >>> read_columns(path)
        [Columns(rows=(('EU', 'B-ORG'), ('rejects', 'O')))]

    Source: Tjong Kim Sang and De Meulder 2003, section 2.1.
    """
    path, found = Path(path), []
    for block in numbered_blocks(path):
        rows = [(number, cells_of(line)) for number, line in block if not line.startswith(_DOCUMENT)]
        for place, (number, cells) in enumerate(rows):
            _check(path, number, cells, least, len(rows[max(0, place - 1)][1]))
        if rows:
            found.append(Columns(tuple(cells for _number, cells in rows)))
    if not found:
        raise ValueError(f"{path} has no sentence; expected a word a line and a blank line between sentences.")
    return found


def columns_text(sentences: Iterable[Sequence[Sequence[str]]]) -> str:
    r"""Sentences as the text of such a file, divided by tabs, a blank line after each.

    Raises:
        ValueError: a cell is empty, or has a tab or a line end.

    Example:
        >>> columns_text([[("EU", "B-ORG"), ("rejects", "O")]])
        'EU\tB-ORG\nrejects\tO\n\n'
    """
    return "".join("".join(_line(row) for row in rows) + "\n" for rows in sentences)


def cells_of(line: str) -> tuple[str, ...]:
    """The columns of a line: between tabs where it has any, else between white space."""
    return tuple(line.split("\t") if "\t" in line else line.split())


def _line(row: Sequence[str]) -> str:
    for cell in row:
        if not cell.strip() or "\t" in cell or "\n" in cell:
            raise ValueError(f"a cell is {cell!r}, expected text without tabs and line ends.")
    return "\t".join(row) + "\n"


def _check(path: Path, number: int, cells: tuple[str, ...], least: int, before: int) -> None:
    if len(cells) < least:
        raise ValueError(
            f"{path}:{number} has {len(cells)} column(s), expected at least {least}: a word and its tag."
        )
    if len(cells) != before:
        raise ValueError(f"{path}:{number} has {len(cells)} column(s), but the line before it has {before}.")
    if not all(cell.strip() for cell in cells):
        raise ValueError(f"{path}:{number} has an empty column; expected a word and its tag.")
