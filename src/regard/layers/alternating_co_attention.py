"""Two inputs attend to each other in turns."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from regard.attention import Additive, Score, Softmax, Weighing, Where
from regard.layers.checks import check_last, check_sizes
from regard.layers.parallel_co_attention import CoAttended
from regard.layers.pool import Pool, pool


class AlternatingCoAttention(nn.Module):
    """Sum up the right input, look at the left with that, and at the right again with what was seen.

    A(X; g) = sum_t a_t x_t,   a = weigh(score(g, x_t)),   score(g, x) = w . tanh(W_x x + W_g g + b)
    s = A(R; 0),   left = A(L; s),   right = A(R; left)

    Each step has parameters of its own; b is the bias that Additive has and the paper has not. Left is the
    paper's image V and right its question Q.

    Args:
        left_size: size of the left input.
        right_size: size of the right input.
        hidden_size: size of the hidden layer of the scores.
        left_score: how well a summary (right_size) as query matches a left position; None means Additive.
        right_score: how well the left context (left_size) as query matches a right position; None means Additive.
        weigh: how scores become weights.

    Raises:
        ValueError: a size is not positive; inputs of other sizes are given.

    Example:
        >>> import torch
        >>> from regard.layers import AlternatingCoAttention
        >>> seen = AlternatingCoAttention(5, 4, 11)(torch.randn(2, 7, 5), torch.randn(2, 3, 4))
        >>> seen.left.context.shape, seen.right.weights.shape
        (torch.Size([2, 5]), torch.Size([2, 3]))

    Source: Lu et al. 2016, equation 6.
    """

    def __init__(
        self,
        left_size: int,
        right_size: int,
        hidden_size: int,
        *,
        left_score: Score | None = None,
        right_score: Score | None = None,
        weigh: Weighing = Softmax(),
    ) -> None:
        super().__init__()
        check_sizes(left_size=left_size, right_size=right_size, hidden_size=hidden_size)
        self.left_size, self.right_size = left_size, right_size
        # A guide of 0 leaves w . tanh(W_x x + b), which asks for salience alone.
        self.summary = Pool(right_size, hidden_size, weigh=weigh)
        self.left_score = Additive(right_size, left_size, hidden_size) if left_score is None else left_score
        self.right_score = Additive(left_size, right_size, hidden_size) if right_score is None else right_score
        self.weigh = weigh

    def forward(
        self,
        left: Float[Tensor, "batch left_time left_size"],
        right: Float[Tensor, "batch right_time right_size"],
        left_where: Where | None = None,
        right_where: Where | None = None,
    ) -> CoAttended:
        """Contexts and weights of both; a where says which positions of its side are real."""
        check_last("left", left, 3, self.left_size)
        check_last("right", right, 3, self.right_size)
        summary = self.summary(right, right_where).context
        seen = pool(summary, left, left, score=self.left_score, where=left_where, weigh=self.weigh)
        again = pool(seen.context, right, right, score=self.right_score, where=right_where, weigh=self.weigh)
        return CoAttended(seen, again)
