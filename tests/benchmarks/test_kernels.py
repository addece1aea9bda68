"""The benchmark of kernels: what it compares is the same thing, and what it says is so."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from functools import partial

import pytest
import torch

import regard as rg
from benchmarks.kernels import peak, records, timing
from benchmarks.kernels.attention import Problem, Shown, attention_work
from benchmarks.kernels.banded import Band, banded
from benchmarks.kernels.case import Aim, Answer, Build, Case, Contender, Pass, Reach, Scale, Side, Work
from benchmarks.kernels.ceilings import Ceilings
from benchmarks.kernels.figures import Quartiles
from benchmarks.kernels.groups import GROUPS, group
from benchmarks.kernels.judging import records_of
from benchmarks.kernels.makes import filled, plain
from benchmarks.kernels.presence import absence
from benchmarks.kernels.records import Judged, Missing
from benchmarks.kernels.table import case_text
from benchmarks.kernels.timing import Run, difference, mode_of, pass_of, timed
from tests.attention.cases import numbers

CEILINGS = Ceilings(float32=100.0, bfloat16=400.0, exponentials=10.0, bytes=20.0)


@pytest.mark.parametrize(("left", "block"), [(0, 3), (2, 5), (5, 2), (7, 29), (40, 8)])
def test_block_banded_attention_is_a_causal_window_with_its_gradients(left, block):
    tensors = tuple(numbers(2, 3, 23, 5, seed=seed).requires_grad_() for seed in range(3))
    found = banded(*tensors, Band(left, block))
    expected = rg.attend(*tensors, where=rg.Window(left, 0), path="reference")
    torch.testing.assert_close(found, expected)
    outer = numbers(2, 3, 23, 5, seed=3)
    grads = torch.autograd.grad(expected, tensors, outer)
    for one, other in zip(torch.autograd.grad(found, tensors, outer), grads, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("shown", Shown)
def test_cells_are_those_that_the_mask_and_the_where_show(shown):
    problem = Problem(3, 2, 11, 5, shown)
    cells = torch.ones(3, 2, 11, 11, dtype=torch.bool)
    if problem.mask is not None:
        cells = cells & problem.mask
    query, key, _value = problem.tensors()
    assert problem.cells == int(cells.sum())
    assert problem.cells == int((rg.weights(query, key, where=problem.where) > 0).sum())


def test_work_of_attention_counted_by_hand():
    """Scores and contexts; then gradients of values, weights, queries and keys, and the scores again."""
    cells, size, value_size = 7, 3, 5
    found = attention_work(cells, size, value_size, touched=64.0)
    assert found[Pass.FORWARD] == Work(cells * 2 * (3 + 5), cells, 64.0)
    assert found[Pass.BOTH].flops == cells * 2 * ((3 + 5) + (5 + 5 + 3 + 3 + 3))
    assert found[Pass.FORWARD].intensity == cells * 16 / 64


def test_difference_is_relative_and_sees_nan_and_other_shapes():
    expected = [torch.tensor([1.0, -4.0]), torch.tensor([1e-9])]
    assert difference([torch.tensor([1.0, -3.0]), torch.tensor([2e-9])], expected) == 0.25
    assert difference([torch.tensor([1.0, -4.0]), torch.tensor([0.004])], expected) == pytest.approx(1.0)
    assert math.isnan(difference([torch.tensor([1.0, math.nan]), torch.tensor([0.0])], expected))
    assert difference([torch.tensor([1.0, -4.0])], expected) == math.inf


def doubling(*contenders: Contender, aims: tuple[Aim | Reach, ...] = ()) -> Case:
    """Ours doubles seven numbers."""
    ours = Contender("ours", plain(lambda tensor: 2 * tensor), Side.OURS)
    work = {Pass.FORWARD: Work(70.0, 7.0, 28.0), Pass.BOTH: Work(140.0, 14.0, 56.0)}
    return Case("doubling", lambda: (filled(7, seed=0),), (ours, *contenders), work, aims)


def failing(tensor: torch.Tensor) -> torch.Tensor:
    raise RuntimeError("no kernel\nfor this size")


def picky(tensor: torch.Tensor) -> torch.Tensor:
    raise ValueError("seven is odd")


def test_everyone_has_a_line_whatever_happens():
    case = doubling(
        Contender("sum", plain(lambda tensor: tensor + tensor)),
        Contender("square", plain(lambda tensor: tensor * tensor)),
        Contender("draws", plain(torch.rand_like), passes=(Pass.FORWARD,), answer=Answer.OTHER),
        Contender("broken", plain(failing)),
        Contender("picky", plain(picky)),
        Contender("nowhere", plain(failing), package=("no_such_package_here", "no-such-package")),
        Contender("huge", plain(failing), gibibytes=1e9),
        Contender("unfit", plain(failing), unfit="seven is odd"),
        Contender("slow to build", plain(failing), build=Build.COMPILED),
    )
    runs = {run.contender.name: run for run in timed(case, Pass.FORWARD, 3, Scale.SMOKE)}
    assert list(runs) == [one.name for one in case.contenders]
    assert all(len(runs[name].seconds) == 3 for name in ("ours", "sum", "square", "draws"))
    assert runs["sum"].difference == runs["ours"].difference == 0
    assert runs["square"].difference > 0.1
    assert runs["draws"].difference is None
    assert runs["picky"].missing == "refused: seven is odd"
    assert runs["broken"].missing == "failed: no kernel for this size"
    assert runs["nowhere"].missing.startswith("not installed: no-such-package, see benchmarks/peers/kernels/")
    assert runs["huge"].missing.startswith("takes about 1000000000.0 GiB, of which ")
    assert runs["unfit"].missing == "seven is odd"
    assert runs["slow to build"].missing.startswith("left out of the smoke run")
    both = {run.contender.name: run for run in timed(case, Pass.BOTH, 1, Scale.SMOKE)}
    assert "draws" not in both
    assert both["sum"].difference == 0 < both["square"].difference


def test_a_pass_gives_the_answer_or_the_gradients_of_all_that_is_learned():
    tensor = filled(7, seed=0)
    square = Contender("square", plain(lambda tensor, fixed: tensor * tensor * fixed))
    fixed = torch.full((7,), 3.0)
    forward, both = (pass_of(square, which, (tensor, fixed)) for which in Pass)
    with mode_of(Pass.FORWARD):
        (answer,) = forward()
    assert not answer.requires_grad
    torch.testing.assert_close(answer, 3 * tensor.detach() ** 2)
    with mode_of(Pass.BOTH):
        (gradient,) = both()
    outer = torch.randn(7, generator=torch.Generator().manual_seed(11))
    torch.testing.assert_close(gradient, 6 * tensor.detach() * outer)


def test_compiling_is_given_up_after_a_while(monkeypatch):
    def forever(*tensors: torch.Tensor) -> partial:
        while True:
            pass

    monkeypatch.setattr(timing, "COMPILING", 1)
    case = doubling(Contender("forever", forever, build=Build.COMPILED))
    assert absence(case.contenders[1], Scale.FULL) is None
    runs = timed(case, Pass.FORWARD, 1, Scale.FULL)
    assert runs[1].missing == "failed: compiling took more than 1 s"
    assert len(runs[0].seconds) == 1


def test_a_contender_that_takes_too_long_is_asked_once(monkeypatch):
    monkeypatch.setattr(timing, "PATIENCE", 0.0)
    (run,) = timed(doubling(), Pass.FORWARD, 5, Scale.SMOKE)
    assert len(run.seconds) == 1


def figures(aims: tuple[Aim | Reach, ...]) -> list[records.CaseRecord]:
    yardstick = Contender("yardstick", plain(failing), Side.YARDSTICK)
    case = doubling(Contender("peer", plain(failing)), Contender("rival", plain(failing)), yardstick, aims=aims)
    seconds = {"ours": [2.0, 4.0, 2.0], "peer": [6.0, 12.0, 4.0], "yardstick": [1.0, 1.0, 1.0]}
    runs = [Run(one, seconds.get(one.name, [])) for one in case.contenders]
    runs = [run if run.seconds else replace(run, missing="failed: asleep") for run in runs]
    return records_of("group", case, Pass.FORWARD, runs, {"ours": 3.5}, CEILINGS)


def test_figures_of_a_case_by_hand():
    ours, peer, rival, yardstick = figures(())
    assert ours.milliseconds == Quartiles(2000.0, 2000.0, 3000.0)
    assert ours.against_best_peer == Quartiles(2.5, 3.0, 3.0)
    assert ours.ours_against_it == peer.against_best_peer == Quartiles(1.0, 1.0, 1.0)
    assert peer.ours_against_it == Quartiles(2.5, 3.0, 3.0)
    assert (ours.peak_mebibytes, peer.peak_mebibytes) == (3.5, None)
    assert ours.gigaflops == pytest.approx(35e-9)
    assert ours.ceilings == pytest.approx({"matrix": 0.35, "exp": 0.35, "copy": 0.7})
    assert rival == Missing("group", "doubling", "rival", "peer", "forward", "failed: asleep")
    # Faster than the best peer, but it is no peer.
    assert yardstick.against_best_peer == Quartiles(5.0, 6.0, 9.0)


def test_aims_are_held_to_the_median_of_their_pass():
    aims = (
        Aim("peer", Pass.FORWARD, 3.0),
        Aim(None, Pass.FORWARD, 3.1),
        Aim("yardstick", Pass.FORWARD, 0.5),
        Aim("rival", Pass.FORWARD, 0.1),
        Aim("peer", Pass.BOTH, 1.0),
        Reach("copy", Pass.FORWARD, 0.6),
        Reach("matrix", Pass.FORWARD, 0.6),
    )
    judged = [one for one in figures(aims) if isinstance(one, Judged)]
    assert [(one.against, one.found, one.holds) for one in judged] == [
        ("peer", 3.0, True),
        ("peer", 3.0, False),
        ("yardstick", 0.5, True),
        ("rival", None, False),
        ("copy ceiling", 0.7, True),
        ("matrix ceiling", 0.35, False),
    ]


def test_a_table_tells_figures_who_is_missing_and_wrong_answers():
    found = figures((Aim("peer", Pass.FORWARD, 3.1), Aim("rival", Pass.FORWARD, 1.0)))
    ours, peer, rival, yardstick, *judged = found
    wrong = replace(ours, difference=math.nan)
    text = case_text([wrong, replace(peer, first_seconds=40.0), rival, replace(yardstick, rounds=2), *judged])
    assert "3 (2.5 to 3)" in text
    assert "70 % copy" in text
    assert "nan !" in text
    assert "first call of peer: 40 s" in text
    assert "yardstick: 2 of 3 rounds, as it takes long" in text
    assert f"{'rival':<30}failed: asleep" in text
    assert "aim: at least 3.1 x peer: 3 x, open" in text
    assert "aim: at least 1 x rival: not measured" in text


def test_results_are_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "deep" / "group.jsonl"
    found = figures(())
    records.write(path, found)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["kind"] for line in lines] == ["measured", "measured", "missing", "measured"]
    assert lines[0]["milliseconds"] == {"lower": 2000.0, "median": 2000.0, "upper": 3000.0}
    before = path.read_bytes()
    told = iter(found[:2])
    monkeypatch.setattr(records, "line_of", lambda record: json.dumps({"kind": next(told).contender}))
    with pytest.raises((StopIteration, RuntimeError)):
        records.write(path, found)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.skipif(not peak._CLEAR.exists(), reason="peak memory is read from Linux's /proc")
def test_peak_memory_is_what_a_call_takes_beside_what_it_gives():
    def wasteful(tensor: torch.Tensor) -> torch.Tensor:
        return torch.ones(48 * 2**18).repeat(2)[:7] * tensor

    def frugal(tensor: torch.Tensor) -> torch.Tensor:
        return tensor.expand(2**24, 7).sum(1)

    found = {
        call.__name__: peak._above(doubling(Contender("peer", plain(call))), Contender("", plain(call)), Pass.FORWARD)
        for call in (wasteful, frugal)
    }
    assert 140 < found["wasteful"] < 152  # 48 MiB, and twice as much beside it
    assert found["frugal"] < 8  # 64 MiB that it gives


@pytest.mark.skipif(not peak._CLEAR.exists(), reason="peak memory is read from Linux's /proc")
def test_peak_memory_in_a_fresh_process():
    case = next(one for one in group("softmax").cases(Scale.FULL) if one.name == "(4,8,512,64) full")
    contenders = {one.name: one for one in case.contenders}
    fused, formula = (
        peak.peak_mebibytes("softmax", case, contenders[name], Pass.FORWARD, Scale.FULL)
        for name in ("SDPA", "formula")
    )
    # The formula holds scores and weights, of 32 MiB each.
    assert 60 < formula < 110
    assert fused < 16


def test_too_small_a_case_has_no_peak():
    case = doubling()
    assert peak.peak_mebibytes("softmax", case, case.contenders[0], Pass.FORWARD, Scale.SMOKE) is None


@pytest.mark.parametrize("scale", Scale)
def test_names_of_groups_cases_and_contenders_are_their_own_and_aims_name_contenders(scale):
    assert len({one.name for one in GROUPS}) == len(GROUPS)
    for one in GROUPS:
        cases = one.cases(scale)
        assert len({case.name for case in cases}) == len(cases)
        for case in cases:
            names = [contender.name for contender in case.contenders]
            assert len(set(names)) == len(names)
            assert names[0] == case.ours
            assert {aim.against for aim in case.aims if isinstance(aim, Aim)} <= {*names, None}
            assert all(aim.which in case.work for aim in case.aims)


def test_an_unknown_group_is_told_with_the_nearest():
    with pytest.raises(ValueError, match=r"group 'windw' is not known; .* Did you mean 'window'\?"):
        group("windw")
