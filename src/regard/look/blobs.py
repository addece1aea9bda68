"""Arrays inside a page: base64, packed where that is smaller, each once."""

from __future__ import annotations

import base64
import gzip
from typing import Any

import numpy as np
import torch
from jaxtyping import Shaped
from torch import Tensor

Reference = dict[str, Any]

_KINDS = {torch.float32: "f32", torch.bfloat16: "bf16", torch.float16: "f16", torch.int32: "i32"}
# Packing costs the browser time, so that it has to be worth it.
_WORTH = 0.9


class Blobs:
    """Arrays that a page holds, by their ids; what several heads share stands there once.

    Args:
        prefix: of the ids, so that arrays of two records stand in one page.
    """

    def __init__(self, prefix: str = "") -> None:
        self._prefix = prefix
        self._texts: dict[str, str] = {}
        self._references: dict[str, Reference] = {}

    @property
    def size(self) -> int:
        """Characters so far."""
        return sum(len(text) for text in self._texts.values())

    def put(self, name: str, values: Shaped[Tensor, "*sizes"]) -> Reference:
        """A reference to an array; one that is there under this name is not put again. float64 becomes float32."""
        if name not in self._references:
            given = values.detach()
            kept = given if given.dtype in _KINDS else given.to(torch.float32)
            raw = _raw(kept.contiguous())
            packed = gzip.compress(raw, 6, mtime=0)
            worth = len(packed) < _WORTH * len(raw)
            self._texts[name] = base64.b64encode(packed if worth else raw).decode()
            self._references[name] = {"id": self._prefix + name, "kind": _KINDS[kept.dtype], "packed": worth}
        return self._references[name]

    def elements(self) -> str:
        """As elements of a page that no browser runs."""
        return "".join(
            f'<script type="text/plain" id="{self._prefix}{name}">{text}</script>\n'
            for name, text in self._texts.items()
        )


def _raw(values: Tensor) -> bytes:
    """Little-endian bytes; numpy knows no bfloat16, whose bytes are those of an integer."""
    plain = values.view(torch.int16) if values.dtype == torch.bfloat16 else values
    array = plain.numpy()
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).tobytes()
