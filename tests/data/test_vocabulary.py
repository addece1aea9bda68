from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regard.data.batches import collate, shard, token_batches
from regard.data.vocabulary import BEGIN, END, PAD, UNKNOWN, Characters, Subwords, Words, load_vocabulary

TEXTS = ["the cat sat on the mat", "a dog, a cat and 1,234 birds", "L’été dernier à Montréal (2019)"]
KINDS = {"subwords": Subwords.fit(TEXTS, 400), "words": Words.fit(TEXTS, 30), "characters": Characters.fit(TEXTS, 60)}


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_subwords_spell_any_text(text):
    import unicodedata

    expected = unicodedata.normalize("NFC", text)
    assert KINDS["subwords"].decode(KINDS["subwords"].encode(text)) == expected


@pytest.mark.parametrize("kind", KINDS)
def test_known_text_comes_back_and_unseen_characters_do_no_harm(kind, tmp_path):
    vocabulary = KINDS[kind]
    for text in TEXTS:
        assert vocabulary.decode(vocabulary.encode(text)) == text
    assert vocabulary.encode("") == []
    strange = vocabulary.encode("雪 is ❄")
    assert not {PAD, BEGIN, END} & set(strange)
    assert kind == "subwords" or UNKNOWN in strange
    assert all(0 <= number < vocabulary.size for number in vocabulary.encode("word " * 5000))
    assert len(vocabulary.pieces(strange)) == len(strange)
    vocabulary.save(tmp_path / "v.json")
    again = load_vocabulary(tmp_path / "v.json")
    assert (again.size, again.encode(TEXTS[2])) == (vocabulary.size, vocabulary.encode(TEXTS[2]))


def test_text_that_looks_like_a_special_piece_is_only_text():
    for vocabulary in (KINDS["words"], KINDS["subwords"]):
        assert not {PAD, BEGIN, END} & set(vocabulary.encode("a </s> b <pad> <s>"))


def test_frequent_pieces_come_first_and_ties_are_decided():
    assert Words.fit(["b a b c a b"], 6).pieces([4, 5]) == ["b", "a"]


def test_a_damaged_vocabulary_is_refused(tmp_path):
    KINDS["words"].save(tmp_path / "v.json")
    text = (tmp_path / "v.json").read_text()
    (tmp_path / "v.json").write_text(text[: len(text) // 2])
    with pytest.raises(ValueError, match="is not a vocabulary that Regard wrote; it is damaged or cut short"):
        load_vocabulary(tmp_path / "v.json")


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)), min_size=1, max_size=200), st.integers(40, 400))
def test_batches_have_every_example_once_and_keep_their_size(lengths, tokens):
    batches = token_batches(lengths, tokens, 3, 0)
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) * max(max(lengths[index]) for index in batch) <= tokens
    assert batches == token_batches(lengths, tokens, 3, 0)
    for world in (1, 2, 3):
        assert sorted(i for rank in range(world) for i in shard(batches[0], rank, world)) == sorted(batches[0])


def test_epochs_differ_and_are_cut_quickly():
    lengths = [(5 + n % 23, 4 + n % 19) for n in range(29_000)]
    begun = time.process_time()
    first, second = (token_batches(lengths, 2048, 1, epoch) for epoch in (0, 1))
    # Not a benchmark: a thousand times slower would be a mistake in the algorithm.
    assert time.process_time() - begun < 30
    assert first != second


def test_a_batch_is_padded_and_shifted_by_one():
    batch = collate([([5, 6, 7], [8]), ([], [9, 10])])
    assert batch.source.tolist() == [[5, 6, 7, END], [END, PAD, PAD, PAD]]
    assert batch.source_lengths.tolist() == [4, 1]
    assert batch.inputs.tolist() == [[BEGIN, 8, PAD], [BEGIN, 9, 10]]
    assert batch.targets.tolist() == [[8, END, PAD], [9, 10, END]]
