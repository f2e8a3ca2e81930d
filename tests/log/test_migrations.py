"""Logs of older versions: brought up to date whole, with a copy beside them, and never under somebody's hands."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import socket
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy
from kernel_process import be_newer
from older_logs import restore_on_server
from processes import Process, Recording, is_whole, rows_of

import seedance_widgets as sw
from seedance_widgets.log import Log, migrations
from seedance_widgets.log.liveness import this_process
from seedance_widgets.log.schema import kernels
from seedance_widgets.log.store import Store
from seedance_widgets.recovery.leases import Leases

VERSIONS = {n: Path(__file__).with_name(f"log_version_{n}.sql").read_text() for n in (1, 3, 4, 5, 6)}
NEWEST = migrations.newest_version()


@pytest.fixture
def old(tmp_path):
    """A SQLite log of version 1."""
    path = tmp_path / "log.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as log:
        log.executescript(VERSIONS[1])
    return path


@pytest.fixture
def tomorrow(monkeypatch):
    """From when it is called on, this is the package of some later day."""
    monkeypatch.setattr(migrations, "MIGRATIONS", list(migrations.MIGRATIONS))
    return be_newer


def content(path):
    with contextlib.closing(sqlite3.connect(path)) as log:
        return list(log.iterdump())


def version(address):
    engine = sqlalchemy.create_engine(address if "://" in str(address) else f"sqlite:///{address}")
    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT value FROM meta").scalar()
    engine.dispose()
    return int(found)


def tables(address):
    """Tables, columns and indexes of a database, without what names them on a server."""
    engine = sqlalchemy.create_engine(address)
    inspector = sqlalchemy.inspect(engine)
    found = {
        name: (
            {
                column["name"]: (str(column["type"]), column["nullable"])
                for column in inspector.get_columns(name)
            },
            inspector.get_pk_constraint(name)["constrained_columns"],
            sorted((index["name"], *index["column_names"]) for index in inspector.get_indexes(name)),
        )
        for name in inspector.get_table_names()
    }
    engine.dispose()
    return found


# --- a copy of a SQLite log ------------------------------------------------------------------------------


def test_a_log_is_copied_beside_itself_before_it_is_changed(old, tmp_path):
    before = content(old)
    Store(old).close()
    assert version(old) == NEWEST
    assert content(tmp_path / "log.v1.sqlite") == before
    Store(old).close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log.sqlite", "log.v1.sqlite"]


def test_what_is_still_in_the_write_ahead_log_is_copied_too(old, tmp_path):
    with contextlib.closing(sqlite3.connect(old)) as kernel:
        kernel.execute("PRAGMA journal_mode = WAL")
        kernel.execute("UPDATE tasks SET prompt = 'written a moment ago'")
        kernel.commit()
        assert b"written a moment ago" not in old.read_bytes()
        Store(old).close()
    with contextlib.closing(sqlite3.connect(tmp_path / "log.v1.sqlite")) as copy:
        assert copy.execute("SELECT prompt FROM tasks").fetchall() == [("written a moment ago",)]


def test_a_copy_that_is_there_is_never_overwritten(old, tmp_path):
    (tmp_path / "log.v1.sqlite").write_text("somebody's own")
    before = content(old)
    Store(old).close()
    assert (tmp_path / "log.v1.sqlite").read_text() == "somebody's own"
    assert content(tmp_path / "log.v1-2.sqlite") == before


def test_a_step_that_fails_leaves_the_log_and_one_copy_however_often_it_is_tried(old, tmp_path, monkeypatch):
    def fails(connection):
        connection.exec_driver_sql("ALTER TABLE tasks ADD COLUMN half_done TEXT")
        connection.exec_driver_sql("ALTER TABLE no_such_table ADD COLUMN x TEXT")

    monkeypatch.setattr(migrations, "MIGRATIONS", [*migrations.MIGRATIONS, fails])
    before = content(old)
    for _ in range(3):
        with pytest.raises(sw.LogError, match="no_such_table"):
            Store(old)
        assert content(old) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log.sqlite", "log.v1.sqlite"]


def test_without_a_copy_nothing_is_changed(old, tmp_path):
    (tmp_path / "log.v1.sqlite.part").mkdir()
    before = content(old)
    with pytest.raises(sw.LogError, match="could not be copied.*The log is unchanged"):
        Store(old)
    assert content(old) == before


def _open(path, results):
    store = Store(path)
    results.put(len(Log(store, path.parent).to_pandas()))
    store.close()


@pytest.mark.parametrize(
    ("older", "columns"),
    [
        (3, ["reference_videos", "reference_audios", "remark"]),
        (4, ["remark"]),
        (6, []),
    ],
)
def test_an_older_log_gets_the_columns_that_it_lacks_and_keeps_its_rows(tmp_path, older, columns):
    path = tmp_path / "log.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as log:
        log.executescript(VERSIONS[older])
        before = [dict(zip([each[0] for each in rows.description], row, strict=True))
                  for rows in [log.execute("SELECT * FROM tasks ORDER BY key")] for row in rows]  # fmt: skip
    with sw.Studio(tmp_path, simulate=True) as studio:
        frame = studio.log.to_pandas()
        assert sorted(frame.index) == [row["key"] for row in before]
        assert frame[columns].isna().all(axis=None)
        assert studio.spent == pytest.approx(frame["usd"].sum())
    assert version(path) == NEWEST
    assert version(tmp_path / f"log.v{older}.sqlite") == older
    with contextlib.closing(sqlite3.connect(path)) as log:
        log.row_factory = sqlite3.Row
        after = [dict(row) for row in log.execute("SELECT * FROM tasks ORDER BY key")]
    assert [{name: row[name] for name in before[0]} for row in after] == before
    assert tables(f"sqlite:///{path}") == tables(f"sqlite:///{_new_log(tmp_path / 'new.sqlite')}")


def _new_log(path):
    Store(path).close()
    return path


def test_of_several_that_open_an_older_log_at_once_one_brings_it_up_to_date(old, tmp_path):
    before = content(old)
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    openers = [context.Process(target=_open, args=(old, results)) for _ in range(4)]
    for opener in openers:
        opener.start()
    assert [results.get(timeout=240) for _ in openers] == [1] * 4
    for opener in openers:
        opener.join(240)
    assert [opener.exitcode for opener in openers] == [0] * 4
    assert content(tmp_path / "log.v1.sqlite") == before
    assert not list(tmp_path.glob("log.v1-*"))


def test_a_log_that_is_up_to_date_is_not_copied(tmp_path):
    for _ in range(2):
        Store(tmp_path / "log.sqlite").close()
    assert [path.name for path in tmp_path.iterdir()] == ["log.sqlite"]


# --- the steps -------------------------------------------------------------------------------------------


def test_an_older_log_ends_with_the_tables_of_a_new_one(old, tmp_path):
    Store(old).close()
    Store(tmp_path / "new.sqlite").close()
    assert tables(f"sqlite:///{old}") == tables(f"sqlite:///{tmp_path / 'new.sqlite'}")


def test_on_a_server_too(old, postgres, postgres_cluster):
    new = postgres_cluster.address(postgres_cluster.make_database())
    Store(new).close()
    tables_only = [part for part in VERSIONS[1].split(";\n") if part.startswith("CREATE")]
    restore_on_server(postgres, ";\n".join(tables_only), old)
    Store(postgres).close()
    assert version(postgres) == NEWEST
    assert tables(postgres) == tables(new)


# --- a server's log while others work on it --------------------------------------------------------------


@pytest.fixture
def team(postgres, clock):
    """The address of a log on a server, and somebody to be heard of in it."""
    Store(postgres).close()
    engine = sqlalchemy.create_engine(postgres)

    def heard(**columns):
        somebody = {"owner": "other", "host": "ana-laptop 01-23 pid:[1]", "pid": 4242, "born_at": 0.0}
        row = {**somebody, "beat_at": int(clock.now * 1e6), **columns}
        with engine.begin() as connection:
            connection.execute(kernels.delete())
            connection.execute(kernels.insert().values(row))

    yield postgres, heard
    engine.dispose()


def test_a_server_log_waits_for_kernels_of_an_older_version(team, clock, tomorrow):
    address, heard = team
    heard(version=NEWEST)
    tomorrow()
    with pytest.raises(sw.LogError) as caught:
        Store(address, clock=clock)
    for words in (
        f"of version {NEWEST} and has to be brought to version {NEWEST + 1}",
        "process 4242 on ana-laptop, heard of at 2027-01-15 08:00:00 UTC",
        "The log is unchanged",
    ):
        assert words in str(caught.value)
    assert version(address) == NEWEST
    clock.pass_(50)
    with pytest.raises(sw.LogError, match="process 4242"):
        Store(address, clock=clock)
    clock.pass_(11)
    Store(address, clock=clock).close()
    assert version(address) == NEWEST + 1


def test_a_kernel_that_does_not_say_its_version_is_an_old_one(team, clock, tomorrow):
    address, heard = team
    heard(version=None)
    tomorrow()
    with pytest.raises(sw.LogError, match="process 4242 on ana-laptop"):
        Store(address, clock=clock)


def test_a_kernel_that_has_ended_on_this_machine_does_not_count(team, clock, tomorrow):
    address, heard = team
    heard(version=NEWEST, host=this_process().host, pid=os.getpid(), born_at=1.0)
    tomorrow()
    Store(address, clock=clock).close()
    assert version(address) == NEWEST + 1


def test_kernels_say_which_version_they_write(tmp_path):
    store = Store(tmp_path / "log.sqlite")
    Leases(store).beat()
    with store.read() as connection:
        assert connection.execute(sqlalchemy.select(kernels.c.version)).scalars().all() == [NEWEST]
    store.close()


# --- a kernel that runs on while another brings its log up to date -----------------------------------------


@pytest.fixture
def service():
    simulator = Recording(speed=8)
    with simulator.serve() as simulator.url:
        yield simulator
    simulator.close()


def test_a_running_kernel_writes_nothing_to_a_log_that_a_newer_one_took_over(tmp_path, service):
    home = tmp_path / "runs"
    with Process("outlive", home, service.url) as older:
        key = older.hear()
        with Process("resume", home, service.url, newer=True) as newer:
            assert newer.hear() == "ready"
            assert version(home / f"log.v{NEWEST}.sqlite") == NEWEST
            older.tell()
            refusal = older.hear()
            for words in (
                f"version {NEWEST + 1} by a newer",
                "Nothing is lost",
                "Restart this kernel",
                "resume()",
            ):
                assert words in refusal
            # nor is it told that its task goes on, but why nothing more is known of it here
            assert older.hear() in ("queued", "running")
            # what it had sent is the newer one's, at once or when the older one is no longer heard of
            newer.tell()
            assert newer.hear()["taken"] == [key]
            assert newer.hear() == {key: "succeeded"}
            older.tell()
            assert older.ends() == 0
    assert len(service.creates()) == 1
    with Process("resume", home, service.url) as third:
        assert third.ends() == 1
        assert f"is of version {NEWEST + 1}, this package knows {NEWEST}" in third.errors()
    [row] = rows_of(home)
    assert (row["key"], row["file"]) == (key, "saved")
    assert is_whole(home, row)


def test_a_server_log_waits_for_a_running_kernel_of_an_older_version(tmp_path, service, postgres):
    with Process("outlive", tmp_path / "older", service.url, log=postgres) as older:
        keys = [older.hear()]
        with Process("resume", tmp_path / "newer", service.url, log=postgres, newer=True) as newer:
            assert newer.ends() == 1
            said = newer.errors()
        assert f"process {older.pid} on {socket.gethostname()}" in said
        assert version(postgres) == NEWEST
        older.tell()
        keys.append(older.hear())  # it works on
        older.tell()
        assert older.ends() == 0
    with Process("resume", tmp_path / "newer", service.url, log=postgres, newer=True) as newer:
        assert newer.hear() == "ready"
        assert version(postgres) == NEWEST + 1
        newer.tell()
        assert newer.hear()["taken"] == keys


def test_what_a_newer_version_renamed_cannot_be_read_and_the_error_says_so(tmp_path):
    store = Store(tmp_path / "log.sqlite")
    with contextlib.closing(sqlite3.connect(tmp_path / "log.sqlite")) as newer:
        newer.executescript("ALTER TABLE tasks RENAME COLUMN remark TO remarks; UPDATE meta SET value = '99'")
    with pytest.raises(sw.LogError, match="brought to version 99 by a newer"):
        Log(store, tmp_path).to_pandas()
    store.close()


def test_an_older_log_put_in_the_place_of_one_in_use_is_told_apart(tmp_path):
    store = Store(tmp_path / "log.sqlite")
    with store.write() as connection:
        connection.exec_driver_sql("UPDATE meta SET value = '1'")
    with pytest.raises(sw.LogError, match="was replaced by one of version 1"), store.write():
        pass
    store.close()
