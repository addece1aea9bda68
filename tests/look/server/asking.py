"""Ask an ASGI app directly, with whatever bytes a request may have; no client cleans them first."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import numpy as np

from regard.look.server.gate import cookie_name

TOKEN = "a-token-of-the-tests"
COOKIE = f"{cookie_name(TOKEN)}={TOKEN}"


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def floats(self):
        sizes = [int(size) for size in self.headers["x-shape"].split(",")]
        return np.frombuffer(self.body, "<f4"), sizes


async def asked(app, path="/", *, method="GET", host="127.0.0.1:8000", cookie=COOKIE, headers=()):
    path, _mark, query = path.partition("?")
    given = [(b"host", host.encode())] if host is not None else []
    given += [(b"cookie", cookie.encode())] if cookie is not None else []
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode("utf-8", "surrogatepass"),
        "query_string": query.encode("utf-8", "surrogatepass"),
        "root_path": "",
        "headers": [*given, *((name.encode(), value.encode()) for name, value in headers)],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8000),
    }
    sent = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)
    start, *bodies = sent
    found = {name.decode().lower(): value.decode() for name, value in start["headers"]}
    return Reply(start["status"], found, b"".join(one.get("body", b"") for one in bodies))


def ask(app, path="/", **more):
    return asyncio.run(asked(app, path, **more))
