"""Settings of recommending, what it can be compared with, and the numbers that are known of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from regard.data import History, Splits, dataset, movielens, read_interactions
from regard.data.interactions import Interaction, leave_one_out
from regard.data.own_parts import check_read
from regard.data.titles import check_titled, read_titles, titled
from regard.tasks.contract import Anchor, Variant
from regard.tasks.recommend_approaches import Approach, NextItem
from regard.train.schedule import Cosine
from regard.train.settings import Training


class Candidates(Enum):
    """What may be recommended: all items, or only what is new to a user."""

    ALL = "all"
    NEW = "new"


@dataclass(frozen=True)
class Data:
    """Who took what and when.

    Args:
        name: a data set by name (see `regard data`), or "files" for your own.
        file: your own .csv, .tsv or .jsonl file with user, item, timestamp and, if it likes, rating (name: files).
        titles: a file with item and title, if items have titles (name: files).
        least_rating: only what was rated at least so high counts as taken; null keeps all (name: files).
        folder: where MovieLens-100k's two files lie, instead of its archive.
    """

    name: str = "ml-100k"
    file: str | None = None
    titles: str | None = None
    least_rating: float | None = None
    folder: str | None = None

    def load(self) -> Splits[History]:
        """The three parts: of every user the last item is for the test, the last but one for validation.

        Raises:
            ValueError: the data set is not known, a file is not right, or one would not be read.
            OSError: it cannot be had.
        """
        check_read(self.name, {"file": self.file, "titles": self.titles, "least_rating": self.least_rating})
        if self.name == "files":
            if self.file is None:
                raise ValueError("data.file is null; with data.name=files it needs a file: data.file=taken.csv.")
            return leave_one_out(self.file, self._own(self.file), "your own", "")
        if self.folder is not None and self.name == "ml-100k":
            return movielens.load(Path(self.folder))
        found: Splits[History] = dataset(self.name, History).load()
        return found

    def _own(self, file: str) -> list[Interaction]:
        taken = read_interactions(file, self.least_rating)
        if self.titles is None:
            return taken
        titles = read_titles(self.titles)
        check_titled(taken, titles, self.titles)
        return titled(taken, titles)


@dataclass(frozen=True)
class Config:
    """A recommender. The defaults are the recipe of MovieLens-100k.

    Args:
        data: who took what and when.
        model: how to go on from a history: NextItem (SASRec), MaskedItems (BERT4Rec) or Interest (DIN).
        training: how to train; tokens_per_batch are entries of histories.
        candidates: what `regard run` may recommend: NEW to a user, or ALL.
        shown: how many items `regard run` recommends.
        sampled: negatives of the sampled ranking that is told beside the full one; 0 tells none.
        together: histories that are ranked at a time.
    """

    data: Data = field(default_factory=Data)
    model: Approach = field(default_factory=NextItem)
    training: Training = field(
        default_factory=lambda: Training(
            epochs=16,
            tokens_per_batch=16 * 50,
            learning_rate=2e-3,
            schedule=Cosine(total=2400, warmup=20, last=0.05),
            label_smoothing=0.1,
        )
    )
    candidates: Candidates = Candidates.NEW
    shown: int = 10
    sampled: int = 100
    together: int = 128

    def __post_init__(self) -> None:
        for name, least in (("shown", 1), ("sampled", 0), ("together", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} is {getattr(self, name)}, expected at least {least}.")


SMOKE = (
    "data.name=walks",
    "model.size=16",
    "model.layers=1",
    "training.epochs=null",
    "training.updates=3",
    "sampled=5",
)
VARIANTS = (
    Variant("next", "the task's own default: every item says what follows (SASRec)"),
    Variant("masked", "hidden items are told from both sides (BERT4Rec)", ("model=MaskedItems",)),
    Variant("interest", "each candidate reads the history itself (DIN)", ("model=Interest",)),
    Variant("rotary", "queries and keys are turned by their positions", ("model.positions=ROTARY",)),
)
ANCHORS = (
    Anchor(
        "ml-100k",
        "NDCG@10",
        0.0581,
        "RecBole 1.2.1, SASRec, its best epoch by validation, measured here",
        0.0581,
        minutes=2.0,
    ),
)
