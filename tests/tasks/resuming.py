"""A training that is stopped in the middle and goes on gives what one that was not gives, to the bit."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from regard.train.distributed import accelerator
from regard.train.run_folder import Identity, RunFolder
from regard.train.runner import train


def resumed(make: Callable[[], Any], batches: int, folder: Path) -> Any:
    """Hold a new task's training against one that is stopped after some batches; the first of the two, trained."""
    whole, halves = _run(folder / "whole"), _run(folder / "halves")
    ours, stopping, again = make(), make(), make()
    train(ours, whole, ours.config.training, accelerator())
    stopping.collate = _stopping(stopping.collate, batches)
    with pytest.raises(KeyboardInterrupt):
        train(stopping, halves, stopping.config.training, accelerator())
    train(again, halves, again.config.training, accelerator())
    assert _log(halves) == _log(whole)
    for name, tensor in ours.model.state_dict().items():
        assert torch.equal(again.model.state_dict()[name], tensor), name
    return ours


def _run(path: Path) -> RunFolder:
    run = RunFolder(path)
    run.create("", Identity("task", "1", "data"))
    return run


def _stopping(collate: Callable[[list[int]], Any], batches: int) -> Callable[[list[int]], Any]:
    left = batches

    def stopping(indices: list[int]) -> Any:
        nonlocal left
        if left == 0:
            raise KeyboardInterrupt
        left -= 1
        return collate(indices)

    return stopping


def _log(run: RunFolder) -> list[dict[str, Any]]:
    entries = [json.loads(line) for line in run.log.read_text().splitlines()]
    return [{k: v for k, v in one.items() if k not in ("seconds", "tokens_per_second")} for one in entries]
