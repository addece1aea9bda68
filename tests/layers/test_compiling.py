"""torch.compile and torch.export take every layer as one graph; the page says which they refuse."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from regard import layers
from tests.layers.compiled import CASES, Called

PAGE = Path(__file__).parents[2] / "docs" / "compiling.md"
# Rows of the page's table of layers that are refused: | `Name` | why |
REFUSED = set(re.findall(r"^\| `layers\.(\w+)` \|", PAGE.read_text(), re.MULTILINE))

# The compiler makes an object of a Function to read it, and PyTorch warns of its own doing.
pytestmark = pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
named = {"ids": lambda case: case.name}
COMPILED = [case for case in CASES if case.name not in REFUSED]


def gradients(module: nn.Module, outputs: tuple[Tensor, ...], leaves: list[Tensor]) -> list[Tensor | None]:
    wanted = [tensor for tensor in (*leaves, *module.parameters()) if tensor.requires_grad]
    total = sum((output * output.detach().sin()).sum() for output in outputs if output.requires_grad)
    return list(torch.autograd.grad(total, wanted, allow_unused=True)) if wanted and torch.is_tensor(total) else []


def run(module: nn.Module, forward: nn.Module, tensors: tuple[Tensor, ...]) -> list[Tensor]:
    """Outputs and gradients of all inputs and parameters; gradient 0 and none are the same."""
    leaves = [tensor.clone().requires_grad_(tensor.is_floating_point()) for tensor in tensors]
    outputs = forward(*leaves)
    found = gradients(module, outputs, leaves)
    like = [tensor for tensor in (*leaves, *module.parameters()) if tensor.requires_grad]
    return [*outputs, *(torch.zeros_like(t) if g is None else g for t, g in zip(like, found, strict=False))]


def compiled(module: Called) -> nn.Module:
    torch._dynamo.reset()
    return torch.compile(module, fullgraph=True, backend="aot_eager")


@pytest.mark.parametrize("case", COMPILED, **named)
def test_a_compiled_layer_gives_what_the_plain_one_gives(case):
    module = case.module()
    expected = run(module, module, case.tensors)
    for one, other in zip(run(module, compiled(module), case.tensors), expected, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("case", COMPILED, **named)
def test_an_exported_layer_gives_what_the_plain_one_gives(case):
    module = case.module()
    exported = torch.export.export(module, case.tensors).module()
    for one, other in zip(exported(*case.tensors), module(*case.tensors), strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_the_page_says_truly_what_is_refused(name):
    (case,) = (case for case in CASES if case.name == name)
    with pytest.raises(Exception, match=r"."):
        compiled(case.module())(*case.tensors)


def test_every_exported_layer_is_tried():
    exported = {
        name
        for name, thing in vars(layers).items()
        if isinstance(thing, type) and issubclass(thing, nn.Module) and thing.__module__.startswith("regard")
    }
    assert exported == {type(case.build()).__name__ for case in CASES}


def test_layers_are_exported_for_any_batch_and_length():
    module = next(case for case in CASES if case.name == "MultiHead-grouped-causal").module()
    batch, time = torch.export.Dim("batch", min=2, max=64), torch.export.Dim("time", min=2, max=64)
    inputs = torch.randn(3, 11, 12).double(), torch.randn(3, 11, 6).double()
    shapes = {"tensors": tuple({0: batch, 1: time} for _ in inputs)}
    exported = torch.export.export(module, inputs, dynamic_shapes=shapes).module()
    for sizes in ((2, 5), (7, 13)):
        given = torch.randn(*sizes, 12).double(), torch.randn(*sizes, 6).double()
        torch.testing.assert_close(exported(*given), module(*given))
