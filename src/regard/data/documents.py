"""Running text: a user's own documents, and what is wrong with them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from regard.data.tables import read_lines


@dataclass(frozen=True)
class Document:
    """A text that stands for itself, from its first character to its last."""

    text: str


def read_documents(*paths: str | Path) -> list[Document]:
    r"""Documents from files: a .jsonl file has one a line, in the field "text"; any other file is one.

    Lines end with a line feed, whatever they ended with in the file. A name ending in .gz is unpacked.

    Raises:
        ValueError: no file is named, one is empty or not UTF-8 (file, line and byte offset), a line of a .jsonl file
            has no text, or all are blank.
        OSError: a file cannot be read.

    Example:
        >>> import tempfile, pathlib
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "rows.jsonl"
        >>> _ = path.write_text('{"text": "one"}\n{"text": "two"}\n', encoding="utf-8")
        >>> read_documents(path)
        [Document(text='one'), Document(text='two')]
    """
    if not paths:
        raise ValueError("paths is empty, expected at least one file of text.")
    return [document for path in paths for document in _documents(Path(path))]


def _documents(path: Path) -> Iterator[Document]:
    lines = read_lines(path)
    if not path.name.removesuffix(".gz").endswith(".jsonl"):
        yield Document("\n".join(lines) + "\n")
        return
    if not any(line.strip() for line in lines):
        raise ValueError(f"{path} has only blank lines; expected at least one document.")
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield Document(_text(line, f"{path}:{number}"))


def _text(line: str, place: str) -> str:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"{place} is not JSON: {error.msg} at column {error.colno}.") from None
    if not isinstance(row, dict) or not isinstance(row.get("text"), str) or not row["text"]:
        raise ValueError(f'{place} needs the field "text", a text that is not empty.')
    return str(row["text"])
