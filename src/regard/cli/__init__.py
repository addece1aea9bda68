"""The command line: verbs only. Nothing here imports torch before a verb needs it."""

from __future__ import annotations

import sys
from importlib import import_module

from regard import __version__

VERBS = {
    "train": "train a model and say how good it is",
    "evaluate": "score a trained model on its test set",
    "run": "use a trained model: standard input to standard output",
    "look": "write and open the report of a run",
    "compare": "train several mechanisms on the same data and budget: one table",
    "bench": "measure us and our peers side by side",
    "tasks": "list the tasks",
    "data": "list the data sets, or fetch one",
}

HELP = """Regard: every attention mechanism in one call, every weight open to view.

Examples:
  regard train translation                          English to French in four minutes, with a report
  regard train translation model=Transformer training.minutes=20 --run runs/mine
  echo "Number of students" | regard run runs/mine  translate
  regard look runs/mine                             which source word each target word came from
  regard compare translation                        several mechanisms, one table

Verbs:
{verbs}

Options:
  -h, --help     this text; after a verb, that verb's
  --version      the version
"""


def main(arguments: list[str] | None = None) -> int:
    """Run one verb; the exit code is 0, 2 for bad input, or 130 after Ctrl-C."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if not arguments or arguments[0] in ("-h", "--help"):
        print(HELP.format(verbs="\n".join(f"  {verb:<12}{what}" for verb, what in VERBS.items())), end="")
        return 0
    if arguments[0] == "--version":
        print(f"regard {__version__}")
        return 0
    return _run(arguments[0], arguments[1:])


def _run(verb: str, arguments: list[str]) -> int:
    if verb not in VERBS:
        from difflib import get_close_matches

        near = get_close_matches(verb, list(VERBS), n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        print(f"regard: no verb {verb!r}; expected one of {', '.join(VERBS)}.{hint}", file=sys.stderr)
        return 2
    try:
        code: int = import_module(f"regard.cli.{verb}").main(arguments)
        return code
    except BrokenPipeError:
        # Whoever read the output has had enough; that is no error.
        sys.stderr.close()
        return 0
    except (ValueError, OSError) as error:
        print(f"regard {verb}: {_one_line(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as stop:
        print(f"regard {verb}: {stop or 'interrupted'}", file=sys.stderr)
        return 130


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
