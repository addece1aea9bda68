"""Language modelling: a text begins, the model writes on, and every head shows how it read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

import torch
from accelerate import Accelerator
from torch import nn

from regard.attention import Segments
from regard.data import Document, Splits
from regard.data.tokens import Stream, TextBatch, window_batches
from regard.data.vocabulary import END, UNKNOWN, Vocabulary, load_vocabulary
from regard.models import SequenceModel, Sight
from regard.tasks.contract import Answer, Wish
from regard.tasks.language_settings import ANCHORS, SMOKE, VARIANTS, Config, Packing
from regard.train.generation import first_read
from regard.train.loss import Loss, token_loss
from regard.train.metrics import Metric
from regard.train.run_folder import RunFolder
from regard.train.runner import Validation
from regard.train.surprise import Surprise, characters_of, count_losses, surprise, unknown_share
from regard.train.writing import write

_VOCABULARY = "vocabulary.json"
# Tokens of a picture: what four small maps side by side have room for.
_SHOWN = 20


class Language:
    """A language model with its vocabulary, and what runner and verbs ask of a task."""

    recipe = Config
    smoke = SMOKE
    variants = VARIANTS
    compared = ("attention", "rotary", "no-positions")
    anchors = ANCHORS

    def __init__(self, config: Config, vocabulary: Vocabulary) -> None:
        if config.model.mask is not Sight.CAUSAL:
            raise ValueError("model.mask is BIDIRECTIONAL; what writes on must not see what follows: use CAUSAL.")
        self.config, self.vocabulary, self.length = config, vocabulary, config.model.longest
        torch.manual_seed(config.training.seed)
        self.model: SequenceModel = config.model.build(vocabulary.size)
        self._streams: dict[str, Stream] = {}

    @classmethod
    def of(cls, config: Config, splits: Splits[Document]) -> Self:
        """A new model for some data, its vocabulary fitted on the training part."""
        made = cls(config, config.pieces.fit([document.text for document in splits.train]))
        made._streams = {part: made.stream(splits, part) for part in ("train", "validation")}
        return made

    @classmethod
    def stored(cls, config: Config, run: RunFolder) -> Self:
        """The model of a run folder, its weights not read yet."""
        return cls(config, load_vocabulary(run.path / _VOCABULARY))

    def store(self, run: RunFolder) -> None:
        """Write what `stored` reads."""
        self.vocabulary.save(run.path / _VOCABULARY)

    def stream(self, splits: Splits[Document], part: str) -> Stream:
        """A part as numbers, from the cache folder or made for it."""
        return Stream.of([one.text for one in getattr(splits, part)], self.vocabulary, f"{part} of {splits.sha256()}")

    def batches(self, epoch: int) -> list[list[int]]:
        """Where the windows of every batch of an epoch begin."""
        training = self.config.training
        count = max(1, training.tokens_per_batch // self.length)
        return window_batches(self._streams["train"], self.length, count, training.seed, epoch)

    def collate(self, indices: list[int]) -> TextBatch:
        """The windows that begin at these places."""
        return self._streams["train"].batch(indices, self.length)

    def loss(self, model: nn.Module, batch: TextBatch) -> Loss:
        """Cross-entropy of the next tokens, summed."""
        ids = batch.documents()
        where = Segments(ids, ids) if self.config.data.packing is Packing.APART else None
        smoothing = self.config.training.label_smoothing if model.training else 0.0
        return token_loss(model(batch.inputs, where), self.model.output, batch.targets, smoothing)

    def validate(self, model: nn.Module, processes: Accelerator) -> Validation:
        """The loss on the validation part."""
        found = self._surprise(self._streams["validation"], processes, self.config.validate_on)
        return Validation(-found.loss, {"loss": found.loss})

    def score(self, splits: Splits[Document], processes: Accelerator) -> list[Metric]:
        """Loss, perplexity and bits per character of the test part; and the loss of all that was held out."""
        found = self._surprise(test := self.stream(splits, "test"), processes)
        both = found + self._surprise(self.stream(splits, "validation"), processes)
        kind, given, unknown = self.config.pieces.kind, self.config.data.packing.given, unknown_share(test)
        protocol = f"{kind}; windows of {self.length} side by side, every token once, given {given}{unknown}"
        characters = None if kind == "words" else characters_of(test, [document.text for document in splits.test])
        together = f"nats a token; validation and test part together; {protocol}"
        held_out = Metric("held-out loss", both.loss, together, digits=4, better="lower")
        return [*found.metrics(characters, protocol), held_out]

    def baselines(self, splits: Splits[Document]) -> list[Metric]:
        """The loss of counts on the same tokens: of single ones, and of what followed the two or five before."""
        return count_losses(self.stream(splits, "train"), self.stream(splits, "test"), self.vocabulary.size)

    def samples(self, splits: Splits[Document], processes: Accelerator) -> list[dict[str, object]]:
        """Beginnings from the test part, what was written on, and how the last tokens of the beginning were read."""
        text = "\n".join(document.text for document in splits.test)
        size = min(len(text), 3 * self.length)
        places = range(0, max(1, len(text) - 2 * size), max(1, len(text) // 3))
        return [self._sample(text[at : at + size], text[at + size : at + 2 * size]) for at in places][:3]

    def answers(self, lines: Iterator[str], wish: Wish, processes: Accelerator) -> Iterator[Answer]:
        """Every line with what the model writes after it; an empty line begins with nothing."""
        for line in lines:
            texts = self._write(line, wish.best)
            yield Answer(line + texts[0], {"prompt": line, "texts": texts}, self._note(line))

    def _surprise(self, stream: Stream, processes: Accelerator, most: int | None = None) -> Surprise:
        with torch.no_grad():
            return surprise(stream, self.length, lambda batch: self.loss(self.model, batch), processes, most)

    def _write(self, prompt: str, rows: int = 1) -> list[str]:
        return write(self.model, self.vocabulary, prompt, self.config.sampling, longest=self.length, rows=rows)

    def _sample(self, prompt: str, reference: str) -> dict[str, object]:
        begun = [END, *self.vocabulary.encode(prompt)]
        # The tokens of which the first new one is made, at the places that they have then.
        tokens = begun[first_read(len(begun), self.length) :]
        with torch.no_grad():
            found = self.model.weights(torch.tensor([tokens], device=self.model.output.weight.device))
        return {
            "view": "heads",
            "prompt": prompt,
            "text": self._write(prompt)[0],
            "reference": reference,
            "tokens": self.vocabulary.pieces(tokens[-_SHOWN:]),
            "weights": [one[0, :, -_SHOWN:, -_SHOWN:].double().round(decimals=3).tolist() for one in found],
        }

    def _note(self, line: str) -> str:
        tokens, told = self.vocabulary.encode(line), []
        if unknown := tokens.count(UNKNOWN):
            told.append(f"has {unknown} {self.config.pieces.kind} that training never showed")
        if len(tokens) >= self.length:
            told.append(f"has {len(tokens)} tokens; only the last ones are read (model.longest is {self.length})")
        return "; ".join(told)


TASK = Language
