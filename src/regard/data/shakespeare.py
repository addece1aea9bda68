"""Tiny Shakespeare: a megabyte of plays, the usual first text of a language model of characters."""

from __future__ import annotations

from pathlib import Path

from regard.data.documents import Document
from regard.data.sources import Official, check_sha256, obtain
from regard.data.splits import Splits

SUMMARY = "40,000 lines of Shakespeare's plays, 1.1 million characters"
LICENCE = "public domain"
CITATION = "William Shakespeare; collected by Karpathy 2015 (char-rnn)"
_SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"
_ADDRESS = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
_ADVICE = "Download input.txt by hand and name its folder with data.folder=FOLDER."


def load(folder: Path | None = None) -> Splits[Document]:
    """The plays, from input.txt in a local folder, or from the official address.

    The first nine tenths are for training, as everywhere. The last tenth, on which others report, is cut in two:
    its first half is for validation and its second for the test.

    Raises:
        ValueError: the file is damaged.
        OSError: it cannot be had.
    """
    if folder is None:
        path = obtain([Official(_ADDRESS, _SHA256)], _ADVICE)
    else:
        path = folder / "input.txt"
        if not path.exists():
            raise FileNotFoundError(f"{folder} has no input.txt, which Tiny Shakespeare is.")
        check_sha256(path, _SHA256, f"download it again from {_ADDRESS}")
    return split(path.read_bytes().decode("ascii"))


def split(text: str) -> Splits[Document]:
    """The first nine tenths, and the two halves of the rest."""
    train = len(text) * 9 // 10
    middle = train + (len(text) - train) // 2
    parts = ([Document(part)] for part in (text[:train], text[train:middle], text[middle:]))
    return Splits("shakespeare", next(parts), next(parts), next(parts), LICENCE, CITATION)
