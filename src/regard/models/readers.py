"""Readers: one vector a position, in the light of the other positions. What a classifier pools."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from regard.attention import Lengths
from regard.layers import Dropout, Sinusoidal
from regard.models.recurrence import Cell
from regard.models.transformer_encoder import EncoderLayer
from regard.models.transformer_parts import LayerSizes, Norm
from regard.models.two_ways import TwoWays


class Reading(Protocol):
    """A module that reads sequences padded with zeros; `size` is that of a state."""

    size: int

    def __call__(self, inputs: Float[Tensor, "batch time input"], lengths: Int[Tensor, " batch"], /) -> Tensor:
        """States (batch, time, size)."""
        ...


class Reader(ABC):
    """How the vectors of a sequence are read, as a setting."""

    @abstractmethod
    def build(self, input_size: int, dropout: float) -> Reading:
        """The module for inputs of this size."""


@dataclass(frozen=True)
class BothWays(Reader):
    """A recurrence in each direction, as in Yang et al. 2016 (GRU) and Lin et al. 2017 (LSTM).

    Args:
        hidden_size: size of each direction.
        layers: stacked layers.
        cell: gru or lstm.
    """

    hidden_size: int = 64
    layers: int = 1
    cell: Cell = Cell.GRU

    def build(self, input_size: int, dropout: float) -> Reading:
        """Recurrences, with dropout between layers."""
        return RecurrentReader(self, input_size, dropout)


@dataclass(frozen=True)
class AsTheyAre(Reader):
    """Nothing is read into a vector but itself: a bag of words, and of pairs where the table has them."""

    def build(self, input_size: int, dropout: float) -> Reading:
        """The inputs."""
        return PlainReader(input_size)


@dataclass(frozen=True)
class Convolutions(Reader):
    """Each position with its nearest ones: convolutions, the cheapest readers that hear word order.

    Args:
        hidden_size: size of a state for each width.
        widths: how many positions are read together, odd numbers.
    """

    hidden_size: int = 64
    widths: tuple[int, ...] = (1, 3, 5)

    def build(self, input_size: int, dropout: float) -> Reading:
        """Convolutions side by side, and their rectifier."""
        return NeighbourReader(input_size, self.hidden_size, self.widths)


@dataclass(frozen=True)
class SelfAttention(Reader):
    """Layers of a Transformer's encoder, every position with every other.

    Args:
        size: size of a state.
        heads: heads of every attention.
        layers: stacked layers.
        feed_forward_size: hidden size of the position-wise networks.
        norm: pre (steadier) or post (as published).
    """

    size: int = 128
    heads: int = 4
    layers: int = 1
    feed_forward_size: int = 256
    norm: Norm = Norm.PRE

    def build(self, input_size: int, dropout: float) -> Reading:
        """A projection to the layers' size, positions, and the layers."""
        sizes = LayerSizes(self.size, self.heads, self.feed_forward_size, dropout, 0.0, self.norm)
        return AttentiveReader(input_size, self.layers, sizes)


class RecurrentReader(nn.Module):
    """Stacked layers of `TwoWays`."""

    def __init__(self, settings: BothWays, input_size: int, dropout: float) -> None:
        super().__init__()
        self.size = 2 * settings.hidden_size
        sizes = [input_size] + [self.size] * (settings.layers - 1)
        self.layers = nn.ModuleList(TwoWays(settings.cell, size, settings.hidden_size) for size in sizes)
        self.dropout = Dropout(dropout)

    def forward(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """States of the last layer."""
        for place, layer in enumerate(self.layers):
            inputs = layer(self.dropout(inputs) if place else inputs, lengths)
        return inputs


class PlainReader(nn.Module):
    """The inputs themselves."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """The inputs."""
        return inputs


class NeighbourReader(nn.Module):
    """max(0, W_r [x_(j-r) ; ... ; x_(j+r)] + b_r) for every width 2 r + 1, joined.

    Source: Kim 2014, equation 2.
    """

    def __init__(self, input_size: int, size: int, widths: Sequence[int]) -> None:
        super().__init__()
        if not widths or any(width < 1 or width % 2 == 0 for width in widths):
            raise ValueError(f"widths are {tuple(widths)}, expected odd numbers, so that a position has a middle.")
        self.size = size * len(widths)
        self.windows = nn.ModuleList(nn.Conv1d(input_size, size, width, padding=width // 2) for width in widths)

    def forward(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """States of all positions."""
        shown = inputs.transpose(1, 2)
        return torch.cat([window(shown) for window in self.windows], 1).transpose(1, 2).relu()


class AttentiveReader(nn.Module):
    """Layers of a Transformer's encoder on projected inputs with positions."""

    def __init__(self, input_size: int, layers: int, sizes: LayerSizes) -> None:
        super().__init__()
        self.size = sizes.size
        self.inward, self.positions = nn.Linear(input_size, sizes.size), Sinusoidal(sizes.size)
        self.layers = nn.ModuleList(EncoderLayer(sizes) for _ in range(layers))
        self.last = sizes.last()

    def forward(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """States of the last layer."""
        states = self.positions(self.inward(inputs))
        for layer in self.layers:
            states = layer(states, Lengths(lengths))
        return self.last(states)
