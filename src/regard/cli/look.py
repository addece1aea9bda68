"""regard look RUN | RECORD | MODEL: the report of a run, or the page of what a model looked at."""

from __future__ import annotations

import json
import sys
import webbrowser
from pathlib import Path

from regard.cli.arguments import Arguments, none_left, split
from regard.data.pretrained import PRETRAINED

HELP = """Look at a run, at a record of attention, or at a model that reads a text.

Examples:
  regard look runs/mine
  regard look runs/mine --text                 on the terminal
  regard look runs/mine --no-open              write report.html and print where it is
  regard look records/mine                     serve its page on this machine until Ctrl-C
  regard look records/mine --html page.html    the same page as one file that needs nothing else
  regard look records/mine --with records/other    compare two records of the same tokens, head by head
  regard look records/mine --figure head.svg --head 3.5 --queries 0:40
  regard look models/gpt2 --text book.txt      record a model of Hugging Face that reads a text, then the same page
  regard look smollm2                          a small pretrained model, downloaded once, on a chapter of Moby Dick
  regard look minilm --text letter.txt

A run's report has scores with protocol, curves, and examples with what was looked at. A record, which
regard.record wrote, opens as a page: every head ranked, exact maps at any zoom, what a token reads and who reads it.

Options:
  --text            of a run: scores and three examples as text; of a model: the file that it reads stands after it
  --no-open         do not open a browser
  --json            print where it is as JSON
  --tokens N        of a model: how many tokens it reads at most; 8192
  --save FOLDER     of a model: keep the record
  --faithfulness    of a model that writes: measure how far to trust some heads, minutes; kept with --save
  --dry-run         of a model: only say how many bytes the record would have
  --with RECORD     of a record: another one of the same attentions and tokens, to show where they differ
  --html FILE       of a record: write one file, which opens from a disk
  --mebibytes N     how large heads may make it; 48
  --figure FILE     of a record: .svg, .pdf or .png of part of a map, with its provenance inside
  --head L.H        the layer's and head's number, from 0; 0.0. With --faithfulness several, such as 3.5,4.1
  --queries A:B     rows of the figure, from A up to B; all
  --keys A:B        keys of the figure; all
  --port N          of a record's page; a free one
  --host ADDRESS    another address than this machine's own; whoever has the printed token can see the record
"""
VALUES = (
    "--tokens",
    "--save",
    "--with",
    "--html",
    "--mebibytes",
    "--figure",
    "--head",
    "--queries",
    "--keys",
    "--port",
    "--host",
)
FLAGS = ("--dry-run", "--faithfulness", "--text", "--no-open", "--json", "--help", "-h")


def main(arguments: list[str]) -> int:
    """Show a run or a record; the exit code."""
    given = split(arguments, values=VALUES, flags=FLAGS, words=2)
    if given.has("--help") or given.has("-h"):
        print(HELP, end="")
        return 0
    none_left(given, "look")
    if not given.words:
        raise ValueError("which run or record? For example: regard look runs/mine")
    folder, pretrained = Path(given.words[0]), {one.name: one for one in PRETRAINED}
    if (folder / "record.json").exists():
        from regard.cli.look_record import show

        return show(given, folder)
    if len(given.words) == 2 or (given.words[0] in pretrained and not folder.exists()):
        from regard.cli.look_model import read_and_show

        return read_and_show(given, None if folder.exists() else pretrained.get(given.words[0]))
    if given.values or given.has("--dry-run"):
        raise ValueError(
            f"{next(iter(given.values), '--dry-run')} is for records and models, and {folder} has no record.json."
        )
    return _run(given, folder)


def _run(given: Arguments, folder: Path) -> int:
    from regard.look.report import summary, write_report

    path = write_report(folder).resolve()
    if given.has("--text"):
        print(summary(folder))
    print(json.dumps({"report": str(path)}) if given.has("--json") else f"report: {path}")
    quiet = given.has("--no-open") or given.has("--text") or given.has("--json") or not sys.stdout.isatty()
    if not quiet:
        webbrowser.open(path.as_uri())
    return 0
