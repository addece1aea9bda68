"""Learning from a reward by chance: a loss whose gradient is that of the expected reward."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor


def reinforce_loss(
    log_probability: Float[Tensor, " batch"], reward: Float[Tensor, " batch"], baseline: Float[Tensor, " batch"]
) -> Float[Tensor, " batch"]:
    """A loss whose gradient is minus the score-function estimate of the gradient of the expected reward.

    loss = -(R - b) log p,   grad E[R] = E[(R - b) grad log p]  for every b that does not depend on what was drawn

    No gradient flows into reward and baseline; its value means nothing. The shape may be any that the three share.

    Args:
        log_probability: log p of what was drawn, summed over what the reward is for.
        reward: R, higher is better.
        baseline: b, what the reward is compared with.

    Raises:
        ValueError: the three differ in shape.

    Example:
        >>> import torch
        >>> log_p = torch.tensor([-1.0, -2.0], requires_grad=True)
        >>> reinforce_loss(log_p, torch.tensor([1.0, 0.0]), torch.tensor([0.25, 0.25])).sum().backward()
        >>> log_p.grad
        tensor([-0.7500,  0.2500])

    Source: Williams 1992, equation 11; Mnih et al. 2014, section 3.2.
    """
    for name, one in (("reward", reward), ("baseline", baseline)):
        if one.shape != log_probability.shape:
            raise ValueError(
                f"{name} has shape {tuple(one.shape)}, expected {tuple(log_probability.shape)} as log_probability; "
                "a shape that only broadcasts would weigh some draws more than others."
            )
    return -(reward - baseline).detach() * log_probability
