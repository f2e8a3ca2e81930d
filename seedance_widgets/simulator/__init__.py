"""The service on one's own machine: real MP4 files over the real wire protocol, no key, no network.

`Simulator` is embedded by ``Studio(simulate=True)`` and served by ``seedance-widgets simulate``. A call's
way through it: ``transports`` (in process or by socket) -> ``app`` (key, JSON, faults) -> ``service`` (the
four calls), with ``reading`` (what a body asks for), ``state`` (state and time), ``films`` and ``render``
(files), ``callbacks``.
"""

from __future__ import annotations

import contextlib
import time
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedance_widgets.simulator.faults import Faults

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from starlette.routing import Router

    from seedance_widgets.simulator.films import Films
    from seedance_widgets.simulator.service import Service
    from seedance_widgets.simulator.transports import EmbeddedTransport

__all__ = ["EMBEDDED_BASE_URL", "Simulator"]

EMBEDDED_BASE_URL = "http://simulator/api/v3"


class Simulator:
    """The simulated service.

    Parameters
    ----------
    speed
        How many times faster clips are made than for real; at 1 a clip takes 20 to 90 s, on flex up to
        10 minutes. Dates, rates, retention and expiry do not follow it.
    state
        A folder, or a file ending in ``.sqlite``, where tasks outlive the process; None keeps nothing.
    clock
        Seconds since 1970 UTC.
    limits
        ``rpm``, ``concurrency`` or ``tokens_per_day`` in place of the catalog's.

    Attributes
    ----------
    faults
        Order faults for tests here, as in ``simulator.faults.drop_reply()``.
    """

    def __init__(
        self,
        *,
        speed: float = 1.0,
        state: Path | str | None = None,
        clock: Callable[[], float] = time.time,
        limits: Mapping[str, int] | None = None,
    ) -> None:
        if not speed > 0:
            raise ValueError(f"speed is above 0, not {speed!r}")
        self.speed = speed
        self.clock = clock
        self.faults = Faults()
        self._limits = dict(limits or {})
        self._state = None if state is None else Path(state).expanduser().resolve()

    @cached_property
    def _service(self) -> Service:
        from seedance_widgets.simulator.service import Service

        path = self._state
        if path is not None:
            path = path if path.suffix == ".sqlite" else path / "simulator.sqlite"
            path.parent.mkdir(parents=True, exist_ok=True)
        return Service(path, speed=self.speed, clock=self.clock, limits=self._limits, faults=self.faults)

    @cached_property
    def _films(self) -> Films:
        from seedance_widgets.simulator.films import Films

        keep = self._state is not None and self._state.suffix != ".sqlite"
        return Films(self._service.world, self._state / "files" if keep and self._state else None)

    @cached_property
    def _app(self) -> Router:
        from seedance_widgets.simulator.app import make_app
        from seedance_widgets.simulator.callbacks import Callbacks

        return make_app(self._service, self._films, Callbacks(self._service), self.faults)

    def transport(self) -> EmbeddedTransport:
        """An httpx transport that answers in this process; its base URL is `EMBEDDED_BASE_URL`."""
        from seedance_widgets.simulator.transports import EmbeddedTransport

        return EmbeddedTransport(self._app)

    @contextlib.contextmanager
    def serve(self, port: int = 0, host: str = "127.0.0.1") -> Iterator[str]:
        """Serve over a socket for as long as the context lasts; yields the base URL, ending in /api/v3."""
        from seedance_widgets.simulator.transports import make_server, serve

        with serve(make_server(self._app, host, port)) as bound:
            yield f"http://{host}:{bound}/api/v3"

    def tasks(self) -> list[dict[str, Any]]:
        """Every task that the service has, newest first: id, model, status, billed tokens, expiry."""
        with self._service.world.transaction(self.clock()) as world:
            return [
                {
                    "id": task.id,
                    "model": task.model,
                    "status": task.status,
                    "billed_tokens": task.billed,
                    "execution_expires_after": task.facts["execution_expires_after"],
                    "seed": task.facts["seed"],
                }
                for task in world.tasks()
            ]

    def close(self) -> None:
        """Let go of state and temporary files."""
        if "_films" in self.__dict__:
            self._films.close()
        if "_service" in self.__dict__:
            self._service.world.close()
