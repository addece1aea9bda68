from __future__ import annotations

import pytest

from regard.train.schedule import Constant, Cosine, Exponential, InverseSquareRoot, Stairs


def test_without_warm_up_the_root_falls_from_the_first_step_on():
    assert [InverseSquareRoot(0).factor(step) for step in (1, 4, 25)] == [1.0, 0.5, 0.2]
    assert [InverseSquareRoot(4).factor(step) for step in (1, 4, 16)] == [0.25, 1.0, 0.5]


@pytest.mark.parametrize("schedule", [Constant(0), Cosine(7, 0, 0.0), Exponential(7, 0)], ids=repr)
def test_without_warm_up_the_first_steps_count_in_full(schedule):
    assert schedule.factor(1) > 0.89


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: InverseSquareRoot(-1), "schedule.warmup is -1, expected at least 0"),
        (lambda: Exponential(half_life=0), "schedule.half_life is 0, expected at least 1"),
        (lambda: Stairs(stair=0), "schedule.stair is 0, expected at least 1"),
    ],
)
def test_counts_that_make_no_sense_are_told(make, message):
    with pytest.raises(ValueError, match=message):
        make()
