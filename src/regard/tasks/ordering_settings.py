"""Settings of ordering; the defaults are the recipe."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Literal

from regard.data import Splits
from regard.data.endless import FIXED_SEED, Part
from regard.data.ordering_tables import read_inputs
from regard.data.orderings import Drawn, Inputs, Problem
from regard.data.own_parts import check_read, own_parts
from regard.models import Cell, PointerNetwork, Used
from regard.tasks.contract import Anchor, Variant
from regard.train.schedule import Cosine
from regard.train.settings import Training
from regard.train.strategies import Beam, Greedy, Strategy


@dataclass(frozen=True)
class Data:
    """What to learn from.

    Args:
        name: drawn (random inputs, as many as are wanted), or "files" for your own.
        problem: SORT (numbers, the lowest first) or HULL (points, the corners of their convex hull).
        fewest: inputs of a random instance.
        most: inputs of a random instance.
        numbers: how many different numbers there are to be sorted.
        train: your own instances, a table with a row for each input (name: files). Without it, training is on random
            instances.
        validation: your own validation instances, in the same way.
        test: your own test instances, in the same way.
        validation_count: random validation instances.
        test_count: random test instances.
        batch: instances at a time.
        epoch: batches of random instances in an epoch.
    """

    name: Literal["drawn", "files"] = "drawn"
    problem: Problem = Problem.SORT
    fewest: int = 5
    most: int = 10
    numbers: int = 100
    train: str | None = None
    validation: str | None = None
    test: str | None = None
    validation_count: int = 1000
    test_count: int = 10_000
    batch: int = 64
    epoch: int = 250

    def __post_init__(self) -> None:
        for name in ("validation_count", "test_count", "batch", "epoch"):
            if getattr(self, name) < 1:
                raise ValueError(f"data.{name} is {getattr(self, name)}, expected a positive number.")

    @property
    def source(self) -> Drawn:
        """Random instances."""
        return Drawn(self.problem, self.fewest, self.most, self.numbers)

    def load(self) -> Splits[Inputs]:
        """The three parts; the training part is empty where it is random and without end.

        Raises:
            ValueError: a file is missing or not in the layout.
            OSError: a file cannot be read.
        """
        check_read(self.name, {part: getattr(self, part) for part in ("train", "validation", "test")})
        if self.name == "files":
            files = (self.train, self.validation, self.test)
            return own_parts(
                *files,
                lambda path: read_inputs(path, self.problem),
                lambda one: [one.name, one.rows.tolist()],
                "a table",
            )
        counts = {Part.VALIDATION: self.validation_count, Part.TEST: self.test_count}
        validation, test = (self.source.inputs(part, FIXED_SEED, range(count)) for part, count in counts.items())
        name = f"{self.problem.value} of {self.fewest} to {self.most}"
        fingerprint = f"{asdict(self.source)}, seed {FIXED_SEED}, {self.validation_count} and {self.test_count}"
        return Splits(name, [], validation, test, "generated", "", fingerprint)


@dataclass(frozen=True)
class Model:
    """The pointer network.

    Args:
        embedding_size: of an input's vector.
        hidden_size: of each encoder direction, the decoder and the pointer.
        cell: GRU or LSTM.
        used: HIDDEN (no input is pointed at twice) or SHOWN (the network has to learn that).
    """

    embedding_size: int = 64
    hidden_size: int = 128
    cell: Cell = Cell.GRU
    used: Used = Used.HIDDEN

    def build(self, problem: Problem) -> PointerNetwork:
        """The network for a problem."""
        return PointerNetwork(len(problem.columns), self.embedding_size, self.hidden_size, self.cell, self.used)


@dataclass(frozen=True)
class Search:
    """How answers are found.

    Args:
        beam: answers at a time; 1 is the greedy search.
        batch: instances at a time.
    """

    beam: int = 1
    batch: int = 500

    def __post_init__(self) -> None:
        if self.beam < 1 or self.batch < 1:
            raise ValueError(
                f"search.beam is {self.beam} and search.batch is {self.batch}, expected positive numbers."
            )

    def strategy(self, n_best: int = 1) -> Strategy:
        """The strategy; a beam ranks by probability alone, as a longer answer is no better one."""
        return Greedy() if self.beam == 1 == n_best else Beam(max(self.beam, n_best), 0.0, n_best)


def recipe() -> Training:
    """For a few minutes of one core."""
    return Training(
        epochs=None,
        updates=900,
        learning_rate=2e-3,
        schedule=Cosine(total=900, warmup=50, last=0.01),
        label_smoothing=0.0,
        precision="float32",
        validate_every=300,
        patience=1000,
    )


@dataclass(frozen=True)
class Config:
    """Inputs named in an order. The defaults sort five to ten different numbers from 0 to 99.

    Args:
        data: what to learn from.
        model: the network.
        search: how answers are found.
        training: how to train.
    """

    data: Data = field(default_factory=Data)
    model: Model = field(default_factory=Model)
    search: Search = field(default_factory=Search)
    training: Training = field(default_factory=recipe)


SMOKE = (
    "data.validation_count=20",
    "data.test_count=30",
    "data.batch=8",
    "model.embedding_size=8",
    "model.hidden_size=12",
    "training.updates=3",
    "training.validate_every=2",
)
# Hulls are harder than sorting.
_HULL = ("data.problem=HULL", "training.updates=9600", "training.schedule.total=9600")
VARIANTS = (
    Variant("sort", "the task's own default"),
    Variant("sort, shown", "what was pointed at stays open, as in the paper", ("model.used=SHOWN",)),
    Variant("hull", "the corners of the convex hull of points", _HULL),
    Variant("hull, shown", "the same, and what was pointed at stays open", (*_HULL, "model.used=SHOWN")),
)
_PAPER = "Vinyals, Fortunato and Jaitly 2015, table 1, trained on 5 to 50 points, tested on 5"
ANCHORS = (
    Anchor("sort", "exact, 10 numbers", 100.0, "what sorting is", 99.0, minutes=3),
    Anchor("hull", "exact, 5 points", 92.0, _PAPER, 92.0, (_HULL,), minutes=20),
    Anchor("hull area", "area, 5 points", 99.6, _PAPER, 99.0, (_HULL,), minutes=20),
)
