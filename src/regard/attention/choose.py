"""Hard attention: one key for each query."""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from regard.attention.attend import AnyScore, prepare_call
from regard.attention.call import Call, Prepared, hide, shown, spoil, tile_scores
from regard.attention.dropout import drawn_seed
from regard.attention.estimators import Choice, Estimator, Marginal, Reinforce, Variational
from regard.attention.finite import Clean
from regard.attention.paths.blockwise import whole_tiles
from regard.attention.paths.native_choose import chosen_by_kernels
from regard.attention.paths.streaming import joined, stream
from regard.attention.prepared import PreparedKeys, spoiled_rows
from regard.attention.scores.dot import Dot
from regard.attention.space import Tile
from regard.attention.weighings.gumbel import gumbel_noise
from regard.attention.weighings.softmax import Softmax
from regard.attention.weighings.weighing import widened
from regard.attention.wheres.where import Where


def choose(
    query: Float[Tensor, "*batch queries query_size"],
    key: Float[Tensor, "*key_batch keys key_size"],
    value: Float[Tensor, "*key_batch keys value_size"],
    *,
    score: AnyScore = Dot(),
    where: Where | None = None,
    estimator: Estimator = Reinforce(),
    generator: torch.Generator | None = None,
) -> Choice:
    """Look at one key for each query, and say how likely that was.

    z ~ p = softmax(score(query, key) for every key that where shows),   context = value_z

    A factor of the where (a Gaussian round a centre) multiplies p, which is then normalised again. Memory grows with
    Tq + Tk. A query that may see nothing gets context 0, index -1, log-probability 0 and entropy 0. A value that is
    not finite makes the context NaN where it is read, and only there. Shapes and conventions are those of `attend`.

    Args:
        query: what is asked, (..., Tq, D).
        key: what is matched, (..., Tk, Dk).
        value: what is read, (..., Tk, Dv).
        score: how well query and key match.
        where: which keys a query may see, and with what prior.
        estimator: how a key is chosen, and what carries the gradient: Reinforce, StraightThrough, GumbelSoftmax,
            Marginal, Variational, or Greedy for no learning.
        generator: source of the seed; None means PyTorch's default generator.

    Returns:
        Context, index, log-probability and entropy; see Choice.

    Raises:
        ValueError: shapes, dtypes or devices do not fit.

    Example:
        >>> import regard as rg, torch
        >>> key = torch.tensor([[0.0], [50.0], [1.0]])
        >>> choice = rg.choose(torch.ones(1, 1), key, key, generator=torch.Generator().manual_seed(1))
        >>> choice.index, choice.context
        (tensor([1]), tensor([[50.]]))

    Source: Xu et al. 2015, section 4.1; Kool, van Hoof and Welling 2019 (sampling by Gumbel noise).
    """
    call, found, keys = prepare_call(query, key, value, score, where, Softmax(), None)
    if call.space.keys == 0 or call.space.problems * call.space.queries == 0:
        raise ValueError(
            f"query has shape {tuple(query.shape)} and key {tuple(key.shape)}; expected at least one query and one "
            "key to choose."
        )
    prior = _Asked.of(call, found, keys)
    if isinstance(estimator, Marginal):
        return _every(prior, value)
    asked = prior
    if isinstance(estimator, Variational):
        asked = _Asked.of(*prepare_call(estimator.query, key, value, estimator.score, where, Softmax(), None))
    chosen = [_once(asked, prior, estimator, drawn_seed(generator)) for _sample in range(estimator.samples)]
    return chosen[0] if len(chosen) == 1 else _stacked(chosen)


class _Asked:
    """Prepared queries of one call, and what NaN there is to pass on: of rows, and of values where they are read."""

    def __init__(self, call: Call, prepared: Prepared, spoiled: Tensor | None, bad_value: Tensor | None) -> None:
        self.call, self.prepared, self.spoiled = call, prepared, spoiled
        self.bad = None if bad_value is None else prepared._replace(value=bad_value)

    @classmethod
    def of(cls, call: Call, query: Clean, keys: PreparedKeys) -> _Asked:
        prepared = Prepared(query.tensor, keys.key, keys.value)
        return cls(call, prepared, spoiled_rows(call, query, keys), keys.bad_value)

    def logits(self, part: Prepared, tile: Tile) -> tuple[Tensor, Tensor]:
        """Log-probabilities of a tile's keys, those that may not be seen at the lowest number, and which may."""
        scores, seen = tile_scores(self.call, part.spread(tile), tile)
        logits, visible = widened(scores), shown(seen, scores)
        if seen.factor is not None:
            logits = logits + seen.factor.clamp(min=torch.finfo(logits.dtype).tiny).log()
        logits = spoil(logits, visible, self.spoiled, tile).log_softmax(-1)
        return hide(logits, seen, torch.finfo(logits.dtype).min), visible

    def facts(self, prepared: Prepared, index: Tensor) -> tuple[Tensor, Tensor]:
        """Log-probabilities of chosen keys and entropies, (batch, heads, queries), with any order of derivative."""

        def visit(part: Prepared, tile: Tile, carry: Tensor | None) -> tuple[tuple[Tensor, ...], Tensor | None]:
            logs, visible = self.logits(part, tile)
            place = index[tile.index]
            log_prob = logs.gather(-1, place.clamp(min=0).unsqueeze(-1)).squeeze(-1).masked_fill(place < 0, 0)
            return (log_prob, -_mean(logs, logs, visible)), carry

        pieces = list(stream(prepared, whole_tiles(self.call, prepared), visit))
        log_prob, entropy = (
            joined(self.call.space, ((tile, found[place]) for tile, found in pieces)) for place in range(2)
        )
        return log_prob, entropy

    def at(self, index: Tensor) -> Tensor:
        """Values of chosen keys, (batch, heads, queries, value size): NaN where one is bad, 0 where there is none."""
        space, value = self.call.space, self.prepared.value
        # Query heads that share a key head read it together.
        place = index.clamp(min=0).reshape(space.batch, space.key_heads, -1, 1).expand(-1, -1, -1, value.shape[-1])
        bad = None if self.bad is None else self.bad.value.gather(-2, place)
        context = _spoiled(value.gather(-2, place), bad).reshape(*index.shape, value.shape[-1])
        return context.masked_fill(index.unsqueeze(-1) < 0, 0)

    def values(self, part: Prepared, tile: Tile) -> Clean:
        """Values of a tile's keys, for each of its heads."""
        bad = None if self.bad is None else self.bad.cut(tile).spread(tile).value
        return Clean(part.spread(tile).value, bad)


def _once(asked: _Asked, prior: _Asked, estimator: Estimator, seed: Tensor) -> Choice:
    call, space = asked.call, asked.call.space
    winner = estimator.winner(seed) if prior is asked and asked.spoiled is None else None
    if winner is not None:
        found = chosen_by_kernels(replace(call, weigh=winner), asked.prepared, asked.facts)
        if found is not None:
            index, *facts = found
            shaped = [tensor.reshape(*space.lead, *tensor.shape[2:]) for tensor in (asked.at(index), index, *facts)]
            return Choice(*shaped)

    def visit(part: Prepared, tile: Tile, carry: Tensor | None) -> tuple[tuple[Tensor, ...], Tensor | None]:
        logs, visible = asked.logits(part, tile)
        noisy = logs + gumbel_noise(seed, tile).to(logs.dtype) if estimator.draws else logs
        noisy = noisy.masked_fill(~visible, torch.finfo(logs.dtype).min)
        index = noisy.argmax(-1, keepdim=True)
        empty = ~visible.any(-1)
        log_prob = logs.gather(-1, index).squeeze(-1).masked_fill(empty, 0)
        context = _read(estimator.weights(logs, noisy), index, asked.values(part, tile), visible)
        # Where a score is NaN nothing was chosen, and what stands at the index is not what was asked for.
        found = [_spoiled(context, None if asked.spoiled is None else log_prob.isnan().unsqueeze(-1))]
        found += [index.squeeze(-1).masked_fill(empty, -1), log_prob, -_mean(logs, logs, visible)]
        if prior is not asked:
            beneath, _seen = prior.logits(prior.prepared.cut(tile), tile)
            found.append(_mean(logs - beneath, logs, visible))
        return tuple(found), carry

    with torch.autocast(space.device.type, enabled=False):
        pieces = list(stream(asked.prepared, whole_tiles(call, asked.prepared), visit))
    each = [joined(space, ((tile, found[place]) for tile, found in pieces)) for place in range(len(pieces[0][1]))]
    return Choice(*(tensor.reshape(*space.lead, *tensor.shape[2:]) for tensor in each))


def _mean(cells: Tensor, logs: Tensor, visible: Tensor) -> Tensor:
    """Mean of each row's cells, those that may be seen, by the log-probabilities of their keys."""
    return torch.where(visible, logs.exp() * cells, 0).sum(-1)


def _read(weights: Tensor | None, index: Tensor, values: Clean, visible: Tensor) -> Tensor:
    """Values by weights, or those at the index; NaN where one that is read is bad, 0 where nothing may be seen."""
    value, bad = values.tensor, values.bad
    if weights is not None:
        used = torch.where(visible, weights, 0).to(value.dtype)
        return _spoiled(used @ value, None if bad is None else (used != 0).to(value.dtype) @ bad.to(value.dtype) > 0)
    place = index.expand(*index.shape[:-1], value.shape[-1])
    context = _spoiled(value.gather(-2, place), None if bad is None else bad.gather(-2, place))
    return context.masked_fill(~visible.any(-1, keepdim=True), 0)


def _spoiled(context: Tensor, bad: Tensor | None) -> Tensor:
    return context if bad is None else context * torch.where(bad, torch.nan, 1.0).to(context.dtype)


def _every(asked: _Asked, value: Tensor) -> Choice:
    """All keys along a new first axis."""
    space = asked.call.space
    tile = space.whole()
    with torch.autocast(space.device.type, enabled=False):
        logs, visible = asked.logits(asked.prepared, tile)
        entropy = -_mean(logs, logs, visible).reshape(*space.lead, -1)
        log_prob = logs.masked_fill(~visible, -torch.inf).movedim(-1, 0).reshape(space.keys, *space.lead, -1)
        values = asked.values(asked.prepared, tile)
        each = values.tensor.movedim(-2, 0).unsqueeze(-2).expand(-1, -1, -1, space.queries, -1)
        if values.bad is not None:
            each = _spoiled(each, values.bad.movedim(-2, 0).unsqueeze(-2) & visible.movedim(-1, 0).unsqueeze(-1))
    context = each.reshape(*log_prob.shape, value.shape[-1])
    places = torch.arange(space.keys, device=space.device).reshape(-1, *(1,) * (log_prob.dim() - 1))
    return Choice(context, places.expand(log_prob.shape), log_prob, entropy)


def _stacked(found: list[Choice]) -> Choice:
    context, index, log_prob = (
        torch.stack([getattr(one, name) for one in found]) for name in ("context", "index", "log_prob")
    )
    return Choice(context, index, log_prob, found[0].entropy, found[0].divergence)
