"""Settings of Sphinx; `make docs` builds the site into build/docs."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import regard  # noqa: E402

project = "Regard"
author = "The Regard authors"
copyright = author
version = release = regard.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "docs.extension"]
exclude_patterns: list[str] = []
myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 3
# A name in `backquotes` links to its reference where it has one.
default_role = "py:obj"
highlight_language = "text"

autodoc_inherit_docstrings = False
autodoc_member_order = "bysource"
autodoc_typehints = "none"

html_theme = "furo"
html_title = f"Regard {version}"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_math_renderer = "mathml"
html_copy_source = False
html_show_sphinx = False
