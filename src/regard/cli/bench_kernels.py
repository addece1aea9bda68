"""regard bench kernels: us and our peers on the same tensors."""

from __future__ import annotations

import shlex
import sys
from importlib import import_module
from pathlib import Path

import regard
from regard.cli.arguments import Arguments, none_left, split

HELP = """Measure Regard and its peers side by side on this machine.

Examples:
  regard bench kernels --list
  regard bench kernels --smoke
  regard bench kernels --only window,additive --threads 2
  regard bench kernels --rounds 15 --plot build/kernels.svg

Every contender of a case runs on the same tensors, round by round in one process, forward and forward + backward.
Told are the median of a call, how many times as fast it is as the best peer and ours is as it (median and quartiles
of the rounds), peak memory in a fresh process, the part of the machine's best that it reaches, and how far its
answer is from ours. Peers that are not installed keep a line; benchmarks/peers/kernels/requirements.txt pins them.

Options:
  --only A,B        some of the groups
  --list            the groups and their cases
  --rounds N        how often each is timed (9)
  --threads N       for everyone; as many as PyTorch takes by itself unless given
  --smoke           tiny sizes, 2 rounds, nothing written unless --results is given: does everything run?
  --no-memory       without peak memory, which takes a process for each figure
  --results FOLDER  where the figures go: a folder for each kind of chip, in it a file of JSON lines for each group
                    (benchmarks/results/kernels)
  --plot FILE       a picture: ratios, and a roofline
  --json            lines of JSON instead of tables
"""

_VALUES = ("--only", "--rounds", "--threads", "--results", "--plot")
_FLAGS = ("--list", "--smoke", "--no-memory", "--json", "--help", "-h")


def main(arguments: list[str]) -> int:
    """Measure; the exit code."""
    given = split(arguments, values=_VALUES, flags=_FLAGS)
    if given.has("--help") or given.has("-h"):
        print(HELP, end="")
        return 0
    none_left(given, "bench kernels")
    root = Path(regard.__file__).parents[2]
    if not (root / "benchmarks" / "kernels").is_dir():
        raise ValueError("kernels is no part of an installed package; it needs a checkout of Regard.")
    # Benchmarks are no part of the package, so Python does not find them by itself.
    sys.path.insert(0, str(root))
    return _measure(given, shlex.join(["regard", "bench", "kernels", *arguments]))


def _measure(given: Arguments, command: str) -> int:
    case, program = import_module("benchmarks.kernels.case"), import_module("benchmarks.kernels.program")
    if given.has("--list"):
        print(program.listed())
        return 0
    smoke = given.has("--smoke")
    results, plot, threads = (given.values.get(name) for name in ("--results", "--plot", "--threads"))
    settings = program.Settings(
        groups=tuple(given.values["--only"].split(",")) if "--only" in given.values else (),
        rounds=_count("--rounds", given.values.get("--rounds", "2" if smoke else "9")),
        threads=None if threads is None else _count("--threads", threads),
        scale=case.Scale.SMOKE if smoke else case.Scale.FULL,
        peaks=program.Peaks.LEFT_OUT if given.has("--no-memory") else program.Peaks.MEASURED,
        form=program.Form.JSON if given.has("--json") else program.Form.TABLE,
        results=Path(results) if results is not None else None if smoke else program.RESULTS,
        plot=None if plot is None else Path(plot),
        command=command,
    )
    code: int = program.main(settings)
    return code


def _count(name: str, text: str) -> int:
    if not text.isdecimal():
        raise ValueError(f"{name} is {text!r}, expected a whole number.")
    return int(text)
