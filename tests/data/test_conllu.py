from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as some

from regard.data.columns import columns_text, read_columns
from regard.data.conllu import Column, Sentence, conllu_text, read_conllu, sentence_of
from regard.data.tagged import Tagged, read_tagged

# A range, an empty node, a word with spaces, a quotation mark and comments with odd characters.
TEXT = """\
# sent_id = one
# text = Don't say "10 000"\u2028!
1-2\tDon't\t_\t_\t_\t_\t_\t_\t_\tSpaceAfter=No
1\tDo\tdo\tAUX\tVBP\tMood=Ind\t3\taux\t3:aux\t_
2\tn't\tnot\tPART\tRB\t_\t3\tadvmod\t3:advmod\t_
3\tsay\tsay\tVERB\tVB\tVerbForm=Inf\t0\troot\t0:root\t_
3.1\tit\tit\tPRON\tPRP\t_\t_\t_\t3:obj\t_
4\t"\t"\tPUNCT\t``\t_\t5\tpunct\t5:punct\tSpaceAfter=No
5\t10 000\t10 000\tNUM\tCD\tNumType=Card\t3\tobj\t3:obj\t_

# sent_id = two
1\tHund\tHund\tNOUN\tNN\t_\t0\troot\t_\t_

"""


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_what_is_read_is_written_again_to_the_letter(tmp_path):
    sentences = read_conllu(write(tmp_path / "a.conllu", TEXT))
    assert conllu_text(sentences) == TEXT
    assert [len(one.words) for one in sentences] == [5, 1]
    assert sentences[0].column(Column.FORM) == ("Do", "n't", "say", '"', "10 000")
    assert sentences[0].rows[0].cells[Column.MISC] == "SpaceAfter=No"
    assert [row.line for row in sentences[1].words] == [12]
    with gzip.open(tmp_path / "a.conllu.gz", "wt", encoding="utf-8", newline="\r\n") as file:
        file.write(TEXT)
    assert read_conllu(tmp_path / "a.conllu.gz") == sentences


def test_a_column_is_changed_and_all_else_stays(tmp_path):
    first = read_conllu(write(tmp_path / "a.conllu", TEXT))[0]
    changed = first.with_column(Column.UPOS, ["V", "W", "X", "Y", "Z"])
    assert changed.column(Column.UPOS) == ("V", "W", "X", "Y", "Z")
    before, after = first.text().split("\n"), changed.text().split("\n")
    assert [place for place, (one, other) in enumerate(zip(before, after, strict=True)) if one != other] == [
        3, 4, 5, 7, 8,
    ]  # fmt: skip
    assert changed.with_column(Column.UPOS, first.column(Column.UPOS)) == first
    with pytest.raises(ValueError, match="values has 2 entries, expected 5"):
        first.with_column(Column.UPOS, ["V", "W"])
    with pytest.raises(ValueError, match=r"values has 'a\\tb', expected text without tabs"):
        sentence_of(["x"]).with_column(Column.MISC, ["a\tb"])


LETTERS = some.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp"])
CELLS = some.text(LETTERS, min_size=1, max_size=7)


@given(some.lists(some.lists(some.tuples(CELLS, CELLS), min_size=1, max_size=5), min_size=1, max_size=3))
def test_any_words_come_back_from_both_formats(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("any")
    sentences = [sentence_of([word for word, _tag in row]) for row in rows]
    assert read_conllu(write(folder / "a.conllu", conllu_text(sentences))) == [
        _numbered(s) for s in _placed(sentences)
    ]
    text = columns_text(rows)
    kept = [row for row in rows if not any(word.startswith("-DOCSTART-") for word, _tag in row)]
    if kept == rows:
        assert [one.rows for one in read_columns(write(folder / "a.tsv", text))] == [tuple(row) for row in rows]


def _placed(sentences):
    line = 1
    for sentence in sentences:
        yield sentence, line
        line += len(sentence.rows) + 1


def _numbered(placed):
    sentence, line = placed
    rows = tuple(type(row)(row.cells, line + place) for place, row in enumerate(sentence.rows))
    return Sentence(sentence.comments, rows)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1\tx\t_\n", r"a.conllu:1 has 3 column\(s\) divided by tabs, expected 10: '1\\tx\\t_'"),
        ("1" + "\tx" * 9 + "\n3" + "\tx" * 9 + "\n", "a.conllu:2 has ID 3, expected 2: words count from 1"),
        ("one" + "\tx" * 9 + "\n", "a.conllu:1 has ID 'one', expected a number, a range"),
        ("1\t" + "\tx" * 8 + "\n", "a.conllu:1 has an empty column FORM; write '_' for none"),
        ("# text = x\n# more\n\n1" + "\tx" * 9 + "\n", "a.conllu:1 begins a sentence without words"),
        ("1" + "\tx" * 9 + "\n# late\n", r"a.conllu:2 has 1 column\(s\)"),
        ("\n \n", "a.conllu has only blank lines"),
        ("", "a.conllu is empty"),
    ],
)
def test_what_is_wrong_with_a_table_is_said(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        read_conllu(write(tmp_path / "a.conllu", text))


def test_columns_of_any_kind_are_read_and_documents_left_out(tmp_path):
    text = "-DOCSTART- -X- O O\n\nEU NNP I-NP B-ORG\nrejects VBZ I-VP O\n\n-DOCSTART- -X- O O\nPeter NNP I-NP B-PER\n"
    found = read_columns(write(tmp_path / "a.txt", text))
    assert [one.column(0) for one in found] == [("EU", "rejects"), ("Peter",)]
    assert found[0].column(-1) == ("B-ORG", "O")
    spaced = read_columns(write(tmp_path / "b.txt", "New York\tB-LOC\n"))
    assert spaced[0].rows == (("New York", "B-LOC"),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("EU\tB-ORG\nrejects\n", r"a.tsv:2 has 1 column\(s\), expected at least 2: a word and its tag"),
        ("EU\tB-ORG\nrejects\tx\tO\n", r"a.tsv:2 has 3 column\(s\), but the line before it has 2"),
        ("EU\t\n", "a.tsv:1 has an empty column"),
        ("-DOCSTART-\tO\n", "a.tsv has no sentence"),
    ],
)
def test_what_is_wrong_with_columns_is_said(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        read_tagged(write(tmp_path / "a.tsv", text))
    with pytest.raises(ValueError, match="a cell is ' ', expected text"):
        columns_text([[(" ", "O")]])


def test_tags_come_from_the_column_that_is_asked_for(tmp_path):
    path = write(tmp_path / "a.conllu", TEXT)
    assert read_tagged(path)[1] == Tagged(("Hund",), ("NOUN",))
    assert read_tagged(path, Column.XPOS)[0].tags == ("VBP", "RB", "VB", "``", "CD")
    assert read_tagged(path, Column.FEATS)[0].tags == ("Mood=Ind", "_", "VerbForm=Inf", "_", "NumType=Card")
    without = write(tmp_path / "b.conllu", TEXT.replace("\tRB\t", "\t_\t"))
    with pytest.raises(ValueError, match=r"b.conllu:5 has no XPOS: word \"n't\"; expected a tag for each word"):
        read_tagged(without, Column.XPOS)
    with pytest.raises(ValueError, match="tags has 1 entries, expected 2"):
        Tagged(("a", "dog"), ("DET",))
