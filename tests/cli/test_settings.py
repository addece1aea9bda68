"""What is made of settings as they are typed: texts as they stand, all else as YAML, and what is said to the rest."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from regard.cli.settings import parse
from regard.tasks.documents_settings import Config as Documents
from regard.tasks.translation_settings import Config as Translation


@dataclass(frozen=True)
class Inner:
    """A part with texts."""

    name: str = "mine"
    folder: str | None = "here"


class Kind:
    """A part that is one of several classes."""


@dataclass(frozen=True)
class Plain(Kind):
    """One that has a number."""

    size: int = 1


@dataclass(frozen=True)
class Odd(Kind):
    """Another one, which has a text of the same name."""

    size: str = ""


@dataclass(frozen=True)
class Outer:
    """Settings with such a part."""

    inner: Inner = field(default_factory=Inner)
    kind: Kind = field(default_factory=Plain)
    names: list[str] = field(default_factory=list)


@pytest.mark.parametrize(
    "text", ["0", "on", "null", "~", "", "*.csv", "@review", "a: b", "a #b", "[x]", "2020-01-01"]
)
def test_a_text_is_taken_as_it_stands(text):
    found, _yaml = parse(Outer, [f"inner.name={text}"])
    assert found.inner.name == text


def test_a_text_of_a_chosen_class_is_taken_as_it_stands():
    found, text = parse(Outer, ["kind=Odd", "kind.size=07"])
    assert found.kind == Odd("07")
    assert "size: '07'" in text
    assert parse(Outer, ["kind.size=0x7"])[0].kind == Plain(7)


def test_quotation_marks_are_those_of_yaml_and_none_is_none():
    found, _yaml = parse(Outer, ['inner.name="a: b"', "inner.folder=null"])
    assert found.inner == Inner("a: b", None)
    assert parse(Outer, ["inner.folder=*"])[0].inner.folder == "*"
    assert parse(Outer, ["names=[a.en, b]"])[0].names == ["a.en", "b"]


@pytest.mark.parametrize(
    ("kind", "setting", "message"),
    [
        (Outer, "names=*.csv", r"names is '\*.csv', which is not YAML; put a text with such signs between quotation"),
        (Documents, "known.size=x", "known.size is 'x', expected int."),
        (Documents, "known.tuning=no", "known.tuning is 'False', expected one of KEPT, TUNED."),
        (Documents, "training.clip_by=all", "training.clip_by is 'all', expected one of 'model', 'weight'."),
        (Documents, "training.minutes=soon", "training.minutes is 'soon', expected float or null."),
        (
            Translation,
            "pieces.kind=letters",
            "pieces.kind is 'letters', expected one of 'subwords', 'words', 'charac",
        ),
    ],
)
def test_what_does_not_fit_is_named_with_what_was_expected(kind, setting, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        parse(kind, [setting])
