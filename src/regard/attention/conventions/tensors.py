"""Masks given as tensors, and several masks at once."""

from __future__ import annotations

from functools import reduce
from operator import and_

import torch
from torch import Tensor

from regard.attention.wheres.bias import Bias
from regard.attention.wheres.mask import Mask
from regard.attention.wheres.where import Everything, Where


def shown_by_all(*wheres: Where | None) -> Where:
    """What every one of them shows, with all their priors; None shows everything."""
    given = [where for where in wheres if where is not None]
    return reduce(and_, given) if given else Everything()


def of_tensor(mask: Tensor | None, name: str, *, shown: bool) -> Where | None:
    """A boolean mask, in which `shown` is the value that shows a key, or numbers to add to the scores.

    Raises:
        ValueError: the mask holds whole numbers, which could mean either.
    """
    if mask is None:
        return None
    if mask.dtype == torch.bool:
        return Mask(mask if shown else ~mask)
    if mask.is_floating_point():
        return Bias(mask)
    raise ValueError(
        f"{name} has dtype {mask.dtype}, expected torch.bool with True = {'may be seen' if shown else 'hidden'}, or "
        "floating-point numbers that are added to the scores; use .bool() or .float()."
    )
