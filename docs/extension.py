"""The Sphinx extension behind the pages: code that runs, tables made from code, formulas without scripts."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from traceback import format_exc

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from docs import generate
from docs.blocks import Block, Kind, Shown, run_page
from regard.look.colours import dark_style

_log = logging.getLogger(__name__)
# What makes a browser fetch; a link that a reader may follow does not.
_REQUESTS = {
    ".html": re.compile(r"""<(?:script|img|iframe|link|source)\b[^>]*(?:src|href)=["']?(?:https?:)?//[^>]*>"""),
    ".css": re.compile(r"""(?:url\(|@import)\s*["']?(?:https?:)?//[^;]*"""),
}


def setup(app: Sphinx) -> dict[str, bool]:
    """Join Sphinx."""
    app.connect("source-read", _run_code)
    app.connect("autodoc-process-docstring", _set_formulas_apart)
    app.connect("builder-inited", _write_colours)
    app.connect("build-finished", _look_for_requests)
    app.add_directive("mechanisms", _MechanismTable)
    app.add_directive("listing", _Listing)
    app.add_html_math_renderer("mathml", inline_renderers=(_inline, None), block_renderers=(_display, None))
    app.add_css_file("weights.css")
    # A page's blocks set the seed of PyTorch's one generator, so pages are read one after another.
    return {"parallel_read_safe": False, "parallel_write_safe": True}


def _run_code(app: Sphinx, page: str, source: list[str]) -> None:
    """Put under every block of a page what it prints and draws."""
    text, done, parts = source[0], 0, []
    try:
        results = list(run_page(text, f"{page}.md"))
    except Exception:
        # Whatever a page's code raises is that page's fault, and is told beside the faults of other pages.
        _log.warning("code on this page fails: %s", format_exc(limit=-1), location=page)
        return
    for block, shown in results:
        parts += [text[done : block.start], _rendered(block, shown)]
        done = block.stop
    source[0] = "".join((*parts, text[done:]))


def _rendered(block: Block, shown: Shown) -> str:
    code = f"```python\n{block.code}```\n"
    printed = f"\n```{{code-block}} text\n:class: printed\n\n{shown.printed}```\n" if shown.printed else ""
    if block.kind is Kind.CODE:
        return code + printed
    caption = f"<figcaption>{escape(block.caption)}</figcaption>"
    drawn = "\n".join(line for line in shown.picture.splitlines() if line.strip())
    figure = f'<figure class="picture">\n<div class="drawn">{drawn}</div>\n{caption}\n</figure>'
    opened = '<details class="how"><summary>How this picture is made</summary>'
    return f"~~~~{{raw}} html\n{figure}\n{opened}\n~~~~\n\n{code}{printed}\n~~~~{{raw}} html\n</details>\n~~~~\n"


def _set_formulas_apart(
    app: Sphinx, what: str, name: str, documented: object, options: object, lines: list[str]
) -> None:
    """Show a docstring's formula as it is typed, where it would read as markup."""
    paragraphs = "\n".join(lines).split("\n\n")
    if len(paragraphs) > 1 and generate.is_formula(paragraphs[1]):
        formula = "\n".join(f"   {line.strip()}" for line in paragraphs[1].strip().splitlines())
        paragraphs[1] = f"::\n\n{formula}"
        lines[:] = "\n\n".join(paragraphs).splitlines()


def _write_colours(app: Sphinx) -> None:
    """The dark colours of weights, for readers who chose a dark page and for those whose system did."""
    folder = Path(app.outdir, "_static")
    folder.mkdir(parents=True, exist_ok=True)
    dark = dark_style()
    chosen = f'body[data-theme="dark"]{{{dark}}}'
    system = f'@media (prefers-color-scheme:dark){{body[data-theme="auto"]{{{dark}}}}}'
    (folder / "weights.css").write_text(f"@media screen{{{chosen}{system}}}\n", encoding="utf-8")


def _look_for_requests(app: Sphinx, fault: Exception | None) -> None:
    """Warn where a page or a style would fetch something from elsewhere when it is read."""
    for path in sorted(Path(app.outdir).rglob("*")):
        if path.suffix in _REQUESTS:
            for found in _REQUESTS[path.suffix].finditer(path.read_text(encoding="utf-8")):
                _log.warning("%s fetches from elsewhere: %s", path.name, found[0])


class _MechanismTable(SphinxDirective):
    """The table of one group of mechanisms."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        return self.parse_text_to_nodes(generate.table(generate.Group(self.arguments[0])))


class _Listing(SphinxDirective):
    """The reference of one group of mechanisms."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        listing = generate.listing(generate.Group(self.arguments[0]))
        return self.parse_text_to_nodes(f"```{{eval-rst}}\n{listing}\n```")


def _inline(self: nodes.NodeVisitor, node: nodes.Element) -> None:
    self.body.append(_mathml(node, as_block=False))
    raise nodes.SkipNode


def _display(self: nodes.NodeVisitor, node: nodes.Element) -> None:
    self.body.append(f'<div class="math">{_mathml(node, as_block=True)}</div>')
    raise nodes.SkipNode


def _mathml(node: nodes.Element, *, as_block: bool) -> str:
    try:
        return tex2mathml(node.astext(), as_block=as_block)
    except MathError as fault:
        _log.warning("%s in %s; write it otherwise", fault, node.astext(), location=node)
        return ""
