"""Every exported layer with small inputs, as modules that take and give plain tensors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

import regard as rg
from regard import layers
from tests.attention.cases import numbers
from tests.layers.parts import filled


class Called(nn.Module):
    """A layer and how it is called, `(*tensors) -> tensors`."""

    def __init__(self, layer: nn.Module, call: Callable[..., tuple[Tensor, ...]]) -> None:
        super().__init__()
        self.layer, self.call = filled(layer), call

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        return self.call(self.layer, *tensors)


@dataclass(frozen=True)
class Case:
    """A layer, named by its class and what is special, and the tensors it is called with."""

    name: str
    build: Callable[[], nn.Module]
    tensors: tuple[Tensor, ...]
    call: Callable[..., tuple[Tensor, ...]] = lambda layer, *tensors: (layer(*tensors),)

    def module(self) -> Called:
        return Called(self.build(), self.call)


def _answered(layer: nn.Module, *tensors: Tensor) -> tuple[Tensor, ...]:
    answer = layer(*tensors)
    return answer.context, answer.weights


def _padded(layer: nn.Module, inputs: Tensor, lengths: Tensor) -> tuple[Tensor, ...]:
    answer = layer(inputs, rg.Lengths(lengths))
    return answer.context, answer.weights


def _both(layer: nn.Module, *tensors: Tensor) -> tuple[Tensor, ...]:
    found = layer(*tensors)
    return found.left.context, found.left.weights, found.right.context, found.right.weights


def _nested(layer: nn.Module, *tensors: Tensor) -> tuple[Tensor, ...]:
    """The last two tensors are masks, of groups and of what is in them."""
    found = layer(*tensors[:-2], tensors[-2:])
    return found.context, *(answer.weights for answer in found.levels)


def _copied(layer: nn.Module, *tensors: Tensor) -> tuple[Tensor, ...]:
    found = layer(*tensors)
    return found.context, found.weights, found.generate, found.repeated


def _hopped(layer: nn.Module, *tensors: Tensor) -> tuple[Tensor, ...]:
    found = layer(*tensors)
    return found.state, found.logits, found.weights


def _saliency(layer: nn.Module, image: Tensor) -> tuple[Tensor, ...]:
    found = layer(image)
    return found.saliency, found.intensity, found.colour, found.orientation


INPUTS, MEMORY, LENGTHS = numbers(2, 7, 6, seed=0), numbers(2, 5, 6, seed=1), torch.tensor([5, 3])
OUTER = torch.tensor([[True, True, False], [True, True, True]])
INNER = torch.arange(5) < torch.tensor([[5, 2, 0], [1, 4, 3]])[..., None]
WORDS = torch.tensor([[[3, 1, 4, 0], [1, 5, 0, 0], [0, 0, 0, 0]], [[2, 6, 5, 3], [5, 0, 0, 0], [4, 4, 0, 0]]])
QUESTION, TAGS = torch.tensor([[2, 3, 0], [1, 1, 6]]), torch.tensor([[0, 2, 1, 1, 2], [2, 2, 0, 1, 0]])
IMAGE = numbers(2, 3, 64, 67, seed=5).abs()

CASES = (
    Case("MultiHead", lambda: layers.MultiHead(6, heads=2), (INPUTS, MEMORY)),
    Case(
        "MultiHead-grouped-causal",
        lambda: layers.MultiHead(12, heads=6, key_heads=2, memory_size=6),
        (numbers(2, 7, 12, seed=2), INPUTS),
        lambda layer, queries, memory: (layer(queries, memory, rg.Causal()),),
    ),
    Case(
        "MultiHead-padded-sparse",
        lambda: layers.MultiHead(6, heads=2, weigh=rg.Entmax(1.5)),
        (INPUTS, MEMORY, LENGTHS),
        lambda layer, queries, memory, lengths: (layer(queries, memory, rg.Lengths(lengths)),),
    ),
    Case("AlternatingCoAttention", lambda: layers.AlternatingCoAttention(6, 6, 5), (INPUTS, MEMORY), _both),
    Case("ParallelCoAttention", lambda: layers.ParallelCoAttention(6, 6, 5), (INPUTS, MEMORY), _both),
    Case(
        "CoAttention",
        lambda: layers.CoAttention([layers.ParallelCoAttention(6, 6, 5) for _ in range(2)], 6, 3),
        (INPUTS, MEMORY, MEMORY.sin()),
        lambda layer, left, *right: (layer(left, right).joined,),
    ),
    Case(
        "Bidirectional",
        lambda: layers.Bidirectional(layers.MultiHead(6, heads=2), layers.MultiHead(6, heads=3)),
        (INPUTS,),
    ),
    Case("Copy", lambda: layers.Copy(6, 6, 3, 5), (INPUTS, numbers(2, 7, 3, seed=3), MEMORY), _copied),
    Case("CRF", lambda: layers.CRF(3), (numbers(2, 5, 3, seed=4), TAGS, torch.arange(5) < LENGTHS[:, None])),
    Case(
        "CRF-log-partition",
        lambda: layers.CRF(3),
        (numbers(2, 5, 3, seed=4), torch.arange(5) < LENGTHS[:, None]),
        lambda layer, unary, mask: (layer.log_partition(unary, mask),),
    ),
    Case("CrossFusion", lambda: layers.CrossFusion(6, 6, heads=2), (INPUTS, MEMORY)),
    Case("Dropout", lambda: layers.Dropout(0.5).eval(), (INPUTS,)),
    Case("FeedForward", lambda: layers.FeedForward(6, 11, 0.0), (INPUTS,)),
    Case("ChannelGate", lambda: layers.ChannelGate(3, 2), (IMAGE,)),
    Case("ContextGate", lambda: layers.ContextGate(6, 3), (INPUTS, numbers(2, 7, 3, seed=3))),
    Case("Glimpse", lambda: layers.Glimpse(3, 5, 2, 7, 11), (IMAGE, numbers(2, 2, seed=6) / 4)),
    Case("Hierarchy", lambda: layers.Hierarchy(6, 5, 2), (numbers(2, 3, 5, 6, seed=7), OUTER, INNER), _nested),
    Case("KeyValue", lambda: layers.KeyValue(6, 6, 6, 5), (INPUTS, MEMORY, MEMORY.sin())),
    Case("KeyValueSplit", lambda: layers.KeyValueSplit(6), (INPUTS,)),
    Case(
        "KeyValueHops",
        lambda: layers.KeyValueHops(7, 5, 2),
        (QUESTION, WORDS, WORDS.flip(0)),
        _answered,
    ),
    Case("MatrixPooling", lambda: layers.MatrixPooling(6, 5, 3), (MEMORY, LENGTHS), _padded),
    Case("MemoryHops", lambda: layers.MemoryHops(7, 5, 2), (WORDS, QUESTION), _hopped),
    Case("MultiDimensional", lambda: layers.MultiDimensional(6, 6, 5), (INPUTS, MEMORY)),
    Case("MultiDimensionalPooling", lambda: layers.MultiDimensionalPooling(6, 5), (INPUTS,)),
    Case(
        "MultiRepresentation",
        lambda: layers.MultiRepresentation([6, 3], 5, layers.Plain(5)),
        (INPUTS, numbers(2, 7, 3, seed=3)),
        lambda layer, *embeddings: _answered(layer, embeddings),
    ),
    Case("Plain", lambda: layers.Plain(6), (MEMORY, LENGTHS)),
    Case("Contextual", lambda: layers.Contextual(6), (MEMORY, LENGTHS)),
    Case("Pointer", lambda: layers.Pointer(6, 6, 5), (INPUTS, MEMORY)),
    Case("Pool", lambda: layers.Pool(6, 5), (MEMORY, LENGTHS), _padded),
    Case("Sinusoidal", lambda: layers.Sinusoidal(6), (INPUTS,)),
    Case("Learned", lambda: layers.Learned(11, 6), (INPUTS,)),
    Case("Rotary", lambda: layers.Rotary(6), (INPUTS,)),
    Case("SaliencyMap", layers.SaliencyMap, (numbers(1, 3, 128, 131, seed=9).abs(),), _saliency),
    Case(
        "TopDown",
        lambda: layers.TopDown(layers.Hierarchy(6, 5, 2), [rg.Bilinear(3, 6), rg.Bilinear(6, 6)]),
        (numbers(2, 3, seed=8), numbers(2, 3, 5, 6, seed=7), OUTER, INNER),
        _nested,
    ),
)
