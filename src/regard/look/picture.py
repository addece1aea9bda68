"""A record, or a few of its layers, as one picture: a map for every head."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from regard.look.heads import heads_svg
from regard.look.record import Record
from regard.look.written import write_text

# More tokens than this are too small to read; the page shows them.
MOST = 100


def picture(record: Record, layers: Sequence[str] | None = None, *, batch: int = 0) -> str:
    """Every head of some self-attentions as a map with the tokens beside it, an SVG.

    Args:
        record: what was recorded.
        layers: paths of attentions; None means all that have as many rows as keys.
        batch: sequence.

    Raises:
        ValueError: a layer is not in the record, has other keys than rows, or more than 100; none is left.

    Example:
        >>> import regard as rg, torch
        >>> from regard.look.picture import picture
        >>> model = torch.nn.MultiheadAttention(8, 2, batch_first=True).eval()
        >>> with rg.record(model, tokens={"text": ["to", "look", "at"]}) as seen:
        ...     _ = model(*[torch.randn(1, 3, 8)] * 3)
        >>> picture(seen.record).count('class="head"')
        2
    """
    names = [name for name, one in record.items() if one.queries == one.keys] if layers is None else list(layers)
    missing = [name for name in names if name not in record]
    if missing or not names:
        raise ValueError(f"layers is {missing or names}, expected some of: {', '.join(record)}.")
    for name in names:
        one = record[name]
        if one.queries != one.keys or one.keys > MOST:
            raise ValueError(
                f"layers has {name} with {one.queries} rows and {one.keys} keys; expected a self-attention of at "
                f"most {MOST} tokens. Save the record and open it with `regard look` to see longer ones."
            )
    maps = [record[name].weights()[batch].tolist() for name in names]
    return heads_svg(record[names[0]].key_tokens, maps, f"attention of {len(names)} layers")


def draw(record: Record, path: str | Path, layers: Sequence[str] | None = None, *, batch: int = 0) -> None:
    """Write the `picture` of a record into a file, whole or not at all; arguments and errors are the same."""
    write_text(Path(path), [picture(record, layers, batch=batch)])
