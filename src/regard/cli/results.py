"""Files of results: a line of JSON for each known number, whoever reached it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

Line = dict[str, Any]


def results_of(task: str) -> Path:
    """Where a checkout keeps the results of a task.

    Raises:
        ValueError: this is no checkout.
    """
    import regard

    root = Path(regard.__file__).parents[2] / "benchmarks"
    if not root.is_dir():
        raise ValueError("this is an installed package, which keeps no results; name a file with --results FILE.")
    return root / "results" / f"{task}.jsonl"


def read_results(path: Path) -> list[Line]:
    r"""All lines of a file that are not blank; none where there is no file.

    Raises:
        ValueError: a line is not JSON, or does not say who reached which value on which row; it is named.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "made.jsonl"
        >>> _ = path.write_text('{"who": "us", "row": "news", "value": 7.0}\n\n')
        >>> read_results(path)
        [{'who': 'us', 'row': 'news', 'value': 7.0}]
    """
    if not path.exists():
        return []
    lines = enumerate(path.read_text(encoding="utf-8").split("\n"), start=1)
    return [_line(text, f"{path}:{number}") for number, text in lines if text.strip()]


def write_results(path: Path, lines: Sequence[Line]) -> None:
    """Put lines in the place of older ones of the same row and seed, by the same."""
    from regard.train.run_folder import write_text

    fresh = {_key(line) for line in lines}
    kept = [line for line in read_results(path) if _key(line) not in fresh]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in [*kept, *lines]))


def peers(path: Path, row: str) -> list[str]:
    """What others reached on a row, as it was written down."""
    found = [line for line in read_results(path) if line["row"] == row and line["who"] != "regard"]
    return [f"{line['who']} {line['value']:g}" for line in found]


def _line(text: str, where: str) -> Line:
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"{where} is not JSON: {error.msg} at column {error.colno}; mend or delete it.") from None
    kinds = {"who": str, "row": str, "value": int | float}
    told = found if isinstance(found, dict) else {}
    for name, kind in kinds.items():
        if not isinstance(told.get(name), kind):
            raise ValueError(
                f"{where} has the {name} {told.get(name)!r}; expected a line of results, which has the texts who and "
                "row and the number value. Mend or delete it."
            )
    return told


def _key(line: Line) -> tuple[object, ...]:
    return line["who"], line["row"], line.get("seed")
