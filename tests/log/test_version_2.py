"""A home of version 2 opens today: every row and result as it was, nothing made again, what was unfinished goes on."""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
import time

import pytest
import sqlalchemy
import version_2
from older_logs import restore_on_server
from processes import Recording
from stage import Ticking

import seedance_widgets as sw
from seedance_widgets.log.migrations import newest_version
from seedance_widgets.log.store import Store

EXPECTED = json.loads((version_2.FOLDER / "expected.json").read_text("utf-8"))
NOW = EXPECTED.pop("now")
TASKS = EXPECTED["tasks"]["values"]
KEYS = dict(zip(TASKS["prompt"], TASKS["key"], strict=True))  # of prompts that are there once, the key
LATER = 6 * 3600  # seconds by which the service is done with what it had then


@pytest.fixture
def home(tmp_path):
    return version_2.restore(tmp_path)


@pytest.fixture
def service(home):
    """What the home's tasks are at, some hours later, with every create counted."""
    clock = Ticking()
    clock.pass_(NOW + LATER - time.time())
    simulator = Recording(
        speed=500,
        state=home / "simulator.sqlite",
        clock=clock,
    )
    yield simulator
    simulator.close()


@pytest.fixture
def studio(home, service):
    with sw.Studio(home, simulate=service, clock=service.clock) as studio:
        yield studio


def rows_of(address):
    """Every row of every table, as it is stored."""
    engine = sqlalchemy.create_engine(address)
    tables = sqlalchemy.MetaData()
    tables.reflect(engine)
    with engine.connect() as connection:
        found = {
            name: [dict(row) for row in connection.execute(sqlalchemy.select(table)).mappings()]
            for name, table in tables.tables.items()
        }
    engine.dispose()
    return found


# the kit's own words of then
RENAMED_IN_FRAMES, RENAMED_IN_ROWS = {"note": "remark"}, {"note": "trouble"}


def of_then(told, then):
    """What is told today without what nobody told then: columns that came later."""
    if isinstance(then, dict):
        return {name: of_then(told[RENAMED_IN_FRAMES.get(name, name)], value) for name, value in then.items()}
    if isinstance(then, list):
        return [of_then(*pair) for pair in zip(told, then, strict=True)]
    return pytest.approx(told) if isinstance(told, float) else told  # sums may be added up in another order


def test_everything_reads_as_it_did(home):
    assert of_then(version_2.read(home, NOW), EXPECTED) == EXPECTED


@pytest.fixture
def server_log(home, postgres):
    """The address of the same log on a server; there is none in the home."""
    tables = (version_2.FOLDER / "tables.postgresql.sql").read_text("utf-8")
    restore_on_server(postgres, tables, home / "log.sqlite")
    (home / "log.sqlite").unlink()
    return postgres


def test_everything_reads_as_it_did_from_a_server(home, server_log):
    before = rows_of(server_log)
    assert of_then(version_2.read(home, NOW, log=server_log), EXPECTED) == EXPECTED
    check_nothing_is_lost(before, rows_of(server_log))


def test_a_server_log_waits_for_its_kernels_of_version_2(server_log):
    before = rows_of(server_log)
    last_heard = max(kernel["beat_at"] for kernel in before["kernels"]) / 1e6
    with pytest.raises(sw.LogError, match="process 4242 on a-laptop, heard of at 20") as caught:
        Store(server_log, clock=lambda: last_heard + 10)
    assert f"of version 2 and has to be brought to version {newest_version()}" in str(caught.value)
    assert rows_of(server_log) == before
    Store(server_log, clock=lambda: last_heard + 61).close()
    check_nothing_is_lost(before, rows_of(server_log))


def test_no_stored_row_changes_and_the_log_of_then_is_kept(home):
    before = rows_of(f"sqlite:///{home / 'log.sqlite'}")
    version_2.read(home, NOW)
    check_nothing_is_lost(before, rows_of(f"sqlite:///{home / 'log.sqlite'}"))
    assert rows_of(f"sqlite:///{home / 'log.v2.sqlite'}") == before


def check_nothing_is_lost(before, after):
    assert before["meta"] == [{"name": "version", "value": "2"}]
    assert after["meta"] == [{"name": "version", "value": str(newest_version())}]
    for name in before.keys() - {"meta"}:
        rows = (
            after[name][: len(before[name])] if name == "looks" else after[name]
        )  # to read results is logged
        for row, then in zip(rows, before[name], strict=True):
            assert {column: row[RENAMED_IN_ROWS.get(column, column)] for column in then} == then


def test_every_file_is_where_its_row_says(studio):
    rows = [row for row in studio.log.to_pandas().itertuples() if row.file == "saved"]
    assert len(rows) > 20
    for row in rows:
        task = sw.run(studio.task(row.Index))
        assert hashlib.sha256(task.video_path.read_bytes()).hexdigest() == row.sha256
        assert task.poster_path.read_bytes().startswith(b"\xff\xd8")
        assert "succeeded" in task._repr_html_()


async def test_a_chain_and_a_study_that_are_called_again_find_their_clips(studio, service):
    # neither names a model, and the default of then is retired
    assert studio.defaults.model == "dreamina-seedance-2-0-mini"
    await check_nothing_is_made_again(studio, service)


@pytest.mark.parametrize("own", ["seedance-1-0-pro", "seedance-2.5", "seedance-1-5-pro"])
async def test_they_find_their_clips_where_the_home_has_a_default_of_its_own(home, service, own):
    with sw.Studio(home, simulate=service, clock=service.clock, defaults={"model": own}) as studio:
        await check_nothing_is_made_again(studio, service)


async def test_a_model_that_is_named_is_another_chain_and_another_study(studio, service):
    named = {"model": "seedance-1-0-pro", "resolution": "480p", "duration": 2}
    links = await studio.chain(version_2.CHAIN[:1], **named)
    assert links[0].key not in TASKS["key"]
    assert len(service.creates()) == 1
    with pytest.raises(sw.InvalidStudy, match="model"):
        studio.study("fox", **version_2.STUDY, model="seedance-1-0-pro")


async def check_nothing_is_made_again(studio, service):
    before = studio.log.to_pandas()
    links = await studio.chain(version_2.CHAIN)
    assert [task.key for task in links] == [KEYS[prompt] for prompt in version_2.CHAIN]
    for name, definition in (("fox", version_2.STUDY), ("sound", version_2.REVEALED)):
        assert (await studio.study(name, **definition).run(progress=False)).complete
    assert service.creates() == []
    assert studio.log.to_pandas().equals(before)


async def test_a_final_that_is_there_is_not_made_again(studio, service):
    final = before = studio.log.to_pandas().query("kind == 'final'")
    draft = await studio.task(final["parent_key"].iloc[0])
    assert (await studio.promote(draft, "480p")).key == before.index[0]
    assert service.creates() == []


async def test_a_study_that_was_judged_in_part_is_judged_on(studio):
    study = studio.study("fox", **version_2.STUDY)
    trial = study.next_trial("ben")
    assert trial.id == EXPECTED["sealed"]["trials"]["ben"][1]
    study.vote(trial.id, "ben", "right", seconds=1.0)
    assert study.next_trial("ben") is None
    assert len(study.votes) == 4
    study.reveal()
    assert study.results()["votes"].tolist() == [4]


async def test_what_was_unfinished_goes_on(studio, service):
    for _ in range(2):  # by a second look it is known how long ago the first one was
        for task in await studio.resume():
            with contextlib.suppress(sw.SeedanceError):
                await task
        service.clock.pass_(130)
    # its seed is a person's own, which others may have sent, too
    (candidates,) = studio.log.unknown()["candidates"]
    await (await studio.task(KEYS["It may be another"])).adopt(candidates[0])
    await (await studio.task(KEYS["It may be another"]))
    rows = studio.log.to_pandas()
    ends = {
        "Running": ("succeeded", "saved"),
        "Queued": ("succeeded", "saved"),
        "Its clip is not saved yet": ("succeeded", "saved"),
        "Its clip is lost": ("succeeded", "expired"),
        "The answer was lost": ("succeeded", "saved"),
        "Its kernel was killed after the create": ("succeeded", "saved"),
        "Its kernel was killed before the create": ("not_created", "none"),
        "It may be another": ("succeeded", "saved"),
    }
    assert {prompt: tuple(rows.loc[KEYS[prompt], ["status", "file"]]) for prompt in ends} == ends
    untouched = [key for prompt, key in KEYS.items() if prompt not in ends]
    before = dict(zip(TASKS["key"], TASKS["status"], strict=True))
    assert rows.loc[untouched, "status"].to_dict() == {key: before[key] for key in untouched}
    assert service.creates() == []


async def test_new_work_goes_on_beside_the_old(studio):
    task = await studio.generate("a cat", model="seedance-1-0-pro-fast", resolution="480p", duration=2)
    await task.judge("star")
    lost = await studio.task(KEYS["Never sent"])
    again = await lost.resend()
    await again
    assert studio.log.to_pandas().index.tolist() == [*TASKS["key"], task.key, again.key]
    assert studio.log.verdicts().index[-1] == task.key


def test_the_simulator_of_then_knows_its_tasks(home, service):
    with contextlib.closing(sqlite3.connect(home / "simulator.sqlite")) as state:
        (count,) = state.execute("SELECT count(*) FROM tasks").fetchone()
    assert len(service.tasks()) == count > 30
