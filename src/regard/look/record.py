"""Record what a model looks at, in one pass and in memory that grows with the length, not its square."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from torch import nn

from regard.look.attended import Attended
from regard.look.grid import Grid
from regard.look.record_file import read, write
from regard.look.record_kept import Kept
from regard.look.record_names import Running
from regard.look.record_options import Options
from regard.look.record_own import Own
from regard.look.record_tap import Tap
from regard.look.record_tokens import Labels, labelled

Tokens = Mapping[str, Sequence[str]]


@dataclass(frozen=True, eq=False)
class Record(Mapping[str, Attended]):
    """What a model looked at: attentions by the path of their module.

    Args:
        layers: attentions in the order in which they ran.
        tokens: labels of each stream of tokens, by its name.
        unseen: modules whose attention ran and could not be recorded, and why.
        model: what is known of the model.
        image: a picture whose patches are tokens of some of the attentions.

    Source: of keeping queries and keys instead of weights: Rabe and Staats 2021 (the weights follow from them).
    """

    layers: tuple[Attended, ...]
    tokens: Mapping[str, tuple[str, ...]]
    unseen: Mapping[str, str]
    model: Mapping[str, Any]
    image: Grid | None = None

    def __getitem__(self, name: str) -> Attended:
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise KeyError(f"there is no attention {name!r}; there are: {', '.join(self)}")

    def __iter__(self) -> Iterator[str]:
        return (layer.name for layer in self.layers)

    def __len__(self) -> int:
        return len(self.layers)

    @property
    def bytes(self) -> int:
        """Memory of all tensors."""
        return sum(layer.bytes for layer in self.layers)

    def told(self, tokens: Tokens) -> Record:
        """The same record with other labels, such as those of a text that was generated."""
        named = {name: tuple(str(token) for token in stream) for name, stream in tokens.items()}
        labels = Labels(named)
        return replace(self, layers=tuple(labelled(layer, named, labels) for layer in self.layers), tokens=named)

    def save(self, folder: str | Path, *, most: int | None = None) -> None:
        """Write record.json and record.safetensors, whole or not at all.

        Args:
            folder: made if it is not there; a record in it is replaced.
            most: how many bytes of numbers may be written; None means no bound.

        Raises:
            ValueError: the folder holds other things than a record; the record has more bytes than it may.
        """
        if most is not None and self.bytes > most:
            raise ValueError(
                f"most is {most} bytes, and the record has {self.bytes}; record fewer layers, heads or rows, or keep "
                "them in torch.bfloat16."
            )
        told = {"tokens": self.tokens, "unseen": self.unseen, "model": self.model}
        write(self.layers, told, Path(folder), self.image)

    @classmethod
    def load(cls, folder: str | Path) -> Record:
        """Read a record; its numbers stay in the file until they are looked at.

        Raises:
            FileNotFoundError: there is no record.
            ValueError: it is damaged, or of another format.
        """
        layers, told = read(Path(folder))
        tokens = {name: tuple(stream) for name, stream in told["tokens"].items()}
        return cls(tuple(layers), tokens, told["unseen"], told["model"], told["image"])


class Recording(Mapping[str, Attended]):
    """A recording that goes on while its block does; afterwards it is the mapping that its record is."""

    def __init__(self, model: nn.Module, tokens: Tokens, options: Options, image: Grid | None) -> None:
        self._model, self._tokens, self._options, self._image = model, tokens, options, image
        self._kept = Kept(options)
        self._running = Running(model)
        self._stack = ExitStack()
        self._record: Record | None = None

    def __enter__(self) -> Recording:
        # A hook that comes first finds the module still running.
        for part in (Own(self._kept, self._running), self._running, Tap(self._kept, self._running)):
            self._stack.enter_context(part)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
        if error is None:
            self._kept.look_for_missing(self._running.ran)
            whole = Record(
                tuple(self._kept.finish()), {}, dict(self._kept.unseen), _described(self._model), self._image
            )
            self._record = whole.told(self._tokens)

    @property
    def record(self) -> Record:
        """What was recorded.

        Raises:
            ValueError: the block has not ended, or ended in an error.
        """
        if self._record is None:
            raise ValueError("the recording has not ended; ask for its record after the block.")
        return self._record

    @property
    def bytes(self) -> int:
        """Memory of what was recorded, or would have been with `Keep.SIZES`."""
        return self._kept.bytes

    def __getitem__(self, name: str) -> Attended:
        return self.record[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.record)

    def __len__(self) -> int:
        return len(self.record)

    def save(self, folder: str | Path) -> None:
        """Save the record; see `Record.save`."""
        self.record.save(folder)


def record(
    model: nn.Module, *, tokens: Tokens | None = None, options: Options = Options(), image: Grid | None = None
) -> Recording:
    """Record the attention of any PyTorch model while a block runs.

    weight(i, j) = exp(score(i, j) - lse_i)   for any i and j, later

    What is kept are queries, keys and one number for each row, so memory grows with the length and not its square;
    the model's outputs stay the same, bit for bit. PyTorch's own kernels, attention written out as a product and a
    softmax, and `regard.Attention` are seen, so models of Hugging Face and one's own need no change. Some rows of
    each attention are recomputed at once and compared: see `Attended.proof`. What ran and cannot be recorded is in
    `Record.unseen`, with the reason. Rows of later calls with the same keys, as in generation, are joined.

    Args:
        model: what is recorded; its modules' paths are the record's names.
        tokens: labels of each stream of tokens by its name. A layer takes the stream that is as long as its keys, and
            of two that are, the one whose name is in the layer's path.
        options: which layers, heads and rows, and what they may cost.
        image: a picture whose patches are tokens; where nothing else has as many, they are labelled by its rows and
            columns.

    Raises:
        ValueError: model is no module.
        MemoryError: the record would grow beyond `options.memory`; raised while the model runs.

    Example:
        >>> import regard as rg, torch
        >>> model = torch.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval()
        >>> with rg.record(model, tokens={"text": ["a", "b", "c"]}) as seen:
        ...     output = model(torch.zeros(1, 3, 8))
        >>> seen["self_attn"].weights()[0, 0, 1]
        tensor([0.3333, 0.3333, 0.3333])
    """
    if not isinstance(model, nn.Module):
        raise ValueError(f"model is {type(model).__name__}, expected a torch.nn.Module.")
    given = {} if tokens is None else dict(tokens)
    if image is not None and all(len(stream) != image.tokens for stream in given.values()):
        given["image"] = image.labels()
    return Recording(model, given, options, image)


def load_record(folder: str | Path) -> Record:
    """Read a record that was saved; see `Record.load`.

    Raises:
        FileNotFoundError: there is no record.
        ValueError: it is damaged, or of another format.

    Example:
        >>> import regard as rg, tempfile, torch
        >>> layer = torch.nn.MultiheadAttention(4, 2).eval()
        >>> with rg.record(layer) as seen:
        ...     _ = layer(*[torch.zeros(3, 1, 4)] * 3)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     seen.save(folder)
        ...     list(rg.load_record(folder))
        ['model']
    """
    return Record.load(folder)


def _described(model: nn.Module) -> dict[str, Any]:
    config = getattr(model, "config", None)
    return {
        "class": type(model).__qualname__,
        "name": str(getattr(config, "_name_or_path", "") or ""),
        "kind": str(getattr(config, "model_type", "") or ""),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }
