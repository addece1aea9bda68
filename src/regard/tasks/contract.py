"""What a task is: from raw data to predictions, for every verb.

A task is a class in a file of its own. It is trained by `regard.train.runner`, which asks only what `Trainable` says;
the verbs ask the rest. Nothing is registered: `regard.tasks` lists the files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self, TypeVar

from accelerate import Accelerator

from regard.data import Splits
from regard.train.metrics import Metric
from regard.train.run_folder import RunFolder
from regard.train.runner import Trainable
from regard.train.settings import Training


@dataclass(frozen=True)
class Variant:
    """A mechanism by the settings that choose it, for `regard compare`."""

    name: str
    summary: str
    settings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Anchor:
    """A number that the world knows, for `regard bench`.

    Args:
        name: of the row.
        metric: the name of the metric of the test set that is compared.
        known: the known number.
        source: where it is from: authors and year, or peer and version.
        goal: the worst value that passes; worse is decided by the metric's own direction.
        runs: settings of every run that it takes; the value is the mean over them (folds, or a suite's tasks).
        minutes: about how long all runs take on two cores.
    """

    name: str
    metric: str
    known: float
    source: str
    goal: float
    runs: tuple[tuple[str, ...], ...] = ((),)
    minutes: float = 1.0


@dataclass(frozen=True)
class Wish:
    """What `regard run` wants.

    Args:
        best: how many answers for each input, best first.
        together: inputs taken at a time; 1 where somebody waits for the answer to each.
        asked: the number that was asked for; None where nobody did, and a task may have one of its own.
    """

    best: int = 1
    together: int = 256
    asked: int | None = None


@dataclass(frozen=True)
class Answer:
    """The prediction for one raw input.

    Args:
        text: what is printed.
        record: the same and all beside it (scores, weights), as JSON.
        note: what the user should know about this input, such as that it was cut; empty where there is nothing.
    """

    text: str
    record: Mapping[str, object]
    note: str = ""


class Source(Protocol):
    """Settings that say which data."""

    def load(self) -> Splits[Any]:
        """Train, validation and test.

        Raises:
            ValueError: the data is not known, or its files are not right.
            OSError: it cannot be had.
        """
        ...


class Recipe(Protocol):
    """Settings of a task: a frozen dataclass whose defaults are its recipe."""

    @property
    def data(self) -> Source:
        """What to learn from."""
        ...

    @property
    def training(self) -> Training:
        """How to train."""
        ...


Config = TypeVar("Config", bound=Recipe, contravariant=True)
Example = TypeVar("Example")


class Task(Trainable, Protocol[Config, Example]):
    """A model for a problem, with all that makes predictions of raw data.

    Attributes:
        recipe: the class of its settings.
        smoke: settings of a run of seconds, on data that is generated or tiny.
        variants: what `regard compare` can train.
        compared: the names of those that it trains unless told otherwise.
        anchors: known numbers.
    """

    recipe: ClassVar[type[Any]]
    smoke: ClassVar[tuple[str, ...]]
    variants: ClassVar[tuple[Variant, ...]]
    compared: ClassVar[tuple[str, ...]]
    anchors: ClassVar[tuple[Anchor, ...]]

    @classmethod
    def of(cls, config: Config, splits: Splits[Example]) -> Self:
        """New, fitted on the training part alone, and ready to be trained.

        Raises:
            ValueError: the training part cannot be used.
        """
        ...

    @classmethod
    def stored(cls, config: Config, run: RunFolder) -> Self:
        """As `store` wrote it into a run folder; the weights are read by the caller.

        Raises:
            FileNotFoundError: a file is missing.
            ValueError: a file is damaged.
        """
        ...

    def store(self, run: RunFolder) -> None:
        """Write what `stored` reads (vocabularies, labels); settings and weights are written by the caller."""
        ...

    def score(self, splits: Splits[Example], processes: Accelerator) -> list[Metric]:
        """Metrics of the test set, each with its protocol; asked once, after training."""
        ...

    def baselines(self, splits: Splits[Example]) -> list[Metric]:
        """The same metric of trivial and classical answers on the same test set, named after them."""
        ...

    def samples(self, splits: Splits[Example], processes: Accelerator) -> list[dict[str, object]]:
        """A few test examples with what was looked at, as `regard.look` shows them; "view" names the picture."""
        ...

    def answers(self, lines: Iterator[str], wish: Wish, processes: Accelerator) -> Iterator[Answer]:
        """Predictions for raw input, in order.

        Raises:
            ValueError: the input is not in the layout that the task reads; the line is named.
        """
        ...
