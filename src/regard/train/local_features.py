"""The classical tagger: a linear model of a word, its ends and its neighbours, each word alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

Sentences = Sequence[Sequence[str]]


def features(words: Sequence[str], place: int) -> Iterator[str]:
    """What the linear model is told of a word.

    Example:
        >>> list(features(["a", "Dog"], 1))[:4]
        ['word dog', 'end g', 'end og', 'end Dog']

    Source: Ratnaparkhi 1996, table 1.
    """
    word = words[place]
    yield f"word {word.lower()}"
    for length in range(1, min(4, len(word)) + 1):
        yield f"end {word[-length:]}"
    for length in range(1, min(4, len(word)) + 1):
        yield f"beginning {word[:length]}"
    yield f"shape {''.join(map(_shape, word[:8]))}"
    for step in (-2, -1, 1, 2):
        inside = 0 <= place + step < len(words)
        other = words[place + step].lower() if inside else "<outside>"
        yield f"word at {step} {other}"
        yield f"end at {step} {other[-3:]}"


def linear_tags(train: Sentences, tags: Sentences, sentences: Sentences) -> list[list[str]]:
    """Tags of sentences by a logistic regression that learned from others, by scikit-learn.

    Nothing is tuned: ten passes of stochastic gradient descent, alpha 1e-6, features hashed to 2^18.

    Args:
        train: words to learn from, of two tags at least.
        tags: their tags.
        sentences: words to tag.

    Raises:
        ImportError: scikit-learn is not installed.
    """
    from sklearn.feature_extraction import FeatureHasher
    from sklearn.linear_model import SGDClassifier

    hasher = FeatureHasher(1 << 18, input_type="string", alternate_sign=False)
    model = SGDClassifier(loss="log_loss", alpha=1e-6, max_iter=10, tol=None, random_state=0)
    model.fit(hasher.transform(_all(train)), [tag for row in tags for tag in row])
    if not any(sentences):
        return [[] for _words in sentences]
    found = iter(model.predict(hasher.transform(_all(sentences))).tolist())
    return [[next(found) for _word in words] for words in sentences]


def _all(sentences: Sentences) -> Iterator[list[str]]:
    return (list(features(words, place)) for words in sentences for place in range(len(words)))


def _shape(letter: str) -> str:
    return "X" if letter.isupper() else "x" if letter.islower() else "0" if letter.isdigit() else letter
