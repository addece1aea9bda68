"""An internal input attends to an external one, and takes in what it reads."""

from __future__ import annotations

from enum import Enum

import torch
from jaxtyping import Float
from torch import Tensor, nn

from regard.attention import Attention, Bilinear, Score, Softmax, Weighing, Where
from regard.attention.module import joined
from regard.layers.checks import check_last, check_sizes
from regard.layers.hidden import without_hidden
from regard.layers.multi_head import MultiHead


class Fusion(Enum):
    """How an internal state and what it read from outside become one.

    GATE: g h + (1 - g) c with g = sigmoid(W [h; c] + b), a gate for each feature. LINEAR: W [h; c] + b.
    """

    GATE = "gate"
    LINEAR = "linear"


class CrossFusion(nn.Module):
    """Attend within the internal input, within the external one, from the first to the second, and merge.

    h = MultiHead(x, x, x; a),   k = MultiHead(y, y, y),   e_ij = score(k_j, h_i),
    w_ij = weigh(e_ij for every j with a_ij),   c_i = sum_j w_ij V k_j,   z_i = fuse(h_i, c_i)

    The equation is read so: a_ij says whether position i may see position j. It masks the self-attention of the
    internal input x, and it masks the allocation over the external features k as well, inside of the softmax, so
    that the weights of what i may see sum to one. External position j thus stands on the same axis of time as
    internal position j, as in two streams that run side by side. Where the external input has an axis of its own,
    give no `sees`, or a rule that is made for any two lengths. a_ij is internal: the external features are learned
    from all of y, so to keep the future of two streams out, give Causal() as `sees` and in `external_where`.

    What is real on either side is told by the other two wheres. A mask is (batch, 1, queries, keys). An internal
    position that may see nothing external is fused with c = 0. There is no residual: a block around this adds its
    own.

    Args:
        internal_size: size of x, h, c and z; a multiple of heads.
        external_size: size of y and k; a multiple of heads.
        heads: heads of both self-attentions.
        score: how well h_i (as query) matches k_j (as key); None means Bilinear(internal_size, external_size).
        weigh: how e becomes w.
        fusion: how h and c are merged.
        dropout: rate at which weights are dropped while training.

    Raises:
        ValueError: a size is not positive or no multiple of heads; inputs of other sizes are given; a where does
            not fit, as a Mask of internal by internal positions does not where the lengths differ.

    Example:
        >>> import regard as rg, torch
        >>> from regard.layers import CrossFusion
        >>> fused = CrossFusion(6, 4, heads=2)(torch.randn(2, 5, 6), torch.randn(2, 5, 4), sees=rg.Causal())
        >>> fused.shape
        torch.Size([2, 5, 6])

    Source: Vaswani et al. 2017, section 3.2.3 (encoder-decoder attention), with the features of both sides
    learned by self-attention first; gate: Arevalo et al. 2017 (gated multimodal unit).
    """

    def __init__(
        self,
        internal_size: int,
        external_size: int,
        heads: int,
        *,
        score: Score | None = None,
        weigh: Weighing = Softmax(),
        fusion: Fusion = Fusion.GATE,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        check_sizes(internal_size=internal_size, external_size=external_size, heads=heads)
        self.internal_size, self.external_size, self.fusion = internal_size, external_size, fusion
        self.internal = MultiHead(internal_size, heads, dropout=dropout, weigh=weigh)
        self.external = MultiHead(external_size, heads, dropout=dropout, weigh=weigh)
        self.value = nn.Linear(external_size, internal_size, bias=False)
        scored = Bilinear(internal_size, external_size) if score is None else score
        self.attention = Attention(score=scored, weigh=weigh, dropout=dropout)
        self.merge = nn.Linear(2 * internal_size, internal_size)

    def forward(
        self,
        internal: Float[Tensor, "batch internal_time internal_size"],
        external: Float[Tensor, "batch external_time external_size"],
        *,
        sees: Where | None = None,
        internal_where: Where | None = None,
        external_where: Where | None = None,
    ) -> Float[Tensor, "batch internal_time internal_size"]:
        """The internal input with what it took from the external one.

        `sees` is a_ij; `internal_where` and `external_where` say which positions of each input are real.
        """
        check_last("internal", internal, 3, self.internal_size)
        check_last("external", external, 3, self.external_size)
        internal = without_hidden(internal, internal_where, internal.shape[1], heads=(1,))
        external = without_hidden(external, external_where, external.shape[1], heads=(1,))
        own = self.internal(internal, internal, joined(sees, internal_where))
        features = self.external(external, external, external_where)
        value = self.value(features)
        # One head, so that all three attentions understand the same masks.
        read = self.attention(own[:, None], features[:, None], value[:, None], where=joined(sees, external_where))[
            :, 0
        ]
        merged = self.merge(torch.cat((own, read), dim=-1))
        if self.fusion is Fusion.LINEAR:
            return merged
        return torch.lerp(read, own, merged.sigmoid())
