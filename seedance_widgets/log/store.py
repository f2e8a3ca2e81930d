"""Open a log and run transactions on it: SQLite by default, PostgreSQL for a team.

Every change runs in BEGIN IMMEDIATE. A plain BEGIN that reads before it writes fails at once when two
kernels share a file, whatever the busy timeout; taking the write lock first makes the second one wait.
Commits reach the disk before they return (WAL with full sync).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, ProgrammingError

from seedance_widgets.callsite import warn
from seedance_widgets.errors import LogError, LogMoved
from seedance_widgets.log.disk import copy_to_read, refuse_network
from seedance_widgets.log.migrations import migrate, newest_version
from seedance_widgets.log.schema import READ_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sqlalchemy import Connection, Engine

__all__ = ["Store", "batches"]

_BUSY_TIMEOUT_S = 30
_MOST_VALUES = 500  # in one statement; SQLite has a limit
_PAGE_CACHE_KIB = 8192
# one number for all of our writers on a PostgreSQL server; any constant does
_ADVISORY_LOCK = 0x5EEDA9CE
_KINDS = (
    "A log is a SQLite file on a local disk, or in a server's database: "
    "postgresql+psycopg://user:password@host/database."
)
_ONLY_READ = (
    "the log {} is on a network file system, where SQLite's locks do not hold. It is opened for reading "
    "only, as it is now. To go on with it, copy its folder to a local disk and open it there."
)


def batches(values: Iterable[str]) -> Iterator[list[str]]:
    """Values, as many at a time as one statement may name."""
    waiting = list(values)
    for start in range(0, len(waiting), _MOST_VALUES):
        yield waiting[start : start + _MOST_VALUES]


class Store:
    """A database that holds a log; threads may share it.

    Parameters
    ----------
    location
        Path of a SQLite file, or an SQLAlchemy URL. A log of an older version is brought up to date, a SQLite
        file after it was copied beside itself.
    clock
        Seconds since 1970 UTC.

    Attributes
    ----------
    name : str
        Its address, without a password.
    version : int
        Of the log as this package writes it.

    Raises
    ------
    LogError
        It cannot be opened, is no log, or was written by a newer version; kernels of an older version work on
        it; the address is of no database that can hold one.
    """

    def __init__(self, location: Path | str, *, clock: Callable[[], float] = time.time) -> None:
        self._engine, self._copy = _engine_of(location), None
        self.name = self._engine.url.render_as_string(hide_password=True)
        named = self._engine.url.database or ""
        if self._engine.dialect.name == "sqlite" and named and not named.startswith("file:"):
            self._copy = _copy_from_network(Path(named))
        if self._copy is not None:
            self._engine = create_engine(URL.create("sqlite", database=str(self._copy)))
        self.version = newest_version()
        self._process = os.getpid()
        self._sqlite = self._engine.dialect.name == "sqlite"
        if self._sqlite:
            event.listen(self._engine, "connect", _prepare_sqlite)
        self._file: tuple[Path, int] | None = None
        try:
            with self._transaction() as connection:
                migrate(connection, now=clock())
        except BaseException:
            self.close()
            raise
        named = self._engine.url.database or ""
        if self._sqlite and not named.startswith("file:"):
            self._file = (Path(named).absolute(), Path(named).stat().st_ino)

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that holds the write lock from its first moment; durable when it ends.

        Raises
        ------
        LogError
            The log cannot be written to, or a newer version of this package has taken it over.
        """
        if self._copy is not None:
            raise LogError(f"nothing was written or sent: {_ONLY_READ.format(self.name)}")
        with self._transaction() as connection:
            self._refuse_other_version(connection)
            yield connection

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for reading only."""
        with self._own_errors(), self._connect() as connection:
            try:
                yield connection
            except DBAPIError as error:
                # a column that is not known there is of another version; a lost connection says nothing
                if self._sqlite or isinstance(error, ProgrammingError):
                    connection.rollback()
                    self._refuse_other_version(connection)
                raise

    @property
    def is_read_only(self) -> bool:
        """Whether it is a copy of a log that cannot be written to."""
        return self._copy is not None

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()
        if self._copy is not None:
            shutil.rmtree(self._copy.parent, ignore_errors=True)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with self._own_errors(), self._connect() as connection:
            self._begin(connection)
            try:
                yield connection
            except BaseException:
                self._end(connection, "ROLLBACK")
                raise
            self._end(connection, "COMMIT")

    def _connect(self) -> Connection:
        if os.getpid() != self._process:  # forked: the other process goes on with its connections
            self._process = os.getpid()
            self._engine.dispose(close=False)
        return self._engine.connect()

    def _begin(self, connection: Connection) -> None:
        if self._sqlite:
            self._check_place()
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ADVISORY_LOCK})

    def _refuse_other_version(self, connection: Connection) -> None:
        """Refuse to write to a log that was brought to another version since it was opened."""
        found = connection.exec_driver_sql(READ_VERSION).scalar() or "none"
        if found == str(self.version):
            return
        if found.isdecimal() and int(found) > self.version:
            raise LogError(
                f"the log {self.name} was brought to version {found} by a newer seedance-widgets while this "
                f"kernel ran. This kernel knows version {self.version}, and writes nothing more to it. "
                "Nothing is lost: what was sent is in the log and goes on at the service. Restart this "
                "kernel with the newer seedance-widgets installed, and `await studio.resume()` takes "
                "everything up."
            )
        raise LogError(
            f"the log {self.name} was replaced by one of version {found} while it was in use. This kernel "
            f"knows version {self.version}, and has written nothing to it. Close this studio and make "
            "another one, which brings the log up to date."
        )

    def _check_place(self) -> None:
        """Refuse to write to a file that has lost its name: what it holds goes with the process."""
        if self._file is None:
            return
        path, number = self._file
        with contextlib.suppress(OSError):
            if path.stat().st_ino == number:
                return
        raise LogMoved(
            f"the log {self.name} was removed or replaced while it was in use; nothing was written. Move it "
            "back to its place, or close this studio and make another one where it is now: tasks go on at "
            "the service meanwhile, and `await studio.resume()` takes them up."
        )

    def _end(self, connection: Connection, how: str) -> None:
        if self._sqlite:
            connection.exec_driver_sql(how)
        elif how == "COMMIT":
            connection.commit()
        else:
            connection.rollback()

    @contextlib.contextmanager
    def _own_errors(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            said = str(error.orig).strip().rstrip(".")
            raise LogError(
                f"the log {self.name} cannot be used: {said}. What it holds is unchanged."
            ) from error


def _engine_of(location: Path | str) -> Engine:
    if not (isinstance(location, str) and "://" in location):
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
    try:
        # a server may have been started anew since a connection was last used
        return create_engine(url, pool_pre_ping=backend != "sqlite")
    except ImportError as error:
        raise LogError(
            f'a log in {backend} needs {error.name}: pip install "seedance-widgets[team]". {_KINDS}'
        ) from None


def _copy_from_network(path: Path) -> Path | None:
    """A copy of a log that is on a network file system, to be read; None for a log on a disk of its own.

    Raises
    ------
    LogError
        There is none yet: it cannot be begun there.
    """
    try:
        refuse_network(path)
    except LogError:
        if not path.exists():
            raise
        warn(_ONLY_READ.format(path), UserWarning)
        return copy_to_read(path)
    return None


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
