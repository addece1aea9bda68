"""Which labels belong to a layer's queries and keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from regard.look.attended import Attended

# How paths of modules say that keys come from another stream than queries.
_CROSS = ("cross", "encoder_attn", "encdec", "multihead_attn", "enc_dec")


class Labels:
    """Labels of layers, each list of them made once for all layers that share it.

    Args:
        tokens: labels of each stream of tokens, by its name.
    """

    def __init__(self, tokens: Mapping[str, tuple[str, ...]]) -> None:
        self._tokens = tokens
        self._known: dict[tuple[str | None, tuple[int, ...] | int], tuple[str, ...]] = {}

    def of(self, stream: str | None, positions: Sequence[int]) -> tuple[str, ...]:
        """Labels of these positions of a stream, numbers where it has none."""
        contiguous = list(positions) == list(range(len(positions)))
        key = (stream, len(positions) if contiguous else tuple(positions))
        if key not in self._known:
            known = () if stream is None else self._tokens[stream]
            self._known[key] = tuple(known[at] if at < len(known) else str(at) for at in positions)
        return self._known[key]


def labelled(layer: Attended, tokens: Mapping[str, tuple[str, ...]], labels: Labels) -> Attended:
    """The layer with labels of the streams of tokens that are as long as it; numbers where there is none."""
    positions: list[int] = layer.rows.tolist()
    last = max(positions, default=-1) + 1
    crossed = any(part in layer.name.lower() for part in _CROSS)
    query = None if crossed else _stream(layer.name, tokens, layer.keys, None)
    if query is None:
        query = _stream(layer.name, tokens, last, None)
    key = _stream(layer.name, tokens, layer.keys, query if crossed else None)
    if not crossed and query is not None and len(tokens[query]) == layer.keys:
        key = query
    return replace(
        layer,
        query_tokens=labels.of(query, positions),
        key_tokens=labels.of(key, range(layer.keys)),
    )


def _stream(path: str, tokens: Mapping[str, tuple[str, ...]], count: int, other: str | None) -> str | None:
    """The stream of this length that the path names, or else the first; another than `other` where there is one."""
    fitting = [name for name, stream in tokens.items() if len(stream) == count]
    wanted = [name for name in fitting if name != other] or fitting
    named = [name for name in wanted if name in path.split(".")]
    if other is not None:
        # A path names the stream that asks, not the one that is asked.
        return wanted[0] if wanted else None
    fitting = named or wanted
    return fitting[0] if fitting else None


class Shelf:
    """Lists of labels, each once; what has one keeps its place."""

    def __init__(self) -> None:
        self._places: dict[tuple[str, ...], int] = {}

    @property
    def lists(self) -> list[list[str]]:
        """The lists, in the order of their places."""
        return [list(labels) for labels in self._places]

    def place(self, labels: Sequence[str]) -> int:
        """Where a list stands, now or already."""
        return self._places.setdefault(tuple(labels), len(self._places))
