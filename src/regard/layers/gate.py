"""Gates: attention whose weights need not sum to one, multiplied onto what is already there."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

Places = Bool[Tensor, "batch *places"]


class ChannelGate(nn.Module):
    """Weigh channels by what the whole of each says (squeeze and excitation).

    z_c = mean over visible places of x_c,   s = sigmoid(W2 max(0, W1 z + b1) + b2),   y_c = s_c x_c

    Args:
        channels: number of channels.
        hidden_size: size of the layer between; the paper takes channels / 16.

    Raises:
        ValueError: a size is not positive; inputs have other channels, or no axis behind them.

    Example:
        >>> import torch
        >>> from regard.layers import ChannelGate
        >>> ChannelGate(8, 2)(torch.randn(2, 8, 5, 7)).shape
        torch.Size([2, 8, 5, 7])

    Source: Hu, Shen and Sun 2018, equations 2 to 4.
    """

    def __init__(self, channels: int, hidden_size: int) -> None:
        super().__init__()
        if channels < 1 or hidden_size < 1:
            raise ValueError(f"channels is {channels} and hidden_size is {hidden_size}, expected both positive.")
        self.squeeze = nn.Linear(channels, hidden_size)
        self.excite = nn.Linear(hidden_size, channels)

    def weights(
        self, inputs: Float[Tensor, "batch channels *places"], mask: Places | None = None
    ) -> Float[Tensor, "batch channels"]:
        """The gate s, from 0 to 1; True in the mask = a place that counts. No place at all counts as zeros."""
        if inputs.dim() < 3 or inputs.shape[1] != self.squeeze.in_features:
            raise ValueError(
                f"inputs have shape {tuple(inputs.shape)}, expected (batch, {self.squeeze.in_features}, places...)."
            )
        if mask is None:
            mean = inputs.flatten(2).mean(-1)
        else:
            shown = mask.unsqueeze(1)
            total = inputs.masked_fill(~shown, 0.0).flatten(2).sum(-1)
            mean = total / shown.flatten(2).sum(-1).clamp(min=1)
        return torch.sigmoid(self.excite(self.squeeze(mean).relu()))

    def forward(
        self, inputs: Float[Tensor, "batch channels *places"], mask: Places | None = None
    ) -> Float[Tensor, "batch channels *places"]:
        """Inputs with each channel multiplied by its gate; hidden places are multiplied too."""
        gate = self.weights(inputs, mask)
        return inputs * gate.reshape(*gate.shape, *(1,) * (inputs.dim() - 2))


class ContextGate(nn.Module):
    """Let a query decide, feature by feature, how much of what it read it keeps.

    y = sigmoid(W x) * context

    A head that found nothing can close, which softmax cannot: its weights always sum to one.

    Args:
        size: size of x, the input that the query was made from.
        context_size: size of the context, all heads together.

    Raises:
        ValueError: a size is not positive.

    Example:
        >>> import torch
        >>> from regard.layers import ContextGate
        >>> ContextGate(4, 6)(torch.randn(2, 3, 4), torch.randn(2, 3, 6)).shape
        torch.Size([2, 3, 6])

    Source: Qiu et al. 2025, section 2 (elementwise gate on the output of the attention).
    """

    def __init__(self, size: int, context_size: int) -> None:
        super().__init__()
        if size < 1 or context_size < 1:
            raise ValueError(f"size is {size} and context_size is {context_size}, expected both positive.")
        self.gate = nn.Linear(size, context_size, bias=False)

    def forward(
        self, inputs: Float[Tensor, "*batch size"], context: Float[Tensor, "*batch context_size"]
    ) -> Float[Tensor, "*batch context_size"]:
        """The context, gated by the inputs."""
        return torch.sigmoid(self.gate(inputs)) * context
