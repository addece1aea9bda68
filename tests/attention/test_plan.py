"""The planner takes the path that was fastest for work like it, of those that can serve the call."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

import regard as rg
from regard.attention import PATHS, measured, plan
from regard.attention.measured import Measured
from regard.attention.native import lowered
from tests.native.exactness import needs_kernels

CHIP = "a chip"
ROWS = (
    Measured(CHIP, "plain", "float32", 9, 64, {"sdpa": 2, "native": 3, "blockwise": 1}, {"sdpa": 1}),
    Measured(CHIP, "causal", "float32", 3, 64, {"sdpa": 1, "native": 2, "blockwise": 3}, {"native": 1}),
    Measured(CHIP, "padded", "float32", 3, 64, {"sdpa": 2, "native": 3, "blockwise": 1}, {"sdpa": 1}),
    Measured(CHIP, "plain", "float32", 3, 64, {"sdpa": 3, "native": 1, "blockwise": 2}, {"sdpa": 1, "native": 2}),
    Measured(CHIP, "plain", "float32", 3, 4096, {"sdpa": 1, "native": 2, "blockwise": 3}, {"sdpa": 2, "native": 1}),
    Measured(CHIP, "plain", "bfloat16", 3, 64, {"sdpa": 1, "native": 3, "blockwise": 2}, {"sdpa": 1, "native": 3}),
    Measured(CHIP, "product", "float32", 3, 64, {"native": 2, "blockwise": 1}, {"native": 1, "blockwise": 2}),
    Measured(CHIP, "plain step", "float32", 3, 64, {"sdpa": 2, "native": 3, "blockwise": 1}, {"sdpa": 1}),
    Measured(CHIP, "grouped step", "float32", 3, 64, {"sdpa": 2, "native": 1, "blockwise": 3}, {"sdpa": 1}),
    Measured(CHIP, "product step", "float32", 3, 64, {"native": 1, "blockwise": 2}, {"native": 2, "blockwise": 1}),
)
TABLE = measured.table


@pytest.fixture(autouse=True)
def made_up_table(monkeypatch):
    grouped = measured.by_kind_and_dtype(ROWS)
    monkeypatch.setattr(measured, "table", lambda: grouped)


def path(
    queries: int, dtype: torch.dtype = torch.float32, trained: bool = False, size: int = 3, **answers: object
) -> str:
    tensor = torch.zeros(1, 2, queries, size, dtype=dtype, requires_grad=trained)
    return rg.explain(tensor, tensor, tensor, **answers).path


@needs_kernels
def test_the_nearest_row_by_ratio_decides():
    assert path(8) == path(20) == "native"
    assert path(64) == path(25) == path(5000) == "sdpa"


@needs_kernels
def test_size_comes_before_cells():
    assert path(64, size=6) == path(8, size=16) == "blockwise"
    assert path(64, size=5) == "sdpa"


@needs_kernels
def test_causal_and_padded_work_have_rows_of_their_own():
    assert path(8, where=rg.Causal()) == "sdpa"
    assert path(8, where=rg.Causal(), trained=True) == "native"
    assert path(8, where=rg.Lengths(torch.tensor([5]))) == "blockwise"


@needs_kernels
def test_training_has_times_of_its_own():
    assert path(8, trained=True) == "sdpa"
    assert path(64, trained=True) == "native"
    with torch.no_grad():
        assert path(64, trained=True) == "sdpa"


@needs_kernels
def test_what_is_no_plain_softmax_has_rows_of_its_own():
    assert path(8, where=rg.Window(1, 1)) == "blockwise"
    assert path(8, where=rg.Window(1, 1), trained=True) == "native"


@needs_kernels
def test_a_few_queries_are_work_of_another_kind():
    memory, one, five = torch.zeros(1, 2, 16, 3), torch.zeros(1, 2, 4, 3), torch.zeros(1, 2, 5, 3)
    assert rg.explain(one, memory, memory).path == "blockwise"
    assert rg.explain(five, memory, memory).path == "native"
    assert rg.explain(one, memory[:, :1], memory[:, :1]).path == "native"
    assert rg.explain(one, memory, memory, where=rg.Window(9, 9)).path == "native"


@needs_kernels
def test_a_path_that_was_not_measured_comes_last():
    assert ROWS[0].fastest(["blockwise", "sdpa"], trained=True) == "sdpa"


def test_without_kernels_blocks_serve_what_the_kernel_of_pytorch_cannot(monkeypatch):
    monkeypatch.setattr(lowered, "missing", lambda: "no compiler was found")
    monkeypatch.setattr(plan, "missing", lambda: "no compiler was found")
    tensor = torch.zeros(1, 2, 8, 3)
    found = rg.explain(tensor, tensor, tensor, where=rg.Window(1, 1))
    assert found.path == "blockwise"
    assert "no compiler was found" in found.reason
    assert found.faster.endswith("native kernels are missing: no compiler was found")


def test_what_was_not_measured_keeps_to_the_kernel_of_pytorch():
    assert path(8, torch.float64) == "sdpa"
    assert path(8, torch.float64, where=rg.Window(1, 1)) == "blockwise"


@pytest.mark.parametrize(("tiles", "name"), [(True, "tiles.json"), (False, "vectors.json")])
def test_a_chip_with_matrix_tiles_has_a_table_of_its_own(tiles, name, monkeypatch):
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: tiles)
    assert measured.file_name() == name


@pytest.mark.parametrize("name", ["tiles.json", "vectors.json"])
def test_the_tables_in_the_package_are_whole(name, monkeypatch):
    monkeypatch.setattr(measured, "file_name", lambda: name)
    found = TABLE.__wrapped__()
    inner = ("plain", "causal", "padded", "plain step", "grouped step", "product", "product step")
    assert set(found) == {
        *((kind, dtype) for kind in inner for dtype in ("float32", "bfloat16")),
        *((kind, "float32") for kind in ("other", "other step")),
    }
    assert all((row.kind, row.dtype) == group for group, rows in found.items() for row in rows)
    for row in itertools.chain(*found.values()):
        assert row.cells > 0
        assert row.size > 0
        for times in (row.forward, row.both):
            assert set(times) <= set(PATHS)
            assert all(0 < time < math.inf for time in times.values())
