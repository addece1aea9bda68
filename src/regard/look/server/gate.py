"""What every request must pass before anything looks at its path: method, host, origin, token."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
LONGEST_PATH = 512
LONGEST_QUERY = 512

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:[0-9]{1,5})?")
_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}


@dataclass(frozen=True)
class Refusal:
    """Why a request gets no further, and the status that says so."""

    status: int
    reason: str


@dataclass(frozen=True)
class Gate:
    """An ASGI app that lets through what has a known host and the token, and refuses everything else.

    The host comes first: a name that another site made point here would pass every check of origins. Web sockets
    are closed, as nothing here speaks them. `GET /?token=...` with the right token becomes a cookie that scripts
    cannot read, and leaves the address bar.
    """

    app: ASGIApp
    token: str
    hosts: frozenset[str] = LOOPBACK

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request through or answer it here."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": "no web sockets here"})
        else:
            await self._http(scope, receive, _guarded(send))

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._stranger(scope)
        if refusal is None and self._is_first_visit(scope):
            await self._let_in(scope, send)
            return
        refusal = refusal or self._unknown(scope)
        if refusal is None:
            await self.app(scope, receive, send)
        else:
            await _refuse(refusal, send)

    def _stranger(self, scope: Scope) -> Refusal | None:
        """What can be said without the token."""
        hosts = _headers(scope, b"host")
        found = _HOST.fullmatch(hosts[0].lower()) if len(hosts) == 1 else None
        if found is None or found[1] not in self.hosts:
            return Refusal(403, "This host name is not served here; open the address that was printed.")
        if scope["method"] != "GET":
            return Refusal(405, "Only GET is answered here.")
        if len(scope["path"]) > LONGEST_PATH or len(scope["query_string"]) > LONGEST_QUERY:
            return Refusal(414, "This address is too long.")
        return None

    def _is_first_visit(self, scope: Scope) -> bool:
        return scope["path"] == "/" and b"token=" in scope["query_string"]

    async def _let_in(self, scope: Scope, send: Send) -> None:
        given = parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=8).get("token", [""])
        if len(given) != 1 or not _same(given[0], self.token):
            await _refuse(Refusal(401, "The token is wrong; open the address that was printed."), send)
            return
        cookie = f"{cookie_name(self.token)}={self.token}; HttpOnly; SameSite=Strict; Path=/"
        await _answer(303, [(b"location", b"/"), (b"set-cookie", cookie.encode())], b"", send)

    def _unknown(self, scope: Scope) -> Refusal | None:
        """A request without the cookie, or that another page makes with it."""
        name = cookie_name(self.token)
        if not any(_same(value, self.token) for value in _cookies(_headers(scope, b"cookie"), name)):
            return Refusal(401, "The token is missing; open the address that was printed.")
        site = _headers(scope, b"sec-fetch-site")
        navigated = _headers(scope, b"sec-fetch-mode") == ["navigate"] and scope["path"] == "/"
        if site and not navigated and set(site) - {"same-origin", "none"}:
            return Refusal(403, "Another page asked for this; only this page may.")
        return None


def cookie_name(token: str) -> str:
    """A name of its own for every token: cookies do not tell ports apart, and two pages may be open.

    Example:
        >>> cookie_name("a") == cookie_name("b")
        False
    """
    return f"regard_{hashlib.sha256(token.encode()).hexdigest()[:12]}"


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())


def _headers(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name]


def _cookies(lines: Iterable[str], name: str) -> list[str]:
    found = []
    for line in lines:
        try:
            cookie = SimpleCookie(line)
        except CookieError:
            continue
        found += [cookie[name].value] if name in cookie else []
    return found


def _guarded(send: Send) -> Send:
    """Every answer has the headers, refusals and errors too."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = {key.lower() for key, _value in message["headers"]}
            more = [(key.encode(), value.encode()) for key, value in _HEADERS.items() if key.encode() not in given]
            message = {**message, "headers": [*message["headers"], *more]}
        await send(message)

    return sending


async def _refuse(refusal: Refusal, send: Send) -> None:
    more = {401: [(b"www-authenticate", b'Token realm="regard"')], 405: [(b"allow", b"GET")]}
    await _answer(refusal.status, more.get(refusal.status, []), refusal.reason.encode(), send)


async def _answer(status: int, headers: list[tuple[bytes, bytes]], body: bytes, send: Send) -> None:
    plain = (b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *plain]})
    await send({"type": "http.response.body", "body": body})
