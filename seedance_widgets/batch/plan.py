"""What each row of a table asks for, and whether it is made already.

A row is told by the batch's name, its normalised request and its place among equal rows, never by its
position or index. So a row that moves is taken, one that is edited is a new clip, and two equal rows are two
clips.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from seedance_widgets.errors import InvalidRequest, Problem
from seedance_widgets.inputs.address import without_query
from seedance_widgets.log.row import FINAL, FileState, Status
from seedance_widgets.log.tag_rows import tags_read
from seedance_widgets.request.fields import ARGUMENTS
from seedance_widgets.request.names import field_misspelt
from seedance_widgets.request.task_request import TaskRequest
from seedance_widgets.request.templates import fill_in, names_in

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from seedance_widgets.batch.table import Table
    from seedance_widgets.inputs.medium import Medium
    from seedance_widgets.log.row import TaskRow

__all__ = [
    "STATES",
    "Asked",
    "Fate",
    "Wanted",
    "ask",
    "fates_of",
    "name_of",
    "once_more",
    "problems_of",
    "read_columns",
    "same_row",
]

STATES = ("made", "at work", "ready", "failed", "refused")
_NOTE = "note"
_LONGEST_SLOT = 40
_REFUSED = "there is no such batch; nothing was sent"


@dataclass(frozen=True)
class Wanted:
    """A row of the table, read: its label, the fields of its request, and what is not sent."""

    label: Any
    fields: Mapping[str, Any]
    tags: Mapping[str, str]
    note: str | None = None
    request: TaskRequest | None = None
    """Of a row that was given as a request."""
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class Asked:
    """A row with its request, or why it has none; ``slot`` tells it in the log."""

    row: Wanted
    request: TaskRequest | None
    problems: tuple[Problem, ...] = ()
    slot: str = ""


@dataclass(frozen=True)
class Fate:
    """What became of a row: its state, and the newest task of it."""

    asked: Asked
    state: str
    task: TaskRow | None = None
    tasks: tuple[TaskRow, ...] = ()


def read_columns(
    table: Table,
    *,
    prompt: str | None,
    tags: Collection[str] | Mapping[str, Any] | None,
    params: Mapping[str, Any],
) -> list[Wanted]:
    """The rows of a table: which columns are fields, and which are tags.

    Raises
    ------
    InvalidRequest
        A column is named nearly like a field, or is not there; or the prompt is given twice.
    """
    columns = table.columns
    for_all = tags_read(tags) if isinstance(tags, Mapping) else {}
    named = set() if tags is None or for_all else {tags} if isinstance(tags, str) else set(tags)
    used = names_in(prompt, columns) if prompt is not None else set()
    problems = [Problem("tags", name, "is no column of the table") for name in sorted(named - set(columns))]
    for name in columns:
        is_field = name in (*ARGUMENTS, _NOTE)
        if not is_field and name not in named | used and (near := field_misspelt(name)) is not None:
            reason = f'is no field of a request; if it is a tag, say so: tags=["{name}"]'
            problems.append(Problem("column", name, reason, near))
    if prompt is not None and "prompt" in columns and "prompt" not in used:
        problems.append(Problem("prompt", prompt, "is given twice: by prompt= and by the column of its name"))
    if problems:
        raise InvalidRequest(problems, refused=_REFUSED)
    of_fields = [name for name in columns if name in ARGUMENTS and name not in named]
    of_tags = [name for name in columns if name not in of_fields and name != _NOTE]
    reader = _Reader(prompt, of_fields, of_tags, for_all, params)
    return [reader.read(label, row) for label, row in zip(table.labels, table.rows, strict=True)]


@dataclass(frozen=True)
class _Reader:
    """Reads rows: which columns are fields and which are tags, and what is the same for all."""

    prompt: str | None
    of_fields: Sequence[str]
    of_tags: Sequence[str]
    for_all: Mapping[str, str]
    params: Mapping[str, Any]

    def read(self, label: Any, row: Mapping[str, Any] | TaskRequest) -> Wanted:
        if isinstance(row, TaskRequest):
            return Wanted(label, dict(self.params), self.for_all, request=row)
        fields = {**self.params, **{name: row[name] for name in self.of_fields if name in row}}
        try:
            told = tags_read({name: row[name] for name in self.of_tags if name in row})
            note = None if row.get(_NOTE) is None else str(row[_NOTE])
            if self.prompt is not None:
                fields["prompt"] = str(fill_in(self.prompt, row, _no_text))
        except InvalidRequest as error:
            return Wanted(label, fields, self.for_all, problems=tuple(error.problems))
        return Wanted(label, fields, {**self.for_all, **told}, note)


def _no_text(reason: str) -> InvalidRequest:
    return InvalidRequest([Problem("prompt", None, reason)])


def ask(rows: Iterable[Wanted], fill: Callable[[Mapping[str, Any], str], Mapping[str, Any]]) -> list[Asked]:
    """The request of each row, as ``fill`` completes its fields; equal rows are numbered."""
    seen: Counter[str] = Counter()
    asked = []
    for row in rows:
        try:
            if row.problems:
                raise InvalidRequest(list(row.problems))
            request = _request_of(row, fill)
        except InvalidRequest as error:
            asked.append(Asked(row, None, tuple(error.problems)))
            continue
        told = _identity(request)
        asked.append(Asked(row, request, slot=f"{told}-{seen[told]}"))
        seen[told] += 1
    return asked


def _request_of(row: Wanted, fill: Callable[[Mapping[str, Any], str], Mapping[str, Any]]) -> TaskRequest:
    if row.request is not None:
        return row.request.replace(**row.fields) if row.fields else row.request
    return TaskRequest.from_params(**{"prompt": "", **fill(row.fields, str(row.fields.get("prompt") or ""))})


def _identity(request: TaskRequest) -> str:
    """A hash of what is asked: pictures by their bytes, tasks by key, addresses without their query."""
    body = json.dumps(request.to_dict(address=_named), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(body.encode()).hexdigest()[:_LONGEST_SLOT]


def _named(medium: Medium) -> str:
    return medium.sha256 or without_query(medium.label)


def name_of(asked: Iterable[Asked]) -> str:
    """The name of a batch that was given none: a hash of all its rows, in whatever order they stand."""
    slots = "\n".join(sorted(each.slot or repr(each.problems) for each in asked))
    return f"batch-{hashlib.sha256(slots.encode()).hexdigest()[:12]}"


def once_more(fate: Fate) -> Asked:
    """A row that is to be made again although it has tasks: its slot says how many came before."""
    return replace(fate.asked, slot=f"{fate.asked.slot}+{len(fate.tasks)}") if fate.tasks else fate.asked


def same_row(row: TaskRow, asked: Asked) -> bool:
    """Whether a task is one of a row, or of that row made again."""
    return _base(row.batch_row or "") == _base(asked.slot)


def _base(slot: str) -> str:
    return slot.partition("+")[0]


def fates_of(asked: Iterable[Asked], rows: Iterable[TaskRow]) -> list[Fate]:
    """What became of each row, of the rows that the log has of the batch."""
    by_slot: dict[str, list[TaskRow]] = defaultdict(list)
    for row in rows:
        by_slot[_base(row.batch_row or "")].append(row)
    return [_fate(each, by_slot.get(each.slot, [])) for each in asked]


def _fate(asked: Asked, rows: Sequence[TaskRow]) -> Fate:
    if asked.request is None:
        return Fate(asked, "refused")
    states = [(_state(row), row) for row in rows]
    for state in STATES:
        of_state = [row for its, row in states if its == state]
        if of_state:
            return Fate(asked, state, of_state[-1], tuple(rows))
    return Fate(asked, "ready")


def _state(row: TaskRow) -> str:
    if row.status is Status.SUCCEEDED:
        return "at work" if row.file is FileState.NONE else "made"
    if row.status not in FINAL:
        return "at work"
    return "ready" if row.status in (Status.NOT_CREATED, Status.WITHDRAWN) else "failed"


def problems_of(asked: Iterable[Asked]) -> Iterator[Problem]:
    """The problems of all rows, each with its row's label."""
    for each in asked:
        for problem in each.problems:
            yield replace(problem, parameter=f"row {each.row.label}: {problem.parameter}")
