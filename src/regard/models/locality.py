"""Where a Luong decoder looks: everywhere, near its own position, or near a predicted one."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from regard.attention import Around, Where


class Everywhere(nn.Module):
    """Global attention: every source position."""

    def forward(
        self, states: Float[Tensor, "batch target size"], lengths: Int[Tensor, " batch"], time: int
    ) -> Where | None:
        """Nothing to restrict."""
        return None


class NearOwnPosition(nn.Module):
    """local-m: a window around p_t = t, or around the last source word where the source has ended.

    Source: Luong, Pham and Manning 2015, section 3.2 (monotonic alignment).
    """

    def __init__(self, radius: float) -> None:
        super().__init__()
        self.radius = radius

    def forward(
        self, states: Float[Tensor, "batch target size"], lengths: Int[Tensor, " batch"], time: int
    ) -> Where | None:
        """A window for each of the states, of which the first is at `time`."""
        own = torch.arange(time, time + states.shape[1], device=states.device)
        return Around(torch.minimum(own[None, :], lengths[:, None] - 1), self.radius)


class NearPrediction(nn.Module):
    """local-p: a window that fades around p_t = S sigmoid(v . tanh(W s_t)).

    Source: Luong, Pham and Manning 2015, equations 9 and 10.
    """

    def __init__(self, size: int, radius: float) -> None:
        super().__init__()
        self.radius = radius
        self.inside = nn.Linear(size, size, bias=False)
        self.outside = nn.Linear(size, 1, bias=False)

    def forward(
        self, states: Float[Tensor, "batch target size"], lengths: Int[Tensor, " batch"], time: int
    ) -> Where | None:
        """A window for each of the states."""
        share = self.outside(self.inside(states).tanh()).squeeze(-1).float().sigmoid()
        return Around(share * lengths[:, None], self.radius, gaussian=True)
