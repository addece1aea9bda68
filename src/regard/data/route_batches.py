"""Instances of one size as tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from regard.data.routes import Instance
from regard.data.uniform_routes import Drawn


@dataclass(frozen=True)
class RouteBatch:
    """Instances with equally many places, so that nothing is padded.

    Args:
        points: in the unit square; with deliveries the depot is first.
        demands: shares of the capacity, 0 at the depot; None without deliveries. In float64, or nothing could say
            whether a vehicle is full or carries a gram in a ton too much.
    """

    points: Float[Tensor, "batch places 2"]
    demands: Float[Tensor, "batch places"] | None

    def __len__(self) -> int:
        return len(self.points)

    def to(self, device: torch.device) -> RouteBatch:
        """The batch on a device."""
        return RouteBatch(self.points.to(device), None if self.demands is None else self.demands.to(device))

    def rows(self, start: int, stop: int) -> RouteBatch:
        """Some of the instances."""
        demands = None if self.demands is None else self.demands[start:stop]
        return RouteBatch(self.points[start:stop], demands)

    def views(self) -> list[RouteBatch]:
        """The eight ways in which a square lies upon itself; lengths are the same in each.

        Example:
            >>> batch = RouteBatch(torch.tensor([[[0.0, 0.2]]]), None)
            >>> len({tuple(view.points.flatten().tolist()) for view in batch.views()})
            8

        Source: Kwon et al. 2020, table 1.
        """
        x, y = self.points.unbind(-1)
        turned = [pair for u, v in ((x, y), (y, x)) for pair in ((u, v), (1 - u, v), (u, 1 - v), (1 - u, 1 - v))]
        return [RouteBatch(torch.stack(pair, -1), self.demands) for pair in turned]


def batch_of_drawn(drawn: Drawn) -> RouteBatch:
    """Random instances as tensors, points in float32."""
    demands = None if drawn.demands is None else torch.from_numpy(drawn.demands / drawn.capacity)
    return RouteBatch(_single(drawn.points), demands)


def batch_of_instances(instances: Sequence[Instance]) -> RouteBatch:
    """Instances of one size as tensors, each in a square of its own.

    Raises:
        ValueError: their sizes differ, or only some have deliveries.
    """
    sizes = {(len(one.places), one.deliveries is None) for one in instances}
    if len(sizes) > 1:
        raise ValueError(f"instances have different sizes, {sorted(sizes)}; put those of one size into a batch.")
    points = np.stack([(one.places - np.array(one.low)) / one.extent for one in instances])
    shares = [one.deliveries.demands / one.deliveries.capacity for one in instances if one.deliveries is not None]
    return RouteBatch(_single(points), torch.from_numpy(np.stack(shares)) if shares else None)


def _single(numbers: np.ndarray) -> Tensor:
    return torch.from_numpy(numbers.astype(np.float32))
