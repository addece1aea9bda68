from __future__ import annotations

import gzip
import json

import pytest

from regard.data import Pair, dataset, read_parallel


def test_every_kind_of_file_gives_the_same_pairs(tmp_path):
    pairs = [Pair("ein Hund, rot", "a dog"), Pair('"zwei" Katzen', "two cats"), Pair("", "")]
    (tmp_path / "a.de").write_text("".join(f"{p.source}\n" for p in pairs), encoding="utf-8")
    (tmp_path / "a.en").write_bytes("".join(f"{p.target}\r\n" for p in pairs).encode())
    assert read_parallel(tmp_path / "a.de", tmp_path / "a.en") == pairs
    with gzip.open(tmp_path / "b.de.gz", "wt", encoding="utf-8") as file:
        file.write("".join(f"{p.source}\n" for p in pairs))
    assert read_parallel(tmp_path / "b.de.gz", tmp_path / "a.en") == pairs
    (tmp_path / "c.tsv").write_text("".join(f"{p.source}\t{p.target}\n" for p in pairs))
    assert read_parallel(tmp_path / "c.tsv") == pairs
    (tmp_path / "d.csv").write_text('target,source\na dog,"ein Hund, rot"\ntwo cats,"""zwei"" Katzen"\n')
    assert read_parallel(tmp_path / "d.csv") == pairs[:2]
    (tmp_path / "e.jsonl").write_text("\n".join(json.dumps({"source": p.source, "target": p.target}) for p in pairs))
    assert read_parallel(tmp_path / "e.jsonl") == pairs


def test_odd_characters_inside_of_a_line_do_not_end_it(tmp_path):
    (tmp_path / "a").write_text("one\x0ctwo\u2028three\x85four\n", encoding="utf-8")
    assert read_parallel(tmp_path / "a", tmp_path / "a")[0].source == "one\x0ctwo\u2028three\x85four"


def test_unequal_lengths_name_both_counts_and_the_first_odd_line(tmp_path):
    (tmp_path / "a").write_text("1\n2\n3\n")
    (tmp_path / "b").write_text("1\n2\n3\n4\n5\n")
    with pytest.raises(ValueError, match=r"a has 3 lines and .*b has 5; .* without a partner: .*b:4 \('4'\)"):
        read_parallel(tmp_path / "a", tmp_path / "b")
    (tmp_path / "c").write_text("1\n\n3\n4\n")
    with pytest.raises(ValueError, match="An earlier suspect: line 2 is empty on one side only"):
        read_parallel(tmp_path / "a", tmp_path / "c")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.tsv", b"ein\ta\nzwei\xff\tb\n", r"a.tsv:2 is not UTF-8: byte 0xff at offset 10"),
        ("a.tsv", b"", "a.tsv is empty"),
        ("a.tsv", b"only one\n", r"a.tsv:1 has 1 column\(s\), expected at least 2"),
        ("a.jsonl", b'{"source": "x"}\n', r'a.jsonl:1 needs the fields "source" and "target"'),
        ("a.jsonl", b"\n{]\n", r"a.jsonl:2 is not JSON: .* at column 2"),
        ("a.csv", b"source,target\n", "a.csv has no pairs"),
        ("a.doc", b"x", r"a.doc ends in .doc, expected .tsv"),
        ("a.tsv.gz", b"\x1f\x8bbroken", "a.tsv.gz is not a whole gzip file"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_parallel(tmp_path / name)


def test_an_unknown_data_set_is_answered_with_the_nearest():
    with pytest.raises(ValueError, match="data set 'statcn' is not known; .* Did you mean 'statcan'"):
        dataset("statcn")
