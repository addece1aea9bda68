from __future__ import annotations

import json
import sys

from benchmarks.glimpses import control
from regard.tasks.glimpses_settings import SMOKE


def test_the_control_is_written_in_the_place_of_its_older_line(tmp_path, monkeypatch):
    results = tmp_path / "glimpses.jsonl"
    others = [{"who": "regard", "seed": 1, "value": 1.0}, {"who": control.WHO, "seed": 2, "value": 3.0}]
    older = {"who": control.WHO, "seed": 1, "value": 99.0}
    results.write_text("".join(json.dumps(one) + "\n" for one in [*others, older]))
    words = ["control", "--run", str(tmp_path / "runs"), "--results", str(results), *SMOKE]
    monkeypatch.setattr(sys, "argv", words)
    assert control.main() == 0
    *kept, made = (json.loads(one) for one in results.read_text().splitlines())
    assert kept == others
    assert (made["row"], made["metric"], made["seed"]) == ("mnist", "error", 1)
    assert made["value"] != 99
    assert made["protocol"].startswith("places: anywhere;")
