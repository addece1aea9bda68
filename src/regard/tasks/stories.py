"""Questions about stories: an answer, and the sentences that every hop read for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

import torch
from accelerate import Accelerator
from torch import nn

from regard.data import Question, Splits
from regard.data.chunks import chunks
from regard.data.evenly import evenly
from regard.data.stories import parse_stories
from regard.data.story_batches import StoryBatch, fit_words, number_stories, whole_batches
from regard.data.vocabulary import Words, load_vocabulary
from regard.tasks.contract import Anchor, Answer, Variant, Wish
from regard.tasks.stories_answers import error_rates, story_baselines
from regard.tasks.stories_reader import Reader
from regard.tasks.stories_settings import Config
from regard.train.distributed import gather_in_order, share
from regard.train.loss import Loss
from regard.train.metrics import Metric
from regard.train.restarts import best_restart, losses_of_each
from regard.train.run_folder import RunFolder
from regard.train.runner import Validation

# More than any loss.
_LINEAR = 1e9


class Stories:
    """A memory network, its words, and what runner and verbs ask of a task."""

    recipe = Config
    smoke = ("data.name=told", "model.restarts=3", "model.linear_steps=4", "training.updates=12")
    variants = (
        Variant("3 hops", "the task's own default"),
        Variant("1 hop", "the story is read once", ("model.hops=1",)),
        Variant("bag of words", "the order of words is not told", ("model.order=BAG",)),
        Variant("layer-wise", "one pair of tables for all hops", ("model.tying=LAYER_WISE",)),
        Variant("no linear start", "softmax from the first step", ("model.linear_steps=0",)),
    )
    compared = ("3 hops", "1 hop", "bag of words")
    anchors = (
        Anchor(
            "babi-1k",
            metric="error",
            known=13.9,
            source="Sukhbaatar et al. 2015, table 1, 3 hops PE LS RN, mean of 20 tasks",
            goal=13.9,
            runs=tuple((f"data.tasks=[{number}]",) for number in range(1, 21)),
            minutes=30,
        ),
    )

    def __init__(self, config: Config, words: Words, places: int) -> None:
        self.config, self.words = config, words
        torch.manual_seed(config.training.seed)
        self.model = config.model.build(words.size, places)
        self.reader = Reader(self.model, words)
        self.train = self.validation = number_stories([], words, 1)

    @classmethod
    def of(cls, config: Config, splits: Splits[Question]) -> Self:
        """New networks for some questions, ready to be trained."""
        places = min(config.model.memory, max([1, *(len(one.story) for one in splits.train)]))
        made = cls(config, fit_words(splits.train), places)
        made.train, made.validation = (
            number_stories(part, made.words, places) for part in (splits.train, splits.validation)
        )
        return made

    @classmethod
    def stored(cls, config: Config, run: RunFolder) -> Self:
        """The networks of a run folder, their weights not read yet."""
        words = load_vocabulary(run.path / "words.vocabulary.json")
        if not isinstance(words, Words):
            raise ValueError(f"{run.path}/words.vocabulary.json is no list of words; it is of another task.")
        places = run.read_json("places.json")
        if not isinstance(places, int):
            raise ValueError(f"{run.path}/places.json is no number of sentences; train again.")
        return cls(config, words, places)

    def store(self, run: RunFolder) -> None:
        """Write what `stored` reads."""
        self.words.save(run.path / "words.vocabulary.json")
        run.write_json("places.json", self.model.max_memories)

    def batches(self, epoch: int) -> list[list[int]]:
        """Indices of every batch of an epoch."""
        return whole_batches(len(self.train), self.config.data.batch, self.config.training.seed, epoch)

    def collate(self, indices: list[int]) -> StoryBatch:
        """The batch of these training questions."""
        return self.train.rows(indices)

    def loss(self, model: nn.Module, batch: StoryBatch) -> Loss:
        """Cross-entropy of the answers, summed over questions and restarts, each with a gradient of its own."""
        each = losses_of_each(model(batch.story, batch.question).logits, batch.answer)
        return Loss(each.sum(), each.new_tensor(len(batch)), {"plain": each.detach().mean(1).sum()})

    def validate(self, model: nn.Module, processes: Accelerator) -> Validation:
        """Choose the restart that makes the fewest errors in training, and of those the one of the lowest loss."""
        errors, losses = self.reader.measure(self.train, processes)
        wrong, held = self.reader.measure(self.validation, processes)
        chosen = best_restart(errors, losses)
        self.model.chosen.fill_(chosen)
        logs = {"loss": held[chosen], "error": 100 * wrong[chosen]}
        # What is still linear is worse, however well it fits.
        score = -losses[chosen] - (_LINEAR if self.reader.beginning else 0)
        return Validation(score, logs, self.reader.beginning)

    def score(self, splits: Splits[Question], processes: Accelerator) -> list[Metric]:
        """Percent of wrong answers to the test questions."""
        mine = share(splits.test, processes)
        found = [self.reader.answer(read) for read in self.reader.read(mine, processes.device)]
        answers = gather_in_order(found, processes)
        rule = f"the lowest training error of {self.config.model.restarts} restarts"
        still = f", still in the {self.reader.beginning}" if self.reader.beginning else ""
        return error_rates(splits.test, answers, f"one word of {self.words.size}, {rule}, {splits.name}{still}")

    def baselines(self, splits: Splits[Question]) -> list[Metric]:
        """Errors of the most frequent answers and of a bag of words."""
        return story_baselines(splits.train, splits.test)

    def samples(self, splits: Splits[Question], processes: Accelerator) -> list[dict[str, object]]:
        """Questions of the test set, evenly spread over it, of stories that are no longer than a page."""
        fitting = [one for one in splits.test if 3 <= len(one.story) <= 15] or splits.test
        chosen = evenly(fitting, 6)
        return [
            {"view": "story", "answer": one.answer, **self.reader.record(one, read)}
            for one, read in zip(chosen, self.reader.read(chosen, processes.device), strict=True)
        ]

    def answers(self, lines: Iterator[str], wish: Wish, processes: Accelerator) -> Iterator[Answer]:
        """An answer to every question of stories in the layout of bAbI."""
        asked = parse_stories(lines, where="standard input")
        for chunk in chunks(asked, wish.together):
            for one, read in zip(chunk, self.reader.read(chunk, processes.device), strict=True):
                record = {**self.reader.record(one, read), "answers": self.reader.ranked(read, wish.best)}
                yield Answer(self.reader.answer(read), record, self.reader.note(one))


TASK = Stories
