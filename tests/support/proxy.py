"""A loopback proxy that does to requests what networks do: lose, cut, hold, reset, replace, slow down.

A `Toxic` waits for a request whose first line begins with its words, and strikes one. What no toxic waits
for passes unchanged. All requests are written down as they come in: what counts is what was sent, not what
the service made of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from typing import Self

_RESET = struct.pack("ii", 1, 0)  # linger for no time: what is unsent is thrown away, the peer is told RST
_CHUNK = 1 << 14


@dataclass(eq=False)
class Toxic:
    """What happens to one request.

    ``on`` is how its first line begins, as in "POST". ``up`` bytes of it get through and ``down`` bytes of
    the answer, None for all; ``instead`` goes back in place of the answer. ``hold`` keeps the answer (or
    where ``up`` cuts it, stops reading the request) until `release`. ``rate`` is bytes a second of the
    answer. ``ends`` the connection: "reset", "close", or not, None.
    """

    on: str
    up: int | None = None
    down: int | None = None
    instead: bytes | None = None
    hold: bool = False
    rate: float | None = None
    ends: str | None = None
    answered: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    def release(self) -> None:
        """Let go of what is held."""
        self.released.set()


@dataclass(eq=False)
class Request:
    """One request that came in: when (monotonic seconds), its first line, and what was read of its body."""

    at: float
    line: str
    body: bytearray = field(default_factory=bytearray)


class Proxy:
    """Passes connections on to a port of this machine; a context manager.

    Attributes
    ----------
    port
        Where it listens.
    requests
        All that came in, in order.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._toxics: list[Toxic] = []
        self._held: list[Toxic] = []
        self._lock = threading.Lock()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._listening = socket.create_server(("127.0.0.1", 0))
        # small, so that a request which nobody reads blocks its sender soon
        self._listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        self.port: int = self._listening.getsockname()[1]
        self.requests: list[Request] = []

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def strike(self, on: str, *, times: int = 1, **what: object) -> Toxic:
        """Order a toxic for the next request, or the next few, that begin so; returns the first."""
        ordered = [Toxic(on, **what) for _ in range(times)]  # type: ignore[arg-type]
        with self._lock:
            self._toxics += ordered
            self._held += ordered
        return ordered[0]

    def relent(self) -> None:
        """Forget the toxics that have not struck, and let go of what the others hold."""
        with self._lock:
            self._toxics.clear()
            for toxic in self._held:
                toxic.release()

    def count(self, on: str) -> int:
        """How many requests began so."""
        return sum(request.line.startswith(on) for request in self.requests)

    # --- on the proxy's own loop --------------------------------------------------------------------------

    def _do(self, work: object) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)  # type: ignore[arg-type]

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._connected, sock=self._listening)

    async def _stop(self) -> None:
        self._server.close()
        # closing one may let another begin
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in others:
                task.cancel()
            await asyncio.wait(others)
        await asyncio.sleep(0)  # transports that were aborted call back once more

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            behind = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            return _reset(writer)
        try:
            while await self._pass_one(reader, writer, *behind):
                pass
            writer.close()
        except ConnectionError:
            _reset(writer)
        except (asyncio.IncompleteReadError, asyncio.CancelledError):
            writer.close()
        finally:
            behind[1].transport.abort()

    async def _pass_one(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        behind: asyncio.StreamReader,
        onward: asyncio.StreamWriter,
    ) -> bool:
        """Pass one request on and its answer back; whether the connection may go on."""
        head = await reader.readuntil(b"\r\n\r\n")
        request = Request(time.monotonic(), head.partition(b"\r\n")[0].decode())
        toxic = self._take(request)
        self.requests.append(request)
        left = len(head) + (_length(head) or 0)
        left = left if toxic.up is None else min(left, toxic.up)
        onward.write(head[:left])
        left -= len(head[:left])
        while left:
            chunk = await reader.read(min(left, _CHUNK))
            if not chunk:
                return False
            request.body += chunk
            onward.write(chunk)
            await onward.drain()
            left -= len(chunk)
        if toxic.up is None:
            answer = await self._answered(behind, toxic)
        else:
            answer = b""
            toxic.answered.set()
        if toxic.hold:
            while not toxic.released.is_set():
                await asyncio.sleep(0.005)
        await _back(writer, answer, toxic)
        if toxic.ends == "reset":
            _reset(writer)
        return toxic.ends is None and toxic.up is None

    async def _answered(self, behind: asyncio.StreamReader, toxic: Toxic) -> bytes:
        head = await behind.readuntil(b"\r\n\r\n")
        length = _length(head)
        assert length is not None, "the simulator always says how long its answer is"
        try:
            body = await behind.readexactly(length)
        except asyncio.IncompleteReadError as cut:
            body, toxic.ends = cut.partial, "close"
        toxic.answered.set()
        answer = head + body if toxic.instead is None else toxic.instead
        return answer[: toxic.down]

    def _take(self, request: Request) -> Toxic:
        with self._lock:
            for toxic in self._toxics:
                if request.line.startswith(toxic.on):
                    self._toxics.remove(toxic)
                    return toxic
        return Toxic("")


async def _back(writer: asyncio.StreamWriter, answer: bytes, toxic: Toxic) -> None:
    step = len(answer) or 1 if toxic.rate is None else max(1, int(toxic.rate / 20))
    for start in range(0, len(answer), step):
        writer.write(answer[start : start + step])
        await writer.drain()
        if toxic.rate is not None:
            await asyncio.sleep(step / toxic.rate)


def _length(head: bytes) -> int | None:
    for line in head.lower().split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name == b"content-length":
            return int(value)
    return None


def _reset(writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):  # it may be gone already
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
