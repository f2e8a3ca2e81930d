"""The log as pandas DataFrames: one row a task, typed columns, UTC times, absent is ``<NA>``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pandas as pd
from sqlalchemy import BigInteger, Boolean, Float, Integer, select

from seedance_widgets.log.schema import FRAME_COLUMNS, tasks

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Column, ColumnElement

    from seedance_widgets.log.store import Store

__all__ = ["tasks_frame"]


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
    query = select(*FRAME_COLUMNS).where(*where).order_by(tasks.c.intent_at, tasks.c.key)
    with store.read() as connection:
        rows = connection.execute(query).cursor.fetchall()
    values = list(zip(*rows, strict=True)) if rows else [()] * len(FRAME_COLUMNS)
    frame = pd.DataFrame(
        {
            column.name: _typed(column, cells, home)
            for column, cells in zip(FRAME_COLUMNS, values, strict=True)
        }
    )
    return frame.set_index("key")


def _typed(column: Column[Any], cells: tuple[Any, ...], home: Path) -> pd.Series[Any]:
    if column.info.get("time"):
        micros = pd.Series(pd.array(cells, dtype="Int64"))
        return pd.to_datetime(micros, unit="us", utc=True)
    if isinstance(column.type, Boolean):
        return pd.Series(pd.array([None if c is None else bool(c) for c in cells], dtype="boolean"))
    if isinstance(column.type, BigInteger | Integer):
        return pd.Series(pd.array(cells, dtype="Int64"))
    if isinstance(column.type, Float):
        return pd.Series(pd.array(cells, dtype="Float64"))
    if column.info.get("path"):
        # what str(home / cell) gives, without making 40,000 paths of 10,000 tasks
        above = str(home / "_")[:-1]
        cells = tuple(None if cell is None else above + cell.replace("/", os.sep) for cell in cells)
    return pd.Series(pd.array(cells, dtype="string"))
