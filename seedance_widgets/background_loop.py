"""The one background loop: the way in from any thread, the way back to any loop.

A widget callback may run in another thread with another loop than the cell that made the widget, and
which one changes as one works. So all I/O of a process lives on one daemon thread with one loop, started
when first needed: watching and saving go on while a cell blocks. Waiting for it polls, since a loop that
only waits for another thread does not notice an interrupt; the interrupt then ends the wait, not the task.
"""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import contextlib
import functools
import inspect
import logging
import os
import threading
from typing import TYPE_CHECKING, Any, TypeVar

from seedance_widgets.callsite import point_warnings_here
from seedance_widgets.errors import SeedanceError, WaitTimeout

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

__all__ = ["Engine", "engine", "keep_going", "run"]

logger = logging.getLogger(__name__)
T = TypeVar("T")
_POLL_SECONDS = 0.1
_STOP_SECONDS = 2.0
_AFTER_FAILURE = 1.0  # seconds


class Engine:
    """One loop on one daemon thread."""

    def __init__(self) -> None:
        self.begin_anew()

    def begin_anew(self) -> None:
        """Be as new: in a forked child, threads are gone and locks may be held by nobody."""
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        # writes to the log are short and must keep their order
        self._writer = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="seedance-log")

    @property
    def is_here(self) -> bool:
        """Whether the calling thread is the engine's own."""
        return threading.current_thread() is self._thread

    def submit(self, work: Coroutine[Any, Any, T], *, awaited: bool = False) -> concurrent.futures.Future[T]:
        """Start work on the engine from any thread.

        Parameters
        ----------
        work
            Runs on, whoever waits for it.
        awaited
            Whether somebody takes what it returns or raises. If not, a failure is logged with its
            traceback: nobody else would hear of it.
        """
        future = asyncio.run_coroutine_threadsafe(work, self._running_loop())
        if not awaited:
            name = getattr(work, "__qualname__", repr(work))
            future.add_done_callback(functools.partial(_log_failure, name))
        return future

    def run(self, work: Coroutine[Any, Any, T], timeout: float | None = None) -> T:
        """Block the calling thread until the work is done; an interrupt leaves the work going.

        Raises
        ------
        SeedanceError
            Called on the engine's own thread, which would wait for itself.
        WaitTimeout
            It is not done after so many seconds.
        """
        if self.is_here:
            work.close()
            raise SeedanceError("this code already runs on the engine: use await in place of run()")
        future = self.submit(work, awaited=True)
        done, _ = self._wait(future, timeout)
        if not done:
            raise WaitTimeout(f"not done after {timeout} s; the work goes on")
        return future.result()

    async def bridge(self, work: Coroutine[Any, Any, T]) -> T:
        """Do the work on the engine and await it from whatever loop is running.

        A cancelled wait leaves the work going, on the engine's own loop as on any other.
        """
        if self.is_here:
            return await asyncio.shield(asyncio.get_running_loop().create_task(work))
        return await self.wait(self.submit(work, awaited=True))

    async def wait(self, future: concurrent.futures.Future[T]) -> T:
        """Await a future of the engine's from any loop; a cancelled wait leaves the work going."""
        woken = asyncio.Event()
        loop = asyncio.get_running_loop()

        def wake(_: Any) -> None:
            try:
                loop.call_soon_threadsafe(woken.set)
            except RuntimeError:  # that loop is closed: nobody waits any more
                return

        future.add_done_callback(wake)
        while not future.done():
            # not wait_for, which on Python 3.11 loses a cancellation that comes together with the result
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_POLL_SECONDS):
                    await woken.wait()
        return future.result()

    async def write(self, work: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Run a blocking write of the log in the writer thread, in order."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._writer, lambda: work(*args, **kwargs))

    def _wait(self, future: concurrent.futures.Future[T], timeout: float | None) -> tuple[set[Any], set[Any]]:
        return concurrent.futures.wait([future], timeout)

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None or self._thread is None or not self._thread.is_alive():
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._serve, args=(self._loop,), name="seedance-engine", daemon=True
                )
                self._thread.start()
            return self._loop

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_forever()
        finally:
            loop.close()

    def stop(self) -> None:
        """Cancel what still runs and end the thread; the log has all that a later start needs."""
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is None or thread is None or not thread.is_alive():
            return

        def cancel_all() -> None:
            for task in asyncio.all_tasks(loop):
                task.cancel()
            loop.call_later(0.05, loop.stop)

        loop.call_soon_threadsafe(cancel_all)
        thread.join(_STOP_SECONDS)


def _log_failure(name: str, future: concurrent.futures.Future[Any]) -> None:
    if not future.cancelled() and (error := future.exception()) is not None:
        logger.error("%s failed in the background", name, exc_info=error)


engine = Engine()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=engine.begin_anew)
# Before the interpreter takes the thread pools away from under the loop.
threading._register_atexit(engine.stop)  # type: ignore[attr-defined]  # noqa: SLF001
atexit.register(engine.stop)


async def keep_going(work: str, step: Callable[[], Coroutine[Any, Any, bool]]) -> None:
    """Do a step again and again until it says that there is nothing left to do.

    A step that raises, whatever it raises, is logged and followed by the next one: a loop that ended would
    leave paid tasks behind.

    Parameters
    ----------
    work
        What goes on, for the log: "following tasks".
    step
        Returns whether there is more to do.
    """
    while True:
        try:
            if not await step():
                return
        except Exception as error:
            # an error of ours says what happened; of any other, its traceback is wanted
            trace = None if isinstance(error, SeedanceError) else error
            logger.warning("%s: a step failed, the next one comes: %s", work, error, exc_info=trace)
            await asyncio.sleep(_AFTER_FAILURE)


def run(work: Any, timeout: float | None = None) -> Any:
    """Wait for a coroutine or awaitable of this package, in a script or in a cell that must block.

    Needs no patched event loop: the work runs on the engine's own.

    Parameters
    ----------
    work
        As in ``run(studio.generate("..."))`` or ``run(task)``.
    timeout
        Seconds to wait at most; None for no limit.

    Raises
    ------
    WaitTimeout
        The time is over; the work goes on.
    TypeError
        It is nothing that can be awaited.
    """
    if not inspect.isawaitable(work):
        what = "a function: call it" if callable(work) else f"a {type(work).__name__}"
        raise TypeError(
            f'run() waits for what can be awaited, as in run(studio.generate("...")), not for {what}'
        )

    async def wait_for_work() -> Any:
        return await work

    if engine.is_here and inspect.iscoroutine(work):
        work.close()  # it is refused, and nobody will await it
    with point_warnings_here():
        return engine.run(wait_for_work(), timeout)
