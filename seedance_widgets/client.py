"""The four task endpoints of ModelArk over httpx, and the one way to fetch a result file.

A call ends in one of four ways, and what may be done next depends on which: an `Answer`; `NotSent`,
when it provably never arrived; `AnswerLost`, when it may have arrived; an `APIError`, when the service
said no. There is no idempotency key, so ``create`` makes one attempt and leaves the rest to its caller, while
calls that are safe to repeat are repeated in here. What a refusal means is in `refusals`.
"""

from __future__ import annotations

import asyncio
import functools
import json
import random
import urllib.parse
import uuid
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Any, Self

import httpx

from seedance_widgets.credentials import (
    DEFAULT_BASE_URL,
    Key,
    checked_base,
    checked_id,
    checked_key,
    is_id,
)
from seedance_widgets.download import Download, download
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
from seedance_widgets.refusals import is_retryable_refusal, moment, parsed, refusal_of

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

__all__ = ["DEFAULT_BASE_URL", "Answer", "Client", "Download", "is_retryable_refusal"]

_TASKS = "/contents/generations/tasks"
_TIMEOUT = httpx.Timeout(60.0, connect=10.0)
# Idle connections go early: one that the server closed at the moment of a create makes its outcome unknown.
_LIMITS = httpx.Limits(max_connections=20, max_keepalive_connections=20, keepalive_expiry=5.0)
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 8.0  # seconds
_LONGEST_HINT = 300.0  # seconds; a Retry-After beyond this is the caller's business, not a wait in here
# Only these prove that no byte of the request reached the service; ProxyError is a refused CONNECT.
_NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
)
_SCRUBBED_FROM = 12  # characters
_LARGEST_ANSWER = 1 << 24  # bytes; a full page of 500 tasks has about 1 << 20


@dataclass(frozen=True, slots=True)
class Answer:
    """What the service answered to one call.

    ``data`` is the parsed JSON object, empty where there was no body, and ``raw`` its bytes. ``request_id``
    is the service's id of the call, None where it gave none; ``client_request_id`` is ours. ``date`` is the
    service's clock (UTC), None where it sent no readable Date.
    """

    data: dict[str, Any]
    request_id: str | None
    client_request_id: str
    date: datetime | None
    raw: bytes


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
        self._key = checked_key(api_key)
        self._base = checked_base(DEFAULT_BASE_URL if base_url is None else base_url)
        self._transport = transport
        self._timeout = timeout or _TIMEOUT
        self._sleep = sleep
        self._retries = retries
        self._open: dict[tuple[asyncio.AbstractEventLoop, bool], httpx.AsyncClient] = {}
        self._tls: ssl.SSLContext | None = None

    def __repr__(self) -> str:
        return f"Client(base_url={self._base!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections that the running loop opened."""
        loop = asyncio.get_running_loop()
        for key in [key for key in self._open if key[0] is loop]:
            await self._open.pop(key).aclose()

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
        answer = await self._once("POST", _TASKS, content=content)
        if not is_id(answer.data.get("id")):
            raise self._lost("the answer names no task", answer.client_request_id, answer.raw)
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
        return await self._repeated("GET", _task_path(task_id))

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
        query += [("filter.task_ids", checked_id(task_id, "task_ids")) for task_id in task_ids]
        path = _TASKS + ("?" + urllib.parse.urlencode(query) if query else "")
        return await self._repeated("GET", path, retries=retries)

    async def delete(self, task_id: str) -> Answer:
        """Cancel a queued task, or remove the record of a finished one (ModelArk docs 1521720).

        A running task answers `Conflict`. A delete whose first answer was lost is repeated and may then find
        nothing, which is a `NotFound` like any other. Errors as in `get`.
        """
        return await self._repeated("DELETE", _task_path(task_id), may_be_empty=True)

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
            http = self._http(with_key=False)
        except Exception as exc:
            reason = f"no connection can be made ({type(exc).__name__}): see the proxy and TLS settings"
            raise DownloadError(f"{reason} of the environment; nothing was saved") from exc
        return await download(http, url, path)

    async def _repeated(
        self, method: str, path: str, *, may_be_empty: bool = False, retries: int | None = None
    ) -> Answer:
        tries = 0
        while True:
            tries += 1
            try:
                return await self._once(method, path, may_be_empty=may_be_empty)
            except (NotSent, AnswerLost, ServerFault, RateLimited) as error:
                hint = error.retry_after or 0.0 if isinstance(error, APIError) else 0.0
                hopeless = isinstance(error, RateLimited) and not is_retryable_refusal(error)
                if tries >= (retries or self._retries) or hopeless or hint > _LONGEST_HINT:
                    raise
            # Full jitter, on top of the hint: clients that were told the same second come back apart.
            longest = min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** (tries - 1))
            await self._sleep(hint + random.uniform(0.0, longest))  # noqa: S311

    async def _once(
        self, method: str, path: str, *, content: bytes | None = None, may_be_empty: bool = False
    ) -> Answer:
        sent_as = uuid.uuid4().hex
        headers = {"X-Client-Request-Id": sent_as}
        if content is not None:
            headers["Content-Type"] = "application/json"
        http: httpx.AsyncClient | None = None
        response: httpx.Response | None = None
        raw = bytearray()
        try:
            http = self._http(with_key=True)
            async with http.stream(method, self._base + path, content=content, headers=headers) as response:
                _refuse_unasked(response)
                async for chunk in response.aiter_bytes():
                    raw += chunk
                    if len(raw) > _LARGEST_ANSWER:
                        break
        except Exception as exc:  # noqa: BLE001
            # Raised "from None": a verbose traceback of the cause would print httpx's locals, key included,
            # into the notebook.
            if http is None or (response is None and isinstance(exc, _NEVER_SENT)):
                text = self._scrubbed(f"{method} did not reach {self._base}: {_named(exc)}")
                raise NotSent(text, client_request_id=sent_as) from None
            # Whatever else went wrong, bytes may have arrived. An error status is an answer even if its
            # body broke off.
            if response is None or not response.is_error:
                # apart from the raise: a verbose traceback prints all that a raising line names
                lost = self._lost(_named(exc), sent_as, bytes(raw))
                raise lost from None
        except BaseException as exc:  # noqa: BLE001 - it goes on
            # An interrupted cell is shown like any other: without the frames that hold the headers.
            raise exc.with_traceback(None) from None
        cleaned = self._cleaned(bytes(raw))
        return self._judged(response, cleaned, sent_as, may_be_empty=may_be_empty)

    def _judged(self, response: httpx.Response, raw: bytes, sent_as: str, *, may_be_empty: bool) -> Answer:
        if response.is_error:
            raise refusal_of(response, raw, sent_as, self._scrubbed)
        if not response.is_success:
            raise self._lost(_detour(response), sent_as, raw)
        if len(raw) > _LARGEST_ANSWER:
            raise self._lost(f"it has more than {_LARGEST_ANSWER >> 20} MiB", sent_as, raw)
        data = {} if may_be_empty and not raw.strip() else parsed(raw)
        if not isinstance(data, dict):
            raise self._lost("the answer is not a JSON object", sent_as, raw)
        request_id = response.headers.get("X-Request-Id")
        request_id = None if request_id is None else self._scrubbed(request_id)
        return Answer(data, request_id, sent_as, moment(response.headers.get("Date")), raw)

    def _lost(self, what: str, sent_as: str, raw: bytes) -> AnswerLost:
        text = self._scrubbed(f"no usable answer from {self._base}: {what} [sent as {sent_as}]")
        return AnswerLost(text, client_request_id=sent_as, raw=self._cleaned(raw) or None)

    def _scrubbed(self, text: str) -> str:
        # A service or a proxy may echo the key. Real keys have 36 characters; a short word that a test or
        # the simulator uses as its key must not be cut out of ordinary sentences.
        return text.replace(self._key.text, "***") if len(self._key.text) >= _SCRUBBED_FROM else text

    def _cleaned(self, raw: bytes) -> bytes:
        if len(self._key.text) < _SCRUBBED_FROM:
            return raw
        return raw.replace(self._key.text.encode(), b"***").replace(self._key.in_json, b"***")

    def _http(self, *, with_key: bool) -> httpx.AsyncClient:
        """The connections of the running loop; those for files are apart and know no key."""
        loop = asyncio.get_running_loop()
        if (loop, with_key) not in self._open:
            for key in [key for key in self._open if key[0].is_closed()]:
                del self._open[key]
            if self._tls is None and self._transport is None:
                # Once for all connections: it takes longer than a call.
                self._tls = httpx.create_ssl_context()
            headers = {"User-Agent": f"seedance-widgets/{_version()}"}
            if with_key:
                headers |= {"Authorization": f"Bearer {self._key.text}", "Accept": "application/json"}
                # one encoding, and no other is read: what others can grow to has no limit
                headers["Accept-Encoding"] = "gzip"
            self._open[loop, with_key] = httpx.AsyncClient(
                headers=headers,
                timeout=self._timeout,
                limits=_LIMITS,
                follow_redirects=False,
                verify=self._tls or True,
                transport=self._transport,
                # A proxy would see a plain http request whole, key included; such a request is local anyway.
                trust_env=self._base.startswith("https:"),
            )
        return self._open[loop, with_key]


def _task_path(task_id: str) -> str:
    return f"{_TASKS}/{urllib.parse.quote(checked_id(task_id, 'task_id'), safe='')}"


def _refuse_unasked(response: httpx.Response) -> None:
    packed = response.headers.get("Content-Encoding", "").strip().lower()
    if packed not in ("", "identity", "gzip"):
        raise httpx.DecodingError(f"it is {packed}-encoded, unasked")


def _named(exc: Exception) -> str:
    return f"{type(exc).__name__}: {exc}".removesuffix(": ")


def _detour(response: httpx.Response) -> str:
    status = response.status_code
    if not response.has_redirect_location:
        return f"HTTP {status} is no answer of this service"
    try:
        host = response.url.join(response.headers["Location"]).host
    except httpx.InvalidURL:
        host = "an unreadable address"
    # Only the host: the rest of a redirect may be signed.
    return f"HTTP {status} points to {host}; redirects are not followed, check base_url"


@functools.cache
def _version() -> str:
    try:
        return metadata.version("seedance-widgets")
    except metadata.PackageNotFoundError:
        return "0"
