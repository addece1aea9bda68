"""The loop: it trains anything that can say its batches and its loss, and resumes as if nothing had happened."""

from __future__ import annotations

import json
import math
import os
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from regard.train.averaging import average_weights
from regard.train.checkpoint import (
    Progress,
    discard_old,
    latest_checkpoint,
    load_checkpoint,
    save_checkpoint,
    save_weights,
)
from regard.train.distributed import share, summed
from regard.train.optimizers import clip
from regard.train.progress import Reporter, reporter
from regard.train.run_folder import RunFolder
from regard.train.settings import Training
from regard.train.signals import wishes_to_stop
from regard.train.trainable import Trainable as Trainable
from regard.train.trainable import Validation as Validation

_UNFINISHED = (
    "training ends in its {}, and so do the weights that are kept; train for longer, or make the beginning shorter."
)


class Interrupted(KeyboardInterrupt):
    """Training was stopped by a signal, after a checkpoint."""


class _Objective(nn.Module):
    """Model and loss as one module, so that DDP sees one forward."""

    def __init__(self, task: Trainable) -> None:
        super().__init__()
        self.model = task.model
        self._task = (task,)

    def forward(self, batch: Any) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        loss = self._task[0].loss(self.model, batch)
        return loss.sum, loss.count, loss.logs


@dataclass
class _Run:
    task: Trainable
    folder: RunFolder
    settings: Training
    processes: Accelerator
    objective: nn.Module
    optimizer: torch.optim.Optimizer
    progress: Progress
    report: Reporter
    started: float = 0.0
    saved: float = 0.0
    batches: int = 1
    stop: list[int] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    @property
    def first(self) -> bool:
        return self.processes.is_main_process


def train(task: Trainable, folder: RunFolder, settings: Training, processes: Accelerator) -> Progress:
    """Train until a limit of the settings is reached, from the newest checkpoint if there is one.

    Every random number of a step is drawn from (seed, step, process), so a run that was killed at any moment
    and resumed gives the same losses, bit for bit on a CPU.

    Raises:
        ValueError: a checkpoint is damaged, or of something else; an epoch has no batches; a gradient is not finite.
        Interrupted: a signal came; a checkpoint has been written.
    """
    run = _prepare(task, folder, settings, processes)
    try:
        with wishes_to_stop(run.stop):
            while not run.progress.finished:
                _epoch(run)
    finally:
        run.report.close()
    return run.progress


def _prepare(task: Trainable, folder: RunFolder, settings: Training, processes: Accelerator) -> _Run:
    groups = [p for p in task.model.parameters() if p.requires_grad]
    optimizer = settings.optimizer.build(groups, settings.learning_rate, settings.weight_decay)
    task.model.to(processes.device)
    checkpoint = latest_checkpoint(folder)
    progress = Progress()
    if checkpoint is not None:
        progress = load_checkpoint(checkpoint, task.model, optimizer, folder.identity)
    report = reporter(first_process=processes.is_main_process)
    if processes.is_main_process:
        folder.log.touch()
        os.truncate(folder.log, progress.log_bytes)
    if checkpoint is not None:
        report.say(f"resumed at step {progress.step}, after {progress.seconds / 60:.1f} minutes of training")
    objective = processes.prepare(_Objective(task))
    started = time.monotonic() - progress.seconds
    run = _Run(task, folder, settings, processes, objective, optimizer, progress, report, started)
    run.saved = run.seconds
    return run


def _epoch(run: _Run) -> None:
    progress, settings = run.progress, run.settings
    batches = _batches(run)
    while progress.position < len(batches):
        window = batches[progress.position : progress.position + settings.accumulate]
        stopped, time_is_up = _step(run, window)
        progress.position += len(window)
        ended = progress.position >= len(batches)
        if ended:
            progress.epoch, progress.position = progress.epoch + 1, 0
        last = time_is_up or _at_limit(run)
        every = settings.validate_every
        if last or (ended if every == 0 else progress.step % every == 0):
            beginning = _validate(run).beginning
            progress.finished = last or progress.without_better >= settings.patience
            if progress.finished and beginning:
                run.report.say(_UNFINISHED.format(beginning))
            _save(run)
        elif stopped or run.seconds - run.saved > settings.checkpoint_minutes * 60:
            _save(run)
        if progress.finished:
            return
        # Before the end of the epoch is looked at, which every batch may be.
        if stopped:
            raise Interrupted(f"stopped at step {progress.step}; continue with --resume {run.folder.path}")
        if ended:
            return


def _batches(run: _Run) -> list[list[int]]:
    found = run.task.batches(run.progress.epoch)
    if not found:
        raise ValueError(
            f"epoch {run.progress.epoch + 1} has no batches, expected at least one; there is nothing to train on, so "
            "see that data.train is not empty."
        )
    run.batches = len(found)
    return found


def _step(run: _Run, window: list[list[int]]) -> tuple[bool, bool]:
    """One update from a window of batches; whether a signal came, and whether the time is up."""
    run.progress.step += 1
    step, settings, began = run.progress.step, run.settings, time.monotonic()
    torch.manual_seed(settings.seed * 1_000_003 + step * 1_009 + run.processes.process_index)
    rate = settings.learning_rate * settings.schedule.factor(step)
    for group in run.optimizer.param_groups:
        group["lr"] = rate
    run.objective.train()
    plain, count = _gradients(run, window)
    late = settings.minutes is not None and run.seconds >= settings.minutes * 60
    plain, count, stopped, up = summed([plain, count, float(bool(run.stop)), float(late)], run.processes)
    norm = _scale_and_clip(run, max(count, 1.0))
    run.optimizer.step()
    run.optimizer.zero_grad(set_to_none=True)
    if not norm < float("inf"):
        raise ValueError(
            f"the gradient at step {step} is not finite; lower learning_rate (now {settings.learning_rate}) or "
            "use precision float32."
        )
    loss, speed = plain / max(count, 1.0), count / (time.monotonic() - began)
    entry = {"kind": "train", "step": step, "epoch": run.progress.epoch, "loss": loss, "rate": rate}
    _log(run, {**entry, "tokens": count, "tokens_per_second": round(speed), "seconds": round(run.seconds, 2)})
    text = f"step {step}  epoch {run.progress.epoch + 1}  loss {loss:.3f}  {speed:,.0f} tokens/s"
    run.report.step(_done(run), text)
    return stopped > 0, up > 0


def _gradients(run: _Run, window: list[list[int]]) -> tuple[float, float]:
    """Add up gradients of a window's summed losses; this process's plain loss and its count."""
    device, plain, count = run.processes.device, 0.0, 0.0
    narrow = run.settings.precision == "bfloat16"
    for place, indices in enumerate(window):
        own = share(indices, run.processes)
        # A process left without an example takes part all the same, with one that counts as nothing.
        weight = float(own != [])
        batch = run.task.collate(own or indices[:1]).to(device)
        with _synchronised(run, place == len(window) - 1):
            with torch.autocast(device.type, torch.bfloat16, enabled=narrow):
                loss_sum, loss_count, logs = run.objective(batch)
            run.processes.backward(loss_sum * weight)
        plain += weight * float(logs.get("plain", loss_sum.detach()))
        count += weight * float(loss_count)
    return plain, count


def _scale_and_clip(run: _Run, count: float) -> float:
    """Turn averaged gradients of sums into the gradient of the mean over all processes; its norm."""
    grads = [p.grad for p in run.task.model.parameters() if p.grad is not None]
    torch._foreach_mul_(grads, run.processes.num_processes / count)
    return float(clip(list(run.task.model.parameters()), run.settings.clip, run.settings.clip_by))


def _synchronised(run: _Run, last: bool) -> AbstractContextManager[None]:
    """Only the last batch of a window has to wait for the other processes."""
    return nullcontext() if last else run.processes.no_sync(run.objective)


def _validate(run: _Run) -> Validation:
    run.task.model.eval()
    with torch.no_grad():
        found = run.task.validate(run.task.model, run.processes)
    progress = run.progress
    progress.scores[str(progress.step)] = found.score
    better = _is_better(found.score, progress.best_score)
    progress.without_better = 0 if better or found.beginning else progress.without_better + 1
    if better:
        progress.best_step, progress.best_score = progress.step, found.score
        if run.first:
            save_weights(run.task.model, run.folder.model, run.folder.identity)
    _log(run, {"kind": "validation", "step": progress.step, **found.logs, "seconds": round(run.seconds, 2)})
    numbers = "  ".join(f"{name} {value:.4g}" for name, value in found.logs.items())
    run.report.say(f"step {progress.step}  validation: {numbers}{'  (best so far)' if better else ''}")
    return found


def _is_better(score: float, best: float | None) -> bool:
    """Whether a score is higher than the best; what is no number is so only where there is no other."""
    return best is None or score > best or (math.isnan(best) and not math.isnan(score))


def _save(run: _Run) -> None:
    run.progress.seconds = run.seconds
    run.saved = run.seconds
    if run.first:
        run.progress.log_bytes = run.folder.log.stat().st_size
        save_checkpoint(run.folder, run.progress, run.task.model, run.optimizer, run.folder.identity)
        discard_old(run.folder, run.settings.keep, run.progress.best_step)
    run.processes.wait_for_everyone()


def use_average(task: Trainable, folder: RunFolder, count: int, processes: Accelerator) -> float | None:
    """Average the newest `count` checkpoints, and use them if they validate better; their score."""
    paths = sorted(folder.state.glob("step-*"))[-count:]
    average_weights(task.model, paths)
    task.model.eval()
    with torch.no_grad():
        found = task.validate(task.model, processes)
    best = json.loads((paths[-1] / "state.json").read_text(encoding="utf-8"))["progress"]["best_score"]
    if not _is_better(found.score, best):
        return None
    if processes.is_main_process:
        save_weights(task.model, folder.model, folder.identity)
    return found.score


def _at_limit(run: _Run) -> bool:
    settings, progress = run.settings, run.progress
    by_updates = settings.updates is not None and progress.step >= settings.updates
    return by_updates or (settings.epochs is not None and progress.epoch >= settings.epochs)


def _done(run: _Run) -> float:
    """The largest share of a limit that is used up."""
    settings, progress = run.settings, run.progress
    shares = [0.0]
    if settings.minutes is not None:
        shares.append(run.seconds / (settings.minutes * 60))
    if settings.updates is not None:
        shares.append(progress.step / settings.updates)
    if settings.epochs is not None:
        shares.append((progress.epoch + progress.position / run.batches) / settings.epochs)
    return min(1.0, max(shares))


def _log(run: _Run, entry: dict[str, Any]) -> None:
    if run.first:
        with run.folder.log.open("a", encoding="utf-8") as log:
            log.write(json.dumps(entry) + "\n")
