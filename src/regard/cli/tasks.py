"""regard tasks: list the tasks."""

from __future__ import annotations

import json

from regard.cli.arguments import none_left, split
from regard.tasks import TASKS

HELP = """List the tasks.

Examples:
  regard tasks
  regard tasks --json
"""


def main(arguments: list[str]) -> int:
    """List the tasks; the exit code."""
    given = split(arguments, flags=("--json", "--help", "-h"))
    if given.has("--help") or given.has("-h"):
        print(HELP, end="")
        return 0
    none_left(given, "tasks")
    if given.has("--json"):
        print(json.dumps([{"name": one.name, "summary": one.summary} for one in TASKS]))
    else:
        print("\n".join(f"{one.name:<14}{one.summary}" for one in TASKS))
    return 0
