"""Stories that are made up: people walk from room to room, and one is asked for."""

from __future__ import annotations

import random

from regard.data.splits import Splits
from regard.data.stories import Question

SUMMARY = "stories of people who walk from room to room, generated; the last walk of the one asked for is the answer"
_PEOPLE = ("Ada", "Ben", "Cleo", "Dan")
_ROOMS = ("attic", "cellar", "garden", "kitchen", "study")
_WALKS = ("went to", "walked to", "ran to")


def load_told(train: int = 300, longest: int = 7) -> Splits[Question]:
    """Questions about made-up stories, the same everywhere; no two of them are alike."""
    draw = random.Random("told")
    found: dict[tuple[tuple[str, ...], str], Question] = {}
    while len(found) < train + 100:
        one = _tell(draw, longest)
        found.setdefault((one.story, one.text), one)
    questions = list(found.values())
    train_part, held = questions[:train], questions[train:]
    return Splits("told", train_part, held[:50], held[50:], "generated", "")


def _tell(draw: random.Random, longest: int) -> Question:
    walks = [(draw.choice(_PEOPLE), draw.choice(_ROOMS)) for _ in range(draw.randint(2, longest))]
    person = draw.choice(walks)[0]
    last = max(place for place, walk in enumerate(walks) if walk[0] == person)
    story = tuple(f"{who} {draw.choice(_WALKS)} the {room}." for who, room in walks)
    return Question(story, f"Where is {person}?", walks[last][1], (last,), "told")
