"""The loss: sums and counts, and an output layer that never holds all of its scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from regard.data.vocabulary import PAD

# Scores held at once, and scores worked on at once: the second is what stays in a core's cache.
_HELD = 1 << 22
_WORKED = 1 << 18
# Rows come in multiples of this: a matrix product of a new shape is compiled first, which costs more than itself.
_TOGETHER = 64


@dataclass(frozen=True)
class Loss:
    """A summed loss, what to divide it by, and sums to log.

    Sum and count stay apart so that a batch in one process and its halves in two give the same gradient.
    """

    sum: Tensor
    count: Tensor
    logs: dict[str, Tensor]


def token_loss(
    features: Float[Tensor, "batch time size"],
    output: nn.Linear,
    targets: Int[Tensor, "batch time"],
    smoothing: float,
) -> Loss:
    """Cross-entropy of the tokens that a linear layer is to give, summed; PAD does not count.

    Args:
        features: what the layer reads.
        output: the layer, from features to scores of all tokens.
        targets: the right tokens.
        smoothing: label smoothing in [0, 1).

    Source: see `linear_cross_entropy`.
    """
    total, plain = linear_cross_entropy(
        features.flatten(0, 1), output.weight, output.bias, targets.flatten(), ignore=PAD, smoothing=smoothing
    )
    return Loss(total, (targets != PAD).sum(), {"plain": plain})


def linear_cross_entropy(
    features: Float[Tensor, "rows size"],
    weight: Float[Tensor, "vocabulary size"],
    bias: Float[Tensor, " vocabulary"],
    targets: Int[Tensor, " rows"],
    *,
    ignore: int,
    smoothing: float = 0.0,
    held: int = _HELD,
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Cross-entropy of a linear output layer, summed, without ever holding rows x vocabulary numbers.

    loss = sum_n [ (1 - e) (-log p_n(y_n)) + e / V sum_v (-log p_n(v)) ],   p_n = softmax(W x_n + b)

    Scores are made, used for the gradient and forgotten, a few rows at a time; rows of padding are left out before
    anything is made. Under autocast the products are in its dtype; probabilities are in at least float32.

    Args:
        features: x, what the output layer reads.
        weight: W of the output layer.
        bias: b of the output layer.
        targets: y; rows with the value `ignore` do not count.
        ignore: the target that means padding.
        smoothing: e, label smoothing in [0, 1).
        held: scores held at a time.

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
    return _LinearCrossEntropy.apply(features, weight, bias, targets, (ignore, smoothing, held, dtype))


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
        ignore, smoothing, held, dtype = settings
        kept = (targets != ignore).nonzero().flatten()
        rows = max(1, held // len(weight) // _TOGETHER) * _TOGETHER
        with torch.autocast(features.device.type, enabled=False):
            narrow_weight, wanted = weight.to(dtype), targets[kept]
            inputs = features.new_zeros((-(-len(kept) // _TOGETHER) * _TOGETHER, features.shape[1]), dtype=dtype)
            inputs[: len(kept)] = features[kept]
            d_inputs, d_weight, d_bias = torch.empty_like(inputs), torch.zeros_like(weight), torch.zeros_like(bias)
            total = torch.zeros(2, dtype=torch.promote_types(dtype, torch.float32), device=features.device)
            for part, ids, d_part in zip(inputs.split(rows), wanted.split(rows), d_inputs.split(rows), strict=True):
                scores = part @ narrow_weight.t()
                total += _to_gradient(scores[: len(ids)], bias, ids, smoothing, d_bias)
                scores[len(ids) :] = 0
                torch.mm(scores, narrow_weight, out=d_part)
                d_weight += scores.t() @ part
        ctx.save_for_backward(d_inputs[: len(kept)], d_weight, d_bias, kept)
        ctx.shape, ctx.dtype = features.shape, features.dtype
        smoothed, plain = total.unbind()
        ctx.mark_non_differentiable(plain)
        return smoothed, plain

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        d_inputs, d_weight, d_bias, kept = ctx.saved_tensors
        d_features = grads[0].new_zeros(ctx.shape, dtype=ctx.dtype)
        d_features[kept] = (d_inputs * grads[0]).to(ctx.dtype)
        return d_features, d_weight * grads[0].to(d_weight.dtype), d_bias * grads[0].to(d_bias.dtype), None, None


def _to_gradient(scores: Tensor, bias: Tensor, targets: Tensor, smoothing: float, d_bias: Tensor) -> Tensor:
    """Write the gradient of scores over them and add its sum to `d_bias`; the smoothed and the plain loss."""
    count, total = scores.shape[1], d_bias.new_zeros(2, dtype=torch.promote_types(scores.dtype, torch.float32))
    rows = max(1, _WORKED // count)
    for part, ids in zip(scores.split(rows), targets.split(rows), strict=True):
        biased = part + bias.to(total.dtype)
        probabilities = biased.softmax(1)
        # The largest probability is at least 1 / vocabulary, so its logarithm is exact where others underflow.
        normaliser = biased.amax(1) - probabilities.amax(1).log()
        plain = (normaliser - biased.gather(1, ids[:, None]).squeeze(1)).sum()
        uniform = (normaliser - biased.mean(1)).sum()
        total += torch.stack((plain + smoothing * (uniform - plain), plain))
        probabilities -= smoothing / count
        probabilities[torch.arange(len(ids), device=ids.device), ids] -= 1 - smoothing
        d_bias += probabilities.sum(0)
        part.copy_(probabilities)
    return total
