"""Three ways to go on from a history: read it and say what follows, fill a gap at its end, or ask each candidate."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from regard.attention import Lengths
from regard.data.history_batches import MASK, SPECIAL, HistoryBatch
from regard.data.vocabulary import PAD
from regard.models import Activation, Positions, SequenceModel, Sight, Stack
from regard.models.interest import InterestModel, InterestSizes
from regard.train.loss import Loss, token_loss


class Approach(ABC):
    """A model of histories as settings, how it learns, and how it ranks.

    Attributes:
        newest: entries of a history that are read, the newest ones.
    """

    newest: int

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
class Stacked(Approach):
    """Sizes of a stack of self-attention over a history.

    Args:
        layers: stacked layers.
        heads: heads of every attention.
        size: size of every entry's vector; wide, as one vector alone says what was taken already and is not wanted.
        newest: entries of a history that are read.
        positions: LEARNED (a vector a place), ROTARY (queries and keys are turned) or NONE.
        activation: of the position-wise networks: RELU, SQUARED_RELU or GELU.
        dropout: rate on vectors of items and after every part while training.
        attention_dropout: rate at which weights are dropped while training.
    """

    layers: int = 2
    heads: int = 2
    size: int = 256
    newest: int = 50
    positions: Positions = Positions.LEARNED
    activation: Activation = Activation.GELU
    dropout: float = 0.4
    attention_dropout: float = 0.0

    def __post_init__(self) -> None:
        _check_newest(self.newest)

    def stack(self, mask: Sight, longest: int) -> Stack:
        """The same as a sequence model's settings."""
        return Stack(
            self.layers,
            self.heads,
            self.size,
            None,
            longest,
            mask,
            self.positions,
            self.activation,
            dropout=self.dropout,
            attention_dropout=self.attention_dropout,
        )


@dataclass(frozen=True)
class NextItem(Stacked):
    """Every entry says which item follows, told those before it (SASRec, with cross-entropy over all items)."""

    def build(self, items: int) -> SequenceModel:
        return self.stack(Sight.CAUSAL, self.newest).build(items)

    def loss(self, model: SequenceModel, batch: HistoryBatch, smoothing: float) -> Loss:
        """Cross-entropy of the item that follows each entry; a causal model does not see the padding."""
        features, targets = model(batch.items[:, :-1]), batch.items[:, 1:]
        return token_loss(features, model.output, targets, smoothing)

    def scores(self, model: SequenceModel, batch: HistoryBatch) -> Tensor:
        return model.output(_last(model(batch.items), batch.lengths))

    def weights(self, model: SequenceModel, batch: HistoryBatch, items: Tensor) -> Tensor:
        """Of the newest entry, mean over layers and heads; the same for all items."""
        found = torch.stack(model.weights(batch.items)).mean((0, 2))
        return _last(found, batch.lengths)[:, None].expand(-1, items.shape[1], -1)


@dataclass(frozen=True)
class MaskedItems(Stacked):
    """Hidden entries are told from all others; what follows is a hidden entry at the end (BERT4Rec).

    Args:
        hidden: share of entries that are hidden while training; of each window the last one is, too.
    """

    hidden: float = 0.2

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.hidden < 1:
            raise ValueError(f"hidden is {self.hidden}, expected a share of at least 0 and below 1.")

    def build(self, items: int) -> SequenceModel:
        # One place more is for the entry that is asked for.
        return self.stack(Sight.BIDIRECTIONAL, self.newest + 1).build(items)

    def loss(self, model: SequenceModel, batch: HistoryBatch, smoothing: float) -> Loss:
        """Cross-entropy of the hidden entries."""
        chosen = torch.rand(batch.items.shape, device=batch.items.device) < self.hidden
        chosen.scatter_(1, batch.lengths[:, None] - 1, True)
        chosen &= batch.items >= len(SPECIAL)
        features = model(batch.items.masked_fill(chosen, MASK), Lengths(batch.lengths))
        return token_loss(features, model.output, batch.items.masked_fill(~chosen, PAD), smoothing)

    def scores(self, model: SequenceModel, batch: HistoryBatch) -> Tensor:
        asked = _with_gap(batch)
        return model.output(_last(model(asked.items, Lengths(asked.lengths)), asked.lengths))

    def weights(self, model: SequenceModel, batch: HistoryBatch, items: Tensor) -> Tensor:
        """Of the hidden entry at the end, mean over layers and heads; the same for all items."""
        asked = _with_gap(batch)
        found = torch.stack(model.weights(asked.items, Lengths(asked.lengths))).mean((0, 2))
        # What the gap reads of itself is no entry's.
        read = _last(found, asked.lengths).masked_fill(asked.items == MASK, 0.0)
        return read[:, None, :-1].expand(-1, items.shape[1], -1)


@dataclass(frozen=True)
class Interest(Approach):
    """Each candidate reads the history for what speaks for it (DIN).

    Args:
        size: size of an item's vector.
        matching: hidden size of the network that matches a past item with a candidate.
        hidden_size: hidden size of the network that scores a candidate.
        dropout: rate on vectors of items and on the hidden layer while training.
        newest: entries of a history that are read.
        negatives: items drawn beside each one that was taken, to be told apart from it; none is of the same window.
    """

    size: int = 32
    matching: int = 32
    hidden_size: int = 64
    dropout: float = 0.2
    newest: int = 30
    negatives: int = 4

    def __post_init__(self) -> None:
        _check_newest(self.newest)
        if self.negatives < 1:
            raise ValueError(f"negatives is {self.negatives}, expected at least one.")

    def build(self, items: int) -> InterestModel:
        return InterestSizes(self.size, self.matching, self.hidden_size, self.dropout).build(items)

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
        # What the user took in this window is no negative; what was taken before it may be drawn.
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


def _check_newest(newest: int) -> None:
    if newest < 1:
        raise ValueError(f"model.newest is {newest}, expected at least 1 entry of a history to read.")


def _last(found: Tensor, lengths: Tensor) -> Tensor:
    """The entry at the end of each history."""
    return found[torch.arange(len(lengths), device=lengths.device), lengths - 1]


def _with_gap(batch: HistoryBatch) -> HistoryBatch:
    """Histories with a hidden entry behind each."""
    wider = nn.functional.pad(batch.items, (0, 1), value=PAD)
    return HistoryBatch(wider.scatter(1, batch.lengths[:, None], MASK), batch.lengths + 1)
