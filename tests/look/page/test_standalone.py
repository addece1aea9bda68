"""The page as one file: nothing but itself, and the same numbers as Python."""

import base64
import hashlib
import json
import re

import numpy as np
import pytest
import torch

import regard as rg
from regard.look import embedded
from regard.look.standalone import standalone, write_standalone
from regard.look.views import Address, views_of
from regard.look.views_map import Pooling, Sinks
from tests.look.page.seen import asked, drawn, tile, violations
from tests.look.recorded import HOSTILE, recorded

SINKS = {sinks.value: sinks for sinks in Sinks}


def both(record):
    return {sinks: views_of(record, sinks) for sinks in Sinks}


def test_a_file_is_sealed(record, views):
    text = "".join(standalone(record, views).parts)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1]
    assert "default-src 'none'" in policy
    assert "connect-src 'none'" in policy
    assert "unsafe" not in policy
    for kind, name in (("script", "script-src"), ("style", "style-src")):
        body = re.search(rf"<{kind}>(.*?)</{kind}>", text, re.DOTALL)[1]
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"{name} 'sha256-{digest}'" in policy
    assert HOSTILE not in text
    assert text.count("<script") == text.count("</script>")
    data = json.loads(re.search(r'id="regard-record">(.*?)</script>', text, re.DOTALL)[1])
    assert HOSTILE in data["tokens"][data["layers"][1]["key_tokens"]]
    assert not re.search(r"(src|href)=\"(?!data:)", text)


def test_what_has_no_room_is_said(record, views):
    room = sum(embedded.bytes_of(record.layers[layer]) for layer in (0, 1))
    page = standalone(record, views, room)
    assert (page.heads + page.left_out, page.left_out > 0) == (6, True)
    assert f"{page.heads} of 6 heads can be opened in this file" in page.parts[1]
    with pytest.raises(ValueError, match=r"budget is 10 bytes, and one head needs \d+"):
        standalone(record, views, 10)


def test_a_file_that_cannot_be_finished_is_not_there(record, views, tmp_path, monkeypatch):
    monkeypatch.setattr("regard.look.standalone._page", lambda *_: ["half", None])
    with pytest.raises(TypeError):
        write_standalone(record, views, tmp_path / "page.html")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        (["[CLS]", "who", "is", "##hma", "##el"], "[CLS] who ishmael"),
        (["Who", "Ġis", "Ġhe", "re", "?"], "Who is here?"),
    ],
)
def test_pieces_of_words_are_joined_as_their_tokenizer_cut_them(tokens, text, tmp_path, opened):
    record = recorded(length=5).told({"own": tokens, "other": [HOSTILE] * 13})
    write_standalone(record, both(record), tmp_path / "page.html")
    page = opened((tmp_path / "page.html").as_uri(), offline=True)
    assert "".join(page.locator("[role=option]").all_text_contents()) == text


def test_it_opens_from_a_disk_without_a_network(record, views, tmp_path, opened, axe):
    write_standalone(record, views, tmp_path / "page.html")
    page = opened((tmp_path / "page.html").as_uri(), offline=True)
    assert drawn(page)[..., :3].std() > 20
    assert page.locator(".note").count() == 0
    assert page.locator(".head:disabled").count() == 0
    for layer, one in enumerate(record.layers):
        for sinks, value in SINKS.items():
            for pooling in Pooling:
                for zoom in (0, 1):
                    at = Address(layer, 1, 0, zoom, 0, 0, pooling)
                    if zoom == 0:
                        expected = views[value].tile(at)
                        found = tile(page, layer, 1, zoom, 0, 0, pooling.value, sinks)
                        np.testing.assert_allclose(found, expected, atol=1e-5, rtol=0)
        row = asked(page, f"return source.row({{layer: {layer}, head: 0, batch: 0, sinks: 'kept'}}, 17, 5)")
        expected = views[Sinks.KEPT].row(layer, 0, 17, 5)
        assert row["index"] == expected.index.tolist()
        np.testing.assert_allclose(row["weight"], expected.weight, atol=1e-5)
        assert row["entropy"] == pytest.approx(expected.entropy, abs=1e-4)
        column = asked(page, f"return source.column({{layer: {layer}, head: 0, batch: 0, sinks: 'kept'}}, 3, 5)")
        assert column["index"] == views[Sinks.KEPT].column(layer, 0, 3, 5).index.tolist()
        tracks = asked(
            page,
            f"const found = await source.tracks({{layer: {layer}, head: 1, batch: 0, sinks: 'left-out'}});"
            "return [[...found.entropy], [...found.mass]]",
        )
        expected = views[Sinks.LEFT_OUT].tracks(layer, 1)
        np.testing.assert_allclose(tracks[0], expected.entropy, atol=1e-5)
        np.testing.assert_allclose(tracks[1], expected.mass, atol=1e-5)
        assert one.queries == len(tracks[0])
    assert violations(page, axe) == []


def coarse(one: np.ndarray, zoom: int, pooling: Pooling) -> np.ndarray:
    """The sum over keys of the mean over queries, or the largest, of cells of 2**zoom; the plain way."""
    size = 1 << zoom
    rows = [one[start : start + size] for start in range(0, one.shape[0], size)]
    pool = (lambda x: x.sum(1).mean()) if pooling is Pooling.SUM else np.max
    return np.array([[pool(row[:, at : at + size]) for at in range(0, one.shape[1], size)] for row in rows])


KINDS = {
    "plain": {},
    "bfloat16": {"dtype": torch.bfloat16},
    "float16": {"dtype": torch.float16},
    "softcap": {"score": rg.Dot(softcap=1.5)},
    "window": {"where": rg.Causal() & rg.Window(9, 0)},
    "distances": {"where": rg.Causal() + rg.Alibi(torch.tensor([0.5, 0.25, 0.1, 0.05]))},
    "numbers": {"where": rg.Bias(torch.randn(1, 4, 301, 301, generator=torch.Generator().manual_seed(1)))},
    "holes": {"where": rg.Mask(torch.rand(1, 1, 301, 301, generator=torch.Generator().manual_seed(2)) > 0.4)},
    "sink": {"weigh": rg.Softmax(sink=torch.tensor([0.5, 1.0, 1.5, 2.0])[:, None, None])},
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_browser_works_out_the_same_tiles(kind, tmp_path, opened, monkeypatch):
    """Against weights that Python finds at once, pooled the plain way; some of the tiles are put in finished."""
    monkeypatch.setattr(embedded, "COARSE", 2)
    record = recorded(301, **KINDS[kind])
    assert [layer.name for layer in record.layers] == ["own", "other"], record.unseen
    views = both(record)
    write_standalone(record, views, tmp_path / "page.html")
    page = opened((tmp_path / "page.html").as_uri(), offline=True)
    for sinks, value in SINKS.items():
        whole = np.block(
            [[views[value].tile(Address(0, 3, 0, 0, down, across)) for across in (0, 1)] for down in (0, 1)]
        )
        ours = np.block([[tile(page, 0, 3, 0, down, across, "sum", sinks) for across in (0, 1)] for down in (0, 1)])
        np.testing.assert_allclose(ours, whole, atol=1e-5, rtol=0)
        for zoom, pooling in ((1, Pooling.SUM), (1, Pooling.MAX)):
            expected = coarse(whole, zoom, pooling)[:256, :256]
            np.testing.assert_allclose(
                tile(page, 0, 3, zoom, 0, 0, pooling.value, sinks), expected, atol=1e-5, rtol=0
            )
    weights = record.layers[0].weights()[0, 3].float().numpy()
    kept = np.block([[tile(page, 0, 3, 0, down, across) for across in (0, 1)] for down in (0, 1)])
    np.testing.assert_allclose(kept, weights, atol=1e-5, rtol=0)
