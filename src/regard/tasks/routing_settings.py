"""Settings of routing; the defaults are the recipe."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, Literal

from regard.data import Splits
from regard.data.endless import FIXED_SEED, Part
from regard.data.own_parts import check_read, own_parts
from regard.data.route_tables import read_routes
from regard.data.routes import Instance
from regard.data.uniform_routes import Problem, Uniform
from regard.models import AttentionModel, Cell, Context, PointerPolicy, Policy
from regard.tasks.contract import Anchor, Variant
from regard.train.incumbent import Baseline, Shared
from regard.train.rollout import Begin
from regard.train.schedule import Cosine
from regard.train.settings import Training
from regard.train.tour_search import Decoding


@dataclass(frozen=True)
class Data:
    """What to learn from.

    Args:
        name: uniform (random places, as many as are wanted), or "files" for your own.
        problem: TSP (one tour) or CVRP (tours from a depot, with a capacity).
        places: cities or customers of a random instance.
        train: your own instances: a table with a row for each place, a .tsp or .vrp file, or a folder of these
            (name: files). Without it, training is on random instances.
        validation: your own validation instances, in the same way.
        test: your own test instances, in the same way.
        validation_count: random validation instances.
        test_count: random test instances.
        batch: instances at a time.
        epoch: batches of random instances in an epoch.
        first_places: of the first random instances, which grow from batch to batch; 0 means that all have `places`.
        growing: batches until they have `places`.
    """

    name: Literal["uniform", "files"] = "uniform"
    problem: Problem = Problem.TSP
    places: int = 20
    train: str | None = None
    validation: str | None = None
    test: str | None = None
    validation_count: int = 1000
    test_count: int = 10_000
    batch: int = 256
    epoch: int = 250
    first_places: int = 0
    growing: int = 1000

    def __post_init__(self) -> None:
        for name in ("validation_count", "test_count", "batch", "epoch", "growing"):
            if getattr(self, name) < 1:
                raise ValueError(f"data.{name} is {getattr(self, name)}, expected a positive number.")
        if self.first_places and not 2 <= self.first_places <= self.places:
            raise ValueError(
                f"data.first_places is {self.first_places}, expected 2 to data.places, {self.places}; or 0 for "
                "instances that do not grow."
            )

    @property
    def source(self) -> Uniform:
        """Random instances."""
        return Uniform(self.problem, self.places)

    def source_of(self, batch: int) -> Uniform:
        """Random instances of a training batch, counted from the beginning of the training."""
        first = self.first_places or self.places
        return Uniform(self.problem, first + (self.places - first) * min(batch, self.growing) // self.growing)

    def load(self) -> Splits[Instance]:
        """The three parts; the training part is empty where it is random and without end.

        Raises:
            ValueError: a file is missing or not in the layout.
            OSError: a file cannot be read.
        """
        check_read(self.name, {part: getattr(self, part) for part in ("train", "validation", "test")})
        if self.name == "files":
            files = (self.train, self.validation, self.test)
            return own_parts(
                *files, lambda path: read_routes(path, self.problem), lambda one: one.told(), "a file or folder"
            )
        counts = {Part.VALIDATION: self.validation_count, Part.TEST: self.test_count}
        validation, test = (self.source.instances(part, FIXED_SEED, count) for part, count in counts.items())
        name = f"{self.problem.value}{self.places}"
        fingerprint = f"uniform {name}, seed {FIXED_SEED}, {self.validation_count} and {self.test_count}"
        return Splits(name, [], validation, test, "generated", "", fingerprint)


class Model(ABC):
    """What says which place comes next."""

    @abstractmethod
    def build(self, problem: Problem) -> Policy[Any]:
        """The policy for a problem.

        Raises:
            ValueError: it has none for this problem.
        """


@dataclass(frozen=True)
class Attention(Model):
    """The attention model: places without an order, for tours and deliveries.

    Args:
        size: of its states.
        heads: of every attention.
        layers: of the encoder.
        feed_forward_size: of the encoder's hidden layers.
    """

    size: int = 128
    heads: int = 8
    layers: int = 3
    feed_forward_size: int = 512

    def build(self, problem: Problem) -> AttentionModel:
        """The policy for a problem."""
        context = {Problem.TSP: Context.TOUR, Problem.CVRP: Context.DELIVERIES}[problem]
        return AttentionModel(self.size, self.heads, self.layers, self.feed_forward_size, context)


@dataclass(frozen=True)
class Pointer(Model):
    """The pointer network: places one after another, for one tour through all of them.

    Args:
        embedding_size: of a place's vector.
        hidden_size: of each encoder direction, the decoder and the pointer.
        cell: GRU or LSTM.
    """

    embedding_size: int = 128
    hidden_size: int = 128
    cell: Cell = Cell.GRU

    def build(self, problem: Problem) -> PointerPolicy:
        """The policy for a tour."""
        if problem is not Problem.TSP:
            raise ValueError(
                f"data.problem is {problem.name}, but model=Pointer makes one tour, TSP; model=Attention delivers."
            )
        return PointerPolicy(self.embedding_size, self.hidden_size, self.cell)


def recipe() -> Training:
    """For random instances of twenty cities, within an hour of one core."""
    return Training(
        epochs=None,
        updates=5000,
        learning_rate=5e-4,
        schedule=Cosine(total=5000, warmup=100, last=0.02),
        label_smoothing=0.0,
        validate_every=250,
        patience=1000,
    )


@dataclass(frozen=True)
class Config:
    """Short tours through places. The defaults are random instances of twenty cities.

    Args:
        data: what to learn from.
        model: the policy: Attention or Pointer.
        baseline: what a tour's length is compared with in training: Shared or Rollout.
        decoding: how hard `regard run` looks for a tour.
        training: how to train.
    """

    data: Data = field(default_factory=Data)
    model: Model = field(default_factory=Attention)
    baseline: Baseline = field(default_factory=lambda: Shared(beginnings=10))
    decoding: Decoding = field(default_factory=lambda: Decoding(views=8))
    training: Training = field(default_factory=recipe)

    def __post_init__(self) -> None:
        if self.baseline.starts is Begin.CHOSEN and self.decoding.beginnings == 1:
            raise ValueError(
                "decoding.beginnings is 1, but with this baseline the policy learns to choose where tours begin, and "
                "not to go on from the first place; expected 0, or several, of which the shortest tour counts."
            )


SMOKE = (
    "data.places=7",
    "data.validation_count=20",
    "data.test_count=30",
    "data.batch=8",
    "baseline.beginnings=4",
    "model.size=16",
    "model.heads=2",
    "model.layers=1",
    "model.feed_forward_size=32",
    "training.updates=3",
    "training.validate_every=2",
)
_CVRP = ("data.problem=CVRP", "baseline.begin=CHOSEN", "decoding.beginnings=0")
# From twenty cities up it learns sooner than with fifty from the beginning.
_GROWING = ("data.first_places=20", "data.growing=7000", "training.updates=14000", "training.schedule.total=14000")
_TSP50 = ("data.places=50", "data.test_count=1000", "data.batch=64", *_GROWING)
_ROLLOUT = ("baseline=Rollout", "decoding.beginnings=0")
_POINTER = ("model=Pointer", *_ROLLOUT)
VARIANTS = (
    Variant("shared", "the task's own default: the mean of several tours of the same instance"),
    Variant("rollout", "compared with the greedy tour of the best policy so far", _ROLLOUT),
    Variant("pointer", "a pointer network, which reads places one after another", _POINTER),
    Variant("tsp50", "fifty cities", _TSP50),
    Variant("cvrp20", "twenty customers and a depot", _CVRP),
)
# What an hour of one core has room for.
_CVRP20 = (*_CVRP, "training.updates=4000", "training.schedule.total=4000")
_GREEDY = "Kool, van Hoof and Welling 2019, table 1, attention model, greedy; 128 million instances"
_SAMPLED = "Kool, van Hoof and Welling 2019, table 1, attention model, the best of 1,280 samples"
ANCHORS = (
    Anchor("tsp20", "gap", 0.34, _GREEDY, 1.5, minutes=60),
    Anchor("tsp20 in 8 views", "gap in 8 views", 0.08, _SAMPLED, 0.5, minutes=60),
    # The goals are what farthest insertion reaches in the same table, and half of it.
    Anchor("tsp50", "gap", 1.76, _GREEDY, 5.53, (_TSP50,), minutes=60),
    Anchor("tsp50 in 8 views", "gap in 8 views", 0.52, _SAMPLED, 2.77, (_TSP50,), minutes=60),
    # The goals are what Nazari et al. 2018 reach greedily, and the attention model, both in the same table.
    Anchor("cvrp20", "gap", 4.97, _GREEDY, 8.03, (_CVRP20,), minutes=60),
    Anchor("cvrp20 in 8 views", "gap in 8 views", 2.49, _SAMPLED, 4.97, (_CVRP20,), minutes=60),
)
