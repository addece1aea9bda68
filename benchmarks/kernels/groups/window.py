"""A causal window over long sequences."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

import regard as rg
from benchmarks.kernels.attention import Problem, attention_work, formula
from benchmarks.kernels.banded import Band, banded
from benchmarks.kernels.case import Aim, Answer, Build, Call, Case, Contender, Group, Make, Pass, Scale, Side
from benchmarks.kernels.makes import plain, regard
from regard.attention.plan import Path

_WINDOW = {Scale.FULL: 256, Scale.SMOKE: 8}
_TIMES = {Scale.FULL: (4096, 16_384, 65_536), Scale.SMOKE: (31, 48)}
_SIZE = {Scale.FULL: 64, Scale.SMOKE: 5}
# A block mask of FlexAttention is made from all T x T cells.
_MOST_FOR_FLEX = 16_384
_LOCAL, _BANDED = "local-attention", "SDPA, block-banded"


def _cases(scale: Scale) -> list[Case]:
    window, times = _WINDOW[scale], _TIMES[scale]
    problems = [Problem(1, 8, time, _SIZE[scale]) for time in times]
    return [*(_case(problem, window) for problem in problems), _growth(problems[-1], problems[-2], window)]


def _case(problem: Problem, window: int) -> Case:
    # For a window of 256, blocks of 64 are the fastest of 64 to 1,024: larger ones compute more hidden cells.
    band = Band(window, max(1, window // 4))

    def ours(path: Path | None, *tensors: Tensor) -> Call:
        return partial(rg.attend, *tensors, where=rg.Window(window, 0), path=path)

    mask = partial(band.mask, slice(0, problem.time), slice(0, problem.time))
    cells = problem.heads * (problem.time * (window + 1) - window * (window + 1) // 2)
    touched = 4 * problem.heads * problem.time * problem.size * 4
    # Sums, masks and weights of a band that is twice as wide, in forward and backward.
    band_gibibytes = 8 * problem.heads * problem.time * 2 * window * 4 / 2**30
    return Case(
        f"window {window}, T = {problem.time}",
        problem.tensors,
        (
            *regard(ours, "native", "blockwise"),
            Contender(_BANDED, plain(partial(banded, band=band))),
            Contender(
                _LOCAL, _local(window), package=("local_attention", "local-attention"), gibibytes=band_gibibytes
            ),
            Contender(
                "FlexAttention",
                _flex(problem.time, window),
                passes=(Pass.FORWARD,),
                build=Build.COMPILED,
                unfit=f"create_block_mask makes T x T cells: out of memory at {problem.time}"
                if problem.time > _MOST_FOR_FLEX
                else None,
            ),
            Contender(
                "formula",
                lambda *tensors: partial(formula, *tensors, mask=mask()),
                gibibytes=6 * problem.matrix_gibibytes,
            ),
        ),
        attention_work(cells, problem.size, problem.size, touched),
        (
            Aim(_LOCAL, Pass.FORWARD, 5.0),
            Aim(_BANDED, Pass.FORWARD, 1.7),
            Aim(_LOCAL, Pass.BOTH, 3.0),
            Aim(_BANDED, Pass.BOTH, 2.0),
        ),
    )


def _growth(long: Problem, short: Problem, window: int) -> Case:
    """The longest time against a shorter one: four times as long is to take at most 4.4 times as long."""

    def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        return rg.attend(query, key, value, where=rg.Window(window, 0))

    whole = _case(long, window)
    name = f"Regard, T = {short.time}"
    start = plain(lambda *tensors: attend(*(tensor[..., : short.time, :] for tensor in tensors)))
    allowed = 1.1 * long.time / short.time
    return Case(
        f"growth from {short.time} to {long.time}",
        long.tensors,
        (
            Contender("Regard", plain(attend), Side.OURS, passes=(Pass.FORWARD,)),
            Contender(name, start, Side.YARDSTICK, (Pass.FORWARD,), Answer.OTHER),
        ),
        {Pass.FORWARD: whole.work[Pass.FORWARD]},
        (Aim(name, Pass.FORWARD, 1 / allowed),),
    )


def _local(window: int) -> Make:
    def make(*tensors: Tensor) -> Call:
        from local_attention import LocalAttention

        module = LocalAttention(window, causal=True, exact_windowsize=True, autopad=True, use_rotary_pos_emb=False)
        return partial(module, *tensors)

    return make


def _flex(time: int, window: int) -> Make:
    def make(*tensors: Tensor) -> Call:
        from torch.nn.attention.flex_attention import create_block_mask, flex_attention

        def shows(batch: Tensor, head: Tensor, row: Tensor, column: Tensor) -> Tensor:
            return (row >= column) & (row - column <= window)

        blocks = create_block_mask(shows, None, None, time, time, device="cpu")
        attend = torch.compile(flex_attention, fullgraph=True, dynamic=False)
        query, key, value = (tensor.detach() for tensor in tensors)
        return lambda: attend(query, key, value, block_mask=blocks)

    return make


WINDOW = Group("window", "a causal window: cost and memory grow with the length", _cases)
