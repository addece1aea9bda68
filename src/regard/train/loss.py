"""The loss: sums and counts, and an output layer that never holds all of its scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

_CHUNK = 512


@dataclass(frozen=True)
class Loss:
    """A summed loss, what to divide it by, and sums to log.

    Sum and count stay apart so that a batch in one process and its halves in two give the same gradient.
    """

    sum: Tensor
    count: Tensor
    logs: dict[str, Tensor]


def linear_cross_entropy(
    features: Float[Tensor, "rows size"],
    weight: Float[Tensor, "vocabulary size"],
    bias: Float[Tensor, " vocabulary"],
    targets: Int[Tensor, " rows"],
    *,
    ignore: int,
    smoothing: float = 0.0,
    chunk: int = _CHUNK,
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Cross-entropy of a linear output layer, summed, without ever holding rows x vocabulary numbers.

    loss = sum_n [ (1 - e) (-log p_n(y_n)) + e / V sum_v (-log p_n(v)) ],   p_n = softmax(W x_n + b)

    Scores are made, used for the gradient and forgotten, `chunk` rows at a time. Under autocast the products are
    in its dtype; probabilities are in at least float32.

    Args:
        features: x, what the output layer reads.
        weight: W of the output layer.
        bias: b of the output layer.
        targets: y; rows with the value `ignore` do not count.
        ignore: the target that means padding.
        smoothing: e, label smoothing in [0, 1).
        chunk: rows at a time.

    Returns:
        The smoothed loss (differentiable), and the plain -log p of the targets for the log (not).

    Raises:
        ValueError: smoothing is outside of [0, 1).

    Example:
        >>> import torch
        >>> x, w, b, y = torch.zeros(2, 3), torch.zeros(4, 3), torch.zeros(4), torch.tensor([1, 0])
        >>> linear_cross_entropy(x, w, b, y, ignore=0)[0]
        tensor(1.3863)

    Source: label smoothing: Szegedy et al. 2016, section 7.
    """
    if not 0 <= smoothing < 1:
        raise ValueError(f"smoothing is {smoothing}, expected at least 0 and below 1.")
    device = features.device.type
    dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else features.dtype
    return _LinearCrossEntropy.apply(features, weight, bias, targets, (ignore, smoothing, chunk, dtype))


class _LinearCrossEntropy(torch.autograd.Function):
    """The gradient is linear in the incoming one, so it is made in the forward, while the scores are there."""

    @staticmethod
    def forward(
        ctx: Any,
        features: Tensor,
        weight: Tensor,
        bias: Tensor,
        targets: Tensor,
        settings: tuple[int, float, int, torch.dtype],
    ) -> tuple[Tensor, Tensor]:
        ignore, smoothing, chunk, dtype = settings
        with torch.autocast(features.device.type, enabled=False):
            narrow, narrow_weight = features.to(dtype), weight.to(dtype)
            d_features = torch.empty_like(narrow)
            d_weight, d_bias = torch.zeros_like(weight), torch.zeros_like(bias)
            total = torch.zeros(2, dtype=torch.promote_types(dtype, torch.float32), device=features.device)
            for start in range(0, len(features), chunk):
                rows = slice(start, start + chunk)
                scores = narrow[rows] @ narrow_weight.t()
                logs = torch.log_softmax((scores.to(total.dtype) + bias), dim=-1)
                d_scores, sums = _chunk(logs, targets[rows], ignore, smoothing)
                total += sums
                d_narrow = d_scores.to(dtype)
                d_features[rows] = d_narrow @ narrow_weight
                d_weight += d_narrow.t() @ narrow[rows]
                d_bias += d_scores.sum(0)
        ctx.save_for_backward(d_features.to(features.dtype), d_weight, d_bias)
        smoothed, plain = total.unbind()
        ctx.mark_non_differentiable(plain)
        return smoothed, plain

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        by_features, by_weight, by_bias = (grad * grads[0].to(grad.dtype) for grad in ctx.saved_tensors)
        return by_features, by_weight, by_bias, None, None


def _chunk(logs: Tensor, targets: Tensor, ignore: int, smoothing: float) -> tuple[Tensor, Tensor]:
    """Gradient of the scores, and the smoothed and plain losses, from log-probabilities, written over them."""
    kept = (targets != ignore).to(logs.dtype)
    chosen = logs.gather(1, targets[:, None]).squeeze(1)
    plain = -(chosen * kept).sum()
    smoothed = plain
    if smoothing:
        smoothed = (1 - smoothing) * plain - smoothing * (logs.mean(1) * kept).sum()
    d_scores = logs.exp_()
    if smoothing:
        d_scores -= smoothing / logs.shape[1]
    d_scores.scatter_add_(1, targets[:, None], torch.full_like(chosen, smoothing - 1)[:, None])
    d_scores *= kept[:, None]
    return d_scores, torch.stack((smoothed, plain))
