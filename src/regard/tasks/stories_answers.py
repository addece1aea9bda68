"""How often answers are wrong, and what answers without reading, or without order, would give."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from regard.data import Question
from regard.data.stories import words_of
from regard.train.metrics import Metric

_STEPS, _DECAY = 60, 1e-3


def error_rates(questions: Sequence[Question], answers: Sequence[str], protocol: str) -> list[Metric]:
    """Percent of wrong answers: the mean over the tasks that questions are of, and each task's where there are many.

    Args:
        questions: those that were asked, with their answers.
        answers: ours.
        protocol: what is to be known beside their number.

    Example:
        >>> from regard.data import Question
        >>> asked = [Question((), "Where?", "here", (), kind) for kind in "112"]
        >>> [str(one.value) for one in error_rates(asked, ["here", "there", "here"], "")]
        ['25.0', '50.0', '0.0']
    """
    wrong: dict[str, list[bool]] = {}
    for one, answer in zip(questions, answers, strict=True):
        wrong.setdefault(one.kind, []).append(answer != one.answer)
    rates = {kind: 100 * sum(found) / len(found) for kind, found in wrong.items()}
    mean = sum(rates.values()) / max(1, len(rates))
    named = [("error", mean, len(questions))]
    if len(rates) > 1:
        named += [(f"error, task {kind}", rate, len(wrong[kind])) for kind, rate in rates.items()]
    return [
        Metric(name, value, f"% of {count} test questions, {protocol}", digits=1, better="lower")
        for name, value, count in named
    ]


def story_baselines(train: Sequence[Question], test: Sequence[Question]) -> list[Metric]:
    """The most frequent answer, the most frequent one to the same first word, and a bag-of-words classifier."""
    found, rule = [], "% of test questions, mean over tasks"
    for name, answer in (
        ("most frequent answer", _most_frequent(train, lambda one: one.kind)),
        ("most frequent answer to the first word", _most_frequent(train, lambda one: (one.kind, _first(one)))),
    ):
        error = error_rates(test, [answer(one) for one in test], rule)[0]
        found.append(Metric(f"{name}: error", error.value, rule, 1, "lower"))
    error = error_rates(test, _by_words(train, test), rule)[0]
    return [*found, Metric("bag of words: error", error.value, "logistic regression on counts of words", 1, "lower")]


def _first(one: Question) -> str:
    return (words_of(one.text) or [""])[0]


def _most_frequent(train: Sequence[Question], of: Callable[[Question], object]) -> Callable[[Question], str]:
    counts: dict[object, Counter[str]] = {}
    for one in train:
        counts.setdefault(of(one), Counter())[one.answer] += 1
    every = Counter(one.answer for one in train)
    return lambda one: counts.get(of(one), every).most_common(1)[0][0]


def _by_words(train: Sequence[Question], test: Sequence[Question]) -> list[str]:
    """Multinomial logistic regression on the words of the question and, counted apart, those of the story."""
    columns: dict[str, int] = {}
    inputs = [_counted(part, columns) for part in (train, test)]
    x, unseen = (
        torch.stack([torch.bincount(row, minlength=len(columns)) for row in part]).float() for part in inputs
    )
    answers = sorted({one.answer for one in train})
    target = torch.tensor([answers.index(one.answer) for one in train])
    weight = torch.zeros(len(columns), len(answers), requires_grad=True)
    descent = torch.optim.LBFGS([weight], max_iter=_STEPS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        descent.zero_grad()
        value = torch.nn.functional.cross_entropy(x @ weight, target) + _DECAY * weight.square().sum()
        value.backward()
        return value

    descent.step(loss)
    return [answers[place] for place in (unseen @ weight).argmax(-1).tolist()]


def _counted(questions: Sequence[Question], columns: dict[str, int]) -> list[Tensor]:
    """Columns of the words of each question; a word that training has not seen is left out of the test's."""
    fitting, rows = not columns, []
    for one in questions:
        asked = ["? " + word for word in words_of(one.text)]
        told = ["  " + word for sentence in one.story for word in words_of(sentence)]
        if fitting:
            for word in (*asked, *told):
                columns.setdefault(word, len(columns))
        rows.append(torch.tensor([columns[word] for word in (*asked, *told) if word in columns], dtype=torch.int64))
    return rows
