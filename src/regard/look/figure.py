"""Part of a map as a figure for a paper, as SVG, PDF or PNG, with what it is of inside the file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from regard.look.alignment import labels
from regard.look.record import Record
from regard.look.views import TILE, Address, Views
from regard.look.views_map import Pooling
from regard.look.written import whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# With more tokens than this, names would be smaller than a reader's eye.
MOST_NAMES = 64
_INCH = 72


@dataclass(frozen=True)
class Part:
    """Which rows and keys of which head."""

    layer: int
    head: int
    queries: range
    keys: range
    batch: int = 0


def write_figure(views: Views, part: Part, path: Path) -> None:
    """Write part of a map into FILE.svg, .pdf or .png.

    Raises:
        ValueError: the part is not in the record, or the file has another ending.
        OSError: the file cannot be written.
    """
    kind = path.suffix.lower().removeprefix(".")
    if kind not in ("svg", "pdf", "png"):
        raise ValueError(f"the figure is {path.name!r}, expected a name that ends in .svg, .pdf or .png.")
    import matplotlib as mpl

    drawn = figure(views, part)
    told = _metadata(kind, json.dumps(provenance(views.record, part), sort_keys=True))
    # Letters stay letters, which an editor of papers can search and change.
    with (
        mpl.rc_context({"svg.fonttype": "none", "pdf.fonttype": 42, "svg.hashsalt": "regard"}),
        whole(path) as partial,
    ):
        drawn.savefig(partial, format=kind, metadata=told, dpi=300, bbox_inches="tight")


def figure(views: Views, part: Part) -> Figure:
    """A matplotlib Figure of part of a map: exact where it has up to 256 rows and keys, pooled by sum where more.

    Raises:
        ValueError: the part is not in the record.
    """
    from matplotlib.colors import LogNorm
    from matplotlib.figure import Figure

    values, zoom = pooled(views, part)
    layer = views.record.layers[part.layer]
    high, wide = (min(7.0, max(2.0, 0.16 * size)) for size in values.shape)
    drawn = Figure(figsize=(wide, high), layout="constrained")
    axes = drawn.add_subplot()
    least = 10.0 ** -max(3, len(str(layer.keys)) + 1)
    shown = np.ma.masked_less_equal(values, 0)
    edges = (part.keys.start, part.keys.stop, part.queries.stop, part.queries.start)
    picture = axes.imshow(
        shown, cmap="cividis_r", norm=LogNorm(least, 1), extent=edges, interpolation="nearest", aspect="equal"
    )
    _named(axes, part.queries, layer.query_tokens, "y")
    _named(axes, part.keys, layer.key_tokens, "x")
    axes.set_ylabel("query")
    axes.set_xlabel("key")
    axes.set_title(f"{layer.name}, head {layer.numbers[part.head]}", fontsize="medium")
    what = "weight" if zoom == 0 else f"weight of {1 << zoom} keys, mean of {1 << zoom} queries"
    drawn.colorbar(picture, ax=axes, label=what, shrink=0.8)
    return drawn


def provenance(record: Record, part: Part) -> dict[str, Any]:
    """What a figure is of, as it stands inside the file."""
    from regard import __version__

    layer = record.layers[part.layer]
    return {
        "made with": f"regard {__version__}",
        "model": dict(record.model),
        "attention": layer.name,
        "head": layer.numbers[part.head],
        "sequence": part.batch,
        "queries": [part.queries.start, part.queries.stop],
        "keys": [part.keys.start, part.keys.stop],
        "largest difference from the model": layer.proof.weights,
        "largest difference of a row's sum from 1": layer.proof.sums,
    }


def pooled(views: Views, part: Part) -> tuple[Float[np.ndarray, "rows columns"], int]:
    """The cells of a part, and the zoom at which it has at most 256 of them each way."""
    layer = views.record.layers[part.layer]
    for name, span, size in (("queries", part.queries, layer.queries), ("keys", part.keys, layer.keys)):
        if span.step != 1 or not 0 <= span.start < span.stop <= size:
            raise ValueError(
                f"{name} is {span.start}:{span.stop}, expected neighbours within 0:{size}, at least one."
            )
    zoom = 0
    while max(len(part.queries), len(part.keys)) > TILE << zoom:
        zoom += 1
    rows, columns = (range(span.start >> zoom, -(-span.stop >> zoom)) for span in (part.queries, part.keys))
    tiles = [
        [
            views.tile(Address(part.layer, part.head, part.batch, zoom, down, across, Pooling.SUM))
            for across in range(columns.start // TILE, (columns.stop - 1) // TILE + 1)
        ]
        for down in range(rows.start // TILE, (rows.stop - 1) // TILE + 1)
    ]
    whole = np.block(tiles)
    top, left = rows.start // TILE * TILE, columns.start // TILE * TILE
    return whole[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left], zoom


def _named(axes: Any, span: range, tokens: tuple[str, ...], side: str) -> None:
    if len(span) > MOST_NAMES:
        return
    names = [name.replace("$", r"\$") for name in labels([tokens[at] for at in span])]
    axis = axes.yaxis if side == "y" else axes.xaxis
    axis.set_ticks([at + 0.5 for at in span], names, fontsize=min(8, 0.16 * _INCH * 0.7))
    if side == "x":
        axes.xaxis.tick_top()
        axes.xaxis.set_label_position("top")
        axes.tick_params(axis="x", rotation=60)


def _metadata(kind: str, told: str) -> dict[str, Any]:
    """Where each kind of file keeps such things. No date: the same figure has the same bytes."""
    if kind == "png":
        return {"Description": told, "Software": "regard"}
    if kind == "pdf":
        return {"Subject": told, "Creator": "regard", "CreationDate": None}
    return {"Description": told, "Creator": "regard", "Date": None}
