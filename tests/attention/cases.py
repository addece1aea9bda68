"""One or more examples of every exported score, where and weighing, each with a formula of its own.

The formulas are written from the papers, in loops over rows, and share no code with the package. All values are
representable in bfloat16, so that every dtype is given the same numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import entmax
import torch
from torch import Tensor

import regard as rg
from regard.attention.space import Space

BATCH, HEADS, KEY_HEADS, QUERIES, KEYS, SIZE, OTHER, VALUE = 2, 6, 3, 7, 11, 5, 3, 13


def numbers(*shape: int, seed: int, scale: float = 1.0) -> Tensor:
    """Normal numbers that bfloat16 holds exactly, in float64."""
    generator = torch.Generator().manual_seed(seed)
    return (torch.randn(*shape, generator=generator) * scale).bfloat16().double()


@dataclass(frozen=True)
class Row:
    """One row of weights: its sequence, head and query, the keys it may see, and what the row before passed on."""

    batch: int
    head: int
    query: int
    shown: list[int]
    carry: Tensor


@dataclass(frozen=True)
class ScoreCase:
    """A score, the size of its keys, and score(query row, keys) by hand."""

    name: str
    build: Callable[[], object]
    key_size: int
    formula: Callable[[object, Tensor, Tensor, Row], Tensor]


@dataclass(frozen=True)
class WhereCase:
    """A where, and for one row of scores: what it shows, adds and multiplies, by hand."""

    name: str
    build: Callable[[], rg.Where | None]
    row: Callable[[rg.Where | None, int, int, int], tuple[list[int], Tensor | None, Tensor | None]]


@dataclass(frozen=True)
class WeighCase:
    """A weighing, and the weights of one row of visible scores, by another implementation.

    `passed` is what a row passes on to the next one, (keys,), from its scores.
    """

    name: str
    build: Callable[[], rg.Weighing]
    row: Callable[[rg.Weighing, Tensor, Row], Tensor]
    passed: Callable[[rg.Weighing, Tensor, Row], Tensor] = lambda weigh, scores, at: at.carry


def _filled(module: torch.nn.Module) -> torch.nn.Module:
    for place, parameter in enumerate(module.parameters()):
        parameter.data = numbers(*parameter.shape, seed=50 + place, scale=0.7)
    return module


def _written(query: Tensor, key: Tensor) -> Tensor:
    return -(query.unsqueeze(-2) - key.unsqueeze(-3)).square().sum(-1) / 8


_BEFORE = numbers(BATCH, HEADS, QUERIES, KEYS, seed=6).abs()


def _location_aware() -> rg.LocationAware:
    return _filled(rg.LocationAware(SIZE, OTHER, 17, channels=3, radius=2)).after(_BEFORE)


def _location_aware_by_hand(score: rg.LocationAware, query: Tensor, key: Tensor, at: Row) -> Tensor:
    before = _BEFORE[at.batch, at.head, at.query]
    found = []
    for place, row in enumerate(key):
        around = [before[p] if 0 <= p < KEYS else before[0] * 0 for p in range(place - 2, place + 3)]
        features = (score.filters * torch.stack(around).to(query.dtype)).sum(-1)
        hidden = score.query.weight @ query + score.key.weight @ row + score.features.weight @ features + score.bias
        found.append(score.energy @ torch.tanh(hidden))
    return torch.stack(found)


SCORE_CASES = (
    ScoreCase("Dot", rg.Dot, SIZE, lambda s, q, k, at: (k @ q) / math.sqrt(SIZE)),
    ScoreCase("Dot-capped", lambda: rg.Dot(1.0, 2.0), SIZE, lambda s, q, k, at: 2.0 * torch.tanh((k @ q) / 2.0)),
    ScoreCase("Bilinear", lambda: _filled(rg.Bilinear(SIZE, OTHER)), OTHER, lambda s, q, k, at: k @ (s.weight.T @ q)),
    ScoreCase(
        "Additive",
        lambda: _filled(rg.Additive(SIZE, OTHER, 17)),
        OTHER,
        lambda s, q, k, at: torch.stack(
            [(s.energy * torch.tanh(s.query.weight @ q + s.key.weight @ row + s.bias)).sum() for row in k]
        ),
    ),
    ScoreCase(
        "Location",
        lambda: _filled(rg.Location(SIZE, 19)),
        OTHER,
        lambda s, q, k, at: (s.places.weight @ q)[: len(k)],
    ),
    ScoreCase("LocationAware", _location_aware, OTHER, _location_aware_by_hand),
    ScoreCase(
        "Cosine",
        lambda: rg.Cosine(3.0),
        SIZE,
        lambda s, q, k, at: 3.0 * (k @ q) / (k.square().sum(-1).sqrt() * q.square().sum().sqrt()),
    ),
    ScoreCase("Distance", lambda: rg.Distance(2.0), SIZE, lambda s, q, k, at: -((k - q) ** 2).sum(-1) / 8),
    ScoreCase(
        "Trilinear",
        lambda: _filled(rg.Trilinear(SIZE)),
        SIZE,
        lambda s, q, k, at: torch.stack([s.key @ row + s.query @ q + s.product @ (row * q) for row in k]),
    ),
    ScoreCase(
        "Salience",
        lambda: _filled(rg.Salience(OTHER, 13)),
        OTHER,
        lambda s, q, k, at: torch.stack([s.energy @ torch.tanh(s.key.weight @ row + s.key.bias) for row in k]),
    ),
    ScoreCase("written", lambda: _written, SIZE, lambda s, q, k, at: -((k - q) ** 2).sum(-1) / 8),
)

_LENGTHS, _QUERY_LENGTHS = torch.tensor([11, 4]), torch.tensor([7, 5])
_MASK = torch.rand(BATCH, 1, QUERIES, KEYS, generator=torch.Generator().manual_seed(3)) < 0.4
_MASK[1, 0, 2] = False
_BIAS = numbers(HEADS, QUERIES, KEYS, seed=4)
_BIAS[2, 3, 5] = -torch.inf
_SLOPES = torch.tensor([0.5, 0.25, 0.125, 0.0625, 1.0, -0.25], dtype=torch.float64)
_CENTRE = (numbers(BATCH, HEADS, QUERIES, seed=5) * 2 + 5).bfloat16().double()
_CENTRE[0, 1, 3] = 100.0
# Unsorted documents, one without keys, one without queries, and padding; and documents one after the other.
_QUERY_IDS = torch.tensor([[4, 0, 4, 2, 0, -1, 4], [1, 1, 7, 7, 7, 5, 9]])
_KEY_IDS = torch.tensor([[0, 4, 4, -1, 0, 4, 8, 0, 4, -1, 4], [7, 7, 1, 1, 1, 1, 7, 7, 5, 9, 9]])
_PACKED_QUERIES, _PACKED_KEYS = torch.tensor([0, 0, 0, 1, 1, 2, 3]), torch.tensor([0, 0, 1, 1, 1, 1, 2, 3, 3, 3, 3])


def _keys(shown: Callable[[int], bool]) -> list[int]:
    return [key for key in range(KEYS) if shown(key)]


def _everything(where: object, b: int, h: int, i: int) -> tuple[list[int], None, None]:
    return list(range(KEYS)), None, None


def _same(b: int, i: int, j: int) -> bool:
    return bool(_QUERY_IDS[b, i] == _KEY_IDS[b, j] >= 0)


def _causal_document(i: int, j: int) -> bool:
    """Its document's queries and keys are cut out and aligned at their ends."""
    document = _PACKED_QUERIES[i]
    queries, keys = ((ids == document).nonzero().flatten().tolist() for ids in (_PACKED_QUERIES, _PACKED_KEYS))
    return j in keys and keys.index(j) <= queries.index(i) + len(keys) - len(queries)


def _around(where: rg.Around, b: int, h: int, i: int) -> tuple[list[int], None, Tensor]:
    centre = where.centre[b, h, i]
    shown = _keys(lambda j: abs(j - centre.detach().item()) <= 4)
    away = torch.arange(KEYS, dtype=torch.float64) - centre
    return shown, None, torch.exp(-(away**2) / (2 * (4 / 2) ** 2))


WHERE_CASES = (
    WhereCase("everything", lambda: None, _everything),
    WhereCase("Causal", rg.Causal, lambda w, b, h, i: (_keys(lambda j: j <= KEYS - QUERIES + i), None, None)),
    WhereCase("Causal-start", lambda: rg.Causal("start"), lambda w, b, h, i: (_keys(lambda j: j <= i), None, None)),
    WhereCase(
        "Window",
        lambda: rg.Window(2, 1),
        lambda w, b, h, i: (
            _keys(lambda j: i + KEYS - QUERIES - 2 <= j <= i + KEYS - QUERIES + 1),
            None,
            None,
        ),
    ),
    WhereCase(
        "Window-open",
        lambda: rg.Window(None, 1, align=2),
        lambda w, b, h, i: (_keys(lambda j: j <= i + 2 + 1), None, None),
    ),
    WhereCase(
        "Lengths",
        lambda: rg.Lengths(_LENGTHS),
        lambda w, b, h, i: (_keys(lambda j: j < _LENGTHS[b]), None, None),
    ),
    WhereCase(
        "Lengths-both",
        lambda: rg.Lengths(_LENGTHS, _QUERY_LENGTHS),
        lambda w, b, h, i: (_keys(lambda j: j < _LENGTHS[b] and i < _QUERY_LENGTHS[b]), None, None),
    ),
    WhereCase(
        "Segments",
        lambda: rg.Segments(_QUERY_IDS, _KEY_IDS),
        lambda w, b, h, i: (_keys(lambda j: _same(b, i, j)), None, None),
    ),
    WhereCase(
        "Segments-causal",
        lambda: rg.Causal() & rg.Segments(_PACKED_QUERIES, _PACKED_KEYS),
        lambda w, b, h, i: (_keys(lambda j: _causal_document(i, j)), None, None),
    ),
    WhereCase(
        "Mask",
        lambda: rg.Mask(_MASK),
        lambda w, b, h, i: (_keys(lambda j: bool(_MASK[b, 0, i, j])), None, None),
    ),
    WhereCase(
        "Bias",
        lambda: rg.Bias(_BIAS.clone()),
        lambda w, b, h, i: (_keys(lambda j: _BIAS[h, i, j] > -math.inf), w.tensor[h, i], None),
    ),
    WhereCase(
        "Around",
        lambda: rg.Around(_CENTRE.clone(), 4.0),
        lambda w, b, h, i: (_keys(lambda j: abs(j - float(_CENTRE[b, h, i])) <= 4), None, None),
    ),
    WhereCase("Around-gaussian", lambda: rg.Around(_CENTRE.clone(), 4.0, gaussian=True), _around),
    WhereCase(
        "Alibi",
        lambda: rg.Alibi(_SLOPES.clone()),
        lambda w, b, h, i: (
            list(range(KEYS)),
            torch.stack([-w.slopes[h] * abs(KEYS - QUERIES + i - j) for j in range(KEYS)]),
            None,
        ),
    ),
    WhereCase(
        "RelativeBias",
        lambda: rg.RelativeBias(numbers(HEADS, 7, seed=8)),
        lambda w, b, h, i: (
            list(range(KEYS)),
            torch.stack([w.table[h, 3 + max(-3, min(3, j - (KEYS - QUERIES + i)))] for j in range(KEYS)]),
            None,
        ),
    ),
    WhereCase(
        "combined",
        lambda: (rg.Lengths(_LENGTHS) & (rg.Causal() | ~rg.Window(1, 1))) + rg.Bias(_BIAS.clone()),
        lambda w, b, h, i: (
            _keys(
                lambda j: (
                    bool(j < _LENGTHS[b])
                    and (j <= KEYS - QUERIES + i or not i + 3 <= j <= i + 5)
                    and bool(_BIAS[h, i, j] > -math.inf)
                )
            ),
            w.right.tensor[h, i],
            None,
        ),
    ),
)

_SINK = torch.tensor([0.5, -1.0, 2.0, 0.0, -0.25, 1.0], dtype=torch.float64)[:, None, None]
_ALPHA = torch.tensor([1.25, 1.5, 1.75, 1.125, 2.0, 1.375], dtype=torch.float64)[:, None, None]


def _softmax(scores: Tensor) -> Tensor:
    raised = torch.exp(scores - scores.max())
    return raised / raised.sum()


def _top_three(weigh: rg.TopK, scores: Tensor, at: Row) -> Tensor:
    order = sorted(range(len(scores)), key=lambda place: (-scores[place].item(), place))[:3]
    raised = torch.exp(scores - scores.max())
    kept = torch.zeros_like(scores)
    kept[order] = 1
    return raised * kept / (raised * kept).sum()


def _winner(scores: Tensor) -> Tensor:
    """1 for the first of the highest, with the gradient of softmax."""
    soft, hard = _softmax(scores), torch.zeros_like(scores)
    hard[scores.tolist().index(scores.max().item())] = 1
    return soft - soft.detach() + hard


def _noise(weigh: rg.Gumbel, at: Row) -> Tensor:
    space = Space((BATCH, HEADS), KEY_HEADS, QUERIES, KEYS, torch.device("cpu"))
    return weigh.on(space.whole()).noise[at.batch, at.head, at.query, at.shown].double()


def _chain(weigh: rg.Chain, scores: Tensor, at: Row) -> Tensor:
    """Every selection there is, each with its probability."""
    count, transition = len(scores), weigh.transition[at.head].to(scores.dtype)
    states = torch.cartesian_prod(*[torch.arange(2)] * count).view(-1, count)
    energy = states.to(scores.dtype) @ scores
    if count > 1:
        energy = energy + transition[states[:, :-1], states[:, 1:]].sum(-1)
    return _softmax(energy) @ states.to(scores.dtype)


def _stops(scores: Tensor, at: Row) -> Tensor:
    """Probability of stopping at every key, hidden ones included, of a reader who walks through all of them."""
    chances = torch.zeros(KEYS, dtype=scores.dtype)
    chances = chances.index_put((torch.tensor(at.shown),), 1 / (1 + torch.exp(-scores)))
    found, walking = [], chances[0] * 0
    for place in range(KEYS):
        walking = walking + at.carry[place]
        found.append(walking * chances[place])
        walking = walking * (1 - chances[place])
    return torch.stack(found)


def _chunks(weigh: rg.Monotonic, scores: Tensor, at: Row) -> Tensor:
    stops, raised = _stops(scores, at), dict(zip(at.shown, torch.exp(scores), strict=True))
    total = {place: stops[0] * 0 for place in at.shown}
    for end in at.shown:
        window = [place for place in range(end - 2, end + 1) if place in raised]
        whole = sum(raised[place] for place in window)
        for place in window:
            total[place] = total[place] + stops[end] * raised[place] / whole
    return torch.stack([total[place] for place in at.shown])


WEIGH_CASES = (
    WeighCase("Softmax", rg.Softmax, lambda w, s, at: _softmax(s)),
    WeighCase("Softmax-cool", lambda: rg.Softmax(temperature=0.5), lambda w, s, at: _softmax(s * 2)),
    WeighCase(
        "Softmax-sink",
        lambda: rg.Softmax(sink=_SINK.clone()),
        lambda w, s, at: _softmax(torch.cat((s, w.sink[at.head, 0])))[:-1],
    ),
    WeighCase("Sparsemax", rg.Sparsemax, lambda w, s, at: entmax.sparsemax(s, -1)),
    WeighCase("Entmax", rg.Entmax, lambda w, s, at: entmax.entmax15(s, -1)),
    WeighCase("Entmax-2.5", lambda: rg.Entmax(2.5), lambda w, s, at: entmax.entmax_bisect(s, 2.5, -1, 60)),
    WeighCase(
        "Entmax-learned",
        lambda: rg.Entmax(_ALPHA.clone()),
        lambda w, s, at: entmax.entmax_bisect(s[None], w.alpha[at.head], -1, 60)[0],
    ),
    WeighCase("TopK", lambda: rg.TopK(3), _top_three),
    WeighCase("Sigmoid", rg.Sigmoid, lambda w, s, at: 1 / (1 + torch.exp(-s))),
    WeighCase("Bernoulli", rg.Bernoulli, lambda w, s, at: torch.exp(s) / (1 + torch.exp(s))),
    WeighCase("Argmax", rg.Argmax, lambda w, s, at: _winner(s)),
    WeighCase("Gumbel", lambda: rg.Gumbel(0.5, seed=5), lambda w, s, at: _softmax((s + _noise(w, at)) * 2)),
    WeighCase(
        "Gumbel-hard",
        lambda: rg.Gumbel(1.0, hard=True, seed=5),
        lambda w, s, at: _winner(s + _noise(w, at)),
    ),
    WeighCase("Chain", lambda: rg.Chain(numbers(HEADS, 2, 2, seed=7)), _chain),
    WeighCase("Monotonic", rg.Monotonic, lambda w, s, at: _stops(s, at)[at.shown], lambda w, s, at: _stops(s, at)),
    WeighCase("Monotonic-chunks", lambda: rg.Monotonic(3), _chunks, lambda w, s, at: _stops(s, at)),
)


def inputs(key_size: int, value_size: int = VALUE) -> tuple[Tensor, Tensor, Tensor]:
    """Query, key and value with grouped heads and sizes that are all different."""
    return (
        numbers(BATCH, HEADS, QUERIES, SIZE, seed=0),
        numbers(BATCH, KEY_HEADS, KEYS, key_size, seed=1),
        numbers(BATCH, KEY_HEADS, KEYS, value_size, seed=2),
    )


def by_hand(
    score: ScoreCase,
    where: WhereCase,
    weigh: WeighCase,
    built: tuple,
    query: Tensor,
    key: Tensor,
    value: Tensor,
) -> Tensor:
    """Context, row by row, from the keys that may be seen and nothing else."""
    rows = []
    for b in range(BATCH):
        for h in range(HEADS):
            carry = torch.eye(KEYS, dtype=query.dtype)[0]
            keys, values = key[b, h // (HEADS // KEY_HEADS)], value[b, h // (HEADS // KEY_HEADS)]
            for i in range(QUERIES):
                shown, prior, factor = where.row(built[1], b, h, i)
                if not shown:
                    rows.append(value.new_zeros(value.shape[-1]) + 0 * query[b, h, i].sum())
                    continue
                at = Row(b, h, i, shown, carry)
                scores = score.formula(built[0], query[b, h, i], keys, at)[shown]
                if prior is not None:
                    scores = scores + prior.to(scores.dtype)[shown]
                weights = weigh.row(built[2], scores, at)
                carry = weigh.passed(built[2], scores, at)
                if factor is not None:
                    weights = weights * factor.to(weights.dtype)[shown]
                rows.append(weights @ values[shown])
    return torch.stack(rows).view(BATCH, HEADS, QUERIES, value.shape[-1])
