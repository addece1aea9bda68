"""Everything that a run needs to go on as if nothing had happened. No pickle is written or read."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from regard.train.run_folder import FORMAT, Identity, RunFolder, folder_at_once, write_at_once


@dataclass
class Progress:
    """Where a run stands.

    `position` counts the batches of this epoch that are done. `scores` has the validation score of every step
    that was validated. `log_bytes` is how much of the log belongs to this state.
    """

    step: int = 0
    epoch: int = 0
    position: int = 0
    seconds: float = 0.0
    best_step: int = 0
    best_score: float | None = None
    without_better: int = 0
    log_bytes: int = 0
    finished: bool = False
    scores: dict[str, float] = field(default_factory=dict)


def save_weights(model: nn.Module, path: Path, identity: Identity) -> None:
    """The weights of a model; tensors that are shared are written once."""
    metadata = {"format": str(FORMAT), **asdict(identity)}
    tensors = distinct_tensors(model)
    write_at_once(path, lambda place: save_file(tensors, place, metadata=metadata))


def load_weights(model: nn.Module, path: Path) -> None:
    """Read what `save_weights` wrote.

    Raises:
        FileNotFoundError: there are no weights yet.
        ValueError: the file is damaged, cut short, or of another model.
    """
    tensors = read_tensors(path)
    wanted = distinct_tensors(model)
    if {name: t.shape for name, t in wanted.items()} != {name: t.shape for name, t in tensors.items()}:
        odd = sorted(set(wanted) ^ set(tensors)) or [n for n in wanted if wanted[n].shape != tensors[n].shape]
        raise ValueError(f"{path} holds another model than config.yaml describes; they differ in {odd[0]}.")
    with torch.no_grad():
        for name, tensor in wanted.items():
            tensor.copy_(tensors[name])


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file, with a clear error where it is damaged."""
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist; has the run trained until its first validation?")
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise ValueError(
            f"{path} is damaged or cut short ({path.stat().st_size} bytes): {error}. Train again, or copy the "
            "file again from where it came."
        ) from None


def save_checkpoint(
    run: RunFolder, progress: Progress, model: nn.Module, optimizer: torch.optim.Optimizer, identity: Identity
) -> Path:
    """Write state/step-N as one: it is there whole or not at all."""
    final = run.state / f"step-{progress.step:08d}"
    if final.exists():
        shutil.rmtree(final)
    state = {
        "format": FORMAT,
        **asdict(identity),
        "progress": asdict(progress),
    }

    def write(place: Path) -> None:
        save_file(distinct_tensors(model), place / "model.safetensors")
        save_file(_moments(optimizer), place / "optimizer.safetensors")
        (place / "state.json").write_text(json.dumps(state), encoding="utf-8")

    folder_at_once(final, write)
    return final


def latest_checkpoint(run: RunFolder) -> Path | None:
    """The newest whole checkpoint."""
    found = sorted(run.state.glob("step-*")) if run.state.exists() else []
    return found[-1] if found else None


def load_checkpoint(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, identity: Identity) -> Progress:
    """Put model and optimiser back to where they were.

    Raises:
        ValueError: the checkpoint is damaged, or of another task, version, data or model.
    """
    try:
        state = json.loads((path / "state.json").read_text(encoding="utf-8"))
        progress = Progress(**state["progress"])
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}/state.json is damaged: {error}. Delete {path} to resume from before.") from None
    identity.check(state, path)
    load_weights(model, path / "model.safetensors")
    _restore(optimizer, read_tensors(path / "optimizer.safetensors"))
    return progress


def discard_old(run: RunFolder, keep: int, best: int) -> None:
    """Delete checkpoints but the newest `keep` + 1 and the best, and what a kill left half-written."""
    found = sorted(run.state.glob("step-*"))
    for path in found[: max(0, len(found) - keep - 1)]:
        if path.name != f"step-{best:08d}":
            shutil.rmtree(path)
    for path in run.state.glob(".writing-*"):
        shutil.rmtree(path, ignore_errors=True)


def distinct_tensors(model: nn.Module) -> dict[str, Tensor]:
    """Parameters and kept buffers by name, each tensor once."""
    seen: set[int] = set()
    distinct = {}
    for name, tensor in model.state_dict(keep_vars=True).items():
        if id(tensor) not in seen:
            seen.add(id(tensor))
            distinct[name] = tensor.detach()
    return distinct


def _moments(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    state = optimizer.state_dict()["state"]
    return {f"{index}.{name}": tensor for index, entry in state.items() for name, tensor in entry.items()}


def _restore(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        index, name = key.split(".", 1)
        state.setdefault(int(index), {})[name] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
