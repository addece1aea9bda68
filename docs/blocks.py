"""The code blocks of a page: found, run in order, and what they print and draw."""

from __future__ import annotations

import ast
import contextlib
import doctest
import io
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from types import CodeType
from unittest.mock import patch

import matplotlib
import torch
from matplotlib.figure import Figure

_FENCE = re.compile(r"^```(python|\{picture\})(?: ([^\n]+))?\n(.*?)^```$", re.DOTALL | re.MULTILINE)
# Labels stay text, and the same picture is the same file on every build.
_SVG = {
    "svg.fonttype": "none",
    "svg.hashsalt": "regard",
    "font.family": "sans-serif",
    "font.size": 9,
}


class Kind(Enum):
    """What a block is for: code that a reader copies, or code whose last line is a picture."""

    CODE = "python"
    PICTURE = "{picture}"


@dataclass(frozen=True)
class Block:
    """A fenced block of Python; `line` is that of its first statement, `start` and `stop` its place in the text."""

    kind: Kind
    caption: str
    code: str
    line: int
    start: int
    stop: int


@dataclass(frozen=True)
class Shown:
    """What a block printed, and the SVG it drew; each may be empty."""

    printed: str = ""
    picture: str = ""


def blocks_of(text: str) -> list[Block]:
    """Every block of a page that is run, in order."""
    return [
        Block(
            Kind(found[1]),
            found[2] or "",
            found[3],
            text.count("\n", 0, found.start(3)) + 1,
            found.start(),
            found.end(),
        )
        for found in _FENCE.finditer(text)
    ]


def run_page(text: str, page: str) -> Iterator[tuple[Block, Shown]]:
    """Run the blocks of a page one after another, in one namespace that begins empty.

    Random numbers begin at seed 0 on every page, so that a page looks the same on every build. What a page writes to
    temporary folders is gone after its last block.

    Raises:
        AssertionError: an example in doctest style prints something else.
        ValueError: a picture does not end in an SVG or a matplotlib Figure.
    """
    names: dict[str, object] = {"__name__": page}
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        for block in blocks_of(text):
            with patch.object(tempfile, "tempdir", folder):
                shown = _run(block, names, page)
            yield block, shown


def _run(block: Block, names: dict[str, object], page: str) -> Shown:
    if ">>> " in block.code:
        _check_examples(block, names, page)
        return Shown()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        last = _execute(block, names, page)
    if block.kind is Kind.PICTURE:
        return Shown(printed.getvalue(), _svg(last, f"{page}, line {block.line}"))
    return Shown(printed.getvalue())


def _check_examples(block: Block, names: dict[str, object], page: str) -> None:
    test = doctest.DocTestParser().get_doctest(block.code, {}, page, page, block.line - 1)
    # A DocTest copies the namespace it is given; later blocks need the names that this one makes.
    test.globs = names
    report = io.StringIO()
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE, verbose=False)
    if runner.run(test, out=report.write, clear_globs=False).failed:
        raise AssertionError(report.getvalue())


def _execute(block: Block, names: dict[str, object], page: str) -> object:
    """Run all statements; the value of the last one, if it is an expression."""
    tree = ast.increment_lineno(ast.parse(block.code, page), block.line - 1)
    last = tree.body[-1] if tree.body else None
    if not isinstance(last, ast.Expr):
        exec(_compiled(tree, page, "exec"), names)
        return None
    exec(_compiled(ast.Module(tree.body[:-1], []), page, "exec"), names)
    return eval(_compiled(ast.Expression(last.value), page, "eval"), names)


def _compiled(tree: ast.Module | ast.Expression, page: str, mode: str) -> CodeType:
    # Without the future statements of this file: a page has only those it writes.
    return compile(tree, page, mode, dont_inherit=True)


def _svg(drawn: object, place: str) -> str:
    if isinstance(drawn, str) and drawn.startswith("<svg"):
        return drawn
    if not isinstance(drawn, Figure):
        raise ValueError(f"{place}: the last line of a picture is {drawn!r:.60}, expected an SVG or a Figure.")
    file = io.StringIO()
    with matplotlib.rc_context(_SVG):
        drawn.savefig(file, format="svg", metadata={"Date": None}, bbox_inches="tight")
    return re.sub(r"^.*?(?=<svg)", "", file.getvalue(), count=1, flags=re.DOTALL)
