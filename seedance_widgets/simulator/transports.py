"""Two ways to the simulated service: inside this process, and over a real socket.

A dropped reply has to look on both ways as it does in the wild: the embedded transport raises what httpx
raises for a broken connection, the server breaks it.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
import time
from typing import TYPE_CHECKING, Any

import httpx
import uvicorn

from seedance_widgets.errors import SeedanceError
from seedance_widgets.simulator.bounded_http import BACKLOG, BoundedProtocol
from seedance_widgets.simulator.faults import ReplyDropped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.routing import Router
    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["EmbeddedTransport", "make_server", "serve"]


class EmbeddedTransport(httpx.AsyncBaseTransport):
    """Calls the app without a socket; as behind one, it finishes what it has begun, whoever has left."""

    def __init__(self, app: Router) -> None:
        self._inner = httpx.ASGITransport(app=app)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request, or break the connection as ordered."""
        work = self._inner.handle_async_request(request)
        # of a context of its own, too: nothing here belongs to the caller
        answering = contextvars.Context().run(asyncio.ensure_future, work)
        try:
            return await asyncio.shield(answering)
        except ReplyDropped as drop:
            what = "in the middle of the answer" if drop.sent else "without sending a response"
            raise httpx.RemoteProtocolError(f"server disconnected {what}", request=request) from None


class _BreakingApp:
    """Breaks the socket where the app asks for it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.server: uvicorn.Server | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except ReplyDropped as drop:
            if drop.sent:
                await send({"type": "http.response.start", "status": 200, "headers": drop.headers})
                await send({"type": "http.response.body", "body": drop.sent, "more_body": True})
                return  # uvicorn closes a connection whose answer stays unfinished
            assert self.server is not None
            connections: set[Any] = self.server.server_state.connections
            for connection in connections:
                if connection.client == tuple(scope["client"] or ()):
                    connection.transport.abort()


def make_server(app: ASGIApp, host: str, port: int) -> uvicorn.Server:
    """A server over the app; port 0 takes a free one."""
    breaking = _BreakingApp(app)
    config = uvicorn.Config(
        breaking,
        host=host,
        port=port,
        http=BoundedProtocol,
        backlog=BACKLOG,
        ws="none",
        lifespan="off",
        log_config=None,  # theirs needs an output, and is not ours to set
        log_level="critical",
        access_log=False,  # an address may hold a secret
        date_header=False,
        server_header=False,
    )
    breaking.server = uvicorn.Server(config)
    return breaking.server


@contextlib.contextmanager
def serve(server: uvicorn.Server, what: str = "simulator") -> Iterator[int]:
    """Run a server in a thread of its own, which says by its name what is served; yields its port."""

    def run() -> None:
        with contextlib.suppress(SystemExit):  # how uvicorn says that it cannot listen
            server.run()

    # the thread is not the main one: uvicorn leaves signals alone by itself
    thread = threading.Thread(target=run, name=f"seedance-{what}", daemon=True)
    thread.start()
    while not server.started:
        if not thread.is_alive():
            raise SeedanceError(
                f"the {what} cannot listen on {server.config.host}:{server.config.port}: is the port taken?"
            )
        time.sleep(0.005)
    try:
        yield int(server.servers[0].sockets[0].getsockname()[1])
    finally:
        server.should_exit = True
        server.force_exit = True
        thread.join(timeout=10)
