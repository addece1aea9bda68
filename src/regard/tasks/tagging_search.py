"""The most probable taggings of sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from regard.attention import Lengths
from regard.data.tag_batches import Numbering, TagBatch
from regard.models import Tagger, Words


@dataclass(frozen=True)
class Choice:
    """Tags of a whole sentence, and the logarithm of their probability; None where no tagging of it is allowed."""

    tags: list[str]
    log_probability: float | None

    @property
    def note(self) -> str:
        """What the user should know about it."""
        if self.log_probability is not None:
            return ""
        return (
            f"has {len(self.tags)} word(s), and no tagging of so many by the known tags is of the scheme; each has "
            "the tag that fits it best by itself"
        )


def words_of(batch: TagBatch) -> Words:
    """What a model reads of a batch."""
    return Words(batch.words, batch.letters, batch.letter_counts, batch.spelling)


def taggings(
    model: Tagger,
    numbering: Numbering,
    sentences: Sequence[Sequence[str]],
    count: int,
    together: int,
    device: torch.device,
) -> list[list[Choice]]:
    """At most `count` taggings of every sentence, best first; `together` sentences at a time.

    A sentence without words has one, without tags. Where the scheme allows none, as of a single word without O and S,
    there is one of the tags that fit each word best by itself.
    """
    found: list[list[Choice]] = [[Choice([], 0.0)] for _ in sentences]
    # Sentences of one length share a batch.
    order = sorted((place for place, words in enumerate(sentences) if words), key=lambda place: len(sentences[place]))
    for start in range(0, len(order), together):
        places = order[start : start + together]
        batch = numbering.untagged([sentences[place] for place in places]).to(device)
        for place, best in zip(places, _batch(model, numbering, batch, count), strict=True):
            found[place] = best
    return found


def _batch(model: Tagger, numbering: Numbering, batch: TagBatch, count: int) -> list[list[Choice]]:
    with torch.no_grad():
        scores, where = model.scores(words_of(batch), batch.lengths), Lengths(batch.lengths)
        paths = model.crf.n_best(scores, where, count=count)
        log_probabilities = paths.score - model.crf.log_partition(scores, where).unsqueeze(-1)
    # Where a sentence has fewer taggings than were asked for, the rest are none.
    found = [
        [(states, score) for states, score in zip(*of_sentence, strict=True) if score > float("-inf")]
        for of_sentence in zip(paths.states.tolist(), log_probabilities.tolist(), strict=True)
    ]
    alone = scores.argmax(-1).tolist()
    return [
        [_choice(numbering, states, round(score, 6)) for states, score in best]
        or [_choice(numbering, own[:length], None)]
        for best, own, length in zip(found, alone, batch.lengths.tolist(), strict=True)
    ]


def _choice(numbering: Numbering, states: Sequence[int], log_probability: float | None) -> Choice:
    return Choice([numbering.tags.items[state] for state in states if state >= 0], log_probability)
