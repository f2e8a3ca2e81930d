"""Open what is behind a studio: one runtime for all handles of the same home in this process.

Handles are the same where home, log, media, account and address are; the last one that leaves closes the
runtime.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
from typing import TYPE_CHECKING, Any

from seedance_widgets.client import Client
from seedance_widgets.engine import engine
from seedance_widgets.errors import LogError
from seedance_widgets.media import Media
from seedance_widgets.runtime import StudioRuntime
from seedance_widgets.simulator import EMBEDDED_BASE_URL, Simulator

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from seedance_widgets.credentials import Key
    from seedance_widgets.limits import Limits

    SharedBy = tuple[Any, ...]

__all__ = ["join", "leave"]

_SIMULATED_SPEED = 20

_runtimes: dict[SharedBy, tuple[StudioRuntime, int]] = {}
_lock = threading.Lock()


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
                runtime = _simulated(home, log, files, simulate=simulate, limits=limits, clock=clock)
        _runtimes[shared_by] = (runtime, handles + 1)
        return runtime, shared_by


def leave(shared_by: SharedBy) -> None:
    """Give a handle back; the last one closes the runtime, and blocks until it is closed.

    On the engine's own thread, as in a coroutine that `run` was given, it closes behind whoever asked.
    """
    with _lock:
        runtime, handles = _runtimes[shared_by]
        if handles > 1:
            _runtimes[shared_by] = (runtime, handles - 1)
            return
        del _runtimes[shared_by]
    closing = engine.submit(_closed(runtime))
    if not engine.is_here:
        closing.result()


async def _closed(runtime: StudioRuntime) -> None:
    await runtime.close()
    await asyncio.to_thread(runtime.release)  # it waits for the disk


def _simulated(
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
