"""The log as a file and back, the view for SQL, and the log as one looks at it in a cell."""

from __future__ import annotations

import datetime as dt
import sqlite3
import sys
import zipfile

import pandas as pd
import pytest
from hostile import TEXTS
from sqlalchemy import text

import seedance_widgets as sw
from seedance_widgets.log import Log
from seedance_widgets.log.row_mapping import Order
from seedance_widgets.log.store import Store

FORMULAS = ["=1+1", "+1", "-2", "@SUM(A1)", "\t=1", "\r=1", "'=1", "''", "'", "=cmd|' /C calc'!A0"]
TRICKY = [
    *FORMULAS, "NA", "nan", "None", "null", "true", "1.50", "007", " a ", "a,b;c", 'a "b" c', "line\nline\r\nline",
    "_x0041_", "emoji 🦊", "bell \x07", "ends with \\", "2026-11-27", "1e5",
]  # fmt: skip
WRITE = {"parquet": Log.to_parquet, "csv": Log.to_csv, "xlsx": Log.to_excel}


@pytest.fixture
def log(tmp_path):
    """A log of odd texts, numbers and absent values."""
    from seedance_widgets.log.journal import Journal

    store = Store(tmp_path / "log.sqlite")
    journal = Journal(store)
    log = Log(store, tmp_path)
    keys = []
    for number, prompt in enumerate([*TRICKY, *(each for each in TEXTS.values() if each.strip())]):
        request = sw.TaskRequest(prompt, model="seedance-1-5-pro", seed=(1 << 32) - 1 - number)
        tags = {"campaign": prompt[:40] or "x", "empty": ""} if number % 3 == 0 else {}
        keys.append(journal.begin_all([Order(sw.estimate(request), tags=tags)])[0].key)
    for number, key in enumerate(keys):
        if number % 4 == 0:
            log.metric(key, clip_score=0.1 + number / 3)
        if number % 5 == 0:
            log.note(key, TRICKY[number % len(TRICKY)])
        if number % 6 == 0:
            journal.not_created(key, "no network")
    yield log
    store.close()


@pytest.mark.parametrize("kind", WRITE)
def test_a_log_is_read_back_as_it_was(log, tmp_path, kind):
    frame = log.to_pandas()
    path = WRITE[kind](log, tmp_path / f"log.{kind}")
    assert path == tmp_path / f"log.{kind}"
    again = sw.read_log(str(path))
    pd.testing.assert_frame_equal(again, frame)
    assert [str(kind) for kind in again.dtypes] == [str(kind) for kind in frame.dtypes]
    assert not list(tmp_path.glob(".*part*"))


@pytest.mark.parametrize("kind", WRITE)
def test_a_part_of_a_log_is_written_and_read(log, tmp_path, kind):
    choice = {"where": {"status": "not_created"}, "columns": ["prompt", "tags.campaign", "created_at", "usd"]}
    path = WRITE[kind](log, tmp_path / f"part.{kind}", **choice)
    pd.testing.assert_frame_equal(sw.read_log(path), log.to_pandas(**choice))


@pytest.mark.parametrize("kind", WRITE)
def test_an_empty_log_is_read_back(tmp_path, kind):
    store = Store(tmp_path / "log.sqlite")
    log = Log(store, tmp_path)
    pd.testing.assert_frame_equal(sw.read_log(WRITE[kind](log, tmp_path / f"log.{kind}")), log.to_pandas())
    store.close()


def test_no_cell_is_a_formula(log, tmp_path):
    with zipfile.ZipFile(log.to_excel(tmp_path / "log.xlsx")) as book:
        assert b"<f>" not in book.read("xl/worksheets/sheet1.xml")
    cells = pd.read_csv(log.to_csv(tmp_path / "log.csv"), dtype="string", keep_default_na=False)
    for name in ("prompt", "note", "tags.campaign"):
        assert not cells[name].str.startswith(("=", "+", "-", "@", "\t", "\r")).any()


def test_what_does_not_fit_in_a_cell_is_said_and_the_file_stays(tmp_path, log):
    path = tmp_path / "log.xlsx"
    path.write_bytes(b"of yesterday")
    log.note(log.to_pandas().index[3], "long " * 10_000)
    with pytest.raises(sw.LogError, match=r"note of .* is longer than the 32,767 letters.*to_parquet"):
        log.to_excel(path)
    assert path.read_bytes() == b"of yesterday"
    with pytest.raises(sw.LogError, match="was not written"):
        log.to_csv(tmp_path / "nowhere" / "log.csv")


def test_without_the_extra_it_says_what_to_install(tmp_path, log, monkeypatch):
    for name in ("openpyxl", "openpyxl.utils.escape"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(sw.LogError, match=r"pip install 'seedance-widgets\[tables\]'"):
        log.to_excel(tmp_path / "log.xlsx")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("log.txt", b"", "is no .parquet, .csv or .xlsx"),
        ("gone.csv", None, "is not there"),
        ("log.csv", b"a,b\n1,2\n", 'no column "key"'),
        ("log.parquet", b"PAR1 not really", "cannot be read"),
        ("log.xlsx", b"no zip", "cannot be read"),
        ("log.csv", b"", "cannot be read"),
    ],
)
def test_what_is_no_log_is_refused(tmp_path, name, content, said):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(sw.InvalidRequest, match=said):
        sw.read_log(tmp_path / name)


# --- SQL -------------------------------------------------------------------------------------------------


def test_the_view_has_the_columns_with_times_as_times(log, tmp_path):
    connection = sqlite3.connect(tmp_path / "log.sqlite")
    frame = pd.read_sql_query("SELECT * FROM log ORDER BY created_at, key", connection)
    connection.close()
    wanted = log.to_pandas()
    assert frame["key"].to_list() == list(wanted.index)
    assert frame["prompt"].to_list() == wanted["prompt"].to_list()
    told = pd.to_datetime(frame["created_at"], format="ISO8601", utc=True)
    assert (told.to_numpy() == wanted["created_at"].to_numpy()).all()
    assert frame["finished_at"].isna().to_list() == wanted["finished_at"].isna().to_list()


def test_the_view_is_there_on_postgresql(postgres):
    from seedance_widgets.log.journal import Journal

    store = Store(postgres)
    row = Journal(store, clock=lambda: 1_800_000_000.25).begin(sw.estimate("a fox"), stored={}).row
    with store.read() as connection:
        told = connection.execute(text("SELECT key, created_at FROM log")).one()
    store.close()
    assert tuple(told) == (row.key, dt.datetime(2027, 1, 15, 8, 0, 0, 250_000, tzinfo=dt.UTC))


# --- in a cell -------------------------------------------------------------------------------------------


def test_a_log_iterates_over_its_rows(log):
    rows = list(log)
    assert [row["prompt"] for row in rows] == log.to_pandas()["prompt"].to_list()
    assert rows[0]["tokens"] is None
    assert {"key", "tags.campaign", "metrics.clip_score", "created_at"} <= rows[0].keys()


def test_a_log_in_a_cell_is_a_short_table(log):
    frame = log.to_pandas()
    html = log._repr_html_()
    assert html.partition("<tbody>")[2].count("<tr>") == 20
    assert f"The newest 20 of {len(frame)} tasks" in html
    newest, oldest = frame.index[-1], frame.index[0]
    assert newest in html
    assert oldest not in html
    assert "<script" not in html


def test_since_goes_by_the_logs_own_clock(tmp_path):
    from seedance_widgets.log.journal import Journal

    moment = [1_800_000_000.0]
    store = Store(tmp_path / "log.sqlite")
    journal, log = Journal(store, clock=lambda: moment[0]), Log(store, tmp_path, clock=lambda: moment[0])
    for _ in range(3):
        journal.begin(sw.estimate("a fox"), stored={})
        moment[0] += 3600
    assert len(log.to_pandas(since=dt.timedelta(hours=2))) == 2
    store.close()
