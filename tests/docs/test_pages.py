"""Every block of code on every page, and in the README, runs and prints what the page says."""

from pathlib import Path

import pytest

from docs.blocks import blocks_of, run_page

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
COLUMN = 92  # characters of code that a page's column holds


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_code_on_the_page_runs_and_prints_what_it_says(path):
    text = path.read_text(encoding="utf-8")
    assert len(list(run_page(text, named(path)))) == len(blocks_of(text))


@pytest.mark.parametrize("path", PAGES[1:], ids=named)
def test_code_fits_the_column(path):
    blocks = blocks_of(path.read_text(encoding="utf-8"))
    assert [line for block in blocks for line in block.code.splitlines() if len(line) > COLUMN] == []


def test_no_python_on_a_page_escapes():
    """What begins a fence of Python is found as a block: an indented or misspelt fence would never run."""
    for path in PAGES:
        text = path.read_text(encoding="utf-8")
        fences = [line for line in text.splitlines() if line.lstrip().startswith(("```py", "```{p", "~~~py"))]
        assert len(fences) == len(blocks_of(text)), named(path)
