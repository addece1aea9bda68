import asyncio

import pytest

from regard.look.server.api import page_app
from tests.look.server.asking import COOKIE, TOKEN, ask
from tests.look.synthetic import synthetic


@pytest.fixture(scope="module")
def app():
    return page_app(*synthetic(), TOKEN)


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "[::1]", "localhost:8", "127.0.0.1:65535", "LOCALHOST:80"]
)
def test_this_machine_is_answered(app, host):
    assert ask(app, "/api/record", host=host).status == 200


HOSTILE = ["evil.example", "127.0.0.1.evil.example", "localhost.", "localhost@evil", "::1", "[::2]", "", "0.0.0.0"]
HOSTILE += ["127.1", "127.0.0.1:", "127.0.0.1:80:80", "127.0.0.1:x", "localhost/evil", "127.0.0.1 evil", None]


@pytest.mark.parametrize("host", HOSTILE)
@pytest.mark.parametrize("path", ["/", "/api/record", "/nothing", f"/?token={TOKEN}"])
def test_another_host_is_refused_before_anything_else(app, host, path):
    assert ask(app, path, host=host).status == 403


def test_two_hosts_are_refused(app):
    assert ask(app, headers=[("Host", "127.0.0.1")]).status == 403


def test_another_host_may_be_allowed():
    app = page_app(*synthetic(), TOKEN, frozenset({"10.0.0.7"}))
    assert ask(app, host="10.0.0.7:80").status == 200
    assert ask(app, host="127.0.0.1").status == 403


@pytest.mark.parametrize(
    "cookie", [None, "", COOKIE[:-1], COOKIE + "x", f"token={TOKEN}", "é=ü", ";;;=", COOKIE.lower()]
)
@pytest.mark.parametrize("path", ["/", "/page.js", "/api/record", "/api/tile/0/0/0/0/0/0", "/nothing"])
def test_without_the_token_nothing_is_told(app, cookie, path):
    cookie = None if cookie == COOKIE else cookie
    reply = ask(app, path, cookie=cookie)
    assert reply.status == 401
    assert b"cat" not in reply.body
    assert TOKEN not in str(reply)


@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1], TOKEN + "&token=" + TOKEN, "%00", "é"])
def test_a_wrong_token_is_refused(app, token):
    reply = ask(app, f"/?token={token}", cookie=None)
    assert reply.status == 401
    assert "set-cookie" not in reply.headers


def test_the_token_becomes_a_cookie_and_leaves_the_address(app):
    reply = ask(app, f"/?token={TOKEN}", cookie=None)
    assert (reply.status, reply.headers["location"]) == (303, "/")
    assert reply.headers["set-cookie"] == f"{COOKIE}; HttpOnly; SameSite=Strict; Path=/"
    assert ask(app, "/", cookie=reply.headers["set-cookie"].split(";")[0]).status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "CONNECT", "X"])
def test_only_get_is_answered(app, method):
    reply = ask(app, "/api/record", method=method, headers=[("Origin", "http://evil.example")])
    assert (reply.status, reply.headers["allow"]) == (405, "GET")


def test_no_other_origin_is_ever_allowed(app):
    for method, path in (("GET", "/api/record"), ("OPTIONS", "/api/record"), ("GET", "/nothing")):
        wanted = [("Origin", "http://evil.example"), ("Access-Control-Request-Method", "GET")]
        reply = ask(app, path, method=method, headers=wanted)
        assert not [name for name in reply.headers if name.startswith("access-control")]


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_page_cannot_ask_with_our_cookie(app, site):
    assert ask(app, "/api/record", headers=[("Sec-Fetch-Site", site), ("Sec-Fetch-Mode", "no-cors")]).status == 403
    assert ask(app, "/api/record", headers=[("Sec-Fetch-Site", site), ("Sec-Fetch-Mode", "navigate")]).status == 403
    assert ask(app, "/", headers=[("Sec-Fetch-Site", site), ("Sec-Fetch-Mode", "navigate")]).status == 200


def test_every_answer_has_the_headers(app):
    replies = [ask(app, path) for path in ("/", "/api/record", "/nothing", "/api/tile/0/0/0/0/0/-1")]
    replies += [ask(app, host="evil"), ask(app, cookie=None), ask(app, method="POST"), ask(app, f"/?token={TOKEN}")]
    assert [reply.status for reply in replies] == [200, 200, 404, 400, 403, 401, 405, 303]
    for reply in replies:
        policy = reply.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["referrer-policy"] == "no-referrer"
        assert reply.headers["cross-origin-resource-policy"] == "same-origin"
        assert reply.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("host", ["127.0.0.1", "evil.example"])
def test_web_sockets_are_closed_before_they_open(app, host):
    sent = []

    async def receive():
        return {"type": "websocket.connect"}

    async def send(message):
        sent.append(message)

    scope = {"type": "websocket", "path": "/", "query_string": b"", "headers": [(b"host", host.encode())]}
    asyncio.run(app(scope, receive, send))
    assert [(one["type"], one["code"]) for one in sent] == [("websocket.close", 1008)]
