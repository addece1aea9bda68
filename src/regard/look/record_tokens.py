"""Which labels belong to a layer's queries and keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from regard.look.attended import Attended

# How paths of modules say that keys come from another stream than queries.
_CROSS = ("cross", "encoder_attn", "encdec", "multihead_attn", "enc_dec")


def labelled(layer: Attended, tokens: Mapping[str, tuple[str, ...]]) -> Attended:
    """The layer with labels of the streams of tokens that are as long as it; numbers where there is none."""
    positions = [int(row) for row in layer.rows]
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
        query_tokens=tuple(_label(tokens, query, position) for position in positions),
        key_tokens=tuple(_label(tokens, key, position) for position in range(layer.keys)),
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


def _label(tokens: Mapping[str, tuple[str, ...]], stream: str | None, position: int) -> str:
    known = () if stream is None else tokens[stream]
    return known[position] if position < len(known) else str(position)
