"""Files of TSPLIB and CVRPLIB: instances in the plane, and their best tours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from regard.data.routes import Deliveries, Distance, Instance, check_tours, framed
from regard.data.tables import read_lines

_ENDS = ("EOF", "-1")
_SECTIONS = ("NODE_COORD_SECTION", "DEMAND_SECTION", "DEPOT_SECTION", "TOUR_SECTION")
_LIMITS = ("DISTANCE", "SERVICE_TIME")


def read_tsplib(path: str | Path) -> Instance:
    """The instance of a .tsp or .vrp file; a best tour beside it (.opt.tour, .sol) says how long the best is.

    Raises:
        ValueError: what `parse_tsplib` says; the tour beside it does not belong to it.
        OSError: the file cannot be read.
    """
    path = Path(path)
    found = parse_tsplib(read_lines(path), str(path))
    for beside, read in ((".opt.tour", read_tour), (".sol", read_solution)):
        tours = path.with_name(path.name.removesuffix(path.suffix) + beside)
        if tours.exists():
            best = read(tours)
            _check_best(found, best, str(tours))
            facts = {"deliveries": found.deliveries, "distance": found.distance, "known": found.length(best)}
            return framed(found.name, found.places, **facts)
    return found


def parse_tsplib(lines: Iterable[str], where: str, first: int = 1) -> Instance:
    r"""The instance that lines in the layout of TSPLIB tell of: TYPE TSP or CVRP, with coordinates in the plane.

    Args:
        lines: of the file.
        where: what errors call it.
        first: number of the first line, for errors.

    Raises:
        ValueError: the type, or the kind of distance, is another one; the length of tours is limited; a section is
            not known, missing, too short, or has no numbers where they must be (the line is named).

    Example:
        >>> text = "NAME: three\nTYPE: TSP\nDIMENSION: 3\nEDGE_WEIGHT_TYPE: EUC_2D\nNODE_COORD_SECTION"
        >>> parse_tsplib([*text.split("\n"), "1 0 0", "2 3 4", "3 0 4", "EOF"], "three.tsp").length([[0, 1, 2]])
        12.0

    Source: Reinelt 1995 (TSPLIB 95), section 1.
    """
    facts, sections = _read(lines, where, first)
    kind, distance = (facts.get("TYPE", "TSP").split() or ["nothing"])[0], facts.get("EDGE_WEIGHT_TYPE", "")
    if kind not in ("TSP", "CVRP"):
        raise ValueError(f"{where} is of TYPE {kind}, expected TSP or CVRP.")
    if distance not in [one.value for one in Distance if one is not Distance.PLAIN]:
        raise ValueError(
            f"{where} has EDGE_WEIGHT_TYPE {distance or 'missing'}, expected EUC_2D, CEIL_2D or ATT: a model sees "
            "points in the plane."
        )
    _check_known(facts, sections, where)
    places = _table(sections, "NODE_COORD_SECTION", 3, where)
    _check_count(facts, len(places), where)
    name = facts.get("NAME", Path(where).stem)
    if kind == "TSP":
        return framed(name, places[:, 1:], distance=Distance(distance))
    return _deliveries(name, facts, sections, places, where)


def read_tour(path: str | Path) -> list[list[int]]:
    """The tour of an .opt.tour file, places counted from 0.

    Raises:
        ValueError: it has no TOUR_SECTION, or that has no numbers, or others than whole ones.
        OSError: it cannot be read.
    """
    _facts, sections = _read(read_lines(Path(path)), str(path))
    if not sections.get("TOUR_SECTION"):
        raise ValueError(f"{path} has no TOUR_SECTION with the places of a tour.")
    return [[number - 1 for number in _listed(sections["TOUR_SECTION"], str(path))]]


def read_solution(path: str | Path) -> list[list[int]]:
    """The tours of a .sol file of CVRPLIB, each from the depot, which is place 0; customer 1 is place 1.

    Raises:
        ValueError: it has no lines such as "Route #1: 3 1 2".
        OSError: it cannot be read.
    """
    tours = []
    for number, line in enumerate(read_lines(Path(path)), start=1):
        if line.lower().startswith("route"):
            tours.append([0, *(_whole(text, number, str(path)) for text in line.partition(":")[2].split())])
    if not tours:
        raise ValueError(f"{path} has no routes; expected lines such as 'Route #1: 3 1 2'.")
    return tours


Section = list[tuple[int, list[str]]]


def _read(lines: Iterable[str], where: str, first: int = 1) -> tuple[dict[str, str], dict[str, Section]]:
    """Facts by keyword, and rows of each section with their line."""
    facts: dict[str, str] = {}
    sections: dict[str, Section] = {}
    current: Section | None = None
    for number, line in _filled(lines, first):
        word = line.partition(":")[0].strip().upper()
        if word.endswith("_SECTION"):
            current = sections.setdefault(word, [])
        elif word in _ENDS:
            current = None
        elif current is not None and word and not word[0].isalpha():
            current.append((number, line.split()))
        elif word and ":" in line:
            facts[word], current = line.partition(":")[2].strip(), None
        else:
            raise ValueError(f"{where}:{number} is {line!r}; expected KEYWORD : VALUE, a section, or its numbers.")
    return facts, sections


def _filled(lines: Iterable[str], first: int) -> Iterator[tuple[int, str]]:
    return ((number, line.strip()) for number, line in enumerate(lines, start=first) if line.strip())


def _listed(section: Section, where: str) -> list[int]:
    """Whole numbers up to the -1 that ends them, which may stand on a line of its own or not."""
    found: list[int] = []
    for line, row in section:
        for text in row:
            if text == "-1":
                return found
            found.append(_whole(text, line, where))
    return found


def _table(sections: dict[str, Section], name: str, width: int, where: str) -> np.ndarray:
    """The numbers of a section, whose rows are numbered from 1."""
    if not sections.get(name):
        raise ValueError(f"{where} has no {name}.")
    for place, (line, row) in enumerate(sections[name], start=1):
        if len(row) != width or _whole(row[0], line, where) != place:
            raise ValueError(
                f"{where}:{line} is {' '.join(row)!r}; expected {width} numbers, the first of them {place}."
            )
    return np.array([[_real(text, line, where) for text in row] for line, row in sections[name]])


def _deliveries(
    name: str, facts: dict[str, str], sections: dict[str, Section], places: np.ndarray, where: str
) -> Instance:
    demands = _table(sections, "DEMAND_SECTION", 2, where)
    depots = _listed(sections.get("DEPOT_SECTION", []), where)
    if depots != [1]:
        raise ValueError(f"{where} has the depots {depots}, expected one, the first place.")
    deliveries = Deliveries(demands[:, 1], _capacity(facts, where))
    return framed(name, places[:, 1:], deliveries=deliveries, distance=Distance(facts["EDGE_WEIGHT_TYPE"]))


def _capacity(facts: dict[str, str], where: str) -> float:
    try:
        return float(facts.get("CAPACITY", "missing"))
    except ValueError:
        raise ValueError(f"{where} has CAPACITY {facts.get('CAPACITY', 'missing')}, expected a number.") from None


def _check_known(facts: dict[str, str], sections: dict[str, Section], where: str) -> None:
    for name in _LIMITS:
        if name in facts:
            raise ValueError(
                f"{where} has {name} {facts[name]}, but no tour here keeps to a limit of its length; choose a file "
                "without one."
            )
    for name in sections:
        if name not in _SECTIONS:
            raise ValueError(f"{where} has {name}, which is not known; expected {', '.join(_SECTIONS)}.")


def _check_best(found: Instance, best: list[list[int]], where: str) -> None:
    """Raise where the tours of a file are no answer to the instance beside it."""
    last = len(found.places) - 1
    outside = [place for tour in best for place in tour if not 0 <= place <= last]
    if outside:
        raise ValueError(
            f"{where} goes beyond the {last + 1} places of instance {found.name!r}; expected a .opt.tour with 1 to "
            f"{last + 1}, or a .sol with customers from 1 to {last}."
        )
    try:
        check_tours(found, best)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


def _check_count(facts: dict[str, str], found: int, where: str) -> None:
    wanted = facts.get("DIMENSION", str(found))
    if wanted != str(found):
        raise ValueError(f"{where} has DIMENSION {wanted} but {found} rows of coordinates; is the file cut short?")


def _whole(text: str, line: int, where: str) -> int:
    if not text.isdecimal():
        raise ValueError(f"{where}:{line} has {text!r} where a whole number is expected.")
    return int(text)


def _real(text: str, line: int, where: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{where}:{line} has {text!r} where a number is expected.") from None
