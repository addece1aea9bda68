"""Statistics Canada's table metadata, English and French: professional translations, open licence."""

from __future__ import annotations

import hashlib
import json
import re

from regard.data.parallel import Pair
from regard.data.sources import Package, cache_folder, member, obtain
from regard.data.splits import Splits
from regard.data.written import write_text

SUMMARY = "English-French sentences of Statistics Canada's tables, 23,000 pairs, Open Licence"
LICENCE = "Statistics Canada Open Licence (attribution); package statcan-dialogue-dataset 0.2.0, MIT"
CITATION = "Statistics Canada; collected by Lu, Reddy and de Vries 2023 (The StatCan Dialogue Dataset)"
ARCHIVE = Package(
    "statcan-dialogue-dataset==0.2.0", "be757062b534239a28031b40c65e46c7d9ceac645cbef58defdae272f8d438b4"
)
_FOLDER = "statcan_dialogue_dataset/_data"
_ADVICE = "Connect once, or set REGARD_CACHE to a folder that has the archive."
_END = re.compile(r"(?<=[.!?])\s+(?=[A-ZÀ-Ý0-9«\"(])")


def load() -> Splits[Pair]:
    """The pairs, split by table and by sentence with its digits masked, so that nothing leaks.

    Sentences that differ only in numbers, or that come from one table, all lie in one part; hashes decide, so
    the split is the same on every machine.

    Raises:
        ValueError: the archive is damaged.
        OSError: it cannot be had.
    """
    kept = cache_folder() / "statcan-0.2.0-split-2.json"
    if not kept.exists():
        archive = obtain([ARCHIVE], _ADVICE)
        notes = json.loads(member(archive, f"{_FOLDER}/footnotes.json"))
        tables = json.loads(member(archive, f"{_FOLDER}/basic_info.json"))
        parts = split(sentences(notes, tables))
        text = json.dumps([[[p.source, p.target] for p in part] for part in parts], ensure_ascii=False)
        write_text(kept, text)
    stored = json.loads(kept.read_text(encoding="utf-8"))
    train, validation, test = ([Pair(source, target) for source, target in part] for part in stored)
    return Splits("statcan", train, validation, test, LICENCE, CITATION)


def sentences(notes: dict[str, list[dict[str, str]]], tables: dict[str, dict[str, str]]) -> dict[Pair, set[str]]:
    """Aligned sentences of footnotes and titles, each with the tables it occurs in."""
    found: dict[Pair, set[str]] = {}
    for table, entries in notes.items():
        for entry in entries:
            for pair in align(entry.get("footnotesEn") or "", entry.get("footnotesFr") or ""):
                found.setdefault(pair, set()).add(table)
    for table, entry in tables.items():
        for pair in align(entry.get("title_en") or "", entry.get("title_fr") or ""):
            found.setdefault(pair, set()).add(table)
    return found


def align(english: str, french: str) -> list[Pair]:
    """Sentences of a text and its translation, where both have as many and they are about as long."""
    left, right = (_END.split(" ".join(text.split())) for text in (english, french))
    if len(left) != len(right):
        return []
    pairs = [Pair(one, other) for one, other in zip(left, right, strict=True)]
    if not all(pair.source and 0.3 <= len(pair.target) / len(pair.source) <= 2.5 for pair in pairs):
        return []
    return [p for p in pairs if all(3 <= len(side.split()) <= 40 for side in (p.source, p.target))]


def split(found: dict[Pair, set[str]]) -> tuple[list[Pair], list[Pair], list[Pair]]:
    """Train, validation and test (at most 1,000 each of the last two).

    A sentence with its digits masked goes to train if any table that has it does, else to validation, else to
    test; so no held-out sentence stands in a table, or in another year's wording, that was trained on.
    """
    home: dict[str, int] = {}
    for pair, tables in found.items():
        part = min(part_of(table) for table in tables)
        key = masked(pair.source)
        home[key] = min(part, home.get(key, part))
    parts: tuple[list[Pair], list[Pair], list[Pair]] = ([], [], [])
    for pair in sorted(found, key=lambda pair: _hash(pair.source + "\t" + pair.target)):
        parts[home[masked(pair.source)]].append(pair)
    train, *held_out = parts
    validation, test = (_one_wording_each(part)[:1000] for part in held_out)
    return train, validation, test


def masked(sentence: str) -> str:
    """A sentence with its numbers made alike."""
    return re.sub(r"\d+", "0", sentence).lower()


def _one_wording_each(pairs: list[Pair]) -> list[Pair]:
    return list({masked(pair.source): pair for pair in reversed(pairs)}.values())[::-1]


def part_of(table: str) -> int:
    """0 for a training table, 1 for validation, 2 for test."""
    share = _hash(table) % 100
    return 2 if share < 9 else 1 if share < 18 else 0


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
