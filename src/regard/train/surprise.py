"""A language model's surprise at a stream of tokens, and what it means: nats and bits, a token and a character."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from accelerate import Accelerator

from regard.data.tokens import Stream, TextBatch
from regard.data.vocabulary import END, UNKNOWN
from regard.train.counts import NGrams
from regard.train.distributed import share, summed
from regard.train.loss import Loss
from regard.train.metrics import Metric

# Tokens that are scored at a time.
_TOKENS = 4096
# Counting what followed several tokens takes about 225 bytes for each token.
_MOST_COUNTED = 20_000_000


@dataclass(frozen=True)
class Surprise:
    """How surprised a model was by a text, in all: the sum of -log p over its tokens."""

    nats: float
    tokens: int

    def __add__(self, other: Surprise) -> Surprise:
        return Surprise(self.nats + other.nats, self.tokens + other.tokens)

    @property
    def loss(self) -> float:
        """Mean nats a token."""
        return self.nats / max(1, self.tokens)

    def metrics(self, characters: int | None, protocol: str) -> list[Metric]:
        """Loss, perplexity and, where the tokens spell the whole text, bits per character.

        loss = nats / tokens,   perplexity = exp(loss),   bits per character = nats / (log 2 * characters)

        Args:
            characters: how many the tokens spell; None where unknown tokens hide what stands there.
            protocol: what the model had read when it predicted a token.

        Example:
            >>> import math
            >>> [str(one) for one in Surprise(math.log(8), 1).metrics(3, "")]
            ['2.0794', '8.000', '1.000']
        """
        # A model may be so wrong that its perplexity is no number of this machine.
        perplexity = math.exp(min(self.loss, 700.0))
        found = [
            Metric("loss", self.loss, f"nats a token; {protocol}", digits=4, better="lower"),
            Metric("perplexity", perplexity, f"a token; {protocol}", digits=3, better="lower"),
        ]
        if characters is None:
            return found
        bits = self.nats / math.log(2) / max(1, characters)
        return [*found, Metric("bits per character", bits, protocol, digits=3, better="lower")]


def surprise(
    stream: Stream, length: int, loss: Callable[[TextBatch], Loss], processes: Accelerator, most: int | None = None
) -> Surprise:
    """Surprise at a stream in windows side by side: every token once, given those before it in its window.

    A token has (length - 1) / 2 tokens before it on average; the same is expected of windows at random places.

    Args:
        stream: what is predicted; its first token is not.
        length: tokens of a window.
        loss: the summed loss of a batch.
        processes: who share the windows.
        most: windows that are looked at, evenly spread; None means all.
    """
    starts = stream.starts(length)
    if most is not None:
        starts = starts[:: max(1, -(-len(starts) // most))]
    mine, together = share(starts, processes), max(1, _TOKENS // length)
    nats, tokens = 0.0, 0.0
    for place in range(0, len(mine), together):
        found = loss(stream.batch(mine[place : place + together], length).to(processes.device))
        nats, tokens = nats + float(found.sum), tokens + float(found.count)
    nats, tokens = summed([nats, tokens], processes)
    return Surprise(nats, int(tokens))


def characters_of(stream: Stream, texts: list[str]) -> int:
    """Characters that a stream's targets spell; the end of a document counts as one."""
    return sum(map(len, texts)) + int((stream.tokens[1:] == END).sum())


def unknown_share(stream: Stream) -> str:
    """What a protocol says of targets that are not known, each of which stands for anything; nothing without any."""
    unknown = float((stream.tokens[1:] == UNKNOWN).mean())
    return f"; {unknown:.2%} of the tokens are unknown ones" if unknown else ""


def count_losses(train: Stream, test: Stream, vocabulary_size: int) -> list[Metric]:
    """The loss of counts on the same tokens: of single ones, and of what followed the two or five before."""
    names = {1: "unigram", 3: "3-gram Kneser-Ney", 6: "6-gram Kneser-Ney"}
    protocol = "nats a token of the test part, given all before it there, documents before its own included"
    found = []
    for order, name in names.items():
        if order > 1 and len(train) > _MOST_COUNTED:
            reason = f"not measured: {len(train)} training tokens are more than {_MOST_COUNTED}"
            found.append(Metric(f"{name}: loss", math.nan, reason, digits=4, better="lower"))
            continue
        odds = NGrams(train.tokens, order, vocabulary_size, END).probabilities(test.tokens[1:])
        found.append(Metric(f"{name}: loss", float(-np.log(odds).mean()), protocol, digits=4, better="lower"))
    return found
