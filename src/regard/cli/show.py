"""Tables on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from regard.train.metrics import Metric


def metrics_table(metrics: Sequence[Metric]) -> None:
    """Numbers, each with its protocol beside it."""
    table(["measure", "value", "protocol"], [[m.name, str(m), m.protocol] for m in metrics])


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A plain table on standard output; numbers to the right."""
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for place, heading in enumerate(headings):
        numeric = all(row[place].replace(".", "").replace(",", "").replace("-", "").isdigit() for row in rows)
        made.add_column(heading, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        made.add_row(*row)
    # A name of a user's own is only text, such as a label between square brackets.
    Console(highlight=False, markup=False, emoji=False).print(made)
