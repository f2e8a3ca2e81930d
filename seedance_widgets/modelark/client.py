"""The four task endpoints of ModelArk over httpx, and the one way to fetch a result file.

There is no idempotency key, so ``create`` makes one attempt and leaves the rest to its caller, while calls
that are safe to repeat are repeated in here. How one call may end is in `http_exchange`, what a
refusal means in `error_codes`.
"""

from __future__ import annotations

import asyncio
import json
import math
import random
import time
import urllib.parse
from typing import TYPE_CHECKING, Any, Self, TypeGuard

from seedance_widgets.errors import (
    AnswerLost,
    APIError,
    DownloadError,
    InvalidRequest,
    NotSent,
    Problem,
    RateLimited,
    ServerFault,
)
from seedance_widgets.inputs.address import is_local_literal
from seedance_widgets.modelark.credentials import DEFAULT_BASE_URL, Key, is_this_machine
from seedance_widgets.modelark.download import Download, download
from seedance_widgets.modelark.error_codes import is_retryable_refusal
from seedance_widgets.modelark.http_exchange import Answer, Wire

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from pathlib import Path

    import httpx

__all__ = ["DEFAULT_BASE_URL", "Answer", "Client", "Download", "Spacing", "is_id", "is_retryable_refusal"]

_LONGEST_ID = 128  # characters, what a row has room for; the service's have about 30

# the service counts arrivals, and a network does not keep distances
_MARGIN = 1.05
_TASKS = "/contents/generations/tasks"
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 8.0  # seconds
_LONGEST_HINT = 300.0  # seconds; a Retry-After beyond this is the caller's business, not a wait in here


class Client:
    """The four endpoints over httpx, plain asyncio, for any loop.

    Connections are opened on first use, for the loop that runs then; ``aclose`` (or ``async with``) closes
    those of the running loop, after which the client may be used again.

    Parameters
    ----------
    api_key
        Sent as a bearer token to ``base_url`` and nowhere else; a client is not pickled, since it has it.
    base_url
        Up to and including ``/api/v3``; `DEFAULT_BASE_URL` when None. Plain http is refused except to this
        machine and to the embedded simulator, because the key would travel in clear.
    transport
        Replaces the network, for the simulator and for tests; closed with the client.
    timeout
        Seconds: connect 10; read, write and waiting for a connection 60 each.
    sleep
        Waits between repeated calls, in seconds.
    retries
        How often get, list and delete are tried in all, at least once.

    Attributes
    ----------
    file_hosts : set of str
        Hosts that a file may be fetched from although they are spelled as addresses of this machine or its
        network. Other such hosts are asked only where ``base_url`` is one: a link is to reach no neighbour.

    Raises
    ------
    MissingAPIKey
        The key is empty.
    InvalidRequest
        The key or the base URL cannot be used; the message does not show them.
    """

    def __init__(
        self,
        api_key: str | Key,
        base_url: str | None = None,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        timeout: httpx.Timeout | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        retries: int = 4,
    ) -> None:
        # a verbose traceback prints arguments
        api_key = api_key if isinstance(api_key, Key) else Key(api_key)
        address = DEFAULT_BASE_URL if base_url is None else base_url
        self._wire = Wire(api_key, address, transport=transport, timeout=timeout)
        self._sleep = sleep
        self._retries = retries
        self.file_hosts: set[str] = set()

    @property
    def base_url(self) -> str:
        """Where it sends."""
        return self._wire.base_url

    def __repr__(self) -> str:
        return f"Client(base_url={self._wire.base_url!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections that the running loop opened."""
        await self._wire.aclose()

    async def create(self, body: Mapping[str, Any]) -> Answer:
        """Create a task (ModelArk docs 1520757); ``answer.data["id"]`` is its id.

        One request, never repeated and never redirected. Top-level keys whose value is None are left out.

        Raises
        ------
        NotSent
            Nothing arrived; sending again is safe.
        AnswerLost
            A task may exist. So it may after a `ServerFault`.
        APIError
            Refused; `is_retryable_refusal` says whether the same body may be sent later.
        InvalidRequest
            The body is not JSON; nothing was sent.
        """
        sent = {name: value for name, value in body.items() if value is not None}
        try:
            content = json.dumps(sent, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
        except (TypeError, ValueError) as exc:
            raise InvalidRequest(
                [Problem("body", ", ".join(map(str, sent)), f"cannot be written as JSON: {exc}")]
            ) from exc
        answer = await self._wire.exchange("POST", _TASKS, content=content)
        if not is_id(answer.data.get("id")):
            raise self._wire.unusable_answer("the answer names no task", answer.client_request_id, answer.raw)
        return answer

    async def get(self, task_id: str) -> Answer:
        """Read a task (ModelArk docs 1521309); the service keeps its record for 7 days.

        A failed task is a good answer, with status ``failed``.

        Raises
        ------
        ServiceError
            The last of up to ``retries`` failures, or at once one that cannot clear by itself.
        InvalidRequest
            The id is empty; nothing was sent.
        """
        return await self._exchange_with_retries("GET", _task_path(task_id))

    async def list(
        self,
        *,
        page_num: int | None = None,
        page_size: int | None = None,
        status: str | None = None,
        task_ids: Sequence[str] = (),
        model: str | None = None,
        service_tier: str | None = None,
        retries: int | None = None,
    ) -> Answer:
        """List tasks of the last 7 days (ModelArk docs 1521675).

        Filters that are left out are not sent, and an empty ``task_ids`` is no filter. Without
        ``service_tier`` the service looks at its default tier only, so flex tasks need a call of their own.
        Errors as in `get`.

        Parameters
        ----------
        page_num, page_size
            From 1 to 500.
        status
            queued, running, succeeded, failed or cancelled.
        task_ids
            Only these.
        model
            A model or endpoint id; needed where the key's permission is Custom.
        service_tier
            default or flex.
        retries
            How often it is tried in all, where that is not to be the client's.
        """
        filters = {
            "page_num": page_num,
            "page_size": page_size,
            "filter.status": status,
            "filter.model": model,
            "filter.service_tier": service_tier,
        }
        query = [(name, str(value)) for name, value in filters.items() if value is not None]
        if isinstance(task_ids, str):
            raise InvalidRequest([Problem("task_ids", task_ids, "must be several ids, not one text")])
        query += [("filter.task_ids", check_id(task_id, "task_ids")) for task_id in task_ids]
        path = _TASKS + ("?" + urllib.parse.urlencode(query) if query else "")
        return await self._exchange_with_retries("GET", path, retries=retries)

    async def delete(self, task_id: str) -> Answer:
        """Cancel a queued task, or remove the record of a finished one (ModelArk docs 1521720).

        A running task answers `Conflict`. A delete whose first answer was lost is repeated and may then find
        nothing, which is a `NotFound` like any other. Errors as in `get`.
        """
        return await self._exchange_with_retries("DELETE", _task_path(task_id), may_be_empty=True)

    async def download(self, url: str, path: Path) -> Download:
        """Save the file behind a result link as ``path``, whole or not at all; not repeated in here.

        No credentials are sent: the link carries its own signature and lives for 24 hours (ModelArk docs
        1521309). The folder of ``path`` must exist.

        Raises
        ------
        DownloadError
            Nothing was saved and a file already at ``path`` is untouched; its
            ``status_code`` is that of the answer, 403 or 404 once the link has expired.
        """
        try:
            http = self._wire.for_files()
        except Exception as exc:
            reason = (
                f"no connection can be made ({type(exc).__name__}: {exc}): see the proxy and TLS settings"
            )
            raise DownloadError(f"{reason} of the environment; nothing was saved") from exc
        return await download(http, url, path, may_fetch=self._may_fetch)

    def _may_fetch(self, host: str) -> bool:
        service = self._wire.host
        is_near = is_local_literal(service) or is_this_machine(service)
        return is_near or host in self.file_hosts or not is_local_literal(host)

    async def _exchange_with_retries(
        self, method: str, path: str, *, may_be_empty: bool = False, retries: int | None = None
    ) -> Answer:
        tries = 0
        while True:
            tries += 1
            try:
                return await self._wire.exchange(method, path, may_be_empty=may_be_empty)
            except (NotSent, AnswerLost, ServerFault, RateLimited) as error:
                hint = error.retry_after or 0.0 if isinstance(error, APIError) else 0.0
                hopeless = isinstance(error, RateLimited) and not is_retryable_refusal(error)
                if tries >= (retries or self._retries) or hopeless or hint > _LONGEST_HINT:
                    raise
            # Full jitter, on top of the hint: clients that were told the same second come back apart.
            longest = min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** (tries - 1))
            await self._sleep(hint + random.uniform(0.0, longest))  # noqa: S311


def _task_path(task_id: str) -> str:
    return f"{_TASKS}/{urllib.parse.quote(check_id(task_id, 'task_id'), safe='')}"


class Spacing:
    """Keeps the starts of calls apart.

    Parameters
    ----------
    per_second
        Calls the service allows.
    scale
        1 / speed of a simulator: distances shrink with it.
    monotonic, sleep
        The time that passes, in seconds.
    """

    def __init__(
        self,
        per_second: float,
        scale: float = 1.0,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._apart = _MARGIN * scale / per_second
        self._monotonic = monotonic
        self._sleep = sleep
        self.free_at = -math.inf

    def take(self, now: float) -> float:
        """When the next call may start, now or later; that place is then taken."""
        start = max(now, self.free_at)
        self.free_at = start + self._apart
        return start

    async def turn(self) -> None:
        """Take the next place and wait for it."""
        now = self._monotonic()
        start = self.take(now)
        if start > now:
            await self._sleep(start - now)

    def hold(self, until: float) -> None:
        """Let no call start before then, those aside that have their place already."""
        self.free_at = max(self.free_at, until)


def check_id(task_id: str, parameter: str) -> str:
    """Refuse what is no task id, with an `InvalidRequest`; returns the id."""
    if not is_id(task_id):
        problem = Problem(parameter, task_id, "is no task id")
        raise InvalidRequest([problem], refused="there is no such task; nothing was sent")
    return task_id


def is_id(task_id: Any) -> TypeGuard[str]:
    """Whether this can be a task's id, given by a person or by the service."""
    # "." and ".." are steps in a path however they are quoted; a DELETE would then aim at something else.
    if not isinstance(task_id, str) or task_id.strip() in ("", ".", "..") or len(task_id) > _LONGEST_ID:
        return False
    if "\ufffd" in task_id:  # stands for what could not be read
        return False
    try:
        task_id.encode()
    except UnicodeEncodeError:
        return False
    return True
