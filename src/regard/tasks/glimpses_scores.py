"""How often classes of pictures are wrong, and what classical answers to whole pictures would give."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from regard.data import Picture, Splits
from regard.data.picture_batches import PictureBatch, stack_pictures
from regard.train.metrics import Metric

_STEPS, _DECAY = 100, 1e-4
_NEIGHBOURS, _TOGETHER, _MOST = 3, 500, 60_000


def error_rate(predicted: Sequence[int], true: Sequence[int], name: str, protocol: str) -> Metric:
    """Percent of wrong classes.

    Example:
        >>> str(error_rate([1, 2, 2, 2], [1, 2, 2, 0], "error", "demo"))
        '25.00'
    """
    wrong = sum(one != other for one, other in zip(predicted, true, strict=True))
    return Metric(name, 100 * wrong / max(1, len(true)), protocol, better="lower")


def picture_baselines(splits: Splits[Picture], labels: Sequence[str]) -> list[Metric]:
    """The most frequent class, a logistic regression and the nearest neighbours, all on whole pictures."""
    train, test = (stack_pictures(part, labels) for part in (splits.train, splits.test))
    true, most = test.classes.tolist(), int(torch.bincount(train.classes).argmax())
    linear, near = logistic(train, test), nearest(train, test)
    return [
        error_rate([most] * len(true), true, "most frequent class: error", f"always {labels[most]!r}"),
        error_rate(linear, true, "logistic regression: error", f"on pixels, decay {_DECAY:g}, not tuned"),
        error_rate(near, true, f"{_NEIGHBOURS} nearest neighbours: error", "by the distance of pixels, not tuned"),
    ]


def logistic(train: PictureBatch, test: PictureBatch) -> list[int]:
    """Classes by multinomial logistic regression on pixels."""
    x, classes = _rows(train), int(train.classes.max()) + 1
    weight = torch.zeros(x.shape[1] + 1, classes, requires_grad=True)
    descent = torch.optim.LBFGS([weight], max_iter=_STEPS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        descent.zero_grad()
        scores = torch.addmm(weight[-1], x, weight[:-1])
        value = torch.nn.functional.cross_entropy(scores, train.classes) + _DECAY * weight.square().sum()
        value.backward()
        return value

    descent.step(loss)
    with torch.no_grad():
        return torch.addmm(weight[-1], _rows(test), weight[:-1]).argmax(-1).tolist()


def nearest(train: PictureBatch, test: PictureBatch) -> list[int]:
    """Classes by most votes of the nearest training pictures; of as many votes, the first class."""
    known, classes = _rows(train)[:_MOST], train.classes[:_MOST]
    return [found for part in _rows(test).split(_TOGETHER) for found in _votes(known, classes, part).tolist()]


def _votes(
    known: Float[Tensor, "pictures pixels"], classes: Int[Tensor, " pictures"], asked: Float[Tensor, "asked pixels"]
) -> Int[Tensor, " asked"]:
    # |a - x|^2 without |a|^2, which is the same for all neighbours of a.
    distance = known.square().sum(1) - 2 * asked @ known.T
    near = distance.topk(min(_NEIGHBOURS, len(known)), largest=False).indices
    votes = torch.nn.functional.one_hot(classes[near], int(classes.max()) + 1).sum(1)
    return votes.argmax(-1)


def _rows(batch: PictureBatch) -> Float[Tensor, "pictures pixels"]:
    return batch.shown.flatten(1)
