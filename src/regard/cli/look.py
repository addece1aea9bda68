"""regard look RUN: write and open the report of a run."""

from __future__ import annotations

import json
import sys
import webbrowser
from pathlib import Path

from regard.cli.arguments import none_left, split

HELP = """Write the report of a run and open it: scores with protocol, curves, translations with alignment maps.

Examples:
  regard look runs/mine
  regard look runs/mine --text        on the terminal
  regard look runs/mine --no-open     write report.html and print where it is

Options:
  --text      scores and three translations as text
  --no-open   do not open a browser
  --json      print the path as JSON
"""


def main(arguments: list[str]) -> int:
    """Write, and show or open a report; the exit code."""
    given = split(arguments, flags=("--text", "--no-open", "--json", "--help", "-h"), words=1)
    if given.has("--help") or given.has("-h"):
        print(HELP, end="")
        return 0
    none_left(given, "look")
    if not given.words:
        raise ValueError("which run? For example: regard look runs/mine")
    from regard.look.report import summary, write_report

    folder = Path(given.words[0])
    path = write_report(folder).resolve()
    if given.has("--text"):
        print(summary(folder))
    print(json.dumps({"report": str(path)}) if given.has("--json") else f"report: {path}")
    quiet = given.has("--no-open") or given.has("--text") or given.has("--json") or not sys.stdout.isatty()
    if not quiet:
        webbrowser.open(path.as_uri())
    return 0
