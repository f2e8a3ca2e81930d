"""The log as pandas DataFrames: one row a task, typed columns, UTC times, absent is ``<NA>``."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd
from sqlalchemy import BigInteger, Boolean, Column, Float, Integer, and_, case, select

from seedance_widgets.errors import InvalidRequest, Problem
from seedance_widgets.log.clip_verdicts import starred
from seedance_widgets.log.expiry import still_there
from seedance_widgets.log.row import Status
from seedance_widgets.log.schema import FRAME_COLUMNS, metrics, tags, tasks, verdicts
from seedance_widgets.log.totals import EVERYTHING, total
from seedance_widgets.units import HOUR

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sqlalchemy import ColumnElement, Select

    from seedance_widgets.log.budget import Standing
    from seedance_widgets.log.store import Store

__all__ = ["choose", "expiring_frame", "tasks_frame", "unknown_frame", "verdicts_frame"]

_REFUSED = "the log cannot be read like this"
_FIRST_LOOK = ["status", "kind", "model", "prompt", "seed", "tokens", "usd", "file", "created_at"]
_PROMPT = 60  # letters of it that a short table shows
_UNTIL = Column("until", BigInteger, info={"time": True})


def tasks_frame(store: Store, home: Path, *where: ColumnElement[bool]) -> pd.DataFrame:
    """Rows of the log in the order they were begun, indexed by key.

    Parameters
    ----------
    store
        The open log.
    home
        Paths are stored relative to it and returned absolute.
    *where
        Conditions on the tasks table.
    """
    query = _select(FRAME_COLUMNS).where(*where).order_by(tasks.c.intent_at, tasks.c.key)
    frame = _frame(store, FRAME_COLUMNS, query, home)
    with store.read() as connection:
        stars = starred(connection)
        tagged, measured = (
            connection.execute(
                select(each.c.key, each.c.name, each.c.value).where(
                    each.c.key.in_(select(tasks.c.key).where(*where))
                )
            ).fetchall()
            for each in (tags, metrics)
        )
    is_starred = frame.index.isin(stars) & (frame["verdict"] == "accept").fillna(value=False)
    frame["starred"] = is_starred.astype("boolean")
    _add_named(frame, "tags", tagged, "string")
    _add_named(frame, "metrics", measured, "Float64")
    return frame


def newest_frame(store: Store, home: Path, limit: int) -> tuple[pd.DataFrame, int]:
    """The newest rows in the columns that people look at first, and how many rows there are in all."""
    newest = select(tasks.c.key).order_by(tasks.c.intent_at.desc(), tasks.c.key.desc()).limit(limit)
    with store.read() as connection:
        keys = list(connection.execute(newest).scalars())
        count = sum(total(connection, EVERYTHING, 0, simulated=kind).rows for kind in (False, True))
    frame = tasks_frame(store, home, tasks.c.key.in_(keys))
    frame["prompt"] = frame["prompt"].str.slice(0, _PROMPT)
    frame["created_at"] = frame["created_at"].dt.floor("s")
    named = [name for name in map(str, frame.columns) if name.startswith(("tags.", "metrics."))]
    return frame.loc[keys, [*_FIRST_LOOK, *named]], count


def choose(frame: pd.DataFrame, columns: Sequence[str] | None, timezone: str | None) -> pd.DataFrame:
    """Some of its columns, with their times in another time zone; None is UTC that does not say so.

    Raises
    ------
    InvalidRequest
        There is no such column or time zone.
    """
    if columns is not None:
        wanted = [columns] if isinstance(columns, str) else list(columns)
        problems = [
            Problem("columns", name, "is no column of the log")
            for name in wanted
            # a tag that no task has yet is a column all the same
            if name not in frame.columns and not str(name).startswith(("tags.", "metrics."))
        ]
        if problems:
            raise InvalidRequest(problems, refused=_REFUSED)
        frame = frame.reindex(columns=wanted)
    if timezone == "UTC":
        return frame
    try:
        for name in frame.select_dtypes("datetimetz").columns:
            frame[name] = frame[name].dt.tz_convert(timezone)
    except (KeyError, ValueError, TypeError) as error:
        problem = Problem("timezone", str(timezone), f"is none: {error}")
        raise InvalidRequest([problem], refused=_REFUSED) from None
    return frame


def _add_named(
    frame: pd.DataFrame, prefix: str, cells: Sequence[Any], dtype: Literal["string", "Float64"]
) -> None:
    """A column for each name among cells of key, name and value."""
    by_name: dict[str, dict[str, Any]] = {}
    for key, name, value in cells:
        by_name.setdefault(name, {})[key] = value
    for name in sorted(by_name):
        told = [by_name[name].get(key) for key in frame.index]
        if any(value is not None for value in told):
            frame[f"{prefix}.{name}"] = pd.Series(told, index=frame.index, dtype=dtype)


def unknown_frame(store: Store) -> pd.DataFrame:
    """Rows whose outcome is not known, in the order they were begun, with what may be their tasks."""
    shown = (
        tasks.c.key, tasks.c.model, tasks.c.prompt, tasks.c.requested_seed, tasks.c.service_tier,
        tasks.c.reserved_usd, tasks.c.sent_at, tasks.c.error_message, tasks.c.remark, tasks.c.candidates,
        tasks.c.simulated,
    )  # fmt: skip
    unclear = and_(tasks.c.status == Status.UNKNOWN, tasks.c.task_id.is_(None))
    frame = _frame(store, shown, _select(shown).where(unclear).order_by(tasks.c.intent_at, tasks.c.key))
    frame["candidates"] = [json.loads(cell) if isinstance(cell, str) else [] for cell in frame["candidates"]]
    return frame


def expiring_frame(store: Store, now: float) -> pd.DataFrame:
    """What is there at ``now`` (seconds since 1970) and will not be for ever, the first first."""
    parts = []
    for what, those, until in still_there(now):
        shown = (tasks.c.key, tasks.c.model, tasks.c.prompt, tasks.c.simulated, tasks.c.task_id)
        part = _frame(store, (*shown, _UNTIL), select(*shown, until.label("until")).where(those))
        part.insert(0, "what", pd.Series(what, index=part.index, dtype="string"))
        parts.append(part)
    frame = pd.concat(parts).sort_values("until", kind="stable")
    left = frame["until"] - pd.Timestamp(now, unit="s", tz="UTC")
    frame.insert(2, "hours_left", (left.dt.total_seconds() / HOUR).astype("Float64"))
    return frame


def verdicts_frame(store: Store) -> pd.DataFrame:
    """Every verdict in the order they were given."""
    shown = (verdicts.c.key, verdicts.c.verdict, verdicts.c.at)
    return _frame(store, shown, select(*shown).order_by(verdicts.c.id))


def budgets_frame(standings: Sequence[Standing]) -> pd.DataFrame:
    """A row each budget, with how it stands; indexed by its words."""
    budgets = [each.budget for each in standings]
    tags = [", ".join(f"{name}={value}" for name, value in budget.tags.items()) for budget in budgets]
    figures = {
        "usd": [budget.usd for budget in budgets],
        "spent": [each.spent for each in standings],
        "reserved": [each.reserved for each in standings],
        "left": [each.left for each in standings],
    }
    return pd.DataFrame(
        {
            **{name: pd.array(values, dtype="Float64") for name, values in figures.items()},
            "until": pd.array([each.until for each in standings], dtype="datetime64[us, UTC]"),
            "per": pd.array([budget.per for budget in budgets], dtype="string"),
            "tags": pd.array([each or None for each in tags], dtype="string"),
            "home": pd.array([budget.home for budget in budgets], dtype="boolean"),
        },
        index=pd.Index([str(budget) for budget in budgets], name="budget", dtype="string"),
    )


def _select(columns: Sequence[Column[Any]]) -> Select[Any]:
    """These columns; ``remark`` tells what is remarkable and the last trouble, as `TaskRow.words` does."""
    told, last = tasks.c.remark, tasks.c.trouble
    both = case((told.is_(None), last), (last.is_(None), told), else_=told + "; " + last)
    return select(*(both.label("remark") if column is told else column for column in columns))


def _frame(
    store: Store, columns: Sequence[Column[Any]], query: Select[Any], home: Path | None = None
) -> pd.DataFrame:
    with store.read() as connection:
        rows = connection.execute(query).cursor.fetchall()
    values = list(zip(*rows, strict=True)) if rows else [()] * len(columns)
    frame = pd.DataFrame(
        {
            str(column.name): _series_of(column, cells, home)
            for column, cells in zip(columns, values, strict=True)
        }
    )
    return frame.set_index("key")


def _series_of(column: Column[Any], cells: tuple[Any, ...], home: Path | None) -> pd.Series[Any]:
    if column.info.get("time"):
        micros = pd.Series(pd.array(cells, dtype="Int64"))
        return pd.to_datetime(micros, unit="us", utc=True)
    if isinstance(column.type, Boolean):
        return pd.Series(pd.array([None if c is None else bool(c) for c in cells], dtype="boolean"))
    if isinstance(column.type, BigInteger | Integer):
        return pd.Series(pd.array(cells, dtype="Int64"))
    if isinstance(column.type, Float):
        return pd.Series(pd.array(cells, dtype="Float64"))
    if home is not None and column.info.get("path"):
        # what str(home / cell) gives, without making 40,000 paths of 10,000 tasks
        above = str(home / "_")[:-1]
        cells = tuple(None if cell is None else above + cell.replace("/", os.sep) for cell in cells)
    return pd.Series(pd.array(cells, dtype="string"))
