"""regard look MODEL --text FILE: a model of Hugging Face reads a text, and what it looked at is shown."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from regard.cli.arguments import Arguments
from regard.cli.look_record import head_of, number, show_record
from regard.data.moby_dick import chapter
from regard.data.pretrained import Pretrained
from regard.look.measured import Measured
from regard.look.measuring import measure, named, those_that_read
from regard.look.pretrained import reading
from regard.look.record import Record
from regard.look.record_options import Keep, Options
from regard.look.views import views_of


def read_and_show(given: Arguments, known: Pretrained | None) -> int:
    """Record a model that reads a file, and show the record as the command line wants it; the exit code.

    One of ours, which is downloaded once, reads the first chapter of Moby Dick where no file is given.
    """
    text, most = _text(given), number("--tokens", given.values.get("--tokens", "8192"))
    model = given.words[0] if known is None else str(known.folder())
    if given.has("--dry-run"):
        cost = reading(model, text, most, Options(keep=Keep.SIZES)).bytes
        print(json.dumps({"bytes": cost}) if given.has("--json") else f"the record would have {cost:,} bytes")
        return 0
    seen = reading(model, text, most)
    if "--save" in given.values:
        seen.save(given.values["--save"])
        print(f"record: {given.values['--save']}", file=sys.stderr)
    measured = _measured(given, model, seen.record, text) if given.has("--faithfulness") else None
    if measured is not None and "--save" in given.values:
        measured.save(given.values["--save"])
    return show_record(given, seen.record, measured)


def _measured(given: Arguments, model: str, record: Record, text: str) -> Measured:
    if "--head" in given.values:
        heads = [named(record, *head_of(record, told)) for told in given.values["--head"].split(",")]
    else:
        heads = those_that_read(views_of(record))
    return measure(model, text, heads, says=lambda line: print(line, file=sys.stderr, flush=True))


def _text(given: Arguments) -> str:
    if len(given.words) == 1:
        return chapter(1)
    model, file = given.words
    if not given.has("--text"):
        raise ValueError(
            f"{file!r} is a second name; a file to read stands after --text, as in: look {model} --text {file}"
        )
    return Path(file).read_text(encoding="utf-8")
