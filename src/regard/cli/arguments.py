"""Words, options and settings of a verb, told apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Arguments:
    """What stood on the command line: leading words, options with a value, flags, and settings."""

    words: list[str]
    values: dict[str, str]
    flags: set[str]
    rest: list[str]

    def has(self, flag: str) -> bool:
        """Whether a flag was given."""
        return flag in self.flags


def split(
    arguments: Sequence[str], *, values: Sequence[str] = (), flags: Sequence[str] = (), words: int = 0
) -> Arguments:
    """Tell arguments apart; what is neither word, option nor flag is left as a setting.

    Raises:
        ValueError: an option lacks its value.
    """
    pending, found = list(arguments), Arguments([], {}, set(), [])
    while pending:
        argument = pending.pop(0)
        name, equals, value = argument.partition("=")
        if name in values:
            if not equals and not pending:
                raise ValueError(f"{name} needs a value after it.")
            found.values[name] = value if equals else pending.pop(0)
        elif argument in flags:
            found.flags.add(argument)
        elif len(found.words) < words and not argument.startswith("-") and not equals:
            found.words.append(argument)
        else:
            found.rest.append(argument)
            if argument == "--config" and pending:
                found.rest.append(pending.pop(0))
    return found


def none_left(given: Arguments, verb: str) -> None:
    """Raise ValueError where a verb was given something it does not take."""
    if given.rest:
        raise ValueError(f"{given.rest[0]!r} is not an option of {verb}; see regard {verb} --help.")
