"""Tasks: one file per application. Importing this imports no torch."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from regard.tasks.contract import Task


@dataclass(frozen=True)
class Listed:
    """A task by name; its module is imported when it is used."""

    name: str
    summary: str

    def kind(self) -> type[Task[Any, Any]]:
        """The class of the task."""
        found: type[Task[Any, Any]] = import_module(f"regard.tasks.{self.name}").TASK
        return found


TASKS: tuple[Listed, ...] = (
    Listed("translation", "from one language to another; shows which source word every target word came from"),
    Listed("stories", "answers to questions about a story; shows which sentences every hop read"),
    Listed("documents", "texts and their class; shows which words and sentences were looked at for it"),
    Listed("tagging", "a tag for every word of a sentence; shows what the words looked at and which tags follow"),
    Listed("recommend", "what a user takes next; shows which past items drove each recommendation"),
    Listed("glimpses", "pictures and their class; shows the path of the glimpses that it was told from"),
    Listed("language", "writes a text on; shows how every head of every layer reads it"),
    Listed("routing", "a short tour through places in the plane; shows where it might have gone at every step"),
    Listed("ordering", "numbers sorted, or the convex hull of points; shows which input each step pointed at"),
)


def task(name: str) -> Listed:
    """The task of that name.

    Raises:
        ValueError: there is none; the nearest is named.
    """
    names = [one.name for one in TASKS]
    if name not in names:
        near = get_close_matches(name, names, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"task {name!r} is not known; expected one of {', '.join(names)}.{hint}")
    return TASKS[names.index(name)]
