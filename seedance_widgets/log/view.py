"""The view ``log``: the columns of `Log.to_pandas` in SQL, with times as times; for duckdb, polars, psql.

In SQLite, which has no such type, a time is a text that these read as one, as in
``2026-11-27 10:15:00.123456``. Paths are relative to the home, and texts are as they are.

    ATTACH 'runs/log.sqlite' AS runs (TYPE sqlite); SELECT model, sum(usd) FROM runs.log GROUP BY model;
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedance_widgets.log.schema import FRAME_COLUMNS

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["drop_view", "make_view"]

_TIMES = {
    "sqlite": "strftime('%Y-%m-%d %H:%M:%S', {0} / 1000000, 'unixepoch') || printf('.%06d', {0} % 1000000)",
    "postgresql": "to_timestamp({0} / 1000000.0)",
}


def make_view(connection: Connection) -> None:
    """Make the view; it is not there."""
    time = _TIMES[connection.dialect.name]
    columns = [
        f'{time.format(column.name)} AS "{column.name}"' if column.info.get("time") else f'"{column.name}"'
        for column in FRAME_COLUMNS
    ]
    connection.exec_driver_sql(f"CREATE VIEW log AS SELECT {', '.join(columns)} FROM tasks")  # noqa: S608


def drop_view(connection: Connection) -> None:
    """Take the view away: columns that it shows may be renamed then."""
    connection.exec_driver_sql("DROP VIEW IF EXISTS log")
