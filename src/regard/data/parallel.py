"""Reading a user's own parallel text, and saying exactly what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from regard.data.tables import Header, read_lines, read_table


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
    if kind not in ("jsonl", "tsv", "csv"):
        raise ValueError(
            f"{files[0]} ends in .{kind}, expected .tsv, .csv or .jsonl; plain text comes as two files, a "
            "sentence a line."
        )
    pairs = [Pair(*row) for row in read_table(files[0], ("source", "target"), Header.OPTIONAL)]
    if not pairs:
        raise ValueError(f"{files[0]} has no pairs; expected at least one.")
    return pairs


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
