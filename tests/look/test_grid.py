"""A picture beside a record: kept, made anew for the page, and nothing but pixels."""

from __future__ import annotations

import base64
import io
import json

import numpy as np
import pytest
import torch
from PIL import Image

import regard as rg
from regard.look.described import described
from regard.look.grid import Grid, png
from regard.look.record import load_record


def pixels(height=23, width=37):
    return np.random.default_rng(3).integers(0, 256, (height, width, 3), dtype=np.uint8)


def seen(grid, tokens=None):
    model = rg.Attention()
    given = torch.randn(1, 2, grid.tokens, 4, generator=torch.Generator().manual_seed(1))
    with rg.record(model, tokens=tokens, image=grid) as seen:
        model(given, given, given)
    return seen.record


def test_a_record_keeps_its_picture(tmp_path):
    grid = Grid(2, 3, pixels(), before=1, after=1)
    record = seen(grid)
    assert record.layers[0].key_tokens == ("[CLS]", "0,0", "0,1", "0,2", "1,0", "1,1", "1,2", "[7]")
    record.save(tmp_path / "mine")
    found = load_record(tmp_path / "mine").image
    assert (found.rows, found.columns, found.before, found.after) == (2, 3, 1, 1)
    np.testing.assert_array_equal(found.pixels, pixels())
    assert load_record(tmp_path / "mine").told({"own": "abcdefgh"}).image is not None
    assert seen(grid, {"mine": "abcdefgh"}).layers[0].key_tokens == tuple("abcdefgh")
    seen(Grid(2, 3, Image.fromarray(pixels()), before=0)).save(tmp_path / "other")
    np.testing.assert_array_equal(load_record(tmp_path / "other").image.pixels, pixels())


def test_the_page_gets_pixels_made_anew():
    """By another reader of the format, and averaged where there are more than a screen shows."""
    told = json.loads(json.dumps(described(seen(Grid(2, 3, pixels()))), allow_nan=False))["grid"]
    made = np.asarray(Image.open(io.BytesIO(base64.b64decode(told["png"]))))
    np.testing.assert_array_equal(made, pixels())
    assert {name: told[name] for name in ("rows", "columns", "before", "after")} == {
        "rows": 2,
        "columns": 3,
        "before": 1,
        "after": 0,
    }
    large = np.repeat(np.repeat(pixels(500, 31), 2, 0), 2, 1)
    told = described(seen(Grid(2, 3, large[:-1])))["grid"]
    made = np.asarray(Image.open(io.BytesIO(base64.b64decode(told["png"]))))
    np.testing.assert_array_equal(made, pixels(500, 31))


def test_nothing_but_pixels_is_in_the_file():
    rest, kinds = png(pixels())[8:], []
    while rest:
        kinds.append(rest[4:8])
        rest = rest[12 + int.from_bytes(rest[:4], "big") :]
    assert kinds == [b"IHDR", b"IDAT", b"IEND"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ((0, 3, pixels()), "rows and columns are 0 and 3"),
        ((2, 3, pixels(), -1), "before and after -1 and 0"),
        ((2, 3, pixels() / 255.0), "picture is float64 of shape"),
        ((2, 3, pixels()[..., 0]), "expected uint8 of \\(height, width, 3\\)"),
        ((2, 3, "https://example.org/cat.png"), "picture is <U"),
    ],
)
def test_what_is_no_picture_is_refused(given, told):
    with pytest.raises(ValueError, match=told):
        Grid(*given)


def test_a_damaged_picture_is_refused(tmp_path):
    seen(Grid(2, 3, pixels())).save(tmp_path / "mine")
    path = tmp_path / "mine" / "record.json"
    path.write_text(path.read_text().replace('"columns": 3', '"columns": -3'))
    with pytest.raises(ValueError, match="cannot be read as a record: rows and columns are 2 and -3"):
        load_record(tmp_path / "mine")
