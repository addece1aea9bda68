from __future__ import annotations

from regard.data import generated_tags
from regard.train.local_features import features, linear_tags
from regard.train.spans import token_accuracy


def test_a_word_its_ends_its_shape_and_its_neighbours_are_told():
    told = set(features(["In", "May", "2004"], 1))
    assert {"word may", "end y", "end ay", "end May", "beginning M", "beginning Ma", "shape Xxx"} <= told
    assert {"word at -1 in", "word at 1 2004", "end at 1 004", "word at -2 <outside>", "word at 2 <outside>"} <= told
    assert len(told) == 1 + 6 + 1 + 8


def test_a_linear_model_learns_endings_and_neighbours():
    splits = generated_tags.load()
    words, tags = [one.words for one in splits.train], [one.tags for one in splits.train]
    found = linear_tags(words, tags, [one.words for one in splits.test])
    assert token_accuracy(found, [one.tags for one in splits.test]) > 98
    assert linear_tags(words, tags, [()]) == [[]]
    assert linear_tags(words, tags, [("li", "tugol"), ()]) == [["DET", "NOUN"], []]
