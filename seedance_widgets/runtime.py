"""What all studios on one home share in a process: log, client, files, and the tasks that are at work.

The parts are made here once, each handed the parts that it calls. A request's way is straight: `outbox` (the
intent in the journal, the gate, the POST, the id in the journal), then by the row's state, which the
`dispatcher` reacts to: `watcher`, `saver`, `recovery`. Every change of a row is published by the `registry`.
All coroutines here run on the engine.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hashlib
import logging
import os
import threading
import time
from typing import TYPE_CHECKING, Any

from seedance_widgets.background_loop import engine
from seedance_widgets.errors import LogError, SeedanceError, ServiceError
from seedance_widgets.following.actions import Actions
from seedance_widgets.following.dispatcher import Dispatcher
from seedance_widgets.following.pace import LearnedPaces
from seedance_widgets.following.saver import Saver
from seedance_widgets.following.stopping import stop_tasks
from seedance_widgets.following.watcher import LEAST_SCALE, Watcher
from seedance_widgets.following.webhook import state_in_log
from seedance_widgets.log import Log
from seedance_widgets.log.clip_verdicts import Verdicts
from seedance_widgets.log.expiry import deadlines
from seedance_widgets.log.home_id import home_id
from seedance_widgets.log.journal import Journal
from seedance_widgets.log.looks import Looks
from seedance_widgets.log.metrics import Metrics
from seedance_widgets.log.row import FileState
from seedance_widgets.log.store import Store
from seedance_widgets.log.studies import Studies
from seedance_widgets.media.store import Media
from seedance_widgets.modelark.client import Client, Spacing
from seedance_widgets.recovery.elsewhere import find_elsewhere
from seedance_widgets.recovery.failover import Failover
from seedance_widgets.recovery.leases import Leases, Peers
from seedance_widgets.recovery.recovery import Recovery
from seedance_widgets.recovery.resume_result import Resumed
from seedance_widgets.sending.gates import Gates
from seedance_widgets.sending.limits import Usage
from seedance_widgets.sending.outbox import Outbox
from seedance_widgets.simulator import EMBEDDED_BASE_URL, Simulator
from seedance_widgets.task.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from seedance_widgets.following.pace import Paces
    from seedance_widgets.following.stopping import Stopped
    from seedance_widgets.log.budget import Budget
    from seedance_widgets.log.expiry import Deadline
    from seedance_widgets.log.row import TaskRow
    from seedance_widgets.modelark.credentials import Key
    from seedance_widgets.recovery.elsewhere import Elsewhere
    from seedance_widgets.sending.limits import Limits
    from seedance_widgets.task.task import Task

    SharedBy = tuple[Any, ...]

__all__ = ["StudioRuntime", "join", "leave"]

logger = logging.getLogger(__name__)
# the search for tasks without a row is an extra, and must not hold up those with one
_ORPHAN_SECONDS = 10.0
_SIMULATED_SPEED = 20

_runtimes: dict[SharedBy, tuple[StudioRuntime, int]] = {}
_lock = threading.Lock()


class StudioRuntime:
    """The shared heart of every `Studio` on one home.

    Parameters
    ----------
    home
        Absolute folder.
    log_location
        SQLite path or SQLAlchemy URL.
    client
        Of the service or the simulator.
    media
        Where files go.
    simulated
        Marks this runtime's rows.
    scale
        1 / speed of a simulator: how fast tasks are watched follows it.
    limits
        What is kept to when the service is called.
    clock
        Seconds since 1970 UTC.
    closing
        Called last, when the runtime is let go of.
    """

    def __init__(
        self,
        home: Path,
        log_location: Path | str,
        client: Client,
        media: Media,
        *,
        simulated: bool,
        scale: float,
        limits: Limits,
        clock: Callable[[], float] = time.time,
        closing: Callable[[], None] | None = None,
    ) -> None:
        self.home = home
        self.client = client
        self.media = media
        self.simulated = simulated
        self.clock = clock
        self.limits = limits
        self._closing = closing
        self._closing_now = asyncio.Event()
        # the log
        store = self._store = Store(log_location, clock=clock)
        own_id = home_id(home, make=not store.is_read_only)
        self.log = Log(store, home, clock=clock, home_id=own_id, budgets=self._budgets)
        journal = self.journal = Journal(store, simulated=simulated, home=own_id, clock=clock)
        journal.money()  # for cards, which do not ask
        self.verdicts = Verdicts(store, clock=clock)
        self.metrics = Metrics(store, clock=clock)
        self.studies = Studies(store, simulated=simulated, clock=clock)
        self._paces = LearnedPaces(store, simulated=simulated)
        # each of these knows those above it
        lists = self._lists = Spacing(limits.lists_per_second, max(scale, LEAST_SCALE))
        self.registry: Registry = Registry(self)
        registry = self.registry
        peers = self._peers = Peers(Leases(store, clock=clock), registry)
        looks = Looks(store, clock=clock)
        self._recovery = Recovery(client, journal, registry, peers, looks=looks, lists=lists, clock=clock)
        self._failover = Failover(journal, registry, peers, self._recovery)
        gates = Gates(limits, Usage(journal), clock=clock)
        self.outbox = Outbox(
            client,
            journal,
            media,
            registry=registry,
            gates=gates,
            peers=peers,
            recovery=self._recovery,
            sleep=self._pause,
        )
        watcher = Watcher(
            client,
            journal,
            registry,
            self._paces,
            lists=lists,
            gets_per_second=limits.gets_per_second,
            scale=scale,
            clock=clock,
        )
        saver = Saver(client, journal, media, registry, peers=peers, failover=self._failover, clock=clock)
        self._dispatcher = registry.follower = Dispatcher(
            client,
            journal,
            registry,
            peers=peers,
            paces=self._paces,
            gates=gates,
            watcher=watcher,
            saver=saver,
            recovery=self._recovery,
            failover=self._failover,
        )
        self.actions = Actions(
            client, journal, registry, verdicts=self.verdicts, peers=peers, outbox=self.outbox
        )

    def _budgets(self) -> Sequence[Budget]:
        return self.outbox.budgets

    # --- from one start to the next ----------------------------------------------------------------------

    async def resume(self) -> Resumed:
        """Follow what nobody follows, look for what is unclear, and fetch what is not saved."""
        self.check_open()
        stock = await self._recovery.take_stock()
        await engine.write(self.journal.money)  # others may have spent, too
        lost = await self._find_lost()
        tasks = [self.registry.take_up(row) for row in (*stock.ours, *stock.settled, *lost)]
        tasks += [self._failover.look_on(row) for row in stock.elsewhere]
        return Resumed(
            tasks,
            elsewhere=[row.key for row in stock.elsewhere],
            settled=[row.key for row in stock.settled],
            lost=[row.key for row in lost],
            orphans=await self._orphan_ids(),
        )

    async def _find_lost(self) -> list[TaskRow]:
        """Rows of clips that were deleted by hand while the service still has them; they are ours now."""
        rows = [row for row in await engine.write(self.journal.rows_at_home) if row.key not in self.registry]
        seen = [await self._seen_on_disk(row) for row in rows]
        mine = await self._peers.claim(row.key for row in seen if row.file is FileState.LOST)
        return [row for row in seen if row.key in mine]

    async def _seen_on_disk(self, row: TaskRow) -> TaskRow:
        """A row, after a look whether the clip that it says was saved here is there."""
        was_saved = row.file in (FileState.SAVED, FileState.LOST)
        path = self.absolute(row.video_path)
        # the files of another home that shares this log are elsewhere
        if not was_saved or path is None or row.home is None or row.home != self.journal.home:
            return row
        is_there = await asyncio.to_thread(path.is_file)
        if is_there is (row.file is FileState.SAVED):
            return row
        return await engine.write(self.journal.seen_on_disk, row.key, is_there=is_there)

    async def orphans(self) -> list[Mapping[str, Any]]:
        """Tasks at the service that look like ours and are in no row."""
        return await self._recovery.orphans()

    async def elsewhere(self, *, since: int | None, model: str | None, counted: bool) -> Elsewhere:
        """What the service has that is in no row; blocks for its lists."""
        self.check_open()
        take = functools.partial(self.actions.take_in, counted=counted)
        return await find_elsewhere(
            self.client, self.journal, since=since, model=model, lists=self._lists, counted=counted, take=take
        )

    async def _orphan_ids(self) -> list[str] | None:
        try:
            async with asyncio.timeout(_ORPHAN_SECONDS):
                return [str(item["id"]) for item in await self.orphans()]
        except (ServiceError, TimeoutError) as error:
            logger.warning("the service could not be asked for tasks without a row: %s", error)
            return None

    async def close(self) -> None:
        """Stop watching; unfinished tasks stay in the log for `resume`."""
        self._closing_now.set()
        self.registry.stop_reacting()
        await self.outbox.close()
        await self._dispatcher.stop()
        await self.client.aclose()
        self.registry.give_up()
        # whoever still reads for a listener does so in the writer's thread: what was begun ends first
        await engine.write(lambda: None)

    def release(self) -> None:
        """Let go of the database."""
        self._store.close()
        if self._closing:
            self._closing()

    @property
    def closed(self) -> bool:
        """Whether nothing is sent or followed any more."""
        return self._closing_now.is_set()

    def check_open(self) -> None:
        """Refuse what would send, follow or save something.

        Raises
        ------
        SeedanceError
            The runtime is closed, or was made in another process.
        """
        self.outbox.check_open()

    def check_process(self) -> None:
        """Refuse to wait or work in a forked child, where nothing is followed.

        Raises
        ------
        SeedanceError
            The runtime was made in another process.
        """
        self.outbox.check_process()

    # --- for those who look on ---------------------------------------------------------------------------

    async def task(self, key: str) -> Task:
        """The task of a row, named by its key or by the service's id.

        Raises
        ------
        LogError
            There is no such row.
        """
        row = await engine.write(self.journal.by_name, key)
        if row is None:
            row = await engine.write(self.journal.row, key)
        row = await self._seen_on_disk(row)
        task = self.registry.task_of(row)
        # another kernel may have brought it further than this one was told, and paid for it
        if row.usd:
            await engine.write(self.journal.money)
        task.update(self.registry.newest(row))
        return task

    def recent(self, limit: int) -> list[TaskRow]:
        """Rows of this runtime's kind, the newest first; blocks for a read."""
        return self.journal.recent(limit)

    def unfollowed(self) -> list[TaskRow]:
        """Rows that wait for the service or for their file while nobody here follows them; blocks."""
        return [row for row in self.journal.rows_to_follow() if not self.follows(row.key)]

    def follows(self, key: str) -> bool:
        """Whether something may still happen to a task by itself."""
        return key in self.registry

    def timing(self) -> tuple[Paces, list[Deadline]]:
        """How long tasks take, and what must be saved or finished soon; blocks for a read."""
        return self._paces.read(), deadlines(self._store, self.clock(), simulated=self.simulated)

    async def wait_for(self, keys: Iterable[str]) -> None:
        """Wait, on any loop, until none of these tasks is at work here; how they ended is theirs to say."""
        for key in keys:
            if self.follows(key):
                task = await engine.bridge(self.task(key))
                with contextlib.suppress(SeedanceError):
                    await task

    async def stop(self, keys: Collection[str] | None = None) -> Stopped:
        """Withdraw what is unsent, cancel what is queued; of these tasks, or of all that are at work here."""
        self.check_open()
        return await stop_tasks(self.registry, self.outbox, self.actions, keys)

    def state_in_log(self, task_id: str) -> dict[str, Any] | None:
        """What the log holds of a task, in the service's terms; None for one it does not know. Blocks."""
        return state_in_log(self._store, task_id, simulated=self.simulated)

    def hint(self, task_id: str) -> None:
        """Somebody says that a task has changed: the service is asked, at most once a second; any thread."""
        if not self.closed:
            engine.submit(self._dispatcher.look_at(task_id))

    # --- what a task asks of it --------------------------------------------------------------------------

    def absolute(self, stored: str | None) -> Path | None:
        """A stored path as an absolute one."""
        return self.media.absolute(stored)

    def money(self) -> tuple[float, float]:
        """Dollars settled and reserved, of rows of this runtime's kind; blocks for a read."""
        return self.journal.money()

    @property
    def spent(self) -> float:
        """Dollars settled, as last read: with each task that was settled here, or seen to be elsewhere."""
        return self.journal.spent

    def starred(self, key: str) -> bool:
        """Whether the verdict that stands on a task is a star; blocks for a read."""
        return self.verdicts.standing([key]).get(key) == "star"

    async def _pause(self, seconds: float) -> None:
        """Wait, but not beyond the closing."""
        # not wait_for, which on Python 3.11 loses a cancellation that comes together with the closing
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._closing_now.wait()


def join(
    home: Path,
    *,
    key: Key,
    base_url: str | None,
    simulate: bool | Simulator,
    log: Path | str,
    media: Path | None,
    limits: Limits,
    clock: Callable[[], float],
) -> tuple[StudioRuntime, SharedBy]:
    """The runtime of a home, made for the first who asks; and the token to `leave` it with.

    Parameters are `Studio`'s, resolved.

    Raises
    ------
    LogError
        The folder or the log cannot be made or opened.
    """
    address = EMBEDDED_BASE_URL if simulate else base_url
    simulated_by = simulate if isinstance(simulate, Simulator) else bool(simulate)
    account = hashlib.sha256(key.text.encode()).hexdigest() if key else None
    shared_by = (home, str(log), str(media), address, account, simulated_by)
    client = None if simulate else Client(key, address)  # first: a bad address leaves no folder behind
    with _lock:
        runtime, handles = _runtimes.get(shared_by) or (None, 0)
        if runtime is None:
            try:
                home.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise LogError(f"the folder {home} cannot be made: {error}") from error
            files = Media(home, media)
            if client is not None:
                runtime = StudioRuntime(
                    home, log, client, files, simulated=False, scale=1.0, limits=limits, clock=clock
                )
            else:
                runtime = _make_simulated(home, log, files, simulate=simulate, limits=limits, clock=clock)
        _runtimes[shared_by] = (runtime, handles + 1)
        return runtime, shared_by


def _begin_anew() -> None:
    """Forget the runtimes of the process that this one was forked from."""
    global _lock  # noqa: PLW0603 - it may be held by a thread that is not here
    _lock = threading.Lock()
    _runtimes.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)


def leave(shared_by: SharedBy) -> None:
    """Give a handle back; the last one closes the runtime, and blocks until it is closed.

    On the engine's own thread, as in a coroutine that `run` was given, it closes behind whoever asked.
    """
    with _lock:
        if shared_by not in _runtimes:  # forked: it is its own process that closes it
            return
        runtime, handles = _runtimes[shared_by]
        if handles > 1:
            _runtimes[shared_by] = (runtime, handles - 1)
            return
        del _runtimes[shared_by]
    closing = engine.submit(_close(runtime))
    if not engine.is_here:
        closing.result()


async def _close(runtime: StudioRuntime) -> None:
    await runtime.close()
    await asyncio.to_thread(runtime.release)  # it waits for the disk


def _make_simulated(
    home: Path,
    log: Path | str,
    files: Media,
    *,
    simulate: bool | Simulator,
    limits: Limits,
    clock: Callable[[], float],
) -> StudioRuntime:
    simulator, closing = simulate, None
    if not isinstance(simulator, Simulator):
        simulator = Simulator(speed=_SIMULATED_SPEED, state=home / "simulator.sqlite", clock=clock)
        closing = simulator.close
    return StudioRuntime(
        home,
        log,
        Client("simulated", EMBEDDED_BASE_URL, transport=simulator.transport()),
        files,
        closing=closing,
        simulated=True,
        scale=1 / simulator.speed,
        limits=limits,
        clock=clock,
    )
