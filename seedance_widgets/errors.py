"""Every error that this package raises on purpose.

::

    SeedanceError
    ├── InvalidRequest              refused here, before anything was sent (also a ValueError)
    ├── InvalidCatalogEntry         a registered model or price is malformed (also a ValueError)
    ├── MissingAPIKey               no key given and none in ARK_API_KEY
    ├── BudgetExceeded              the budget does not cover this request; nothing was sent
    ├── GateClosed                  waiting to send is of no use (quota, day's tokens); nothing was sent
    ├── InvalidStudy                a study, its votes or its plan make no sense (also a ValueError)
    ├── LogError                    the log cannot be opened or written
    ├── MediaError                  a picture or a clip cannot be read
    │   └── DownloadError           a result file did not arrive whole
    ├── WaitTimeout                 the wait ended, the task goes on (also a TimeoutError)
    ├── TaskError                   something ended badly for one task, which hangs on ``.task``
    │   ├── RequestRejected         the service refused the request; nothing was made or billed
    │   ├── OutcomeUnknown          the answer to a create was lost; nothing is re-sent
    │   ├── TaskFailed              the service made no clip; it bills nothing for that
    │   ├── TaskExpired             not finished within ``execution_expires_after``
    │   ├── TaskCancelled           cancelled while queued
    │   └── ChainStopped            a link of a chain was not made; called again, the chain goes on
    └── ServiceError                one call to the service went wrong
        ├── NotSent                 provably never reached the service
        ├── AnswerLost              sent, but no usable answer came back
        └── APIError                the service answered with an error status
            ├── BadRequest          400
            ├── AuthenticationFailed  401
            ├── PermissionDenied    403
            ├── NotFound            404
            │   └── ModelNotOpen    404, code ModelNotOpen: enable the model in the console
            ├── Conflict            409
            ├── RateLimited         429
            └── ServerFault         5xx

A refused request (`RequestRejected`) and a failed task (`TaskFailed`) are different things: the first
never existed at the service. Warnings are `RetiredModelWarning`, `LegacyFlagsWarning` and
`EstimateDriftWarning`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from seedance_widgets.terminal import printable
from seedance_widgets.units import count_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from seedance_widgets.task.task import Task

__all__ = [
    "APIError",
    "AnswerLost",
    "AuthenticationFailed",
    "BadRequest",
    "BudgetExceeded",
    "ChainStopped",
    "Conflict",
    "DownloadError",
    "EstimateDriftWarning",
    "GateClosed",
    "InvalidCatalogEntry",
    "InvalidRequest",
    "InvalidStudy",
    "LegacyFlagsWarning",
    "LogError",
    "MediaError",
    "MissingAPIKey",
    "ModelNotOpen",
    "NotFound",
    "NotSent",
    "OutcomeUnknown",
    "PermissionDenied",
    "Problem",
    "RateLimited",
    "RequestRejected",
    "RetiredModelWarning",
    "SeedanceError",
    "ServerFault",
    "ServiceError",
    "TaskCancelled",
    "TaskError",
    "TaskExpired",
    "TaskFailed",
    "WaitTimeout",
]

_LONGEST_VALUE = 60  # characters of a parameter
_LONGEST_TOLD = 400  # characters of what the service said
_PLAIN = (str, bytes, bool, int, float, type(None))
KEYS_URL = "https://console.byteplus.com/ark/apiKey"
MODELS_URL = "https://console.byteplus.com/ark/openManagement"


def shorten_text(told: str) -> str:
    """The start of a text from a server, short enough to be read in a message."""
    if len(told) <= _LONGEST_TOLD:
        return told
    return f"{told[:_LONGEST_TOLD].rstrip()} ... ({len(told):,} characters in all)"


def _restore(kind: type[SeedanceError], args: tuple[Any, ...]) -> SeedanceError:
    """An error as it was pickled, but for its attributes."""
    return kind.__new__(kind, *args)


class SeedanceError(Exception):
    """Base of every error raised by this package."""

    def __str__(self) -> str:
        # the service and prompts are quoted in it, and a traceback prints it as it is
        return printable(super().__str__())

    def __reduce__(self) -> tuple[Any, ...]:
        # not by calling the class, whose arguments are not kept; what belongs to this process stays here
        return _restore, (type(self), self.args), self._portable()

    def _portable(self) -> dict[str, Any]:
        """The attributes that mean something in another process."""
        return dict(self.__dict__)


def error_text(error: BaseException) -> str:
    """An error in words: the message of one of ours, the kind and the message of any other."""
    return str(error) if isinstance(error, SeedanceError) else f"{type(error).__name__}: {error}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of one parameter of a request.

    ``nearest`` is the nearest legal value, or None where there is none to offer. ``client_only`` marks a
    rule of ours that the service itself does not enforce.
    """

    parameter: str
    value: Any
    reason: str
    nearest: Any = None
    client_only: bool = False

    def __str__(self) -> str:
        shown = " ".join(repr(self.value).split())
        if len(shown) > _LONGEST_VALUE:
            shown = f"{shown[:_LONGEST_VALUE].rstrip()}..."
        hint = "" if self.nearest is None else f"; nearest: {self.nearest!r}"
        return f"{self.parameter}={shown}: {self.reason}{hint}"


class InvalidRequest(SeedanceError, ValueError):
    """What was asked for breaks one or more rules; all of them are in ``problems``. Nothing was sent.

    ``refused`` says in words what it was, where it was no request for a clip: "the task cannot be cancelled".
    """

    def __init__(self, problems: Sequence[Problem], *, refused: str = "") -> None:
        self.problems = list(problems)
        lines = "\n".join(f"  - {problem}" for problem in self.problems)
        count = f"{count_text(len(self.problems), 'problem')} in the request; nothing was sent"
        super().__init__(f"{refused or count}:\n{lines}")

    def _portable(self) -> dict[str, Any]:
        # a value may be anything, such as an open file
        problems = [
            each if isinstance(each.value, _PLAIN) else replace(each, value=repr(each.value))
            for each in self.problems
        ]
        return {**self.__dict__, "problems": problems}


class InvalidCatalogEntry(SeedanceError, ValueError):
    """A model or price given to the catalog is malformed; the catalog is unchanged."""


class MissingAPIKey(SeedanceError):
    """No API key was given and ARK_API_KEY is not set."""

    def __init__(self) -> None:
        super().__init__(
            "no API key: set the environment variable ARK_API_KEY or pass api_key=. "
            f"Keys are made at {KEYS_URL}, models are enabled at {MODELS_URL}. "
            "Without a key, Studio(..., simulate=True) runs everything on the embedded simulator."
        )


class BudgetExceeded(SeedanceError):
    """The budget does not cover this request; nothing was sent.

    ``short_by`` is the missing sum in USD, or None when the request's price is not known. ``budget`` is the
    `Budget` that is shortest, and ``frees_at`` when it begins anew (UTC), None where it does not.
    """

    def __init__(
        self,
        message: str,
        *,
        short_by: float | None,
        budget: Any = None,
        frees_at: datetime | None = None,
    ) -> None:
        self.short_by = short_by
        self.budget = budget
        self.frees_at = frees_at
        super().__init__(message)


class GateClosed(SeedanceError):
    """Waiting to send is of no use: a quota is used up, or the studio is closed; nothing was sent.

    ``until`` is when it may be tried again, None where that is not known.
    """

    def __init__(self, message: str, *, until: datetime | None = None) -> None:
        self.until = until
        super().__init__(message)


class InvalidStudy(SeedanceError, ValueError):
    """A study, its votes or its plan make no sense; nothing was made or changed."""


class LogError(SeedanceError):
    """The log cannot be opened, read or written."""


class LogMoved(LogError):
    """The log's file was moved, removed or replaced while a studio had it open."""


class MediaError(SeedanceError):
    """A picture or a clip cannot be read or written."""


class DownloadError(MediaError):
    """A result file did not arrive whole; no file was put in place.

    ``status_code`` is that of the answer where the server gave another than 200. With 403 or 404 the link
    has expired or the file is gone: asking again with it is of no use.
    """

    def __init__(self, message: str, *, status_code: int | None = None) -> None:
        self.status_code = status_code
        super().__init__(message)


class WaitTimeout(SeedanceError, TimeoutError):
    """The wait ended before the task did; the task and its row are untouched."""


class TaskError(SeedanceError):
    """Something ended badly for one task, which hangs on ``task``; ``task_key`` is its key.

    In another process, where an error was pickled to, ``task`` is None and ``task_key`` names it:
    ``await studio.task(error.task_key)``.
    """

    def __init__(self, message: str, *, task: Task | None = None) -> None:
        self.task = task
        self._task_key: str | None = None
        super().__init__(message)

    @property
    def task_key(self) -> str | None:
        """The key of the task, None where it has none."""
        return self._task_key if self.task is None else self.task.key

    def _portable(self) -> dict[str, Any]:
        return {**self.__dict__, "task": None, "_task_key": self.task_key}


class RequestRejected(TaskError):
    """The service refused the request: no task was made, nothing is billed."""

    def __init__(
        self,
        text: str,
        *,
        task: Task | None = None,
        code: str | None = None,
        message: str | None = None,
        param: str | None = None,
        request_id: str | None = None,
    ) -> None:
        self.code = code
        self.message = message
        self.param = param
        self.request_id = request_id
        super().__init__(text, task=task)


class OutcomeUnknown(TaskError):
    """The answer to a create was lost, so a task may or may not exist; nothing is re-sent."""


class TaskFailed(TaskError):
    """The service ended the task without a clip; failed tasks are not billed."""


class TaskExpired(TaskError):
    """The task was not finished within ``execution_expires_after`` seconds."""


class TaskCancelled(TaskError):
    """The task was cancelled while it was queued."""


class ChainStopped(TaskError):
    """A link of a chain was not made, and none after it; called again, the chain goes on from there.

    ``link`` counts from 1, ``tasks`` are the links before it, and ``task`` is that of the link itself, None
    where it has none. What went wrong is the error's ``__cause__``.
    """

    def __init__(
        self, message: str, *, link: int, tasks: Sequence[Task] = (), task: Task | None = None
    ) -> None:
        self.link = link
        self.tasks = list(tasks)
        super().__init__(message, task=task)

    def _portable(self) -> dict[str, Any]:
        return {**super()._portable(), "tasks": []}


class ServiceError(SeedanceError):
    """One call to the service went wrong.

    ``client_request_id`` is the id that we sent, ``request_id`` the one that the service answered with.
    """

    def __init__(self, message: str, *, client_request_id: str | None = None) -> None:
        self.client_request_id = client_request_id
        super().__init__(message)


class NotSent(ServiceError):
    """The call provably never reached the service (name lookup, connect, TLS)."""


class AnswerLost(ServiceError):
    """The call was sent, but no usable answer came back; ``raw`` holds what did arrive."""

    def __init__(
        self, message: str, *, client_request_id: str | None = None, raw: bytes | None = None
    ) -> None:
        self.raw = raw
        super().__init__(message, client_request_id=client_request_id)


class APIError(ServiceError):
    """The service answered with an error status.

    ``status_code`` is the HTTP status; ``code``, ``message`` and ``param`` come from the body, None
    where it has none; ``retry_after`` is in seconds; ``advice`` says what to do next. ``message`` is whole,
    and shortened in the error's text.
    """

    def __init__(
        self,
        status_code: int,
        *,
        code: str | None = None,
        message: str | None = None,
        param: str | None = None,
        request_id: str | None = None,
        client_request_id: str | None = None,
        retry_after: float | None = None,
        advice: str | None = None,
    ) -> None:
        self.status_code = status_code
        self.code = code
        self.message = message
        self.param = param
        self.request_id = request_id
        self.retry_after = retry_after
        self.advice = advice
        about = f" (parameter {param})" if param else ""
        text = (
            f"HTTP {status_code} {code or 'without a code'}{about}: {shorten_text(message or 'no message')}"
        )
        if advice:
            text += f"{'' if text.endswith(('.', '!', '?')) else '.'} What to do: {advice}"
        # most messages of the service end with it
        named = "" if request_id and request_id in text else f"request {request_id or 'unknown'}, "
        if request_id or client_request_id:
            text += f" [{named}sent as {client_request_id or 'unknown'}]"
        super().__init__(text, client_request_id=client_request_id)


class BadRequest(APIError):
    """400: a parameter or an input is not accepted."""


class AuthenticationFailed(APIError):
    """401: the key is missing, wrong or of a closed account."""


class PermissionDenied(APIError):
    """403: the account may not do this, or owes money."""


class NotFound(APIError):
    """404: no such task, model or endpoint for this key."""


class ModelNotOpen(NotFound):
    """404 ModelNotOpen: the model has to be enabled for the account first."""


class Conflict(APIError):
    """409: the task's state does not allow this."""


class RateLimited(APIError):
    """429: a rate, a queue or a quota is used up."""


class ServerFault(APIError):
    """5xx: the service failed; after a create, a task may exist all the same."""


class RetiredModelWarning(UserWarning):
    """The model is past its retirement date; the service decides whether it still answers."""


class LegacyFlagsWarning(UserWarning):
    """The prompt has settings as ``--flags``: what was taken from it, and what stays in it as text."""


class EstimateDriftWarning(UserWarning):
    """A model bills other tokens than this package predicts before sending."""
