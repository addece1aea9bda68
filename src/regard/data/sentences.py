"""TREC questions and movie-review sentences, as the sentence classification papers use them."""

from __future__ import annotations

from pathlib import Path

from regard.data.labelled import Labelled, bucket, split_by_text
from regard.data.sources import Official, check_sha256, obtain
from regard.data.splits import Splits

TREC_SUMMARY = "questions by what they ask for, 6 classes, 5,452 with the official test set of 500"
TREC_LICENCE = "research use; cite Li and Roth 2002"
TREC_CITATION = "Li and Roth 2002 (Learning Question Classifiers)"
MR_SUMMARY = "sentences of film reviews, positive or negative, 10,662 in ten folds"
MR_LICENCE = "research use; cite Pang and Lee 2005"
MR_CITATION = "Pang and Lee 2005 (Seeing Stars)"
FOLDS = 10
_ADDRESS = "https://raw.githubusercontent.com/harvardnlp/sent-conv-torch/master/data"
_SHA256 = {
    "TREC.train.all": "c8183fd8c2a5cc4a9a1c56548d7c6410a8b71ed7843df9ef1f0a05cd7cf2fb3e",
    "TREC.test.all": "92a6a3cede5678b447ef5f1d7ec474134fcda211e6590e6fa627b4a2c68e4566",
    "rt-polarity.all": "b8846c3bbd59241f901efdc58f7c515e4b280ab3561fd1858caa5aa48da95a8a",
}
_QUESTIONS = ("description", "entity", "abbreviation", "human", "location", "number")
_REVIEWS = ("negative", "positive")
# Held out of TREC's training part for validation: buckets 0 to 9 of 100, so a tenth.
_TREC_VALIDATION, _TREC_BUCKETS = range(10), 100
# Of the nine folds that an MR fold leaves, a twentieth validates.
_MR_VALIDATION = 20


def load_trec(folder: Path | None = None) -> Splits[Labelled]:
    """The official 500 test questions; a tenth of the rest, chosen by hashes of the texts, validates.

    Ten of the 500 stand in the official training file as well; they are left out of training and validation.

    Raises:
        ValueError: a file is damaged.
        OSError: a file cannot be had.
    """
    test = _read("TREC.test.all", folder, _QUESTIONS)
    asked = {one.text for one in test}
    rest = [one for one in _read("TREC.train.all", folder, _QUESTIONS) if one.text not in asked]
    train, validation, _none = split_by_text(rest, range(0), _TREC_VALIDATION, _TREC_BUCKETS)
    return Splits("trec", train, validation, test, TREC_LICENCE, TREC_CITATION)


def load_mr(folder: Path | None = None, fold: int = 0) -> Splits[Labelled]:
    """One of ten folds, by hashes of the texts: a tenth tests, a twentieth of the rest validates.

    Raises:
        ValueError: there is no such fold, or the file is damaged.
        OSError: the file cannot be had.
    """
    if not 0 <= fold < FOLDS:
        raise ValueError(f"fold is {fold}, expected 0 to {FOLDS - 1}.")
    train: list[Labelled] = []
    validation: list[Labelled] = []
    test: list[Labelled] = []
    for one in _read("rt-polarity.all", folder, _REVIEWS):
        if bucket(one.text, FOLDS) == fold:
            test.append(one)
        else:
            (validation if bucket(f"validation {one.text}", _MR_VALIDATION) == 0 else train).append(one)
    return Splits("mr", train, validation, test, MR_LICENCE, MR_CITATION)


def _read(name: str, folder: Path | None, labels: tuple[str, ...]) -> list[Labelled]:
    """Lines of a label's number and a text; the files are in Latin-1."""
    rows = _file(name, folder).read_bytes().decode("latin-1").split("\n")
    numbered = (row.split(" ", 1) for row in rows if row)
    return [Labelled(text.strip(), labels[int(number)]) for number, text in numbered]


def _file(name: str, folder: Path | None) -> Path:
    if folder is None:
        advice = "Download the files by hand and name their folder with data.folder=FOLDER."
        return obtain([Official(f"{_ADDRESS}/{name}", _SHA256[name])], advice)
    path = folder / name
    if not path.exists():
        raise FileNotFoundError(f"{folder} has no {name}, which this data set needs.")
    check_sha256(path, _SHA256[name], "copy it again")
    return path
