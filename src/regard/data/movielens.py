"""MovieLens-100k: who rated which film when."""

from __future__ import annotations

from pathlib import Path

from regard.data.interactions import History, Interaction, leave_one_out
from regard.data.sources import Package, check_sha256, member, obtain
from regard.data.splits import Splits
from regard.data.titles import titled

SUMMARY = "100,000 ratings of 1,682 films by 943 users, in the order of their time (MovieLens-100k)"
LICENCE = "research use, no redistribution (GroupLens)"
CITATION = "Harper and Konstan 2015 (The MovieLens Datasets: History and Context)"
ARCHIVE = Package("recbole==1.2.1", "9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407")
_INSIDE = "recbole/dataset_example/ml-100k"
_SHA256 = {
    "ml-100k.inter": "4edb74e2a81178c2ba9ff381495f754f996c4aea351b1272ca36b43da0935eff",
    "ml-100k.item": "51d7cdf777ce5c0f5b32c1d947a4a81fe07d75e78abbe761e0cd4d0756064532",
}
_ADVICE = "Connect once, or name a folder that has ml-100k.inter and ml-100k.item with data.folder=FOLDER."


def load(folder: Path | None = None) -> Splits[History]:
    """Each user's films, by title and year; the last for the test, the last but one for validation.

    Half of the ratings have the same second as the one before them: those stay in the order of the file.

    Args:
        folder: where ml-100k.inter and ml-100k.item lie, instead of the archive.

    Raises:
        ValueError: a file is damaged.
        OSError: it cannot be had.
    """
    ratings, films = (_rows(name, folder) for name in _SHA256)
    titles = {item: f"{title} ({year})" for item, title, year, _kind in films}
    taken = [Interaction(user, item, float(time)) for user, item, _rating, time in ratings]
    return leave_one_out("ml-100k", titled(taken, titles), LICENCE, CITATION)


def _rows(name: str, folder: Path | None) -> list[list[str]]:
    """Rows of a file, below its header."""
    text = member(obtain([ARCHIVE], _ADVICE), f"{_INSIDE}/{name}") if folder is None else _local(folder / name)
    return [line.split("\t") for line in text.decode("utf-8").splitlines()[1:]]


def _local(path: Path) -> bytes:
    if not path.exists():
        raise FileNotFoundError(f"{path.parent} has no {path.name}, which MovieLens-100k needs.")
    check_sha256(path, _SHA256[path.name], f"take it from {_INSIDE} in the archive {ARCHIVE.spec}")
    return path.read_bytes()
