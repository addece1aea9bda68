"""Sentences whose words carry tags, and the files that hold them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from regard.data.columns import Columns, read_columns
from regard.data.conllu import Column, read_conllu

# What a word may do without in CoNLL-U; there "_" is as good a value as any.
_MAY_BE_NONE = (Column.FEATS, Column.DEPS, Column.MISC)


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
        ValueError: the file is not of that form (file and line are named), has no sentence, or a word without a tag;
            it seems to be CoNLL-U by another name.
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
        return [_of_columns(path, one) for one in read_columns(path, least=2)]
    found = []
    for sentence in read_conllu(path):
        words, tags = sentence.column(Column.FORM), sentence.column(column)
        for place, tag in enumerate(tags):
            if tag == "_" and column not in _MAY_BE_NONE:
                raise ValueError(
                    f"{path}:{sentence.words[place].line} has no {column.name}: word {words[place]!r}; expected a "
                    "tag for each word."
                )
        found.append(Tagged(words, tags))
    return found


def _of_columns(path: Path, one: Columns) -> Tagged:
    tags = one.column(-1)
    if len(one.rows[0]) == len(Column) and "_" in tags:
        raise ValueError(
            f"{path} has ten columns, and '_' in the last one (word {one.rows[tags.index('_')][0]!r}), as CoNLL-U "
            "has; rename it so that it ends in .conllu, or put tags into its last column."
        )
    return Tagged(one.column(0), tags)
