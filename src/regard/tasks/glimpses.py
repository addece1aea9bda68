"""Pictures looked at glimpse by glimpse: their class, and the path of the glimpses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Self

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from regard.data import Picture, Splits
from regard.data.chunks import chunks
from regard.data.evenly import evenly
from regard.data.labelled_pictures import labels_of
from regard.data.picture_batches import PictureBatch, stack_pictures
from regard.data.pictures import picture_of
from regard.data.story_batches import whole_batches
from regard.models import Looked, Looking
from regard.tasks.contract import Answer, Wish
from regard.tasks.glimpses_scores import error_rate, picture_baselines
from regard.tasks.glimpses_settings import ANCHORS, SMOKE, VARIANTS, Config, Places
from regard.tasks.glimpses_viewer import Viewer
from regard.train.classification import right_and_loss
from regard.train.loss import Loss
from regard.train.metrics import Metric
from regard.train.reinforce import reinforce_loss
from regard.train.run_folder import RunFolder
from regard.train.runner import Validation

# Drawn paths whose probabilities are averaged, beside the one path at the policy's mean.
_PATHS = 10


class Glimpses:
    """A network that looks around, the names of the classes, and what runner and verbs ask of a task."""

    recipe = Config
    smoke = SMOKE
    variants = VARIANTS
    compared = ("learned", "anywhere")
    anchors = ANCHORS

    def __init__(self, config: Config, labels: Sequence[str], height: int, width: int) -> None:
        self.config, self.labels, self.shape = config, list(labels), (height, width)
        torch.manual_seed(config.training.seed)
        self.model = config.model.build(len(labels))
        self.viewer = Viewer(self.model, self.labels, config.training.seed)
        self.train = self.validation = stack_pictures([], labels)

    @classmethod
    def of(cls, config: Config, splits: Splits[Picture]) -> Self:
        """A new network for pictures of this size, ready to be trained."""
        height, width = splits.train[0].pixels.shape
        made = cls(config, labels_of(splits.train), height, width)
        made.train, made.validation = (
            stack_pictures(part, made.labels) for part in (splits.train, splits.validation)
        )
        return made

    @classmethod
    def stored(cls, config: Config, run: RunFolder) -> Self:
        """The network of a run folder, its weights not read yet."""
        found = run.read_fields("pictures.json", {"labels": list, "height": int, "width": int})
        return cls(config, **found)

    def store(self, run: RunFolder) -> None:
        """Write what `stored` reads."""
        run.write_json("pictures.json", {"labels": self.labels, "height": self.shape[0], "width": self.shape[1]})

    def batches(self, epoch: int) -> list[list[int]]:
        """Indices of every batch of an epoch."""
        return whole_batches(len(self.train), self.config.data.batch, self.config.training.seed, epoch)

    def collate(self, indices: list[int]) -> PictureBatch:
        """The batch of these training pictures, each moved a little."""
        return self.train.rows(indices).moved(self.config.data.shift)

    def loss(self, model: nn.Module, batch: PictureBatch) -> Loss:
        """Cross-entropy of the class after the last glimpse, REINFORCE for the path, and the baseline's square."""
        copies, places = self.config.model.copies, self.config.model.places
        pictures, classes = batch.shown.repeat(copies, 1, 1, 1), batch.classes.repeat(copies)
        looked: Looked = model(pictures, places.training)
        last, smoothing = looked.logits[:, -1], self.config.training.label_smoothing
        plain = cross_entropy(last.detach(), classes, reduction="sum")
        total = cross_entropy(last, classes, reduction="sum", label_smoothing=smoothing)
        if places is Places.LEARNED:
            total = total + _path_loss(looked, last.argmax(-1) == classes)
        return Loss(total / copies, total.new_tensor(len(batch)), {"plain": plain / copies})

    def validate(self, model: nn.Module, processes: Accelerator) -> Validation:
        """Percent of right classes, and the cross-entropy beside the percent that is wrong."""
        odds = self.viewer.odds(self.validation, self.config.model.places.testing, processes)
        right, loss = right_and_loss(odds, self.validation.classes)
        return Validation(right, {"loss": loss, "error": 100 - right})

    def score(self, splits: Splits[Picture], processes: Accelerator) -> list[Metric]:
        """Percent of wrong classes of the test pictures: one path, many paths, and by chance what was not learned."""
        test, model = stack_pictures(splits.test, self.labels), self.config.model
        what = f"% of {len(test)} test pictures, {model.glimpses} glimpses {model.size} x {model.size}, {splits.name}"
        what += f", training pictures shifted by up to {self.config.data.shift} pixels"
        chosen = f"{what}; weights chosen by error on {len(splits.validation)} validation pictures"
        ways = [("error", model.places.testing, 1, f"places: {model.places.value}; {chosen}")]
        if model.places is Places.LEARNED:
            drawn = f"probabilities averaged over {_PATHS} paths drawn from the policy; {chosen}"
            ways += [(f"error, {_PATHS} paths", Looking.DRAWN, _PATHS, drawn)]
            ways += [("error, anywhere", Looking.ANYWHERE, 1, f"the same weights, places by chance; {what}")]
        true = test.classes.tolist()
        return [
            error_rate(self.viewer.odds(test, looking, processes, paths).argmax(-1).tolist(), true, name, protocol)
            for name, looking, paths, protocol in ways
        ]

    def baselines(self, splits: Splits[Picture]) -> list[Metric]:
        """Errors of the most frequent class, a linear model and nearest neighbours, which see the whole picture."""
        return picture_baselines(splits, self.labels)

    def samples(self, splits: Splits[Picture], processes: Accelerator) -> list[dict[str, object]]:
        """Test pictures, evenly spread over the test set, with the path of the glimpses."""
        chosen = evenly(splits.test, 8)
        batch = stack_pictures(chosen, self.labels)
        found = self.viewer.look(batch, self.config.model.places.testing, processes.device)
        return [
            {"view": "glimpses", "true": one.label, **self.viewer.record(one.pixels, seen)}
            for one, seen in zip(chosen, found, strict=True)
        ]

    def answers(self, lines: Iterator[str], wish: Wish, processes: Accelerator) -> Iterator[Answer]:
        """The class of every line's picture: the path of an image file, or pixels with commas between."""
        shown = (picture_of(line, self.shape, f"standard input:{number}") for number, line in enumerate(lines, 1))
        for chunk in chunks(shown, wish.together):
            batch = stack_pictures([Picture(pixels, "") for pixels in chunk], self.labels)
            found = self.viewer.look(batch, self.config.model.places.testing, processes.device)
            for pixels, seen in zip(chunk, found, strict=True):
                record = self.viewer.record(pixels, seen)
                best = self.viewer.ranked(seen, wish.best)
                yield Answer(best[0], {**record, "labels": best})


def _path_loss(looked: Looked, right: Tensor) -> Tensor:
    """The reward of every glimpse is 1 where the class is right in the end; summed over pictures and glimpses."""
    reward = right.to(looked.baseline.dtype)[:, None].expand_as(looked.baseline)
    path = reinforce_loss(looked.log_density, reward, looked.baseline)
    return (path + (looked.baseline - reward).square()).sum()


TASK = Glimpses
