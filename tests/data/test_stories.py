from __future__ import annotations

import gzip
import http.server
import threading

import pytest

from regard.data import DATASETS, Question, babi, dataset, told
from regard.data.stories import hold_out, parse_stories, read_stories, words_of

FILE = """1 Mary moved to the bathroom.
2 John went to the hallway.
3 Where is Mary? \tbathroom\t1
4 Mary got the milk there.
5 How do you go from the hall to the shop?\ts,e\t4 2
1 Is it late?
2 It is.
3 Is it late now?\tYes\t2
"""


def test_questions_know_the_story_before_them_and_what_they_hang_on():
    first, second, unanswered, last = parse_stories(FILE.splitlines(), "5")
    two = ("Mary moved to the bathroom.", "John went to the hallway.")
    assert first == Question(two, "Where is Mary?", "bathroom", (0,), "5")
    assert second == Question(
        (*two, "Mary got the milk there."), "How do you go from the hall to the shop?", "s,e", (2, 1), "5"
    )
    assert unanswered == Question((), "Is it late?", "", (), "5")
    assert last == Question(("It is.",), "Is it late now?", "yes", (0,), "5")


def test_a_question_is_answered_before_the_next_line_is_read():
    lines = iter(FILE.splitlines())
    assert next(parse_stories(lines)).answer == "bathroom"
    assert next(lines) == "4 Mary got the milk there."


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Mary went home.\n", "mine.txt:1 is 'Mary went home.'; expected a number and a sentence"),
        ("1\n", "mine.txt:1 is '1'; expected a number"),
        ("1 A.\n\n3 B.\n", "mine.txt:3 has number 3, expected 2, or 1 for a new story"),
        ("2 A.\n", "mine.txt:1 has number 2, expected 1, or 1"),
        ("1 A.\n2 B?\tc\t7\n", "mine.txt:2 hangs on line 7, which is no sentence of its story"),
        ("1 A.\n2 B?\tc\tx\n", "mine.txt:2 hangs on line x"),
        ("1 A.\n\n2 B?\tc\n3 D?\n4 E?\te\n", "mine.txt:4 has no answer to 'D[?]'; expected it after a tab"),
        ("1 A.\n2 B?\t\t1\n", "mine.txt:2 has no answer to 'B[?]'"),
        ("", "mine.txt is empty"),
        ("1 A.\n", "has no question; expected lines such as"),
    ],
)
def test_what_is_wrong_with_a_file_is_named(tmp_path, text, says):
    path = tmp_path / "mine.txt"
    path.write_text(text)
    with pytest.raises(ValueError, match=says):
        read_stories(path, "mine")


def test_bytes_that_are_no_text_are_named(tmp_path):
    path = tmp_path / "mine.txt"
    path.write_bytes(b"1 A\xff.\n")
    with pytest.raises(ValueError, match="mine.txt:1 is not UTF-8: byte 0xff at offset 3"):
        read_stories(path, "mine")


def test_marks_of_the_encoding_and_rare_separators_are_no_lines_and_packed_files_are_read(tmp_path):
    text = "1 Ann ran\u2028home.\r\n2 Bob\x0csat\x85down.\n3 Who sat?\tBob\t2\n"
    plain, packed = tmp_path / "mine.txt", tmp_path / "mine.txt.gz"
    plain.write_bytes(text.encode("utf-8-sig"))
    packed.write_bytes(gzip.compress(text.encode()))
    expected = [Question(("Ann ran\u2028home.", "Bob\x0csat\x85down."), "Who sat?", "bob", (1,), "mine")]
    assert read_stories(plain, "mine") == read_stories(packed, "mine") == expected


def test_the_words_of_an_answer_stand_one_space_apart():
    (found,) = parse_stories(["1 Where?\t The  Old\u00a0Shop \t"])
    assert found.answer == "the old shop"


def test_words_are_lower_case_and_without_signs():
    assert words_of('Emily\'s "red" (well-known) sheep, really: go!') == [
        "emily's",
        "red",
        "well-known",
        "sheep",
        "really",
        "go",
    ]


@pytest.mark.parametrize(("count", "share", "held"), [(1000, 0.1, 100), (3, 0.1, 1), (2, 0.9, 1), (7, 0.5, 4)])
def test_the_last_share_is_held_out(count, share, held):
    questions = [Question((), str(number), "a", (), "") for number in range(count)]
    kept, validation = hold_out(questions, share)
    assert kept + validation == questions
    assert len(validation) == held


def test_nothing_can_be_held_out_of_one_question_or_by_no_share():
    one = Question((), "A?", "b", (), "")
    for questions, share in (([one], 0.1), ([one, one], 0.0), ([one, one], 1.0)):
        with pytest.raises(ValueError, match="data.held_out is .* expected a share between 0 and 1"):
            hold_out(questions, share)


def tiny(folder, number: int) -> None:
    for part in ("train", "test"):
        text = "".join(f"1 {part} {number} {place}.\n2 Which?\t{place}\t1\n" for place in range(10))
        (folder / f"qa{number}_{babi.TASKS[number - 1].replace(' ', '-')}_{part}.txt").write_text(text)


def test_tasks_are_read_from_a_folder_with_the_official_names(tmp_path):
    for number in (2, 19):
        tiny(tmp_path, number)
    splits = babi.load([19, 2], tmp_path)
    assert [(one.kind, one.answer) for one in splits.validation] == [("19", "9"), ("2", "9")]
    assert [len(part) for part in (splits.train, splits.validation, splits.test)] == [18, 2, 20]
    assert splits.train[9].story == ("train 2 0.",)
    assert splits.sha256() != babi.load([19], tmp_path).sha256()
    with pytest.raises(FileNotFoundError, match="has no qa1_single-supporting-fact_train.txt, which task 1 of bAbI"):
        babi.load([1], tmp_path)


@pytest.mark.parametrize("tasks", [[], [0], [21]])
def test_tasks_that_are_none_are_refused(tasks):
    with pytest.raises(ValueError, match="data.tasks .* expected numbers from 1 to 20"):
        babi.load(tasks)


def test_a_download_that_is_another_file_is_refused(tmp_path, monkeypatch):
    (tmp_path / "qa1_single-supporting-fact_train.txt").write_text("1 A.\n2 B?\tc\n")
    handler = type(
        "Handler",
        (http.server.SimpleHTTPRequestHandler,),
        {
            "__init__": lambda self, *a: http.server.SimpleHTTPRequestHandler.__init__(self, *a, directory=tmp_path),
            "log_message": lambda self, *a: None,
        },
    )
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("REGARD_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(babi, "_ADDRESS", f"http://127.0.0.1:{server.server_address[1]}")
        with pytest.raises(ValueError, match="expected sha256 c64ba9b1a49b.*the download broke off"):
            babi.load([1])
        with pytest.raises(OSError, match="Download the files by hand and name their folder with data.folder"):
            babi.load([2])
        server.shutdown()


def test_made_up_stories_are_answered_by_the_last_walk_and_never_told_twice():
    splits = told.load_told()
    assert [len(part) for part in (splits.train, splits.validation, splits.test)] == [300, 50, 50]
    questions = [*splits.train, *splits.validation, *splits.test]
    assert len({(one.story, one.text) for one in questions}) == 400
    for one in questions:
        person = one.text.removeprefix("Where is ").removesuffix("?")
        last = [sentence for sentence in one.story if sentence.startswith(person + " ")][-1]
        assert last == one.story[one.supporting[0]]
        assert last.endswith(f" the {one.answer}.")
    assert splits.sha256() == told.load_told().sha256()


def test_stories_are_data_sets_by_name():
    assert dataset("told", Question).load().train[0].kind == "told"
    assert {one.name for one in DATASETS if one.example is Question} == {"babi", "told"}
