"""regard look RECORD: its page, served or as one file, or a figure of part of a map."""

from __future__ import annotations

import json
import re
import sys
import webbrowser
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from regard.cli.arguments import Arguments
from regard.look.beside import Beside, other_of
from regard.look.figure import Part, write_figure
from regard.look.measured import Measured, load_measured
from regard.look.record import Record, load_record
from regard.look.server.serving import serving, stopped_by
from regard.look.standalone import BUDGET, write_standalone
from regard.look.views import Views, views_of
from regard.look.views_map import Sinks


def show(given: Arguments, folder: Path) -> int:
    """Show a record as the command line wants it; the exit code."""
    if given.has("--text") or len(given.words) > 1:
        raise ValueError(
            "--text is for runs and models; a record's numbers are in its page and in regard.load_record."
        )
    if given.has("--faithfulness"):
        raise ValueError("--faithfulness asks the model: look MODEL --text FILE --faithfulness --save RECORD")
    return show_record(given, load_record(folder), load_measured(folder))


def show_record(given: Arguments, record: Record, measured: Measured | None = None) -> int:
    """Serve a record, or write it as a page or a figure; the exit code."""
    if not record.layers:
        unseen = "; ".join(f"{name}: {reason}" for name, reason in record.unseen.items())
        raise ValueError(f"no attention was recorded that could be shown. {unseen}")
    views = {sinks: views_of(record, sinks=sinks) for sinks in Sinks}
    if "--figure" in given.values:
        if "--with" in given.values:
            raise ValueError("--with compares two records in a page; a figure is of one.")
        return _figure(given, views[Sinks.KEPT])
    beside = replace(_beside(given, record), measured=measured)
    return _html(given, record, views, beside) if "--html" in given.values else _serve(given, record, views, beside)


def _beside(given: Arguments, record: Record) -> Beside:
    if "--with" not in given.values:
        return Beside()
    names = _told_apart(given.words[0], given.values["--with"])
    return Beside(other=other_of(record, load_record(given.values["--with"]), names))


def _told_apart(left: str, right: str) -> tuple[str, str]:
    """The last parts of two paths, more of them where these are the same.

    Example:
        >>> _told_apart("records/base", "records/tuned"), _told_apart("a/record", "b/record")
        (('base', 'tuned'), ('a/record', 'b/record'))
    """
    paths = [Path(each).resolve().parts for each in (left, right)]
    most = max(len(parts) for parts in paths)
    apart = next((many for many in range(1, most + 1) if paths[0][-many:] != paths[1][-many:]), most)
    return "/".join(paths[0][-apart:]), "/".join(paths[1][-apart:])


def _serve(given: Arguments, record: Record, views: Mapping[Sinks, Views], beside: Beside) -> int:
    port = number("--port", given.values.get("--port", "0"))
    found = serving(record, views, given.values.get("--host", "127.0.0.1"), port, beside)
    print(json.dumps({"page": found.address}) if given.has("--json") else f"page: {found.address}", flush=True)
    print("Ctrl-C ends it.", file=sys.stderr)
    if not given.has("--no-open") and not given.has("--json") and sys.stdout.isatty():
        webbrowser.open(found.address)
    stopped_by(found.run)
    return 0


def _html(given: Arguments, record: Record, views: Mapping[Sinks, Views], beside: Beside) -> int:
    path = Path(given.values["--html"])
    size = number("--mebibytes", given.values.get("--mebibytes", str(BUDGET >> 20)))
    page = write_standalone(record, views, path, size << 20, beside)
    told = {"page": str(path.resolve()), "bytes": path.stat().st_size, "heads": page.heads, "left_out": page.left_out}
    left = f", {page.left_out} had no room" if page.left_out else ""
    print(json.dumps(told) if given.has("--json") else f"page: {path} ({page.heads} heads{left})")
    return 0


def head_of(record: Record, told: str) -> tuple[int, int]:
    """Layer and place of a head that stands as LAYER.HEAD, both counted from 0."""
    found = re.fullmatch(r"([0-9]{1,9})\.([0-9]{1,9})", told)
    layers = record.layers
    if found is None or int(found[1]) >= len(layers) or int(found[2]) >= layers[int(found[1])].heads:
        raise ValueError(f"--head is {told!r}, expected LAYER.HEAD with LAYER below {len(layers)}, such as 0.0.")
    return int(found[1]), int(found[2])


def _figure(given: Arguments, views: Views) -> int:
    path = Path(given.values["--figure"])
    place, head = head_of(views.record, given.values.get("--head", "0.0"))
    layer = views.record.layers[place]
    queries, keys = (
        _span(name, given.values.get(name), size)
        for name, size in (("--queries", layer.queries), ("--keys", layer.keys))
    )
    write_figure(views, Part(place, head, queries, keys), path)
    print(json.dumps({"figure": str(path.resolve())}) if given.has("--json") else f"figure: {path}")
    return 0


def _span(name: str, given: str | None, size: int) -> range:
    if given is None:
        return range(size)
    found = re.fullmatch(r"([0-9]*):([0-9]*)", given)
    if found is None:
        raise ValueError(f"{name} is {given!r}, expected FIRST:END, such as 0:40.")
    return range(int(found[1] or 0), int(found[2] or size))


def number(name: str, given: str) -> int:
    """The number that an option was given."""
    if not re.fullmatch("[0-9]{1,9}", given):
        raise ValueError(f"{name} is {given!r}, expected a number.")
    return int(given)
