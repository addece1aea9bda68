"""Views of a record against the whole matrix of weights."""

from __future__ import annotations

import numpy
import pytest
import torch

import regard as rg
from regard.look import views_map
from regard.look.views import Address, views_of
from regard.look.views_map import Pooling, Sinks

BATCH, HEADS, QUERIES, KEYS = 2, 4, 307, 331
GENERATOR = torch.Generator().manual_seed(4)
WHERES = {
    "everything": None,
    "causal": rg.Causal(),
    "window": rg.Window(40, 3) & rg.Lengths(torch.tensor([KEYS, 211])),
    "slopes": rg.Causal() + rg.Alibi(torch.rand(HEADS, generator=GENERATOR)),
    "any": rg.Mask(torch.rand(QUERIES, KEYS, generator=GENERATOR) > 0.5),
}


SINKS = [None, torch.tensor([0.3, 2.0, -1.0, 4.0]).reshape(HEADS, 1, 1)]


def recorded(where, sink=None, queries=QUERIES):
    generator = torch.Generator().manual_seed(3)
    query = torch.randn(BATCH, HEADS, queries, 8, generator=generator) * 2
    key = torch.randn(BATCH, HEADS // 2, KEYS, 8, generator=generator)
    weigh = rg.Softmax(sink=sink)
    module = rg.Attention(where=where, weigh=weigh)
    tokens = {"text": [str(number % 7) for number in range(KEYS)]}
    with torch.no_grad(), rg.record(module, tokens=tokens) as seen:
        module(query, key, key)
    return seen.record, rg.weights(query, key, where=where, weigh=weigh)


def left_out(weights):
    kept = weights.clone()
    kept[..., 0] = 0
    return kept / kept.sum(-1, keepdim=True).clamp(min=1e-30)


def pooled(weights, zoom, pooling):
    """Cells of 2**zoom by 2**zoom of one map, by the definition."""
    size = 2**zoom
    rows, columns = (numpy.arange(0, count, size) for count in weights.shape)
    join = numpy.add if pooling is Pooling.SUM else numpy.maximum
    cells = join.reduceat(join.reduceat(weights.numpy(), rows, 0), columns, 1)
    if pooling is Pooling.SUM:
        cells = cells / numpy.diff([*rows, weights.shape[0]])[:, None]
    return torch.from_numpy(cells).float()


@pytest.mark.parametrize("sinks", Sinks)
@pytest.mark.parametrize("sink", SINKS)
@pytest.mark.parametrize("name", WHERES)
def test_tiles_of_every_zoom_are_those_of_the_whole_matrix(name, sink, sinks):
    record, weights = recorded(WHERES[name], sink)
    expected = (weights if sinks is Sinks.KEPT else left_out(weights))[1, 3]
    views = views_of(record, sinks)
    assert views.zooms(0) == 2
    for pooling in Pooling:
        for zoom in range(2):
            cells = pooled(expected, zoom, pooling).numpy()
            for down in range(2 - zoom):
                for across in range(2 - zoom):
                    found = views.tile(Address(0, 3, 1, zoom, down, across, pooling))
                    part = cells[down * 256 : (down + 1) * 256, across * 256 : (across + 1) * 256]
                    assert found.dtype == numpy.float32
                    assert found.shape == part.shape
                    assert numpy.abs(found - part).max() < 3e-6


@pytest.mark.parametrize("sinks", Sinks)
@pytest.mark.parametrize("pooling", Pooling)
@pytest.mark.parametrize("name", WHERES)
def test_zooms_above_the_base_are_found_from_it(monkeypatch, name, pooling, sinks):
    """With few cells as a base, so that small maps have zooms above it."""
    monkeypatch.setattr(views_map, "_BASE", 90)
    monkeypatch.setattr(views_map, "DIRECT", 0)
    monkeypatch.setattr(views_map, "CELLS", 3 * KEYS)
    record, weights = recorded(WHERES[name])
    expected = (weights if sinks is Sinks.KEPT else left_out(weights))[1, 3]
    here = views_map.Map(record.layers[0], 1, 3, sinks)
    assert here.base_zoom == 2
    for zoom in range(1, 6):
        whole = here.pooled(range(QUERIES), range(KEYS), zoom, pooling)
        assert torch.allclose(whole, pooled(expected, zoom, pooling), atol=3e-6, rtol=0)
    part = here.pooled(range(64, 128), range(128, 192), 4, pooling)
    assert torch.allclose(part, pooled(expected, 4, pooling)[4:8, 8:12], atol=3e-6, rtol=0)
    assert here.bytes == 4 * 77 * 83


@pytest.mark.parametrize("sinks", Sinks)
@pytest.mark.parametrize("sink", SINKS)
@pytest.mark.parametrize("name", WHERES)
def test_rows_columns_and_tracks(name, sink, sinks):
    record, weights = recorded(WHERES[name], sink)
    expected = (weights if sinks is Sinks.KEPT else left_out(weights))[1, 3]
    views = views_of(record, sinks)
    row, column = views.row(0, 3, 101, top=5, batch=1), views.column(0, 3, 17, top=5, batch=1)
    for found, line in ((row, expected[101]), (column, expected[:, 17])):
        assert numpy.allclose(found.weight, line.topk(5).values, atol=2e-6)
        assert numpy.allclose(line[torch.from_numpy(found.index)], found.weight, atol=2e-6)
        assert found.sum == pytest.approx(float(line.sum()), abs=1e-5)
    assert row.entropy == pytest.approx(float(torch.special.entr(expected[101]).sum()), abs=1e-5)
    tracks = views.tracks(0, 3, batch=1)
    assert numpy.allclose(tracks.entropy, torch.special.entr(expected).sum(-1), atol=1e-5)
    assert numpy.allclose(tracks.mass, expected.sum(0), atol=1e-5)


def test_an_overview_of_all_rows_is_exact():
    record, weights = recorded(rg.Causal(), queries=67)
    found = views_of(record).overview(0, batch=1)
    maps, position = weights[1], torch.arange(67)[:, None] + KEYS - 67
    key = torch.arange(KEYS)
    assert (found.rows, found.exact) == (67, True)
    assert numpy.allclose(found.entropy, torch.special.entr(maps).sum(-1).mean(-1), atol=1e-5)
    assert numpy.allclose(found.sink_mass, maps[..., 0].mean(-1), atol=1e-6)
    # Positions are known to the call alone where the where tells that rows end where keys end.
    assert numpy.allclose(found.distance, (maps * (key - position).abs()).sum(-1).mean(-1), atol=1e-3)
    previous = torch.stack([maps[:, row, position[row, 0] - 1] for row in range(67)], -1)
    assert numpy.allclose(found.previous_token, previous.mean(-1), atol=1e-6)
    after = (key > 0) & ((key - 1) % 7 == position % 7) & (key <= position)
    assert numpy.allclose(found.induction, (maps * after).sum(-1).mean(-1), atol=1e-6)
    assert found.thumbnail.shape == (HEADS, 32, 32)
    bins = torch.zeros(HEADS, 67, 32).index_add_(2, key * 32 // KEYS, maps)
    for cell in range(32):
        rows = torch.arange(67) * 32 // 67 == cell
        assert numpy.allclose(found.thumbnail[:, cell], bins[:, rows].mean(1), atol=1e-6)


def test_a_glance_is_an_estimate_whose_rows_sum_to_one():
    record, weights = recorded(None)
    views = views_of(record)
    at = Address(0, 2, 0, 1, 0, 0)
    exact = views.tile(at)
    assert numpy.allclose(views.glance(at, 2)[:-1], exact[:-1], atol=2e-6)
    rough = views.glance(at, 1)
    assert rough.shape == exact.shape
    assert numpy.allclose(rough.sum(1), 1, atol=1e-5)
    assert numpy.allclose(rough[0].sum(), weights[0, 2, 1].sum(), atol=1e-5)
    with pytest.raises(ValueError, match="rows_of_cell is 0"):
        views.glance(at, 0)


@pytest.mark.parametrize(
    ("field", "number"), [("layer", 1), ("head", HEADS), ("batch", -1), ("zoom", 2), ("down", 2), ("across", -1)]
)
def test_an_address_that_is_not_there_is_refused(field, number):
    record, _weights = recorded(None)
    numbers = {**dict.fromkeys(("layer", "head", "batch", "zoom", "down", "across"), 0), field: number}
    with pytest.raises(ValueError, match=f"{field} is {number}, expected a number from 0 to"):
        views_of(record).tile(Address(**numbers))


def test_questions_about_what_is_not_there_are_refused():
    record, _weights = recorded(None)
    views = views_of(record)
    for ask, told in (
        (lambda: views.row(0, 0, QUERIES, 3), "query is"),
        (lambda: views.column(0, 0, KEYS, 3), "key is"),
        (lambda: views.row(0, 0, 0, 0), "top is 0"),
        (lambda: views.tracks(0, HEADS), "head is"),
        (lambda: views.overview(0, BATCH), "batch is"),
    ):
        with pytest.raises(ValueError, match=told):
            ask()
