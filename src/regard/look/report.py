"""The report of a run: one page that needs nothing else, and the same as plain text."""

from __future__ import annotations

import os
import tempfile
from html import escape
from importlib.resources import files
from pathlib import Path

from regard.look.alignment import alignment_svg, labels, scale_svg, shown
from regard.look.colours import dark_style
from regard.look.curves import Curve, curves_svg, number
from regard.look.run import Run, Sample, Score, read_run

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def report(run: Run) -> str:
    """The page: scores with protocol, curves, and translations with their alignment maps.

    It has no script, loads nothing, follows the reader's light or dark setting and is always light on paper.

    Raises:
        ValueError: a sample's weights do not fit its pieces.

    Example:
        >>> "<h1>demo</h1>" in report(Run("demo", "model: small", [], {}, []))
        True
    """
    style = files("regard.look").joinpath("report.css").read_text(encoding="utf-8")
    dark = f"@media screen and (prefers-color-scheme:dark){{{dark_style()}}}"
    sections = _scores(run) + _training(run) + _translations(run.samples) + _settings(run)
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
    handle, name = tempfile.mkstemp(dir=folder, prefix=".writing-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:
            file.write(page)
        # A temporary file is its owner's alone; a report may be read by whoever may read the run.
        os.chmod(name, (folder / "config.yaml").stat().st_mode)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return path


def summary(folder: Path) -> str:
    """The report as text: scores with their protocols, then translations."""
    run = read_run(folder)
    scores = [
        f"{kind:<10} {one.name:<26} {one.value:7.2f}   {one.protocol}"
        for kind, found in run.scores.items()
        for one in found
    ]
    return "\n".join([*scores, translations(folder)])


def translations(folder: Path, most: int = 3) -> str:
    """A few translations as text, each piece with the source piece it looked at most."""
    lines: list[str] = []
    for sample in read_run(folder).samples[:most]:
        lines += [
            "",
            f"source     {sample.source_text}",
            f"reference  {sample.reference}",
            f"ours       {sample.text}",
        ]
        pairs = "  ".join(f"{shown(a)}←{shown(b)}" for a, b, _weight in sample.strongest())
        lines += [f"looked at  {pairs}"] if pairs else []
    return "\n".join(lines)


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
    return f"<p class=headline><strong>{score.value:.1f}</strong> {escape(score.name)} on {escape(kind)}</p>"


def _score_group(kind: str, found: list[Score]) -> str:
    first = f"<th scope=rowgroup rowspan={len(found)}>{escape(kind)}</th>"
    rows = "".join(
        f"<tr class='{escape(kind, quote=True)}'>{'' if place else first}<td>{escape(one.name)}</td>"
        f"<td class=number>{one.value:.2f}</td><td class=bar>{_bar(one.value)}</td>"
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
    bleu, rate = run.points("validation", "bleu"), run.points("train", "rate")
    pictures = []
    if any(curve.points for curve in loss):
        note = _at("lowest on validation", min(loss[1].points, key=lambda point: point[1], default=None))
        pictures.append(curves_svg(loss, "Loss", note, "step", "nats a piece"))
    if bleu:
        note = _at("best", max(bleu, key=lambda point: point[1]))
        pictures.append(curves_svg([Curve("validation", bleu)], "BLEU on validation", note, "step", "BLEU, greedy"))
    if len({value for _step, value in rate}) > 1:
        drawn = [Curve("thousandths", [(step, 1000 * value) for step, value in _thinned(rate)])]
        pictures.append(curves_svg(drawn, "Learning rate", "", "step", "thousandths"))
    if not pictures:
        return ""
    return f"<section><h2>Training</h2><div class=pictures>{''.join(pictures)}</div></section>"


def _at(says: str, point: tuple[float, float] | None) -> str:
    return "" if point is None else f"{says}: {point[1]:.4g} at step {number(point[0])}"


def _thinned(points: list[tuple[float, float]], most: int = 240) -> list[tuple[float, float]]:
    """At most `most` points, each the mean of its neighbours."""
    size = max(1, -(-len(points) // most))
    groups = [points[start : start + size] for start in range(0, len(points), size)]
    return [(group[-1][0], sum(y for _x, y in group) / len(group)) for group in groups]


def _translations(samples: list[Sample]) -> str:
    if not samples:
        return ""
    guide = (
        "<p class=guide>A row is a piece of the translation, a column a piece of the source; the end is ⏎. The more "
        "a cell stands out from the ground, the more the model looked there while it wrote the row. The strongest "
        "cell of a row has a frame, and its weight in hundredths where there is room; point at a cell for its "
        "weight. Looking is not the same as deciding: a map shows where the model read, not why it chose a word."
        f"</p><p class=guide>weight {scale_svg()}</p>"
    )
    looks = guide if any(sample.weights for sample in samples) else ""
    each = "".join(_sample(place, sample) for place, sample in enumerate(samples, 1))
    return f"<section><h2>Translations</h2>{looks}{each}</section>"


def _sample(place: int, sample: Sample) -> str:
    texts = (("source", sample.source_text), ("reference", sample.reference), ("ours", sample.text))
    listed = "".join(
        f"<dt>{name}</dt><dd class={name} dir=auto>{escape(text) or '<i>empty</i>'}</dd>" for name, text in texts
    )
    return f"<article><h3>Translation {place}</h3><dl>{listed}</dl>{_map(place, sample)}</article>"


def _map(place: int, sample: Sample) -> str:
    if not sample.weights:
        return "<p class=guide>This model does not look at single source pieces.</p>"
    title = f"Alignment map of translation {place}; the table after it says the same."
    picture = alignment_svg(sample.source, sample.target, sample.weights, title)
    names = labels(sample.target)
    rows = "".join(
        f"<tr><th scope=row dir=auto>{escape(names[at])}</th><td dir=auto>{escape(shown(other))}</td>"
        f"<td class=number>{weight:.2f}</td></tr>"
        for at, (_piece, other, weight) in enumerate(sample.strongest())
    )
    head = (
        "<tr><th scope=col>target piece</th><th scope=col>looked most at</th>"
        "<th scope=col class=number>weight</th></tr>"
    )
    return (
        f"<div class=wide tabindex=0 role=region aria-label='map {place}'>{picture}</div>"
        f"<details><summary>Strongest source piece of every target piece, as a table</summary>"
        f"<table><thead>{head}</thead><tbody>{rows}</tbody></table></details>"
    )


def _settings(run: Run) -> str:
    body = f"<details><summary>config.yaml</summary><pre>{escape(run.settings)}</pre></details>"
    return f"<section><h2>Settings</h2>{body}</section>"
