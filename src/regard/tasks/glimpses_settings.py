"""Settings of looking at pictures glimpse by glimpse; the defaults are the recipe."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from regard.data.labelled_pictures import LabelledPictures
from regard.layers import Glimpse
from regard.models import GlimpseNetwork, Looking
from regard.tasks.contract import Anchor, Variant
from regard.train.optimizers import AdamW
from regard.train.schedule import Cosine
from regard.train.settings import Training


class Places(Enum):
    """Where is looked: where a learned policy says, or anywhere by chance, which is the control."""

    LEARNED = "learned"
    ANYWHERE = "anywhere"

    @property
    def training(self) -> Looking:
        """How the next place is found while training."""
        return Looking.DRAWN if self is Places.LEARNED else Looking.ANYWHERE

    @property
    def testing(self) -> Looking:
        """How it is found afterwards."""
        return Looking.MEAN if self is Places.LEARNED else Looking.ANYWHERE


@dataclass(frozen=True)
class Model:
    """The network.

    Args:
        glimpses: how often a picture is looked at.
        size: numbers a side of a glimpse.
        scales: crops of a glimpse, each twice as wide as the one before.
        hidden_size: of what and where in a glimpse, and of the policy.
        state_size: of the recurrent state.
        spread: how far drawn places are from the policy's mean, in halves of a side of the picture.
        places: LEARNED, or ANYWHERE for the control.
        copies: rollouts of each picture in a batch.
    """

    glimpses: int = 6
    size: int = 8
    scales: int = 1
    hidden_size: int = 128
    state_size: int = 256
    spread: float = 0.1
    places: Places = Places.LEARNED
    copies: int = 1

    def __post_init__(self) -> None:
        if self.copies < 1:
            raise ValueError(f"model.copies is {self.copies}, expected a positive number.")

    def build(self, classes: int) -> GlimpseNetwork:
        """The network for so many classes."""
        glimpse = Glimpse(1, self.size, self.scales, self.hidden_size, self.state_size)
        return GlimpseNetwork(glimpse, classes, self.glimpses, self.hidden_size, self.spread)


def recipe() -> Training:
    """Of 55,000 digits, 429 batches are an epoch.

    The policy's gradients are long and noisy: were all weights limited together, they would shorten the steps of all.
    """
    return Training(
        epochs=150,
        learning_rate=1e-3,
        optimizer=AdamW(beta2=0.99),
        schedule=Cosine(total=150 * 429, warmup=400, last=0.0),
        clip=5.0,
        clip_by="weight",
        label_smoothing=0.0,
        precision="bfloat16",
        patience=150,
    )


@dataclass(frozen=True)
class Config:
    """Looking at pictures. The defaults are MNIST's digits by six glimpses of 8 x 8.

    Args:
        data: what to learn from.
        model: the network.
        training: how to train.
    """

    data: LabelledPictures = field(default_factory=LabelledPictures)
    model: Model = field(default_factory=Model)
    training: Training = field(default_factory=recipe)


SMOKE = (
    "data.name=shapes",
    "data.batch=40",
    "data.shift=0",
    "model.size=3",
    "model.state_size=16",
    "training.updates=6",
)
VARIANTS = (
    Variant("learned", "the task's own default: a policy says where to look next"),
    Variant("anywhere", "the same network, its glimpses anywhere by chance", ("model.places=ANYWHERE",)),
    Variant("one glimpse", "a single look", ("model.glimpses=1",)),
    Variant("two scales", "a coarser crop around each glimpse", ("model.scales=2",)),
)
ANCHORS = (
    Anchor("mnist", "error", 1.29, "Mnih et al. 2014, table 1a, 6 glimpses of 8 x 8 at 1 scale", 1.2, minutes=45.0),
)
