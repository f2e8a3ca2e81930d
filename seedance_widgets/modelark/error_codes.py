"""What the service's refusals mean: error class, advice, whether the same create may be sent again, and
whether all others would be refused like it.

One table, ``_TABLE`` (ModelArk docs 1299023). A code may carry a dotted suffix: the exact code counts
first, then the suffix, then the part before the dot, then the HTTP status.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx

from seedance_widgets.errors import (
    KEYS_URL,
    MODELS_URL,
    APIError,
    AuthenticationFailed,
    BadRequest,
    Conflict,
    ModelNotOpen,
    NotFound,
    PermissionDenied,
    RateLimited,
    ServerFault,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["is_retryable_refusal", "proves_refusal", "refusal_of", "refuses_every_create"]

_REQUEST_ID = re.compile(r"request id:\s*([\w-]+)\W*$", re.IGNORECASE)

_CLASSES: dict[int, type[APIError]] = {
    400: BadRequest,
    401: AuthenticationFailed,
    403: PermissionDenied,
    404: NotFound,
    409: Conflict,
    429: RateLimited,
}


# Whoever answers so has looked at the request and not passed it on: a gateway, or the service itself.
_NOT_PASSED_ON = frozenset(
    (400, 401, 402, 403, 404, 405, 407, 411, 413, 414, 415, 417, 421, 426, 429, 431, 451)
)
# A gateway gave up waiting for what it had passed on, in whatever words.
_GIVEN_UP = frozenset((408, 499))


class _Rule(NamedTuple):
    """What to do about some codes; ``says`` is lower-case text of the message that tells namesakes apart."""

    codes: str
    advice: str
    may_repeat: bool = False
    says: str = ""


# Names are exact codes, dotted suffixes, parts before the dot and HTTP statuses, looked up in this order.
# fmt: off
_TABLE = (
    _Rule("InvalidParameter 400 InvalidParameter.UnsupportedParameter InvalidParameter.seed",
          "This model takes no seed: send the request again without seed=.", says="`seed`"),
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
# Parts before the dot that speak of the account, the key or the model, and never of one request.
_OF_ALL = frozenset((
    "AccessDenied", "AccountOverdueError", "AuthenticationError", "InvalidAccountStatus", "InvalidEndpoint",
    "InvalidEndpointOrModel", "ModelNotOpen", "OperationDenied",
))
# fmt: on
_RULES: defaultdict[str, list[_Rule]] = defaultdict(list)
for _entry in _TABLE:
    for _name in _entry.codes.split():
        _RULES[_name].append(_entry)


def refusal_of(
    status: int,
    fault: Mapping[str, Any],
    *,
    client_request_id: str = "",
    request_id: str | None = None,
    retry_after: float | None = None,
) -> APIError:
    """Make an exception of an error answer.

    Parameters
    ----------
    status
        Of the answer.
    fault
        The service's error object: ``code``, ``message``, ``param``; what it does not say is left out.
    client_request_id, request_id
        Our id of the call, and the service's.
    retry_after
        Seconds that the service asks to wait.
    """
    code, message, param = (
        str(value) if (value := fault.get(name)) not in (None, "") else None
        for name in ("code", "message", "param")
    )
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
        request_id=request_id,
        client_request_id=client_request_id,
        retry_after=retry_after,
        advice=None if rule is None else rule.advice,
    )


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


def proves_refusal(error: APIError) -> bool:
    """Whether this answer to a create proves that no task was made.

    A status in the 400s proves it where it is given before anything is passed on, or together with a code of
    the service. A gateway's own page, such as 499 or 444, proves nothing: the service may have the request.
    """
    if error.status_code >= httpx.codes.INTERNAL_SERVER_ERROR or error.status_code in _GIVEN_UP:
        return False
    head = (error.code or "").partition(".")[0]
    return error.status_code in _NOT_PASSED_ON or (head in _RULES and not head.isdecimal())


def refuses_every_create(error: APIError) -> bool:
    """Whether any other create of the model would be refused alike, until a quota is back or somebody acts.

    True for used-up quotas and spending limits, unpaid balances, keys without permission and models that
    are closed; and for a 429 with a code not known here, which speaks of an account and never of a request.
    An error status without a code may be a proxy's, and is held against the one request alone.
    """
    if error.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
        return False
    if error.status_code == httpx.codes.TOO_MANY_REQUESTS:
        return not is_retryable_refusal(error)
    return (error.code or "").partition(".")[0] in _OF_ALL


def _rule(status: int, code: str | None, message: str | None) -> _Rule | None:
    head, _, suffix = (code or "").partition(".")
    text = (message or "").lower()
    for name in (code or "", f".{suffix}", head, str(status)):
        for rule in _RULES.get(name, ()):
            if rule.says in text:
                return rule
    return None
