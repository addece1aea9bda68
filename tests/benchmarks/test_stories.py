from __future__ import annotations

import json

import pytest

from benchmarks.stories.table import MATLAB, PAPER, PORT, ours, table


def test_the_published_columns_have_the_published_means():
    assert [round(sum(column) / 20, 1) for column in (PAPER, MATLAB, PORT)] == [13.9, 13.8, 15.2]


def test_the_tasks_of_every_seed_stand_beside_them(tmp_path):
    lines = [
        {"who": "regard", "row": "babi-1k", "runs": [float(task) for task in range(20)]},
        {"who": "regard", "row": "babi-1k", "runs": [float(task + 2) for task in range(20)]},
        {"who": "other", "row": "babi-1k", "value": 1.0},
    ]
    path = tmp_path / "stories.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    rows = table(ours(path)).splitlines()
    assert len(rows) == 2 + 20 + 1
    assert rows[3] == "| 2 two supporting facts | 8.3 | 8.2 | 8.9 | **2.0** (1.0 to 3.0) |"
    assert rows[-1] == "| mean | 13.9 | 13.8 | 15.2 | **10.5** (9.5 to 11.5) |"
    path.write_text(json.dumps(lines[2]) + "\n")
    with pytest.raises(ValueError, match="has no row babi-1k of ours; run: regard bench stories"):
        ours(path)
