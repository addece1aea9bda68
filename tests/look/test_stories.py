from __future__ import annotations

import re

import pytest

from regard.look.colours import colour, ink
from regard.look.report import report
from regard.look.run import Run
from regard.look.samples import sample_of
from regard.look.stories import StoryAsked, hops_svg
from tests.look.test_report import EVIL, Tags

FIELDS = {
    "view": "story",
    "story": ["Ada went home.", "Ben ran.", "Ada sat."],
    "question": "Where is Ada?",
    "answer": "home",
    "text": "work",
    "supporting": [0],
    "weights": [[0.9, 0.096, 0.004], [0.25, 0.25, 0.5]],
}


def test_every_weight_has_a_cell_of_its_colour_and_the_strongest_a_frame():
    picture = hops_svg(FIELDS["story"], FIELDS["weights"], [0], "what was read")
    cells = re.findall(
        r'<rect class="w(\d+) edge" x="([\d.]+)" y="([\d.]+)".*?fill="(#\w+)"><title>(.*?)</title>', picture
    )
    assert len(cells) == 6
    assert [cell[3] for cell in cells] == [colour(w) for pair in zip(*FIELDS["weights"], strict=True) for w in pair]
    assert cells[0][4] == "hop 1 read “Ada went home.”: 0.900"
    assert len({cell[1] for cell in cells}) == 2
    assert [cell[2] for cell in cells[::2]] == ["27", "53", "79"]
    # 0.004 is too little to be written down.
    assert re.findall(r'class="value v\d+".*?>(\d+)<', picture) == ["90", "25", "10", "25", "50"]
    frames = re.findall(r'class="strongest".*? d="M([\d.]+) ([\d.]+)h', picture)
    assert frames == [(cells[0][1], "27"), (cells[1][1], "79")]
    assert picture.count("<circle") == 1
    assert f'fill="{ink(colour(0.9))}"' in picture
    assert 'aria-label="what was read"' in picture


def test_weights_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"weights has rows of \[2\] numbers, expected 3"):
        hops_svg(FIELDS["story"], [[0.5, 0.5]], [], "")
    with pytest.raises(ValueError, match="not a finite number"):
        hops_svg(["a"], [[float("nan")]], [], "")


def test_no_text_becomes_markup_and_every_tag_is_closed():
    evil = StoryAsked([EVIL, EVIL], EVIL, EVIL, EVIL, [0, 1], [[0.5, 0.5]])
    page, tags = report(Run("run", "", [], {}, [evil])), Tags()
    tags.feed(page)
    assert not {"img", "script", "link"} & set(tags.found)
    assert {"svg", "rect", "circle"} <= set(tags.found)
    assert tags.open == []


def test_a_sample_of_a_run_is_told_on_the_page_and_on_the_terminal():
    sample = sample_of(FIELDS)
    assert isinstance(sample, StoryAsked)
    page = report(Run("run", "", [], {}, [sample]))
    assert "<h2>Questions</h2>" in page
    assert "<dd class=ours dir=auto>work</dd>" in page
    assert sample.lines() == [
        "story      Ada went home.",
        "           Ben ran.",
        "           Ada sat.",
        "question   Where is Ada?",
        "answer     home",
        "ours       work",
        "hop 1      0.90 Ada went home.",
        "hop 2      0.50 Ada sat.",
    ]


def test_a_question_without_a_story_has_a_picture_without_rows():
    empty = StoryAsked([], "Is it?", "yes", "no", [], [[], []])
    assert empty.lines() == ["question   Is it?", "answer     yes", "ours       no"]
    assert "<rect" not in empty.article(1)
