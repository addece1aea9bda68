"""Looking from the top down: what was read above asks the level below."""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Bool, Float
from torch import Tensor, nn

from regard.attention import Answer, Attention, Mask, Score, Softmax, Weighing
from regard.layers.checks import check_last
from regard.layers.hierarchy import Hierarchy, Nested, check_nested, visible
from regard.layers.pool import pool


class TopDown(nn.Module):
    """Ask the highest level with a query, and each level below with what was read above it.

    q_1 = query,   c_k = sum_j a_kj h_kj,   a_k = weigh(score_k(q_k, h_kj) within a group),   q_(k+1) = c_k,
    context = sum over the lowest parts of (the product of the weights on the way down to it) h

    With two levels: the query chooses sentences, what they say together chooses words in every sentence, and the
    words are read with weight sentence x word. h of an upper level is what the bottom-up pooling makes of it. The
    weights of all paths sum to one; empty groups have none.

    Args:
        bottom_up: gives h of every level.
        scores: one for each level, top first: the first matches the query with vectors of the hierarchy's size,
            the others match such vectors with each other.
        weigh: how scores become weights.

    Raises:
        ValueError: there is not one score for each level; query, inputs or masks have other shapes.

    Example:
        >>> import regard as rg, torch
        >>> from regard.layers import Hierarchy, TopDown
        >>> top_down = TopDown(Hierarchy(5, 11, levels=2), [rg.Bilinear(3, 5), rg.Bilinear(5, 5)])
        >>> masks = [torch.ones(2, 3).bool(), torch.ones(2, 3, 7).bool()]
        >>> top_down(torch.randn(2, 3), torch.randn(2, 3, 7, 5), masks).context.shape
        torch.Size([2, 5])

    Source: Ling and Rush 2017 (coarse to fine: a row is chosen, then a word in it), with soft choices.
    """

    def __init__(self, bottom_up: Hierarchy, scores: Sequence[Score], *, weigh: Weighing = Softmax()) -> None:
        super().__init__()
        if len(scores) != len(bottom_up.pools):
            raise ValueError(
                f"scores has {len(scores)} members, expected {len(bottom_up.pools)}: one for each level of bottom_up."
            )
        self.bottom_up = bottom_up
        # An Attention registers the parameters of a score that learns and bears one that does not.
        self.levels = nn.ModuleList(Attention(score=score, weigh=weigh) for score in scores)
        self.scores, self.weigh = tuple(scores), weigh

    def forward(
        self,
        query: Float[Tensor, "batch query_size"],
        inputs: Float[Tensor, "batch *levels size"],
        masks: Sequence[Bool[Tensor, "*upper"]],
    ) -> Nested:
        """The context of the whole and what every level read; weights are within a group, not yet multiplied."""
        check_nested(inputs, masks, len(self.scores), self.bottom_up.size)
        check_last("query", query, 2, query.shape[-1])
        below = [answer.context for answer in self.bottom_up(inputs, masks).levels[1:]]
        answers: list[Answer] = []
        for parts, real, score in zip([*below, inputs], visible(masks), self.scores, strict=True):
            answers.append(_within(query, parts, real, score, self.weigh))
            # Each part of this level is a group of the next, and is asked with what was read of its own group.
            query = answers[-1].context.unsqueeze(-2).expand(*parts.shape).flatten(0, -2)
        context = answers[-1].context
        for answer in reversed(answers[:-1]):
            context = (answer.weights.unsqueeze(-2) @ context).squeeze(-2)
        return Nested(context, tuple(answers))


def _within(query: Tensor, parts: Tensor, real: Tensor, score: Score, weigh: Weighing) -> Answer:
    """Read each group of parts (batch, ..., n, size) with a query of its own (groups, query_size)."""
    rows, mask = parts.flatten(0, -3), Mask(real.flatten(0, -2)[:, None])
    answer = pool(query, rows, rows, score=score, where=mask, weigh=weigh)
    return Answer(answer.context.reshape(*parts.shape[:-2], parts.shape[-1]), answer.weights.reshape(real.shape))
