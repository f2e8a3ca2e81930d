"""Rows of tasks that were made by other means: looked at with ours, and never counted as spent."""

from __future__ import annotations

import difflib
import json
import secrets
from collections import Counter
from typing import TYPE_CHECKING, Any

import pandas as pd

from seedance_widgets.errors import InvalidRequest, Problem
from seedance_widgets.log.conditions import moment_of_text
from seedance_widgets.log.exports import TIME, type_of
from seedance_widgets.log.row import FINAL, FileState, Status, TaskRow
from seedance_widgets.log.schema import FRAME_COLUMNS, metrics, tasks
from seedance_widgets.log.tag_rows import put_tags, tags_read
from seedance_widgets.log.tags import known_keys
from seedance_widgets.log.totals import count_change
from seedance_widgets.request.rules import shown
from seedance_widgets.request.tables import several

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from seedance_widgets.log.store import Store

__all__ = ["add_rows"]

_REFUSED = "nothing was added"
_NEEDED = ("model", "created_at")
# what only this package can know, or what is a path of a home
_OURS = {
    "file",
    "video_path",
    "last_frame_path",
    "poster_path",
    "preview_path",
    "sha256",
    "starred",
    "saved_at",
}
_SHOWN = 20


def add_rows(store: Store, table: Any, now: float) -> list[str]:
    """Add the rows of a table in one transaction; returns their keys in its order.

    Raises
    ------
    InvalidRequest
        A column or a cell cannot be of a row; nothing was added.
    """
    frame = table.reset_index() if isinstance(table, pd.DataFrame) and table.index.name == "key" else table
    cells = [_checked_shape(row) for row in several(frame, "table")]
    problems = list(_column_problems({name for row in cells for name in row}))
    rows = [] if problems else [_row_of(row, number, now, problems) for number, row in enumerate(cells)]
    keys = [row.key for row, _, _ in rows]
    with store.write() as connection:
        known = known_keys(connection, keys)
        twice = [key for key, count in Counter(keys).items() if count > 1]
        problems += [Problem("key", key, "the log has it already") for key in sorted(known)]
        problems += [Problem("key", key, "is the key of two rows") for key in sorted(twice)]
        if problems:
            raise InvalidRequest(problems[:_SHOWN], refused=_REFUSED)
        for row, tags, figures in rows:
            connection.execute(tasks.insert(), row.to_dict())
            put_tags(connection, row.key, tags)
            if figures:
                told = [{"key": row.key, "name": name, "value": value} for name, value in figures.items()]
                connection.execute(metrics.insert(), told)
            count_change(connection, None, row)
    return keys


def _checked_shape(row: Any) -> dict[str, Any]:
    if not isinstance(row, dict):
        raise InvalidRequest([Problem("table", shown(row), "is no row: give a DataFrame")], refused=_REFUSED)
    return row


def _column_problems(names: set[str]) -> Iterator[Problem]:
    known = {str(column.name) for column in FRAME_COLUMNS} - _OURS | {"key"}
    for name in sorted(names):
        kind, _, own = name.partition(".")
        if name not in known and not (kind in ("tags", "metrics") and own) and name not in _OURS:
            near = difflib.get_close_matches(name, known, n=1)
            reason = "is no column of the log; one of your own is a tag: tags.<name>"
            yield Problem("column", name, reason, near[0] if near else None)
    for name in _NEEDED:
        if names and name not in names:
            yield Problem("column", name, "is missing")


def _row_of(
    cells: Mapping[str, Any], number: int, now: float, problems: list[Problem]
) -> tuple[TaskRow, dict[str, str], dict[str, float]]:
    columns: dict[str, Any] = {}
    tags: dict[str, Any] = {}
    figures: dict[str, float] = {}
    for name, value in cells.items():
        kind, _, own = name.partition(".")
        if own and kind == "tags":
            tags[own] = value
        elif own and kind == "metrics":
            figures[own] = _cell(name, value, number, now, problems)
        elif name not in _OURS:
            columns[name] = _cell(name, value, number, now, problems)
    problems += [
        Problem(f"row {number}: {name}", None, "is missing") for name in _NEEDED if columns.get(name) is None
    ]
    columns.setdefault("status", Status.SUCCEEDED)
    columns.setdefault("kind", "standard")
    columns.setdefault("simulated", False)
    columns["key"] = str(columns.get("key") or f"added-{secrets.token_hex(6)}")
    # the table's order, where the service's whole seconds are the same
    columns["intent_at"] = (columns.get("created_at") or 0) + number
    # nobody is to look for the clips of a year
    file = FileState.EXPIRED if columns["status"] is Status.SUCCEEDED else FileState.NONE
    row = TaskRow(**{**columns, "file": file, "counted": False})
    return row, tags_read(tags), figures


def _cell(name: str, value: Any, number: int, now: float, problems: list[Problem]) -> Any:
    """A cell as the log keeps it; what it cannot be is said."""
    try:
        if name == "status":
            if Status(value) not in FINAL:
                raise ValueError("is not ended; studio.adopt_all takes in what is at work")
            return Status(value)
        kind = type_of(name)
        if kind == TIME:
            return moment_of_text(value, now)
        if kind == "boolean":
            return _exactly(value, bool)
        if kind == "Int64":
            return _exactly(value, int)
        if kind == "Float64":
            figure = float(value)
            if not 0 <= figure < float("inf") and (name == "usd" or name.startswith("est_")):
                raise ValueError("is no amount")
            return figure
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError) as error:
        reason = f"cannot be {name}" + (f": {error}" if str(error).startswith("is ") else "")
        problems.append(Problem(f"row {number}: {name}", shown(value), reason))
        return None


def _exactly(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise TypeError
    return value
