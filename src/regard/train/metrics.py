"""Numbers that carry their protocol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF


@dataclass(frozen=True)
class Metric:
    """A number, and how it was measured.

    Args:
        name: what it measures.
        value: the number.
        protocol: all that another number must share to be comparable.
        digits: after the point, where it is printed.
        better: which of two values is the better one.
    """

    name: str
    value: float
    protocol: str
    digits: int = 2
    better: Literal["higher", "lower"] = "higher"

    def __str__(self) -> str:
        return f"{self.value:.{self.digits}f}"


def bleu(hypotheses: Sequence[str], references: Sequence[str], *, lowercase: bool) -> Metric:
    """Corpus BLEU of detokenised text by sacreBLEU, with its signature.

    Example:
        >>> bleu(["the cat sat on the mat"], ["the cat sat on the mat"], lowercase=True).value
        100.0

    Source: Papineni et al. 2002; Post 2018.
    """
    metric = BLEU(lowercase=lowercase)
    value = metric.corpus_score(list(hypotheses), [list(references)]).score
    return Metric("BLEU", round(float(value), 4), str(metric.get_signature()))


def chrf(hypotheses: Sequence[str], references: Sequence[str]) -> Metric:
    """Character F-score by sacreBLEU, with its signature (Popovic 2015).

    Example:
        >>> chrf(["abc"], ["abc"]).value
        100.0
    """
    metric = CHRF()
    value = metric.corpus_score(list(hypotheses), [list(references)]).score
    return Metric("chrF", round(float(value), 4), str(metric.get_signature()))


def exact_match(hypotheses: Sequence[str], references: Sequence[str]) -> Metric:
    """Percentage of hypotheses that equal their reference to the letter.

    Example:
        >>> exact_match(["a", "b"], ["a", "c"]).value
        50.0
    """
    same = sum(one == other for one, other in zip(hypotheses, references, strict=True))
    return Metric("exact match", 100.0 * same / max(1, len(references)), "whole text, to the letter")
