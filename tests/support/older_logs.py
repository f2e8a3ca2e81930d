"""Logs of older versions as they were kept, made into databases again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy

if TYPE_CHECKING:
    from pathlib import Path


def restore_on_server(address: str, tables: str, rows_of: Path) -> None:
    """Make an older log's tables on a server, and fill them with the rows of the same log in SQLite."""
    server, log = sqlalchemy.create_engine(address), sqlalchemy.create_engine(f"sqlite:///{rows_of}")
    with server.begin() as target, log.connect() as source:
        target.exec_driver_sql(tables)
        there = sqlalchemy.MetaData()
        there.reflect(target)
        for table in there.sorted_tables:
            if rows := [dict(row) for row in source.execute(sqlalchemy.select(table)).mappings()]:
                target.execute(table.insert(), rows)
            if isinstance(table.columns.get("id"), sqlalchemy.Column) and table.columns["id"].server_default:
                last = f"(SELECT coalesce(max(id), 1) FROM {table.name})"
                target.exec_driver_sql(f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), {last})")
    server.dispose()
    log.dispose()
