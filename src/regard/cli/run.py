"""regard run RUN: use a trained model, standard input to standard output."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from regard.cli.arguments import split

if TYPE_CHECKING:
    from regard.tasks.translation import Prediction, Translation

HELP = """Translate standard input, a line at a time; an empty line stays empty.

Examples:
  echo "Number of students" | regard run runs/mine
  regard run runs/mine < text.en > text.fr
  regard run runs/mine --n-best 3 --alignments < text.en > text.jsonl
  regard run runs/mine search.beam=10 search.length_penalty=0.6 < text.en

Options:
  --n-best N     the N best translations of each line, as JSON lines
  --alignments   pieces and weights as well, as JSON lines
  --json         JSON lines
"""
_LINES = 256


def main(arguments: list[str]) -> int:
    """Translate standard input; the exit code."""
    given = split(arguments, values=("--n-best",), flags=("--alignments", "--json", "--help", "-h"), words=1)
    if given.has("--help") or given.has("-h"):
        print(HELP, end="")
        return 0
    if not given.words:
        raise ValueError("which run? For example: regard run runs/mine < text.en")
    count = _count(given.values.get("--n-best", "1"))
    from regard.cli.settings import parse
    from regard.tasks import translation
    from regard.tasks.working import stored
    from regard.train.distributed import accelerator

    config_path = Path(given.words[0]) / "config.yaml"
    if not config_path.exists():
        raise FileNotFoundError(f"{given.words[0]} is not a run folder: it has no config.yaml.")
    config, _text = parse(translation.Config, ["--config", str(config_path), *given.rest])
    processes = accelerator()
    task = stored(Path(given.words[0]), config, processes)
    structured = count > 1 or given.has("--alignments") or given.has("--json")
    number = 0
    for lines in _chunks():
        strategy = config.search.strategy(count)
        prepared = [line.lower() if config.data.lowercase else line for line in lines]
        _warn_of_cuts(task, prepared, number)
        for line, best in zip(lines, task.predict(prepared, strategy, processes.device), strict=True):
            number += 1
            print(_structured(line, best, given.has("--alignments")) if structured else best[0].text)
        sys.stdout.flush()
    return 0


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise ValueError(f"--n-best is {text!r}, expected a whole number of at least 1.")
    return int(text)


def _chunks() -> Iterator[list[str]]:
    """Lines of standard input; on a terminal one by one, else many at a time."""
    size = 1 if sys.stdin.isatty() else _LINES
    lines = _decoded()
    while chunk := list(islice(lines, size)):
        yield chunk


def _decoded() -> Iterator[str]:
    for number, raw in enumerate(sys.stdin.buffer, start=1):
        try:
            yield raw.decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise ValueError(
                f"standard input:{number} is not UTF-8: byte 0x{raw[error.start]:02x} at offset {error.start} of "
                "the line."
            ) from None


def _warn_of_cuts(task: Translation, lines: list[str], before: int) -> None:
    longest = task.config.search.longest_source
    for number, line in enumerate(lines, start=before + 1):
        # A piece has at least one character, so shorter lines need not be counted.
        if len(line) > longest and (pieces := len(task.source.encode(line))) > longest:
            print(
                f"regard run: line {number} has {pieces} pieces; only the first {longest} are read "
                "(search.longest_source).",
                file=sys.stderr,
            )


def _structured(line: str, best: list[Prediction], alignments: bool) -> str:
    found = []
    for one in best:
        entry = asdict(one)
        found.append(entry if alignments else {"text": entry["text"], "score": entry["score"]})
    return json.dumps({"source": line, "translations": found}, ensure_ascii=False)
