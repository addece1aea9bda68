"""What the picture of an order is made of."""

from __future__ import annotations

from regard.data.orderings import Inputs
from regard.train.hypotheses import Hypothesis


def named(found: Hypothesis) -> list[int]:
    """Inputs in the order in which a search named them, counted from 0."""
    return [place - 1 for place in found.tokens]


def sample(one: Inputs, found: Hypothesis) -> dict[str, object]:
    """An instance with its true answer and ours, and what every step pointed at: the end and every input.

    Raises:
        ValueError: the search kept no weights.
    """
    if found.weights is None:
        raise ValueError(f"the answer to {one.name!r} has no weights; expected those of a pointer network.")
    return {
        "view": "ordering",
        "name": one.name,
        "inputs": one.rows.tolist(),
        "expected": one.answer(),
        "answer": named(found),
        "weights": [[round(weight, 4) for weight in row] for row in found.weights.tolist()],
    }
