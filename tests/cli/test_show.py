from __future__ import annotations

from regard.cli.show import metrics_table
from regard.train.metrics import Metric


def test_names_of_a_users_own_are_printed_as_they_are(capsys):
    metrics_table([Metric("F1 [b]", 1.0, "[/] of :smile:"), Metric("F1 [/praise]", 2.0, "")])
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[3:5]]
    assert rows == [["F1", "[b]", "1.00", "[/]", "of", ":smile:"], ["F1", "[/praise]", "2.00"]]
