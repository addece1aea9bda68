"""Packed documents are attended to as if each were alone."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import regard as rg
from regard.attention import PATHS
from regard.attention.paths import blockwise
from regard.attention.space import Space
from tests.attention.cases import numbers

QUERY_LENGTHS, KEY_LENGTHS = torch.tensor([3, 7, 1, 5, 0]), torch.tensor([5, 2, 0, 11, 3])
POSITIONS = {
    "everything": None,
    "Causal": rg.Causal(),
    "Causal-start": rg.Causal("start"),
    "Window": rg.Window(2, 1),
    "Window-left": rg.Window(1, None, "start"),
    "Causal and Window": rg.Causal() & rg.Window(3, 0),
    "Causal or others": rg.Causal() | ~rg.Window(1, 1),
}


def padded_batch() -> tuple[torch.Tensor, ...]:
    """Five documents with grouped heads, and NaN in their padding."""
    tensors = numbers(5, 6, 7, 3, seed=0), numbers(5, 2, 11, 3, seed=1), numbers(5, 2, 11, 5, seed=2)
    for tensor, lengths in zip(tensors, (QUERY_LENGTHS, KEY_LENGTHS, KEY_LENGTHS), strict=True):
        tensor[(torch.arange(tensor.shape[2]) >= lengths[:, None])[:, None].expand(tensor.shape[:3])] = torch.nan
    return tuple(tensor.requires_grad_() for tensor in tensors)


def one_by_one(query, key, value, where) -> torch.Tensor:
    """Every document attended to alone, then padded with 0."""
    context = query.new_zeros(5, 6, 7, 5)
    for document, (queries, keys) in enumerate(zip(QUERY_LENGTHS.tolist(), KEY_LENGTHS.tolist(), strict=True)):
        alone = (tensor[document : document + 1] for tensor in (query, key, value))
        cut = (t[:, :, :n] for t, n in zip(alone, (queries, keys, keys), strict=True))
        context[document, :, :queries] = rg.attend(*cut, where=where, path="reference")[0]
    return context


@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize("path", ["reference", "blockwise"])
def test_packed_documents_equal_documents_one_by_one_forward_and_backward(positions, path, monkeypatch):
    monkeypatch.setattr(blockwise, "CELLS", 128)
    monkeypatch.setattr(blockwise, "ROWS", 3)
    where = POSITIONS[positions]
    tensors = padded_batch()
    segments = rg.Segments.of_lengths(QUERY_LENGTHS, KEY_LENGTHS)
    packed = [
        rg.pack(tensor, lengths)
        for tensor, lengths in zip(tensors, (QUERY_LENGTHS, KEY_LENGTHS, KEY_LENGTHS), strict=True)
    ]
    context = rg.attend(*packed, where=segments if where is None else where & segments, path=path)
    found = rg.unpack(context, QUERY_LENGTHS)
    expected = one_by_one(*tensors, where)
    torch.testing.assert_close(found, expected)
    outer = numbers(5, 6, 7, 5, seed=3)
    grads = torch.autograd.grad(found, tensors, outer)
    for one, other in zip(grads, torch.autograd.grad(expected, tensors, outer), strict=True):
        torch.testing.assert_close(one, other)
        assert bool(one.any())


def test_the_order_of_joining_does_not_matter():
    query, key = numbers(7, 3, seed=0), numbers(11, 3, seed=1)
    segments = rg.Segments(torch.tensor([0, 0, 0, 1, 1, 2, 2]), torch.tensor([0] * 4 + [1] * 5 + [2] * 2))
    mask, causal, window = rg.Mask(torch.arange(11) % 3 > 0), rg.Causal(), rg.Window(2, 0)
    expected = rg.weights(query, key, where=((segments & causal) & window) & mask)
    for where in (
        segments & (causal & (window & mask)),
        (mask & causal) & (window & segments),
        window & ((mask & segments) & causal),
    ):
        assert torch.equal(rg.weights(query, key, where=where), expected)
    bias = rg.Bias(numbers(7, 11, seed=2))
    torch.testing.assert_close(
        rg.weights(query, key, where=(causal + bias) & segments),
        rg.weights(query, key, where=segments & causal + bias),
    )


def test_documents_of_a_module_and_of_a_call_are_joined():
    query, key = numbers(1, 2, 6, 3, seed=0), numbers(1, 2, 9, 3, seed=1)
    segments = rg.Segments.of_lengths(torch.tensor([2, 4]), torch.tensor([5, 4]))
    found = rg.Attention(where=rg.Causal())(query, key, key, where=segments)
    first = rg.attend(query[:, :, :2], key[:, :, :5], key[:, :, :5], where=rg.Causal())
    second = rg.attend(query[:, :, 2:], key[:, :, 5:], key[:, :, 5:], where=rg.Causal())
    torch.testing.assert_close(found, torch.cat((first, second), 2))


IDS = st.lists(st.integers(-1, 3), min_size=1, max_size=9)


def cut_out(query_ids: list[int], key_ids: list[int], where: rg.Where | None) -> torch.Tensor:
    """What every query sees, (queries, keys), each document's queries and keys cut out of unsorted ids."""
    visible = torch.zeros(len(query_ids), len(key_ids), dtype=torch.bool)
    for document in set(query_ids) & set(key_ids) - {-1}:
        rows, columns = ([at for at, own in enumerate(ids) if own == document] for ids in (query_ids, key_ids))
        alone = Space((), 1, len(rows), len(columns), torch.device("cpu"))
        shown = None if where is None else where.seen(alone.whole()).visible
        visible[torch.tensor(rows)[:, None], torch.tensor(columns)] = True if shown is None else shown[0, 0]
    return visible


@given(IDS, IDS, st.sampled_from(list(POSITIONS)), st.integers(1, 4))
def test_ids_in_any_order_and_the_spans_they_need(query_ids, key_ids, positions, rows):
    space = Space((2,), 1, len(query_ids), len(key_ids), torch.device("cpu"))
    position = POSITIONS[positions]
    segments = rg.Segments(torch.tensor([query_ids, query_ids[::-1]]), torch.tensor(key_ids))
    where = segments if position is None else segments & position
    seen = where.seen(space.whole()).visible
    for found, ids in zip(seen, (query_ids, query_ids[::-1]), strict=True):
        assert torch.equal(found[0], cut_out(ids, key_ids, position))
    for start in range(0, len(query_ids), rows):
        span = where.span(range(start, min(start + rows, len(query_ids))), space)
        keys = seen[:, 0, start : start + rows].any(0).any(0).nonzero().flatten().tolist()
        assert set(keys) <= set(span)
        if positions in ("everything", "Causal", "Causal-start", "Window", "Window-left"):
            assert list(span) == list(range(keys[0], keys[-1] + 1) if keys else [])


def test_work_of_sorted_documents_is_that_of_the_documents_one_by_one():
    segments = rg.Segments.of_lengths(torch.tensor([3, 5, 2]), torch.tensor([4, 6, 7]))
    space = Space((), 1, 10, 17, torch.device("cpu"))
    assert [segments.span(range(*rows), space) for rows in ((0, 3), (3, 8), (8, 10), (2, 4))] == [
        range(0, 4),
        range(4, 10),
        range(10, 17),
        range(0, 10),
    ]
    assert (segments & rg.Causal()).span(range(3, 5), space) == range(4, 7)
    assert (segments & rg.Window(1, 0)).span(range(5, 7), space) == range(6, 9)


def test_offsets_are_cumulative_lengths():
    segments = rg.Segments.of_offsets(torch.tensor([0, 2, 2, 5], dtype=torch.int32), torch.tensor([0, 1, 4, 6]))
    assert segments.query_ids.tolist() == [0, 0, 2, 2, 2]
    assert segments.key_ids.tolist() == [0, 1, 1, 1, 2, 2]
    alike = rg.Segments.of_offsets(torch.tensor([0, 2, 3]))
    assert alike.query_ids.tolist() == alike.key_ids.tolist() == [0, 0, 1]


def test_ids_of_a_batch_follow_its_selection():
    key, query = numbers(3, 5, 4, seed=0), numbers(3, 2, 4, seed=1)
    ids, key_ids = torch.tensor([[0, 0], [0, 1], [2, 0]]), torch.tensor([[0, 0, 1, 1, 2]] * 2 + [[2, 2, 0, 0, 0]])
    index = torch.tensor([2, 0, 2, 1])
    for where in (rg.Segments(ids, key_ids), rg.Causal() & rg.Segments(ids, key_ids)):
        memory = rg.Memory(key, key, where=where)
        torch.testing.assert_close(memory.select(index).ask(query[index]), memory.ask(query)[index])


def test_packing_and_unpacking_are_inverse():
    lengths = torch.tensor([2, 0, 5])
    padded = rg.unpack(numbers(1, 3, 7, 2, seed=0), lengths, time=6)
    assert padded.shape == (3, 3, 6, 2)
    assert not padded[0, :, 2:].any()
    torch.testing.assert_close(rg.unpack(rg.pack(padded, lengths), lengths, 6), padded)
    torch.testing.assert_close(rg.pack(padded[:, 0], lengths)[0, 2:], padded[2, 0, :5])


@pytest.mark.parametrize("path", PATHS)
def test_ids_that_do_not_fit_are_refused_by_every_path(path):
    tensor = numbers(2, 3, 5, seed=0)
    with pytest.raises(ValueError, match=r"key_ids has shape \(4,\), expected \(3,\) or \(2, 3\)"):
        rg.attend(tensor, tensor, tensor, where=rg.Segments(torch.arange(3), torch.arange(4)), path=path)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rg.Segments(torch.ones(3), torch.arange(3)), "query_ids has dtype torch.float32, expected whole"),
        (lambda: rg.Segments(torch.arange(3), torch.tensor(1)), "key_ids is a single number"),
        (lambda: rg.Segments.of_lengths(torch.tensor([1, 2]), torch.tensor([3])), r"key_lengths is \[3\], expected"),
        (lambda: rg.Segments.of_lengths(torch.tensor([1, -2])), r"query_lengths is \[1, -2\]"),
        (lambda: rg.Segments.of_offsets(torch.tensor([1, 2])), r"query_offsets is \[1, 2\].*of_lengths"),
        (lambda: rg.Segments.of_offsets(torch.tensor([0, 3, 2])), r"query_offsets is \[0, 3, 2\], .*rise"),
        (lambda: rg.pack(torch.ones(2, 3, 1), torch.tensor([1, 4])), r"lengths is \[1, 4\].*from 0 to 3"),
        (lambda: rg.pack(torch.ones(2, 3), torch.tensor([1, 2])), r"padded has shape \(2, 3\)"),
        (lambda: rg.unpack(torch.ones(1, 4, 1), torch.tensor([1, 2])), r"packed has shape \(1, 4, 1\), .* 3, size"),
    ],
)
def test_bad_input_says_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=message):
        call()
