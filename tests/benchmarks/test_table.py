"""The table of tasks: made of results, and the one that stands in README.md."""

from __future__ import annotations

import json

import pytest

from benchmarks.marked import Marks
from benchmarks.table import HEAD, MARKS, ROOT, table

LINE = {
    "row": "news",
    "who": "regard",
    "metric": "accuracy",
    "value": 91.0,
    "goal": 90.0,
    "better": "higher",
    "known": 90.5,
    "source": "Somebody 2016",
    "minutes": 2.0,
    "date": "2026-01-02",
}


def written(folder, *lines):
    (folder / "documents.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return table(folder).removeprefix(HEAD)


def test_seeds_are_one_row_with_mean_and_range_and_peers_beside(tmp_path):
    row = written(
        tmp_path, LINE, {**LINE, "value": 93.0, "seed": 2}, {"who": "other 1.0", "row": "news", "value": 89.5}
    )
    assert row == (
        "| documents, news | accuracy | **92.00** (91.00 to 93.00, 2 seeds) | 90.5 (Somebody 2016) | other 1.0: 89.50"
        " | 2.0 | 2026-01-02 |\n"
    )


def test_what_falls_short_of_its_goal_says_so(tmp_path):
    assert "**0.5000**, short of 0.4 |" in written(tmp_path, {**LINE, "value": 0.5, "goal": 0.4, "better": "lower"})
    assert "short" not in written(tmp_path, {**LINE, "value": 0.3, "goal": 0.4, "better": "lower"})


def test_readme_has_the_table_that_the_results_make():
    text = (ROOT / "README.md").read_text()
    made = table(ROOT / "benchmarks" / "results")
    assert MARKS.put(text, made) == text, "run: python -m benchmarks.table"


@pytest.mark.parametrize("page", ["no marks", "<a> only", "</a> turned <a>", "<a> twice </a> </a>"])
def test_a_page_without_its_marks_is_left(page):
    with pytest.raises(ValueError, match="put them back"):
        Marks("<a>", "</a>").put(page, "new")


def test_only_what_is_between_the_marks_is_written():
    assert Marks("<a>", "</a>").put("one <a>old</a> two", "new") == "one <a>\nnew</a> two"
