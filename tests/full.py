"""How much of a product of cases is run: a part that meets every pair, or, with REGARD_FULL=1, all of it."""

from __future__ import annotations

import os

FULL = os.environ.get("REGARD_FULL") == "1"
