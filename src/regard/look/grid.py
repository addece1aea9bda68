"""A picture whose patches are tokens, kept with a record so that what was read can be seen on it."""

from __future__ import annotations

import base64
import struct
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import UInt8
from numpy.typing import ArrayLike

# Pixels along the longer side that a page is given; more cannot be told apart there.
_SEEN = 768


@dataclass(frozen=True, eq=False)
class Grid:
    """A picture cut into rows and columns of patches, each of which is a token of some attention.

    token(row, column) = before + row * columns + column

    Args:
        rows: of patches.
        columns: of patches.
        picture: (height, width, 3), numbers from 0 to 255 of whole bytes, as the model saw it or larger; an image of
            Pillow in RGB is such an array.
        before: tokens before the patches: one for the class in ViT and CLIP, none in SigLIP, more with registers.
        after: tokens after them.

    Raises:
        ValueError: rows or columns are not positive, before or after is negative, or the picture is no such array.

    Example:
        >>> import numpy as np
        >>> from regard.look.grid import Grid
        >>> grid = Grid(2, 2, np.zeros((8, 8, 3), np.uint8))
        >>> grid.tokens, grid.labels()
        (5, ['[CLS]', '0,0', '0,1', '1,0', '1,1'])
    """

    rows: int
    columns: int
    picture: ArrayLike
    before: int = 1
    after: int = 0

    def __post_init__(self) -> None:
        if min(self.rows, self.columns) < 1 or min(self.before, self.after) < 0:
            raise ValueError(
                f"rows and columns are {self.rows} and {self.columns}, before and after {self.before} and "
                f"{self.after}; expected at least 1, and at least 0."
            )
        found = self.pixels
        if found.dtype != np.uint8 or found.ndim != 3 or found.shape[2] != 3 or 0 in found.shape:
            raise ValueError(
                f"picture is {found.dtype} of shape {found.shape}, expected uint8 of (height, width, 3): an image of "
                "Pillow in RGB, or its array."
            )

    @property
    def pixels(self) -> UInt8[np.ndarray, "height width 3"]:
        """The picture as an array."""
        return np.asarray(self.picture)

    @property
    def tokens(self) -> int:
        """How many tokens an attention has that reads all of the picture."""
        return self.before + self.rows * self.columns + self.after

    def labels(self) -> list[str]:
        """Names of these tokens: a patch's row and column, from 0."""
        first = ["[CLS]"] if self.before == 1 else [f"[{at}]" for at in range(self.before)]
        patches = [f"{row},{column}" for row in range(self.rows) for column in range(self.columns)]
        return [*first, *patches, *(f"[{at}]" for at in range(self.tokens - self.after, self.tokens))]


def described_grid(grid: Grid | None) -> dict[str, Any]:
    """What a page is told: sizes, and the picture as PNG made anew from its pixels, never as it was given."""
    if grid is None:
        return {}
    sizes = {"rows": grid.rows, "columns": grid.columns, "before": grid.before, "after": grid.after}
    return {"grid": {**sizes, "png": base64.b64encode(png(_smaller(grid.pixels))).decode()}}


def png(pixels: UInt8[np.ndarray, "height width 3"]) -> bytes:
    """Pixels as a file of the format, without anything else in it.

    Example:
        >>> import numpy as np
        >>> from regard.look.grid import png
        >>> png(np.zeros((1, 1, 3), np.uint8))[1:4]
        b'PNG'

    Source: the PNG specification, third edition, 11.2: a header, one block of lines without filters, an end.
    """
    height, width, _colours = pixels.shape
    lines = np.concatenate([np.zeros((height, 1), np.uint8), pixels.reshape(height, -1)], axis=1)
    parts = {
        b"IHDR": struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0),
        b"IDAT": zlib.compress(lines.tobytes(), 9),
        b"IEND": b"",
    }
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts.items())


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _smaller(pixels: UInt8[np.ndarray, "height width 3"]) -> UInt8[np.ndarray, "lower narrower 3"]:
    """Means of squares of pixels, as large as need be that both sides are small enough."""
    size = -(-max(pixels.shape[:2]) // _SEEN)
    if size == 1:
        return pixels
    down, across = (np.arange(0, length, size) for length in pixels.shape[:2])
    sums = np.add.reduceat(np.add.reduceat(pixels.astype(np.uint32), down, 0), across, 1)
    counts = np.diff([*down, pixels.shape[0]])[:, None] * np.diff([*across, pixels.shape[1]])[None]
    means: UInt8[np.ndarray, "lower narrower 3"] = (sums / counts[..., None]).round().astype(np.uint8)
    return means
