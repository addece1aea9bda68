"""What a model of Hugging Face would write next if one head read something else at its last token."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from regard.attention import weights
from regard.look.faithfulness import Reading
from regard.look.hugging_face import attention_of, on_regard


@dataclass
class _Changed:
    """The head whose last row reads with other weights, while it does."""

    module: nn.Module | None = None
    head: int = 0
    row: Tensor | None = None
    seen: dict[nn.Module, Tensor] = field(default_factory=dict)


class Passage:
    """Some tokens that a model has read up to the last, which it reads again and again.

    Only the last row of one head changes, so that what came before is read once and kept.

    Args:
        model: a causal model of Hugging Face that computes by `Rereader`.
        tokens: numbers of the tokens.
        changed: what the attention looks at.
    """

    def __init__(self, model: Any, tokens: Int[Tensor, " tokens"], changed: _Changed) -> None:
        self._model, self._changed = model, changed
        self._last = tokens[None, -1:]
        changed.row = None
        with torch.no_grad():
            self._before = model(tokens[None, :-1], use_cache=True).past_key_values
            self.answer = self._read()
        self._seen = dict(changed.seen)

    def weights(self, module: nn.Module, head: int) -> Float[Tensor, " keys"]:
        """What the last token reads.

        Raises:
            ValueError: the module's attention did not run, or has no such head.
        """
        if module not in self._seen or not 0 <= head < len(self._seen[module]):
            raise ValueError(f"head is {head}, which no attention that was seen in {type(module).__name__} has.")
        return self._seen[module][head]

    def reading(self, module: nn.Module, head: int) -> Reading:
        """Probabilities of the next token, told the weights with which one head reads at the last."""

        def read(row: Tensor) -> Tensor:
            self._changed.module, self._changed.head, self._changed.row = module, head, row
            with torch.set_grad_enabled(row.requires_grad):
                return self._read()

        return read

    def gradient(self, module: nn.Module, head: int) -> Float[Tensor, " keys"]:
        """How steeply the probability of the model's own answer changes with each weight."""
        row = self.weights(module, head).clone().requires_grad_()
        (found,) = torch.autograd.grad(self.reading(module, head)(row)[int(self.answer.argmax())], row)
        return found

    def _read(self) -> Tensor:
        # The cache grows with what is read, so that each time has its own.
        logits = self._model(self._last, past_key_values=deepcopy(self._before), use_cache=True).logits
        return logits[0, -1].float().softmax(-1)


class Rereader:
    """A causal model whose heads can be made to read something else; see `rereader`."""

    def __init__(self, model: nn.Module, changed: _Changed) -> None:
        self._model, self._changed = model, changed

    def passage(self, tokens: Int[Tensor, " tokens"]) -> Passage:
        """Let the model read a passage.

        Raises:
            ValueError: it has fewer than two tokens.
        """
        if tokens.dim() != 1 or len(tokens) < 2:
            raise ValueError(f"tokens has shape {tuple(tokens.shape)}, expected a row of at least two numbers.")
        return Passage(self._model, tokens, self._changed)


@contextmanager
def rereader(model: nn.Module) -> Iterator[Rereader]:
    """Let one head of a causal model read with weights of one's choosing, while a block runs.

    context_last = weights @ value   for one head; all else is the model's own

    Raises:
        ImportError: transformers is not installed.
        ValueError: the model's attention cannot be set, or it reads what comes later too.

    Example:
        >>> from regard.look.rereading import rereader
        >>> with rereader(model) as again:                                 # doctest: +SKIP
        ...     passage = again.passage(tokens)
        ...     read = passage.reading(model.get_submodule("transformer.h.0.attn"), head=3)
    """
    changed = _Changed()

    def attending(
        module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Any, **told: Any
    ) -> tuple[Tensor, None]:
        attention = attention_of(module, query, key, attention_mask, **told)
        context = attention(query, key, value).transpose(1, 2).contiguous()
        if changed.row is None:
            found = weights(query, key, score=attention.score, where=attention.where, weigh=attention.weigh)
            changed.seen[module] = found[0, :, -1].float().detach()
        elif module is changed.module:
            groups = query.shape[1] // value.shape[1]
            context = context.clone()
            context[0, -1, changed.head] = changed.row.to(value.dtype) @ value[0, changed.head // groups]
        return context, None

    with on_regard(model, attending):
        _check_causal(model)
        yield Rereader(model, changed)


def _check_causal(model: Any) -> None:
    """Reading a second token must leave what the first one says as it is."""
    with torch.no_grad():
        alone, both = (model(torch.zeros(1, count, dtype=torch.long)).logits[0, 0] for count in (1, 2))
    if not torch.allclose(alone, both, atol=1e-3, rtol=1e-3):
        raise ValueError(
            f"model is {type(model).__name__}, in which a token reads what comes after it; expected one that writes "
            "a text token by token."
        )
