"""The blockwise path against PyTorch's own attention: forward and backward, interleaved, medians and ratio.

python benchmarks/attention/blockwise.py            two threads, plain softmax, float32 and bfloat16
"""

from __future__ import annotations

import json
import platform
import statistics
import time

import torch
from torch.nn.functional import scaled_dot_product_attention

import regard as rg

SHAPES = ((4, 8, 512, 64), (1, 8, 2048, 64))
ROUNDS = 9


def seconds(attend, tensors) -> float:
    for tensor in tensors:
        tensor.grad = None
    begun = time.perf_counter()
    attend(*tensors).sum().backward()
    return time.perf_counter() - begun


def blocks(query, key, value):
    return rg.attend(query, key, value, path="blockwise")


def measure(shape: tuple[int, ...], dtype: torch.dtype) -> dict[str, object]:
    tensors = [torch.randn(shape, dtype=dtype, requires_grad=True) for _ in range(3)]
    theirs, ours = [], []
    for place in range(ROUNDS + 2):
        pair = seconds(scaled_dot_product_attention, tensors), seconds(blocks, tensors)
        if place >= 2:
            theirs.append(pair[0])
            ours.append(pair[1])
    ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
    return {
        "shape": shape,
        "dtype": str(dtype).removeprefix("torch."),
        "sdpa_ms": round(statistics.median(theirs) * 1e3, 1),
        "blockwise_ms": round(statistics.median(ours) * 1e3, 1),
        "ratio": round(statistics.median(ratios), 2),
        "ratio_range": [round(min(ratios), 2), round(max(ratios), 2)],
    }


if __name__ == "__main__":
    torch.set_num_threads(2)
    capability = torch.backends.cpu.get_cpu_capability()
    print(json.dumps({"torch": torch.__version__, "python": platform.python_version(), "cpu": capability}))
    for dtype in (torch.float32, torch.bfloat16):
        for shape in SHAPES:
            print(json.dumps(measure(shape, dtype)), flush=True)
