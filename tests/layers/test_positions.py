from __future__ import annotations

import cmath
import math

import pytest
import torch

from regard.layers import Layout, Learned, Rotary, alibi_slopes


@pytest.mark.parametrize("layout", Layout)
def test_rotation_is_multiplication_by_a_complex_number(layout):
    size, start = 6, 3
    inputs = torch.randn(2, 5, 11, size, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = Rotary(size, layout)(inputs, start)
    for time in range(11):
        for pair in range(size // 2):
            places = (2 * pair, 2 * pair + 1) if layout is Layout.INTERLEAVED else (pair, pair + size // 2)
            turn = cmath.exp(1j * (time + start) * 10_000 ** (-2 * pair / size))
            before = complex(*inputs[1, 4, time, list(places)].tolist())
            after = complex(*found[1, 4, time, list(places)].tolist())
            assert after == pytest.approx(before * turn, rel=1e-12)


@pytest.mark.parametrize("layout", Layout)
def test_inner_products_of_rotated_vectors_depend_on_distance_alone(layout):
    query, key = torch.randn(2, 1, 10, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    rotary = Rotary(10, layout, base=100.0)
    near = rotary(query, 7) @ rotary(key, 2).T
    far = rotary(query, 1005) @ rotary(key, 1000).T
    torch.testing.assert_close(near, far, rtol=1e-11, atol=1e-11)
    assert not torch.allclose(near, rotary(query, 8) @ rotary(key, 2).T)


def test_rotated_sixteen_bits_are_rounded_once():
    inputs = torch.randn(301, 8, generator=torch.Generator().manual_seed(2)).bfloat16()
    found = Rotary(8)(inputs, 100_000)
    assert torch.equal(found, Rotary(8)(inputs.float(), 100_000).bfloat16())


def test_learned_positions_are_rows_of_the_table_and_learn():
    learned = Learned(11, 3).double()
    inputs = torch.randn(2, 5, 3, dtype=torch.float64)
    found = learned(inputs, start=6)
    for time in range(5):
        torch.testing.assert_close(found[:, time], inputs[:, time] + learned.table[6 + time])
    found.sum().backward()
    assert learned.table.grad.sum(-1).tolist() == [0] * 6 + [6] * 5


# Powers of two from the paper's section 3; 12 heads as the authors' program gives them: those of 8, then of 16.
@pytest.mark.parametrize(
    ("heads", "exponents"),
    [
        (1, [8]),
        (2, [4, 8]),
        (8, [1, 2, 3, 4, 5, 6, 7, 8]),
        (12, [1, 2, 3, 4, 5, 6, 7, 8, 0.5, 1.5, 2.5, 3.5]),
        (7, [2, 4, 6, 8, 1, 3, 5]),
        (16, [place / 2 for place in range(1, 17)]),
    ],
)
def test_slopes_of_alibi(heads, exponents):
    expected = torch.tensor([math.pow(2, -exponent) for exponent in exponents])
    torch.testing.assert_close(alibi_slopes(heads), expected, rtol=1e-6, atol=0)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="size is 5, expected an even number"):
        Rotary(5)
    with pytest.raises(ValueError, match="base is 0"):
        Rotary(4, base=0)
    with pytest.raises(ValueError, match="inputs have size 6, but Rotary was built for size 4"):
        Rotary(4)(torch.zeros(3, 6))
    with pytest.raises(ValueError, match="positions is 0 and size is 3"):
        Learned(0, 3)
    with pytest.raises(ValueError, match="inputs take positions 9 to 11, but Learned was built for 11"):
        Learned(11, 3)(torch.zeros(3, 3), start=9)
    with pytest.raises(ValueError, match="heads is 0"):
        alibi_slopes(0)
