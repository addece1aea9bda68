"""The report of a run: one page that needs nothing else, and the same as plain text."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from regard.look.alignment import alignment_svg, shown
from regard.look.curves import curve_svg


@dataclass(frozen=True)
class Sample:
    """A translation and what was looked at for it."""

    source: list[str]
    target: list[str]
    reference: str
    text: str
    source_text: str
    weights: list[list[float]] | None

    def strongest(self) -> list[tuple[str, str, float]]:
        """For each target piece the source piece with the largest weight."""
        found = []
        for piece, row in zip(self.target, self.weights or [], strict=False):
            place = max(range(len(row)), key=row.__getitem__)
            found.append((piece, self.source[place], row[place]))
        return found


@dataclass(frozen=True)
class Run:
    """What a run folder holds, as plain data."""

    name: str
    settings: str
    log: list[dict[str, Any]]
    scores: dict[str, list[dict[str, Any]]]
    samples: list[Sample]

    def points(self, kind: str, name: str) -> list[tuple[float, float]]:
        """A curve: (step, value) of log entries of a kind."""
        return [(e["step"], e[name]) for e in self.log if e.get("kind") == kind and name in e]


def read_run(folder: Path) -> Run:
    """Read a run folder.

    Raises:
        FileNotFoundError: it is not one.
        ValueError: a file in it is damaged.
    """
    if not (folder / "config.yaml").exists():
        raise FileNotFoundError(f"{folder} is not a run folder: it has no config.yaml.")
    log = folder / "log.jsonl"
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    try:
        entries = [json.loads(line) for line in lines]
        scores = _json(folder / "scores.json", {})
        samples = [Sample(**sample) for sample in _json(folder / "samples.json", [])]
    except (json.JSONDecodeError, TypeError) as error:
        raise ValueError(f"a file in {folder} is damaged: {error}; evaluate the run again.") from None
    settings = (folder / "config.yaml").read_text(encoding="utf-8")
    return Run(folder.name, settings, entries, scores, samples)


def report(run: Run) -> str:
    """The page: scores with protocol, curves, and translations with their alignment maps.

    Example:
        >>> "<h1>" in report(Run("demo", "model: small", [], {}, []))
        True
    """
    style = files("regard.look").joinpath("report.css").read_text(encoding="utf-8")
    sections = [
        _scores(run),
        _curves(run),
        *(_sample(n, s) for n, s in enumerate(run.samples, 1)),
        _settings(run),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(run.name)} – Regard</title><style>{style}</style></head><body><main>"
        f"<h1>{escape(run.name)}</h1>{''.join(sections)}</main></body></html>"
    )


def write_report(folder: Path) -> Path:
    """Write report.html into a run folder, at once.

    Raises:
        FileNotFoundError: it is not a run folder.
        ValueError: a file in it is damaged.
    """
    page, path = report(read_run(folder)), folder / "report.html"
    handle, name = tempfile.mkstemp(dir=folder, prefix=".writing-")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(page)
    os.replace(name, path)
    return path


def summary(folder: Path) -> str:
    """The report as text: scores with their protocols, then translations."""
    run = read_run(folder)
    scores = [
        f"{kind:<10} {m['name']:<26} {m['value']:7.2f}   {m['protocol']}"
        for kind, found in run.scores.items()
        for m in found
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
    rows = "".join(
        f"<tr><td>{escape(kind)}</td><td>{escape(m['name'])}</td><td class='number'>{m['value']:.2f}</td>"
        f"<td><code>{escape(m['protocol'])}</code></td></tr>"
        for kind, found in run.scores.items()
        for m in found
    )
    if not rows:
        return "<section><h2>Scores</h2><p>Not scored yet: <code>regard evaluate</code> does that.</p></section>"
    head = "<tr><th>on</th><th>measure</th><th class='number'>value</th><th>protocol</th></tr>"
    body = f"<table><thead>{head}</thead><tbody>{rows}</tbody></table>"
    return f"<section><h2>Scores</h2><div class='wide'>{body}</div></section>"


def _curves(run: Run) -> str:
    wanted = (
        ("train", "loss", "Training loss", "nats a piece"),
        ("validation", "loss", "Validation loss", "nats a piece"),
        ("validation", "bleu", "Validation BLEU", "BLEU (greedy)"),
    )
    drawn = [
        curve_svg(_thinned(run.points(kind, name)), title, "step", unit)
        for kind, name, title, unit in wanted
        if run.points(kind, name)
    ]
    return f"<section><h2>Training</h2><div class='curves'>{''.join(drawn)}</div></section>" if drawn else ""


def _thinned(points: list[tuple[float, float]], most: int = 200) -> list[tuple[float, float]]:
    """At most `most` points, each the mean of its neighbours."""
    size = -(-len(points) // most)
    groups = [points[start : start + size] for start in range(0, len(points), size)]
    return [(group[-1][0], sum(y for _x, y in group) / len(group)) for group in groups]


def _sample(number: int, sample: Sample) -> str:
    texts = (("source", sample.source_text), ("reference", sample.reference), ("ours", sample.text))
    listed = "".join(f"<dt>{name}</dt><dd dir='auto'>{escape(text)}</dd>" for name, text in texts)
    return f"<section><h2>Translation {number}</h2><dl>{listed}</dl>{_map(sample)}</section>"


def _map(sample: Sample) -> str:
    if not sample.weights:
        return "<p>This model does not look at single source words.</p>"
    picture = alignment_svg(sample.source, sample.target, sample.weights, f"alignment of: {sample.text}")
    rows = "".join(
        f"<tr><td dir='auto'>{escape(shown(one))}</td><td dir='auto'>{escape(shown(other))}</td>"
        f"<td class='number'>{weight:.2f}</td></tr>"
        for one, other, weight in sample.strongest()
    )
    head = "<tr><th>target piece</th><th>looked most at</th><th class='number'>weight</th></tr>"
    return (
        f"<div class='wide'>{picture}</div><details><summary>The same as a table</summary>"
        f"<table><thead>{head}</thead><tbody>{rows}</tbody></table></details>"
    )


def _settings(run: Run) -> str:
    body = f"<details><summary>config.yaml</summary><pre>{escape(run.settings)}</pre></details>"
    return f"<section><h2>Settings</h2>{body}</section>"


def _json(path: Path, otherwise: Any) -> Any:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else otherwise
