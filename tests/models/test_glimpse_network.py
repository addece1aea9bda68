from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from regard.layers import Glimpse
from regard.models import GlimpseNetwork, Looking
from regard.models.glimpse_network import log_density

BATCH, CLASSES, GLIMPSES, SIZE, HIDDEN, SPREAD = 5, 3, 4, 7, 11, 0.3


def network() -> GlimpseNetwork:
    torch.manual_seed(0)
    made = GlimpseNetwork(Glimpse(1, 3, 2, 6, SIZE), CLASSES, GLIMPSES, HIDDEN, SPREAD).double()
    with torch.no_grad():
        # Locations that differ from picture to picture, some of them outside.
        made.policy[2].weight.mul_(20)
        made.policy[2].bias.copy_(torch.tensor([1.0, -1.0]))
    return made


def pictures() -> Tensor:
    return torch.rand(BATCH, 1, 13, 17, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def by_hand(made: GlimpseNetwork, picture: Tensor, drawn: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """One picture, glimpse by glimpse, from the equations; `drawn` is what was drawn."""
    state, means, baselines, logits = torch.zeros(SIZE, dtype=torch.float64), [], [], []
    first, last = made.policy[0], made.policy[2]
    for place in drawn:
        hidden = torch.clamp(first.weight @ state + first.bias, min=0)
        means.append(torch.tanh(last.weight @ hidden + last.bias))
        baselines.append(made.baseline.weight[0] @ state + made.baseline.bias[0])
        seen = made.glimpse(picture[None], place.clamp(-1, 1)[None])[0]
        summed = made.before.weight @ state + made.seen.weight @ seen + made.seen.bias
        state = torch.clamp(summed, min=0)
        logits.append(made.classes.weight @ state + made.classes.bias)
    return torch.stack(means), torch.stack(baselines), torch.stack(logits), state


def drawn_again(made: GlimpseNetwork, seed: int) -> Tensor:
    """What `Looking.DRAWN` draws from a generator of this seed, before it is moved into the picture."""
    generator = torch.Generator().manual_seed(seed)
    noise = [torch.randn(BATCH, 2, generator=generator, dtype=torch.float64) for _glimpse in range(GLIMPSES)]
    found = torch.zeros(BATCH, GLIMPSES, 2, dtype=torch.float64)
    for glimpse in range(GLIMPSES):
        for one, picture in enumerate(pictures()):
            means = by_hand(made, picture, found[one])[0]
            found[one, glimpse] = means[glimpse] + SPREAD * noise[glimpse][one]
    return found


def test_a_rollout_is_that_of_the_equations():
    made, drawn = network(), None
    looked = made(pictures(), Looking.DRAWN, torch.Generator().manual_seed(3))
    drawn = drawn_again(made, 3).detach()
    assert bool((drawn.abs() > 1).any())
    assert bool((drawn.abs() < 1).any())
    torch.testing.assert_close(looked.locations, drawn.clamp(-1, 1))
    for one, picture in enumerate(pictures()):
        means, baselines, logits, _state = by_hand(made, picture, drawn[one])
        gaussian = torch.distributions.Normal(means, SPREAD)
        torch.testing.assert_close(looked.log_density[one], gaussian.log_prob(drawn[one]).sum(-1))
        torch.testing.assert_close(looked.baseline[one], baselines)
        torch.testing.assert_close(looked.logits[one], logits)


def test_a_new_state_is_the_one_before_and_what_was_seen():
    made = GlimpseNetwork(Glimpse(1, 3, 2, 6, SIZE), CLASSES)
    assert torch.equal(made.before.weight, torch.eye(SIZE))


def test_at_the_mean_nothing_is_by_chance():
    made = network()
    looked = made(pictures(), Looking.MEAN)
    for one, picture in enumerate(pictures()):
        means, _baselines, logits, _state = by_hand(made, picture, looked.locations[one])
        torch.testing.assert_close(looked.locations[one], means)
        torch.testing.assert_close(looked.logits[one], logits)
    assert torch.equal(made(pictures(), Looking.MEAN).logits, looked.logits)


def test_anywhere_is_uniform_whatever_the_policy_says():
    made = network()
    many = pictures()[:1].expand(4000, -1, -1, -1)
    with torch.no_grad():
        places = made(many, Looking.ANYWHERE, torch.Generator().manual_seed(0)).locations
    counts = torch.histc(places.flatten(), 10, -1, 1) / places.numel()
    assert float((counts - 0.1).abs().max()) < 0.01
    assert float(places.abs().max()) <= 1


def test_policy_and_baseline_learn_from_the_reward_alone_and_the_rest_from_the_classes():
    made = network()
    looked = made(pictures(), Looking.DRAWN, torch.Generator().manual_seed(5))
    reward, classes = {"policy", "baseline"}, {"glimpse", "before", "seen", "classes"}
    for loss, moved in ((looked.log_density.sum() + looked.baseline.sum(), reward), (looked.logits.sum(), classes)):
        made.zero_grad()
        loss.backward(retain_graph=True)
        touched = {name.split(".")[0] for name, one in made.named_parameters() if one.grad is not None}
        assert touched == moved


def test_the_density_integrates_to_one():
    line = torch.linspace(-3, 3, 601, dtype=torch.float64)
    x, y = torch.meshgrid(line, line, indexing="ij")
    places = torch.stack((x, y), -1)
    dense = log_density(places, torch.tensor([0.2, -0.1], dtype=torch.float64), spread=0.31).exp()
    assert float(dense.sum() * 0.01**2) == pytest.approx(1)
    assert float(log_density(torch.zeros(2), torch.zeros(2), 1.0)) == pytest.approx(-math.log(2 * math.pi))


@pytest.mark.parametrize(
    ("name", "value"), [("classes", 0), ("glimpses", 0), ("hidden_size", -1), ("spread", 0.0), ("spread", math.nan)]
)
def test_numbers_that_cannot_be_are_named(name, value):
    with pytest.raises(ValueError, match=f"{name} is {value}, expected a positive number"):
        GlimpseNetwork(Glimpse(1, 2, 1, 3, 4), **{"classes": 2, name: value})
