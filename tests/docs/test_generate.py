"""The table of mechanisms is made from the code, and nothing exported is without page, formula and source."""

import inspect
import re
from pathlib import Path

import pytest
from torch import nn

import regard.attention
import regard.layers
from docs.generate import MEMBERS, PAGES, Group, Mechanism, faults, mechanism_of, table

DOCS = Path(PAGES).parent
EXPORTED = [(group, mechanism) for group in Group for mechanism in MEMBERS[group]]


def public(module):
    """What a package offers by name: its classes and functions, without its modules."""
    return {name: value for name, value in vars(module).items() if name[0] != "_" and callable(value)}


def test_every_layer_belongs_to_one_group():
    found = [value for value in public(regard.layers).values() if inspect.isclass(value)]
    wanted = [layer for layer in found if issubclass(layer, nn.Module)]
    grouped = [mechanism for _, mechanism in EXPORTED if mechanism.__module__.startswith("regard.layers.")]
    assert sorted(grouped, key=str) == sorted(wanted, key=str)


@pytest.mark.parametrize("group", Group, ids=lambda group: group.value)
def test_every_group_has_a_page_with_its_table_and_a_listing_in_the_reference(group):
    family = DOCS / "families" / f"{group.value}.md"
    assert f"```{{mechanisms}} {group.value}\n" in family.read_text(encoding="utf-8")
    assert f"```{{listing}} {group.value}\n" in (DOCS / "api.md").read_text(encoding="utf-8")
    assert f"/families/{group.value}.md" in (PAGES / "index.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("module", [regard.attention, regard.layers], ids=lambda module: module.__name__)
def test_every_public_name_is_in_the_reference(module):
    text = (DOCS / "api.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\.\. auto(?:class|function):: [\w.]+\.(\w+)$", text, re.MULTILINE))
    named |= {mechanism.__name__ for _, mechanism in EXPORTED}
    assert set(public(module)) - named == set()


@pytest.mark.parametrize("mechanism", [mechanism for _, mechanism in EXPORTED], ids=lambda value: value.__name__)
def test_every_exported_mechanism_has_a_formula_a_source_and_a_whole_page(mechanism):
    assert faults(mechanism_of(mechanism)) == []


def test_every_page_is_about_something_exported():
    pages = {mechanism_of(mechanism).page for _, mechanism in EXPORTED} | {"index"}
    assert {path.stem for path in PAGES.glob("*.md")} == pages


def test_every_group_has_mechanisms_and_its_table_names_all_of_them():
    for group in Group:
        found = [mechanism_of(mechanism) for mechanism in MEMBERS[group]]
        assert found
        for one in found:
            assert f"[{one.name}](/mechanisms/{one.page}.md)" in table(group)
            assert one.source in table(group)
            assert all(line in table(group) for line in one.formula)


class Made:
    """Look twice.

    w = w + w,
        and again

    Some words.

    Source: Nobody 1999,
        equation 3.
    """


class Bare:
    """Look.

    Only words, which say nothing.
    """


def test_a_docstring_is_read():
    want = Mechanism("Made", "regard", "Look twice.", ("w = w + w,", "and again"), "Nobody 1999, equation 3")
    assert mechanism_of(Made) == want


def test_names_of_pages():
    names = ("MultiHead", "Dot", "LocationAware", "TopK", "GRUCell")
    pages = [Mechanism(name, "regard", "", (), "").page for name in names]
    assert pages == ["multi-head", "dot", "location-aware", "top-k", "grucell"]


def test_what_is_missing_is_named(tmp_path):
    found = faults(mechanism_of(Bare), tmp_path)
    assert [fault.removeprefix("Bare") for fault in found] == [
        "'s docstring has no formula as its second paragraph",
        "'s docstring has no paragraph 'Source: ...' at its end",
        " has no page bare.md in docs/mechanisms",
    ]
    (tmp_path / "made.md").write_text("# Made\n\n## Shapes\n\n## Cost\n\n```{picture} One\n'<svg>'\n```\n")
    assert faults(mechanism_of(Made), tmp_path) == [
        "made.md has no section 'When to use it'",
        "made.md has no section 'Source'",
        "made.md has no equation",
        "made.md has no printed plan",
    ]
