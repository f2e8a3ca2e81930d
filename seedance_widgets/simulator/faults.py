"""Faults that tests order from the simulator: each is used up by the calls it strikes."""

from __future__ import annotations

import threading
from dataclasses import dataclass

__all__ = ["Fault", "Faults", "ReplyDropped"]

# what befalls the service's own work, and not an answer on its way
_WITHIN = ("fail_task", "lag")


class ReplyDropped(Exception):
    """The connection ends here without a reply, or after half of it (``sent``)."""

    def __init__(self, sent: bytes = b"", headers: list[tuple[bytes, bytes]] | None = None) -> None:
        super().__init__("reply dropped")
        self.sent = sent
        self.headers = headers or []


@dataclass
class Fault:
    """One ordered fault: how it strikes, which call (create, get, list, delete, file, any), how often."""

    kind: str
    on: str
    times: int
    status: int = 500
    code: str = "InternalServiceError"
    message: str = ""
    retry_after: float | None = None
    seconds: float = 0.0


class Faults:
    """Order faults here; they strike in the order given. Every method may be called from any thread."""

    def __init__(self) -> None:
        self.withheld: frozenset[str] = frozenset()
        self._ordered: list[Fault] = []
        self._lock = threading.Lock()

    def drop_reply(self, on: str = "create", times: int = 1) -> None:
        """Do the work, then break the connection without a word."""
        self._order(Fault("drop_reply", on, times))

    def half_body(self, on: str = "create", times: int = 1) -> None:
        """Do the work, then break the connection in the middle of the answer."""
        self._order(Fault("half_body", on, times))

    def slow(self, seconds: float, on: str = "any", times: int = 1) -> None:
        """Do the work, then wait before answering."""
        self._order(Fault("slow", on, times, seconds=seconds))

    def refuse(
        self,
        status: int,
        code: str,
        *,
        message: str = "ordered by a test",
        retry_after: float | None = None,
        on: str = "create",
        times: int = 1,
    ) -> None:
        """Answer with an error and do nothing, as in 429 ``RateLimitExceeded.EndpointRPMExceeded``."""
        self._order(Fault("refuse", on, times, status, code, message, retry_after))

    def break_after(self, status: int = 500, *, on: str = "create", times: int = 1) -> None:
        """Do the work, then answer with an error all the same."""
        self._order(Fault("break_after", on, times, status, message="ordered by a test"))

    def fail_task(self, code: str, message: str = "ordered by a test", times: int = 1) -> None:
        """Let the next created tasks end as failed with a code."""
        self._order(Fault("fail_task", "create", times, code=code, message=message))

    def lag(self, seconds: float, times: int = 1) -> None:
        """Leave tasks that are younger than that out of the next lists, as a list does that lags behind."""
        self._order(Fault("lag", "list", times, seconds=seconds))

    def withhold(self, *names: str) -> None:
        """Leave these fields out of every answer about a task, until `clear`."""
        self.withheld = frozenset(names)

    def clear(self) -> None:
        """Forget what was ordered and has not struck."""
        with self._lock:
            self._ordered.clear()
            self.withheld = frozenset()

    def take(self, call: str, *, within: bool = False) -> Fault | None:
        """The fault that strikes this call, used up once; ``within`` asks for one of the service's work."""
        with self._lock:
            for fault in self._ordered:
                if fault.on in (call, "any") and (fault.kind in _WITHIN) is within:
                    fault.times -= 1
                    if not fault.times:
                        self._ordered.remove(fault)
                    return fault
        return None

    def _order(self, fault: Fault) -> None:
        with self._lock:
            self._ordered.append(fault)
