"""One exchange with the service over httpx: what goes out, what comes back, and what its end proves.

An exchange ends in one of four ways, and what may be done next depends on which: an `Answer`; `NotSent`,
when it provably never arrived; `AnswerLost`, when it may have arrived; an `APIError`, when the service
said no. Nothing is repeated in here. The key goes with it and shows in nothing that comes of it.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import json
import logging
import math
import os
import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib import metadata
from typing import TYPE_CHECKING, Any

import httpx

from seedance_widgets.errors import AnswerLost, NotSent
from seedance_widgets.modelark.credentials import Key, check_base_url, check_key
from seedance_widgets.modelark.error_codes import refusal_of
from seedance_widgets.units import bytes_text

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    from seedance_widgets.errors import APIError

__all__ = ["Answer", "Wire"]

_TIMEOUT = httpx.Timeout(60.0, connect=10.0)
# Idle connections go early: one that the server closed at the moment of a create makes its outcome unknown.
_LIMITS = httpx.Limits(max_connections=20, max_keepalive_connections=20, keepalive_expiry=5.0)
# Only these prove that no byte of the request reached the service; ProxyError is a refused CONNECT.
_NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
)
_DEEPEST = 50
_UNKEEPABLE = re.compile("[\0\ud800-\udfff]")
_SCRUBBED_FROM = 12  # characters
_LARGEST_ANSWER = 1 << 24  # bytes; a full page of 500 tasks has about 1 << 20
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_is_ours: contextvars.ContextVar[bool] = contextvars.ContextVar("is_ours", default=False)


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


class Wire:
    """The connections to one address with one key, one set a loop, opened on first use.

    Parameters
    ----------
    key, base_url
        Checked here; neither shows in an error.
    transport
        Replaces the network.
    timeout
        Seconds: connect 10; read, write and waiting for a connection 60 each.
    """

    def __init__(
        self,
        key: Key,
        base_url: str,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        timeout: httpx.Timeout | None = None,
    ) -> None:
        self._key = check_key(key)
        self.base_url = check_base_url(base_url)
        self._transport = transport
        self._timeout = timeout or _TIMEOUT
        self._open: dict[tuple[asyncio.AbstractEventLoop, bool], httpx.AsyncClient] = {}
        self._tls: ssl.SSLContext | None = None

    @property
    def host(self) -> str:
        """The host of the base URL."""
        return httpx.URL(self.base_url).host

    async def aclose(self) -> None:
        """Close the connections that the running loop opened."""
        loop = asyncio.get_running_loop()
        for key in [key for key in self._open if key[0] is loop]:
            await self._open.pop(key).aclose()

    def for_files(self) -> httpx.AsyncClient:
        """Connections that know no key, for the running loop."""
        return self._http(with_key=False)

    async def exchange(
        self, method: str, path: str, *, content: bytes | None = None, may_be_empty: bool = False
    ) -> Answer:
        """One request to a path below the base URL, and what became of it.

        Parameters
        ----------
        content
            The body, JSON.
        may_be_empty
            Whether an answer without a body is a good one.

        Raises
        ------
        NotSent, AnswerLost, APIError
            See the module's docstring.
        """
        sent_as, address = uuid.uuid4().hex, self.base_url + path
        headers = {"X-Client-Request-Id": sent_as}
        if content is not None:
            headers["Content-Type"] = "application/json"
        http: httpx.AsyncClient | None = None
        response: httpx.Response | None = None
        raw = bytearray()
        try:
            http = self._http(with_key=True)
            async with http.stream(method, address, content=content, headers=headers) as response:
                _refuse_unasked(response)
                async for chunk in response.aiter_bytes():
                    raw += chunk
                    if len(raw) > _LARGEST_ANSWER:
                        break
        except Exception as exc:  # noqa: BLE001
            # Raised "from None": a verbose traceback of the cause would print httpx's locals, key included,
            # into the notebook.
            if http is None or (response is None and isinstance(exc, _NEVER_SENT)):
                text = self._scrub(f"{method} did not reach {self.base_url}: {_describe(exc)}")
                raise NotSent(text, client_request_id=sent_as) from None
            # Whatever else went wrong, bytes may have arrived. An error status is an answer even if its
            # body broke off.
            if response is None or not response.is_error:
                # apart from the raise: a verbose traceback prints all that a raising line names
                lost = self.unusable_answer(_describe(exc), sent_as, bytes(raw))
                raise lost from None
        except BaseException as exc:  # noqa: BLE001 - it goes on
            # An interrupted cell is shown like any other: without the frames that hold the headers.
            raise exc.with_traceback(None) from None
        cleaned = self._scrub_bytes(bytes(raw))
        return self._read_answer(response, cleaned, sent_as, may_be_empty=may_be_empty)

    def _read_answer(
        self, response: httpx.Response, raw: bytes, sent_as: str, *, may_be_empty: bool
    ) -> Answer:
        if response.is_error:
            raise self._refusal(response, raw, sent_as)
        if not response.is_success:
            raise self.unusable_answer(_detour(response), sent_as, raw)
        if len(raw) > _LARGEST_ANSWER:
            raise self.unusable_answer(f"it has more than {bytes_text(_LARGEST_ANSWER)}", sent_as, raw)
        data = {} if may_be_empty and not raw.strip() else read_json(raw)
        if not isinstance(data, dict):
            raise self.unusable_answer("the answer is not a JSON object", sent_as, raw)
        if data.get("error") and not data.keys() & {"id", "items", "status"}:
            said = ": ".join(str(part) for part in _fault(raw).values() if part not in (None, ""))
            raise self.unusable_answer(
                f"HTTP {response.status_code} with an error: {said:.300}", sent_as, raw
            )
        return Answer(data, self._request_id(response), sent_as, read_date(response.headers.get("Date")), raw)

    def unusable_answer(self, what: str, sent_as: str, raw: bytes) -> AnswerLost:
        """The error for an answer that arrived and cannot be used; ``what`` says why."""
        text = self._scrub(f"no usable answer from {self.base_url}: {what} [sent as {sent_as}]")
        return AnswerLost(text, client_request_id=sent_as, raw=self._scrub_bytes(raw) or None)

    # Apart, so that no frame of an error's traceback holds or names what may be an echo of the key.

    def _refusal(self, response: httpx.Response, raw: bytes, sent_as: str) -> APIError:
        said = _fault(raw).items()
        return refusal_of(
            response.status_code,
            {name: self._scrub(str(value)) for name, value in said if value not in (None, "")},
            client_request_id=sent_as,
            request_id=self._request_id(response),
            retry_after=_retry_after(response.headers),
        )

    def _request_id(self, response: httpx.Response) -> str | None:
        found = response.headers.get("X-Request-Id")
        return None if found is None else self._scrub(found)

    def _scrub(self, text: str) -> str:
        # A service or a proxy may echo the key. Real keys have 36 characters; a short word that a test or
        # the simulator uses as its key must not be cut out of ordinary sentences.
        return text.replace(self._key.text, "***") if len(self._key.text) >= _SCRUBBED_FROM else text

    def _scrub_bytes(self, raw: bytes) -> bytes:
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
                self._tls = _make_tls()
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
                event_hooks={"request": [_begin], "response": [_end]},
                # A proxy would see a plain http request whole, key included; such a request is local anyway.
                trust_env=self.base_url.startswith("https:"),
            )
        return self._open[loop, with_key]


def _make_tls() -> ssl.SSLContext:
    try:
        return httpx.create_ssl_context()
    except OSError as error:
        # the first that is set counts
        told = next((f"{name}={os.environ[name]}" for name in _CERTIFICATES if os.environ.get(name)), None)
        if told is None:
            raise
        # httpx's own words do not say which file it looked for
        raise OSError(f"the certificates of {told} cannot be read ({error}): mend or unset it") from error


class _QueryCutter(logging.Filter):
    """Takes the query off the addresses in httpx's log lines about our requests: links are signed there."""

    def filter(self, record: logging.LogRecord) -> bool:
        if _is_ours.get() and isinstance(record.args, tuple):
            record.args = tuple(
                arg.copy_with(query=None) if isinstance(arg, httpx.URL) else arg for arg in record.args
            )
        return True


logging.getLogger("httpx").addFilter(_QueryCutter())


async def _begin(_: httpx.Request) -> None:
    _is_ours.set(True)


async def _end(_: httpx.Response) -> None:
    _is_ours.set(False)


def _refuse_unasked(response: httpx.Response) -> None:
    packed = response.headers.get("Content-Encoding", "").strip().lower()
    if packed not in ("", "identity", "gzip"):
        raise httpx.DecodingError(f"it is {packed}-encoded, unasked")


def _describe(exc: Exception) -> str:
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


def read_json(raw: bytes) -> Any:
    """Read JSON into a value that any log can store; None where the bytes are no JSON."""
    try:
        return _keepable(json.loads(raw), _DEEPEST)
    except (ValueError, RecursionError):
        return None


def _keepable(value: Any, depth: int) -> Any:
    """A value that databases accept: without NaN, infinities, half characters and zero bytes.

    Raises `ValueError` where it is nested too deeply.
    """
    if not depth:
        raise ValueError("nested too deeply")
    if isinstance(value, str):
        return _UNKEEPABLE.sub("\ufffd", value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list):
        return [_keepable(each, depth - 1) for each in value]
    if isinstance(value, dict):
        return {_keepable(name, depth - 1): _keepable(each, depth - 1) for name, each in value.items()}
    return value


def _fault(raw: bytes) -> Mapping[str, Any]:
    """The service's error object, or one made from whatever the answer holds."""
    body = read_json(raw)
    fault = body.get("error", body) if isinstance(body, dict) else raw.decode(errors="replace")
    if isinstance(fault, dict):
        return fault
    text = " ".join(str(fault or "").split())
    return {} if text.startswith("<") else {"message": text[:200]}


def read_date(text: str | None) -> datetime | None:
    """An HTTP date in UTC, None where it cannot be read."""
    try:
        read = parsedate_to_datetime(text or "")
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _retry_after(headers: httpx.Headers) -> float | None:
    """Seconds to wait, from a number or from a date by the server's own clock."""
    text = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        return float(text)
    until = read_date(text)
    if until is None:
        return None
    return max(0.0, (until - (read_date(headers.get("Date")) or datetime.now(UTC))).total_seconds())
