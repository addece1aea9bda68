"""How far to trust the heads of a model that writes: passages of a text, and what becomes of the next token."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from statistics import fmean
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from regard.look.faithfulness import comprehensiveness, erased, sufficiency
from regard.look.faithfulness_orders import leave_one_out, permutation
from regard.look.measured import Finding, Measured, Protocol, Trusted
from regard.look.pretrained import loaded
from regard.look.record import Record
from regard.look.rereading import Passage, rereader
from regard.look.significance import bootstrap, holm, sign_flip
from regard.look.views import Views

# How many heads are measured where none are named: they cost minutes in a model of a hundred million parameters.
FEW = 4

# An attention's name and a head's number in the model.
Head = tuple[str, int]
# Of one passage: what the head's weights give, what random orders give, and what the best give.
_Found = Mapping[str, tuple[float, float | None, float | None]]


def those_that_read(views: Views, most: int = FEW) -> list[Head]:
    """The heads that read the first token least, in the order of layers: those of which a picture says something."""
    found = []
    for place, one in enumerate(views.record.layers):
        sink = views.overview(place).sink_mass
        found += [(float(sink[head]), place, head) for head in range(one.heads)]
    chosen = sorted((place, head) for _sink, place, head in sorted(found)[:most])
    return [named(views.record, place, head) for place, head in chosen]


def named(record: Record, layer: int, head: int) -> Head:
    """A head of a record as the model knows it."""
    one = record.layers[layer]
    return one.name, one.numbers[head]


def measure(
    name: str,
    text: str,
    heads: Sequence[Head],
    protocol: Protocol = Protocol(),
    says: Callable[[str], None] = lambda line: None,
) -> Measured:
    """Measure heads of a model of Hugging Face that writes.

    In each passage, the head's last row is changed, and the probability of the token that the model itself would
    write next is watched: what the largest weights point at is erased and the rest normalised anew, or kept alone;
    keys are left out one by one; weights are dealt out to other keys. See `regard.look.faithfulness`.

    Args:
        name: folder of a model and its tokenizer, or a name that transformers knows.
        text: passages are taken from it, evenly spread.
        heads: what is measured, by the names of the model without its last layer.
        protocol: how.
        says: told what is under way.

    Raises:
        ValueError: transformers is not installed; the model does not write; the text has fewer than three tokens; a
            head is not there.
        OSError: there is no such model.
    """
    model, words = loaded(name, "writes")
    numbers = torch.tensor(words(text)["input_ids"], dtype=torch.long)
    pieces = _passages(numbers, protocol)
    modules = {path: model.base_model.get_submodule(path) for path, _head in heads}
    found: list[list[_Found]] = []
    with rereader(model) as again:
        passages = [again.passage(piece) for piece in pieces]
        for place, (path, head) in enumerate(heads, 1):
            says(f"head {head} of {path}: {place} of {len(heads)}, {len(passages)} passages")
            found.append([_of_passage(passage, modules[path], head, protocol) for passage in passages])
    trusted = [Trusted(path, head, _summed(each, protocol)) for (path, head), each in zip(heads, found, strict=True)]
    return Measured(name, len(pieces), protocol, tuple(_corrected(trusted)))


def _passages(numbers: Int[Tensor, " tokens"], protocol: Protocol) -> list[Int[Tensor, " tokens"]]:
    """Neighbouring tokens, evenly spread over a text and none of them twice."""
    size = min(protocol.tokens, len(numbers))
    if size < 3:
        raise ValueError(f"text has {len(numbers)} tokens, expected at least 3.")
    count = min(protocol.passages, len(numbers) // size)
    starts = [round(place * (len(numbers) - size) / max(1, count - 1)) for place in range(count)]
    return [numbers[start : start + size] for start in starts]


def _of_passage(passage: Passage, module: Any, head: int, protocol: Protocol) -> _Found:
    weights, read = passage.weights(module, head), passage.reading(module, head)
    answer = erased(weights, read)
    how: dict[str, Any] = {"shares": protocol.shares, "orders": protocol.orders, "seed": protocol.seed}
    without = comprehensiveness(weights, answer, **how)
    alone = sufficiency(weights, answer, **how)
    agreement = leave_one_out(weights, answer, gradient=passage.gradient(module, head), most=protocol.most)
    dealt = permutation(weights, read, shuffles=protocol.shuffles, seed=protocol.seed)
    return {
        "comprehensiveness": (without.by_weight, without.random, without.oracle),
        "sufficiency": (alone.by_weight, alone.random, alone.oracle),
        "agreement": (agreement.tau, 0.0, agreement.ceiling),
        "permutation": (dealt.median, None, None),
    }


def _summed(passages: Sequence[_Found], protocol: Protocol) -> dict[str, Finding]:
    found = {}
    for name in passages[0]:
        ours, random, best = zip(*(one[name] for one in passages), strict=True)
        known = [one for one in random if one is not None]
        span = bootstrap(torch.tensor(ours), seed=protocol.seed)
        apart = torch.tensor(ours) - torch.tensor(known) if known else None
        chance = None if apart is None else sign_flip(apart, seed=protocol.seed)
        found[name] = Finding(span.mean, span.low, span.high, _mean(random), _mean(best), chance)
    return found


def _mean(numbers: Sequence[float | None]) -> float | None:
    known = [one for one in numbers if one is not None]
    return fmean(known) if known else None


def _corrected(heads: Sequence[Trusted]) -> list[Trusted]:
    """Chances raised, for each measure, by the number of heads that were tried."""
    found = [dict(one.findings) for one in heads]
    for name in found[0] if found else ():
        chances = [one[name].chance for one in found]
        known = [chance for chance in chances if chance is not None]
        for one, chance in zip(found, holm(known), strict=False):
            one[name] = replace(one[name], chance=chance)
    return [replace(one, findings=findings) for one, findings in zip(heads, found, strict=True)]
