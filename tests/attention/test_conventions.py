"""Masks of other libraries mean here what they mean there; PyTorch's own run, the others' documents as formulas.

The packages themselves are asked in tests/oracles, where they are installed.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

import regard as rg
from regard import conventions
from tests.attention.cases import numbers

BATCH, HEADS, QUERIES, KEYS = 2, 3, 5, 7


def shown(where: rg.Where, queries: int = QUERIES, keys: int = KEYS) -> Tensor:
    """Which keys are seen, (batch, heads, queries, keys)."""
    query, key = torch.zeros(BATCH, HEADS, queries, 1).double(), torch.zeros(BATCH, HEADS, keys, 1).double()
    return rg.weights(query, key, where=where) > 0


def formula(visible: Callable[[int, int, int], bool], queries: int = QUERIES, keys: int = KEYS) -> Tensor:
    """A table of visible(sequence, query, key)."""
    cells = [
        [[bool(visible(b, i, j)) for j in range(keys)] for i in range(queries)]
        for b in range(BATCH)
        for _ in range(HEADS)
    ]
    return torch.tensor(cells).view(BATCH, HEADS, queries, keys)


def booleans(*shape: int, seed: int) -> Tensor:
    """Random booleans, whose first column is True."""
    found = torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) < 0.6
    found[..., 0] = True
    return found


PADDING = ~booleans(BATCH, KEYS, seed=0)
MULTI_HEAD = {
    "padding": {"key_padding_mask": PADDING},
    "padding as numbers": {"key_padding_mask": numbers(BATCH, KEYS, seed=1).masked_fill(PADDING, -torch.inf)},
    "bool": {"attn_mask": ~booleans(QUERIES, KEYS, seed=2)},
    "numbers": {"attn_mask": numbers(QUERIES, KEYS, seed=3)},
    "bool, a map for each head": {"attn_mask": ~booleans(BATCH * HEADS, QUERIES, KEYS, seed=4)},
    "both": {"attn_mask": ~booleans(BATCH * HEADS, QUERIES, KEYS, seed=4), "key_padding_mask": PADDING},
    "both as numbers": {
        "attn_mask": numbers(BATCH * HEADS, QUERIES, KEYS, seed=5),
        "key_padding_mask": numbers(BATCH, KEYS, seed=6),
    },
}


@pytest.mark.parametrize("name", MULTI_HEAD)
def test_multi_head_masks_hide_what_pytorch_hides(name):
    module = nn.MultiheadAttention(12, HEADS, batch_first=True, bias=False, dtype=torch.float64)
    query, memory = numbers(BATCH, QUERIES, 12, seed=7), numbers(BATCH, KEYS, 12, seed=8)
    _, expected = module(query, memory, memory, average_attn_weights=False, **MULTI_HEAD[name])
    to_query, to_key, _ = module.in_proj_weight.chunk(3)
    apart = ((t @ w.T).unflatten(-1, (HEADS, -1)).transpose(1, 2) for t, w in ((query, to_query), (memory, to_key)))
    where = conventions.from_multi_head(**MULTI_HEAD[name], heads=HEADS)
    torch.testing.assert_close(rg.weights(*apart, where=where), expected)


def test_true_is_hidden_in_multi_head_and_seen_in_sdpa():
    mask = booleans(QUERIES, KEYS, seed=2)
    assert torch.equal(shown(conventions.from_sdpa(mask)), formula(lambda b, i, j: mask[i, j]))
    assert torch.equal(shown(conventions.from_multi_head(mask)), formula(lambda b, i, j: not mask[i, j]))


def test_a_query_that_sees_nothing_is_nan_in_multi_head_and_zero_here():
    module = nn.MultiheadAttention(4, 1, batch_first=True, dtype=torch.float64)
    tensor, hidden = numbers(1, 3, 4, seed=0), torch.ones(1, 3, dtype=torch.bool)
    assert bool(module(tensor, tensor, tensor, key_padding_mask=hidden)[1].isnan().all())
    where = conventions.from_multi_head(key_padding_mask=hidden)
    assert not rg.attend(tensor[None], tensor[None], tensor[None], where=where).any()


SDPA = {
    "nothing": {},
    "causal": {"is_causal": True},
    "bool": {"attn_mask": booleans(QUERIES, KEYS, seed=9)},
    "bool of heads": {"attn_mask": booleans(HEADS, 1, KEYS, seed=9)},
    "numbers": {
        "attn_mask": numbers(BATCH, 1, QUERIES, KEYS, seed=10).masked_fill(PADDING[:, None, None], -torch.inf)
    },
}


@pytest.mark.parametrize("name", SDPA)
@pytest.mark.parametrize("keys", [KEYS, QUERIES, 3])
def test_sdpa_masks_hide_what_pytorch_hides(name, keys):
    """Causal is aligned at the start, with more keys than queries and with fewer."""
    given = {key: mask[..., :keys] if isinstance(mask, Tensor) else mask for key, mask in SDPA[name].items()}
    query, key = numbers(BATCH, HEADS, QUERIES, 4, seed=11), numbers(BATCH, HEADS, keys, 4, seed=12)
    value = numbers(BATCH, HEADS, keys, 6, seed=13)
    found = rg.attend(query, key, value, where=conventions.from_sdpa(**given))
    torch.testing.assert_close(found, scaled_dot_product_attention(query, key, value, **given))


def test_flash_is_causal_at_the_end():
    """The two pictures of its documentation: two queries and five keys, five queries and two keys."""
    causal = conventions.from_flash(causal=True)
    assert shown(causal, 2, 5)[0, 0].int().tolist() == [[1, 1, 1, 1, 0], [1, 1, 1, 1, 1]]
    assert shown(causal, 5, 2)[0, 0].int().tolist() == [[0, 0], [0, 0], [0, 0], [1, 0], [1, 1]]


@pytest.mark.parametrize("queries", [QUERIES, KEYS, 11])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("window", [(-1, -1), (2, 1), (0, 0), (-1, 1), (2, -1), (3, 2)])
def test_flash_windows_are_inclusive_and_aligned_at_the_end(window, causal, queries):
    left, right = window[0], 0 if causal else window[1]
    away = KEYS - queries

    def visible(b: int, i: int, j: int) -> bool:
        return (left == -1 or j >= i + away - left) and (right == -1 or j <= i + away + right)

    where = conventions.from_flash(causal=causal, window_size=window)
    assert torch.equal(shown(where, queries), formula(visible, queries))


def test_packed_flash_documents_are_each_causal_at_their_own_end():
    cumulative = torch.tensor([0, 2, 5]), torch.tensor([0, 4, 7])
    where = conventions.from_flash_packed(*cumulative, causal=True, window_size=(1, -1))
    found = shown(where)[0, 0].int().tolist()
    assert found[:2] == [[0, 1, 1, 0, 0, 0, 0], [0, 0, 1, 1, 0, 0, 0]]
    assert found[2:] == [[0, 0, 0, 0, 1, 0, 0], [0, 0, 0, 0, 1, 1, 0], [0, 0, 0, 0, 0, 1, 1]]


@pytest.mark.parametrize("dtype", [torch.int64, torch.bool, torch.float32])
def test_hugging_face_padding_keeps_ones(dtype):
    mask = (~PADDING).to(dtype)
    where = conventions.from_hugging_face(mask)
    assert torch.equal(shown(where), formula(lambda b, i, j: mask[b, j] == 1))


@pytest.mark.parametrize("window", [1, 3])
def test_hugging_face_windows_count_the_query_itself_in_decoders_only(window):
    decoder = conventions.from_hugging_face(is_causal=True, sliding_window=window)
    assert torch.equal(shown(decoder), formula(lambda b, i, j: i + 2 - window < j <= i + 2))
    assert int(shown(decoder)[0, 0, 3].sum()) == window
    encoder = conventions.from_hugging_face(sliding_window=window)
    assert torch.equal(shown(encoder), formula(lambda b, i, j: abs(i + 2 - j) <= window))


@pytest.mark.parametrize("made", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("used", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_hugging_face_fill_hides_in_every_dtype_it_was_made_in_and_cast_to(made, used):
    keep = booleans(BATCH, 1, QUERIES, KEYS, seed=14)
    mask = torch.zeros(keep.shape, dtype=made).masked_fill(~keep, torch.finfo(made).min).to(used)
    where = conventions.from_hugging_face(mask)
    assert isinstance(where, rg.Mask)
    assert torch.equal(shown(where), keep.expand(BATCH, HEADS, QUERIES, KEYS))


def test_hugging_face_numbers_beside_the_fill_are_added():
    keep, bias = booleans(BATCH, 1, QUERIES, KEYS, seed=14), numbers(BATCH, 1, QUERIES, KEYS, seed=15)
    where = conventions.from_hugging_face(torch.where(keep, bias, torch.finfo(torch.float64).min))
    query, key = numbers(BATCH, HEADS, QUERIES, 4, seed=11), numbers(BATCH, HEADS, KEYS, 4, seed=12)
    expected = (query @ key.mT / 2 + bias).masked_fill(~keep, -torch.inf).softmax(-1)
    torch.testing.assert_close(rg.weights(query, key, where=where), expected)
    assert torch.equal(shown(conventions.from_hugging_face(keep)), keep.expand(BATCH, HEADS, QUERIES, KEYS))


def test_jax_begins_at_the_start_and_its_single_window_is_on_both_sides():
    assert torch.equal(shown(conventions.from_jax(is_causal=True)), formula(lambda b, i, j: j <= i))
    both = formula(lambda b, i, j: abs(i - j) <= 2)
    assert torch.equal(shown(conventions.from_jax(local_window_size=2)), both)
    one = conventions.from_jax(local_window_size=(1, 3))
    assert torch.equal(shown(one), formula(lambda b, i, j: i - 1 <= j <= i + 3))
    queries, keys = torch.tensor([4, 2]), torch.tensor([3, 7])
    lengths = conventions.from_jax(query_seq_lengths=queries, key_value_seq_lengths=keys)
    assert torch.equal(shown(lengths), formula(lambda b, i, j: i < queries[b] and j < keys[b]))
    only = conventions.from_jax(query_seq_lengths=queries)
    assert torch.equal(shown(only), formula(lambda b, i, j: i < queries[b]))
    mask = booleans(BATCH, 1, QUERIES, KEYS, seed=16)
    assert torch.equal(shown(conventions.from_jax(mask=mask)), mask.expand(BATCH, HEADS, QUERIES, KEYS))


def test_onnx_is_causal_from_the_start_without_a_cache_and_after_the_past_with_one():
    alone = conventions.from_onnx(QUERIES, KEYS, is_causal=True)
    assert torch.equal(shown(alone), formula(lambda b, i, j: j <= i))
    cached = conventions.from_onnx(QUERIES, KEYS, is_causal=True, past_sequence_length=1, left_window_size=2)
    assert torch.equal(shown(cached), formula(lambda b, i, j: i + 1 - 2 <= j <= i + 1))
    real = torch.tensor([6, 3])
    outside = conventions.from_onnx(QUERIES, KEYS, is_causal=True, nonpad_kv_seqlen=real, left_window_size=1)
    assert torch.equal(
        shown(outside), formula(lambda b, i, j: -1 <= j - (i + real[b] - QUERIES) <= 0 and j < real[b])
    )
    padded = conventions.from_onnx(QUERIES, KEYS, nonpad_kv_seqlen=real)
    assert torch.equal(shown(padded), formula(lambda b, i, j: j < real[b]))


def test_a_short_onnx_mask_hides_the_keys_it_lacks():
    for mask in (torch.ones(QUERIES, 4, dtype=torch.bool), torch.zeros(QUERIES, 4, dtype=torch.float64)):
        assert torch.equal(shown(conventions.from_onnx(QUERIES, KEYS, mask)), formula(lambda b, i, j: j < 4))


def test_softcap_works_before_the_mask():
    """After it, a hidden score of minus infinity would become minus the cap, and leak."""
    query, key = numbers(1, 1, 1, 4, seed=0) * 9, numbers(1, 1, 3, 4, seed=1)
    where = conventions.from_onnx(1, 3, torch.tensor([[True, False, True]]))
    found = rg.weights(query, key, score=conventions.score_from_onnx(0.5, 2.0), where=where)[0, 0, 0]
    capped = 2.0 * torch.tanh((key[0, 0] @ query[0, 0, 0]) * 0.5 / 2.0)
    torch.testing.assert_close(found[[0, 2]], capped[[0, 2]].softmax(-1))
    assert found[1] == 0


@pytest.mark.parametrize("queries", [3, 5, 7, 11])
@pytest.mark.parametrize("path", ["reference", "blockwise", None])
@pytest.mark.parametrize("position", [-2, 0, 1, 4])
def test_the_first_query_may_stand_at_any_key(position, path, queries):
    query, key, value = (numbers(1, 2, size, 3, seed=size) for size in (queries, KEYS, KEYS))
    place, keys = torch.arange(queries)[:, None] + position, torch.arange(KEYS)
    for where, visible in (
        (rg.Causal(position), keys <= place),
        (rg.Window(2, None, position), keys >= place - 2),
        (rg.Window(1, 1, "start"), (keys - place + position).abs() <= 1),
    ):
        weights = (query @ key.mT / 3**0.5).masked_fill(~visible, -torch.inf).softmax(-1).nan_to_num()
        torch.testing.assert_close(rg.attend(query, key, value, where=where, path=path), weights @ value)


MASK, FOUR = torch.ones(5, 7, dtype=torch.bool), torch.ones(2, 1, 5, 7)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: conventions.from_multi_head(MASK.int()), r"attn_mask has dtype torch.int32, .*True = hidden"),
        (lambda: conventions.from_multi_head(MASK.expand(6, 5, 7)), r"shape \(6, 5, 7\) and heads is None"),
        (lambda: conventions.from_multi_head(MASK.expand(6, 5, 7), heads=4), r"heads is 4, expected"),
        (lambda: conventions.from_multi_head(key_padding_mask=MASK[0]), r"key_padding_mask has shape \(7,\)"),
        (lambda: conventions.from_sdpa(MASK, is_causal=True), "attn_mask and is_causal are both given"),
        (lambda: conventions.from_sdpa(MASK.int()), r"attn_mask has dtype torch.int32, .*True = may be seen"),
        (lambda: conventions.from_flash(window_size=(-2, 0)), r"window_size is \(-2, 0\)"),
        (lambda: conventions.from_hugging_face(FOUR[0]), r"attention_mask has shape \(1, 5, 7\)"),
        (lambda: conventions.from_hugging_face(FOUR.int()), "attention_mask has dtype torch.int32"),
        (lambda: conventions.from_hugging_face(sliding_window=0), "sliding_window is 0"),
        (lambda: conventions.from_jax(mask=FOUR), "Mask has dtype torch.float32"),
        (lambda: conventions.from_jax(local_window_size=-1), "left is -1"),
        (lambda: conventions.from_onnx(5, 6, MASK), r"attn_mask has shape \(5, 7\), expected at most 6 columns"),
        (lambda: conventions.from_onnx(5, 7, left_window_size=-3), "left_window_size is -3"),
        (
            lambda: conventions.from_onnx(5, 7, past_sequence_length=2, nonpad_kv_seqlen=torch.tensor([7, 7])),
            "past_sequence_length is 2 and nonpad_kv_seqlen is given",
        ),
        (lambda: rg.Causal("middle"), "align is 'middle', expected 'end', 'start', or a whole number"),
    ],
)
def test_bad_input_says_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=message):
        call()
