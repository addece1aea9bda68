"""Text in, text out: a language model with its vocabulary."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from regard.data.vocabulary import BEGIN, END, PAD, UNKNOWN, Vocabulary
from regard.train.generation import Causal, Sampling, generate


def write(
    model: Causal, vocabulary: Vocabulary, prompt: str, sampling: Sampling, *, longest: int, rows: int = 1
) -> list[str]:
    """What stands after a prompt in some texts that begin with it; each ends with a stop, its END or the maximum.

    Args:
        model: a causal model in eval mode.
        vocabulary: of its tokens.
        prompt: what the texts begin with; may be empty.
        sampling: how to draw, and where to stop.
        longest: positions that the model may read.
        rows: how many texts.

    Example:
        >>> from regard.data.vocabulary import Characters
        >>> from regard.models import Stack
        >>> letters = Characters.fit(["abc"], 10)
        >>> model = Stack(layers=1, heads=1, size=4, longest=5).build(letters.size).eval()
        >>> len(write(model, letters, "a", Sampling(maximum=7), longest=5, rows=2))
        2
    """
    begun = vocabulary.encode(prompt)
    allowed = torch.ones(vocabulary.size, dtype=torch.bool, device=model.output.weight.device)
    allowed[[PAD, BEGIN, UNKNOWN]] = False
    found: list[list[int]] = [[] for _ in range(rows)]
    texts = [""] * rows
    still = set(range(rows))
    for tokens in generate(model, [END, *begun], sampling, longest=longest, allowed=allowed, rows=rows):
        drawn = tokens.tolist()
        ended = {row for row in still if drawn[row] == END}
        still -= ended
        for row in still:
            found[row].append(drawn[row])
        for row in sorted(still) if sampling.stops else ():
            text = _after(vocabulary, begun, found[row])
            place = first_stop(text, sampling.stops)
            if place is not None:
                texts[row], still = text[:place], still - {row}
        if not still:
            break
    # What stopped has its text; the others have theirs now.
    return [text or _after(vocabulary, begun, tokens) for text, tokens in zip(texts, found, strict=True)]


def first_stop(text: str, stops: Sequence[str]) -> int | None:
    """Where a text ends that ends with the first stop in it; None where it has none.

    Example:
        >>> first_stop("one. two; three", [";", "."])
        4
    """
    ends = [place + len(stop) for stop in stops if (place := text.find(stop)) >= 0]
    return min(ends, default=None)


def _after(vocabulary: Vocabulary, begun: Sequence[int], written: Sequence[int]) -> str:
    """The text of what was written: what it adds to the beginning, which may put a space between."""
    return vocabulary.decode([*begun, *written])[len(vocabulary.decode(begun)) :]
