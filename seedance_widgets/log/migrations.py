"""The version of a log, and the numbered steps that lead to it from an older one.

Every log that a released version wrote can be opened by all later ones. Three things keep what it holds while
it is brought up to date: a SQLite log is copied beside itself first; a server's log, which many may be
working on, waits until no kernel of an older version is left; and a kernel that runs on while another brings
its log up to date notices before it writes (`store.Store.write`).
"""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import inspect, select

from seedance_widgets.errors import LogError
from seedance_widgets.log.backup import keep_copy
from seedance_widgets.log.liveness import is_alive
from seedance_widgets.log.schema import READ_VERSION, kernels, meta, metadata
from seedance_widgets.log.totals import EVERYTHING, keep_total
from seedance_widgets.log.view import drop_view, make_view
from seedance_widgets.units import micros_of, moment_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

__all__ = ["migrate", "newest_version"]

# a kernel that works is heard of every five seconds, and the clocks of a team's machines differ
_HEARD_SECONDS = 60.0
_FIRST_WITH_KERNELS = 2
_FIRST_WITH_VERSIONS = 3

# Tables as version 2 began them: what a step makes must not change with the tables of today.
_TABLES_OF_VERSION_2 = """
CREATE TABLE kernels (
    owner VARCHAR(32) NOT NULL PRIMARY KEY, host TEXT NOT NULL, pid INTEGER NOT NULL,
    born_at FLOAT NOT NULL, beat_at BIGINT
);
CREATE TABLE verdicts (
    id {serial} PRIMARY KEY, key VARCHAR(32) NOT NULL, verdict VARCHAR(16), at BIGINT
);
CREATE INDEX ix_verdicts_key ON verdicts (key);
CREATE TABLE studies (
    name VARCHAR(128) NOT NULL, simulated BOOLEAN NOT NULL, definition TEXT NOT NULL,
    defined_at BIGINT, revealed_at BIGINT, PRIMARY KEY (name, simulated)
);
CREATE TABLE votes (
    id {serial} PRIMARY KEY, study VARCHAR(128) NOT NULL, simulated BOOLEAN NOT NULL,
    rater VARCHAR(128) NOT NULL, trial VARCHAR(64) NOT NULL, left_key VARCHAR(32) NOT NULL,
    right_key VARCHAR(32) NOT NULL, choice VARCHAR(16) NOT NULL, criterion VARCHAR(64),
    kind VARCHAR(16) NOT NULL, seconds FLOAT, sound BOOLEAN, at BIGINT, undone_at BIGINT
);
CREATE INDEX votes_of ON votes (study, simulated, rater);
CREATE TABLE looks (
    id {serial} PRIMARY KEY, study VARCHAR(128) NOT NULL, simulated BOOLEAN NOT NULL,
    kind VARCHAR(16) NOT NULL, "by" TEXT, seen INTEGER NOT NULL, at BIGINT
)
"""


def _to_version_2(connection: Connection) -> None:
    """Lost ids can be found again, several kernels share a log, and people judge clips."""
    for column in (
        "matched_by VARCHAR(16)",
        "candidates TEXT",
        "owner VARCHAR(32)",
        "resent_as VARCHAR(32)",
        "study_seed BIGINT",
        "chain VARCHAR(64)",
    ):
        connection.exec_driver_sql(f"ALTER TABLE tasks ADD COLUMN {column}")
    connection.exec_driver_sql("CREATE INDEX tasks_study ON tasks (study)")
    serial = "INTEGER NOT NULL" if connection.dialect.name == "sqlite" else "SERIAL NOT NULL"
    for statement in _TABLES_OF_VERSION_2.format(serial=serial).split(";"):
        connection.exec_driver_sql(statement)


def _to_version_3(connection: Connection) -> None:
    """Kernels say which version of the log they write."""
    connection.exec_driver_sql("ALTER TABLE kernels ADD COLUMN version INTEGER")


def _to_version_4(connection: Connection) -> None:
    """Clips and sounds among the inputs have columns of their own."""
    for column in ("reference_videos TEXT", "reference_audios TEXT"):
        connection.exec_driver_sql(f"ALTER TABLE tasks ADD COLUMN {column}")


def _to_version_5(connection: Connection) -> None:
    """What came back otherwise than asked for is kept apart from troubles in passing."""
    connection.exec_driver_sql("ALTER TABLE tasks ADD COLUMN remark TEXT")


def _to_version_6(connection: Connection) -> None:
    """People's own notes, tags and metrics; the kit's words move out of ``note``. Tables of requests."""
    for statement in (
        "ALTER TABLE tasks RENAME COLUMN note TO trouble",
        "ALTER TABLE tasks ADD COLUMN note TEXT",
        "ALTER TABLE tasks ADD COLUMN batch TEXT",
        "ALTER TABLE tasks ADD COLUMN batch_row VARCHAR(64)",
        "CREATE INDEX tasks_batch ON tasks (batch)",
        """CREATE TABLE tags ("key" VARCHAR(32) NOT NULL, name VARCHAR(128) NOT NULL, value TEXT NOT NULL,
        PRIMARY KEY ("key", name))""",
        """CREATE TABLE metrics ("key" VARCHAR(32) NOT NULL, name VARCHAR(128) NOT NULL, value FLOAT,
        trouble TEXT, version VARCHAR(64), sha256 VARCHAR(64), at BIGINT, PRIMARY KEY ("key", name))""",
    ):
        connection.exec_driver_sql(statement)


def _to_version_7(connection: Connection) -> None:
    """What rows cost together is kept beside them; indexes for what is asked at each submit and each look."""
    for statement in (
        "DROP INDEX tasks_money",
        "DROP INDEX ix_tasks_status",
        "DROP INDEX tasks_nonce",
        "CREATE INDEX tasks_nonce ON tasks (wire_model, service_tier, nonce, intent_at)",
        "ALTER TABLE tasks ADD COLUMN counted BOOLEAN DEFAULT true NOT NULL",
        "ALTER TABLE tasks ADD COLUMN home VARCHAR(32)",
        "CREATE INDEX tasks_recent ON tasks (simulated, intent_at, key)",
        "CREATE INDEX tasks_live ON tasks (status, simulated, wire_model, service_tier)",
        "CREATE INDEX tasks_since ON tasks (wire_model, service_tier, intent_at)",
        "CREATE INDEX tasks_like ON tasks (wire_model, kind, mode, intent_at)",
        "CREATE INDEX tasks_file ON tasks (file, status, simulated)",
        "CREATE INDEX tasks_kind ON tasks (kind, status, simulated, created_at)",
        "CREATE INDEX tasks_parent ON tasks (parent_key) WHERE parent_key IS NOT NULL",
        "CREATE INDEX tasks_resent ON tasks (resent_as) WHERE resent_as IS NOT NULL",
        "CREATE INDEX tasks_last_frame ON tasks (last_frame_path) WHERE last_frame_path IS NOT NULL",
        "CREATE INDEX tasks_chain ON tasks (chain) WHERE chain IS NOT NULL",
        "CREATE INDEX tasks_owner ON tasks (owner) WHERE owner IS NOT NULL",
        "CREATE TABLE scopes (scope TEXT NOT NULL PRIMARY KEY)",
        """CREATE TABLE totals (simulated BOOLEAN NOT NULL, scope TEXT NOT NULL, period BIGINT NOT NULL,
        rows BIGINT NOT NULL, settled BIGINT NOT NULL, reserved BIGINT NOT NULL,
        PRIMARY KEY (simulated, scope, period))""",
    ):
        connection.exec_driver_sql(statement)


# Steps from each older version to the next: MIGRATIONS[0] leads from version 1 to 2. A new log is made from
# the tables of `schema` and starts at the last version.
MIGRATIONS: list[Callable[[Connection], None]] = [
    _to_version_2,
    _to_version_3,
    _to_version_4,
    _to_version_5,
    _to_version_6,
    _to_version_7,
]


def newest_version() -> int:
    """The version of the logs that this package writes."""
    return len(MIGRATIONS) + 1


def migrate(connection: Connection, *, now: float) -> None:
    """Create the tables of a new log, or run the steps that an older one lacks.

    Parameters
    ----------
    connection
        In a transaction that holds the log's write lock.
    now
        Seconds since 1970 UTC.

    Raises
    ------
    LogError
        The log was written by a newer version of this package, or the database holds something else; a SQLite
        log that lacks steps could not be copied; a kernel of an older version works on a server's log. The
        log is unchanged.
    """
    there = set(inspect(connection).get_table_names())
    if connection.dialect.name != "sqlite":
        there &= set(metadata.tables)  # a server's database may well be shared with others
    if not there:
        metadata.create_all(connection)
        connection.execute(meta.insert().values(name="version", value=str(newest_version())))
        keep_total(connection, EVERYTHING)
        make_view(connection)
        return
    is_log = {"meta", "tasks"} <= there
    found = str(connection.exec_driver_sql(READ_VERSION).scalar() or "") if is_log else ""
    if not found.isdecimal():
        held = textwrap.shorten(", ".join(sorted(there)), 60, placeholder="...")
        raise LogError(f"this database is no log of this package: it holds {held}. It is unchanged.")
    version = int(found)
    if version > newest_version():
        raise LogError(
            f"this log is of version {version}, this package knows {newest_version()}: install a newer "
            "seedance-widgets. The log is unchanged."
        )
    if version == newest_version():
        return
    if connection.dialect.name == "sqlite":
        _, _, path = next(iter(connection.exec_driver_sql("PRAGMA database_list")))
        keep_copy(Path(path), version)
    else:
        _refuse_beside_older(connection, version, micros_of(now))
    drop_view(connection)
    for step in MIGRATIONS[version - 1 :]:
        step(connection)
    keep_total(connection, EVERYTHING)
    make_view(connection)
    connection.execute(meta.update().where(meta.c.name == "version").values(value=str(newest_version())))


def _refuse_beside_older(connection: Connection, version: int, now: int) -> None:
    """Refuse the steps while somebody works on the log who knows nothing of what they change."""
    if version < _FIRST_WITH_KERNELS:
        return
    ours = newest_version()
    known = [kernels.c.host, kernels.c.pid, kernels.c.born_at, kernels.c.beat_at]
    if version >= _FIRST_WITH_VERSIONS:
        known.append(kernels.c.version)
    older = [
        f"process {kernel.pid} on {kernel.host.partition(' ')[0]}, heard of at "
        f"{moment_of(kernel.beat_at):%Y-%m-%d %H:%M:%S} UTC"
        for kernel in connection.execute(select(*known).order_by(kernels.c.beat_at))
        if is_alive(kernel, now=now, within=_HEARD_SECONDS)
        and (getattr(kernel, "version", None) or _FIRST_WITH_KERNELS) < ours
    ]
    if older:
        raise LogError(
            f"this log is of version {version} and has to be brought to version {ours}, but kernels of an "
            f"older version work on it: {'; '.join(older)}. The log is unchanged. Close those kernels or "
            "wait until they have nothing to do, and open the log again; one that has crashed counts for "
            f"{_HEARD_SECONDS:.0f} s more."
        )
