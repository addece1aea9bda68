"""The words and pairs of words that a model of texts knows, from the training part alone."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import chain, pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from regard.data.vocabulary import SPECIAL, UNKNOWN, Words
from regard.data.written import write_text

Sentences = list[list[str]]
# Lengths of the runs of letters that spell a word, its beginning and end included, and most of them for a word.
_LETTERS, _MOST = (3, 4, 5), 32
# A run is worth learning where it spells as many words.
_SHARED = 3


@dataclass(frozen=True)
class Lexicon:
    """Numbers of words, and which of them are learned.

    Args:
        listed: words by number: four special ones, those of the training texts, those that only vectors are known of.
        learned: how many words a model learns, from number 0.
        pairs: pairs of numbers of neighbouring words that are learned as well.
        runs: runs of letters that are learned as well, by number less one; number 0 is none.
    """

    listed: list[str]
    learned: int
    pairs: list[tuple[int, int]]
    runs: list[str]

    def encode(self, sentences: Sentences) -> list[list[int]]:
        """Numbers of words, sentence by sentence; 3 where a word is not known."""
        return [self._words.encode(" ".join(sentence)) for sentence in sentences]

    @cached_property
    def _words(self) -> Words:
        return Words(self.listed)

    def spellings(self) -> npt.NDArray[np.int64]:
        """Numbers of the runs of letters of every listed word, (words, most); 0 fills up, special words have none.

        Example:
            >>> Lexicon([*"<>/?", "cat", "bat"], 6, [], ["at>", "<ca"]).spellings()[4:, :2].tolist()
            [[2, 1], [1, 0]]
        """
        numbers = {run: number for number, run in enumerate(self.runs, start=1)}
        found = np.zeros((len(self.listed), _MOST), np.int64)
        for row, word in enumerate(self.listed):
            known = [numbers[run] for run in letters(word) if run in numbers] if row >= len(SPECIAL) else []
            found[row, : min(len(known), _MOST)] = known[:_MOST]
        return found

    def save(self, path: Path) -> None:
        """Write it as JSON, at once."""
        write_text(path, json.dumps(asdict(self), ensure_ascii=False))

    @classmethod
    def load(cls, path: Path) -> Lexicon:
        """Read what `save` wrote.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it is damaged.
        """
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            pairs = [(int(one), int(other)) for one, other in stored["pairs"]]
            return cls([str(word) for word in stored["listed"]], int(stored["learned"]), pairs, list(stored["runs"]))
        except (json.JSONDecodeError, KeyError, TypeError, UnicodeDecodeError, ValueError):
            raise ValueError(f"{path} is not a lexicon that Regard wrote; it is damaged or cut short.") from None


def fit_lexicon(
    texts: Sequence[Sentences], *, least: int, size: int, pairs: int, runs: int = 0, vector_words: Iterable[str] = ()
) -> Lexicon:
    """The lexicon of training texts.

    Args:
        texts: sentences of words of every training text.
        least: occurrences of a word or of a pair that is learned.
        size: most learned words, the most frequent ones, the four special ones included.
        pairs: most learned pairs, the most frequent ones; both of their words must be learned.
        runs: most learned runs of letters, those of the most learned words.
        vector_words: words that pretrained vectors are known of; those of them that are not learned are listed last.

    Example:
        >>> found = fit_lexicon([[["a", "b"], ["a", "b", "c"]]], least=2, size=9, pairs=9, vector_words=["b", "d"])
        >>> found.listed[4:], found.learned, found.pairs, found.encode([["d", "c"]])
        (['a', 'b', 'd'], 6, [(4, 5)], [[6, 3]])
    """
    sentences = [sentence for text in texts for sentence in text]
    counted = Counter(chain.from_iterable(sentences))
    often = (word for word, count in counted.items() if count >= least for _ in range(count))
    learned = Words.count(often, size)
    known = {word: number for number, word in enumerate(learned)}
    both = Counter(pair for sentence in sentences for pair in pairwise(known.get(word, UNKNOWN) for word in sentence))
    frequent = sorted(
        (pair for pair, count in both.items() if count >= max(2, least) and UNKNOWN not in pair),
        key=lambda pair: (-both[pair], pair),
    )
    further = dict.fromkeys(word for word in vector_words if word not in known)
    spelled = Counter(run for word in learned[len(SPECIAL) :] for run in set(letters(word)))
    shared = sorted((run for run, count in spelled.items() if count >= _SHARED), key=lambda run: (-spelled[run], run))
    return Lexicon([*learned, *further], len(learned), frequent[:pairs], shared[:runs])


def letters(word: str) -> list[str]:
    """The runs of three to five letters of a word, its beginning "<" and end ">" being letters too.

    Example:
        >>> letters("cat")
        ['<ca', 'cat', 'at>', '<cat', 'cat>', '<cat>']

    Source: Bojanowski et al. 2017, section 3.2.
    """
    whole = f"<{word}>"
    return [whole[start : start + size] for size in _LETTERS for start in range(len(whole) - size + 1)]
