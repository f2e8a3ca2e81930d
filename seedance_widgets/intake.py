"""What is asked of a studio, as a request that may be sent, and a word about models that have retired.

Beyond what a request says of itself, the log knows its draft, and the clock what is over by now.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from seedance_widgets.callsite import warn
from seedance_widgets.errors import InvalidRequest, Problem, RetiredModelWarning
from seedance_widgets.promotion import age_problem
from seedance_widgets.request import TaskRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seedance_widgets.runtime import StudioRuntime

__all__ = ["asked_for", "warn_if_retired"]

_warned: set[str] = set()


def asked_for(
    runtime: StudioRuntime, prompt_or_request: str | TaskRequest, params: Mapping[str, Any]
) -> TaskRequest:
    """The request that a prompt or a request, and fields of it, stand for; blocks for a read of the log.

    Raises
    ------
    InvalidRequest
        A rule is broken, or the draft is too old to be made final.
    """
    if isinstance(prompt_or_request, TaskRequest):
        request = prompt_or_request.replace(**params) if params else prompt_or_request
    elif prompt_or_request and "prompt" in params:
        reason = f"given twice, before as {prompt_or_request!r}"
        raise InvalidRequest([Problem("prompt", params["prompt"], reason)])
    else:
        request = TaskRequest.from_params(**{"prompt": prompt_or_request, **params})
    draft = request.draft_task
    if draft is None:
        return request
    if draft.created_at is None and (known := runtime.task_by_id(draft.id)):
        draft = known.as_draft()
        request = request.replace(draft_task=draft)
    if problem := age_problem(draft, runtime.clock()):
        raise InvalidRequest([problem])
    return request


def warn_if_retired(runtime: StudioRuntime, request: TaskRequest) -> None:
    """Say once that a request's model is past its retirement, unless the service has proved otherwise since.

    Whoever has had a task of it accepted since that day knows that it still answers.
    """
    spec, retired = request.spec, request.spec.retirement
    if runtime.simulated or retired is None or spec.id in _warned:
        return
    day = datetime.combine(date.fromisoformat(retired.date), datetime.min.time(), UTC).timestamp()
    if runtime.clock() < day:
        return
    _warned.add(spec.id)
    if any(runtime.journal.tokens_since(spec.wire_id, tier, day) for tier in spec.tiers):
        return
    instead = f"; {retired.replacement} takes its place" if retired.replacement else ""
    chosen = request.model is not None or request.draft_task is not None
    default = "" if chosen else ' It is the model taken when none is named: model="..." names another.'
    warn(
        f"{spec.name} was retired on {retired.date} ({retired.status}){instead}. "
        f"The service decides whether it still answers.{default}",
        RetiredModelWarning,
    )
