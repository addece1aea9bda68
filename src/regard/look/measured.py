"""What was measured of a record's faithfulness: numbers for heads, with their bounds, kept beside the record."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from regard.look.record_file import MEASURED
from regard.look.written import write_text

FORMAT = 1


@dataclass(frozen=True)
class Protocol:
    """How heads are measured.

    Args:
        passages: how many passages of the text are read, each by itself; the head's last row is measured in each.
        tokens: of a passage.
        shares: parts of the keys that are taken.
        orders: random orders.
        shuffles: of the permutation.
        most: keys of which the agreement's largest are compared.
        seed: of orders and shuffles.

    Raises:
        ValueError: a number is not positive, or a passage has fewer than three tokens.
    """

    passages: int = 8
    tokens: int = 16
    shares: tuple[float, ...] = (0.1, 0.2, 0.5)
    orders: int = 5
    shuffles: int = 20
    most: int = 5
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.passages, self.orders, self.shuffles, self.most) < 1 or self.tokens < 3:
            raise ValueError(
                f"passages, orders, shuffles and most are {self.passages}, {self.orders}, {self.shuffles} and "
                f"{self.most}, tokens is {self.tokens}; expected at least 1, and at least 3 tokens."
            )


@dataclass(frozen=True)
class Finding:
    """One measure of one head, over passages.

    Args:
        mean: over the passages.
        low: where the mean's 95 % bootstrap interval begins.
        high: where it ends.
        random: the same of random orders; None where there is no such thing.
        best: of the best order found step by step, or the gradient's agreement; None where there is none.
        chance: how likely as large a distance from random is by chance alone, corrected for the number of heads.
    """

    mean: float
    low: float
    high: float
    random: float | None
    best: float | None
    chance: float | None


@dataclass(frozen=True)
class Trusted:
    """What was measured of one head.

    Args:
        layer: the attention's name in the record.
        head: its number in the model.
        findings: by the measure's name.
    """

    layer: str
    head: int
    findings: Mapping[str, Finding]


@dataclass(frozen=True)
class Measured:
    """What was measured of a record, and how.

    Args:
        model: which model answered.
        passages: how many there were; a short text has fewer than were asked for.
        protocol: how heads were measured.
        heads: what was found.
    """

    model: str
    passages: int
    protocol: Protocol
    heads: tuple[Trusted, ...]

    def save(self, folder: str | Path) -> None:
        """Write it beside a saved record, whole or not at all.

        Raises:
            FileNotFoundError: there is no record in the folder.
        """
        if not (Path(folder) / "record.json").exists():
            raise FileNotFoundError(f"{folder} is no record: it has no record.json. Save the record first.")
        write_text(Path(folder) / MEASURED, [json.dumps(self.told(), allow_nan=False)])

    def told(self) -> dict[str, Any]:
        """As JSON."""
        return {"format": FORMAT, **asdict(self)}


def load_measured(folder: str | Path) -> Measured | None:
    """What is kept beside a saved record; None where it was not measured.

    Raises:
        ValueError: the file is damaged, or of another format.
    """
    path = Path(folder) / MEASURED
    if not path.exists():
        return None
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        if said["format"] != FORMAT:
            raise ValueError(f"its format is {said['format']}, expected {FORMAT}")
        protocol = Protocol(**{**said["protocol"], "shares": tuple(said["protocol"]["shares"])})
        heads = tuple(_trusted(one) for one in said["heads"])
        return Measured(str(said["model"]), int(said["passages"]), protocol, heads)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} cannot be read: {error}. Measure again, or remove it.") from None


def _trusted(said: dict[str, Any]) -> Trusted:
    findings = {str(name): _finding(found) for name, found in said["findings"].items()}
    return Trusted(str(said["layer"]), int(said["head"]), findings)


def _finding(said: dict[str, Any]) -> Finding:
    mean, low, high = (float(said[name]) for name in ("mean", "low", "high"))
    random, best, chance = (
        None if said[name] is None else float(said[name]) for name in ("random", "best", "chance")
    )
    return Finding(mean, low, high, random, best, chance)
