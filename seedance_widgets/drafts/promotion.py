"""Finals from drafts: every draft checked and every price known before anything is sent.

The service makes a final from the draft's id and reuses its model, prompt, pictures, sound, seed, ratio,
length and camera (ModelArk docs 1366799). So only what is left may be chosen, and whatever else is asked for
is refused here: the service might ignore it, and the clip would not be what was asked for. With the seed
reused, a final that is asked for twice is the same clip: the one that is there is taken, and not paid again.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from seedance_widgets import catalog
from seedance_widgets.errors import InvalidRequest, Problem
from seedance_widgets.log.row import UNDERWAY, FileState, Status
from seedance_widgets.log.tags import keys_of
from seedance_widgets.request.fields import CONTENT, FROM_DRAFT
from seedance_widgets.request.from_body import visible_part
from seedance_widgets.request.model_options import parameters_of
from seedance_widgets.request.pricing import estimate
from seedance_widgets.request.rules import shown
from seedance_widgets.request.tables import is_frame, loaded, several
from seedance_widgets.request.task_request import TaskRequest
from seedance_widgets.task.card import as_text
from seedance_widgets.task.from_row import draft_of
from seedance_widgets.task.task import Task
from seedance_widgets.units import count_text, usd_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from seedance_widgets.log.journal import Journal
    from seedance_widgets.log.row import TaskRow
    from seedance_widgets.request.pricing import Estimate
    from seedance_widgets.request.rules import DraftTask

__all__ = ["Final", "Finals", "age_problem", "keys_of_drafts", "plan_finals", "same_final"]

_REUSED = ("model", *(row.name for row in CONTENT))
_PROMPT = 60


@dataclass(frozen=True, slots=True)
class Final:
    """A final that may be sent: the draft's row, what it will cost, keys of other finals that it has.

    ``there`` is the row of the same final where it is made or on its way: it is taken, and nothing is sent.
    """

    draft: TaskRow
    estimate: Estimate
    made: tuple[str, ...] = ()
    there: TaskRow | None = None

    @property
    def request(self) -> TaskRequest:
        """The request of the final."""
        return self.estimate.request

    @property
    def notes(self) -> Iterator[str]:
        """Notes to read before paying."""
        spec = self.request.spec
        if self.there is not None:
            yield f"it is {self.there.status} already as {self.there.key}: taken, and not paid again"
            return
        if self.made:
            yield f"it has a final already: {', '.join(self.made)}"
        if spec.retirement:
            yield f"{spec.name}: retirement on {spec.retirement.date} ({spec.retirement.status})"
        yield from self.estimate.notes


@dataclass(frozen=True, slots=True, repr=False)
class Finals:
    """Finals that may be sent, with their prices; ``left`` has the budget's unspent USD, None without one."""

    finals: tuple[Final, ...]
    left: float | None

    @property
    def missing(self) -> list[Final]:
        """Finals that are not made yet, and would be sent."""
        return [final for final in self.finals if final.there is None]

    @property
    def usd(self) -> float | None:
        """Dollars that these cost together at most, None where a price is not known."""
        costs = [final.estimate.usd_max for final in self.missing]
        return None if None in costs else sum(cost for cost in costs if cost is not None)

    def __repr__(self) -> str:
        lines = [self._total()]
        for final in self.finals:
            lines.append(f"  {final.draft.key}  {_prompt(final)}")
            lines.append(f"    {final.estimate.summary}")
            lines += [f"    note: {note}" for note in final.notes]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr><td style="text-align:left"><code>{as_text(final.draft.key)}</code></td>'
            f'<td style="text-align:left">{as_text(_prompt(final))}</td>'
            f'<td style="text-align:left">{as_text(final.estimate.summary)}'
            f"{''.join(f'<br><small>{as_text(note)}</small>' for note in final.notes)}</td></tr>"
            for final in self.finals
        )
        return (
            f'<div style="font-size:13px">{as_text(self._total())}'
            f'<table style="font-size:12px;font-variant-numeric:tabular-nums">{rows}</table></div>'
        )

    def _total(self) -> str:
        if not self.finals:
            return "Nothing to promote: no draft was given, and nothing was sent."
        count = count_text(len(self.finals), "final")
        if there := len(self.finals) - len(self.missing):
            count += f", {there} there already"
        cost = "the price is not known" if self.usd is None else f"{usd_text(self.usd)} at most"
        left = "" if self.left is None else f"; {usd_text(self.left)} of the budget are left before"
        return f"{count}, {cost}{left}"


def keys_of_drafts(drafts: Any) -> tuple[list[str], bool]:
    """Keys or task ids of what was given as drafts, and whether it was one draft alone.

    Parameters
    ----------
    drafts
        A task, a key, a task id or a row of the log; several of them; or a DataFrame of rows.

    Raises
    ------
    InvalidRequest
        A draft is given as none of these.
    """
    if is_frame(drafts):
        return keys_of(drafts), False
    if isinstance(drafts, Task | str | Mapping):
        return [_name(drafts)], True
    series = loaded("Series")
    if series is not None and isinstance(drafts, series) and "task_id" in drafts.index:
        return [str(drafts.get("key", drafts.name))], True
    if not isinstance(drafts, Iterable):
        raise InvalidRequest([Problem("draft", shown(drafts), "is neither a draft nor a list of them")])
    return [_name(draft) for draft in several(drafts, "drafts")], False


def _name(draft: Any) -> str:
    if isinstance(draft, Task):
        return draft.key
    return str(shown(draft.get("key") if isinstance(draft, Mapping) else draft))


def plan_finals(
    journal: Journal,
    drafts: Sequence[str],
    overrides: Mapping[str, Any],
    *,
    now: float,
    left: float | None,
    again: bool,
) -> Finals:
    """Check all drafts and what is asked of their finals; blocks for a read of the log.

    Parameters
    ----------
    journal
        Of the drafts.
    drafts
        Keys or task ids of rows.
    overrides
        Fields of the final's request; None leaves one open.
    now
        Seconds since 1970 UTC.
    left
        Dollars that the budget has left, None without one.
    again
        Whether a final is made once more where the same one is there.

    Raises
    ------
    InvalidRequest
        A draft or its final has a problem; ``problems`` has those of all.
    """
    found: list[Final] = []
    checked = 0  # drafts that can be finished, and so have their overrides checked
    problems: dict[Problem, list[str]] = {}
    seen: set[str] = set()
    for name in drafts:
        row = journal.by_name(name)
        faults = [] if row is None else [*_draft_problems(row, now)]
        if row is None:
            faults = [Problem("draft", name, "is not in this studio's log; studio.adopt(id) takes one in")]
        elif row.key in seen:
            faults = [Problem("draft", name, "is there twice, and would be paid twice")]
        else:
            seen.add(row.key)
        if row is not None and not faults:
            checked += 1
            try:
                found.append(Final(row, estimate(_request(row, overrides))))
            except InvalidRequest as error:
                faults = error.problems
        for fault in faults:
            problems.setdefault(_hashable(fault), []).append(name)
    if problems:
        raise InvalidRequest([_of(problem, names, checked) for problem, names in problems.items()])
    made = journal.finals_of(seen)
    finals = []
    for final in found:
        its = made.get(final.draft.key, [])
        there = None if again else same_final(final.request, its)
        finals.append(replace(final, made=tuple(row.key for row in its), there=there))
    return Finals(tuple(finals), left)


def age_problem(draft: DraftTask, now: float) -> Problem | None:
    """Why a draft cannot be finished any more at ``now`` (seconds since 1970 UTC), None if it can."""
    days = catalog.rules().draft_task_days
    moment = datetime.fromtimestamp(now, UTC)
    if draft.created_at is None or moment <= draft.created_at + timedelta(days=days):
        return None
    return Problem(
        "draft_task",
        draft.id,
        f"a draft can be finished for {days} days; this one is from "
        f"{draft.created_at:%Y-%m-%d %H:%M} UTC. Make the draft again with the same seed",
    )


def same_final(request: TaskRequest, made: Sequence[TaskRow]) -> TaskRow | None:
    """The newest of some finals that was made by the same request.

    Parameters
    ----------
    request
        Of a final.
    made
        Finals that its draft has, made or on their way.

    Returns
    -------
    row or None
        None where none is, or its clip is lost for good.
    """
    wanted = visible_part(request.to_dict())
    same = [
        row
        for row in made
        if row.file != FileState.EXPIRED and row.body and visible_part(json.loads(row.body)) == wanted
    ]
    return max(same, key=lambda row: row.intent_at, default=None)


def _draft_problems(row: TaskRow, now: float) -> Iterator[Problem]:
    key = row.key
    if row.kind != "draft":
        yield Problem("draft", key, f"is a {row.kind} task, not a draft")
    elif row.status in UNDERWAY:
        yield Problem("draft", key, f"is {row.status}; await it first")
    elif row.status != Status.SUCCEEDED:
        yield Problem("draft", key, f"is {row.status}: there is no draft to finish")
    elif problem := age_problem(draft_of(row), now):
        yield problem


def _request(row: TaskRow, overrides: Mapping[str, Any]) -> TaskRequest:
    draft = draft_of(row)
    parameters = parameters_of(catalog.find(str(draft.model)), FROM_DRAFT)
    refused, asked = [], {}
    for name, value in overrides.items():
        parameter = parameters.get(name)
        changes = name in _REUSED or (parameter is not None and not parameter.is_offered)
        if changes and value is not None and not (name == "draft" and value is False):
            reason = parameter.why_not if parameter else "reused from the draft and cannot be changed"
            plain = isinstance(value, int | float)
            refused.append(Problem(name, value if plain else shown(value), reason))
        elif name == "extra" and (value or {}).get("content"):
            refused.append(Problem("extra", "content", "a final has no content but its draft"))
        elif value is not None:
            asked[name] = value
    try:
        request = TaskRequest.from_params(draft_task=draft, **asked)
    except InvalidRequest as error:
        raise InvalidRequest([*refused, *error.problems]) from None
    if refused:
        raise InvalidRequest(refused)
    return request


def _hashable(problem: Problem) -> Problem:
    """The problem with a value that may be the same for several drafts."""
    return Problem(
        problem.parameter,
        problem.value if isinstance(problem.value, str | int | float) else shown(repr(problem.value)),
        problem.reason,
        problem.nearest,
        problem.client_only,
    )


def _of(problem: Problem, names: Sequence[str], checked: int) -> Problem:
    """A problem with the names of the drafts that have it, unless all have it or it names its draft."""
    if len(names) == checked or problem.value in names:
        return problem
    reason = f"{problem.reason} (draft {', '.join(names)})"
    return Problem(problem.parameter, problem.value, reason, problem.nearest, problem.client_only)


def _prompt(final: Final) -> str:
    return textwrap.shorten(final.draft.prompt or "without a prompt", _PROMPT, placeholder=" …")
