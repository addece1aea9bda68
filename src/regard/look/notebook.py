"""The page of a record in a cell of a notebook."""

from __future__ import annotations

import anywidget
import traitlets

# The page has a frame of its own, whose scripts reach neither the notebook nor the network.
_SHOWN = """
function render({ model, el }) {
  const frame = document.createElement('iframe')
  frame.title = 'Regard: a record of attention'
  frame.setAttribute('sandbox', 'allow-scripts')
  frame.style.cssText = 'width: 100%; border: 0; display: block'
  const resized = () => { frame.style.height = `${model.get('height')}px` }
  resized()
  model.on('change:height', resized)
  frame.srcdoc = model.get('page')
  el.replaceChildren(frame)
  return () => model.off('change:height', resized)
}
export default { render }
"""


class PageWidget(anywidget.AnyWidget):
    """A page as a widget; see `regard.look.widget`.

    Args:
        page: the whole page, as of `--html`.
        height: in pixels; may be set later.
    """

    _esm = _SHOWN
    page = traitlets.Unicode().tag(sync=True)
    height = traitlets.Int(760).tag(sync=True)
