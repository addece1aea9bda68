"""regard run RUN: use a trained model, standard input to standard output."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from regard.cli.arguments import split

HELP = """Read raw input, such as text a line at a time, and print what a trained model makes of it.

Examples:
  echo "Number of students" | regard run runs/mine
  regard run runs/mine < text.en > text.fr
  regard run runs/mine --n-best 3 --json < text.en > text.jsonl
  regard run runs/mine search.beam=10 search.length_penalty=0.6 < text.en

Options:
  --n-best N   the N best answers to each input, as JSON lines
  --json       JSON lines: answers with their scores, and what was looked at for them
"""


def main(arguments: list[str]) -> int:
    """Answer standard input; the exit code."""
    given = split(arguments, values=("--n-best",), flags=("--json", "--help", "-h"), words=1)
    if given.has("--help") or given.has("-h"):
        print(HELP, end="")
        return 0
    if not given.words:
        raise ValueError("which run? For example: regard run runs/mine < text.en")
    count = _count(given.values["--n-best"]) if "--n-best" in given.values else None
    from regard.cli.settings import parse
    from regard.tasks.contract import Wish
    from regard.tasks.working import kind_of, stored
    from regard.train.distributed import accelerator
    from regard.train.run_folder import RunFolder

    run = RunFolder(Path(given.words[0]))
    config, _text = parse(kind_of(run).recipe, ["--config", str(run.config), *given.rest])
    processes = accelerator()
    made = stored(run.path, config, processes)
    wish = Wish(count or 1, 1 if sys.stdin.isatty() else Wish.together, count)
    structured = wish.best > 1 or given.has("--json")
    for number, answer in enumerate(made.answers(_lines(), wish, processes), start=1):
        if answer.note:
            print(f"regard run: input {number} {answer.note}.", file=sys.stderr)
        print(json.dumps(answer.record, ensure_ascii=False) if structured else answer.text)
        if wish.together == 1 or number % wish.together == 0:
            sys.stdout.flush()
    return 0


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise ValueError(f"--n-best is {text!r}, expected a whole number of at least 1.")
    return int(text)


def _lines() -> Iterator[str]:
    for number, raw in enumerate(sys.stdin.buffer, start=1):
        try:
            # The first line may begin with the mark by which some systems tell UTF-8.
            yield raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise ValueError(
                f"standard input:{number} is not UTF-8: byte 0x{raw[error.start]:02x} at offset {error.start} of "
                "the line."
            ) from None
