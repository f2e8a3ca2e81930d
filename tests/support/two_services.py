"""Both services by one interface: what a test orders of the simulator, it orders of the raw service too.

`make_service` makes a test's service, and runs the test with each. With the second one it takes twice as long,
so that is asked for by ``--both-services``; in CI it has to be.
"""

from __future__ import annotations

import contextlib
import math
import os
from typing import TYPE_CHECKING, Any

import pytest
from raw_service import Call, RawService, Reply, Work, refusal
from stage import Route

import seedance_widgets as sw
from seedance_widgets.background_loop import engine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from raw_account import Task

RUN_SECONDS = 50.0  # at speed 1


class Orders:
    """Faults for the next calls of a kind, by the names that the simulator has for them."""

    def __init__(self, service: RawService) -> None:
        self._service = service
        self._ordered: list[tuple[str, Callable[[Work], Reply | None]]] = []
        service.hooks = dict.fromkeys(("create", "get", "list", "delete", "file"), self._strike)

    def drop_reply(self, on: str = "create", times: int = 1) -> None:
        self._order(on, times, lambda work: (work(), None)[1])

    def half_body(self, on: str = "create", times: int = 1) -> None:
        self._order(on, times, lambda work: _changed(work(), share=0.5))

    def slow(self, seconds: float, on: str = "create", times: int = 1) -> None:
        self._order(on, times, lambda work: _changed(work(), delay=seconds))

    def refuse(
        self, status: int, code: str, *, retry_after: float | None = None, on: str = "create", times: int = 1
    ) -> None:
        hint = {} if retry_after is None else {"Retry-After": str(retry_after)}
        self._order(on, times, lambda work: _changed(refusal(status, code), headers=hint))

    def break_after(self, status: int = 500, *, on: str = "create", times: int = 1) -> None:
        self._order(on, times, lambda work: (work(), refusal(status, "InternalServiceError"))[1])

    def fail_task(self, code: str, times: int = 1) -> None:
        def make(work: Work) -> Reply:
            reply = work()
            newest: Task = list(self._service.account.tasks.values())[-1]
            newest.fails = code
            return reply

        self._order("create", times, make)

    def lag(self, seconds: float, times: int = 1) -> None:
        def look(work: Work) -> Reply:
            service = self._service
            whole, newest = service.tell, service.clock() - seconds
            service.tell = lambda task, told, call: told if task.created <= newest else None
            try:
                return work()
            finally:
                service.tell = whole

        self._order("list", times, look)

    def clear(self) -> None:
        with self._service.lock:
            self._ordered.clear()

    def _order(self, on: str, times: int, fault: Callable[[Work], Reply | None]) -> None:
        with self._service.lock:
            self._ordered += [(on, fault)] * times

    def _strike(self, call: Call, work: Work) -> Reply | None:
        for order in self._ordered:
            if order[0] == call.name:
                self._ordered.remove(order)
                return order[1](work)
        return work()


def _changed(reply: Reply, **changes: Any) -> Reply:
    vars(reply).update(changes)
    return reply


class SecondService:
    """The raw service where a test expects a `sw.Simulator`."""

    def __init__(
        self, *, speed: float, clock: Callable[[], float], limits: dict[str, int] | None = None
    ) -> None:
        self.speed = speed
        self.clock = clock
        places = (limits or {}).get("concurrency", math.inf)
        self.raw = RawService(clock=clock, run_seconds=RUN_SECONDS / speed, places=places).__enter__()
        self.faults = Orders(self.raw)
        self._routes: list[Route] = []

    def transport(self) -> Route:
        self._routes.append(Route(self.raw.root))
        return self._routes[-1]

    @contextlib.contextmanager
    def serve(self) -> Iterator[str]:
        yield f"{self.raw.root}/api/v3"

    def tasks(self) -> list[dict[str, Any]]:
        with self.raw.lock:
            self.raw.account.advance()
            return [
                {
                    "id": task.id,
                    "model": task.body["model"],
                    "status": task.status,
                    "billed_tokens": task.tokens if task.status == "succeeded" else 0,
                    "execution_expires_after": task.expiry,
                    "seed": task.seed,
                }
                for task in reversed(self.raw.account.tasks.values())
            ]

    def close(self) -> None:
        for route in self._routes:  # the system closes a dead kernel's connections
            engine.run(route.aclose())
        self.raw.__exit__()


@pytest.fixture(params=[sw.Simulator, SecondService], ids=["simulator", "second service"])
def make_service(request: pytest.FixtureRequest) -> type[sw.Simulator | SecondService]:
    """Makes the service of a test."""
    if request.param is SecondService and not request.config.getoption("--both-services"):
        missing = "a second service: pytest --both-services"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return request.param
