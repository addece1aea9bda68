"""What a classifier of texts is made of and how it is trained, and what it is measured by."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from regard.data import imdb
from regard.data.sentences import FOLDS
from regard.data.texts import LabelledTexts
from regard.data.vectors import told
from regard.data.vocabulary import SPECIAL
from regard.models import Convolutions, Flat, TextModel, Tuning
from regard.tasks.contract import Anchor, Variant
from regard.train.judging import Limits
from regard.train.schedule import Cosine
from regard.train.settings import Training


class Counting(Enum):
    """How much an example counts in the loss: all alike, or so that all classes count alike."""

    ALIKE = "alike"
    BALANCED = "balanced"


@dataclass(frozen=True)
class Known:
    """Which words are known, and as what.

    Args:
        least: occurrences in the training texts of a word or a pair that is learned.
        size: most learned words.
        pairs: most pairs of neighbouring words that are learned as well.
        runs: most runs of three to five letters that are learned, so that a word says something by its spelling.
        embedding_size: size of a learned vector.
        vectors: pretrained vectors beside the learned ones: none, glove, or a file in GloVe's text format.
        tuning: whether pretrained vectors are kept or tuned.
        beyond: how many of the most frequent words with a pretrained vector are known without having been learned.
        dropout: rate at which words are read as unknown while training; their pretrained vector stays.

    Raises:
        ValueError: a number is too small, or dropout is no rate.
    """

    least: int = 1
    size: int = 30_000
    pairs: int = 20_000
    runs: int = 20_000
    embedding_size: int = 100
    vectors: str = "none"
    tuning: Tuning = Tuning.KEPT
    beyond: int = 20_000
    dropout: float = 0.1

    def __post_init__(self) -> None:
        # The first four words are padding, beginning, end and unknown.
        least = {"least": 1, "size": len(SPECIAL) + 1, "pairs": 0, "runs": 0, "embedding_size": 1, "beyond": 0}
        for name, smallest in least.items():
            if getattr(self, name) < smallest:
                raise ValueError(f"known.{name} is {getattr(self, name)}, expected at least {smallest}.")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"known.dropout is {self.dropout}, expected at least 0 and below 1.")


@dataclass(frozen=True)
class Config:
    """Documents. The defaults are the demonstration: TREC's questions in about half a minute.

    Args:
        data: what to learn from.
        known: which words are known.
        limits: how much of a text is read.
        model: Flat (self-attentive pooling, Transformer) or Hierarchical.
        redundancy: weight of the penalty for rows of weights that repeat each other (Lin et al. 2017, equation 8).
        counting: how much an example counts.
        training: how to train; batches are counted in words.
    """

    data: LabelledTexts = field(default_factory=LabelledTexts)
    known: Known = field(default_factory=Known)
    limits: Limits = field(default_factory=Limits)
    model: TextModel = field(default_factory=lambda: Flat(reader=Convolutions()))
    redundancy: float = 0.0
    counting: Counting = Counting.ALIKE
    training: Training = field(
        default_factory=lambda: Training(
            epochs=8,
            tokens_per_batch=500,
            learning_rate=2e-3,
            schedule=Cosine(total=900, warmup=50, last=0.0),
            precision="float32",
        )
    )


def protocol_of(name: str, config: Config) -> str:
    """The test set, and what was known besides the training texts: what a comparable number has to share.

    Example:
        >>> protocol_of("trec", Config(known=Known(vectors="glove")))
        'test set of trec, with vectors glove-6b-50d'
    """
    part = {"mr": f", fold {config.data.fold} of {FOLDS}", "imdb": f" ({imdb.TEST})"}.get(name, "")
    vectors = config.known.vectors
    return f"test set of {name}{part}" + ("" if vectors == "none" else f", with vectors {told(vectors)}")


SMOKE = ("data.name=moods", "known.embedding_size=8", "known.pairs=50", "known.runs=50", "training.updates=3")

VARIANTS = (
    Variant("default", "the recipe: words with their neighbours, four rows of weights"),
    Variant("self-attentive", "Lin et al. 2017", ("model.reader=BothWays", "redundancy=0.03")),
    Variant("hierarchical", "Yang et al. 2016", ("model=Hierarchical",)),
    Variant("transformer", "Vaswani et al. 2017", ("model.reader=SelfAttention",)),
    Variant("sparse", "the recipe with sparsemax", ("model.pool.weigh=SparsemaxWeights",)),
)

# Recipes of the known numbers; all else is as in the defaults.
_MR = (
    "data.name=mr",
    "known.vectors=glove",
    "known.tuning=TUNED",
    "model.reader=AsTheyAre",
    "training.epochs=4",
    "training.tokens_per_batch=1100",
    "training.schedule.total=760",
)
_IMDB = (
    "data.name=imdb",
    "known.least=3",
    "known.pairs=50000",
    "known.runs=0",
    "known.embedding_size=64",
    "model=Hierarchical",
    "model.words=AsTheyAre",
    "model.sentences=BothWays",
    "model.sentences.hidden_size=32",
    "training.epochs=2",
    "training.tokens_per_batch=8000",
    "training.schedule.total=1300",
)
ANCHORS = (
    Anchor(
        "trec",
        "accuracy",
        92.8,
        "Kim 2014, table 2, CNN-static, which has vectors, as ours has; CNN-rand, which has none: 91.2",
        91.2,
        runs=(("known.vectors=glove",),),
        minutes=0.7,
    ),
    Anchor(
        "mr",
        "accuracy",
        81.5,
        "Kim 2014, table 2, CNN-non-static, which tunes vectors, as ours does; CNN-rand, without: 76.1; ten folds",
        77.5,
        runs=tuple((*_MR, f"data.fold={fold}") for fold in range(FOLDS)),
        minutes=6.0,
    ),
    Anchor(
        "imdb",
        "accuracy",
        88.89,
        "Maas et al. 2011, table 2, full model and bag of words, on the published test half",
        88.0,
        runs=(_IMDB,),
        minutes=6.0,
    ),
)
