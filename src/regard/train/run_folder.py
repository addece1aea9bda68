"""The folder of a run: what is in it, and how it is written so that it is never half there."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

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

    def create(self, config: str, identity: Identity) -> None:
        """Make the folder with its config and what it is of.

        Raises:
            FileExistsError: it exists and is not empty.
        """
        if self.path.exists() and any(self.path.iterdir()):
            raise FileExistsError(
                f"run folder {self.path} exists; choose another with --run FOLDER, continue it with --resume "
                f"{self.path}, or delete it."
            )
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
        """Write a JSON file of the run at once."""
        write_text(self.path / name, json.dumps(content, ensure_ascii=False, indent=1))


def write_text(path: Path, text: str) -> None:
    """Put a text in place at once."""
    write_at_once(path, lambda place: place.write_text(text, encoding="utf-8"))


def write_at_once(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` make a file beside `path`, bring it to disk, and put it in place with one rename."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
    os.close(handle)
    try:
        write(Path(name))
        _to_disk(Path(name))
        os.replace(name, path)
    finally:
        Path(name).unlink(missing_ok=True)


def folder_at_once(path: Path, write: Callable[[Path], object]) -> None:
    """The same for a folder, which must not exist yet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(dir=path.parent, prefix=".writing-"))
    try:
        write(place)
        for file in place.iterdir():
            _to_disk(file)
        os.rename(place, path)
        _to_disk(path.parent)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
