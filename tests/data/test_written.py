from __future__ import annotations

import os
import stat

import pytest

from regard.data.inventory import Inventory
from regard.data.lexicon import Lexicon
from regard.data.vocabulary import Words
from regard.data.written import folder_at_once, write_at_once, write_text


@pytest.fixture
def umask():
    before = os.umask(0o027)
    yield
    os.umask(before)


def _mode(path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("umask")
def test_who_may_read_what_was_written_is_for_the_umask_to_say(tmp_path):
    write_text(tmp_path / "a.txt", "ä")
    folder_at_once(tmp_path / "deep" / "folder", lambda place: (place / "b.txt").write_text("b"))
    assert (tmp_path / "a.txt").read_bytes() == b"\xc3\xa4"
    assert (tmp_path / "deep" / "folder" / "b.txt").read_text() == "b"
    assert _mode(tmp_path / "a.txt") == _mode(tmp_path / "deep" / "folder" / "b.txt") == 0o640
    assert _mode(tmp_path / "deep" / "folder") == 0o750


def test_what_fails_in_the_middle_leaves_what_was_there(tmp_path):
    def half(place):
        (place / "a" if place.is_dir() else place).write_text("half")
        raise OSError("the disk is full")

    (tmp_path / "a.txt").write_text("whole")
    for write, path in ((write_at_once, tmp_path / "a.txt"), (folder_at_once, tmp_path / "folder")):
        with pytest.raises(OSError, match="the disk is full"):
            write(path, half)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.txt", "whole")]


@pytest.mark.parametrize(
    "made", [Inventory(("a", "b")), Lexicon(["a"], 1, [], []), Words(["a"])], ids=lambda made: type(made).__name__
)
def test_what_a_model_knows_is_never_half_written(made, tmp_path, monkeypatch):
    path = tmp_path / "known.json"
    made.save(path)
    whole = path.read_text()

    def broken(source, target):
        raise OSError("killed")

    monkeypatch.setattr(os, "replace", broken)
    with pytest.raises(OSError, match="killed"):
        made.save(path)
    assert path.read_text() == whole
    assert list(tmp_path.iterdir()) == [path]
