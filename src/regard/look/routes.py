"""Tours in the plane, and what was looked at for one of their steps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import ClassVar

from regard.look.alignment import scale_svg
from regard.look.colours import colour, level

_SIDE, _EDGE, _DOT = 420, 22, 7
_WAY, _AHEAD, _HERE = "#1b1f24", "#6b7280", "#b04a00"


@dataclass(frozen=True)
class Route:
    """An instance, its tours, and one moment of the way: what was travelled, and how the next place was chosen.

    Args:
        name: of the instance.
        points: of its places, in the unit square.
        tours: closed tours, places counted from 0.
        travelled: places until the moment, in order; the vehicle or traveller is at the last of them.
        probabilities: of every place to be next.
        weights: of the glimpse, the mean of its heads.
        length: of the tours.
        known: of the best tours, where it is known.
        depot: whether place 0 is one.
    """

    view: ClassVar[str] = "route"
    heading: ClassVar[str] = "Tours"

    name: str
    points: list[list[float]]
    tours: list[list[int]]
    travelled: list[int]
    probabilities: list[float]
    weights: list[float]
    length: float
    known: float | None
    depot: bool

    @classmethod
    def guide(cls, samples: Sequence[Route]) -> str:
        """How to read a picture of a tour."""
        return (
            "<p class=guide>Dots are places, and a square is a depot. The strong line is the way travelled so far, "
            "the thin dashed one the rest of the tour. A frame is where the tour is at this moment. The colour of a "
            "dot says how probable it is to be next (first picture), or how much the glimpse read of it (second, the "
            "mean of all heads). Crossed dots were visited.</p>"
            f"<p class=guide>probability or weight {scale_svg()}</p>"
        )

    def article(self, place: int) -> str:
        """Both pictures side by side, with the tour's length."""
        best = "" if self.known is None else f", best known {self.known:.4g}"
        pictures = "".join(
            route_svg(self, shades, f"Tour {place}: {says}. {' '.join(self._likely())}")
            for says, shades in (("probability to be next", self.probabilities), ("the glimpse", self.weights))
        )
        return (
            f"<article><h3>{escape(self.name)}</h3><p>length {self.length:.4g}{best}</p>"
            f"<div class=wide tabindex=0 role=region aria-label='tour {place}'>{pictures}</div></article>"
        )

    def lines(self) -> list[str]:
        """The tours as numbers from 1, and the most probable next places."""
        tours = [f"tour       {' '.join(str(place + 1) for place in tour)}" for tour in self.tours]
        return [f"instance   {self.name}", f"length     {self.length:.4g}", *tours, *self._likely()]

    def _likely(self) -> list[str]:
        order = sorted(range(len(self.points)), key=lambda place: -self.probabilities[place])
        found = ", ".join(f"{place + 1} ({100 * self.probabilities[place]:.0f} %)" for place in order[:3])
        return [f"after {self.travelled[-1] + 1}: {found}"]


def route_svg(route: Route, shades: Sequence[float], title: str) -> str:
    """The tours of an instance in the plane, with a number from 0 to 1 as the colour of each place.

    Args:
        route: the tours.
        shades: probabilities or weights, one for each place.
        title: what a screen reader says.

    Returns:
        An SVG element. Every place carries its number and its shade in a title.

    Raises:
        ValueError: there is not one finite shade for each place, or tours name places that there are not.

    Example:
        >>> square = [[0.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, 0.0]]
        >>> one = Route("a", square, [[0, 1, 2, 3]], [0, 1], [0, 0, 0.9, 0.1], [0, 0, 0.5, 0.5], 4.0, None, False)
        >>> route_svg(one, one.probabilities, "demo").count("<circle")
        4
    """
    _check(route, shades)
    spots = [(_EDGE + x * _SIDE, _EDGE + (1 - y) * _SIDE) for x, y in route.points]
    gone = set(zip(route.travelled, route.travelled[1:], strict=False))
    legs = [leg for tour in route.tours for leg in zip(tour, [*tour[1:], tour[0]], strict=True)]
    # What is travelled is drawn last, so that nothing crosses it.
    ways = "".join(_way(spots[a], spots[b], (a, b) in gone) for a, b in sorted(legs, key=gone.__contains__))
    behind = set(route.travelled) - ({0} if route.depot else set())
    dots = "".join(
        _place(number, spot, shades[number], route.depot and number == 0, number in behind)
        for number, spot in enumerate(spots)
    )
    x, y = spots[route.travelled[-1]]
    here = (
        f'<rect class="here" x="{x - 12:.1f}" y="{y - 12:.1f}" width="24" height="24" fill="none" stroke="{_HERE}" '
        'stroke-width="2.5"/>'
    )
    size = _SIDE + 2 * _EDGE
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="route" role="img" aria-label="{escape(title, quote=True)}" '
        f'viewBox="0 0 {size} {size}" width="{size}" height="{size}" font-size="11" '
        f'font-family="system-ui, sans-serif">{ways}{dots}{here}</svg>'
    )


def _check(route: Route, shades: Sequence[float]) -> None:
    places = len(route.points)
    if len(shades) != places or not all(math.isfinite(shade) for shade in shades):
        raise ValueError(f"shades has {len(shades)} numbers, expected {places} finite ones: one for each place.")
    named = {place for tour in [*route.tours, route.travelled] for place in tour}
    if not route.travelled or not named <= set(range(places)):
        raise ValueError(f"tours name the places {sorted(named)}, expected some below {places}, one travelled.")


def _way(begin: tuple[float, float], end: tuple[float, float], travelled: bool) -> str:
    kind, look = ("gone", f'stroke="{_WAY}" stroke-width="2.5"')
    if not travelled:
        kind, look = ("ahead", f'stroke="{_AHEAD}" stroke-width="1.2" stroke-dasharray="5 4"')
    (x, y), (u, v) = begin, end
    return f'<line class="{kind}" x1="{x:.1f}" y1="{y:.1f}" x2="{u:.1f}" y2="{v:.1f}" {look}/>'


def _place(number: int, spot: tuple[float, float], shade: float, depot: bool, closed: bool) -> str:
    x, y = spot
    says = f"<title>place {number + 1}{' (depot)' if depot else ''}: {shade:.3f}</title>"
    look = f'class="w{level(shade)} edge" fill="{colour(shade)}" stroke="{_AHEAD}"'
    if depot:
        drawn = (
            f'<rect {look} x="{x - _DOT:.1f}" y="{y - _DOT:.1f}" width="{2 * _DOT}" height="{2 * _DOT}">{says}</rect>'
        )
    else:
        drawn = f'<circle {look} cx="{x:.1f}" cy="{y:.1f}" r="{_DOT}">{says}</circle>'
    if not closed:
        return drawn
    arm = _DOT * 0.6
    return (
        f'{drawn}<path class="closed" stroke="{_AHEAD}" d="M{x - arm:.1f} {y - arm:.1f}l{2 * arm:.1f} {2 * arm:.1f}'
        f'm0 {-2 * arm:.1f}l{-2 * arm:.1f} {2 * arm:.1f}"/>'
    )
