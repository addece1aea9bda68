"""Records of small attentions with most of what a recorded one may have."""

from __future__ import annotations

import torch

import regard as rg
from regard.look.record_options import Options

HOSTILE = "</script><img src=x onerror=alert(1)>"
ARABIC = ["القطة", " جلست", " على", " السجادة"]


class Heads(torch.nn.Module):
    """Self-attention under a causal mask, and cross-attention to a shorter text."""

    def __init__(self, where=None, score=None, weigh=None) -> None:
        super().__init__()
        self.own = rg.Attention(score=score or rg.Dot(), where=where or rg.Causal(), weigh=weigh or rg.Softmax())
        self.other = rg.Attention()

    def forward(self, query, key, far_query, far_key):
        return self.own(query, key, key), self.other(far_query, far_key, far_key)


def recorded(length=67, dtype=None, **parts):
    """A record with 4 heads over 2 key heads, causal, and 2 heads that read 13 keys of another text."""
    random = torch.Generator().manual_seed(3)

    def normal(heads, count, factor):
        return factor * torch.randn(1, heads, count, 8, generator=random)

    given = normal(4, length, 2), normal(2, length, 1), normal(2, length, 2), normal(2, 13, 1)
    own = [f" w{at % 11}" for at in range(length)]
    other = [HOSTILE, *ARABIC, *(f" k{at}" for at in range(13 - 1 - len(ARABIC)))]
    model = Heads(**parts)
    with rg.record(model, tokens={"own": own, "other": other}, options=Options(dtype=dtype)) as seen:
        model(*given)
    return seen.record
