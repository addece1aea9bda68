"""Ordering: numbers to be sorted, or points whose convex hull is asked for, pointed at one after another."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Self

import torch
from accelerate import Accelerator
from torch import nn

from regard.data import Splits
from regard.data.ordering_batches import END, PADDING, OrderingBatch, batch_of_inputs
from regard.data.ordering_tables import parse_inputs
from regard.data.orderings import Inputs
from regard.tasks.contract import Answer, Wish
from regard.tasks.ordering_instances import Endless, Own
from regard.tasks.ordering_samples import named, sample
from regard.tasks.ordering_scores import baselines, metrics
from regard.tasks.ordering_settings import ANCHORS, SMOKE, VARIANTS, Config
from regard.train.distributed import gather_in_order, share
from regard.train.hypotheses import Hypothesis
from regard.train.loss import Loss
from regard.train.metrics import Metric
from regard.train.run_folder import RunFolder
from regard.train.runner import Validation
from regard.train.search import search
from regard.train.strategies import Limits, Strategy


class Ordering:
    """A pointer network, and what runner and verbs ask of a task."""

    recipe = Config
    smoke = SMOKE
    variants = VARIANTS
    compared = ("sort", "sort, shown")
    anchors = ANCHORS

    def __init__(self, config: Config) -> None:
        self.config = config
        torch.manual_seed(config.training.seed)
        self.model = config.model.build(config.data.problem)
        self.instances: Endless | Own = Endless(config.data, config.training.seed)
        self.validation: list[Inputs] = []

    @classmethod
    def of(cls, config: Config, splits: Splits[Inputs]) -> Self:
        """A new network for some data."""
        made = cls(config)
        made.validation = splits.validation
        if splits.train:
            made.instances = Own(splits.train, config.data.batch, config.training.seed)
        return made

    @classmethod
    def stored(cls, config: Config, run: RunFolder) -> Self:
        """The network of a run folder, its weights not read yet."""
        return cls(config)

    def store(self, run: RunFolder) -> None:
        """Settings and weights, which the caller writes, say everything."""

    def batches(self, epoch: int) -> list[list[int]]:
        """Numbers of every batch's instances: never the same twice where they are random."""
        return self.instances.batches(epoch)

    def collate(self, indices: list[int]) -> OrderingBatch:
        """The instances of these numbers."""
        return self.instances.batch(indices)

    def loss(self, model: nn.Module, batch: OrderingBatch) -> Loss:
        """Cross-entropy of the true places, the end among them, each after the true ones before it."""
        asked = batch.targets != PADDING
        logs = self.model(self.model.read(batch.inputs, batch.lengths), batch.targets.clamp(min=END))
        total = -logs[asked].gather(1, batch.targets[asked].unsqueeze(1)).sum()
        return Loss(total, asked.sum(), {"plain": total.detach()})

    def validate(self, model: nn.Module, processes: Accelerator) -> Validation:
        """Percent of greedy answers that are right to the last place."""
        answers = self.point(self.validation, self.config.search.strategy(), processes)
        found = metrics(self.validation, answers, "", "")
        return Validation(found[0].value, {one.name: one.value for one in found if "," not in one.name})

    def point(self, instances: list[Inputs], strategy: Strategy, processes: Accelerator) -> list[list[int]]:
        """The best answer for every instance, shared among the processes; inputs are counted from 0."""
        mine = [named(best[0]) for best in self.hypotheses(share(instances, processes), strategy, processes)]
        return gather_in_order(mine, processes)

    def hypotheses(
        self, instances: Sequence[Inputs], strategy: Strategy, processes: Accelerator
    ) -> Iterator[list[Hypothesis]]:
        """What a search finds for every instance; tokens are places, which inputs have from 1 on."""
        self.model.eval()
        for at in range(0, len(instances), self.config.search.batch):
            batch = batch_of_inputs(instances[at : at + self.config.search.batch]).to(processes.device)
            with torch.no_grad():
                places = self.model.read(batch.inputs, batch.lengths)
            # By the instance's own size, whatever its neighbours have; ten more than it says are always allowed.
            limits = Limits(maximum=batch.inputs.shape[1] + 10, ratio=1.0)
            yield from search(self.model, places, strategy, limits, begin=END, end=END)

    def score(self, splits: Splits[Inputs], processes: Accelerator) -> list[Metric]:
        """Percentages of the test set."""
        strategy = self.config.search.strategy()
        return metrics(splits.test, self.point(splits.test, strategy, processes), str(strategy), splits.name)

    def baselines(self, splits: Splits[Inputs]) -> list[Metric]:
        """The same of answers that anybody could give."""
        return baselines(splits.test, splits.name)

    def samples(self, splits: Splits[Inputs], processes: Accelerator) -> list[dict[str, object]]:
        """The first test instances, each with what every step pointed at."""
        chosen = splits.test[:4]
        found = self.hypotheses(chosen, self.config.search.strategy(), processes)
        return [sample(one, best[0]) for one, best in zip(chosen, found, strict=True)]

    def answers(self, lines: Iterator[str], wish: Wish, processes: Accelerator) -> Iterator[Answer]:
        """The inputs of every instance of a table in order, counted from 1."""
        instances = parse_inputs(lines, self.config.data.problem, "standard input")
        found = self.hypotheses(instances, self.config.search.strategy(wish.best), processes)
        for one, ranked in zip(instances, found, strict=True):
            answers = [{"inputs": best.tokens, "probability": math.exp(best.log_prob)} for best in ranked]
            text = "\n".join(f"{one.name}\t{' '.join(map(str, best.tokens))}" for best in ranked)
            yield Answer(text, {"instance": one.name, "answers": answers})


TASK = Ordering
