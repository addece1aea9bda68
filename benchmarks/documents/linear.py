"""The classical peer on the task's own splits: TF-IDF and a logistic regression, C chosen on validation.

    python -m benchmarks.documents.linear --rows trec,mr --results benchmarks/results/documents.jsonl

Unlike the baseline that every run prints, its C is selected; the test set is read once for each split.
"""

from __future__ import annotations

import argparse
import json
import platform
import shlex
import sys
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from sklearn import __version__
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from regard.cli.settings import parse
from regard.data import Labelled, Splits
from regard.tasks.contract import Anchor
from regard.tasks.documents import TASK
from regard.tasks.documents_words import plain

WHO = "scikit-learn, TF-IDF + logistic regression"
CHOICES = (1.0, 3.0, 10.0, 30.0)


def accuracy(splits: Splits[Labelled], longest: int) -> tuple[float, float]:
    """Accuracy on the test set, in hundredths, and the C that was best on validation."""
    counts = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"\S+")
    parts = (splits.train, splits.validation, splits.test)
    train, validation, test = ([plain(one.text, longest) for one in part] for part in parts)
    labels, known, asked = ([one.label for one in part] for part in parts)
    features = counts.fit_transform(train)
    models = {c: LogisticRegression(C=c, max_iter=1000).fit(features, labels) for c in CHOICES}
    held_out = counts.transform(validation)
    best = max(CHOICES, key=lambda c: models[c].score(held_out, known))
    return 100 * float(models[best].score(counts.transform(test), asked)), best


def line(anchor: Anchor, extra: Sequence[str], command: str) -> dict[str, object]:
    """All runs of a row, as a line of results."""
    begun, values, chosen = time.perf_counter(), [], []
    for settings in anchor.runs:
        config, _text = parse(TASK.recipe, [*settings, *extra])
        value, best = accuracy(config.data.load(), config.limits.words)
        values.append(value)
        chosen.append(best)
    return {
        "row": anchor.name,
        "who": WHO,
        "metric": "accuracy",
        "value": round(sum(values) / len(values), 4),
        "runs": values,
        "protocol": f"the task's own splits and words; words and pairs, sublinear TF, C from validation: {chosen}",
        "minutes": round((time.perf_counter() - begun) / 60, 2),
        "command": command,
        "machine": f"{platform.machine()}, {platform.processor() or platform.system()}",
        "versions": {"scikit-learn": __version__},
        "date": date.today().isoformat(),
    }


def main() -> int:
    """Measure the rows and write them in the place of older ones."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", default=",".join(one.name for one in TASK.anchors))
    parser.add_argument("--results", type=Path, default=Path("benchmarks/results/documents.jsonl"))
    given, extra = parser.parse_known_args()
    command = shlex.join(["python", "-m", "benchmarks.documents.linear", *sys.argv[1:]])
    for anchor in TASK.anchors:
        if anchor.name in given.rows.split(","):
            found = line(anchor, extra, command)
            print(json.dumps(found))
            kept = given.results.read_text(encoding="utf-8").splitlines() if given.results.exists() else []
            kept = [one for one in kept if (json.loads(one)["who"], json.loads(one)["row"]) != (WHO, anchor.name)]
            given.results.parent.mkdir(parents=True, exist_ok=True)
            given.results.write_text("".join(f"{one}\n" for one in [*kept, json.dumps(found)]), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
