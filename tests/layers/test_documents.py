"""What the room of layers exports is documented like the algebra."""

from __future__ import annotations

from dataclasses import is_dataclass
from enum import Enum

import pytest

from regard import layers

PUBLIC = sorted(name for name in vars(layers) if not name.startswith("_") and callable(getattr(layers, name)))
VALUES = [name for name in PUBLIC if is_dataclass(getattr(layers, name)) or name == "Directions"]
CHOICES = [
    name for name in PUBLIC if isinstance(getattr(layers, name), type) and issubclass(getattr(layers, name), Enum)
]


@pytest.mark.parametrize("name", sorted({*PUBLIC} - {*VALUES} - {*CHOICES}))
def test_what_is_called_has_an_example_and_a_source(name):
    text = getattr(layers, name).__doc__ or ""
    assert ">>>" in text
    assert "Source: " in text
    assert text.index(">>>") < text.index("Source: ")


@pytest.mark.parametrize("name", VALUES + CHOICES)
def test_results_and_choices_say_what_they_are(name):
    text = getattr(layers, name).__doc__ or ""
    assert not text.startswith(f"{name}(")
    assert text.split("\n")[0].endswith(".")
