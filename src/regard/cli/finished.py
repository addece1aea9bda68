"""A run that is there: trained in a process of its own unless it is finished."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regard.tasks import task as task_named

if TYPE_CHECKING:
    from regard.train.run_folder import RunFolder

# The last file that is written holds the costs.
_LAST = ("scores.json", "cost.json")


@dataclass(frozen=True)
class Finished:
    """What a finished run says of itself."""

    scores: dict[str, list[dict[str, Any]]]
    log: list[dict[str, Any]]
    cost: dict[str, int]
    origin: dict[str, Any]

    @property
    def seconds(self) -> float:
        """Of training, validation included."""
        return float(self.log[-1]["seconds"])


def finished(run: Path, task: str, settings: Sequence[str], title: str) -> Finished:
    """Train `task` with these settings into `run`, or go on with it, unless it is finished; then read it.

    Raises:
        ValueError: training failed, and its own message stands above; or what is there was made of another task, with
            other settings than `data.folder`, or of other data.
    """
    from regard.train.run_folder import RunFolder

    folder, done = RunFolder(run), all((run / name).exists() for name in _LAST)
    begun = folder.config.exists()
    if begun:
        _check_settings(folder, task, settings)
    if done:
        _check_data(folder, task, settings)
    else:
        what = ["--resume", str(run)] if begun else [*settings, "--run", str(run)]
        _train(run, ["train", task, *what, "--json"], title)
    return _read(run)


def _train(run: Path, verb: Sequence[str], title: str) -> None:
    print(f"\n{title}", file=sys.stderr, flush=True)
    code = "import sys; from regard.cli.measured import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, str(run), *verb]
    ended = subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
    if ended.returncode:
        raise ValueError(f"training {title} ended with exit code {ended.returncode}; see its message above.")


def _check_settings(folder: RunFolder, task: str, settings: Sequence[str]) -> None:
    from regard.cli.settings import parse
    from regard.tasks.working import check_task

    check_task(folder, task)
    recipe = task_named(task).kind().recipe
    found, wanted = (parse(recipe, words)[0] for words in (["--config", str(folder.config)], [*settings]))
    for name, was, now in _differences(found, wanted):
        # Wherever the data lie, their identity tells them from others.
        if name != "data.folder":
            raise ValueError(
                f"{folder.path} was trained with {name}={_told(was)}, but {name}={_told(now)} is asked for; ask for "
                "the same, choose another folder with --run FOLDER, or delete this one."
            )


def _check_data(folder: RunFolder, task: str, settings: Sequence[str]) -> None:
    from regard.cli.settings import parse
    from regard.tasks.working import identity

    config, _text = parse(task_named(task).kind().recipe, [*settings])
    identity(task, config.data.load()).check(asdict(folder.identity), folder.path)


def _differences(found: object, wanted: object, name: str = "") -> Iterator[tuple[str, object, object]]:
    """Every setting, by the name that it has on the command line, that is not the same in both, and what it is."""
    if is_dataclass(found) and type(found) is type(wanted):
        for one in fields(found):
            inner = f"{name}.{one.name}" if name else one.name
            yield from _differences(getattr(found, one.name), getattr(wanted, one.name), inner)
    elif found != wanted:
        yield name, found, wanted


def _told(value: object) -> str:
    """A value about as it is written on the command line."""
    if isinstance(value, Enum):
        return value.name
    if is_dataclass(value):
        return type(value).__name__
    return json.dumps(value, ensure_ascii=False, default=str)


def _read(run: Path) -> Finished:
    from regard.cli.origin import origin

    scores, cost = (json.loads((run / name).read_text(encoding="utf-8")) for name in _LAST)
    log = [json.loads(line) for line in (run / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    # Older runs do not say where they were made.
    made = {name: cost.pop(name, now) for name, now in origin().items()}
    return Finished({group: [_number(one) for one in found] for group, found in scores.items()}, log, cost, made)


def _number(told: dict[str, Any]) -> dict[str, Any]:
    """A metric as it was written, what was not measured as NaN, which JSON does not know."""
    return {**told, "value": math.nan if told["value"] is None else told["value"]}
