"""Metrics of classification: how many are right, for each class, and how far probabilities can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from regard.train.metrics import Metric


@dataclass(frozen=True)
class ClassReport:
    """What is told of one class.

    Args:
        label: its name.
        precision: of those predicted as the class, the share that is; 0 where none is predicted.
        recall: of those of the class, the share that is predicted; 0 where there is none.
        f1: harmonic mean of the two; 0 where both are.
        support: examples of the class.
    """

    label: str
    precision: float
    recall: float
    f1: float
    support: int


def confusion(
    predicted: Int[Tensor, " examples"], true: Int[Tensor, " examples"], classes: int
) -> Int[Tensor, "true predicted"]:
    """How many examples of a class (row) were predicted as a class (column).

    Raises:
        ValueError: the two differ in length, or a class is not one of 0 to classes - 1.

    Example:
        >>> import torch
        >>> confusion(torch.tensor([0, 1, 1]), torch.tensor([0, 0, 1]), 2)
        tensor([[1, 1],
                [0, 1]])
    """
    if predicted.shape != true.shape or predicted.dim() != 1:
        raise ValueError(
            f"predicted has shape {tuple(predicted.shape)} and true {tuple(true.shape)}, expected (examples,) both."
        )
    both = torch.stack((predicted, true))
    if both.numel() and not 0 <= int(both.min()) <= int(both.max()) < classes:
        raise ValueError(f"classes are {int(both.min())} to {int(both.max())}, expected 0 to {classes - 1}.")
    return torch.bincount(true * classes + predicted, minlength=classes * classes).view(classes, classes)


def class_reports(table: Int[Tensor, "true predicted"], labels: Sequence[str]) -> list[ClassReport]:
    """Precision, recall, F1 and support of every class, from a confusion table.

    Example:
        >>> import torch
        >>> class_reports(torch.tensor([[1, 1], [0, 1]]), ["no", "yes"])[1]
        ClassReport(label='yes', precision=0.5, recall=1.0, f1=0.6666666666666666, support=1)
    """
    right, of_class, as_class = table.diagonal().tolist(), table.sum(1).tolist(), table.sum(0).tolist()
    return [
        ClassReport(label, hit / max(1, said), hit / max(1, real), 2 * hit / max(1, real + said), real)
        for label, hit, real, said in zip(labels, right, of_class, as_class, strict=True)
    ]


def calibration_error(
    probabilities: Float[Tensor, "examples classes"], true: Int[Tensor, " examples"], bins: int = 15
) -> float:
    """By how much the probability of the predicted class differs from how often it is right, on average.

    ECE = sum_b n_b / n |accuracy_b - confidence_b|

    Bin b of B holds the examples whose largest probability is in ((b - 1) / B, b / B].

    Args:
        probabilities: of all classes, each row adding up to one.
        true: the classes.
        bins: B.

    Raises:
        ValueError: shapes do not fit, or bins is not positive.

    Example:
        >>> import torch
        >>> round(calibration_error(torch.tensor([[0.75, 0.25], [0.75, 0.25]]), torch.tensor([0, 1])), 4)
        0.25

    Source: Guo et al. 2017, equation 3.
    """
    if probabilities.dim() != 2 or true.shape != probabilities.shape[:1]:
        raise ValueError(
            f"probabilities has shape {tuple(probabilities.shape)} and true {tuple(true.shape)}, expected "
            "(examples, classes) and (examples,)."
        )
    if bins < 1:
        raise ValueError(f"bins is {bins}, expected a positive number.")
    if not len(true):
        return 0.0
    confidence, predicted = probabilities.double().max(1)
    place = ((confidence * bins).ceil().long() - 1).clamp(0, bins - 1)
    gap = (predicted == true).double() - confidence
    return float(torch.zeros(bins, dtype=torch.float64).index_add(0, place, gap).abs().sum() / len(true))


def right_and_loss(
    probabilities: Float[Tensor, "examples classes"], true: Int[Tensor, " examples"]
) -> tuple[float, float]:
    """Percent of examples whose most probable class is right, and the cross-entropy in nats.

    Example:
        >>> import torch
        >>> right, loss = right_and_loss(torch.tensor([[0.5, 0.5], [0.0, 1.0]]), torch.tensor([0, 1]))
        >>> right, round(loss, 4)
        (100.0, 0.3466)
    """
    right = 100 * float((probabilities.argmax(1) == true).double().mean())
    return right, -float(probabilities.gather(1, true[:, None]).clamp(min=1e-12).log().mean())


def balancing(true: Int[Tensor, " examples"], classes: int) -> Float[Tensor, " classes"]:
    """By how much an example of each class counts if all classes are to count alike, 1 on average over the examples.

    Example:
        >>> import torch
        >>> balancing(torch.tensor([0, 0, 0, 1]), 2)
        tensor([0.6667, 2.0000])
    """
    return len(true) / (classes * torch.bincount(true, minlength=classes).float())


def classification_metrics(
    probabilities: Float[Tensor, "examples classes"],
    true: Int[Tensor, " examples"],
    labels: Sequence[str],
    protocol: str,
) -> list[Metric]:
    """Accuracy, macro-F1, the F1 of every class, and the calibration error, in hundredths.

    Args:
        probabilities: of all classes.
        true: the classes.
        labels: their names.
        protocol: which examples, and how they were chosen.

    Raises:
        ValueError: there is no example.

    Example:
        >>> import torch
        >>> found = classification_metrics(torch.eye(2), torch.tensor([0, 1]), ["no", "yes"], "two made up")
        >>> [(one.name, one.value) for one in found[:2]]
        [('accuracy', 100.0), ('macro-F1', 100.0)]
    """
    if not len(true):
        raise ValueError("true is empty, expected at least one example to score.")
    table = confusion(probabilities.argmax(1), true, len(labels))
    reports = class_reports(table, labels)
    present = [one for one in reports if one.support]
    said = f"{len(true)} examples, {protocol}"
    macro = sum(one.f1 for one in present) / len(present)
    error = calibration_error(probabilities, true)
    return [
        Metric("accuracy", 100 * float(table.diagonal().sum()) / len(true), said),
        Metric("macro-F1", 100 * macro, f"mean over the {len(present)} classes with examples; {said}"),
        Metric("calibration error", 100 * error, f"15 equal bins of confidence; {said}", better="lower"),
        *(
            Metric(
                f"F1 {one.label}",
                100 * one.f1,
                f"precision {100 * one.precision:.1f}, recall {100 * one.recall:.1f}, support {one.support}",
            )
            for one in reports
        ),
    ]
