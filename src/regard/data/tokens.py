"""A stream of tokens on disk, mapped into memory, and windows of it."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from regard.data.sources import cache_folder
from regard.data.vocabulary import END, PAD, Vocabulary
from regard.data.written import write_at_once


@dataclass(frozen=True)
class TextBatch:
    """Windows of a stream: `targets` are `inputs` shifted by one; PAD fills up what lies beyond the stream."""

    inputs: Int[Tensor, "batch time"]
    targets: Int[Tensor, "batch time"]

    def to(self, device: torch.device) -> TextBatch:
        """The batch on a device."""
        return TextBatch(self.inputs.to(device), self.targets.to(device))

    def documents(self) -> Int[Tensor, "batch time"]:
        """The number of every input's document in its window: END, which stands before a document, begins it."""
        return (self.inputs == END).cumsum(1)


class Stream:
    """Documents packed one after another, with END before the first and after each.

    The numbers lie in a .npy file of 2 or 4 bytes a token, of which only the pages that are read come into memory.

    Args:
        path: a file that `write` wrote.

    Raises:
        ValueError: the file is no such stream.
        OSError: it cannot be read.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "tokens.npy"
        >>> stream = Stream.write(path, [[7, 8], [9]], 10)
        >>> stream.batch([0, 2], 3).inputs
        tensor([[2, 7, 8],
                [8, 2, 9]])
    """

    def __init__(self, path: Path) -> None:
        try:
            self.tokens = np.load(path, mmap_mode="r", allow_pickle=False)
        except (ValueError, EOFError):
            raise ValueError(f"{path} is damaged or cut short; delete it, and it is made again.") from None
        if self.tokens.ndim != 1 or self.tokens.dtype not in (np.uint16, np.uint32):
            raise ValueError(f"{path} holds no tokens; delete it, and it is made again.")

    @classmethod
    def write(cls, path: Path, documents: Iterable[Sequence[int]], vocabulary_size: int) -> Stream:
        """Write numbered documents, at once, and open them."""
        kind = np.uint16 if vocabulary_size <= 1 << 16 else np.uint32
        parts = [np.array([END], kind)]
        for document in documents:
            parts.append(np.array([*document, END], kind))

        def save(place: Path) -> None:
            # An open file keeps the name that it was given, where np.save would lengthen it.
            with place.open("wb") as file:
                np.save(file, np.concatenate(parts), allow_pickle=False)

        write_at_once(path, save)
        return cls(path)

    @classmethod
    def of(cls, texts: Sequence[str], vocabulary: Vocabulary, told_by: str) -> Stream:
        """Texts as numbers, from the cache folder or made for it; `told_by` tells them from other texts."""
        content = json.dumps([told_by, vocabulary.as_json()], sort_keys=True)
        path = cache_folder() / "tokens" / f"{hashlib.sha256(content.encode()).hexdigest()[:24]}.npy"
        if path.exists():
            return cls(path)
        return cls.write(path, map(vocabulary.encode, texts), vocabulary.size)

    def __len__(self) -> int:
        return len(self.tokens)

    def batch(self, starts: Sequence[int], length: int) -> TextBatch:
        """The windows of `length` inputs that begin at these places."""
        found = np.full((len(starts), length + 1), PAD, np.int64)
        for row, start in zip(found, starts, strict=True):
            part = self.tokens[start : start + length + 1]
            row[: len(part)] = part
        windows = torch.from_numpy(found)
        return TextBatch(windows[:, :-1], windows[:, 1:])

    def starts(self, length: int, first: int = 0) -> list[int]:
        """Where windows begin that lie side by side from `first` on, so that every later token is a target once."""
        return list(range(first, len(self) - 1, length))


def window_batches(stream: Stream, length: int, count: int, seed: int, epoch: int) -> list[list[int]]:
    """Where the windows of every batch of an epoch begin, `count` windows a batch.

    An epoch reads every token once, in windows side by side, shuffled; where the first one begins changes from epoch
    to epoch, so that tokens meet in other windows. Seed and epoch decide everything.
    """
    generator = random.Random(f"{seed}-{epoch}")
    # At least one window has to be left.
    first = generator.randrange(min(length, max(1, len(stream) - length)))
    starts = stream.starts(length, first)
    generator.shuffle(starts)
    return [starts[place : place + count] for place in range(0, len(starts), count)]
