"""The four task endpoints of ModelArk over httpx, and the one way to fetch a result file.

A call ends in one of four ways, and what may be done next depends on which: an `Answer`; `NotSent`,
when it provably never arrived; `AnswerLost`, when it may have arrived; an `APIError`, when the service
said no. There is no idempotency key, so ``create`` makes one attempt and leaves the rest to its caller, while
calls that are safe to repeat are repeated in here. What the service's error codes mean, and whether a
refused create may be sent again, is one table, ``_RULES`` (ModelArk docs 1299023).
"""

from __future__ import annotations

import asyncio
import functools
import ipaddress
import json
import random
import re
import urllib.parse
import uuid
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib import metadata
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import httpx

from seedance_widgets.download import Download, download
from seedance_widgets.errors import (
    KEYS_URL,
    MODELS_URL,
    AnswerLost,
    APIError,
    AuthenticationFailed,
    BadRequest,
    Conflict,
    InvalidRequest,
    MissingAPIKey,
    ModelNotOpen,
    NotFound,
    NotSent,
    PermissionDenied,
    Problem,
    RateLimited,
    ServerFault,
)

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from pathlib import Path

__all__ = ["DEFAULT_BASE_URL", "Answer", "Client", "Download", "is_retryable_refusal"]

DEFAULT_BASE_URL = "https://ark.ap-southeast.bytepluses.com/api/v3"

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
_REQUEST_ID = re.compile(r"request id:\s*([\w-]+)\W*$", re.IGNORECASE)

_CLASSES: dict[int, type[APIError]] = {
    400: BadRequest,
    401: AuthenticationFailed,
    403: PermissionDenied,
    404: NotFound,
    409: Conflict,
    429: RateLimited,
}


class _Rule(NamedTuple):
    """What to do about some codes; ``says`` is lower-case text of the message that tells namesakes apart."""

    codes: str
    advice: str
    may_repeat: bool = False
    says: str = ""


# Names are exact codes, dotted suffixes, parts before the dot and HTTP statuses, looked up in this order.
# fmt: off
_TABLE = (
    _Rule("MissingParameter InvalidParameter 400", "Change that parameter; sw.catalog has the limits."),
    _Rule("InvalidParameter.UnsupportedParameter", "Leave this parameter out, the model does not take it."),
    _Rule("InvalidParameter.TaskTypeConstraint InvalidParameter.TaskTypeMismatch",
          "The inputs do not fit this kind of task; check the roles and the number of the pictures."),
    _Rule("InvalidImageURL", "The picture is empty or unreadable; give a file, or a URL open to all."),
    _Rule("SensitiveContentDetected InputTextSensitiveContentDetected", "Change the prompt, then resend."),
    _Rule("InputImageSensitiveContentDetected", "Use another picture, then resend."),
    _Rule("InputVideoSensitiveContentDetected", "Use another reference video, then resend."),
    _Rule("InputAudioSensitiveContentDetected", "Use another reference sound, then resend."),
    _Rule(".PolicyViolation", "This may be protected work; leave out its names, figures and brands."),
    _Rule(".PrivacyInformation", "A real person may be recognisable; use a picture or clip without one."),
    _Rule("OutputVideoSensitiveContentDetected",
          "The clip was withheld and is not billed; try once more with a new seed or a milder prompt."),
    _Rule("OutputAudioSensitiveContentDetected",
          "The sound was withheld and is not billed; try once more with generate_audio=False."),
    _Rule("InputTextRiskDetection InputImageRiskDetection OutputTextRiskDetection OutputImageRiskDetection",
          "An extra content check of this account refused it; change the input or the check's rules."),
    _Rule("ContentSecurityDetectionError", "The content check itself failed; send again later."),
    _Rule("AuthenticationError 401", f"Check ARK_API_KEY; keys are made and enabled at {KEYS_URL}."),
    _Rule("InvalidAccountStatus", "Something is wrong with the account; the console shows its state."),
    _Rule("AccountOverdueError OperationDenied.ServiceOverdue",
          "The account is overdue: pay the balance in the console's billing pages, then resend."),
    _Rule("ModelNotOpen OperationDenied.ServiceNotOpen", f"Enable the model at {MODELS_URL}, then resend."),
    _Rule("AccessDenied OperationDenied 403", f"The key may not do this; see its permission at {KEYS_URL}. "
          "With Custom permission, list needs model=."),
    _Rule("InvalidEndpointOrModel InvalidEndpoint",
          f"Check the model's name: it may be retired, or not enabled for this account at {MODELS_URL}."),
    _Rule("InvalidEndpoint.ClosedEndpoint", "The endpoint is stopped; start it, or name the model."),
    _Rule("InvalidEndpointOrModel.ModelIDAccessDisabled",
          "This account may not name models; make an endpoint in the console and give its ep-... id."),
    _Rule("NotFound 404", "Check the id, the key and the base URL; the service keeps tasks for 7 days only."),
    _Rule("TaskRunningCannotCancel 409", "Only queued tasks can be cancelled; delete it once it has ended."),
    _Rule("413", "The request is too large; use smaller pictures, or give their URLs."),
    _Rule("RateLimitExceeded ModelAccountRpmRateLimitExceeded ModelAccountTpmRateLimitExceeded "
          "ModelAccountIpmRateLimitExceeded ModelAccountFlexTpmRateLimitExceeded "
          "APIAccountRpmRateLimitExceeded AccountRateLimitExceeded 429",
          "Too many calls a minute; wait, then send more slowly.", may_repeat=True),
    _Rule("ServerOverloaded RequestBurstTooFast",
          "The service is overloaded; wait, then send more slowly.", may_repeat=True),
    _Rule("InflightBatchsizeExceeded", "As many tasks run as this top-up level allows; wait until some "
          "have ended, or top up.", may_repeat=True),
    _Rule("QuotaExceeded", "The free trial of this model is used up; enable the model for paid use at "
          f"{MODELS_URL}.", says="free trial"),
    *(_Rule("QuotaExceeded", "A quota is used up; it is back when the message says.", says=period)
      for period in ("5-hour", "weekly", "monthly")),
    _Rule("QuotaExceeded", "The queue of this account is full; wait until some tasks have ended.",
          may_repeat=True, says="exceeded the quota"),
    _Rule("QuotaExceeded", "A quota is used up; the console shows which one."),
    _Rule("SetLimitExceeded", f"Your own spending limit is reached; raise or end it at {MODELS_URL}."),
    _Rule("InternalServiceError 500 502 503 504",
          "A fault of the service. After a create, look into the task list before you send again."),
)
# fmt: on
_RULES: defaultdict[str, list[_Rule]] = defaultdict(list)
for _entry in _TABLE:
    for _name in _entry.codes.split():
        _RULES[_name].append(_entry)


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
        Sent as a bearer token to ``base_url`` and nowhere else.
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
        api_key: str,
        base_url: str | None = None,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        timeout: httpx.Timeout | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        retries: int = 4,
    ) -> None:
        self._key = _checked_key(api_key)
        self._base = _checked_base(DEFAULT_BASE_URL if base_url is None else base_url)
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
        task_id = answer.data.get("id")
        if not isinstance(task_id, str) or not task_id.strip():
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
        query += [("filter.task_ids", _checked_id(task_id, "task_ids")) for task_id in task_ids]
        return await self._repeated("GET", _TASKS + ("?" + urllib.parse.urlencode(query) if query else ""))

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
            Nothing was saved and a file already at ``path`` is untouched; as a
            `seedance_widgets.download.DownloadRefused` it has the ``status_code``, 403 or 404 once expired.
        """
        return await download(self._http(with_key=False), url, path)

    async def _repeated(self, method: str, path: str, *, may_be_empty: bool = False) -> Answer:
        tries = 0
        while True:
            tries += 1
            try:
                return await self._once(method, path, may_be_empty=may_be_empty)
            except (NotSent, AnswerLost, ServerFault, RateLimited) as error:
                hint = error.retry_after or 0.0 if isinstance(error, APIError) else 0.0
                hopeless = isinstance(error, RateLimited) and not is_retryable_refusal(error)
                if tries >= self._retries or hopeless or hint > _LONGEST_HINT:
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
                async for chunk in response.aiter_bytes():
                    raw += chunk
        except Exception as exc:  # noqa: BLE001
            # Raised "from None": a verbose traceback of the cause would print httpx's locals, key included,
            # into the notebook.
            if http is None or (response is None and isinstance(exc, _NEVER_SENT)):
                text = self._scrubbed(f"{method} did not reach {self._base}: {_named(exc)}")
                raise NotSent(text, client_request_id=sent_as) from None
            # Whatever else went wrong, bytes may have arrived. An error status is an answer even if its
            # body broke off.
            if response is None or not response.is_error:
                raise self._lost(_named(exc), sent_as, bytes(raw)) from None
        return self._judged(response, bytes(raw), sent_as, may_be_empty=may_be_empty)

    def _judged(self, response: httpx.Response, raw: bytes, sent_as: str, *, may_be_empty: bool) -> Answer:
        if response.is_error:
            raise self._refusal(response, raw, sent_as)
        if not response.is_success:
            raise self._lost(_detour(response), sent_as, raw)
        data = {} if may_be_empty and not raw.strip() else _parsed(raw)
        if not isinstance(data, dict):
            raise self._lost("the answer is not a JSON object", sent_as, raw)
        request_id = response.headers.get("X-Request-Id")
        return Answer(data, request_id, sent_as, _moment(response.headers.get("Date")), raw)

    def _lost(self, what: str, sent_as: str, raw: bytes) -> AnswerLost:
        text = self._scrubbed(f"no usable answer from {self._base}: {what} [sent as {sent_as}]")
        kept = raw.replace(self._key.encode(), b"***") if len(self._key) >= _SCRUBBED_FROM else raw
        return AnswerLost(text, client_request_id=sent_as, raw=kept or None)

    def _refusal(self, response: httpx.Response, raw: bytes, sent_as: str) -> APIError:
        status = response.status_code
        fault = _fault(raw)
        code, message, param = (
            self._scrubbed(str(value)) if (value := fault.get(name)) not in (None, "") else None
            for name in ("code", "message", "param")
        )
        request_id = response.headers.get("X-Request-Id")
        if request_id is None and (found := _REQUEST_ID.search(message or "")):
            request_id = found[1]
        rule = _rule(status, code, message)
        kind = _CLASSES.get(status, ServerFault if status >= httpx.codes.INTERNAL_SERVER_ERROR else APIError)
        if kind is NotFound and code is not None and code.partition(".")[0] == "ModelNotOpen":
            kind = ModelNotOpen
        return kind(
            status,
            code=code,
            message=message,
            param=param,
            request_id=None if request_id is None else self._scrubbed(request_id),
            client_request_id=sent_as,
            retry_after=_retry_after(response.headers),
            advice=None if rule is None else rule.advice,
        )

    def _scrubbed(self, text: str) -> str:
        # A service or a proxy may echo the key. Real keys have 36 characters; a short word that a test or
        # the simulator uses as its key must not be cut out of ordinary sentences.
        return text.replace(self._key, "***") if len(self._key) >= _SCRUBBED_FROM else text

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
                headers |= {"Authorization": f"Bearer {self._key}", "Accept": "application/json"}
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


def is_retryable_refusal(error: APIError) -> bool:
    """Whether this answer to a create proves that no task was made, and the same body may be sent later.

    True for rate limits, overload and a full queue (429). False for used-up quotas and for a spending limit,
    which do not clear by waiting, for codes not known here, and for every other status; after a
    `ServerFault` a task may exist.
    """
    if error.status_code != httpx.codes.TOO_MANY_REQUESTS:
        return False
    # Only a bare 429 is judged by its status: a code that is not in the table might be a new kind of quota.
    rule = _rule(error.status_code if error.code is None else 0, error.code, error.message)
    return rule is not None and rule.may_repeat


def _rule(status: int, code: str | None, message: str | None) -> _Rule | None:
    head, _, suffix = (code or "").partition(".")
    text = (message or "").lower()
    for name in (code or "", f".{suffix}", head, str(status)):
        for rule in _RULES.get(name, ()):
            if rule.says in text:
                return rule
    return None


def _checked_key(api_key: str) -> str:
    key = api_key.strip() if api_key else ""
    if not key:
        raise MissingAPIKey
    if not re.fullmatch("[!-~]+", key):
        reason = "holds spaces or characters that no key has; copy it once more"
        raise InvalidRequest([Problem("api_key", "(not shown)", reason)])
    return key


def _checked_base(base_url: str) -> str:
    try:
        url = httpx.URL(base_url.strip())
    except httpx.InvalidURL:
        # The cause would quote the address, which may hold a password.
        raise InvalidRequest([Problem("base_url", "(not shown)", "is not a URL")]) from None
    if url.scheme not in ("http", "https") or not url.host:
        reason = "must be an https address such as " + DEFAULT_BASE_URL
    elif "%" in url.host or not 0 < (url.port or 443) < 1 << 16:
        # httpx lets these through, and then fails at connecting in ways that do not say "not sent".
        reason = "names no possible host and port"
    elif url.userinfo:
        reason = "must not hold a user name or password; the key belongs in api_key"
    elif url.query or url.fragment:
        reason = "must not hold a query or a fragment"
    elif url.scheme == "http" and not _is_local(url.host):
        reason = "plain http would send the API key in clear over the network; use https"
    else:
        return str(url.copy_with(query=None, fragment=None)).rstrip("/")
    raise InvalidRequest([Problem("base_url", f"{url.scheme}://{url.host}", reason)])


def _is_local(host: str) -> bool:
    if host in ("localhost", "simulator"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _checked_id(task_id: str, parameter: str) -> str:
    # "." and ".." are steps in a path however they are quoted; a DELETE would then aim at something else.
    if not isinstance(task_id, str) or task_id.strip() in ("", ".", ".."):
        raise InvalidRequest([Problem(parameter, task_id, "is no task id")])
    try:
        task_id.encode()
    except UnicodeEncodeError:
        raise InvalidRequest([Problem(parameter, task_id, "is no task id")]) from None
    return task_id


def _task_path(task_id: str) -> str:
    return f"{_TASKS}/{urllib.parse.quote(_checked_id(task_id, 'task_id'), safe='')}"


def _named(exc: Exception) -> str:
    return f"{type(exc).__name__}: {exc}".removesuffix(": ")


def _parsed(raw: bytes) -> Any:
    """The JSON value, or None where there is none."""
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None


def _fault(raw: bytes) -> Mapping[str, Any]:
    """The service's error object, or one made of what came in its place."""
    body = _parsed(raw)
    fault = body.get("error", body) if isinstance(body, dict) else raw.decode(errors="replace")
    if isinstance(fault, dict):
        return fault
    text = " ".join(str(fault or "").split())
    return {} if text.startswith("<") else {"message": text[:200]}


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


def _moment(text: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text or "")
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _retry_after(headers: httpx.Headers) -> float | None:
    """Seconds to wait, from a number or from a date by the server's own clock."""
    text = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        return float(text)
    moment = _moment(text)
    if moment is None:
        return None
    return max(0.0, (moment - (_moment(headers.get("Date")) or datetime.now(UTC))).total_seconds())


@functools.cache
def _version() -> str:
    try:
        return metadata.version("seedance-widgets")
    except metadata.PackageNotFoundError:
        return "0"
