"""Tags as the log keeps them: a text by name, one row each.

Reading and writing are for those who are inside a transaction.
"""

from __future__ import annotations

import datetime as dt
import numbers
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from seedance_widgets.errors import InvalidRequest, Problem
from seedance_widgets.log.schema import tags

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["check_names", "put_tags", "tags_of", "tags_read"]

_LONGEST_NAME = 128
_REFUSED = "nothing was written"


def tags_read(values: Mapping[str, Any] | None) -> dict[str, str]:
    """Tags as they are kept: texts by name.

    Raises
    ------
    InvalidRequest
        A name or a value cannot be a tag.
    """
    if values is not None and not isinstance(values, Mapping):
        raise InvalidRequest(
            [Problem("tags", f"<{type(values).__name__}>", 'is no dict: {"campaign": "spring"}')]
        )
    values = values or {}
    check_names(values)
    problems = [
        Problem(f"tags.{name}", f"<{type(value).__name__}>", "is no text, number or date")
        for name, value in values.items()
        if not isinstance(value, str | numbers.Number | dt.date)
    ]
    if problems:
        raise InvalidRequest(problems, refused=_REFUSED)
    return {name: _text(value) for name, value in values.items()}


def put_tags(connection: Connection, key: str, values: Mapping[str, str]) -> None:
    """Write the tags of a task that has none of these names."""
    if values:
        connection.execute(tags.insert(), [{"key": key, "name": n, "value": v} for n, v in values.items()])


def tags_of(connection: Connection, key: str) -> dict[str, str]:
    """The tags of a task."""
    found = connection.execute(select(tags.c.name, tags.c.value).where(tags.c.key == key))
    return {row.name: row.value for row in found}


def check_names(values: Iterable[Any]) -> None:
    """Refuse what cannot be the name of a tag or a metric."""
    problems = [
        Problem("name", name, f"is no name: a text of at most {_LONGEST_NAME} characters")
        for name in values
        if not isinstance(name, str) or not name.strip() or len(name) > _LONGEST_NAME
    ]
    if problems:
        raise InvalidRequest(problems, refused=_REFUSED)


def _text(value: Any) -> str:
    """A tag's value: of a day at midnight the day alone."""
    if isinstance(value, dt.datetime) and value.tzinfo is None and value.time() == dt.time():
        return value.date().isoformat()
    return value.isoformat() if isinstance(value, dt.date) else str(value)
