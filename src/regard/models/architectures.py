"""Whole models as settings."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from regard.models.mechanisms import Bahdanau, Mechanism
from regard.models.recurrence import Cell
from regard.models.recurrent_encoder import RecurrentEncoder
from regard.models.seq2seq import Seq2Seq
from regard.models.sizes import DecoderSizes, Tying
from regard.models.transformer_decoder import TransformerDecoder
from regard.models.transformer_encoder import TransformerEncoder
from regard.models.transformer_parts import LayerSizes, Norm


class Architecture(ABC):
    """A model from one sequence to another."""

    @abstractmethod
    def build(self, source_vocabulary_size: int, target_vocabulary_size: int) -> Seq2Seq:
        """The model for vocabularies of these sizes."""


@dataclass(frozen=True)
class Recurrent(Architecture):
    """A bidirectional recurrent encoder and a recurrent decoder.

    Args:
        embedding_size: size of a token's vector.
        hidden_size: size of each encoder direction and of the decoder.
        layers: stacked layers on both sides.
        cell: gru or lstm.
        dropout: rate on embeddings, states and features while training.
        tying: none, output (the target's embedding is the output layer) or all (the source's as well).
        mechanism: how the decoder looks at the source.
    """

    embedding_size: int = 256
    hidden_size: int = 256
    layers: int = 1
    cell: Cell = Cell.GRU
    dropout: float = 0.3
    tying: Tying = Tying.NONE
    mechanism: Mechanism = field(default_factory=Bahdanau)

    def build(self, source_vocabulary_size: int, target_vocabulary_size: int) -> Seq2Seq:
        """The model; both vocabularies must be one where everything is tied."""
        encoder = RecurrentEncoder(
            source_vocabulary_size,
            self.embedding_size,
            self.hidden_size,
            self.layers,
            self.cell,
            self.dropout,
        )
        sizes = DecoderSizes(
            target_vocabulary_size,
            self.embedding_size,
            self.hidden_size,
            encoder.size,
            self.layers,
            self.cell,
            self.dropout,
            self.tying,
        )
        model = Seq2Seq(encoder, self.mechanism.build(sizes))
        if self.tying is Tying.ALL:
            _check_one_vocabulary(source_vocabulary_size, target_vocabulary_size)
            encoder.embedding.weight = model.decoder.output.weight
        return model


@dataclass(frozen=True)
class Transformer(Architecture):
    """A Transformer encoder and decoder.

    Args:
        size: size of every position's vector.
        heads: heads of every attention.
        encoder_layers: layers that read the source.
        decoder_layers: layers that write the target.
        feed_forward_size: hidden size of the position-wise networks.
        dropout: rate on embeddings and around every part while training.
        attention_dropout: rate at which weights are dropped while training.
        norm: pre (steadier) or post (as published).
        tying: none, output (the target's embedding is the output layer) or all (the source's as well).
    """

    size: int = 256
    heads: int = 4
    encoder_layers: int = 3
    decoder_layers: int = 3
    feed_forward_size: int = 1024
    dropout: float = 0.3
    attention_dropout: float = 0.0
    norm: Norm = Norm.PRE
    tying: Tying = Tying.OUTPUT

    def build(self, source_vocabulary_size: int, target_vocabulary_size: int) -> Seq2Seq:
        """The model; both vocabularies must be one where everything is tied."""
        sizes = LayerSizes(
            self.size, self.heads, self.feed_forward_size, self.dropout, self.attention_dropout, self.norm
        )
        encoder = TransformerEncoder(source_vocabulary_size, self.encoder_layers, sizes)
        decoder = TransformerDecoder(target_vocabulary_size, self.decoder_layers, sizes, self.tying)
        if self.tying is Tying.ALL:
            _check_one_vocabulary(source_vocabulary_size, target_vocabulary_size)
            encoder.embedded.table.weight = decoder.output.weight
        return Seq2Seq(encoder, decoder)


def _check_one_vocabulary(source: int, target: int) -> None:
    if source != target:
        raise ValueError(
            f"tying is all, but the source has {source} tokens and the target {target}; fit one vocabulary on "
            "both (vocabulary.shared = true), or tie only the output."
        )
