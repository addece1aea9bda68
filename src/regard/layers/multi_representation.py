"""One token, several embeddings: which to trust is learned."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from regard.attention import Answer, Dot, Mask, Memory, Softmax, Weighing
from regard.layers.checks import check_sizes


class Plain(nn.Module):
    """Score an embedding by itself (DME).

    score(w) = a . w + b

    Args:
        size: size of a projected embedding.

    Raises:
        ValueError: size is not positive.

    Example:
        >>> import torch
        >>> from regard.layers import Plain
        >>> Plain(4)(torch.zeros(2, 3, 4), torch.tensor([3, 1])).shape
        torch.Size([2, 3])

    Source: Kiela, Wang and Cho 2018, section 2.1 (DME).
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        check_sizes(size=size)
        self.score = nn.Linear(size, 1)

    def forward(
        self, inputs: Float[Tensor, "batch time size"], lengths: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch time"]:
        """A score for every position."""
        return self.score(inputs).squeeze(-1)


class Contextual(nn.Module):
    """Score an embedding in its sentence (CDME).

    score(w_j) = a . h_j + b,   h = BiLSTM(w_1 ... w_s)

    Args:
        size: size of a projected embedding.
        hidden_size: size of the LSTM in each direction; the paper takes 2.

    Raises:
        ValueError: a size is not positive.

    Example:
        >>> import torch
        >>> from regard.layers import Contextual
        >>> Contextual(4)(torch.zeros(2, 3, 4), torch.tensor([3, 1])).shape
        torch.Size([2, 3])

    Source: Kiela, Wang and Cho 2018, section 2.2 (CDME).
    """

    def __init__(self, size: int, hidden_size: int = 2) -> None:
        super().__init__()
        check_sizes(size=size, hidden_size=hidden_size)
        self.recurrence = nn.LSTM(size, hidden_size, batch_first=True, bidirectional=True)
        self.score = nn.Linear(2 * hidden_size, 1)

    def forward(
        self, inputs: Float[Tensor, "batch time size"], lengths: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch time"]:
        """A score for every position."""
        # An LSTM takes no sequence of length 0; such a one reads a zero that nobody uses.
        packed = pack_padded_sequence(inputs, lengths.clamp(min=1).cpu(), batch_first=True, enforce_sorted=False)
        states, _ = pad_packed_sequence(self.recurrence(packed)[0], batch_first=True, total_length=inputs.shape[1])
        return self.score(states).squeeze(-1)


class MultiRepresentation(nn.Module):
    """Weigh several embeddings of each token and add them up.

    w'_ij = P_i w_ij + b_i,   alpha_ij = weigh over i of score(w'_ij),   w_j = sum_i alpha_ij w'_ij

    i counts embeddings and j tokens. A token that has none of the embeddings becomes 0, and so does padding.

    Args:
        sizes: size of each embedding, in the order they are given in.
        size: size that all are projected to.
        score: `Plain` or `Contextual`, or a module that takes (batch, time, size) and lengths.
        weigh: how scores become weights.

    Raises:
        ValueError: there are no sizes or one is not positive; the embeddings given have others.

    Example:
        >>> import torch
        >>> from regard.layers import MultiRepresentation, Plain
        >>> embeddings = [torch.randn(2, 7, 3), torch.randn(2, 7, 5)]
        >>> found = MultiRepresentation([3, 5], 4, Plain(4))(embeddings)
        >>> found.context.shape, found.weights.shape
        (torch.Size([2, 7, 4]), torch.Size([2, 7, 2]))

    Source: Kiela, Wang and Cho 2018, section 2.
    """

    def __init__(self, sizes: Sequence[int], size: int, score: nn.Module, weigh: Weighing = Softmax()) -> None:
        super().__init__()
        if not sizes or min(*sizes, size) < 1:
            raise ValueError(f"sizes is {list(sizes)} and size is {size}, expected at least one, and all positive.")
        self.projections = nn.ModuleList(nn.Linear(own, size) for own in sizes)
        self.score, self.weigh = score, weigh

    def forward(
        self,
        embeddings: Sequence[Float[Tensor, "batch time _"]],
        lengths: Int[Tensor, " batch"] | None = None,
        known: Bool[Tensor, "batch time representations"] | None = None,
    ) -> Answer:
        """The tokens (batch, time, size) as `context`, and weights (batch, time, representations).

        lengths: number of tokens of each sequence; None means all are real. known: whether an embedding has the
        token, as a vocabulary may lack it; what is not known is not read.
        """
        self._check(embeddings)
        batch, time = embeddings[0].shape[:2]
        if lengths is None:
            lengths = torch.full((batch,), time, device=embeddings[0].device)
        real = (torch.arange(time, device=lengths.device) < lengths[:, None])[..., None]
        seen = real.expand(batch, time, len(embeddings)) if known is None else real & known
        parts, scores = [], []
        for place, (embedding, projection) in enumerate(zip(embeddings, self.projections, strict=True)):
            shown = seen[..., place : place + 1]
            # An unknown embedding is 0 to the recurrence too, which reads it on its way to the next token.
            parts.append(projection(embedding.masked_fill(~shown, 0.0)).masked_fill(~shown, 0.0))
            scores.append(self.score(parts[-1], lengths))
        key, value = torch.stack(scores, dim=-1)[..., None], torch.stack(parts, dim=-2)
        # A score is a key of size one, and every token asks with 1: so any weighing will do.
        memory = Memory(key, value, score=Dot(scale=1.0), where=Mask(seen.unsqueeze(-2)))
        answer = memory.answer(key.new_ones(batch, time, 1, 1), self.weigh)
        return Answer(answer.context.squeeze(-2), answer.weights.squeeze(-2))

    def _check(self, embeddings: Sequence[Tensor]) -> None:
        shapes = [tuple(embedding.shape) for embedding in embeddings]
        wanted = [projection.in_features for projection in self.projections]
        fits = [len(shape) == 3 and shape[:2] == shapes[0][:2] for shape in shapes]
        if len(shapes) != len(wanted) or not all(fits) or [shape[-1] for shape in shapes] != wanted:
            raise ValueError(
                f"embeddings have shapes {shapes}, expected one (batch, time, size) for each of the sizes {wanted}."
            )
