"""The house itself: what is exported is documented, and every block of code in the documents runs."""

from __future__ import annotations

import doctest
import re
import subprocess
import sys
from pathlib import Path

import pytest

import regard.attention as algebra

ROOT = Path(__file__).parents[1]
PUBLIC = sorted(name for name in vars(algebra) if not name.startswith("_") and callable(getattr(algebra, name)))
BARE = {"Answer", "Plan", "Score", "Where", "Weighing"}  # results and interfaces, which nobody calls


@pytest.mark.parametrize("name", [name for name in PUBLIC if name not in BARE])
def test_public_names_have_an_example_and_say_what_they_raise(name):
    text = getattr(algebra, name).__doc__ or ""
    assert ">>>" in text
    assert name in ("Sparsemax",) or "Raises:" in text


def test_regard_offers_what_its_algebra_exports():
    import regard

    for name in PUBLIC:
        assert getattr(regard, name) is getattr(algebra, name)
    with pytest.raises(AttributeError, match="module 'regard' has no attribute 'atend'"):
        regard.atend  # noqa: B018


def blocks(language: str) -> list[tuple[str, str]]:
    found = []
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        text = path.read_text(encoding="utf-8")
        found += [(path.name, block) for block in re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)]
    return found


@pytest.mark.parametrize(("name", "block"), blocks("python"), ids=lambda value: value[:40])
def test_python_in_the_documents_runs_and_prints_what_it_says(name, block):
    if ">>>" in block:
        test = doctest.DocTestParser().get_doctest(block, {}, name, name, 0)
        assert doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test).failed == 0
    else:
        subprocess.run([sys.executable, "-W", "error", "-c", block], check=True, capture_output=True)


@pytest.mark.parametrize(("name", "block"), blocks("console"), ids=lambda value: value[:40])
def test_commands_in_the_documents_are_commands(name, block):
    """Each command's verb knows its help; what they do is tested with the verbs, on tiny data."""
    for line in re.findall(r"^\$ .*?(regard \w+|make \w+)", block, re.MULTILINE):
        tool, word = line.split()
        if tool == "make":
            assert re.search(rf"^{word}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
        else:
            done = subprocess.run([sys.executable, "-m", "regard", word, "--help"], capture_output=True)
            assert done.returncode == 0
