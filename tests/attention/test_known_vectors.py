"""Numbers that others have worked out, to as many places as they gave."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import regard as rg

# Scores, then softmax, 1.5-entmax and sparsemax of them.
NORMALISED = {
    (1.0, 2.0, 3.0): ("0.0900305732 0.2447284711 0.6652409558", "0 0.1692810861 0.8307189139", "0 0 1"),
    (0.5, 0.0, -1.0): (
        "0.5465493873 0.3314989604 0.1219516523",
        "0.6711639942 0.3240409985 0.0047950073",
        "0.75 0.25 0",
    ),
    (1.0, 1.0, 0.0): (
        "0.4223187983 0.4223187983 0.1553624035",
        "0.4812376478 0.4812376478 0.0375247044",
        "0.5 0.5 0",
    ),
    (-2.0, 0.0, 0.5): ("0.0486108240 0.3591881058 0.5922010702", "0 0.3260073637 0.6739926363", "0 0.25 0.75"),
    (0.1, 0.2, 0.3, 0.4): (
        "0.2138382204 0.2363277823 0.2611825922 0.2886514052",
        "0.1779702241 0.2226567414 0.2723432586 0.3270297759",
        "0.1 0.2 0.3 0.4",
    ),
    (2.0, 1.9, 0.0, -1.0): (
        "0.4784781097 0.4329448974 0.0647549705 0.0238220224",
        "0.5353332351 0.4646667649 0 0",
        "0.55 0.45 0 0",
    ),
}
OTHER_ALPHAS = {
    1.25: ((1.0, 2.0, 3.0), "0.0344501854 0.2148495115 0.7507003031"),
    4 / 3: ((1.0, 2.0, 3.0), "0.0164191091 0.2027780462 0.7808028447"),
    1.75: ((1.0, 2.0, 3.0), "0 0.0981928656 0.9018071344"),
    2.5: ((-2.0, 0.0, 0.5), "0 0.1375128042 0.8624871958"),
    3.0: ((-2.0, 0.0, 0.5), "0 0 1"),
    4.0: ((-2.0, 0.0, 0.5), "0 0 1"),
}


def row(numbers: str | tuple[float, ...]) -> Tensor:
    values = [float(word) for word in numbers.split()] if isinstance(numbers, str) else list(numbers)
    return torch.tensor([values], dtype=torch.float64)


def assert_is(weigh: rg.Weighing, scores: tuple[float, ...], expected: str) -> None:
    for found in (weigh.exact(row(scores)), weigh.normalise(row(scores))):
        torch.testing.assert_close(found, row(expected), rtol=0, atol=1e-9)


@pytest.mark.parametrize("scores", NORMALISED)
def test_softmax_entmax_and_sparsemax(scores):
    for weigh, expected in zip((rg.Softmax(), rg.Entmax(1.5), rg.Sparsemax()), NORMALISED[scores], strict=True):
        assert_is(weigh, scores, expected)


@pytest.mark.parametrize("alpha", OTHER_ALPHAS)
def test_entmax_of_other_alphas(alpha):
    scores, expected = OTHER_ALPHAS[alpha]
    assert_is(rg.Entmax(alpha), scores, expected)


def test_entmax_comes_to_softmax_as_alpha_comes_to_one():
    found = rg.Entmax(1.001).normalise(row((1.0, 2.0, 3.0)))
    torch.testing.assert_close(found, row("0.08982 0.24462 0.66556"), rtol=0, atol=5e-6)
    torch.testing.assert_close(rg.Entmax(1.0).normalise(row((1.0, 2.0, 3.0))), row((1.0, 2.0, 3.0)).softmax(-1))


def test_a_linear_chain():
    chain = rg.Chain(torch.tensor([[0.3, -0.1], [0.0, 0.4]], dtype=torch.float64))
    scores = row((0.5, -0.2, 1.0))[0]
    assert chain.log_partition(scores).item() == pytest.approx(3.2326952347618336, abs=1e-12)
    expected = row("0.6493900576089586 0.5493518570863553 0.731645024265549")[0]
    for found in (chain.exact(scores), chain.normalise(scores)):
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def test_local_p():
    """Ten keys, D = 2, centre 4.3, scores 0.1 s: weights are not normalised after the Gaussian."""
    scores = torch.arange(10, dtype=torch.float64)[None] * 0.1
    where = rg.Around(torch.tensor([4.3], dtype=torch.float64), 2.0, gaussian=True) + rg.Bias(scores)
    found = rg.weights(torch.zeros(1, 1).double(), torch.zeros(10, 1).double(), where=where)
    expected = row("0 0 0 0.091856 0.225929 0.204429 0.068048 0 0 0")
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)
    assert found.sum().item() == pytest.approx(0.5902617822592364, abs=1e-12)


def test_monotonic_attention_in_its_parallel_form():
    """w_i = p_i cumprod(1 - p_i) cumsum(w_(i-1) / cumprod(1 - p_i)), products without the key itself."""
    generator = torch.Generator().manual_seed(1)
    scores = torch.randn(5, 11, generator=generator, dtype=torch.float64)
    before, expected = torch.eye(11, dtype=torch.float64)[0], []
    for chances in scores.sigmoid():
        passed = torch.cat((torch.ones(1), (1 - chances).cumprod(0)[:-1]))
        before = chances * passed * (before / passed).cumsum(0)
        expected.append(before)
    torch.testing.assert_close(rg.Monotonic().exact(scores), torch.stack(expected), rtol=0, atol=1e-12)


def test_entropy_is_the_log_partition_less_the_mean_score():
    query, key = (torch.randn(3, size, 4, dtype=torch.float64) for size in (5, 7))
    found = rg.statistics(query, key, rg.Wanted(lse=True, entropy=True))
    scores = query @ key.transpose(-1, -2) / 2
    expected = found.lse - (scores.softmax(-1) * scores).sum(-1)
    torch.testing.assert_close(found.entropy, expected, rtol=0, atol=1e-12)
