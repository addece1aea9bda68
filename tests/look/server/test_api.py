import asyncio
import base64
import json
import random
import string

import numpy as np
import pytest

from regard.look.server.api import page_app
from regard.look.views import Address
from regard.look.views_map import Pooling, Sinks
from tests.look.server.asking import COOKIE, TOKEN, ask, asked
from tests.look.synthetic import Plain, synthetic

RECORD, VIEWS = synthetic(sizes=((2, 3, 37, 37), (1, 2, 541, 523)))


@pytest.fixture(scope="module")
def app():
    return page_app(RECORD, VIEWS, TOKEN)


def test_the_record_is_told_with_tokens_once(app):
    told = json.loads(ask(app, "/api/record").body)
    first, second = told["layers"]
    assert (first["heads"], first["queries"], first["keys"], first["batch"]) == (3, 37, 37, 2)
    assert first["query_tokens"] == first["key_tokens"]
    assert [len(tokens) for tokens in told["tokens"]] == [37, 541, 523]
    assert tuple(told["tokens"][second["key_tokens"]]) == RECORD.layers[1].key_tokens
    assert told["unseen"] == [{"name": "model.layers.7.attention", "reason": "never called"}]
    assert first["proof"] == {"weights": 1.2e-7, "row_sum": 3e-7}
    assert first["rows"] is None


@pytest.mark.parametrize("pooling", ["sum", "max"])
@pytest.mark.parametrize("place", [(0, 2, 1), (0, 0, 2), (2, 0, 0), (1, 1, 0)])
@pytest.mark.parametrize("sinks", ["kept", "left-out"])
def test_a_tile_is_what_the_views_say(app, place, pooling, sinks):
    zoom, down, across = place
    reply = ask(app, f"/api/tile/1/1/0/{zoom}/{down}/{across}?pooling={pooling}&sinks={sinks}")
    values, sizes = reply.floats
    expected = VIEWS[Sinks[sinks.upper().replace("-", "_")]].tile(
        Address(1, 1, 0, zoom, down, across, Pooling[pooling.upper()])
    )
    assert sizes == list(expected.shape)
    np.testing.assert_array_equal(values.reshape(sizes), expected)


def test_rows_columns_tracks_and_overviews(app):
    weights = VIEWS[Sinks.KEPT].weights[1][0, 1]
    row = json.loads(ask(app, "/api/row/1/1/0/300?top=7").body)
    assert row["index"] == np.argsort(-weights[300])[:7].tolist()
    assert row["sum"] == pytest.approx(1)
    column = json.loads(ask(app, "/api/column/1/1/0/17?top=5").body)
    assert column["index"] == np.argsort(-weights[:, 17])[:5].tolist()
    values, sizes = ask(app, "/api/tracks/1/1/0").floats
    assert sizes == [541, 523]
    np.testing.assert_allclose(values[541:], weights.sum(0), rtol=1e-6)
    overview = json.loads(ask(app, "/api/overview/0/1").body)
    small = np.frombuffer(base64.b64decode(overview["thumbnail"]), "<f4").reshape(overview["shape"])
    np.testing.assert_array_equal(small, VIEWS[Sinks.KEPT].overview(0, 1).thumbnail)
    assert overview["sink_mass"] == pytest.approx(VIEWS[Sinks.KEPT].weights[0][1][:, :, 0].mean(1))


REFUSED = {
    "/api/tile/2/0/0/0/0/0": 404,  # a layer too many
    "/api/tile/0/3/0/0/0/0": 404,
    "/api/tile/1/0/1/0/0/0": 404,
    "/api/tile/1/0/0/0/3/0": 404,
    "/api/tile/1/0/0/0/0/3": 404,
    "/api/tile/1/0/0/1/2/0": 404,
    "/api/tile/1/0/0/3/0/0": 404,  # a zoom more than shows all
    "/api/glance/1/0/0/0/0/0?pooling=max": 400,
    "/api/glance/1/0/0/0/-1/0": 400,
    "/api/tile/1/0/0/999999999/0/0": 404,
    "/api/tile/1/0/0/9999999999/0/0": 400,  # ten digits
    "/api/tile/1/0/0/" + "9" * 400 + "/0/0": 400,
    "/api/tile/1/0/0/0/-1/0": 400,
    "/api/tile/1/0/0/0/+1/0": 400,
    "/api/tile/1/0/0/0/1.0/0": 400,
    "/api/tile/1/0/0/0/1e1/0": 400,
    "/api/tile/1/0/0/0/0x1/0": 400,
    "/api/tile/1/0/0/0/\u0661/0": 400,  # an Arabic one
    "/api/tile/1/0/0/0/ 1/0": 400,
    "/api/tile/1/0/0/0/1\n/0": 400,
    "/api/tile/1/0/0/0/NaN/0": 400,
    "/api/tile/1/0/0/0/0": 404,  # a number too few
    "/api/tile/1/0/0/0/0/0/0": 404,
    "/api/tile/1/0/0/0/0/0?pooling=mean": 400,
    "/api/tile/1/0/0/0/0/0?sinks=": 400,
    "/api/row/1/0/0/541": 404,
    "/api/row/1/0/0/0?top=0": 400,
    "/api/row/1/0/0/0?top=1001": 400,
    "/api/row/1/0/0/0?top=-1": 400,
    "/api/row/1/0/0/0?top=1e3": 400,
    "/api/column/1/0/0/523": 404,
    "/api/overview/2/0": 404,
    "/api/overview/0/2": 404,
    "/api/tracks/0/3/0": 404,
    "/../../etc/passwd": 404,
    "/page/../../../etc/passwd": 404,
    "/..%2f..%2fetc/passwd": 404,
    "/page.js/../../record.json": 404,
    "//etc/passwd": 404,
    "/\x00": 404,
    "/index.html": 404,
    "/" + "a" * 512: 414,
    "/?" + "a" * 513: 414,
}


@pytest.mark.parametrize("path", REFUSED, ids=range(len(REFUSED)))
def test_what_names_nothing_is_refused(app, path):
    reply = ask(app, path)
    assert reply.status == REFUSED[path]
    assert b"root:" not in reply.body


def test_a_fault_in_a_view_is_an_error_and_the_next_request_is_answered():
    class Broken(Plain):
        def tracks(self, layer, head, batch=0):
            raise RuntimeError("secret")

    app = page_app(RECORD, {sinks: Broken(views.weights) for sinks, views in VIEWS.items()}, TOKEN)
    with pytest.raises(RuntimeError, match="secret"):  # what a server prints; the client is told nothing of it
        ask(app, "/api/tracks/0/0/0")
    assert ask(app, "/api/record").status == 200


def requests(count: int):
    """Random requests, most of them nearly right, as those go deepest."""
    chance = random.Random(7)
    odd = [
        "-1",
        "0",
        "1",
        "2",
        "255",
        "256",
        "4294967296",
        "1e9",
        "",
        " ",
        "..",
        "%2e%2e",
        "\x00",
        "é",
        "\u0661",
        "NaN",
    ]
    fields, choices = ["pooling", "sinks", "top", "token", "x"], [*odd, "sum", "max", "left-out"]
    names = {
        "tile": 6,
        "glance": 6,
        "row": 4,
        "column": 4,
        "tracks": 3,
        "overview": 2,
        "record": 0,
        "files": 1,
        "tile/..": 6,
    }
    for _ in range(count):
        name = chance.choice(list(names))
        length = names[name] if chance.random() < 0.8 else chance.randrange(9)
        segments = [chance.choice(odd) if chance.random() < 0.1 else str(chance.randrange(2)) for _ in range(length)]
        path = "/api/" + "/".join([name, *segments])
        if chance.random() < 0.1:
            path = "/" + "".join(chance.choice(string.printable) for _ in range(chance.randrange(600)))
        path = path.replace("?", "")
        query = "&".join(f"{chance.choice(fields)}={chance.choice(choices)}" for _ in range(chance.randrange(3)))
        yield {
            "path": f"{path}?{query}" if query else path,
            "method": chance.choice(["GET"] * 9 + ["POST", "HEAD", "OPTIONS", "\x00"]),
            "host": chance.choice(["localhost"] * 9 + ["evil", "", "\x00", None]),
            "cookie": chance.choice([COOKIE] * 9 + [None, "regard=1", "\xff;;=", COOKIE[::-1]]),
            "headers": [
                (chance.choice(["Origin", "Range", "Accept", "X-Forwarded-Host", "Upgrade"]), chance.choice(odd))
                for _ in range(chance.randrange(3))
            ],
        }


def test_ten_thousand_random_requests_are_answered_and_lose_nothing():
    record, views = synthetic()
    app = page_app(record, views, TOKEN)

    async def all_of_them():
        found = {}
        for one in requests(10_000):
            reply = await asked(app, one.pop("path"), **one)
            found[reply.status] = found.get(reply.status, 0) + 1
        return found, await asked(app, "/api/tile/0/2/1/0/0/0")

    found, last = asyncio.run(all_of_them())
    assert set(found) == {200, 400, 401, 403, 404, 405, 414}, found
    assert found[200] > 300
    values, sizes = last.floats
    np.testing.assert_allclose(values.reshape(sizes), views[Sinks.KEPT].weights[0][1, 2], atol=1e-6)
