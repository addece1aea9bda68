"""regard bench: measure us and our peers side by side."""

from __future__ import annotations

from regard.tasks import TASKS

HELP = """Measure kernels against their peers, or train a task and hold it to the numbers that are known of it.

Examples:
  regard bench kernels --smoke
  regard bench kernels --help
  regard bench {first} --smoke
  regard bench {first} --help

Benchmarks:
  kernels       us and our peers on the same tensors
{tasks}
"""


def main(arguments: list[str]) -> int:
    """Measure; the exit code."""
    if not arguments or arguments[0] in ("-h", "--help"):
        if not arguments:
            raise ValueError("which benchmark? For example: regard bench kernels")
        tasks = "\n".join(f"  {one.name:<14}{one.summary}" for one in TASKS)
        print(HELP.format(tasks=tasks, first=TASKS[0].name), end="")
        return 0
    if arguments[0] == "kernels":
        from regard.cli.bench_kernels import main as kernels

        return kernels(arguments[1:])
    from regard.cli.bench_task import main as one_task

    return one_task(arguments)
