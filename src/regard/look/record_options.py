"""What is recorded, and what it may cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import torch


class Keep(Enum):
    """What a recording keeps: the numbers, or only how many bytes they would be."""

    NUMBERS = "numbers"
    SIZES = "sizes"


@dataclass(frozen=True)
class Options:
    """What `record` records.

    Args:
        layers: paths of modules, or of what contains them ("encoder", "model.layers.3"); None means all.
        heads: numbers of query heads, of every layer; None means all.
        rows: positions of the queries whose rows are recorded; None means all.
        dtype: how queries and keys are kept; None means as the model has them.
        memory: most bytes that the record may have; None means no bound.
        keep: `Keep.SIZES` runs the model but keeps nothing, so that `Recording.bytes` tells the cost beforehand.

    Raises:
        ValueError: a selection is empty or has a negative number; dtype is no floating point; memory is negative.

    Example:
        >>> from regard.look.record_options import Options
        >>> Options(layers=["decoder"], rows=range(0, 100)).chooses("decoder.layers.0.attention")
        True
    """

    layers: Sequence[str] | None = None
    heads: Sequence[int] | None = None
    rows: Sequence[int] | None = None
    dtype: torch.dtype | None = None
    memory: int | None = None
    keep: Keep = Keep.NUMBERS

    def __post_init__(self) -> None:
        for name, numbers in (("heads", self.heads), ("rows", self.rows)):
            if numbers is not None and (not len(numbers) or min(numbers) < 0):
                raise ValueError(f"{name} is {numbers!r}, expected at least one number and none below 0, or None.")
        if isinstance(self.layers, str) or (self.layers is not None and not len(self.layers)):
            raise ValueError(f"layers is {self.layers!r}, expected a list of at least one path, or None for all.")
        if self.dtype is not None and not self.dtype.is_floating_point:
            raise ValueError(f"dtype is {self.dtype}, expected a floating-point dtype, or None.")
        if self.memory is not None and self.memory < 0:
            raise ValueError(f"memory is {self.memory}, expected a number of bytes, or None for no bound.")

    def chooses(self, name: str) -> bool:
        """Whether the module of this path is to be recorded."""
        if self.layers is None:
            return True
        return any(name == layer or name.startswith(f"{layer}.") for layer in self.layers)
