"""Sentences whose words carry tags, and the files that hold them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from regard.data.columns import read_columns
from regard.data.conllu import Column, read_conllu


@dataclass(frozen=True)
class Tagged:
    """The words of a sentence, and a tag for each.

    Raises:
        ValueError: there are not as many tags as words.

    Example:
        >>> Tagged(("a", "dog"), ("DET", "NOUN")).words
        ('a', 'dog')
    """

    words: tuple[str, ...]
    tags: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.words) != len(self.tags):
            raise ValueError(f"tags has {len(self.tags)} entries, expected {len(self.words)}: one for each word.")


def read_tagged(path: str | Path, column: Column = Column.UPOS) -> list[Tagged]:
    r"""Tagged sentences of a CoNLL-U file, or of any other with a word a line and its tag in the last column.

    Args:
        path: a file ending in .conllu, or in anything else for plain columns; .gz is unpacked.
        column: which column of CoNLL-U is the tag.

    Raises:
        ValueError: the file is not of that form (file and line are named), has no sentence, or a word without a tag.
        OSError: the file cannot be read.

    Example:
        >>> import tempfile, pathlib
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "words.tsv"
        >>> _ = path.write_text("EU\tB-ORG\nrejects\tO\n\nPeter\tB-PER\n", encoding="utf-8")
        >>> read_tagged(path)[1]
        Tagged(words=('Peter',), tags=('B-PER',))
    """
    path = Path(path)
    if not path.name.removesuffix(".gz").endswith(".conllu"):
        return [Tagged(one.column(0), one.column(-1)) for one in read_columns(path, least=2)]
    found = []
    for sentence in read_conllu(path):
        words, tags = sentence.column(Column.FORM), sentence.column(column)
        for place, tag in enumerate(tags):
            if tag == "_":
                raise ValueError(
                    f"{path}:{sentence.words[place].line} has no {column.name}: word {words[place]!r}; expected a "
                    "tag for each word."
                )
        found.append(Tagged(words, tags))
    return found
