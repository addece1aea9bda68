"""Two records side by side: what may be compared, and what a server and a file then know."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
import torch

import regard as rg
from regard.cli import main
from regard.look.beside import Beside, other_of
from regard.look.compare import variation
from regard.look.embedded import bytes_of
from regard.look.server.api import page_app
from regard.look.standalone import standalone
from regard.look.views import views_of
from regard.look.views_map import Sinks
from tests.look.recorded import recorded
from tests.look.server.asking import TOKEN, ask

MINE, YOURS = recorded(31), recorded(31, score=rg.Dot(scale=0.2))
NAMES = ("mine", "yours")
VIEWS = {sinks: views_of(MINE, sinks) for sinks in Sinks}


def changed(**fields):
    """The second record, with other fields of its first attention."""
    return replace(YOURS, layers=(replace(YOURS.layers[0], **fields), *YOURS.layers[1:]))


WRONG = {
    "the attentions are 2 in mine and 1 in yours": replace(YOURS, layers=YOURS.layers[:1]),
    "attention 0 is 'own' in mine and 'mine' in yours": changed(name="mine"),
    "in 'own', queries are 31 in mine and 29 in yours": recorded(29),
    "in 'own', the heads are [0, 1, 2, 3] in mine and [0, 1, 2, 5] in yours": changed(head_numbers=(0, 1, 2, 5)),
    "in 'own', row 0 is of token 0 in mine and 1 in yours": changed(rows=torch.arange(31) + 1),
    "in 'own', key 30 is ' w8' in mine and 'x' in yours": changed(key_tokens=(*MINE.layers[0].key_tokens[:-1], "x")),
}


@pytest.mark.parametrize("told", WRONG)
def test_records_that_differ_in_more_than_their_weights_are_refused(told):
    with pytest.raises(ValueError, match=re.escape(f"mine and yours cannot be compared: {told}.")):
        other_of(MINE, WRONG[told], NAMES)


@pytest.mark.parametrize("sinks", Sinks)
def test_heads_are_ranked_by_how_far_they_look_elsewhere(sinks):
    """Against whole maps, normalised anew the plain way where the first key is left out."""
    found = variation(MINE.layers[0], YOURS.layers[0], 0, sinks)
    maps = [record.layers[0].weights()[0].double().numpy() for record in (MINE, YOURS)]
    if sinks is Sinks.LEFT_OUT:
        maps = [np.divide(one[..., 1:], one[..., 1:].sum(-1, keepdims=True).clip(1e-300)) for one in maps]
    expected = (np.abs(maps[0] - maps[1]).sum(-1) / 2).mean(-1)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert found.min() > 0.1


def test_a_server_answers_for_both():
    app = page_app(MINE, VIEWS, TOKEN, beside=Beside(other=other_of(MINE, YOURS, NAMES)))
    assert json.loads(ask(app, "/api/record").body)["sides"] == list(NAMES)
    assert "sides" not in json.loads(ask(app, "/other/record").body)
    for root, record in (("/api", MINE), ("/other", YOURS)):
        weights = record.layers[0].weights()[0, 2].numpy()
        values, sizes = ask(app, f"{root}/tile/0/2/0/0/0/0").floats
        np.testing.assert_allclose(values.reshape(sizes), weights, atol=1e-7)
        values, sizes = ask(app, f"{root}/reads/0/2/0/17").floats
        assert sizes == [31]
        np.testing.assert_allclose(values, weights[17], atol=1e-7)
        values, _sizes = ask(app, f"{root}/readers/0/2/0/5").floats
        np.testing.assert_allclose(values, weights[:, 5], atol=1e-7)
    told = json.loads(ask(app, "/other/variation/0/0?sinks=left-out").body)
    np.testing.assert_allclose(
        told["variation"], variation(MINE.layers[0], YOURS.layers[0], 0, Sinks.LEFT_OUT), atol=1e-7
    )
    refused = {
        "/other/variation/2/0": 404,
        "/other/variation/0/1": 404,
        "/other/variation/0/0?sinks=x": 400,
        "/other/variation/-1/0": 400,
        "/api/reads/0/0/0/31": 404,
        "/api/readers/1/0/0/13": 404,
        "/other/reads/0/4/0/0": 404,
        "/other/../api/record": 404,
    }
    assert {path: ask(app, path).status for path in refused} == refused


def test_one_record_has_no_other():
    app = page_app(MINE, VIEWS, TOKEN)
    assert ask(app, "/other/record").status == 404
    assert ask(app, "/other/variation/0/0").status == 404


def test_a_file_holds_heads_of_both_and_those_that_differ_most_first():
    other = other_of(MINE, YOURS, NAMES)
    page = standalone(MINE, VIEWS, beside=Beside(other=other))
    texts = re.findall(r'id="regard-(record|other)">(.*?)</script>', "".join(page.parts), re.DOTALL)
    first, second = (json.loads(text) for _name, text in texts)
    assert [name for name, _text in texts] == ["record", "other"]
    assert first["sides"] == list(NAMES)
    assert [(one["layer"], one["head"]) for one in first["heads"]] == [
        (one["layer"], one["head"]) for one in second["heads"]
    ]
    np.testing.assert_allclose(second["variation"]["0/0/kept"], variation(MINE.layers[0], YOURS.layers[0], 0))
    ids = re.findall(r'id="([^"]+)"', "".join(page.parts))
    assert len(ids) == len(set(ids))
    some = standalone(MINE, VIEWS, 5 * bytes_of(MINE.layers[0]), Beside(other=other))
    assert 0 < some.heads < 6
    assert "those that differ most; the others had no room" in "".join(some.parts)
    # The second attention reads the same in both, so that it is the one without room.
    text = re.search(r'id="regard-record">(.*?)</script>', "".join(some.parts), re.DOTALL)[1]
    assert {one["layer"] for one in json.loads(text)["heads"]} == {0}


def test_the_command_compares(tmp_path, capsys):
    for name, record in (("mine", MINE), ("yours", YOURS), ("short", recorded(29))):
        record.save(tmp_path / name)
    asked = ["look", str(tmp_path / "mine"), "--html", str(tmp_path / "page.html")]
    assert main([*asked, "--with", str(tmp_path / "yours")]) == 0
    assert "6 heads" in capsys.readouterr().out
    assert '"sides":["mine","yours"]' in (tmp_path / "page.html").read_text(encoding="utf-8")
    assert main([*asked, "--with", str(tmp_path / "short")]) == 2
    assert "mine and short cannot be compared: in 'own', queries are 31" in capsys.readouterr().err
    assert main(["look", str(tmp_path / "mine"), "--with", str(tmp_path / "yours"), "--figure", "a.svg"]) == 2
    assert "a figure is of one" in capsys.readouterr().err
