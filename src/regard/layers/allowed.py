"""Which tags may follow each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Allowed:
    """Tag sequences that may be: True = allowed.

    Args:
        transition: whether tag j may follow tag i, (states, states).
        start: whether a sequence may start with a tag, (states,).
        end: whether a sequence may end with a tag, (states,).

    Raises:
        ValueError: a tensor is not boolean, or the shapes do not fit.

    Example:
        >>> import torch
        >>> from regard.layers import Allowed
        >>> yes = torch.ones(2, dtype=torch.bool)
        >>> int(Allowed(torch.eye(2).bool(), yes, yes).transition.sum())
        2
    """

    transition: Bool[Tensor, "states states"]
    start: Bool[Tensor, " states"]
    end: Bool[Tensor, " states"]

    def __post_init__(self) -> None:
        states = self.start.shape[0] if self.start.dim() == 1 else "states"
        wanted = {"transition": (states, states), "start": (states,), "end": (states,)}
        for name, shape in wanted.items():
            tensor = getattr(self, name)
            if tensor.dtype != torch.bool or tuple(tensor.shape) != shape:
                raise ValueError(
                    f"{name} has shape {tuple(tensor.shape)} and dtype {tensor.dtype}, expected torch.bool of shape "
                    f"({', '.join(map(str, shape))}), True = allowed."
                )

    @staticmethod
    def everything(states: int) -> Allowed:
        """Any tag after any other."""
        yes = torch.ones(states, dtype=torch.bool)
        return Allowed(yes.expand(states, states), yes, yes)


def allowed_bio(tags: Sequence[str]) -> Allowed:
    """What the BIO scheme allows: I-x follows B-x or I-x, and starts no sequence.

    Args:
        tags: name of each state: "O", "B-" and a kind, or "I-" and a kind.

    Raises:
        ValueError: a tag is none of these.

    Example:
        >>> from regard.layers import allowed_bio
        >>> allowed_bio(["O", "B-PER", "I-PER"]).transition.int()
        tensor([[1, 1, 0],
                [1, 1, 1],
                [1, 1, 1]], dtype=torch.int32)

    Source: Ramshaw and Marcus 1995 (the scheme); Tjong Kim Sang and Veenstra 1999 (this variant, IOB2).
    """
    for tag in tags:
        if tag != "O" and tag[:2] not in ("B-", "I-"):
            raise ValueError(f"tags has {tag!r}, expected 'O', or 'B-' or 'I-' followed by a kind.")
    inside = torch.tensor([tag.startswith("I-") for tag in tags])
    kinds = [tag[2:] for tag in tags]
    same = torch.tensor(
        [
            [tag != "O" and kind == kinds[place] for place in range(len(tags))]
            for tag, kind in zip(tags, kinds, strict=True)
        ]
    )
    return Allowed(~inside | same, ~inside, torch.ones_like(inside))
