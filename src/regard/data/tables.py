"""Rows of a user's own .csv, .tsv and .jsonl files, and exactly what is wrong with them."""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
import zlib
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from pathlib import Path
from typing import Literal, Self


class Row(tuple[str, ...]):
    """The wanted fields of a row, and the number of the line that it begins on, the header's being counted."""

    line: int

    @classmethod
    def at(cls, line: int, fields: Iterable[str]) -> Self:
        """A row that begins on this line.

        Example:
            >>> row = Row.at(7, ["a", "b"])
            >>> row, row.line
            (('a', 'b'), 7)
        """
        made = cls(fields)
        made.line = line
        return made


class Header(Enum):
    """Whether the first row of a .csv or .tsv file has to name its columns."""

    NEEDED = "needed"
    OPTIONAL = "optional"


def read_table(path: Path, columns: Sequence[str], header: Header = Header.NEEDED) -> list[Row]:
    r"""The named columns of a .csv, .tsv or .jsonl file, row by row.

    Columns are named by the first row, in any order and any case, and a .jsonl file's fields are called after them.
    Where a header is optional and there is none, the first columns are taken as they come. A name that ends in .gz is
    unpacked; empty lines are left out; in a .tsv file quotation marks are only themselves. A .jsonl file's fields are
    texts or numbers.

    Args:
        path: the file.
        columns: which columns are wanted.
        header: whether the file must name its columns.

    Raises:
        ValueError: a column is missing, a row is too short or not JSON, a quotation mark is not closed (the line is
            named), bytes are not UTF-8 (line and offset are named), the file is empty, or of a kind not known.
        OSError: the file cannot be read.

    Example:
        >>> import tempfile, pathlib
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "mine.csv"
        >>> _ = path.write_text('label,text\ngood,"small, but mine"\n', encoding="utf-8")
        >>> read_table(path, ["text", "label"])
        [('small, but mine', 'good')]
    """
    kind = path.name.removesuffix(".gz").rsplit(".", 1)[-1]
    if kind == "jsonl":
        return list(_json_rows(path, columns))
    if kind not in ("tsv", "csv"):
        raise ValueError(f"{path} ends in .{kind}, expected .tsv, .csv or .jsonl.")
    return list(_table_rows(path, "\t" if kind == "tsv" else ",", columns, header))


def read_lines(path: Path) -> list[str]:
    """Lines of a UTF-8 file without their ends.

    Raises:
        ValueError: the file is empty, or not UTF-8.
    """
    text = _decoded(path)
    if not text:
        raise ValueError(f"{path} is empty; expected at least one line.")
    # Only line feeds end lines: a form feed or a Unicode separator inside of a sentence must not shift the rest.
    lines = text.replace("\r\n", "\n").split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def rows_of_lines(lines: Iterable[str], columns: Sequence[str], where: str) -> Iterator[Row]:
    """The named columns of a table whose first line names them all, row by row; empty lines are left out.

    Raises:
        ValueError: a column is missing, a row is too short, or a quotation mark is not closed; the line is named.

    Example:
        >>> [(row, row.line) for row in rows_of_lines(["y,x", "", "1,2"], ("x", "y"), "rows")]
        [(('2', '1'), 3)]
    """
    rows = _records(lines, where)
    top, head = next(rows, (1, []))
    names = [name.strip().lower() for name in head]
    missing = [name for name in columns if name not in names]
    if missing:
        raise ValueError(f"{where}:{top} has no column {missing[0]!r}; expected {', '.join(columns)}.")
    places = [names.index(name) for name in columns]
    for number, row in rows:
        yield _fields(row, places, number, where)


def numbers_by_name(rows: Iterable[Sequence[str]], where: str) -> dict[str, list[list[float]]]:
    """Rows of numbers under the names that stand before them; rows of one name stand together.

    Raises:
        ValueError: a field is no number, or a name comes back after another began.

    Example:
        >>> numbers_by_name([("a", "1", "2"), ("a", "3", "4")], "rows")
        {'a': [[1.0, 2.0], [3.0, 4.0]]}
    """
    groups: dict[str, list[list[float]]] = {}
    last = None
    for number, row in enumerate(rows, start=1):
        (name, *fields), place = row, _place(row, number, where)
        if name != last and name in groups:
            raise ValueError(f"{place} goes back to instance {name!r}; put its rows together.")
        groups.setdefault(name, []).append([_number(text, place) for text in fields])
        last = name
    return groups


def _json_rows(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    named = " and ".join(f'"{name}"' for name in columns)
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(f"{path}:{number} is not JSON: {error.msg} at column {error.colno}.") from None
        found = [row.get(name) for name in columns] if isinstance(row, dict) else [None]
        if not all(map(_is_field, found)):
            raise ValueError(f"{path}:{number} needs the fields {named}, each a text or a finite number.")
        yield Row.at(number, [_whole(str(value), f"{path}:{number}") for value in found])


def _is_field(value: object) -> bool:
    # Python takes true for a whole number.
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return isinstance(value, str) or number


def _whole(text: str, where: str) -> str:
    """The text, unless half of a pair of UTF-16 stands in it, which JSON can write and no file can hold."""
    halves = [letter for letter in text if "\ud800" <= letter <= "\udfff"]
    if halves:
        raise ValueError(
            f"{where} has \\u{ord(halves[0]):x} without the other half of its pair; expected whole characters."
        )
    return text


def _table_rows(path: Path, delimiter: str, columns: Sequence[str], header: Header) -> Iterator[Row]:
    text = "\n".join(read_lines(path))
    # A text may be longer than the 128 KiB that the reader takes a field to be at most.
    csv.field_size_limit(max(csv.field_size_limit(), len(text) + 1))
    places: list[int] | None = None if header is Header.NEEDED else list(range(len(columns)))
    for place, (number, row) in enumerate(_records(io.StringIO(text, newline=""), str(path), delimiter)):
        if place == 0 and (named := _places(row, columns)) is not None:
            places = named
        elif places is None:
            raise ValueError(
                f"{path}:{number} names the columns {', '.join(map(repr, row))}, expected "
                f"{' and '.join(map(repr, columns))} among them."
            )
        else:
            yield _fields(row, places, number, str(path))


def _records(lines: Iterable[str], where: str, delimiter: str = ",") -> Iterator[tuple[int, list[str]]]:
    """Rows that are not blank, each with the number of the line that it begins on."""
    # In a .tsv file quotation marks are only themselves.
    marks: Literal[0, 3] = csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL
    reader = csv.reader(lines, delimiter=delimiter, quoting=marks, strict=True)
    while True:
        number = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise ValueError(
                f"{where}:{number} begins a row that cannot be read ({error}); close each quotation mark, and write "
                "one within a text twice."
            ) from None
        if len(row) > 1 or "".join(row).strip():
            yield number, row


def _fields(row: list[str], places: Sequence[int], number: int, where: str) -> Row:
    if len(row) <= max(places):
        raise ValueError(f"{where}:{number} has {len(row)} column(s), expected at least {max(places) + 1}.")
    return Row.at(number, [row[place] for place in places])


def _places(row: list[str], columns: Sequence[str]) -> list[int] | None:
    """Where the wanted columns stand, if this row is a header that has all of them."""
    names = [name.strip().lower() for name in row]
    wanted = [name.strip().lower() for name in columns]
    return [names.index(name) for name in wanted] if set(wanted) <= set(names) else None


def _decoded(path: Path) -> str:
    raw = path.read_bytes()
    if path.name.endswith(".gz"):
        try:
            raw = gzip.decompress(raw)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"{path} is not a whole gzip file: {error}.") from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"{path}:{line} is not UTF-8: byte 0x{raw[error.start]:02x} at offset {error.start}. Convert it, for "
            "example with iconv -t UTF-8."
        ) from None


def _place(row: Sequence[str], number: int, where: str) -> str:
    return f"{where}:{row.line}, row {number}" if isinstance(row, Row) else f"{where}: row {number}"


def _number(text: str, place: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{place} has {text!r} where a number is expected.") from None
