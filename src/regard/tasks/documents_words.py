"""Which words a classifier of texts knows and as what, and what words alone would say."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from regard.data import Labelled, Splits
from regard.data.lexicon import Lexicon, fit_lexicon
from regard.data.passages import passages, words
from regard.data.vectors import pretrained
from regard.data.vocabulary import UNKNOWN
from regard.models import WordTable
from regard.tasks.documents_settings import Known
from regard.train.bag_of_words import majority, tf_idf
from regard.train.metrics import Metric


def fit_words(known: Known, texts: Sequence[list[list[str]]]) -> tuple[Lexicon, Tensor | None]:
    """What is known of training texts, cut into sentences of words; and the pretrained vectors of these words."""
    vectors = pretrained(known.vectors)
    lexicon = fit_lexicon(
        texts,
        least=known.least,
        size=known.size,
        pairs=known.pairs,
        runs=known.runs,
        vector_words=[] if vectors is None else vectors.words[: known.beyond],
    )
    return lexicon, None if vectors is None else torch.from_numpy(vectors.of(lexicon.listed))


def word_table(known: Known, lexicon: Lexicon, vectors: Tensor | None) -> WordTable:
    """What turns numbers of words into vectors."""
    return WordTable(
        lexicon.learned,
        known.embedding_size,
        unknown=UNKNOWN,
        word_dropout=known.dropout,
        pairs=torch.tensor(lexicon.pairs, dtype=torch.int64).view(-1, 2),
        spellings=torch.from_numpy(lexicon.spellings()) if lexicon.runs else None,
        vectors=vectors,
        tuning=known.tuning,
    )


def baselines(splits: Splits[Labelled], longest: int) -> list[Metric]:
    """Accuracy of the most frequent class, and of a linear model on words and pairs, read as the classifier does."""
    known, asked = [one.label for one in splits.train], [one.label for one in splits.test]
    texts, questions = ([plain(one.text, longest) for one in part] for part in (splits.train, splits.test))
    return [majority(known, asked), tf_idf(texts, known, questions, asked)]


def plain(text: str, longest: int) -> str:
    """The words of a text as the classifier reads them, with spaces between."""
    return " ".join(word for spans in passages(text, longest) for word in words(text, spans))
