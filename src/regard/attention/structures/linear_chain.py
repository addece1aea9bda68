"""Distributions over sequences of states: sums, marginals, best sequences, samples and entropy.

    p(z) = exp(score(z)) / Z,   score(z) = sum_t unary[t, z_t] + sum_{t > 0} transition[t - 1, z_{t-1}, z_t]

Everywhere here unary is (..., time, states). transition is (states, states), from row to column, or
(..., time - 1, states, states), where transition[..., t - 1, :, :] leads into position t; its leading sizes and
its time broadcast. mask is a boolean (..., time) that broadcasts, True = part of the chain: the chain runs over
the visible positions in their order, wherever they are, and nothing hidden is read, not even NaN. A sequence
without visible positions has one empty path of score 0. Minus infinity forbids a state or a transition; where
that leaves no path, the log-partition is minus infinity and its gradient 0. Results are float32 or wider.
All functions raise ValueError where tensors do not have these shapes and dtypes.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from regard.attention.structures.chain import Chain, packed
from regard.attention.structures.forward_backward import backward, forward, impossible, state_posteriors
from regard.attention.structures.paths import Paths, draw, paths, score_of, search
from regard.attention.structures.sums import summed
from regard.attention.tracing import concrete

Unary = Float[Tensor, "*batch time states"]
Transition = Float[Tensor, "*steps states states"]
Mask = Bool[Tensor, "*#batch time"]


def score(
    unary: Unary,
    transition: Transition,
    states: Int[Tensor, "*batch time"],
    mask: Mask | None = None,
) -> Float[Tensor, "*batch"]:
    """Score of given sequences; what stands at hidden positions of `states` is not read.

    score(z) = sum_t unary[t, z_t] + sum_{t > 0} transition[t - 1, z_{t-1}, z_t]

    Raises:
        ValueError: see the module; states is not whole numbers from 0 to states - 1 of shape (..., time).

    Example:
        >>> import torch
        >>> from regard.attention.structures import linear_chain
        >>> unary = torch.tensor([[0.0, 1.0], [2.0, 0.0]])
        >>> linear_chain.score(unary, torch.tensor([[0.0, 0.0], [0.5, 0.0]]), torch.tensor([1, 0]))
        tensor(3.5000)

    Source: Lafferty, McCallum and Pereira 2001, equation 1.
    """
    chain = packed(unary, transition, mask)
    return _infinite(_score(chain, states))


def log_likelihood(
    unary: Unary,
    transition: Transition,
    states: Int[Tensor, "*batch time"],
    mask: Mask | None = None,
) -> Float[Tensor, "*batch"]:
    """Log-probability of given sequences; minus infinity, without a gradient, where one is forbidden.

    log p(z) = score(z) - log Z

    Raises:
        ValueError: see `score`.

    Example:
        >>> import torch
        >>> from regard.attention.structures import linear_chain
        >>> linear_chain.log_likelihood(torch.zeros(3, 2), torch.zeros(2, 2), torch.tensor([1, 0, 1])).exp()
        tensor(0.1250)

    Source: Lafferty, McCallum and Pereira 2001, equation 1.
    """
    chain = packed(unary, transition, mask)
    found = _infinite(_score(chain, states))
    return found - _infinite(summed(chain)).masked_fill(torch.isneginf(found), 0.0)


def _score(chain: Chain, states: Tensor) -> Tensor:
    """Scores (*batch), finite, of states at the positions that were given.

    Raises:
        ValueError: see `score`.
    """
    expected = chain.unary.shape[:-1]
    if states.is_floating_point() or states.shape != expected:
        raise ValueError(
            f"states has shape {tuple(states.shape)} and dtype {states.dtype}, expected whole numbers of shape "
            f"{tuple(expected)}: one state for each position."
        )
    states = chain.as_packed(states.long())
    if chain.visible is not None:
        states = states.masked_fill(~chain.visible, 0)
    if concrete() and states.numel():
        least, most = (int(state) for state in states.aminmax())
        if least < 0 or most >= chain.states:
            raise ValueError(
                f"states runs from {least} to {most}, expected 0 to {chain.states - 1}; "
                "hide positions without a state with mask."
            )
    return score_of(chain, states.unsqueeze(-2)).squeeze(-1)


def log_partition(unary: Unary, transition: Transition, mask: Mask | None = None) -> Float[Tensor, "*batch"]:
    """Log of the sum over all sequences; its gradient, a closed form, can be differentiated again.

    log Z = log sum_z exp(score(z))

    Args:
        unary: score of each state at each position, (..., time, states).
        transition: (states, states) or (..., time - 1, states, states), from row to column.
        mask: (..., time), True = part of the chain; None means all are.

    Raises:
        ValueError: shapes or dtypes are not these.

    Example:
        >>> import torch
        >>> from regard.attention.structures import linear_chain
        >>> linear_chain.log_partition(torch.zeros(3, 2), torch.zeros(2, 2)).exp()
        tensor(8.)

    Source: Rabiner 1989, section III.A (the forward procedure); Lafferty, McCallum and Pereira 2001, section 3.
    """
    return _infinite(summed(packed(unary, transition, mask)))


def marginals(unary: Unary, transition: Transition, mask: Mask | None = None) -> Float[Tensor, "*batch time states"]:
    """Probability of each state at each position; 0 at hidden positions and where no path exists.

    p(z_t = j) = d log Z / d unary[t, j]

    Raises:
        ValueError: see `log_partition`.

    Example:
        >>> import torch
        >>> from regard.attention.structures import linear_chain
        >>> linear_chain.marginals(torch.tensor([[0.0, 1.0], [0.0, 0.0]]), torch.zeros(2, 2))
        tensor([[0.2689, 0.7311],
                [0.5000, 0.5000]])

    Source: Rabiner 1989, section III.B, equation 27; Kim, Denton, Hoang and Rush 2017, section 3.1.
    """
    chain = packed(unary, transition, mask)
    ahead = forward(chain)
    found = state_posteriors(chain, ahead.alphas, backward(chain))
    return chain.as_given(found.masked_fill(impossible(ahead.log_partition)[..., None, None], 0.0), 0.0, axis=-2)


def best(unary: Unary, transition: Transition, mask: Mask | None = None) -> Paths:
    """The highest-scoring sequence (Viterbi).

    z* = argmax_z score(z)

    Raises:
        ValueError: see `log_partition`.

    Example:
        >>> import torch
        >>> from regard.attention.structures import linear_chain
        >>> linear_chain.best(torch.tensor([[0.0, 1.0], [0.1, 0.0]]), torch.eye(2)).states
        tensor([1, 1])

    Source: Viterbi 1967; Rabiner 1989, section III.B, equations 32 to 35.
    """
    found = n_best(unary, transition, mask, count=1)
    return Paths(found.states.squeeze(-2), found.score.squeeze(-1))


def n_best(unary: Unary, transition: Transition, mask: Mask | None = None, *, count: int) -> Paths:
    """The `count` highest-scoring sequences, best first: states (..., count, time), score (..., count).

    Where fewer sequences exist, the rest have states -1 and score minus infinity.

    Raises:
        ValueError: count is not positive; see `log_partition` for the rest.

    Example:
        >>> import torch
        >>> from regard.attention.structures import linear_chain
        >>> found = linear_chain.n_best(torch.tensor([[0.0, 3.0], [0.0, 1.0]]), torch.zeros(2, 2), count=3)
        >>> found.states.tolist(), found.score.tolist()
        ([[1, 1], [1, 0], [0, 1]], [4.0, 3.0, 1.0])

    Source: Seshadri and Sundberg 1994 (the parallel list Viterbi algorithm).
    """
    _check_count(count)
    chain = packed(unary, transition, mask)
    with torch.no_grad():
        states, total = search(chain, count)
    return paths(chain, states, impossible(total))


def sample(
    unary: Unary,
    transition: Transition,
    mask: Mask | None = None,
    *,
    count: int,
    generator: torch.Generator | None = None,
) -> Paths:
    """Draw sequences from p(z): states (..., count, time), score (..., count).

    z_T ~ alpha_T,   z_t ~ softmax_i(alpha_t(i) + transition[t, i, z_{t+1}])

    The draws are independent and exact. log p of one is its score less `log_partition`.

    Raises:
        ValueError: count is not positive; see `log_partition` for the rest.

    Example:
        >>> import torch
        >>> from regard.attention.structures import linear_chain
        >>> sure = torch.tensor([[0.0, 99.0], [99.0, 0.0]])
        >>> linear_chain.sample(sure, torch.zeros(2, 2), count=2).states
        tensor([[1, 0],
                [1, 0]])

    Source: Fruehwirth-Schnatter 1994 (forward filtering, backward sampling).
    """
    _check_count(count)
    chain = packed(unary, transition, mask)
    with torch.no_grad():
        ahead = forward(chain)
        states = draw(chain, ahead.alphas, count, generator)
    return paths(chain, states, impossible(ahead.log_partition)[..., None].expand(states.shape[:-1]))


def entropy(unary: Unary, transition: Transition, mask: Mask | None = None) -> Float[Tensor, "*batch"]:
    """Entropy of the distribution over sequences, in nats; 0 where no path exists.

    H_t(j) = sum_i p(i | j) (H_{t-1}(i) - log p(i | j)),   p(i | j) = softmax_i(alpha_{t-1}(i) + transition(i, j))
    H = sum_j p_T(j) (H_T(j) - log p_T(j))

    Nothing large is subtracted from something large, so a sharp distribution keeps its digits.

    Raises:
        ValueError: see `log_partition`.

    Example:
        >>> import torch
        >>> from regard.attention.structures import linear_chain
        >>> linear_chain.entropy(torch.zeros(3, 2), torch.zeros(2, 2)) / torch.tensor(2.0).log()
        tensor(3.)

    Source: Hernando, Crespi and Cybenko 2005.
    """
    chain = packed(unary, transition, mask)
    ahead = forward(chain)
    so_far = torch.zeros_like(chain.at(0))
    for time in range(1, chain.time):
        log_choice = (ahead.alphas[time - 1].unsqueeze(-1) + chain.into(time)).log_softmax(-2)
        step = (log_choice.exp() * (so_far.unsqueeze(-1) - log_choice)).sum(-2)
        so_far = chain.shown(time, step, so_far)
    last = ahead.alphas[-1].log_softmax(-1)
    found = (last.exp() * (so_far - last)).sum(-1)
    return found.masked_fill(impossible(ahead.log_partition), 0.0)


def _infinite(finite: Tensor) -> Tensor:
    return finite.masked_fill(impossible(finite), -torch.inf)


def _check_count(count: int) -> None:
    if count < 1:
        raise ValueError(f"count is {count}, expected at least one path.")
