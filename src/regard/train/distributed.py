"""One process or several: the few things that processes must agree on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object

Item = TypeVar("Item")


def accelerator() -> Accelerator:
    """Devices and processes as torchrun laid them out; gloo where there is no GPU."""
    return Accelerator(cpu=not torch.cuda.is_available())


def share(items: Sequence[Item], processes: Accelerator) -> list[Item]:
    """The items of this process: every n-th."""
    return list(items[processes.process_index :: processes.num_processes])


def gather_in_order(mine: list[Item], processes: Accelerator) -> list[Item]:
    """All processes' items, in the order that `share` took them from."""
    if processes.num_processes == 1:
        return mine
    # Each process sends one list, so that lists of different lengths keep their order.
    lists: list[list[Item]] = gather_object([mine])
    longest = max(len(part) for part in lists)
    return [part[place] for place in range(longest) for part in lists if place < len(part)]


def summed(values: Sequence[float], processes: Accelerator) -> list[float]:
    """Numbers added over all processes, in float64."""
    if processes.num_processes == 1:
        return list(values)
    tensor = torch.tensor(list(values), dtype=torch.float64, device=processes.device)
    total = processes.reduce(tensor, reduction="sum")
    assert isinstance(total, torch.Tensor)
    return [float(value) for value in total]
