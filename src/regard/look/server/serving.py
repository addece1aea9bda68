"""Serving a page: a socket on this machine, a token of its own, and a server that Ctrl-C ends."""

from __future__ import annotations

import ipaddress
import secrets
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import uvicorn

from regard.look.beside import NOTHING, Beside
from regard.look.record import Record
from regard.look.server.api import page_app
from regard.look.server.gate import LOOPBACK
from regard.look.views import Views
from regard.look.views_map import Sinks


@dataclass(frozen=True)
class Serving:
    """A server that has its socket, so that its address is known before it runs."""

    address: str
    server: uvicorn.Server
    listening: socket.socket

    def run(self) -> None:
        """Answer until it is stopped."""
        self.server.run(sockets=[self.listening])


def serving(
    record: Record,
    views: Mapping[Sinks, Views],
    host: str = "127.0.0.1",
    port: int = 0,
    beside: Beside = NOTHING,
) -> Serving:
    """A server for the page of a record; its address holds the token.

    Args:
        record: what the page shows.
        views: its views with sinks kept and left out.
        host: the address to listen on. Another than this machine's own shows the record to whoever gets the token.
        port: 0 takes a free one.
        beside: what the page shows beside the record's maps.

    Raises:
        ValueError: the host is every address at once, or the port is none.
        OSError: the port is taken.
    """
    name = _named(host)
    if not 0 <= port <= 65535:
        raise ValueError(f"port is {port}, expected 0 (any free one) to 65535.")
    token = secrets.token_urlsafe(32)
    family = socket.AF_INET6 if name.startswith("[") else socket.AF_INET
    listening = socket.create_server((host, port), family=family)
    app = page_app(record, views, token, LOOPBACK if name in LOOPBACK else frozenset({name}), beside)
    # No web sockets, and nothing about requests on the terminal: an address holds the token.
    settings = uvicorn.Config(
        app,
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
    )
    address = f"http://{name}:{listening.getsockname()[1]}/?token={token}"
    return Serving(address, uvicorn.Server(settings), listening)


def _named(host: str) -> str:
    """As it stands in an address. Every address at once has no name that a request could be checked against."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host.lower()
    if address.is_unspecified:
        raise ValueError(
            f"host is {host}, every address of this machine; name the one that the page will be opened at."
        )
    return f"[{address}]" if address.version == 6 else str(address)


def stopped_by(run: Callable[[], None]) -> None:
    """Run until Ctrl-C, which is how a page is closed and no error."""
    try:
        run()
    except KeyboardInterrupt:
        return
