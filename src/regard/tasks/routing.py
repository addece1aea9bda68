"""Routing: places in the plane, and a short tour through all of them, pointed at one after another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Self

import torch
from accelerate import Accelerator
from torch import nn

from regard.data import Splits
from regard.data.route_batches import RouteBatch
from regard.data.route_lines import noted, parse_routes
from regard.data.routes import Instance
from regard.tasks.contract import Answer, Wish
from regard.tasks.routing_instances import Endless, Own, instances_of
from regard.tasks.routing_samples import sample
from regard.tasks.routing_scores import baselines, gap_of, solved, tour_metrics
from regard.tasks.routing_settings import ANCHORS, SMOKE, VARIANTS, Config
from regard.train.distributed import gather_in_order, share
from regard.train.incumbent import Contest
from regard.train.loss import Loss
from regard.train.metrics import Metric
from regard.train.reinforce import reinforce_loss
from regard.train.rollout import Begin, Pick, log_probabilities, roll
from regard.train.run_folder import RunFolder
from regard.train.runner import Validation
from regard.train.tour_search import Decoding, solve


class Routing:
    """A policy, what its tours are compared with, and what runner and verbs ask of a task."""

    recipe = Config
    smoke = SMOKE
    variants = VARIANTS
    compared = ("shared", "rollout")
    anchors = ANCHORS

    def __init__(self, config: Config) -> None:
        self.config = config
        torch.manual_seed(config.training.seed)
        self.policy = config.model.build(config.data.problem)
        self.judge = config.baseline.build(self.policy)
        self.model = Contest(self.policy, self.judge)
        self.instances: Endless | Own = Endless(config.data, config.training.seed)
        self.validation: list[Instance] = []
        self.name = ""

    @classmethod
    def of(cls, config: Config, splits: Splits[Instance]) -> Self:
        """A new policy for some data."""
        made = cls(config)
        made.instances = instances_of(config, splits.train)
        made.validation, made.name = splits.validation, splits.name
        return made

    @classmethod
    def stored(cls, config: Config, run: RunFolder) -> Self:
        """The policy of a run folder, its weights not read yet."""
        return cls(config)

    def store(self, run: RunFolder) -> None:
        """Settings and weights, which the caller writes, say everything."""

    def batches(self, epoch: int) -> list[list[int]]:
        """Numbers of every batch's instances: never the same twice where they are random; else one size a batch."""
        return self.instances.batches(epoch)

    def collate(self, indices: list[int]) -> RouteBatch:
        """The instances of these numbers."""
        return self.instances.batch(indices)

    def loss(self, model: nn.Module, batch: RouteBatch) -> Loss:
        """Policy gradient: tours are drawn without a gradient, and scored again all at once with one."""
        baseline = self.config.baseline
        # A choice of one of two cities is none.
        tours = min(baseline.tours, batch.points.shape[1] - (batch.demands is not None))
        places = self.policy.read(batch.points, batch.demands)
        drawn = roll(self.policy, places, batch, tours=tours, begin=baseline.starts, pick=Pick.SAMPLED)
        log_probability = log_probabilities(self.policy, places, drawn)
        expected = self.judge(batch, drawn.lengths).expand_as(drawn.lengths)
        each = reinforce_loss(log_probability, -drawn.lengths, -expected).mean(1)
        return Loss(each.sum(), each.new_tensor(len(batch)), {"plain": drawn.lengths.mean(1).sum()})

    def validate(self, model: nn.Module, processes: Accelerator) -> Validation:
        """Minus the mean length of greedy tours; and a better policy may become the one compared with."""
        if numbers := self.judge.challenges():
            batches = [batch.to(processes.device) for batch in self.instances.challenge(numbers)]
            self.judge.challenge(self.policy, batches)
        tours = self.tours(self.validation, self._single, processes)
        lengths = [one.length(mine) for one, mine in zip(self.validation, tours, strict=True)]
        mean, gap = sum(lengths) / len(lengths), gap_of(self.validation, lengths, self.name)
        return Validation(-mean, {"length": mean} | ({"gap": gap} if gap == gap else {}))

    def tours(self, instances: list[Instance], decoding: Decoding, processes: Accelerator) -> list[list[list[int]]]:
        """Tours of every instance, shared among the processes."""
        generator = torch.Generator(processes.device).manual_seed(self.config.training.seed)

        def shortest(batch: RouteBatch) -> torch.Tensor:
            return solve(self.policy, batch.to(processes.device), decoding, generator).tours

        self.policy.eval()
        return gather_in_order(solved(share(instances, processes), shortest), processes)

    def score(self, splits: Splits[Instance], processes: Accelerator) -> list[Metric]:
        """Gaps and lengths on the test set: greedy, in eight views, and as `regard run` answers."""
        single = self._single
        ways = {"": single, " in 8 views": Decoding(8, single.beginnings), " as it is run": self.config.decoding}
        # `regard run` often decodes as one of the others do.
        tours = {way: self.tours(splits.test, way, processes) for way in dict.fromkeys(ways.values())}
        return [
            replace(one, name=f"{one.name}{name}")
            for name, way in ways.items()
            for one in tour_metrics(splits.test, tours[way], str(way), splits.name)
        ]

    def baselines(self, splits: Splits[Instance]) -> list[Metric]:
        """The same of random and classical tours."""
        return baselines(splits.test, splits.name)

    def samples(self, splits: Splits[Instance], processes: Accelerator) -> list[dict[str, object]]:
        """The first test instances, each with its tour and what was looked at half-way."""
        chosen = splits.test[:4]
        tours = self.tours(chosen, self._single, processes)
        begin, device = self._single.begin, processes.device
        return [sample(self.policy, one, mine, begin, device) for one, mine in zip(chosen, tours, strict=True)]

    def answers(self, lines: Iterator[str], wish: Wish, processes: Accelerator) -> Iterator[Answer]:
        """A tour for every instance of a table or of files of TSPLIB, places counted from 1."""
        if wish.best > 1:
            raise ValueError(f"--n-best is {wish.best}, but routing answers with the shortest tour that it finds: 1.")
        instances = list(parse_routes(lines, self.config.data.problem, "standard input"))
        for one, tours in zip(instances, self.tours(instances, self.config.decoding, processes), strict=True):
            counted, length = [[place + 1 for place in tour] for tour in tours], one.length(tours)
            record = {"instance": one.name, "tours": counted, "length": length, "known": one.known}
            text = f"{one.name}\t{length:.12g}\t" + " | ".join(" ".join(map(str, tour)) for tour in counted)
            yield Answer(text, record, noted(one))

    @property
    def _single(self) -> Decoding:
        """One greedy tour, begun as those of the training were: otherwise is a question that it never learned."""
        return Decoding(beginnings=int(self.config.baseline.starts is Begin.EACH))


TASK = Routing
