"""Reading a user's own parallel text, and saying exactly what is wrong with it."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path


@dataclass(frozen=True)
class Pair:
    """A sentence and its translation."""

    source: str
    target: str


def read_parallel(*paths: str | Path) -> list[Pair]:
    r"""Pairs from two text files (a sentence a line), or from one .tsv, .csv or .jsonl file.

    Columns and fields are the first two; a header is recognised where it says "source" and "target", which a
    .jsonl file's fields must be called. A name ending in .gz is unpacked.

    Raises:
        ValueError: line counts differ (both counts and the first odd line are named), bytes are not UTF-8 (file,
            line and byte offset), a file is empty, a row lacks a column, or the kind of file is not known.
        OSError: a file cannot be read.

    Example:
        >>> import tempfile, pathlib
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "pairs.tsv"
        >>> _ = path.write_text("ein Hund\ta dog\n", encoding="utf-8")
        >>> read_parallel(path)
        [Pair(source='ein Hund', target='a dog')]
    """
    files = [Path(path) for path in paths]
    if len(files) == 2:
        return _two_texts(*files)
    if len(files) != 1:
        raise ValueError(f"paths has {len(files)} files, expected two text files or one .tsv, .csv or .jsonl.")
    kind = files[0].name.removesuffix(".gz").rsplit(".", 1)[-1]
    if kind == "jsonl":
        pairs = list(_json_lines(files[0]))
    elif kind in ("tsv", "csv"):
        pairs = list(_table(files[0], "\t" if kind == "tsv" else ","))
    else:
        raise ValueError(
            f"{files[0]} ends in .{kind}, expected .tsv, .csv or .jsonl; plain text comes as two files, a "
            "sentence a line."
        )
    if not pairs:
        raise ValueError(f"{files[0]} has no pairs; expected at least one.")
    return pairs


def read_lines(path: Path) -> list[str]:
    """Lines of a UTF-8 file without their ends.

    Raises:
        ValueError: the file is empty, or not UTF-8.
    """
    text = _decoded(path)
    if not text:
        raise ValueError(f"{path} is empty; expected a sentence a line.")
    # Only line feeds end lines: a form feed or a Unicode separator inside of a sentence must not shift the rest.
    lines = text.replace("\r\n", "\n").split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def _two_texts(source: Path, target: Path) -> list[Pair]:
    left, right = read_lines(source), read_lines(target)
    if len(left) != len(right):
        shorter, longer = (source, target) if len(left) < len(right) else (target, source)
        first = min(len(left), len(right)) + 1
        extra = (right if len(left) < len(right) else left)[first - 1]
        raise ValueError(
            f"{source} has {len(left)} lines and {target} has {len(right)}; they must be aligned line by line. "
            f"First line without a partner: {longer}:{first} ({extra[:60]!r}); {shorter} ends before it."
            + _first_oddity(left, right)
        )
    return [Pair(one, other) for one, other in zip(left, right, strict=True)]


def _first_oddity(left: list[str], right: list[str]) -> str:
    """Where a pair first has an empty side, which is where alignments usually break."""
    for number, (one, other) in enumerate(zip_longest(left, right, fillvalue=""), start=1):
        if number > min(len(left), len(right)):
            return ""
        if bool(one.strip()) != bool(other.strip()):
            return f" An earlier suspect: line {number} is empty on one side only."
    return ""


def _json_lines(path: Path) -> Iterator[Pair]:
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(f"{path}:{number} is not JSON: {error.msg} at column {error.colno}.") from None
        if not isinstance(row, dict) or not all(isinstance(row.get(k), str) for k in ("source", "target")):
            raise ValueError(f'{path}:{number} needs the fields "source" and "target", both text.')
        yield Pair(row["source"], row["target"])


def _table(path: Path, delimiter: str) -> Iterator[Pair]:
    text = "\n".join(read_lines(path))
    # In a .tsv file quotation marks are only themselves.
    if delimiter == "\t":
        rows = csv.reader(io.StringIO(text), delimiter=delimiter, quoting=csv.QUOTE_NONE)
    else:
        rows = csv.reader(io.StringIO(text), delimiter=delimiter)
    columns = (0, 1)
    for number, row in enumerate(rows, start=1):
        if number == 1 and {"source", "target"} <= {name.strip().lower() for name in row}:
            names = [name.strip().lower() for name in row]
            columns = (names.index("source"), names.index("target"))
        elif len(row) <= max(columns):
            if row:
                raise ValueError(f"{path}:{number} has {len(row)} column(s), expected at least {max(columns) + 1}.")
        else:
            yield Pair(row[columns[0]], row[columns[1]])


def _decoded(path: Path) -> str:
    raw = path.read_bytes()
    if path.name.endswith(".gz"):
        try:
            raw = gzip.decompress(raw)
        except (OSError, EOFError) as error:
            raise ValueError(f"{path} is not a whole gzip file: {error}.") from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"{path}:{line} is not UTF-8: byte 0x{raw[error.start]:02x} at offset {error.start}. Convert it, for "
            "example with iconv -t UTF-8."
        ) from None
