"""Grey pictures with a class: a user's own, from tables of pixels or from folders of image files."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from regard.data.tables import read_lines

Pixels = NDArray[np.uint8]
KINDS = (".png", ".jpg", ".jpeg")
# Numbers of every kind: what is no whole one is told as a pixel, not looked for as a file.
_NUMBERS = re.compile(r"[-+.\deE\s]*,[-+.\deE\s,]*")


@dataclass(frozen=True, eq=False)
class Picture:
    """Pixels (height, width), 0 to 255, and the name of the class; empty where it is not known."""

    pixels: Pixels
    label: str


def read_pictures(path: str | Path) -> list[Picture]:
    r"""Pictures of one size and their classes, from a .csv file or a folder.

    A .csv file, or .csv.gz, has a picture a line: its class, then its pixels from the upper left to the lower right,
    whole numbers from 0 to 255; pictures are square. A first line that begins with the word "label" is passed over.
    A folder has a folder for each class, named after it, with .png and .jpg files of one size in it, which become
    grey (`regard.data.grey`). What begins with a dot is no class.

    Raises:
        ValueError: a line or a file is no picture, or of another size than the first (line or file are named); a
            class is empty or has no pictures; there is no picture.
        OSError: the file cannot be read.

    Example:
        >>> import tempfile, pathlib
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "mine.csv"
        >>> _ = path.write_text("label,1x1,1x2,2x1,2x2\nseven,0,255,9,0\n", encoding="utf-8")
        >>> [(one.label, one.pixels.tolist()) for one in read_pictures(path)]
        [('seven', [[0, 255], [9, 0]])]
    """
    place = Path(path)
    if place.is_dir():
        return _of_folder(place)
    if not place.name.removesuffix(".gz").endswith(".csv"):
        raise ValueError(f"{place} is neither a folder nor a .csv file; expected pictures in one of the two.")
    return parse_pictures(read_lines(place), str(place))


def parse_pictures(lines: Sequence[str], where: str) -> list[Picture]:
    """Pictures from lines of a class and pixels.

    Raises:
        ValueError: as `read_pictures`; `where` and the line are named.
    """
    numbers, labels, rows = [], [], []
    for number, line in enumerate(lines, start=1):
        label, _comma, row = (part.strip() for part in line.partition(","))
        if not (label or row) or (number == 1 and label.lower() == "label"):
            continue
        if not label or not row:
            missing = "pixels after its class" if label else "class before its pixels"
            raise ValueError(f"{where}:{number} has no {missing}; expected both, such as 7,0,0,255,0.")
        numbers.append(number)
        labels.append(label)
        rows.append(row)
    if not rows:
        raise ValueError(f"{where} has no pictures; expected a line of a class and its pixels for each.")
    try:
        # All at once is ten times as fast, and refuses what is no row of pixels without saying where.
        every = np.loadtxt(rows, dtype=np.uint8, delimiter=",", comments=None, ndmin=2)
        pixels = list(every.reshape(len(rows), *_square(every.shape[1], f"{where}:{numbers[0]}")))
    except ValueError:
        pixels = [parse_pixels(row, f"{where}:{number}") for number, row in zip(numbers, rows, strict=True)]
        for number, one in zip(numbers, pixels, strict=True):
            check_size(one, pixels[0].shape, f"{where}:{number}")
    return [Picture(one, label) for one, label in zip(pixels, labels, strict=True)]


def parse_pixels(text: str, where: str) -> Pixels:
    """A square picture from whole numbers with commas between.

    Raises:
        ValueError: a number is not from 0 to 255, or they make no square; `where` names the place.

    Example:
        >>> parse_pixels("0,1,2,3", "here").tolist()
        [[0, 1], [2, 3]]
    """
    try:
        found = np.frombuffer(bytes(map(int, text.split(","))), dtype=np.uint8)
    except ValueError:
        raise ValueError(
            f"{where} has a pixel that is no whole number from 0 to 255; expected such numbers with commas between."
        ) from None
    return found.reshape(_square(len(found), where))


def picture_of(line: str, shape: tuple[int, ...], where: str) -> Pixels:
    """The picture of a line: the path of an image file, or pixels with commas between.

    Raises:
        ValueError: it is neither, of another size, or a file that cannot be read; `where` names the place.
    """
    odd = "has a NUL byte" if "\0" in line else "" if line.strip() else "is empty"
    if odd:
        raise ValueError(f"{where} {odd}; expected the path of an image file, or pixels such as 0,0,255,0.")
    pixels = parse_pixels(line, where) if _NUMBERS.fullmatch(line) else _named(Path(line), where)
    check_size(pixels, shape, where)
    return pixels


def read_picture(path: Path) -> Pixels:
    """An image file in shades of grey.

    Raises:
        ValueError: the file is damaged or no image, has too many pixels, or shades of which none is known as white.
        OSError: it cannot be read.
    """
    from PIL import Image, UnidentifiedImageError

    from regard.data.grey import grey

    with path.open("rb") as file:
        try:
            return grey(Image.open(file))
        except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
            reason = " ".join(str(error).split()).rstrip(".")
            raise ValueError(
                f"{path} is no image that can be read: {reason}; save it anew, or leave it out."
            ) from None


def check_size(pixels: Pixels, wanted: tuple[int, ...], where: str) -> None:
    """Raise ValueError where a picture has another (height, width) than wanted."""
    if pixels.shape != wanted:
        raise ValueError(
            f"{where} is {pixels.shape[1]} pixels wide and {pixels.shape[0]} high, expected {wanted[1]} and "
            f"{wanted[0]} as the others; scale or crop it."
        )


def fingerprint(*parts: Sequence[Picture]) -> str:
    """A hash of every pixel and class.

    Example:
        >>> one = Picture(np.zeros((2, 2), np.uint8), "a")
        >>> fingerprint([one], []) == fingerprint([], [one])
        False
    """
    digest = hashlib.sha256()
    for part in parts:
        for one in part:
            digest.update(f"{one.label}\0{one.pixels.shape}\0".encode() + one.pixels.tobytes())
        digest.update(b"\1")
    return digest.hexdigest()


def _of_folder(folder: Path) -> list[Picture]:
    classes = sorted(one for one in folder.iterdir() if one.is_dir() and not one.name.startswith("."))
    if not classes:
        raise ValueError(
            f"{folder} has no image files in folders of its own; expected a folder for each class, such as "
            f"{folder}/cat/1.png, with files ending in {', '.join(KINDS)}."
        )
    found: list[Picture] = []
    for path in (path for one in classes for path in _images(one)):
        pixels = read_picture(path)
        check_size(pixels, found[0].pixels.shape if found else pixels.shape, str(path))
        found.append(Picture(pixels, path.parent.name))
    return found


def _images(folder: Path) -> list[Path]:
    """The image files of a class."""
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in KINDS)
    if not files:
        raise ValueError(
            f"{folder} has no image files of its own; expected pictures of the class {folder.name!r}, in files "
            f"ending in {', '.join(KINDS)}. Put some there, or take the folder away."
        )
    return files


def _named(path: Path, where: str) -> Pixels:
    """The picture of a file that was named at some place."""
    try:
        return read_picture(path)
    except (OSError, ValueError) as error:
        raise ValueError(f"{where}: {error}") from None


def _square(count: int, where: str) -> tuple[int, int]:
    side = isqrt(count)
    if side * side != count:
        raise ValueError(
            f"{where} has {count} pixels, expected those of a square, such as {side * side}; for pictures that are "
            "not square use image files."
        )
    return side, side
