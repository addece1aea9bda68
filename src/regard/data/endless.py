"""Examples without end, made up by numbers: the same everywhere, and as many as are wanted."""

from __future__ import annotations

from enum import Enum

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]
Whole = npt.NDArray[np.uint64]

# Of the examples of validation and test, whatever a run's own seed is.
FIXED_SEED = 1234
_STEP, _FIRST, _SECOND = (
    np.uint64(number) for number in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
)
# Numbers that one example may draw.
_ROOM = np.uint64(1 << 24)


class Part(Enum):
    """What instances are for; each has numbers of its own, and CHALLENGE decides about a baseline."""

    TRAIN = 0
    VALIDATION = 1
    TEST = 2
    CHALLENGE = 3


def endless_batches(epoch: int, count: int, size: int) -> list[list[int]]:
    """Numbers of the examples of an epoch's batches, `count` of `size` each, which no other epoch has.

    Example:
        >>> endless_batches(1, 2, 3)
        [[6, 7, 8], [9, 10, 11]]
    """
    first = epoch * count
    return [list(range(at * size, (at + 1) * size)) for at in range(first, first + count)]


def uniform(stream: int, seed: int, rows: Whole, count: int) -> Numbers:
    """Uniform numbers in [0, 1), `count` for each row: a hash of (stream, seed, row, place), on any machine.

    Raises:
        ValueError: the seed is negative, or a row wants too many.

    Example:
        >>> uniform(0, 1, np.array([7], dtype=np.uint64), 3).round(3)
        array([[0.25 , 0.263, 0.997]])

    Source: Steele, Lea and Flood 2014, section 5 (SplitMix64).
    """
    if seed < 0 or count >= int(_ROOM):
        raise ValueError(f"seed is {seed} and count is {count}, expected a seed from 0 and a count below {_ROOM}.")
    begin = np.multiply(np.array([stream + 1], dtype=np.uint64), _STEP, dtype=np.uint64)
    key = _mixed(np.add(_mixed(begin), np.uint64(seed), dtype=np.uint64))
    counters = np.add(rows[:, None] * _ROOM, np.arange(1, count + 1, dtype=np.uint64), dtype=np.uint64)
    places = np.add(key, np.multiply(counters, _STEP, dtype=np.uint64), dtype=np.uint64)
    found: Numbers = (_mixed(places) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return found


def _mixed(numbers: Whole) -> Whole:
    """The finalizer of SplitMix64; products wrap around at 2^64."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * _FIRST
    numbers = (numbers ^ (numbers >> np.uint64(27))) * _SECOND
    return numbers ^ (numbers >> np.uint64(31))
