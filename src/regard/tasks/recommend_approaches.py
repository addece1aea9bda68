"""Three ways to go on from a history: read it and say what follows, fill a gap at its end, or ask each candidate."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from regard.attention import Lengths
from regard.data.history_batches import MASK, PAD, SPECIAL, HistoryBatch
from regard.models import Activation, SequenceModel, Sight, Stack
from regard.models.interest import InterestModel, InterestSizes
from regard.train.loss import Loss, linear_cross_entropy


class Approach(ABC):
    """A model of histories as settings, how it learns, and how it ranks."""

    @property
    @abstractmethod
    def longest(self) -> int:
        """Entries of a history that are read, the newest ones."""

    @abstractmethod
    def build(self, items: int) -> nn.Module:
        """The model for this many items, special ones among them."""

    @abstractmethod
    def loss(self, model: Any, batch: HistoryBatch, smoothing: float) -> Loss:
        """The summed loss of windows, while training."""

    @abstractmethod
    def scores(self, model: Any, batch: HistoryBatch) -> Float[Tensor, "batch items"]:
        """How well each item goes on from each history."""

    @abstractmethod
    def weights(
        self, model: Any, batch: HistoryBatch, items: Int[Tensor, "batch chosen"]
    ) -> Float[Tensor, "batch chosen time"]:
        """How much the scores of chosen items read of each entry of a history."""


@dataclass(frozen=True)
class NextItem(Approach):
    """Every entry says which item follows, told those before it (SASRec, with cross-entropy over all items).

    Args:
        stack: sizes; `longest` entries are read.
    """

    stack: Stack = field(
        default_factory=lambda: Stack(
            layers=2, heads=2, size=64, longest=100, activation=Activation.GELU, dropout=0.3
        )
    )

    def __post_init__(self) -> None:
        _check_sight(self.stack, Sight.CAUSAL, "NextItem says what follows, so it must not see it")

    @property
    def longest(self) -> int:
        return self.stack.longest

    def build(self, items: int) -> SequenceModel:
        return self.stack.build(items)

    def loss(self, model: SequenceModel, batch: HistoryBatch, smoothing: float) -> Loss:
        """Cross-entropy of the item that follows each entry; a causal model does not see the padding."""
        features, targets = model(batch.items[:, :-1]), batch.items[:, 1:]
        return _cross_entropy(model, features, targets, smoothing)

    def scores(self, model: SequenceModel, batch: HistoryBatch) -> Tensor:
        return model.output(_last(model(batch.items), batch.lengths))

    def weights(self, model: SequenceModel, batch: HistoryBatch, items: Tensor) -> Tensor:
        """Of the newest entry, mean over layers and heads; the same for all items."""
        found = torch.stack(model.weights(batch.items)).mean((0, 2))
        return _last(found, batch.lengths)[:, None].expand(-1, items.shape[1], -1)


@dataclass(frozen=True)
class MaskedItems(Approach):
    """Hidden entries are told from all others; what follows is a hidden entry at the end (BERT4Rec).

    Args:
        stack: sizes; `longest` entries are read, the hidden one among them.
        hidden: share of entries that are hidden while training; of each window the last one is, too.
    """

    stack: Stack = field(
        default_factory=lambda: Stack(
            layers=2,
            heads=2,
            size=64,
            longest=100,
            mask=Sight.BIDIRECTIONAL,
            activation=Activation.GELU,
            dropout=0.3,
        )
    )
    hidden: float = 0.2

    def __post_init__(self) -> None:
        _check_sight(self.stack, Sight.BIDIRECTIONAL, "MaskedItems fills gaps, so it must see both sides of one")
        if not 0 <= self.hidden < 1:
            raise ValueError(f"hidden is {self.hidden}, expected a share of at least 0 and below 1.")

    @property
    def longest(self) -> int:
        # One place is for the entry that is asked for.
        return self.stack.longest - 1

    def build(self, items: int) -> SequenceModel:
        return self.stack.build(items)

    def loss(self, model: SequenceModel, batch: HistoryBatch, smoothing: float) -> Loss:
        """Cross-entropy of the hidden entries."""
        chosen = torch.rand(batch.items.shape, device=batch.items.device) < self.hidden
        chosen.scatter_(1, batch.lengths[:, None] - 1, True)
        chosen &= batch.items >= len(SPECIAL)
        features = model(batch.items.masked_fill(chosen, MASK), Lengths(batch.lengths))
        return _cross_entropy(model, features, batch.items.masked_fill(~chosen, PAD), smoothing)

    def scores(self, model: SequenceModel, batch: HistoryBatch) -> Tensor:
        asked = _with_gap(batch)
        return model.output(_last(model(asked.items, Lengths(asked.lengths)), asked.lengths))

    def weights(self, model: SequenceModel, batch: HistoryBatch, items: Tensor) -> Tensor:
        """Of the hidden entry at the end, mean over layers and heads; the same for all items."""
        asked = _with_gap(batch)
        found = torch.stack(model.weights(asked.items, Lengths(asked.lengths))).mean((0, 2))
        return _last(found, asked.lengths)[:, None, :-1].expand(-1, items.shape[1], -1)


@dataclass(frozen=True)
class Interest(Approach):
    """Each candidate reads the history for what speaks for it (DIN).

    Args:
        sizes: of the model.
        newest: entries of a history that are read.
        negatives: items drawn beside each one that was taken, to be told apart from it.
    """

    sizes: InterestSizes = field(default_factory=InterestSizes)
    newest: int = 30
    negatives: int = 4

    def __post_init__(self) -> None:
        if self.negatives < 1:
            raise ValueError(f"negatives is {self.negatives}, expected at least one.")

    @property
    def longest(self) -> int:
        return self.newest

    def build(self, items: int) -> InterestModel:
        return self.sizes.build(items)

    def loss(self, model: InterestModel, batch: HistoryBatch, smoothing: float) -> Loss:
        """Binary cross-entropy of what was taken and of items that were not, given all before."""
        past, targets = batch.items[:, :-1], batch.items[:, 1:]
        time = past.shape[1]
        drawn = torch.randint(len(SPECIAL), len(model.table.weight), (len(batch), time * self.negatives))
        candidates = torch.cat((targets, drawn.to(targets.device)), dim=1)
        earlier = torch.ones(time, time, dtype=torch.bool, device=past.device).tril()
        seen = earlier.repeat(1 + self.negatives, 1) & (past >= len(SPECIAL))[:, None]
        scores = model(candidates, past, seen)
        kept = (targets != PAD).repeat(1, 1 + self.negatives)
        # A negative that the user took after all is no negative.
        kept[:, time:] &= ~batch.taken(len(model.table.weight)).gather(1, drawn.to(targets.device))
        wanted = torch.zeros_like(scores)
        wanted[:, :time] = 1 - smoothing
        losses = nn.functional.binary_cross_entropy_with_logits(scores, wanted, reduction="none")
        total = losses[kept].sum()
        return Loss(total, kept.sum(), {"plain": total.detach()})

    def scores(self, model: InterestModel, batch: HistoryBatch) -> Tensor:
        every = torch.arange(len(model.table.weight), device=batch.items.device)
        past, seen = batch.items, (batch.items >= len(SPECIAL))[:, None]
        # One history at a time: each is read by all items.
        rows = zip(past.split(1), seen.split(1), strict=True)
        return torch.cat([model(every[None], one, may) for one, may in rows])

    def weights(self, model: InterestModel, batch: HistoryBatch, items: Tensor) -> Tensor:
        """What each item reads, which is its own, not normalised and may be negative."""
        return model.weights(items, batch.items, (batch.items >= len(SPECIAL))[:, None])


def _cross_entropy(model: SequenceModel, features: Tensor, targets: Tensor, smoothing: float) -> Loss:
    total, plain = linear_cross_entropy(
        features.flatten(0, 1),
        model.output.weight,
        model.output.bias,
        targets.flatten(),
        ignore=PAD,
        smoothing=smoothing,
    )
    return Loss(total, (targets != PAD).sum(), {"plain": plain})


def _last(found: Tensor, lengths: Tensor) -> Tensor:
    """The entry at the end of each history."""
    return found[torch.arange(len(lengths), device=lengths.device), lengths - 1]


def _with_gap(batch: HistoryBatch) -> HistoryBatch:
    """Histories with a hidden entry behind each."""
    wider = nn.functional.pad(batch.items, (0, 1), value=PAD)
    return HistoryBatch(wider.scatter(1, batch.lengths[:, None], MASK), batch.lengths + 1)


def _check_sight(stack: Stack, wanted: Sight, reason: str) -> None:
    if stack.mask is not wanted:
        raise ValueError(f"stack.mask is {stack.mask.name}; {reason}: use {wanted.name}.")
