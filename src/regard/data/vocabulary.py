"""Text as numbers, and back."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from regard.data.written import write_text

PAD, BEGIN, END, UNKNOWN = range(4)
# A piece stays inside of one word, number of up to three digits, or sign, each with the space before it.
_WORD = r" ?[\p{L}\p{M}]+| ?\p{N}{1,3}| ?[^\s\p{L}\p{N}]|\s+"
SPECIAL = ("<pad>", "<s>", "</s>", "<unk>")


class Vocabulary(ABC):
    """Pieces of text and their numbers; fitted on training text only.

    Numbers 0 to 3 are padding, begin, end and unknown; `encode` gives none of the first three.
    """

    @classmethod
    @abstractmethod
    def fit(cls, texts: Iterable[str], size: int) -> Vocabulary:
        """Learn at most `size` pieces from training texts."""

    @property
    @abstractmethod
    def size(self) -> int:
        """How many pieces there are, the four special ones included."""

    @abstractmethod
    def encode(self, text: str) -> list[int]:
        """The numbers of a text's pieces."""

    @abstractmethod
    def decode(self, ids: Iterable[int]) -> str:
        """The text that pieces spell."""

    @abstractmethod
    def pieces(self, ids: Iterable[int]) -> list[str]:
        """The pieces themselves, for labels."""

    @abstractmethod
    def as_json(self) -> dict[str, object]:
        """Everything needed to make it again."""

    def save(self, path: Path) -> None:
        """Write it as JSON, at once."""
        write_text(path, json.dumps(self.as_json(), ensure_ascii=False))


class Subwords(Vocabulary):
    """Byte-pair pieces; every text can be written, unseen characters byte by byte.

    Source: Sennrich, Haddow and Birch 2016.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        # A text that happens to contain "</s>" is only text.
        self._tokenizer.encode_special_tokens = True

    @classmethod
    def fit(cls, texts: Iterable[str], size: int) -> Subwords:
        """Learn at most `size` pieces."""
        tokenizer = Tokenizer(models.BPE(unk_token=SPECIAL[UNKNOWN]))
        tokenizer.normalizer = normalizers.NFC()
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(_WORD), "isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
        tokenizer.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=size,
            special_tokens=list(SPECIAL),
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        tokenizer.train_from_iterator((" " + text for text in texts), trainer)
        return cls(tokenizer)

    @property
    def size(self) -> int:
        return self._tokenizer.get_vocab_size()

    def encode(self, text: str) -> list[int]:
        # A leading space makes a first word the same piece as any other.
        return self._tokenizer.encode(" " + text).ids if text else []

    def decode(self, ids: Iterable[int]) -> str:
        return self._tokenizer.decode(list(ids)).removeprefix(" ")

    def pieces(self, ids: Iterable[int]) -> list[str]:
        # A piece may be part of a character; it is then shown as the byte-level letters that stand for it.
        shown = []
        for number in ids:
            text = self._tokenizer.decode([number], skip_special_tokens=False)
            shown.append(self._tokenizer.id_to_token(number) or text if "\ufffd" in text else text)
        return shown

    def as_json(self) -> dict[str, object]:
        return {"kind": "subwords", "tokenizer": json.loads(self._tokenizer.to_str())}


class Listed(Vocabulary):
    """Pieces from a list, split and joined in one way; what is not listed is unknown."""

    separator: str

    def __init__(self, listed: list[str]) -> None:
        self._listed = listed
        self._numbers = {piece: number for number, piece in enumerate(listed)}

    @classmethod
    def count(cls, pieces: Iterable[str], size: int) -> list[str]:
        """The special pieces and the most frequent others, ties in alphabetical order."""
        ranked = sorted(Counter(pieces).items(), key=lambda item: (-item[1], item[0]))
        return [*SPECIAL, *(piece for piece, _count in ranked if piece not in SPECIAL)][:size]

    @property
    def size(self) -> int:
        return len(self._listed)

    def decode(self, ids: Iterable[int]) -> str:
        return self.separator.join(self._listed[number] for number in ids if number not in (PAD, BEGIN, END))

    def pieces(self, ids: Iterable[int]) -> list[str]:
        return [self._listed[number] for number in ids]

    def _numbered(self, pieces: Iterable[str]) -> list[int]:
        return [max(self._numbers.get(piece, UNKNOWN), UNKNOWN) for piece in pieces]


class Words(Listed):
    """Words between spaces."""

    separator = " "

    @classmethod
    def fit(cls, texts: Iterable[str], size: int) -> Words:
        """The most frequent words."""
        return cls(cls.count((word for text in texts for word in text.split()), size))

    def encode(self, text: str) -> list[int]:
        return self._numbered(text.split())

    def as_json(self) -> dict[str, object]:
        return {"kind": "words", "listed": self._listed}


class Characters(Listed):
    """Single characters."""

    separator = ""

    @classmethod
    def fit(cls, texts: Iterable[str], size: int) -> Characters:
        """The most frequent characters."""
        return cls(cls.count((character for text in texts for character in text), size))

    def encode(self, text: str) -> list[int]:
        return self._numbered(text)

    def as_json(self) -> dict[str, object]:
        return {"kind": "characters", "listed": self._listed}


def load_vocabulary(path: Path) -> Vocabulary:
    """Read what `save` wrote.

    Raises:
        ValueError: the file is not a vocabulary.
    """
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["kind"] == "subwords":
            return Subwords(Tokenizer.from_str(json.dumps(stored["tokenizer"])))
        return {"words": Words, "characters": Characters}[stored["kind"]](stored["listed"])
    except (json.JSONDecodeError, KeyError, TypeError, UnicodeDecodeError):
        raise ValueError(f"{path} is not a vocabulary that Regard wrote; it is damaged or cut short.") from None
