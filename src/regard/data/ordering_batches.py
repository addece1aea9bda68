"""Inputs of several instances as tensors, and the places that answer them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from regard.data.orderings import Inputs

# The place that ends an answer; inputs have the places from 1 on.
END = 0
# What stands in `targets` behind the end.
PADDING = -1


@dataclass(frozen=True)
class OrderingBatch:
    """Inputs, and the places that answer them, padded.

    Args:
        inputs: as a model sees them; 0 behind the last.
        lengths: inputs of each instance.
        targets: places from 1 on and END after the last; PADDING behind it.
    """

    inputs: Float[Tensor, "batch inputs size"]
    lengths: Int[Tensor, " batch"]
    targets: Int[Tensor, "batch steps"]

    def __len__(self) -> int:
        return len(self.inputs)

    def to(self, device: torch.device) -> OrderingBatch:
        """The batch on a device."""
        return OrderingBatch(*(one.to(device) for one in (self.inputs, self.lengths, self.targets)))


def batch_of_inputs(instances: Sequence[Inputs]) -> OrderingBatch:
    """Instances of one problem and of any sizes.

    Example:
        >>> from regard.data.orderings import Problem
        >>> pair = [Inputs("", Problem.SORT, np.array(rows)) for rows in ([[3.0], [1.0]], [[2.0]])]
        >>> batch_of_inputs(pair).targets
        tensor([[ 2,  1,  0],
                [ 1,  0, -1]])
    """
    lengths = [len(one.rows) for one in instances]
    answers = [[place + 1 for place in one.answer()] + [END] for one in instances]
    inputs = np.zeros((len(instances), max(lengths), instances[0].rows.shape[1]), dtype=np.float32)
    targets = np.full((len(instances), max(map(len, answers))), PADDING, dtype=np.int64)
    for row, one in enumerate(instances):
        inputs[row, : lengths[row]] = one.framed()
        targets[row, : len(answers[row])] = answers[row]
    return OrderingBatch(torch.from_numpy(inputs), torch.tensor(lengths), torch.from_numpy(targets))
