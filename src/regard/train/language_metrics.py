"""What a language model's loss means: nats and bits, a token and a character."""

from __future__ import annotations

import math
from dataclasses import dataclass

from regard.train.metrics import Metric


@dataclass(frozen=True)
class Surprise:
    """How surprised a model was by a text, in all.

    Args:
        nats: sum of -log p over its tokens.
        tokens: how many tokens.
        characters: how many characters they spell.
        protocol: what the model had read when it predicted a token.
    """

    nats: float
    tokens: int
    characters: int
    protocol: str

    @property
    def loss(self) -> float:
        """Mean nats a token."""
        return self.nats / max(1, self.tokens)

    def metrics(self, prefix: str = "") -> list[Metric]:
        """Loss, perplexity and bits per character.

        perplexity = exp(nats / tokens),   bits per character = nats / (log 2 * characters)

        Example:
            >>> import math
            >>> [str(one) for one in Surprise(math.log(8), 1, 3, "").metrics()]
            ['2.0794', '8.000', '1.000']
        """
        bits = self.nats / math.log(2) / max(1, self.characters)
        # A model may be so wrong that its perplexity is no number of this machine.
        perplexity = math.exp(min(self.loss, 700.0))
        return [
            Metric(f"{prefix}loss", self.loss, f"nats a token; {self.protocol}", digits=4, better="lower"),
            Metric(f"{prefix}perplexity", perplexity, f"a token; {self.protocol}", digits=3, better="lower"),
            Metric(f"{prefix}bits per character", bits, self.protocol, digits=3, better="lower"),
        ]
