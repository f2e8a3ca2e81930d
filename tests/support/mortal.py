"""A kernel inside this process that can die: a studio of its own on a shared log, with its line to the service.

Death leaves what SIGKILL leaves. Every asyncio task that the kernel ever began ends where it stands, and none
of the steps of ``Studio.close`` is taken: an answer on its way is heard by nobody, nothing more is written, the
lease stays in the log. What had left the kernel goes on without it: the service finishes a call that it has
received, and the disk a commit that it has begun. Other kernels must wait for the lease to lapse by the
clock, as for one on another machine, since the process that it names is alive.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import contextvars
import json
import threading
import weakref
from collections import Counter

import httpx

import seedance_widgets as sw
from seedance_widgets import runtime
from seedance_widgets.background_loop import engine
from seedance_widgets.sending.limits import Limits

_alive: contextvars.ContextVar[Kernel] = contextvars.ContextVar("kernel")
PATIENCE = 30.0


@contextlib.contextmanager
def kernels_that_die():
    """As long as it lasts, the engine remembers which kernel each of its tasks belongs to."""

    def owned(loop, work, **context):
        task = asyncio.Task(work, loop=loop, **context)
        if kernel := _alive.get(None):
            kernel.work.add(task)
        return task

    async def set_factory(factory):
        asyncio.get_running_loop().set_task_factory(factory)

    engine.run(set_factory(owned))
    try:
        yield
    finally:
        engine.run(set_factory(None))


class Stop:
    """A place on a line where the next call of one kind stops until it may go on, to its end or to be lost."""

    def __init__(self, call: str, *, answered: bool, lost: bool = False) -> None:
        self.call = call
        self.answered = answered
        self.lost = lost
        self.reached = threading.Event()
        self._go = concurrent.futures.Future()

    def let_go(self) -> None:
        if not self._go.done():
            self._go.set_result(None)

    async def wait(self) -> None:
        self.reached.set()
        await asyncio.wrap_future(self._go)


class Line(sw.Simulator):
    """One kernel's line to a simulator that several share.

    ``sent`` counts the creates by fingerprint (expiry and seed), but for those that were answered by 429.
    """

    def __init__(self, service: sw.Simulator) -> None:
        super().__init__(speed=service.speed, clock=service.clock)
        self.sent: Counter[tuple[int, int]] = Counter()
        self.unreachable = 0
        self.stop: Stop | None = None
        self._service_transport = service.transport()

    def transport(self):
        return httpx.MockTransport(self._carry)

    async def _carry(self, request: httpx.Request) -> httpx.Response:
        call = _call(request)
        if call == "create" and self.unreachable:
            self.unreachable -= 1
            raise httpx.ConnectError("no way there", request=request)
        stopped = await self._halt(call, answered=False)
        if call == "create":
            fingerprint = _fingerprint(json.loads(request.content))
            self.sent[fingerprint] += 1
        response = await self._service_transport.handle_async_request(request)
        if call == "create" and response.status_code == httpx.codes.TOO_MANY_REQUESTS:
            self.sent[fingerprint] -= 1
        stopped = await self._halt(call, answered=True) or stopped
        if stopped and stopped.lost:
            raise httpx.ReadError("the way back is gone", request=request)
        return response

    async def _halt(self, call: str, *, answered: bool) -> Stop | None:
        stop = self.stop
        if stop is None or (stop.call, stop.answered) != (call, answered):
            return None
        self.stop = None
        await stop.wait()
        return stop


def _call(request: httpx.Request) -> str:
    if request.method == "POST":
        return "create"
    return "file" if request.url.path.startswith("/files/") else "status"


def _fingerprint(body) -> tuple[int, int]:
    return body["execution_expires_after"], body["seed"]


class Kernel:
    """A studio whose whole asyncio work can end at one stroke."""

    def __init__(self, home, service: sw.Simulator, clock) -> None:
        self.line = Line(service)
        self.work: weakref.WeakSet[asyncio.Task] = weakref.WeakSet()
        self.studio = sw.Studio(home, simulate=self.line, clock=clock, limits=Limits(lists_per_second=50))
        self._context = contextvars.copy_context()
        self._context.run(_alive.set, self)

    def start(self, work) -> concurrent.futures.Future:
        return self._context.run(engine.submit, work)

    def do(self, work):
        return self.start(work).result(PATIENCE)

    def task(self, key: str) -> sw.Task:
        return self.do(self.studio.runtime.task(key))

    def die(self) -> None:
        del runtime._runtimes[self.studio._shared_by]

        async def end():
            for task in list(self.work):
                task.cancel()
            await asyncio.gather(*self.work, return_exceptions=True)
            await engine.write(lambda: None)

        engine.run(end(), PATIENCE)
        # the system closes a dead process's files
        self.studio.runtime.release()

    def close(self) -> None:
        self.studio.close()
