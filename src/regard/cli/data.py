"""regard data: list the data sets, or fetch one."""

from __future__ import annotations

import json

from regard.cli.arguments import none_left, split

HELP = """List the data sets, or fetch one and show what is in it.

Examples:
  regard data
  regard data statcan
  regard data multi30k --json
"""


def main(arguments: list[str]) -> int:
    """List data sets, or fetch one; the exit code."""
    given = split(arguments, flags=("--json", "--help", "-h"), words=1)
    if given.has("--help") or given.has("-h"):
        print(HELP, end="")
        return 0
    none_left(given, "data")
    from regard.data import DATASETS, dataset
    from regard.data.splits import fields_of

    if not given.words:
        rows = [{"name": one.name, "summary": one.summary, "licence": one.licence} for one in DATASETS]
        text = "\n".join(f"{row['name']:<12}{row['summary']}\n{'':<12}licence: {row['licence']}" for row in rows)
        print(json.dumps(rows) if given.has("--json") else text)
        return 0
    splits = dataset(given.words[0]).load()
    parts = {"train": splits.train, "validation": splits.validation, "test": splits.test}
    facts: dict[str, object] = {"name": splits.name, **{name: len(part) for name, part in parts.items()}}
    facts |= {"licence": splits.licence, "citation": splits.citation, "sha256": splits.sha256()}
    if given.has("--json"):
        print(json.dumps(facts, ensure_ascii=False))
        return 0
    print("\n".join(f"{name:<12}{value}" for name, value in facts.items()))
    for example in splits.train[:3]:
        print("\n" + "\n".join(str(field) for field in fields_of(example)))
    return 0
