"""Open a log and run transactions on it: SQLite by default, PostgreSQL for a team.

Every change runs in BEGIN IMMEDIATE. A plain BEGIN that reads before it writes fails at once when two
kernels share a file, whatever the busy timeout; taking the write lock first makes the second one wait.
Commits reach the disk before they return (WAL with full sync).
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError

from seedance_widgets.errors import LogError
from seedance_widgets.log.disk import refuse_network
from seedance_widgets.log.schema import migrate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Engine

__all__ = ["Store"]

_BUSY_TIMEOUT_S = 30
_PAGE_CACHE_KIB = 8192
# one number for all of our writers on a PostgreSQL server; any constant does
_ADVISORY_LOCK = 0x5EEDA9CE
_KINDS = (
    "A log is a SQLite file on a local disk, or in a server's database: "
    "postgresql+psycopg://user:password@host/database."
)


class Store:
    """A database that holds a log; threads may share it.

    Parameters
    ----------
    location
        Path of a SQLite file, or an SQLAlchemy URL.

    Raises
    ------
    LogError
        It cannot be opened, is no log, or was written by a newer version; the address is of no database
        that can hold one.
    """

    def __init__(self, location: Path | str) -> None:
        self._engine: Engine = _engine_of(location)
        self.name = self._engine.url.render_as_string(hide_password=True)
        self._sqlite = self._engine.dialect.name == "sqlite"
        if self._sqlite:
            event.listen(self._engine, "connect", _prepare_sqlite)
        self._file: tuple[Path, int] | None = None
        with self.write() as connection:
            migrate(connection)
        named = self._engine.url.database or ""
        if self._sqlite and not named.startswith("file:"):
            self._file = (Path(named).absolute(), Path(named).stat().st_ino)

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that holds the write lock from its first moment; durable when it ends."""
        with self._translated(), self._engine.connect() as connection:
            self._begin(connection)
            try:
                yield connection
            except BaseException:
                self._end(connection, "ROLLBACK")
                raise
            self._end(connection, "COMMIT")

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for reading only."""
        with self._translated(), self._engine.connect() as connection:
            yield connection

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def _begin(self, connection: Connection) -> None:
        if self._sqlite:
            self._check_place()
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ADVISORY_LOCK})

    def _check_place(self) -> None:
        """Refuse to write to a file that has lost its name: what it holds goes with the process."""
        if self._file is None:
            return
        path, number = self._file
        with contextlib.suppress(OSError):
            if path.stat().st_ino == number:
                return
        raise LogError(
            f"the log {self.name} was removed or replaced while it was in use; nothing was written. Move it "
            "back to its place, or close this studio and make another one."
        )

    def _end(self, connection: Connection, how: str) -> None:
        if self._sqlite:
            connection.exec_driver_sql(how)
        elif how == "COMMIT":
            connection.commit()
        else:
            connection.rollback()

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            said = str(error.orig).strip().rstrip(".")
            raise LogError(
                f"the log {self.name} cannot be used: {said}. What it holds is unchanged."
            ) from error


def _engine_of(location: Path | str) -> Engine:
    if not (isinstance(location, str) and "://" in location):
        refuse_network(Path(location))
        # not as text: "?" and what follows it in a folder's name would be read as options
        return create_engine(URL.create("sqlite", database=str(Path(location).expanduser())))
    try:
        url = make_url(location)
    except (ArgumentError, ValueError):
        # not "from" it, and not as given: an address may hold a password
        raise LogError(f"the log's address cannot be read. {_KINDS}") from None
    backend = url.get_backend_name()
    if backend not in ("sqlite", "postgresql"):
        raise LogError(f"a log cannot be kept in {backend}. {_KINDS}")
    if backend == "sqlite" and url.database and not url.database.startswith("file:"):
        refuse_network(Path(url.database))
    try:
        # a server may have been started anew since a connection was last used
        return create_engine(url, pool_pre_ping=backend != "sqlite")
    except ImportError as error:
        raise LogError(
            f'a log in {backend} needs {error.name}: pip install "seedance-widgets[team]". {_KINDS}'
        ) from None


def _prepare_sqlite(connection: Any, _: Any) -> None:
    # the driver's own implicit BEGIN is a deferred one
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_S * 1000}")
    mode = cursor.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute(f"PRAGMA cache_size = -{_PAGE_CACHE_KIB}")
    cursor.close()
    if mode != "wal":
        raise LogError(
            f"SQLite cannot share memory here (journal mode {mode}): two kernels would corrupt the log. "
            "Keep it on a local disk: Studio(home, log=...)."
        )
