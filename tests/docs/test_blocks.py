"""Blocks of a page: found where they stand, run in order in one namespace, and judged by what they print."""

from pathlib import Path

import pytest
import torch

from docs.blocks import Kind, blocks_of, run_page

PAGE = """# A page

```python
number = 6
print(number * 7)
```

```console
$ not python
```

```{picture} A caption
f"<svg>{number}</svg>"
```
"""


def run(text):
    return [shown for _, shown in run_page(text, "page.md")]


def test_blocks_are_found_with_their_kind_caption_line_and_place():
    code, picture = blocks_of(PAGE)
    assert (code.kind, code.line, code.caption) == (Kind.CODE, 4, "")
    assert (picture.kind, picture.line, picture.caption) == (Kind.PICTURE, 13, "A caption")
    assert PAGE[picture.start : picture.stop] == '```{picture} A caption\nf"<svg>{number}</svg>"\n```'


def test_blocks_share_names_print_and_draw():
    code, picture = run(PAGE)
    assert code.printed == "42\n"
    assert picture.picture == "<svg>6</svg>"


def test_what_a_page_writes_to_a_temporary_folder_stays_for_its_blocks_and_is_gone_after_them():
    made = "import pathlib\nimport tempfile\nfolder = pathlib.Path(tempfile.mkdtemp())\nprint(folder)"
    pages = run_page(f"```python\n{made}\n```\n```python\nprint(folder.exists())\n```", "page.md")
    folder, there = [shown.printed.strip() for _, shown in pages]
    assert there == "True"
    assert not Path(folder).exists()


def test_examples_and_statements_share_names_both_ways():
    example = "```python\n>>> second = first + 1\n>>> second\n3\n```\n"
    run(f"```python\nfirst = 2\n```\n{example}```python\nassert second == 3\n```")


def test_an_example_that_prints_something_else_fails_with_both():
    with pytest.raises(AssertionError, match=r"Expected:\s+5\s+Got:\s+4"):
        run("```python\n>>> 2 + 2\n5\n```")


def test_an_exception_is_found_on_the_line_of_the_page():
    with pytest.raises(ZeroDivisionError) as fault:
        run("# A page\n\n```python\nzero = 0\n1 / zero\n```")
    assert (str(fault.traceback[-1].path), fault.traceback[-1].lineno + 1) == ("page.md", 5)


def test_a_figure_is_drawn_to_the_same_svg_every_time():
    text = "```{picture} Random\nimport torch\nfrom matplotlib.figure import Figure\nfigure = Figure()\n"
    text += "figure.add_subplot().plot(torch.randn(5))\nfigure\n```"
    torch.manual_seed(3)
    first = run(text)[0].picture
    torch.manual_seed(4)
    assert first == run(text)[0].picture
    assert first.startswith("<svg")
    assert first.rstrip().endswith("</svg>")


@pytest.mark.parametrize("last", ["number = 1", "3"])
def test_a_picture_that_draws_nothing_is_refused(last):
    with pytest.raises(ValueError, match="page.md, line 2: the last line of a picture"):
        run(f"```{{picture}} Nothing\n{last}\n```")
