"""A text read by a model of Hugging Face, recorded."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any, Literal

import torch

from regard.look.record import Recording, record
from regard.look.record_options import Options

_MARKS = ("Ġ", "▁")


def reading(name: str, text: str, most: int = 8192, options: Options = Options()) -> Recording:
    """Let a model of Hugging Face read a text once, and record every attention of it.

    The model without its last layer is enough: what is written next is not asked.

    Args:
        name: folder of a model and its tokenizer, or a name that transformers knows.
        text: what is read.
        most: tokens; what follows is not read, nor what is more than the tokenizer says that the model can read.
        options: what is kept.

    Raises:
        ValueError: transformers is not installed; the text is empty.
        OSError: there is no such model.
        MemoryError: the record would grow beyond `options.memory`.

    Example:
        >>> from regard.look.pretrained import reading
        >>> record = reading("gpt2", "What matters now is what was said.").record  # doctest: +SKIP
    """
    model, words = loaded(name)
    given = words(text, return_tensors="pt", truncation=True, max_length=min(most, words.model_max_length))
    numbers = given["input_ids"][0].tolist()
    if not numbers:
        raise ValueError("the text is empty; expected at least one token.")
    pieces = zip(words.convert_ids_to_tokens(numbers), numbers, strict=True)
    tokens = [_readable(str(raw), words.decode([number])) for raw, number in pieces]
    with torch.no_grad(), record(model, tokens={"text": tokens}, options=options) as seen:
        model(**given)
    return seen


def loaded(name: str, kind: Literal["reads", "writes"] = "reads") -> tuple[Any, Any]:
    """A model of Hugging Face, without its last layer where it only reads, and its tokenizer.

    Raises:
        ValueError: transformers is not installed; the model is to write and has no layer for that.
        OSError: there is no such model.
    """
    if find_spec("transformers") is None:
        raise ValueError("models of Hugging Face need transformers: pip install 'regard[hf]'.")
    from transformers import AutoModel, AutoModelForCausalLM, AutoTokenizer

    words: Any = AutoTokenizer.from_pretrained(name)
    if kind == "reads":
        return AutoModel.from_pretrained(name).eval(), words
    model, told = AutoModelForCausalLM.from_pretrained(name, output_loading_info=True)
    if told["missing_keys"]:
        raise ValueError(
            f"{name} has no {sorted(told['missing_keys'])[0]}; expected a model that writes a text token by token, "
            "with its last layer."
        )
    return model.eval(), words


def _readable(raw: str, decoded: str) -> str:
    """A piece as it stands in the text; tokenizers write spaces, and all but plain letters, in ways of their own.

    Example:
        >>> _readable("Ġdog", " dog"), _readable("▁dog", "dog"), _readable("##s", "##s"), _readable("Ã©", "é")
        (' dog', ' dog', '##s', 'é')
    """
    return f" {decoded.strip()}" if raw.startswith(_MARKS) and not decoded[:1].isspace() else decoded
