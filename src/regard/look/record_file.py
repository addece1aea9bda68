"""A record on a disk: tensors as safetensors, the rest as JSON, readable without the model and without pickle."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from regard.look.attended import Attended, Proof
from regard.look.grid import Grid
from regard.look.record_tokens import Shelf
from regard.look.sight import Sight

FORMAT = 1
_HEADER, _TENSORS = "record.json", "record.safetensors"
# How far to trust a record may be kept beside it; another record that takes its place has not been measured.
MEASURED = "faithfulness.json"
_LABELS = ("query_tokens", "key_tokens")
_PICTURE, _SIZES = "image.picture", ("rows", "columns", "before", "after")
_OWN = ("query", "key", "lse", "rows", "sink")


def header(layers: Sequence[Attended], told: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """What a record says as plain data, and its tensors by name; one that layers share has one name."""
    tensors: dict[str, Tensor] = {}
    known: dict[tuple[Any, ...], str] = {}
    described = []
    for number, layer in enumerate(layers):
        names = {}
        for field, tensor in {**{name: getattr(layer, name) for name in _OWN}, **layer.sight.tensors()}.items():
            if tensor is None:
                continue
            place = (tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype)
            names[field] = known.setdefault(place, f"layers.{number}.{field}")
            tensors.setdefault(names[field], tensor)
        described.append({**_layer(layer), "tensors": names})
    from regard import __version__

    made = datetime.now(UTC).isoformat(timespec="seconds")
    unseen = [{"name": name, "reason": reason} for name, reason in told["unseen"].items()]
    whole = {"format": FORMAT, "regard": __version__, "made": made, **told, "layers": described, "unseen": unseen}
    return whole, tensors


def write(layers: Sequence[Attended], told: dict[str, Any], folder: Path, image: Grid | None = None) -> None:
    """Write a record into a folder, whole or not at all.

    Raises:
        ValueError: the folder holds other things than a record.
    """
    others = (
        sorted({path.name for path in folder.iterdir()} - {_HEADER, _TENSORS, MEASURED}) if folder.exists() else []
    )
    if others:
        raise ValueError(f"folder is {folder}, which holds {others[0]!r}; a record needs a folder of its own.")
    said, tensors = header(layers, told)
    if image is not None:
        said["image"] = {name: getattr(image, name) for name in _SIZES}
        tensors[_PICTURE] = torch.from_numpy(image.pixels.copy())
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        save_file(_apart(tensors), partial / _TENSORS)
        (partial / _HEADER).write_text(json.dumps(_shared(said), ensure_ascii=False), encoding="utf-8")
        _put(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _shared(said: dict[str, Any]) -> dict[str, Any]:
    """A header in which lists of labels that layers share are written once, and layers have their numbers."""
    shelf = Shelf()
    layers = [{**layer, **{name: shelf.place(layer[name]) for name in _LABELS}} for layer in said["layers"]]
    return {**said, "layers": layers, "labels": shelf.lists}


def _apart(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors, dense, each with memory of its own, as the format wants them."""
    found: dict[str, Tensor] = {}
    used: set[int] = set()
    for name, tensor in tensors.items():
        dense = tensor.contiguous()
        storage = dense.untyped_storage()
        shared = storage.data_ptr() in used or storage.nbytes() != dense.nbytes
        found[name] = dense.clone() if shared else dense
        used.add(storage.data_ptr())
    return found


def _put(partial: Path, folder: Path) -> None:
    """Give a folder its name; the one that had it goes."""
    mask = _umask()
    partial.chmod(0o777 & ~mask)
    for file in partial.iterdir():
        file.chmod(0o666 & ~mask)
    if not folder.exists():
        os.replace(partial, folder)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    os.replace(folder, old / "old")
    os.replace(partial, folder)
    shutil.rmtree(old)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def read(folder: Path) -> tuple[list[Attended], dict[str, Any]]:
    """Layers of a saved record, their tensors mapped from the file, and the rest of what it says.

    Raises:
        FileNotFoundError: there is no record.
        ValueError: it is damaged, or of another format.
    """
    if not (folder / _HEADER).exists():
        raise FileNotFoundError(f"{folder} is no record: it has no {_HEADER}.")
    try:
        said = json.loads((folder / _HEADER).read_text(encoding="utf-8"))
        if said["format"] != FORMAT:
            raise ValueError(f"its format is {said['format']}, expected {FORMAT}")
        with safe_open(folder / _TENSORS, framework="pt") as file:
            held = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        labels = [tuple(each) for each in said["labels"]]
        layers = [_read_layer(each, held, labels) for each in said["layers"]]
        said["image"] = Grid(picture=held[_PICTURE].numpy(), **said["image"]) if _PICTURE in held else None
        said["unseen"] = {each["name"]: each["reason"] for each in said["unseen"]}
        return layers, said
    except (ValueError, LookupError, TypeError, SafetensorError, OSError) as error:
        raise ValueError(f"{folder} cannot be read as a record: {error}.") from None


def _layer(layer: Attended) -> dict[str, Any]:
    sight = layer.sight
    sizes = {name: getattr(layer, name) for name in ("name", "heads", "key_heads", "queries", "keys", "batch")}
    return {
        **sizes,
        "head_numbers": list(layer.head_numbers),
        "dtype": str(layer.query.dtype).removeprefix("torch."),
        "scale": layer.scale,
        "softcap": layer.softcap,
        "where": {"left": sight.left, "right": sight.right, "nearest": sight.nearest},
        "query_tokens": list(layer.query_tokens),
        "key_tokens": list(layer.key_tokens),
        "proof": {"weights": layer.proof.weights, "sums": layer.proof.sums, "rows": layer.proof.rows},
    }


def _read_layer(said: dict[str, Any], held: dict[str, Tensor], labels: list[tuple[str, ...]]) -> Attended:
    tensors = {field: held[name] for field, name in said["tensors"].items()}
    own = {field: tensors.pop(field, None) for field in _OWN}
    query, key, lse, rows = (own[field] for field in ("query", "key", "lse", "rows"))
    if query is None or key is None or lse is None or rows is None:
        raise ValueError(f"{said['name']} lacks queries, keys or the numbers of its rows")
    _check_sizes(said, query, key, lse, rows)
    where = said["where"]
    return Attended(
        said["name"],
        query,
        key,
        lse,
        rows,
        float(said["scale"]),
        said["softcap"],
        own["sink"],
        Sight(where["left"], where["right"], nearest=where["nearest"], **tensors),
        Proof(**said["proof"]),
        labels[said["query_tokens"]],
        labels[said["key_tokens"]],
        tuple(said["head_numbers"]),
    )


def _check_sizes(said: dict[str, Any], query: Tensor, key: Tensor, lse: Tensor, rows: Tensor) -> None:
    batch, heads, key_heads, queries, keys = (
        said[name] for name in ("batch", "heads", "key_heads", "queries", "keys")
    )
    fits = (
        query.shape[:3] == lse.shape == torch.Size((batch, heads, queries))
        and key.shape == torch.Size((batch, key_heads, keys, query.shape[3]))
        and rows.shape == torch.Size((queries,))
    )
    if not fits:
        raise ValueError(f"{said['name']} has tensors of other sizes than its header says")
