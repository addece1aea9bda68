"""MKL's functions have been called, by one thread, before anybody can call them by several."""

import json
import subprocess
import sys

from regard.attention.first_calls import FUNCTIONS

# What a fresh process calls while it imports.
_IMPORT = """
import json
import torch
from torch.utils._python_dispatch import TorchDispatchMode

class Heard(TorchDispatchMode):
    def __torch_dispatch__(self, function, types, given=(), named=None):
        for one in given:
            if isinstance(one, torch.Tensor):
                called.append([function.overloadpacket.__name__, str(one.dtype), one.numel()])
        return function(*given, **(named or {}))

called = []
with Heard():
    import regard.attention
print(json.dumps(called))
"""


def test_an_import_calls_every_function_once_for_a_single_number():
    said = subprocess.run([sys.executable, "-c", _IMPORT], stdout=subprocess.PIPE, text=True, check=True).stdout
    called = json.loads(said)
    expected = [[one.__name__, f"torch.{width}", 1] for width in ("float32", "float64") for one in FUNCTIONS]
    assert len(expected) == 34
    assert [one for one in called if one in expected] == expected
