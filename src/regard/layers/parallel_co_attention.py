"""Two inputs attend to each other at once."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from regard.attention import Answer, Bilinear, Elementwise, Score, Softmax, Weighing, Where, attend
from regard.layers.checks import check_last, check_sizes
from regard.layers.hidden import without_hidden
from regard.layers.pool import learned_query, pool


@dataclass(frozen=True)
class CoAttended:
    """What was read of each of two inputs: contexts (batch, size) and weights (batch, time)."""

    left: Answer
    right: Answer


@dataclass(frozen=True)
class Tanh(Elementwise):
    """Weights that are not normalised, between -1 and 1: w = tanh(s)."""

    def map(self, scores: Tensor) -> Tensor:
        return scores.tanh()


@dataclass(frozen=True, eq=False)
class Swapped(Score):
    """A score whose query and key change sides: swapped(q, k) = score(k, q)."""

    score: Score

    def prepare_query(self, query: Tensor) -> Tensor:
        return self.score.prepare_key(query)

    def prepare_key(self, key: Tensor, start: int = 0) -> Tensor:
        return self.score.prepare_query(key)

    def tile(self, query: Tensor, key: Tensor) -> Tensor:
        return self.score.tile(key, query).transpose(-1, -2)

    def width(self, key_size: int) -> int:
        return self.score.width(key_size)

    @property
    def is_inner_product(self) -> bool:
        return self.score.is_inner_product

    def learned(self) -> tuple[Tensor, ...]:
        return self.score.learned()

    def check(self, query_size: int, key_size: int) -> None:
        self.score.check(key_size, query_size)


class ParallelCoAttention(nn.Module):
    """Attend to two inputs at once, each guided by how it matches the other.

    C_ij = tanh(score(l_i, r_j)),   H^l = tanh(W_l L + C (W_r R)),   H^r = tanh(W_r R + C^T (W_l L)),
    a^l = weigh(H^l . w_l),   a^r = weigh(H^r . w_r),   contexts: sum_i a^l_i l_i and sum_j a^r_j r_j

    The affinity C is attention too, whose weights are not normalised; it is never held as a whole. Left is the
    paper's image V and right its question Q. A side without visible positions gives 0 and guides nothing.

    Args:
        left_size: size of the left input.
        right_size: size of the right input.
        hidden_size: size of H.
        score: how well a left position (as query) matches a right one (as key); None means
            Bilinear(left_size, right_size), the paper's W_b.
        weigh: how the scores of a side become its weights.

    Raises:
        ValueError: a size is not positive; inputs of other sizes are given.

    Example:
        >>> import regard as rg, torch
        >>> from regard.layers import ParallelCoAttention
        >>> image, question = torch.randn(2, 7, 5), torch.randn(2, 3, 4)
        >>> seen = ParallelCoAttention(5, 4, 11)(image, question, right_where=rg.Lengths(torch.tensor([3, 1])))
        >>> seen.left.context.shape, seen.right.weights.shape
        (torch.Size([2, 5]), torch.Size([2, 3]))

    Source: Lu et al. 2016, equations 3 to 5.
    """

    def __init__(
        self,
        left_size: int,
        right_size: int,
        hidden_size: int,
        *,
        score: Score | None = None,
        weigh: Weighing = Softmax(),
    ) -> None:
        super().__init__()
        check_sizes(left_size=left_size, right_size=right_size, hidden_size=hidden_size)
        self.score = Bilinear(left_size, right_size) if score is None else score
        self.weigh = weigh
        self.left = nn.Linear(left_size, hidden_size, bias=False)
        self.right = nn.Linear(right_size, hidden_size, bias=False)
        self.left_query, self.right_query = learned_query(hidden_size), learned_query(hidden_size)

    def forward(
        self,
        left: Float[Tensor, "batch left_time left_size"],
        right: Float[Tensor, "batch right_time right_size"],
        left_where: Where | None = None,
        right_where: Where | None = None,
    ) -> CoAttended:
        """Contexts and weights of both; a where says which positions of its side are real, to every query."""
        check_last("left", left, 3, self.left.in_features)
        check_last("right", right, 3, self.right.in_features)
        left, right = without_hidden(left, left_where, 1), without_hidden(right, right_where, 1)
        of_left, of_right = self.left(left), self.right(right)
        to_left = attend(left, right, of_right, score=self.score, where=right_where, weigh=Tanh())
        to_right = attend(right, left, of_left, score=Swapped(self.score), where=left_where, weigh=Tanh())
        return CoAttended(
            pool(self.left_query, (of_left + to_left).tanh(), left, where=left_where, weigh=self.weigh),
            pool(self.right_query, (of_right + to_right).tanh(), right, where=right_where, weigh=self.weigh),
        )
