"""Universal Dependencies English-EWT: sentences of the web with a part of speech for every word."""

from __future__ import annotations

from pathlib import Path

from regard.data.conllu import Column
from regard.data.sources import Official, obtain
from regard.data.splits import Splits
from regard.data.tagged import Tagged, read_tagged

SUMMARY = "English sentences of the web with parts of speech, 12,544 / 2,001 / 2,077, UD English-EWT 2.16"
LICENCE = "CC BY-SA 4.0"
CITATION = "Silveira et al. 2014 (A Gold Standard Dependency Corpus for English); Universal Dependencies 2.16"
_ADDRESS = "https://raw.githubusercontent.com/UniversalDependencies/UD_English-EWT/r2.16"
_SHA256 = {
    "en_ewt-ud-train.conllu": "3fb78e2b55482c8ee00caa653af436c88c9e5bc9a73ce26e4ae3ddc79d2b7e7b",
    "en_ewt-ud-dev.conllu": "531a54ff90d6ab12201c5a50c3e78e6ddac4de69abc4bce5d275d3cd29efe2b6",
    "en_ewt-ud-test.conllu": "e266e515a0a7547657ed3d90d9ba46487d6bd251f27ad4269d4e8a427c8555cd",
}


def load(folder: Path | None = None, column: Column = Column.UPOS) -> Splits[Tagged]:
    """The sentences, from a local folder with the official file names (plain or .gz), or the official address.

    Args:
        folder: where the three files lie.
        column: which column is the tag: UPOS (17 tags) or XPOS (49).

    Raises:
        ValueError: a file is damaged.
        OSError: a file cannot be had.
    """
    train, validation, test = (read_tagged(_file(name, folder), column) for name in _SHA256)
    return Splits("ud-ewt", train, validation, test, LICENCE, CITATION)


def _file(name: str, folder: Path | None) -> Path:
    if folder is not None:
        for path in (folder / name, folder / f"{name}.gz"):
            if path.exists():
                return path
        raise FileNotFoundError(f"{folder} has neither {name} nor {name}.gz, which UD English-EWT needs.")
    advice = "Download the files by hand and name their folder with data.folder=FOLDER."
    return obtain([Official(f"{_ADDRESS}/{name}", _SHA256[name])], advice)
