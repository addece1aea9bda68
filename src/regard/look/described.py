"""What a page must know of a record before it asks for a picture: layers, tokens, proof, what was not seen."""

from __future__ import annotations

import base64
import math
from typing import Any

import numpy as np

from regard.look.attended import Attended
from regard.look.grid import described_grid
from regard.look.record import Record
from regard.look.record_tokens import Shelf
from regard.look.views_overview import Overview

JSON = dict[str, Any]


def described(record: Record) -> JSON:
    """The record as JSON, without a tensor. Lists of tokens that several layers share stand there once.

    `layers` has for each: name, heads, their numbers in the model, queries, keys, batch, `query_tokens` and
    `key_tokens` as places in `tokens`, `rows` (positions of the recorded queries; None where all are there), and its
    proof.
    """
    shelf = Shelf()
    layers = [_layer(layer, shelf) for layer in record.layers]
    unseen = [{"name": name, "reason": reason} for name, reason in record.unseen.items()]
    told = {"format": 1, "model": dict(record.model), "layers": layers, "tokens": shelf.lists, "unseen": unseen}
    return {**told, **described_grid(record.image)}


def _layer(layer: Attended, shelf: Shelf) -> JSON:
    rows = [int(row) for row in layer.rows]
    return {
        "name": layer.name,
        "heads": layer.heads,
        "head_numbers": list(layer.numbers),
        "queries": layer.queries,
        "keys": layer.keys,
        "batch": layer.batch,
        "query_tokens": shelf.place(layer.query_tokens),
        "key_tokens": shelf.place(layer.key_tokens),
        "rows": None if rows == list(range(len(rows))) else rows,
        "proof": {"weights": finite(layer.proof.weights), "row_sum": finite(layer.proof.sums)},
    }


def overview_json(found: Overview) -> dict[str, Any]:
    """Numbers for each head, and its thumbnail as float32 in base64."""
    names = ("entropy", "sink_mass", "distance", "previous_token", "induction")
    small = np.ascontiguousarray(found.thumbnail, dtype="<f4")
    numbers: dict[str, Any] = {name: [finite(float(one)) for one in getattr(found, name)] for name in names}
    return {
        **numbers,
        "rows": found.rows,
        "exact": found.exact,
        "shape": list(small.shape),
        "thumbnail": base64.b64encode(small.tobytes()).decode(),
    }


def finite(value: float) -> float | None:
    """A number as JSON has it, which knows no NaN.

    Example:
        >>> finite(0.5), finite(float("nan"))
        (0.5, None)
    """
    return float(value) if math.isfinite(value) else None
