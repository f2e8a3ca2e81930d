"""Which rows are wanted: ``where`` and ``since`` of `Log.to_pandas` as conditions on the tables."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd
from sqlalchemy import select

from seedance_widgets.errors import InvalidRequest, Problem
from seedance_widgets.log.schema import metrics, tags, tasks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import ColumnElement

__all__ = ["conditions_of", "moment_of_text"]

_REFUSED = "the log cannot be read like this"
_NAMED = {"tags": tags, "metrics": metrics}


def conditions_of(
    where: Mapping[str, Any] | None, since: Any = None, *, now: float
) -> Iterator[ColumnElement[bool]]:
    """Conditions on the table of tasks.

    Parameters
    ----------
    where
        Column to the value that it has, or to a list of values of which it has one; None is an absent one.
        ``tags.<name>`` and ``metrics.<name>`` are columns too.
    since
        The first moment of ``created_at``: a datetime (UTC if it does not say), a date as text, or a
        timedelta before now.
    now
        Seconds since 1970 UTC.

    Raises
    ------
    InvalidRequest
        There is no such column, or no such moment.
    """
    if where is not None and not isinstance(where, Mapping):
        problem = Problem("where", f"<{type(where).__name__}>", 'is no dict: {"status": "succeeded"}')
        raise InvalidRequest([problem], refused=_REFUSED)
    for name, wanted in (where or {}).items():
        several = isinstance(wanted, Collection) and not isinstance(wanted, str | bytes | Mapping)
        yield _condition(name, list(wanted) if several else [wanted])
    if since is not None:
        yield tasks.c.created_at >= moment_of_text(since, now)


def _condition(name: str, wanted: list[Any]) -> ColumnElement[bool]:
    kind, _, own = str(name).partition(".")
    values = [value for value in wanted if value is not None and value is not pd.NA]
    if own and kind in _NAMED:
        table = _NAMED[kind]
        of_name = select(table.c.key).where(table.c.name == own)
        texts = values if kind == "metrics" else [str(value) for value in values]
        found = tasks.c.key.in_(of_name.where(table.c.value.in_(texts)))
        return found if len(values) == len(wanted) else found | tasks.c.key.not_in(of_name)
    if name not in tasks.c:
        near = difflib.get_close_matches(str(name), [column.name for column in tasks.c], n=1)
        problem = Problem("where", name, "is no column of the log", near[0] if near else None)
        raise InvalidRequest([problem], refused=_REFUSED)
    column = tasks.c[name]
    if column.info.get("time"):
        values = [moment_of_text(value, None) for value in values]
    plain = [value.item() if hasattr(value, "item") else value for value in values]
    found = column.in_(plain)
    return found if len(values) == len(wanted) else found | column.is_(None)


def moment_of_text(moment: Any, now: float | None) -> int:
    """A moment that a person gave, in microseconds since 1970; with ``now``, a timedelta before it too.

    Raises
    ------
    InvalidRequest
        It is none.
    """
    try:
        if now is not None and hasattr(moment, "total_seconds"):
            stamp = pd.Timestamp(now, unit="s", tz="UTC") - pd.Timedelta(moment)
        else:
            stamp = pd.Timestamp(moment)
            stamp = stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp.tz_convert("UTC")
    except (TypeError, ValueError) as error:
        problem = Problem("since", str(moment), f"is no moment: {error}")
        raise InvalidRequest([problem], refused=_REFUSED) from None
    return int(stamp.value) // 1000  # it is nanoseconds, whatever its unit
