"""Masks written for other libraries, as wheres: every convention is converted once, here.

All of them are meant for tensors (batch, heads, time, size). JAX and FlashAttention lay theirs out as (batch, time,
heads, size): transpose query, key and value with .transpose(1, 2), and the context back; their masks are
(batch, heads, queries, keys) as they are.

Some of these libraries hide a key with a very negative number, so that a query that sees nothing gets the mean of all
values, or NaN. Here a hidden key has weight 0, and such a query has context 0.
"""

from regard.attention.conventions.flash import from_flash as from_flash
from regard.attention.conventions.flash import from_flash_packed as from_flash_packed
from regard.attention.conventions.hugging_face import from_hugging_face as from_hugging_face
from regard.attention.conventions.jax import from_jax as from_jax
from regard.attention.conventions.multi_head import from_multi_head as from_multi_head
from regard.attention.conventions.onnx import from_onnx as from_onnx
from regard.attention.conventions.onnx import score_from_onnx as score_from_onnx
from regard.attention.conventions.sdpa import from_sdpa as from_sdpa
