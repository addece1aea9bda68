"""The report of a run: one page that needs nothing else, and the same as plain text."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from importlib.resources import files
from pathlib import Path

from regard.look.colours import dark_style
from regard.look.curves import Curve, curves_svg, number
from regard.look.run import Run, Score, read_run
from regard.look.samples import Sample
from regard.look.written import write_text

# What a validation says beside its scores.
_NO_SCORES = ("kind", "step", "seconds", "loss")
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def report(run: Run) -> str:
    """The page: scores with protocol, curves, and examples with what was looked at.

    It has no script, loads nothing, follows the reader's light or dark setting and is always light on paper.

    Raises:
        ValueError: a sample's fields do not fit each other.

    Example:
        >>> "<h1>demo</h1>" in report(Run("demo", "model: small", [], {}, []))
        True
    """
    style = files("regard.look").joinpath("report.css").read_text(encoding="utf-8")
    dark = f"@media screen and (prefers-color-scheme:dark){{{dark_style()}}}"
    sections = _scores(run) + _training(run) + _samples(run.samples) + _settings(run)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(run.name)} – Regard</title><style>{style}{dark}</style></head><body>"
        f"<header><p>Regard · report of a run</p><h1>{escape(run.name)}</h1></header>"
        f"<main>{sections}</main></body></html>\n"
    )


def write_report(folder: Path) -> Path:
    """Write report.html into a run folder, at once.

    Raises:
        FileNotFoundError: it is not a run folder.
        ValueError: a file in it is damaged.
    """
    page, path = report(read_run(folder)), folder / "report.html"
    # A report may be read by whoever may read the run.
    write_text(path, [page], (folder / "config.yaml").stat().st_mode)
    return path


def summary(folder: Path) -> str:
    """The report as text: scores with their protocols, then examples."""
    run = read_run(folder)
    scores = [
        f"{kind:<10} {one.name:<26} {one!s:>7}   {one.protocol}"
        for kind, found in run.scores.items()
        for one in found
    ]
    return "\n".join([*scores, examples(folder)])


def examples(folder: Path, most: int = 3) -> str:
    """A few examples as text, with what was looked at."""
    return "\n".join(line for sample in read_run(folder).samples[:most] for line in ["", *sample.lines()])


def _scores(run: Run) -> str:
    groups = [(kind, found) for kind, found in run.scores.items() if found]
    if not groups:
        return "<section><h2>Scores</h2><p>Not scored yet: <code>regard evaluate</code> does that.</p></section>"
    head = (
        "<tr><th scope=col>on</th><th scope=col>measure</th><th scope=col class=number>value</th>"
        "<td class=bar></td><th scope=col>protocol</th></tr>"
    )
    bodies = "".join(_score_group(kind, found) for kind, found in groups)
    return (
        f"<section><h2>Scores</h2>{_headline(groups[0][0], groups[0][1][0])}"
        f"<div class=wide tabindex=0 role=region aria-label='scores'><table class=scores><thead>{head}</thead>"
        f"{bodies}</table></div></section>"
    )


def _headline(kind: str, score: Score) -> str:
    return f"<p class=headline><strong>{score}</strong> {escape(score.name)} on {escape(kind)}</p>"


def _score_group(kind: str, found: list[Score]) -> str:
    first = f"<th scope=rowgroup rowspan={len(found)}>{escape(kind)}</th>"
    rows = "".join(
        f"<tr class='{escape(kind, quote=True)}'>{'' if place else first}<td>{escape(one.name)}</td>"
        f"<td class=number>{one}</td><td class=bar>{_bar(one.value)}</td>"
        f"<td><code>{escape(one.protocol)}</code></td></tr>"
        for place, one in enumerate(found)
    )
    return f"<tbody>{rows}</tbody>"


def _bar(value: float) -> str:
    """A bar out of 100, which is what these measures go up to."""
    if not 0 <= value <= 100:
        return ""
    return f'<span class=track aria-hidden=true><span style="width:{value:.1f}%"></span></span>'


def _training(run: Run) -> str:
    loss = [
        Curve("training", _thinned(run.points("train", "loss"))),
        Curve("validation", run.points("validation", "loss")),
    ]
    rate = run.points("train", "rate")
    pictures = []
    if any(curve.points for curve in loss):
        note = _at("lowest on validation", min(loss[1].points, key=lambda point: point[1], default=None))
        pictures.append(curves_svg(loss, "Loss", note, "step", "loss"))
    for name in run.names("validation"):
        points = run.points("validation", name) if name not in _NO_SCORES else []
        if points:
            title = f"{name} on validation"
            pictures.append(curves_svg([Curve("validation", points)], title, _range(points), "step", name))
    if len({value for _step, value in rate}) > 1:
        drawn = [Curve("thousandths", [(step, 1000 * value) for step, value in _thinned(rate)])]
        pictures.append(curves_svg(drawn, "Learning rate", "", "step", "thousandths"))
    if not pictures:
        return ""
    return f"<section><h2>Training</h2><div class=pictures>{''.join(pictures)}</div></section>"


def _range(points: list[tuple[float, float]]) -> str:
    """The ends of a curve; which of them is better, only its task knows."""
    low, high = (pick(points, key=lambda point: point[1]) for pick in (min, max))
    return f"{_at('lowest', low)}; {_at('highest', high)}"


def _at(says: str, point: tuple[float, float] | None) -> str:
    return "" if point is None else f"{says}: {point[1]:.4g} at step {number(point[0])}"


def _thinned(points: list[tuple[float, float]], most: int = 240) -> list[tuple[float, float]]:
    """At most `most` points, each the mean of its neighbours."""
    size = max(1, -(-len(points) // most))
    groups = [points[start : start + size] for start in range(0, len(points), size)]
    return [(group[-1][0], sum(y for _x, y in group) / len(group)) for group in groups]


def _samples(samples: Sequence[Sample]) -> str:
    found = ""
    for kind in dict.fromkeys(type(sample) for sample in samples):
        alike = [sample for sample in samples if type(sample) is kind]
        articles = "".join(sample.article(place) for place, sample in enumerate(alike, 1))
        found += f"<section><h2>{escape(kind.heading)}</h2>{kind.guide(alike)}{articles}</section>"
    return found


def _settings(run: Run) -> str:
    body = f"<details><summary>config.yaml</summary><pre>{escape(run.settings)}</pre></details>"
    return f"<section><h2>Settings</h2>{body}</section>"
