from __future__ import annotations

import gzip

import pytest
import torch

from regard.data import Tagged, dataset, generated_tags, read_tagged, ud_ewt
from regard.data.conllu import Column, conllu_text, sentence_of
from regard.data.inventory import Inventory
from regard.data.tag_batches import PAD, UNKNOWN, Numbering, ends, plain
from regard.data.untagged import Form, untagged

TRAIN = [
    Tagged(("The", "dog", "barks", "in", "2004"), ("DET", "NOUN", "VERB", "ADP", "NUM")),
    Tagged(("the", "Dog"), ("DET", "PROPN")),
    Tagged(("1999",), ("NUM",)),
]


def test_numbers_come_from_training_and_what_is_rare_is_unknown():
    numbering = Numbering.of(TRAIN, 2)
    assert numbering.words.items == ("<pad>", "<unk>", "0000", "dog", "the")
    assert [numbering.knows(word) for word in ("THE", "1066", "barks", "Dogs", "<pad>")] == [
        True,
        True,
        False,
        False,
        False,
    ]
    assert numbering.untagged([("<pad>", "the")]).words.tolist() == [[UNKNOWN, 4]]
    assert numbering.tags.items == ("DET", "NUM", "ADP", "NOUN", "PROPN", "VERB")
    batch = numbering.collate(TRAIN[:2])
    assert batch.words.tolist() == [[4, 3, UNKNOWN, UNKNOWN, 2], [4, 3, PAD, PAD, PAD]]
    assert batch.lengths.tolist() == [5, 2]
    assert batch.tags.tolist() == [[0, 3, 5, 2, 1], [0, 4, 0, 0, 0]]


def test_each_different_word_is_spelled_once_and_found_where_it_stands():
    numbering = Numbering.of(TRAIN, 1)
    sentences = [("the", "dog", "the", "ω"), ("dog", "x" * 99)]
    batch = numbering.untagged(sentences)
    assert len(batch.letters) == 4
    assert batch.letters.shape[1] == 30
    for row, words in enumerate(sentences):
        for place, word in enumerate(words):
            spelled = batch.letters[batch.spelling[row, place]]
            count = int(batch.letter_counts[batch.spelling[row, place]])
            assert count == len(ends(word))
            wanted = [numbering.letters.number(letter, UNKNOWN) for letter in ends(word)]
            assert spelled[:count].tolist() == wanted
            assert (spelled[count:] == PAD).all()
    assert numbering.letters.number("ω", UNKNOWN) == UNKNOWN
    assert (batch.tags == 0).all()
    assert torch.equal(batch.to(torch.device("cpu")).words, batch.words)


def test_a_tag_that_was_never_seen_is_named():
    with pytest.raises(ValueError, match="tag 'X' does not occur in the training part, which has DET, NUM"):
        Numbering.of(TRAIN, 1).collate([Tagged(("a",), ("X",))])
    with pytest.raises(ValueError, match="the training part has no words"):
        Numbering.of([], 1)


def test_an_inventory_is_read_as_it_was_written_and_a_broken_one_is_named(tmp_path):
    numbering = Numbering.of(TRAIN, 1)
    numbering.save(tmp_path)
    assert Numbering.load(tmp_path) == numbering
    (tmp_path / "tags.json").write_text('["DET", 3]')
    with pytest.raises(ValueError, match=r"tags.json is not an inventory that Regard wrote"):
        Numbering.load(tmp_path)
    with pytest.raises(ValueError, match="items has 'a' more than once"):
        Inventory(("a", "b", "a"))


def test_long_words_keep_both_ends():
    assert ends("a" * 15 + "b" * 20 + "c" * 15) == "a" * 15 + "c" * 15
    assert plain("Room-101") == "room-000"


def test_ud_ewt_reads_a_local_folder(tmp_path):
    for name, words in (("train", ["a", "dog"]), ("dev", ["b"]), ("test", ["c"])):
        sentence = sentence_of(words).with_column(Column.UPOS, ["X"] * len(words))
        text = conllu_text([sentence.with_column(Column.XPOS, ["Y"] * len(words))])
        with gzip.open(tmp_path / f"en_ewt-ud-{name}.conllu.gz", "wt", encoding="utf-8") as file:
            file.write(text)
    splits = ud_ewt.load(tmp_path)
    assert splits.train == [Tagged(("a", "dog"), ("X", "X"))]
    assert (splits.validation[0].words, splits.test[0].words) == (("b",), ("c",))
    assert ud_ewt.load(tmp_path, Column.XPOS).test[0].tags == ("Y",)
    (tmp_path / "en_ewt-ud-dev.conllu.gz").unlink()
    with pytest.raises(FileNotFoundError, match=r"has neither en_ewt-ud-dev.conllu nor en_ewt-ud-dev.conllu.gz"):
        ud_ewt.load(tmp_path)


def test_a_column_that_may_be_empty_is_read_and_another_is_not(tmp_path):
    rows = "1\tIt\t_\tPRON\t_\tNumber=Sing\t_\t_\t_\t_\n2\tis\t_\tAUX\t_\t_\t_\t_\t_\t_\n\n"
    (tmp_path / "a.conllu").write_text(rows)
    assert read_tagged(tmp_path / "a.conllu", Column.FEATS)[0].tags == ("Number=Sing", "_")
    with pytest.raises(ValueError, match="a.conllu:1 has no XPOS: word 'It'; expected a tag for each word"):
        read_tagged(tmp_path / "a.conllu", Column.XPOS)


def test_conllu_by_another_name_is_told(tmp_path):
    text = conllu_text([sentence_of(["a", "dog"]).with_column(Column.UPOS, ["DET", "NOUN"])])
    (tmp_path / "a.conll").write_text(text)
    with pytest.raises(ValueError, match=r"a.conll has ten columns, and '_' in the last one .* ends in .conllu"):
        read_tagged(tmp_path / "a.conll")
    (tmp_path / "b.conll").write_text("a _\ndog NN\n")
    assert read_tagged(tmp_path / "b.conll")[0].tags == ("_", "NN")


def test_generated_tags_are_the_same_every_time_and_need_neighbours():
    splits = dataset("tags", Tagged).load()
    assert splits == generated_tags.load()
    assert (len(splits.train), len(splits.validation), len(splits.test)) == (600, 100, 100)
    pairs = {
        (before, tag)
        for one in splits.train
        for before, word, tag in zip(one.words, one.words[1:], one.tags[1:], strict=False)
        if word.endswith("ar") and tag in ("NOUN", "VERB")
    }
    assert ("li", "NOUN") in pairs
    assert ("ne", "VERB") in pairs
    assert not {("li", "VERB"), ("ne", "NOUN")} & pairs


def test_sentences_are_answered_in_the_form_they_came_in():
    text = ["The dog .", "", "Cats"]
    assert [one.answered(["T"] * len(one.words)) for one in untagged(text)] == [
        "The\tT\ndog\tT\n.\tT\n",
        "",
        "Cats\tT\n",
    ]
    rows = ["", "EU\tB-ORG", "says\tO", "", "New York\tB-LOC"]
    assert [one.answered(["T"] * len(one.words)) for one in untagged(rows)] == [
        "EU\tB-ORG\tT\nsays\tO\tT\n",
        "New York\tB-LOC\tT\n",
    ]
    table = ["# text = don't", "1-2\tdon't" + "\t_" * 8, "1\tdo" + "\t_" * 8, "2\tn't" + "\t_" * 8]
    (one,) = untagged(table, Column.XPOS)
    assert one.words == ("do", "n't")
    changed = one.answered(["VB", "RB"]).split("\n")
    assert changed == [*table[:2], "1\tdo\t_\t_\tVB" + "\t_" * 5, "2\tn't\t_\t_\tRB" + "\t_" * 5, ""]


def test_columns_between_spaces_are_told_by_a_known_tag(tmp_path):
    rows, tags = ["", "EU NNP B-ORG", "said VBD O", "", "Bonn  NNP  B-LOC"], ("O", "B-ORG", "B-LOC", ".", "city")
    found = list(untagged(rows, tags=tags))
    assert [one.words for one in found] == [("EU", "said"), ("Bonn",)]
    assert found[0].answered(["X", "Y"]) == "EU\tNNP\tB-ORG\tX\nsaid\tVBD\tO\tY\n"
    # What may end running text as well tells nothing, nor does a word alone.
    for text in (["It rains .", "O"], ["O", "It rains"], ["EU NNP B-ORG."], ["in the city"]):
        assert [one.words for one in untagged(text, tags=tags)] == [tuple(line.split()) for line in text]


def test_a_form_that_is_given_is_not_told_by_the_first_line():
    assert [one.words for one in untagged(["EU O"], form=Form.TEXT, tags=("O",))] == [("EU", "O")]
    assert [one.words for one in untagged(["EU XX", "is", "", "a"], form=Form.COLUMNS)] == [("EU", "is"), ("a",)]
    with pytest.raises(ValueError, match=r"the input:1 has 1 column\(s\) divided by tabs, expected 10"):
        list(untagged(["EU O"], form=Form.CONLLU))


def test_sentences_are_given_as_soon_as_they_have_ended():
    def lines():
        yield from ("a\tX", "b\tX", "", "c\tX")
        pytest.fail("more was read than was asked for")

    assert next(untagged(lines())).words == ("a", "b")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["# text = x", "1\tx"], r"the input:2 has 2 column\(s\) divided by tabs, expected 10"),
        (["1\tx" + "\t_" * 8, "7\ty" + "\t_" * 8], "the input:2 has ID 7, expected 2"),
        (["a\tX", "\tY"], "the input:2 has an empty first column; expected a word"),
    ],
)
def test_a_sentence_of_another_form_is_named(lines, message):
    with pytest.raises(ValueError, match=message):
        list(untagged(lines))
