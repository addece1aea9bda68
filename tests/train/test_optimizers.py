from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from regard.train.distributed import accelerator
from regard.train.optimizers import SGD, AdamW, clip
from regard.train.run_folder import RunFolder
from regard.train.runner import train
from regard.train.schedule import Constant, Stairs
from tests.train.toy import IDENTITY, SETTINGS, Toy, losses

PLAIN = replace(
    SETTINGS, optimizer=SGD(), learning_rate=0.7, schedule=Constant(), clip=0.5, clip_by="weight", updates=5
)


def run_of(path) -> RunFolder:
    run = RunFolder(path)
    run.create("", IDENTITY)
    return run


def test_descent_is_the_loop_from_the_book(tmp_path):
    task = Toy(PLAIN, 0.0)
    train(task, run_of(tmp_path / "run"), PLAIN, accelerator())
    by_hand = Toy(PLAIN, 0.0)
    for indices in by_hand.batches(0)[:5]:
        loss = by_hand.loss(by_hand.model, by_hand.collate(indices))
        loss.sum.backward()
        with torch.no_grad():
            for weight in by_hand.model.parameters():
                if weight.grad is not None:
                    step = weight.grad / loss.count
                    weight -= 0.7 * step * min(1.0, 0.5 / float(step.norm()))
                    weight.grad = None
    assert len(by_hand.batches(0)) >= 5
    for got, wanted in zip(task.model.parameters(), by_hand.model.parameters(), strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-6)


class Stopping(Toy):
    """Stops once, as a signal would, when the batch of a step is made."""

    def __init__(self, settings, dropout, step) -> None:
        super().__init__(settings, dropout)
        self.left = step

    def collate(self, indices):
        if self.left == 0:
            raise KeyboardInterrupt
        self.left -= 1
        return super().collate(indices)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_descent_resumes_bit_for_bit_with_and_without_a_state(tmp_path, momentum):
    settings = replace(PLAIN, optimizer=SGD(momentum), learning_rate=0.05, updates=6)
    whole, halves = run_of(tmp_path / "whole"), run_of(tmp_path / "halves")
    train(Toy(settings, 0.3), whole, settings, accelerator())
    with pytest.raises(KeyboardInterrupt):
        train(Stopping(settings, 0.3, 4), halves, settings, accelerator())
    train(Toy(settings, 0.3), halves, settings, accelerator())
    assert losses(halves.path) == losses(whole.path)
    assert len(losses(whole.path)) == 6


def test_a_weight_of_a_great_gradient_does_not_shorten_the_others():
    great, small, still = (torch.nn.Parameter(torch.zeros(3)) for _ in range(3))
    great.grad, small.grad = torch.tensor([0.0, 30.0, 40.0]), torch.tensor([1.0, 2.0, 2.0])
    norm = clip([great, small, still], 5.0, "weight")
    assert norm.item() == pytest.approx((50**2 + 3**2) ** 0.5)
    assert great.grad.tolist() == pytest.approx([0, 3, 4])
    assert small.grad.tolist() == [1, 2, 2]
    great.grad, small.grad = torch.tensor([0.0, 30.0, 40.0]), torch.tensor([1.0, 2.0, 2.0])
    assert clip([great, small], 5.0, "model").item() == pytest.approx((50**2 + 3**2) ** 0.5)
    assert small.grad.norm().item() == pytest.approx(5 * 3 / (50**2 + 3**2) ** 0.5, rel=1e-4)


def test_a_gradient_that_is_no_number_is_told():
    weight = torch.nn.Parameter(torch.zeros(2))
    weight.grad = torch.tensor([torch.nan, 1.0])
    assert not clip([weight], 5.0, "weight").item() < float("inf")


def test_stairs_wait_and_then_halve():
    stairs = Stairs(stair=5, wait=3, start=0.5)
    assert [stairs.factor(step) for step in (1, 3, 4, 8, 9, 13, 14)] == [0.5, 0.5, 1, 1, 0.5, 0.5, 0.25]


def test_the_default_is_adam_as_before():
    weight = torch.nn.Parameter(torch.zeros(2))
    built = SETTINGS.optimizer.build([weight], 0.1, 0.2)
    assert SETTINGS.optimizer == AdamW()
    assert isinstance(built, torch.optim.AdamW)
    assert {name: built.defaults[name] for name in ("lr", "betas", "weight_decay")} == {
        "lr": 0.1,
        "betas": (0.9, 0.98),
        "weight_decay": 0.2,
    }
