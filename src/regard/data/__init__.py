"""Data sets by name, a user's own files, vocabularies and batches. Importing this imports no torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from regard.data import (
    babi,
    brown,
    generated,
    generated_tags,
    imdb,
    mnist,
    movielens,
    multi30k,
    sentences,
    shakespeare,
    shapes,
    statcan,
    sums,
    told,
    ud_ewt,
    walks,
)
from regard.data.documents import Document as Document
from regard.data.documents import read_documents as read_documents
from regard.data.interactions import History as History
from regard.data.interactions import read_interactions as read_interactions
from regard.data.labelled import Labelled as Labelled
from regard.data.labelled import read_labelled as read_labelled
from regard.data.parallel import Pair as Pair
from regard.data.parallel import read_parallel as read_parallel
from regard.data.pictures import Picture as Picture
from regard.data.pictures import read_pictures as read_pictures
from regard.data.splits import Splits as Splits
from regard.data.stories import Question as Question
from regard.data.tagged import Tagged as Tagged
from regard.data.tagged import read_tagged as read_tagged


@dataclass(frozen=True)
class DataSet:
    """A data set by name, and the kind of its examples."""

    name: str
    summary: str
    licence: str
    example: type
    load: Callable[[], Splits[Any]]


DATASETS: tuple[DataSet, ...] = (
    DataSet("statcan", statcan.SUMMARY, statcan.LICENCE, Pair, statcan.load),
    DataSet("multi30k", multi30k.SUMMARY, multi30k.LICENCE, Pair, multi30k.load),
    DataSet("shakespeare", shakespeare.SUMMARY, shakespeare.LICENCE, Document, shakespeare.load),
    DataSet("brown", brown.SUMMARY, brown.LICENCE, Document, brown.load),
    DataSet("sums", sums.SUMMARY, "generated", Document, sums.load_sums),
    DataSet("copy", generated.COPY_SUMMARY, "generated", Pair, generated.load_copy),
    DataSet("reverse", generated.REVERSE_SUMMARY, "generated", Pair, generated.load_reverse),
    DataSet("babi", babi.SUMMARY, babi.LICENCE, Question, babi.load),
    DataSet("told", told.SUMMARY, "generated", Question, told.load_told),
    DataSet("trec", sentences.TREC_SUMMARY, sentences.TREC_LICENCE, Labelled, sentences.load_trec),
    DataSet("mr", sentences.MR_SUMMARY, sentences.MR_LICENCE, Labelled, sentences.load_mr),
    DataSet("imdb", imdb.SUMMARY, imdb.LICENCE, Labelled, imdb.load),
    DataSet("moods", generated.MOODS_SUMMARY, "generated", Labelled, generated.load_moods),
    DataSet("ud-ewt", ud_ewt.SUMMARY, ud_ewt.LICENCE, Tagged, ud_ewt.load),
    DataSet("ml-100k", movielens.SUMMARY, movielens.LICENCE, History, movielens.load),
    DataSet("walks", walks.SUMMARY, "generated", History, walks.load_walks),
    DataSet("mnist", mnist.SUMMARY, mnist.LICENCE, Picture, mnist.load),
    DataSet("shapes", shapes.SUMMARY, "generated", Picture, shapes.load_shapes),
    DataSet("tags", generated_tags.SUMMARY, "generated", Tagged, generated_tags.load),
)


def dataset(name: str, example: type | None = None) -> DataSet:
    """The data set of that name, and of that kind of examples where one is asked for.

    Raises:
        ValueError: there is none; the nearest is named.
    """
    names = [one.name for one in DATASETS if example in (None, one.example)]
    if name not in names:
        near = get_close_matches(name, names, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        kind = "" if example is None else f" with examples of the kind {example.__name__}"
        raise ValueError(f"data set {name!r}{kind} is not known; expected one of {', '.join(names)}.{hint}")
    return next(one for one in DATASETS if one.name == name)
