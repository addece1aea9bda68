"""Which module runs now: the path of the innermost one."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from torch import nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

from regard.attention import Attention


class Running:
    """The modules of a model that are running, outermost first, and attention that they make for one call.

    Hooks for all modules are used, since a hook on a module of PyTorch's own encoder would turn its fused path off,
    and the model would round otherwise than without a recording.
    """

    def __init__(self, model: nn.Module) -> None:
        self.names = {id(module): name for name, module in model.named_modules()}
        self.ran: dict[str, nn.Module] = {}
        self._stack: list[nn.Module] = []
        self._handles: list[Any] = []

    def __enter__(self) -> Running:
        self._handles = [
            register_module_forward_pre_hook(self._enter),
            register_module_forward_hook(self._leave, always_call=True),
        ]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for handle in self._handles:
            handle.remove()
        self._stack.clear()

    @property
    def module(self) -> nn.Module | None:
        """The innermost module of the model; None where none runs."""
        own = [module for module in self._stack if id(module) in self.names]
        return own[-1] if own else None

    @property
    def name(self) -> str:
        """Its path; "model" for the model itself."""
        return "model" if self.module is None else self.name_of(self.module)

    def name_of(self, module: nn.Module) -> str:
        """The path of a module; one that is not the model's, made for one call, goes by that of who calls it."""
        return self.names[id(module)] or "model" if id(module) in self.names else self.name

    def inside(self, kind: type[nn.Module]) -> bool:
        """Whether a module of this kind is running."""
        return any(isinstance(module, kind) for module in self._stack)

    def _enter(self, module: nn.Module, _given: Any) -> None:
        if id(module) in self.names:
            self.ran[self.name_of(module)] = module
        if id(module) in self.names or isinstance(module, Attention):
            self._stack.append(module)

    def _leave(self, module: nn.Module, _given: Any, _found: Any) -> None:
        # What an exception left behind goes with the module that caught it.
        if any(module is running for running in self._stack):
            while self._stack.pop() is not module:
                pass
