"""Settings of translation that would be passed over, or lead to something else than was asked for."""

from __future__ import annotations

import re

import pytest

from regard.cli.settings import parse
from regard.data import Pair
from regard.tasks.translation_settings import Config


@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_files_that_nobody_would_read_are_told(part):
    config, _text = parse(Config, ["data.name=copy", f"data.{part}=[own.tsv]"])
    message = f"data.{part} is ['own.tsv'], but data.name is 'copy', which does not read it; add data.name=files."
    with pytest.raises(ValueError, match=re.escape(message)):
        config.data.load()


@pytest.mark.parametrize(("kind", "least"), [("subwords", 260), ("words", 5), ("characters", 5)])
def test_a_vocabulary_has_room_for_what_it_begins_with(kind, least):
    for size in (-1, 2, least - 1):
        with pytest.raises(ValueError, match=f"pieces.size is {size}, expected at least {least} for {kind}"):
            parse(Config, [f"pieces.kind={kind}", f"pieces.size={size}"])
    config, _text = parse(Config, [f"pieces.kind={kind}", f"pieces.size={least}"])
    assert [one.size for one in config.pieces.fit([Pair("to be or", "not to be")])] == [least, least]
