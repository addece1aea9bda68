"""The folder of a run: what is in it, and how it is written so that it is never half there."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from regard.data.written import folder_at_once as folder_at_once
from regard.data.written import write_at_once as write_at_once
from regard.data.written import write_text as write_text

FORMAT = 1


@dataclass(frozen=True)
class Identity:
    """What a run is of; a checkpoint of anything else is refused."""

    task: str
    version: str
    data: str

    def check(self, found: Mapping[str, object], where: Path) -> None:
        """Raise ValueError where a stored identity differs."""
        for name, wanted in asdict(self).items():
            if found.get(name) != wanted:
                raise ValueError(
                    f"{where} was made with {name} {found.get(name)!r}, but this is {name} {wanted!r}; use the "
                    "version and data it was made with, or train anew."
                )


@dataclass(frozen=True)
class RunFolder:
    """config.yaml, log.jsonl, model.safetensors (the weights to use), state/ (to resume), and reports."""

    path: Path

    @property
    def config(self) -> Path:
        """The resolved settings."""
        return self.path / "config.yaml"

    @property
    def log(self) -> Path:
        """One JSON object a line."""
        return self.path / "log.jsonl"

    @property
    def model(self) -> Path:
        """The weights to use."""
        return self.path / "model.safetensors"

    @property
    def state(self) -> Path:
        """Checkpoints to resume from."""
        return self.path / "state"

    @property
    def identity(self) -> Identity:
        """What the run is of.

        Raises:
            FileNotFoundError: the folder does not say.
            ValueError: what it says is damaged.
        """
        found = self.read_json("identity.json")
        if found is None:
            raise FileNotFoundError(f"{self.path}/identity.json does not exist; is {self.path} a run folder?")
        try:
            assert isinstance(found, dict)
            return Identity(**found)
        except (AssertionError, TypeError):
            raise ValueError(f"{self.path}/identity.json is damaged; copy it again from where it came.") from None

    def check_new(self) -> None:
        """Raise FileExistsError where the folder exists and is not empty."""
        if self.path.exists() and any(self.path.iterdir()):
            raise FileExistsError(
                f"run folder {self.path} exists; choose another with --run FOLDER, continue it with --resume "
                f"{self.path}, or delete it."
            )

    def create(self, config: str, identity: Identity) -> None:
        """Make the folder with its config and what it is of.

        Raises:
            FileExistsError: it exists and is not empty.
        """
        self.check_new()
        self.path.mkdir(parents=True, exist_ok=True)
        self.write_json("identity.json", asdict(identity))
        write_text(self.config, config)

    def read_json(self, name: str) -> object:
        """A JSON file of the run; None where it is not there yet."""
        path = self.path / name
        try:
            return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
        except ValueError as error:
            raise ValueError(f"{path} is damaged: {error}; copy it again from where it came.") from None

    def read_fields(self, name: str, kinds: Mapping[str, type]) -> dict[str, Any]:
        """The fields of a JSON file of the run.

        Raises:
            ValueError: it has other fields than these, or one of another kind.
        """
        found = self.read_json(name)
        if not isinstance(found, dict) or {key: type(value) for key, value in found.items()} != kinds:
            expected = ", ".join(f"{key} ({kind.__name__})" for key, kind in kinds.items())
            raise ValueError(f"{self.path / name} does not say {expected}; copy it again from where it came.")
        return found

    def write_json(self, name: str, content: object) -> None:
        """Write a JSON file of the run at once; a number that is not finite is null."""
        text = json.dumps(_finite(content), ensure_ascii=False, indent=1, allow_nan=False)
        write_text(self.path / name, text)


def as_json(content: object) -> str:
    """JSON in one line, in which numbers that are not finite are null: JSON has no others.

    Example:
        >>> as_json({"value": float("nan"), "all": [0.5, float("-inf")]})
        '{"value": null, "all": [0.5, null]}'
    """
    return json.dumps(_finite(content), ensure_ascii=False, allow_nan=False)


def _finite(content: object) -> object:
    if isinstance(content, float):
        return content if math.isfinite(content) else None
    if isinstance(content, Mapping):
        return {key: _finite(value) for key, value in content.items()}
    return [_finite(value) for value in content] if isinstance(content, list | tuple) else content
