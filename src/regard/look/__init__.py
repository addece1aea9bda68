"""Pictures of what a model looked at, and the page. This room knows no task: it draws plain data."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from regard.look.notebook import PageWidget
    from regard.look.record import Record


def widget(record: Record, *, height: int = 760, budget: int = 16 << 20) -> PageWidget:
    """The page of a record, in a cell of a notebook: Jupyter, VS Code, Colab, marimo.

    It is the page that `regard look RECORD --html` writes, in a frame of its own: it works out exact tiles in the
    browser, asks nobody, and stays in a saved notebook as long as the notebook keeps its widgets' state.

    Args:
        record: what the page shows.
        height: of the cell, in pixels.
        budget: about how many bytes heads may take; those for which there is no room cannot be opened.

    Raises:
        ValueError: anywidget is not installed, or no head fits into the budget.

    Example:
        >>> import regard as rg, regard.look, torch
        >>> model = torch.nn.MultiheadAttention(4, 2).eval()
        >>> with rg.record(model) as seen:
        ...     _ = model(*[torch.zeros(3, 1, 4)] * 3)
        >>> regard.look.widget(seen.record, height=500).height
        500
    """
    if find_spec("anywidget") is None:
        raise ValueError("a notebook's widget needs anywidget: pip install 'regard[notebook]'.")
    from regard.look.notebook import PageWidget
    from regard.look.standalone import standalone
    from regard.look.views import views_of
    from regard.look.views_map import Sinks

    views = {sinks: views_of(record, sinks) for sinks in Sinks}
    return PageWidget(page="".join(standalone(record, views, budget).parts), height=height)
