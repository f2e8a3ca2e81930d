"""What people hang on tasks: tags such as campaign = spring, a note, and figures of the clip.

None of it is sent to the service. Every method is one transaction, durable when it returns.
"""

from __future__ import annotations

import datetime as dt
import math
import numbers
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select, update

from seedance_widgets.errors import InvalidRequest, LogError, Problem
from seedance_widgets.log.schema import metrics, tags, tasks
from seedance_widgets.log.store import batches
from seedance_widgets.request.tables import is_frame
from seedance_widgets.units import micros_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from seedance_widgets.log.store import Store

__all__ = ["Tags", "keys_of", "put_tags", "tags_of", "tags_read"]

_LONGEST_NAME = 128
_REFUSED = "nothing was written"


class Tags:
    """Tags, notes and metrics of one log.

    Parameters
    ----------
    store
        The open log.
    clock
        Seconds since 1970 UTC.
    """

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    def tag(self, keys: Iterable[str], values: Mapping[str, Any]) -> None:
        """Set tags of tasks; None takes one away.

        Raises
        ------
        InvalidRequest
            A name or a value cannot be a tag; nothing was written.
        LogError
            There is no such task; nothing was written.
        """
        gone = [name for name, value in values.items() if value is None]
        kept = tags_read({name: value for name, value in values.items() if value is not None})
        with self._store.write() as connection:
            known = _check_keys(connection, self._store.name, keys)
            for key in known:
                connection.execute(delete(tags).where(tags.c.key == key, tags.c.name.in_([*gone, *kept])))
                put_tags(connection, key, kept)

    def note(self, key: str, text: str | None) -> None:
        """Set a task's note; None or an empty one takes it away.

        Raises
        ------
        InvalidRequest
            It is no text; nothing was written.
        LogError
            There is no such task.
        """
        if text is not None and not isinstance(text, str):
            raise InvalidRequest(
                [Problem("note", f"<{type(text).__name__}>", "is no text")], refused=_REFUSED
            )
        with self._store.write() as connection:
            _check_keys(connection, self._store.name, [key])
            news = {"note": text or None, "revision": tasks.c.revision + 1}
            connection.execute(update(tasks).where(tasks.c.key == key).values(**news))

    def metric(self, key: str, values: Mapping[str, Any], *, version: str | None = None) -> None:
        """Set figures of a task's clip; None takes one away.

        Raises
        ------
        InvalidRequest
            A value is no finite number; nothing was written.
        LogError
            There is no such task.
        """
        problems = [
            Problem(name, value, "is no finite number")
            for name, value in values.items()
            if value is not None and not _is_figure(value)
        ]
        if problems:
            raise InvalidRequest(problems, refused=_REFUSED)
        _check_names(values)
        now = micros_of(self._clock())
        with self._store.write() as connection:
            _check_keys(connection, self._store.name, [key])
            connection.execute(delete(metrics).where(metrics.c.key == key, metrics.c.name.in_([*values])))
            sha256 = connection.execute(select(tasks.c.sha256).where(tasks.c.key == key)).scalar()
            for name, value in values.items():
                if value is not None:
                    told = {"value": float(value), "version": version, "sha256": sha256, "at": now}
                    connection.execute(metrics.insert(), {"key": key, "name": name, **told})


def keys_of(given: Any) -> list[str]:
    """Keys of tasks: of one task or key, of several, or of a DataFrame of the log's rows."""
    if isinstance(given, str):
        return [given]
    if is_frame(given):
        return [str(key) for key in (given["key"] if "key" in given.columns else given.index)]
    if hasattr(given, "key"):
        return [str(given.key)]
    if not isinstance(given, Iterable) or isinstance(given, Mapping):
        problem = Problem("keys", f"<{type(given).__name__}>", "is no key, task, list of them or DataFrame")
        raise InvalidRequest([problem], refused=_REFUSED)
    return [key for each in given for key in keys_of(each)]


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
    _check_names(values)
    problems = [
        Problem(f"tags.{name}", f"<{type(value).__name__}>", "is no text, number or date")
        for name, value in values.items()
        if not isinstance(value, str | numbers.Number | dt.date)
    ]
    if problems:
        raise InvalidRequest(problems, refused=_REFUSED)
    return {name: _text(value) for name, value in values.items()}


def _text(value: Any) -> str:
    """A tag's value: of a day at midnight the day alone."""
    if isinstance(value, dt.datetime) and value.tzinfo is None and value.time() == dt.time():
        return value.date().isoformat()
    return value.isoformat() if isinstance(value, dt.date) else str(value)


def put_tags(connection: Connection, key: str, values: Mapping[str, str]) -> None:
    """Write the tags of a task that has none of these names."""
    if values:
        connection.execute(tags.insert(), [{"key": key, "name": n, "value": v} for n, v in values.items()])


def tags_of(connection: Connection, key: str) -> dict[str, str]:
    """The tags of a task."""
    found = connection.execute(select(tags.c.name, tags.c.value).where(tags.c.key == key))
    return {row.name: row.value for row in found}


def _check_names(values: Iterable[Any]) -> None:
    problems = [
        Problem("name", name, f"is no name: a text of at most {_LONGEST_NAME} characters")
        for name in values
        if not isinstance(name, str) or not name.strip() or len(name) > _LONGEST_NAME
    ]
    if problems:
        raise InvalidRequest(problems, refused=_REFUSED)


def _is_figure(value: Any) -> bool:
    return isinstance(value, numbers.Real) and math.isfinite(value)


def _check_keys(connection: Connection, log: str, keys: Iterable[str]) -> list[str]:
    wanted = list(dict.fromkeys(keys))
    known = {
        key
        for part in batches(wanted)
        for key in connection.execute(select(tasks.c.key).where(tasks.c.key.in_(part))).scalars()
    }
    if lacking := [key for key in wanted if key not in known]:
        raise LogError(f"the log {log} has no task {lacking[0]!r}; {_REFUSED}")
    return wanted
