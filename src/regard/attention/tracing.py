"""Who runs the code: plain PyTorch, a compiler, or a transform of torch.func. The one place that asks."""

from __future__ import annotations

import torch
from torch import Tensor
from torch._C._functorch import TransformType, get_interpreter_stack
from torch.autograd import forward_ad
from torch.nn import Parameter

_PLAIN = frozenset((Tensor, Parameter))


def concrete() -> bool:
    """Whether the numbers in a tensor can be asked for, as in `if tensor.any()`.

    They cannot while compiling or exporting, where there are none yet, and under vmap, where there are many.
    """
    return not torch.compiler.is_compiling() and TransformType.Vmap not in _transforms()


def transformed() -> bool:
    """Whether torch.func or forward-mode differentiation is at work, which see through plain operations only."""
    # PyTorch has no public question for either.
    return not torch.compiler.is_compiling() and (bool(_transforms()) or forward_ad._current_level >= 0)


def keeps_graph() -> bool:
    """Whether a transform of torch.func differentiates backwards, for which every intermediate result is kept."""
    return not torch.compiler.is_compiling() and TransformType.Grad in _transforms()


def seen_by_others(*tensors: Tensor) -> bool:
    """Whether somebody follows the operators that run: a compiler, a mode, a transform or a tensor's own class."""
    # PyTorch has no public question for modes.
    if torch.compiler.is_compiling() or torch._C._len_torch_dispatch_stack() > 0 or _transforms():
        return True
    return not _PLAIN.issuperset(map(type, tensors))


def wants_gradient(*tensors: Tensor | None) -> bool:
    """Whether autograd is to follow what is done with these tensors."""
    if torch.is_grad_enabled():
        for tensor in tensors:
            if tensor is not None and tensor.requires_grad:
                return True
    return False


def _transforms() -> list[TransformType]:
    """The transforms of torch.func that are at work, outermost first."""
    levels = get_interpreter_stack()
    return [level.key() for level in levels] if levels else []
