"""What a network saw of pictures: classes with their probabilities, and the path of the glimpses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from accelerate import Accelerator
from jaxtyping import Float
from torch import Tensor

from regard.data.picture_batches import PictureBatch
from regard.data.pictures import Pixels
from regard.layers import crops
from regard.models import GlimpseNetwork, Looked, Looking
from regard.train.distributed import gather_in_order, share

# Pictures that are looked at together.
_TOGETHER = 500


@dataclass(frozen=True)
class Seen:
    """Of one picture: the probability of every class, where the glimpses were, and the sharpest crop of each."""

    odds: Float[Tensor, " classes"]
    locations: Float[Tensor, "glimpses 2"]
    crops: Float[Tensor, "glimpses size size"]


@dataclass(frozen=True)
class Viewer:
    """Looks at many pictures.

    Args:
        model: the network.
        labels: names of its classes.
        seed: of the paths that are drawn.
    """

    model: GlimpseNetwork
    labels: list[str]
    seed: int

    def look(self, batch: PictureBatch, looking: Looking, device: torch.device) -> Iterator[Seen]:
        """What is seen of each picture, in order."""
        for shown, looked in self._rollouts(batch, looking, device, self.seed):
            seen = [crops(shown, place, self.model.glimpse.size, 1)[:, 0, 0] for place in looked.locations.unbind(1)]
            parts = (_odds(looked), looked.locations.cpu(), torch.stack(seen, dim=1).cpu())
            yield from (Seen(*one) for one in zip(*parts, strict=True))

    def odds(
        self, batch: PictureBatch, looking: Looking, processes: Accelerator, paths: int = 1
    ) -> Float[Tensor, "pictures classes"]:
        """Probabilities of the classes, the mean over so many paths; the processes share the pictures."""
        mine = batch.rows(share(range(len(batch)), processes))
        mean = torch.zeros(len(mine), len(self.labels), dtype=torch.float64)
        for path in range(paths):
            rollouts = self._rollouts(mine, looking, processes.device, self.seed + path)
            parts = [_odds(looked) for _shown, looked in rollouts]
            mean += torch.cat(parts) / paths if parts else 0
        return torch.tensor(gather_in_order(mean.tolist(), processes), dtype=torch.float64)

    def _rollouts(
        self, batch: PictureBatch, looking: Looking, device: torch.device, seed: int
    ) -> Iterator[tuple[Tensor, Looked]]:
        generator = torch.Generator(device).manual_seed(seed)
        for start in range(0, len(batch), _TOGETHER):
            shown = batch.rows(range(start, min(start + _TOGETHER, len(batch)))).to(device).shown
            with torch.no_grad():
                yield shown, self.model(shown, looking, generator)

    def ranked(self, seen: Seen, count: int) -> list[str]:
        """The most probable classes, best first."""
        return [self.labels[place] for place in seen.odds.topk(min(count, len(self.labels))).indices.tolist()]

    def record(self, pixels: Pixels, seen: Seen) -> dict[str, object]:
        """A picture and its class, the middles of its glimpses in pixels from the upper left, and their crops."""
        height, width = pixels.shape
        middles = ((seen.locations + 1) / 2 * torch.tensor([width, height])).tolist()
        odds = {label: round(odd, 5) for label, odd in zip(self.labels, seen.odds.tolist(), strict=True)}
        return {
            "label": self.ranked(seen, 1)[0],
            "probabilities": odds,
            "pixels": pixels.tolist(),
            "middles": [[round(x, 2), round(y, 2)] for x, y in middles],
            "crops": (seen.crops * 255).round().int().tolist(),
        }


def _odds(looked: Looked) -> Tensor:
    """What is made of a picture after its last glimpse."""
    return looked.logits[:, -1].double().softmax(-1).cpu()
