"""Images of every kind as shades of grey."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

# Shades of 32 bits: nothing says which of them is white.
_UNBOUNDED = ("I", "F")
# What turns an image by the number that its camera gave it.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def grey(image: Image.Image) -> NDArray[np.uint8]:
    """Shades (height, width) from 0 to 255, black to white, of an image as it is to be looked at.

    Colours become grey, shades of 16 bits those of 8, and what is transparent lies on white. An image is turned as
    its camera says (EXIF).

    Raises:
        ValueError: nothing says which of its shades is white.
        OSError: it is damaged.

    Example:
        >>> grey(Image.new("RGBA", (1, 1), (0, 0, 0, 0))), grey(Image.new("I;16", (1, 1), 257))
        (array([[255]], dtype=uint8), array([[1]], dtype=uint8))
    """
    if image.mode in _UNBOUNDED:
        raise ValueError(f"its mode is {image.mode}, in which no shade is known to be white, expected 8 or 16 bits")
    # Not by PIL's own exif_transpose, which also writes all notes of the camera anew and fails where one is odd.
    turn = _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    upright = image if turn is None else image.transpose(turn)
    if upright.mode.startswith("I;16"):
        # A white of 65535 is one of 255, so a shade of 8 bits is 257 of 16.
        return ((np.asarray(upright).astype(np.uint32) + 128) // 257).astype(np.uint8)
    if upright.has_transparency_data:
        shown = upright.convert("RGBA")
        upright = Image.alpha_composite(Image.new("RGBA", shown.size, "white"), shown)
    return np.asarray(upright.convert("L"))
