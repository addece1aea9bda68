"""The mean of several checkpoints' weights."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from regard.train.checkpoint import distinct_tensors, read_tensors


def average_weights(model: nn.Module, checkpoints: list[Path]) -> None:
    """Set a model's weights to the mean of checkpoints', added in float64.

    w = (w_1 + ... + w_n) / n

    Raises:
        ValueError: there is no checkpoint, or one is damaged.

    Source: Vaswani et al. 2017, section 6.1.
    """
    if not checkpoints:
        raise ValueError("checkpoints is empty, expected at least one to average.")
    total: dict[str, Tensor] = {}
    for path in checkpoints:
        for name, tensor in read_tensors(path / "model.safetensors").items():
            total[name] = total.get(name, torch.zeros((), dtype=torch.float64)) + tensor.double()
    with torch.no_grad():
        for name, tensor in distinct_tensors(model).items():
            tensor.copy_(total[name] / len(checkpoints))
