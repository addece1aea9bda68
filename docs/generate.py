"""What is written from the code instead of by hand: the table of mechanisms and the list of names."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from regard import layers
from regard.attention import SCORES, WEIGHINGS, WHERES

PAGES = Path(__file__).parent / "mechanisms"
# What a page says beside its equation and its picture, in this order.
SECTIONS = ("Shapes", "When to use it", "Cost", "Source")


class Group(Enum):
    """What a mechanism is for; each has a page docs/families/NAME.md that leads to those of its mechanisms."""

    SCORES = "scores"
    WHERES = "wheres"
    WEIGHINGS = "weighings"
    BLOCKS = "blocks"
    POSITIONS = "positions"
    POOLING = "pooling"
    MEMORIES = "memories"
    SOURCES = "sources"
    CHOICES = "choices"
    IMAGES = "images"


MEMBERS: dict[Group, tuple[type, ...]] = {
    Group.SCORES: SCORES,
    Group.WHERES: WHERES,
    Group.WEIGHINGS: WEIGHINGS,
    Group.BLOCKS: (
        layers.MultiHead,
        layers.FeedForward,
        layers.Bidirectional,
        layers.ContextGate,
        layers.Dropout,
    ),
    Group.POSITIONS: (layers.Sinusoidal, layers.Learned, layers.Rotary),
    Group.POOLING: (
        layers.Pool,
        layers.MatrixPooling,
        layers.MultiDimensional,
        layers.MultiDimensionalPooling,
        layers.Hierarchy,
        layers.TopDown,
    ),
    Group.MEMORIES: (layers.KeyValue, layers.KeyValueSplit, layers.KeyValueHops, layers.MemoryHops),
    Group.SOURCES: (
        layers.ParallelCoAttention,
        layers.AlternatingCoAttention,
        layers.CoAttention,
        layers.CrossFusion,
        layers.MultiRepresentation,
        layers.Plain,
        layers.Contextual,
    ),
    Group.CHOICES: (layers.Pointer, layers.Copy, layers.CRF),
    Group.IMAGES: (layers.Glimpse, layers.SaliencyMap, layers.ChannelGate),
}


@dataclass(frozen=True)
class Mechanism:
    """What the docstring of an exported mechanism says of it; what is missing is empty."""

    name: str
    place: str
    does: str
    formula: tuple[str, ...]
    source: str

    @property
    def page(self) -> str:
        """Its page's name: MultiHead is multi-head."""
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", self.name).lower()


def mechanism_of(mechanism: type) -> Mechanism:
    """What the docstring says: its first line, its second paragraph if that is a formula, and its source."""
    text = inspect.cleandoc(mechanism.__doc__ or "")
    paragraphs = [*text.split("\n\n"), "", ""]
    formula = paragraphs[1] if is_formula(paragraphs[1]) else ""
    source = re.search(r"^Source: (.+?)\Z", text, re.DOTALL | re.MULTILINE)
    place = "regard.layers" if mechanism.__module__.startswith("regard.layers.") else "regard"
    return Mechanism(
        mechanism.__name__,
        place,
        paragraphs[0],
        tuple(re.sub(" {2,}", "  ", line.strip()) for line in formula.splitlines()),
        " ".join(source[1].split()).rstrip(".") if source else "",
    )


def is_formula(paragraph: str) -> bool:
    """Whether a paragraph of a docstring relates or adds things, and is no sentence."""
    return bool(re.search(r" [=+~]|<=|=\"", paragraph)) and not paragraph.rstrip().endswith(".")


def faults(mechanism: Mechanism, pages: Path = PAGES) -> list[str]:
    """What a mechanism and its page lack, in words; empty where nothing is missing."""
    path = pages / f"{mechanism.page}.md"
    parts = {
        "first line": mechanism.does,
        "formula as its second paragraph": mechanism.formula,
        "paragraph 'Source: ...' at its end": mechanism.source,
    }
    found = [f"{mechanism.name}'s docstring has no {part}" for part, said in parts.items() if not said]
    if not path.exists():
        return [*found, f"{mechanism.name} has no page {path.name} in docs/mechanisms"]
    text = path.read_text(encoding="utf-8")
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    found += [f"{path.name} has no section {section!r}" for section in SECTIONS if section not in headings]
    wanted = {"equation": "\n$$\n", "picture": "\n```{picture}"}
    if mechanism.place == "regard":
        wanted["printed plan"] = "print(rg.explain("
    return found + [f"{path.name} has no {what}" for what, mark in wanted.items() if mark not in text]


def table(group: Group) -> str:
    """The mechanisms of a group as a MyST table with links to their pages, and those pages as a toctree."""
    mechanisms = [mechanism_of(mechanism) for mechanism in MEMBERS[group]]
    rows = "".join(_row(mechanism) for mechanism in mechanisms)
    pages = "\n".join(f"/mechanisms/{mechanism.page}" for mechanism in mechanisms)
    return (
        ":::{list-table}\n:header-rows: 1\n:widths: 14 56 30\n:class: mechanisms\n\n"
        f"* - Name\n  - What it does\n  - Source\n{rows}:::\n\n"
        f":::{{toctree}}\n:hidden:\n\n{pages}\n:::\n"
    )


def _row(mechanism: Mechanism) -> str:
    formula = "\\\n    ".join(f"`{line}`" for line in mechanism.formula)
    return (
        f"* - [{mechanism.name}](/mechanisms/{mechanism.page}.md)\n"
        f"  - {mechanism.does}\n\n    {formula}\n  - {mechanism.source}\n"
    )


def listing(group: Group) -> str:
    """The classes of a group for autodoc, as reStructuredText."""
    found = [mechanism_of(mechanism) for mechanism in MEMBERS[group]]
    return "\n".join(f".. autoclass:: {one.place}.{one.name}\n   :members:\n" for one in found)
