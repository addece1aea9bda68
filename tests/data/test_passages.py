from __future__ import annotations

import gzip
import time

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from regard.data.grids import flat_grid, nested_grid
from regard.data.lexicon import Lexicon, fit_lexicon
from regard.data.passages import passages, words
from regard.data.vectors import Vectors, pretrained, read_vectors


def spoken(text: str, longest: int = 40) -> list[str]:
    return [" ".join(words(text, sentence)) for sentence in passages(text, longest)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It isn't well-made. She's gone!", ["it is n't well - made .", "she 's gone !"]),
        ('"Stop." (He did.) Then', ['" stop . "', "( he did . )", "then"]),
        ("Dr. No at 3.5 km", ["dr . no at 3 . 5 km"]),
        ("one<br /><BR>two\nthree", ["one", "two", "three"]),
        ("Wait... what?! -- ok", ["wait ...", "what ? !", "-- ok"]),
        ("``What 's a_b ?", ["`` what 's a _ b ?"]),
        ("日本。 Ümläut", ["日本 。", "ümläut"]),
        ("今日は。元気？！はい！", ["今日は 。", "元気 ？ ！", "はい ！"]),
        ("「はい。」と言った。", ["「 はい 。 」 と言った 。"]),
        ("हिन्दी में है", ["हिन्दी में है"]),
        ("cafe\u0301 ne\u0301e, didn't", ["cafe\u0301 ne\u0301e , did n't"]),
        ("می\u200cخواهم", ["می\u200cخواهم"]),
        ("\u2764\ufe0flove", ["\u2764 \ufe0f love"]),
        (") ) . x", [") ) .", "x"]),
        ("Dr. ) No", ["dr . ) no"]),
        ("it. . ) Dr", ["it .", ".", ") dr"]),
        ("", []),
        (" \n ", []),
    ],
)
def test_sentences_and_words(text, expected):
    assert spoken(text) == expected


@given(st.text(alphabet="aB1 .!?\n'\"_-<br/>é", max_size=60), st.integers(1, 7))
def test_every_sign_is_in_one_word_and_words_are_in_order(text, longest):
    spans = [span for sentence in passages(text, longest) for span in sentence]
    assert all(len(sentence) <= longest for sentence in passages(text, longest))
    assert all(before.end <= after.start for before, after in zip(spans, spans[1:], strict=False))
    left = text
    for span in reversed(spans):
        left = left[: span.start] + left[span.end :]
    assert not "".join(left.split()).replace("<br/>", "").replace("<br>", "").replace("/>", "").replace("<br", "")


def test_a_sentence_without_an_end_is_read_in_a_time_like_its_length():
    begun = time.process_time()
    assert sum(map(len, passages("word ) " * 100_003, 41))) == 200_006
    # Not a benchmark: reading the sentence again at each word would take hours.
    assert time.process_time() - begun < 30


def test_a_lexicon_counts_as_a_loop_does_and_comes_back_from_its_file(tmp_path):
    texts = [[["the", "cat", "sat"], ["the", "cat"]], [["the", "dog", "sat"]], [["cat", "sat"]]]
    found = fit_lexicon(texts, least=2, size=7, pairs=9, vector_words=["dog", "the", "emu", "dog"])
    assert found.listed[4:] == ["cat", "sat", "the", "dog", "emu"]
    assert found.learned == 7
    cat, sat, the = (found.listed.index(word) for word in ("cat", "sat", "the"))
    assert sorted(found.pairs) == sorted([(the, cat), (cat, sat)])
    assert found.encode([["the", "emu", "ox"]]) == [[the, 8, 3]]
    again = fit_lexicon([[["running", "runner", "run"]] * 2], least=1, size=99, pairs=0, runs=5)
    assert again.runs == ["<ru", "<run", "run"]
    row = again.listed.index("run")
    assert sorted(number for number in again.spellings()[row] if number) == [1, 2, 3]
    assert not again.spellings()[:4].any()
    found.save(tmp_path / "lexicon.json")
    assert Lexicon.load(tmp_path / "lexicon.json") == found
    (tmp_path / "lexicon.json").write_text('{"listed": []')
    with pytest.raises(ValueError, match="is not a lexicon that Regard wrote"):
        Lexicon.load(tmp_path / "lexicon.json")


def test_grids_cut_and_fill():
    texts = [[[4, 5, 6], [7]], [], [[8]]]
    assert flat_grid(texts, 3).tolist() == [[4, 5, 6], [0, 0, 0], [8, 0, 0]]
    assert nested_grid(texts, 2).tolist() == [[[4, 5, 6], [7, 0, 0]], [[0] * 3, [0] * 3], [[8, 0, 0], [0] * 3]]
    assert nested_grid(texts, 1).shape == (3, 1, 3)
    assert nested_grid([[]], 3).tolist() == [[[0]]]
    assert flat_grid([[]], 3).dtype == torch.int64


def test_vectors_of_a_file(tmp_path):
    path = tmp_path / "v.txt"
    path.write_text("2 3\nthe 1 2 3\nThe 4 5 6\nncaf\xe9 7 8 9 \n", encoding="utf-8")
    found = pretrained(str(path))
    assert found is not None
    assert found.words == ["the", "The", "ncaf\xe9"]
    np.testing.assert_array_equal(found.of(["THE", "The", "ox"]), [[1, 2, 3], [4, 5, 6], [0, 0, 0]])
    twice = Vectors(["a", "a"], np.array([[1.0], [2.0]], np.float32))
    np.testing.assert_array_equal(twice.of(["a"]), [[1.0]])
    assert pretrained("none") is None


def test_words_of_vectors_may_have_spaces(tmp_path):
    """As some of those of GloVe's vectors of 840 billion words."""
    (tmp_path / "v.txt").write_text("the 1 2 3\n. . . 4 5 6\nat name@domain.com 7 8 9e-1\nnan nan 0 -1 .5\n")
    found = read_vectors(tmp_path / "v.txt")
    assert found.words == ["the", ". . .", "at name@domain.com", "nan nan"]
    np.testing.assert_array_equal(
        found.table, np.array([[1, 2, 3], [4, 5, 6], [7, 8, 0.9], [0, -1, 0.5]], np.float32)
    )


def test_a_damaged_archive_of_vectors_is_told(tmp_path):
    whole = gzip.compress(b"".join(b"w%d %d 1 2\n" % (n, n) for n in range(701)))
    (tmp_path / "v.txt.gz").write_bytes(whole[:97] + bytes(13) + whole[110:])
    with pytest.raises(ValueError, match=r"v\.txt\.gz is not a whole gzip file"):
        read_vectors(tmp_path / "v.txt.gz")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a 1 2\nb 1\n", "v.txt:2 has 1 numbers after its word, expected 2"),
        (b"a 1 2\nb 1e-3 2 3\n", "v.txt:2 has 3 numbers after its word, expected 2"),
        (b"new york 1 2\n", "v.txt:1 is not a word and numbers"),
        (b"a 1 x\n", "v.txt:1 is not a word and numbers"),
        (b"alone\n", "v.txt:1 has 0 numbers"),
        (b"", "v.txt has no vectors"),
        (b"\xff 1\n", "v.txt is not UTF-8"),
    ],
)
def test_what_is_wrong_with_vectors_is_said(tmp_path, content, message):
    (tmp_path / "v.txt").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_vectors(tmp_path / "v.txt")
    with pytest.raises(ValueError, match="vectors is 'nowhere', expected none, glove, or a file"):
        pretrained("nowhere")
