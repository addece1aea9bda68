"""The house itself: what is exported is documented, and the commands in the documents are commands."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import regard.attention as algebra
from regard.tasks import TASKS

ROOT = Path(__file__).parents[1]
PUBLIC = sorted(name for name in vars(algebra) if not name.startswith("_") and callable(getattr(algebra, name)))
UNFAILING = {"Sparsemax", "Sigmoid", "Argmax", "Bernoulli"}  # weighings that take nothing
UNFAILING |= {"Greedy", "Marginal", "NoBaseline", "StraightThrough"}  # estimators that take nothing
INTERFACES = {"Score", "Where", "Weighing", "Elementwise", "RowNormalised", "Baseline", "Estimator"}
BARE = INTERFACES | {"Answer", "Choice", "Plan", "Statistics", "Top"}  # the others are results


@pytest.mark.parametrize("name", [name for name in PUBLIC if name not in BARE])
def test_public_names_have_an_example_and_say_what_they_raise(name):
    text = getattr(algebra, name).__doc__ or ""
    assert ">>>" in text
    assert name in UNFAILING or "Raises:" in text


def test_regard_offers_what_its_algebra_exports():
    import regard

    for name in PUBLIC:
        assert getattr(regard, name) is getattr(algebra, name)
    with pytest.raises(AttributeError, match="module 'regard' has no attribute 'atend'"):
        regard.atend  # noqa: B018


def consoles() -> list[tuple[str, str]]:
    found = []
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        text = path.read_text(encoding="utf-8")
        found += [(path.name, block) for block in re.findall(r"```console\n(.*?)```", text, re.DOTALL)]
    return found


@pytest.mark.parametrize(("name", "block"), consoles(), ids=lambda value: value[:40])
def test_commands_in_the_documents_are_commands(name, block):
    """Each command's verb knows its help; what they do is tested with the verbs, on tiny data."""
    for line in re.findall(r"^\$ .*?(regard \w+|make \w+)", block, re.MULTILINE):
        tool, word = line.split()
        if tool == "make":
            assert re.search(rf"^{word}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
        else:
            assert is_verb(word)


@cache
def is_verb(word: str) -> bool:
    return subprocess.run([sys.executable, "-m", "regard", word, "--help"], capture_output=True).returncode == 0


# The rooms of mechanisms themselves, which may be made of each other.
MECHANISMS = ("scores", "wheres", "weighings", "estimators", "conventions", "structures")


def test_no_mechanism_is_named_where_all_are_served():
    """The machine asks mechanisms what they are, not who; defaults in signatures are all that it names."""
    mechanisms = {one.__name__ for one in (*algebra.SCORES, *algebra.WHERES, *algebra.WEIGHINGS)}
    found = set()
    for path in sorted((ROOT / "src/regard/attention").rglob("*.py")):
        parts = path.relative_to(ROOT / "src/regard/attention").parts
        if path.name == "__init__.py" or parts[0] in MECHANISMS:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Name) and node.id in mechanisms:
                found.add((path.name, node.id))
    files = ("attend.py", "choose.py", "memory.py", "module.py", "statistics.py")
    defaults = {(file, default) for file in files for default in ("Dot", "Softmax")}
    # The short way is there for the plainest calls alone.
    assert found <= defaults | {("short.py", name) for name in ("Dot", "Softmax", "Causal")}


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_a_task_is_one_small_file(task):
    """Settings, scores and samples may stand beside it; what it does is read in one go."""
    path = ROOT / "src" / "regard" / "tasks" / f"{task.name}.py"
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 150
