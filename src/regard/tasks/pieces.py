"""What a setting of pieces must be, whatever the task."""

from __future__ import annotations

from regard.data.vocabulary import SPECIAL

# Byte-pair pieces begin with one for each byte, whatever the text.
_BYTES = 256


def check_size(kind: str, size: int) -> None:
    """Raise where a vocabulary of this kind cannot be so small.

    Raises:
        ValueError: there is no room beside the special pieces, or beside those of single bytes.

    Example:
        >>> check_size("characters", 5)
        >>> check_size("subwords", 10)
        Traceback (most recent call last):
        ValueError: pieces.size is 10, expected at least 260 for subwords: 4 special ones and 256 bytes.
    """
    bytes_ = _BYTES if kind == "subwords" else 0
    least = len(SPECIAL) + (bytes_ or 1)
    if size < least:
        beside = f"{bytes_} bytes" if bytes_ else "one of the text"
        raise ValueError(
            f"pieces.size is {size}, expected at least {least} for {kind}: {len(SPECIAL)} special ones and {beside}."
        )
