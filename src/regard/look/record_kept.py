"""What a recording keeps: attentions by the path of their module, within a budget."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn

from regard.look.attended import Attended, Proof, row_sums
from regard.look.record_call import Captured, compact, proved
from regard.look.record_options import Keep, Options
from regard.look.record_streams import Place, Stream, finished, grow, numbered, placed
from regard.look.sight import Sight
from regard.look.sight_joined import taken

_NOTHING = Proof(0.0, 0.0, 0)


class Kept:
    """Attentions captured so far, and what ran but could not be captured.

    Args:
        options: what is kept, and how much at most.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self.bytes = 0
        self.unseen: dict[str, str] = {}
        self.streams: dict[str, list[Stream]] = {}
        self._keys: dict[str, tuple[int, int]] = {}

    def miss(self, name: str, reason: str) -> None:
        """Note what ran and was not recorded."""
        if self.options.chooses(name):
            self.unseen.setdefault(name, reason)

    def take(self, name: str, make: Callable[[], Captured | str]) -> None:
        """Keep an attention of a module, or note why it cannot be kept."""
        if not self.options.chooses(name):
            return
        call = make()
        if isinstance(call, str):
            self.miss(name, call)
            return
        call = replace(call, key=compact(call.key, call.query.shape[1]))
        heads = [head for head in self.options.heads or range(call.query.shape[1]) if head < call.query.shape[1]]
        if not heads:
            self.miss(name, f"it has {call.query.shape[1]} heads, and none of those that were asked for")
        elif self.options.keep is Keep.SIZES:
            self._measure(name, call, heads)
        else:
            self._add(name, call, heads)

    def look_for_missing(self, ran: Mapping[str, nn.Module]) -> None:
        """Note modules that call themselves attention and ran without one being seen in or around them."""
        seen = [name for name, streams in self.streams.items() if streams or self.options.keep is Keep.SIZES]
        seen += self.unseen
        for name, module in ran.items():
            is_attention = "attention" in type(module).__name__.lower()
            if is_attention and not any(_within(one, name) or _within(name, one) for one in seen):
                self.miss(name, "it ran, but no attention was seen in it that is known here")

    def finish(self) -> list[Attended]:
        """All attentions, rows joined."""
        return numbered([one for streams in self.streams.values() for each in streams for one in finished(each)])

    def _kind(self, call: Captured) -> torch.dtype:
        return self.options.dtype or call.query.dtype

    def _measure(self, name: str, call: Captured, heads: list[int]) -> None:
        self.streams.setdefault(name, [])
        queries, keys = call.query.shape[2], call.key.shape[2]
        key = self._key_of(call, heads).numel() * self._kind(call).itemsize
        before, known = self._keys.get(name, (0, 0))
        # Keys of a cache are kept once; sizes alone tell what is one.
        continues = keys > queries and keys <= before + queries
        self.bytes += self._row_bytes(call, heads, queries) + (max(0, key - known) if continues else key)
        self._keys[name] = keys, max(key, known) if continues else key

    def _row_bytes(self, call: Captured, heads: list[int], rows: int) -> int:
        if self.options.rows is not None:
            rows = min(rows, len(self.options.rows))
        dense = sum(each.nbytes for each in (call.sight.mask, call.sight.bias) if each is not None)
        size = call.query.shape[-1] * self._kind(call).itemsize + 4
        return call.query.shape[0] * len(heads) * rows * size + 8 * rows + dense

    def _spend(self, name: str, more: int) -> None:
        most = self.options.memory
        if most is not None and self.bytes + more > most:
            raise MemoryError(
                f"memory is {most} bytes, and {name} would make the record {self.bytes + more}; record fewer layers, "
                "heads or rows, keep them in torch.bfloat16, or allow more."
            )
        self.bytes += more

    def _key_of(self, call: Captured, heads: list[int]) -> Tensor:
        """Keys as they are kept: one for each head, where heads were left out."""
        if len(heads) == call.query.shape[1]:
            return call.key
        group = call.query.shape[1] // call.key.shape[1]
        return call.key[:, [head // group for head in heads]]

    def _add(self, name: str, call: Captured, heads: list[int]) -> None:
        key = self._key_of(call, heads)
        streams = self.streams.setdefault(name, [])
        key_bytes = key.numel() * self._kind(call).itemsize
        self._spend(name, key_bytes + self._row_bytes(call, heads, call.query.shape[2]))
        key = key.detach().to("cpu", self._kind(call), copy=True, memory_format=torch.contiguous_format)
        place = placed(streams, call, key)
        rows = _wanted(self.options, call.query.shape[2], place.start)
        part = _part(name, call, key, rows, heads, place)
        if len(rows):
            part = replace(part, proof=proved(part, call, rows))
        narrower = key.dtype.itemsize < call.query.dtype.itemsize
        allowed = math.inf if narrower else call.allowed
        if call.compare is not None and not part.proof.weights <= allowed:
            self.miss(name, f"recomputed rows differ from the model's by {part.proof.weights:.2g}; nothing was kept")
            return
        stream = place.stream
        if stream is None:
            streams.append(stream := Stream(key))
        else:
            self.bytes -= stream.key.nbytes
        grow(stream, part, call, place)
        self.bytes += stream.key.nbytes - key_bytes


def _wanted(options: Options, count: int, start: int) -> Tensor:
    """Rows of a call that are wanted, where its first has this position."""
    if options.rows is None:
        return torch.arange(count)
    rows = torch.tensor(list(options.rows), dtype=torch.long) - start
    return rows[(rows >= 0) & (rows < count)].unique()


def _part(name: str, call: Captured, key: Tensor, rows: Tensor, heads: list[int], place: Place) -> Attended:
    """The wanted rows and heads of a call, told by the call's own keys."""
    chosen, lse, query = torch.tensor(heads), call.lse, call.query
    if len(rows) < query.shape[2] or len(heads) < query.shape[1]:
        query = query[:, chosen][:, :, rows]
        lse = None if lse is None else lse[:, chosen][:, :, rows]
    start = place.start - place.offset
    sight = taken(call.sight, rows, chosen)
    part = Attended(
        name,
        query.detach().to("cpu", key.dtype, copy=True, memory_format=torch.contiguous_format),
        key,
        torch.zeros(0) if lse is None else _emptied(lse.detach().to("cpu", torch.float32, copy=True), sight),
        rows + start,
        call.scale,
        call.softcap,
        None if call.sink is None else call.sink.detach().float().cpu()[chosen],
        # Distances were counted as if the first row stood beside the first key.
        replace(sight, nearest=sight.nearest - start),
        _NOTHING,
        head_numbers=tuple(heads),
    )
    return part if lse is not None else replace(part, lse=_row_numbers(part))


def _emptied(lse: Tensor, sight: Sight) -> Tensor:
    """Numbers of rows, -inf where a row sees nothing: kernels do not agree on what they say there."""
    lse = lse.contiguous().nan_to_num_(nan=-torch.inf, posinf=torch.inf, neginf=-torch.inf)
    if sight.first is None or sight.stop is None:
        return lse
    return lse.masked_fill_(sight.stop <= sight.first, -torch.inf)


def _row_numbers(one: Attended) -> Tensor:
    every = torch.arange(one.queries)
    maps = [
        torch.stack([row_sums(one, batch, head, every) for head in range(one.heads)]) for batch in range(one.batch)
    ]
    return torch.stack(maps).float()


def _within(path: str, other: str) -> bool:
    return path == other or path.startswith(f"{other}.")
