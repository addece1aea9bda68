"""Recommending: what a user took, in order, and what comes next; and which past items drove it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Self

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from regard.data import History, Splits
from regard.data.evenly import evenly
from regard.data.history_batches import SPECIAL, HistoryBatch, HistoryWindows, numbered, padded
from regard.data.history_lines import in_chunks, noted, parse_history
from regard.data.inventory import Inventory
from regard.tasks.contract import Answer, Wish
from regard.tasks.recommend_samples import sample
from regard.tasks.recommend_scores import Places, Reading, Sampled, baselines, metrics, places, without_special
from regard.tasks.recommend_settings import ANCHORS, SMOKE, VARIANTS, Candidates, Config
from regard.train.distributed import gather_in_order, share
from regard.train.loss import Loss
from regard.train.metrics import Metric
from regard.train.run_folder import RunFolder
from regard.train.runner import Validation

_ITEMS = "items.json"


class Recommending:
    """A recommender: model, numbers of items, and what runner and verbs ask of a task."""

    recipe = Config
    smoke = SMOKE
    variants = VARIANTS
    compared = ("next", "masked")
    anchors = ANCHORS

    def __init__(self, config: Config, items: Inventory) -> None:
        self.config, self.items, self.approach = config, items, config.model
        torch.manual_seed(config.training.seed)
        self.model: nn.Module = self.approach.build(len(items))
        self.windows = HistoryWindows([], self.approach.newest)
        self.validation: list[History] = []

    @classmethod
    def of(cls, config: Config, splits: Splits[History]) -> Self:
        """A new recommender for some data; it knows the items that training shows."""
        made = cls(config, Inventory.of((item for one in splits.train for item in one.items), SPECIAL))
        histories = [numbered(made.items, one.items) for one in splits.train]
        made.windows, made.validation = HistoryWindows(histories, made.approach.newest), splits.validation
        return made

    @classmethod
    def stored(cls, config: Config, run: RunFolder) -> Self:
        """The recommender of a run folder, its weights not read yet."""
        return cls(config, Inventory.load(run.path / _ITEMS))

    def store(self, run: RunFolder) -> None:
        """Write what `stored` reads."""
        self.items.save(run.path / _ITEMS)

    def batches(self, epoch: int) -> list[list[int]]:
        """Where the windows of every batch of an epoch end."""
        return self.windows.batches(self.config.training.tokens_per_batch, self.config.training.seed, epoch)

    def collate(self, indices: list[int]) -> HistoryBatch:
        """The windows that end there."""
        return self.windows.batch(indices)

    def loss(self, model: nn.Module, batch: HistoryBatch) -> Loss:
        """As the approach learns."""
        return self.approach.loss(model, batch, self.config.training.label_smoothing)

    def validate(self, model: nn.Module, processes: Accelerator) -> Validation:
        """NDCG@10 of the full ranking."""
        found = metrics(self.places(self.validation, 0, processes), self._known, Sampled(0))
        return Validation(found[0].value, {one.name: one.value for one in found})

    def places(self, asked: Sequence[History], sampled: int, processes: Accelerator) -> list[Places]:
        """Where the last item of every history stands, told those before; shared among the processes."""

        def score(batch: HistoryBatch) -> Tensor:
            return self.scores(batch.to(processes.device))

        mine = share(list(enumerate(asked)), processes)
        found = places(score, self.items, mine, sampled, Reading(self.approach.newest, self.config.together))
        return gather_in_order(found, processes)

    def scores(self, batch: HistoryBatch) -> Tensor:
        """Of every item after every history; what is no item is last of all."""
        with torch.no_grad():
            return without_special(self.approach.scores(self.model, batch))

    def score(self, splits: Splits[History], processes: Accelerator) -> list[Metric]:
        """Full and sampled ranking of the test set, each user's last item."""
        longest = max(len(one.items) for one in splits.test)
        sampled, left = Sampled(self.config.sampled), self._known - longest
        if left < sampled.count:
            sampled = Sampled(0, f"only {left} items are new to each user, fewer than sampled={sampled.count}")
        return metrics(self.places(splits.test, sampled.count, processes), self._known, sampled)

    def baselines(self, splits: Splits[History]) -> list[Metric]:
        """The most popular items, and those that the same users took."""
        return baselines(splits, self.items, self.config.together)

    def samples(self, splits: Splits[History], processes: Accelerator) -> list[dict[str, object]]:
        """Test users with what is recommended to them and what drove it."""
        chosen = evenly(splits.test, 6)
        return [sample(self.approach, self.model, self.items, one, processes.device) for one in chosen]

    def answers(self, lines: Iterator[str], wish: Wish, processes: Accelerator) -> Iterator[Answer]:
        """Recommendations for histories: a line each, items oldest first and divided by tabs, or a list as JSON."""
        histories = (parse_history(line, f"standard input:{number}") for number, line in enumerate(lines, start=1))
        for chunk in in_chunks(histories, min(wish.together, self.config.together)):
            batch = self._padded(chunk).to(processes.device)
            scores = self.scores(batch)
            if self.config.candidates is Candidates.NEW:
                whole = padded([numbered(self.items, one) for one in chunk]).to(processes.device)
                scores = scores.masked_fill(whole.taken(len(self.items)), -torch.inf)
            for history, row in zip(chunk, scores, strict=True):
                yield self._answer(history, row, wish.best if wish.asked or wish.best > 1 else self.config.shown)

    @property
    def _known(self) -> int:
        return len(self.items) - len(SPECIAL)

    def _padded(self, histories: Sequence[Sequence[str]]) -> HistoryBatch:
        return padded([numbered(self.items, one)[-self.approach.newest :] for one in histories])

    def _answer(self, history: list[str], scores: Tensor, most: int) -> Answer:
        best = scores.topk(min(most, int(scores.isfinite().sum())))
        found = [
            {"item": self.items.items[item], "score": round(score, 4)}
            for item, score in zip(best.indices.tolist(), best.values.tolist(), strict=True)
        ]
        text = "\t".join(str(one["item"]) for one in found)
        return Answer(text, {"history": history, "items": found}, noted(history, self.items))


TASK = Recommending
