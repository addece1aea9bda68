"""Settings of questions about stories; the defaults are the recipe."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from regard.data import Question, Splits, babi, told
from regard.data.own_parts import check_read
from regard.data.stories import hold_out, read_stories
from regard.layers import Tying, WordOrder
from regard.models import Empty, MemoryNetwork
from regard.train.optimizers import SGD
from regard.train.schedule import Stairs
from regard.train.settings import Training


@dataclass(frozen=True)
class Data:
    """What to learn from.

    Args:
        name: babi, told (made up, nothing is downloaded), or "files" for your own.
        tasks: which of bAbI's tasks, 1 to 20; several are learned by one model.
        folder: where bAbI's files lie, instead of their official address.
        train: your own training questions, a file in the layout of bAbI (with name: files).
        test: your own test questions, in the same way.
        validation: your own validation questions; without it, the last share of the training questions.
        held_out: that share.
        batch: questions at a time.
    """

    name: Literal["babi", "told", "files"] = "babi"
    tasks: list[int] = field(default_factory=lambda: [2])
    folder: str | None = None
    train: str | None = None
    test: str | None = None
    validation: str | None = None
    held_out: float = 0.1
    batch: int = 32

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise ValueError(f"data.batch is {self.batch}, expected a positive number.")

    def load(self) -> Splits[Question]:
        """The questions.

        Raises:
            ValueError: a file is missing, not in the layout, or would not be read.
            OSError: a file cannot be had.
        """
        check_read(self.name, {"train": self.train, "validation": self.validation, "test": self.test})
        if self.name == "babi":
            return babi.load(self.tasks, None if self.folder is None else Path(self.folder), self.held_out)
        if self.name == "told":
            return told.load_told()
        if self.train is None or self.test is None:
            missing = "train" if self.train is None else "test"
            raise ValueError(
                f"data.{missing} is empty; with data.name=files both data.train and data.test need a file in the "
                "layout of bAbI, for example data.train=mine.txt."
            )
        train, test = (read_stories(Path(path), "files") for path in (self.train, self.test))
        if self.validation is not None:
            return Splits("files", train, read_stories(Path(self.validation), "files"), test, "your own", "")
        return Splits("files", *hold_out(train, self.held_out), test, "your own", "")


@dataclass(frozen=True)
class Model:
    """The memory network.

    Args:
        size: of its states; 50 suits all tasks together.
        hops: how often the story is read for a question.
        restarts: networks from different first weights, trained side by side; the one of the lowest training error
            answers.
        memory: the most sentences of a story that are read, from its end.
        tying: which tables of a network are one.
        order: whether the order of words in a sentence counts: BAG, POSITION (as the paper prints it), or CENTRED (as
            the authors' code has it, of twice the size, without which linear start does not help).
        empty: what the places are that a short story leaves: HIDDEN, or READ, so that a hop may find nothing. The
            memory has as many places as the longest training story has sentences, and at most `memory`.
        noise: in training, ages are as if at most this share of empty memories stood among the real ones.
        linear_steps: training steps before the softmax (linear start).
    """

    size: int = 20
    hops: int = 3
    restarts: int = 10
    memory: int = 50
    tying: Tying = Tying.ADJACENT
    order: WordOrder = WordOrder.CENTRED
    empty: Empty = Empty.READ
    noise: float = 0.1
    linear_steps: int = 560

    def build(self, vocabulary: int, places: int) -> MemoryNetwork:
        """The networks, for so many words and places."""
        return MemoryNetwork(
            vocabulary,
            self.size,
            self.hops,
            restarts=self.restarts,
            tying=self.tying,
            order=self.order,
            max_memories=places,
            empty=self.empty,
            noise=self.noise,
            linear_steps=self.linear_steps,
        )


def recipe() -> Training:
    """The authors' own, in steps: of 900 questions, 28 batches are an epoch, so 20 are linear and 100 follow.

    They add up the gradients of a batch of 32 and clip at 40 with a rate of 0.005; of a mean, that is 1.25 and 0.16.
    """
    return Training(
        epochs=None,
        updates=3360,
        learning_rate=0.16,
        optimizer=SGD(),
        schedule=Stairs(stair=700, wait=560),
        clip=1.25,
        clip_by="weight",
        label_smoothing=0.0,
        precision="float32",
        validate_every=280,
    )


@dataclass(frozen=True)
class Config:
    """Questions about stories. The defaults are one task of bAbI, two supporting facts, as in the paper.

    Args:
        data: what to learn from.
        model: the memory network.
        training: how to train.
    """

    data: Data = field(default_factory=Data)
    model: Model = field(default_factory=Model)
    training: Training = field(default_factory=recipe)

    def __post_init__(self) -> None:
        steps, training = self.model.linear_steps, self.training
        if training.label_smoothing:
            raise ValueError(
                f"training.label_smoothing is {training.label_smoothing}, expected 0: the loss of stories is the "
                "cross-entropy itself; leave it out."
            )
        most = None if training.updates is None else training.updates * training.accumulate
        if most is not None and 0 < most <= steps:
            raise ValueError(
                f"model.linear_steps is {steps}, expected fewer than the {most} batches of training.updates, or no "
                f"step is left for the softmax; lower it, for example to a sixth, model.linear_steps={most // 6}."
            )
