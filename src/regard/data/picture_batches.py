"""Batches of grey pictures of one size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int, UInt8
from torch import Tensor

from regard.data.pictures import Picture


@dataclass(frozen=True)
class PictureBatch:
    """Pictures as bytes, and the numbers of their classes."""

    pixels: UInt8[Tensor, "batch height width"]
    classes: Int[Tensor, " batch"]

    def __len__(self) -> int:
        return len(self.classes)

    def to(self, device: torch.device) -> PictureBatch:
        """The batch on a device."""
        return PictureBatch(self.pixels.to(device), self.classes.to(device))

    def rows(self, indices: Sequence[int]) -> PictureBatch:
        """Some of the pictures."""
        chosen = torch.tensor(indices, dtype=torch.int64)
        return PictureBatch(self.pixels[chosen], self.classes[chosen])

    def moved(self, most: int) -> PictureBatch:
        """Every picture moved by chance, by at most so many pixels down or up and right or left."""
        down, right = (torch.randint(-most, most + 1, (len(self),), device=self.pixels.device) for _axis in range(2))
        return PictureBatch(shifted(self.pixels, down, right), self.classes)

    @property
    def shown(self) -> Tensor:
        """The pictures as a network reads them: (batch, 1, height, width) from 0 to 1."""
        return self.pixels[:, None].to(torch.get_default_dtype()) / 255


def stack_pictures(pictures: Sequence[Picture], labels: Sequence[str]) -> PictureBatch:
    """Pictures of one size in one batch; a class that is not among the labels has the number -1.

    Example:
        >>> one = Picture(np.zeros((2, 3), np.uint8), "b")
        >>> batch = stack_pictures([one], ["a", "b"])
        >>> batch.shown.shape, batch.classes
        (torch.Size([1, 1, 2, 3]), tensor([1]))
    """
    numbers = {label: number for number, label in enumerate(labels)}
    classes = torch.tensor([numbers.get(one.label, -1) for one in pictures], dtype=torch.int64)
    pixels = np.stack([one.pixels for one in pictures]) if pictures else np.zeros((0, 1, 1), np.uint8)
    return PictureBatch(torch.from_numpy(pixels), classes)


def shifted(
    pixels: UInt8[Tensor, "batch height width"], down: Int[Tensor, " batch"], right: Int[Tensor, " batch"]
) -> UInt8[Tensor, "batch height width"]:
    """Every picture moved by its own whole pixels; what comes in at the edges is 0.

    Example:
        >>> picture = torch.tensor([[[1, 2], [3, 4]]], dtype=torch.uint8)
        >>> shifted(picture, down=torch.tensor([1]), right=torch.tensor([-1])).tolist()
        [[[0, 0], [2, 0]]]
    """
    high, wide = pixels.shape[1:]
    rows = torch.arange(high, device=pixels.device) - down[:, None]
    columns = torch.arange(wide, device=pixels.device) - right[:, None]
    inside = ((rows >= 0) & (rows < high))[:, :, None] & ((columns >= 0) & (columns < wide))[:, None, :]
    each = torch.arange(len(pixels), device=pixels.device)[:, None, None]
    found = pixels[each, rows.clamp(0, high - 1)[:, :, None], columns.clamp(0, wide - 1)[:, None, :]]
    return found * inside
