"""A second service, written from what is known of the real one and from nothing else: bytes over raw sockets.

The simulator knows what this package believes of the service. This one shares none of its code, keeps to what
others have written down of the service, and departs from that where a hook says so.

A hook is called with a `Call` and with ``work``, which does what the service would do and gives its `Reply`.
What the hook returns goes back: the reply as it is or changed, another one, or None for a connection that
breaks. A hook that never calls ``work`` loses the request on its way there. ``tell`` is asked how a task is
told, by GET and in lists, or whether it is told at all.
"""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import json
import math
import threading
import time
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

from raw_account import Account, Refused, Task, clip_of

TASKS = "/api/v3/contents/generations/tasks"


@dataclass
class Reply:
    """An answer: ``body`` is JSON unless it is bytes already.

    It goes out after ``delay`` seconds, in so many ``pieces``; if ``share`` is below 1, only so much of its
    body, before the connection breaks.
    """

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    pieces: int = 1
    share: float = 1.0

    def to_bytes(self) -> list[bytes]:
        """What goes over the wire, piece by piece."""
        body = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        kind = "video/mp4" if isinstance(self.body, bytes) else "application/json"
        headers = {"Content-Type": kind, "Content-Length": str(len(body)), **self.headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        raw = f"HTTP/1.1 {self.status} -\r\n{head}\r\n".encode() + body[: math.ceil(len(body) * self.share)]
        step = math.ceil(len(raw) / self.pieces)
        return [raw[start : start + step] for start in range(0, len(raw), step)]


def refusal(status: int, code: str, message: str = "no") -> Reply:
    """The error that the service answers with."""
    return Reply(status, {"error": {"code": code, "message": message, "type": "BadRequest", "param": ""}})


@dataclass
class Call:
    """A request: ``name`` is create, get, list, delete or file."""

    name: str
    task_id: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes


Work = Callable[[], Reply]
Hook = Callable[[Call, Work], Reply | None]
Tell = Callable[[Task, dict[str, Any], str], dict[str, Any] | None]


class RawService:
    """The account behind a socket of this machine; a context manager.

    Parameters
    ----------
    clock
        Seconds since 1970, which the Date of each answer tells too.
    run_seconds, places
        How long a task runs, and how many at once.
    """

    def __init__(
        self, *, clock: Callable[[], float] = time.time, run_seconds: float = 1.0, places: float = math.inf
    ) -> None:
        self.clock = clock
        self.account = Account(clock, run_seconds, places)
        self.hooks: dict[str, Hook] = {}
        self.tell: Tell = lambda task, told, call: told
        self.calls: list[Call] = []
        self.lock = threading.RLock()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="raw-service", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        starting = asyncio.start_server(self._connected, "127.0.0.1", 0)
        self._server = asyncio.run_coroutine_threadsafe(starting, self._loop).result(10)
        self.root = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _stop(self) -> None:
        self._server.close()
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in others:
                task.cancel()
            await asyncio.wait(others)
        await asyncio.sleep(0)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while reply := self._answer(await _read(reader)):
                await asyncio.sleep(reply.delay)
                for piece in reply.to_bytes():
                    writer.write(piece)
                    await writer.drain()
                if reply.share < 1:
                    break
        writer.transport.abort() if not writer.transport.get_write_buffer_size() else writer.close()

    def _answer(self, call: Call) -> Reply | None:
        with self.lock:
            self.calls.append(call)
            hook = self.hooks.get(call.name)
            reply = self._work(call) if hook is None else hook(call, lambda: self._work(call))
            if reply is not None:
                now = email.utils.formatdate(self.clock(), usegmt=True)
                reply.headers = {"Date": now, "X-Request-Id": f"r{len(self.calls)}", **reply.headers}
            return reply

    def _work(self, call: Call) -> Reply:
        account = self.account
        try:
            account.advance()
            if call.name == "file":
                task = account.find(call.task_id)
                if task.status != "succeeded" or self.clock() > task.ended + 86_400:
                    raise Refused(403, "AccessDenied")
                return Reply(body=clip_of(task))
            if not call.headers.get("authorization", "").startswith("Bearer "):
                raise Refused(401, "AuthenticationError")
            if call.name == "create":
                return Reply(body={"id": account.create(json.loads(call.body)).id})
            if call.name == "list":
                return Reply(body=self._page(call.query))
            task = account.find(call.task_id)
            if call.name == "delete":
                account.delete(task)
                return Reply(body={})
            told = self.tell(task, task.told(self.root), "get")
            return Reply(body=told) if told is not None else refusal(404, "NotFound.task")
        except Refused as refused:
            return refusal(*refused.args)

    def _page(self, query: dict[str, list[str]]) -> dict[str, Any]:
        number, size = (
            int(query.get(name, [default])[0]) for name, default in (("page_num", "1"), ("page_size", "10"))
        )
        if not (1 <= number <= 500 and 1 <= size <= 500):
            raise Refused(400, "InvalidParameter.page")
        told = [self.tell(task, task.told(self.root), "list") for task in self.account.listed(query)]
        items = [each for each in told if each is not None]
        return {"items": items[(number - 1) * size : number * size], "total": len(items)}


async def _read(reader: asyncio.StreamReader) -> Call:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    path, _, query = target.partition("?")
    name, task_id = {"POST": "create", "DELETE": "delete"}.get(method, "list"), ""
    if path.startswith("/files/"):
        name, task_id = "file", path.split("/")[2]
    elif path != TASKS:
        name, task_id = (
            "delete" if method == "DELETE" else "get",
            urllib.parse.unquote(path.rpartition("/")[2]),
        )
    return Call(name, task_id, urllib.parse.parse_qs(query), headers, body)
