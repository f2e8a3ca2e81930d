"""A row's columns are said once: the table, its changes and what the type check knows of it agree."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from dataclasses import FrozenInstanceError, fields, replace
from pathlib import Path
from typing import get_type_hints

import pandas as pd
import pytest
from sqlalchemy import select
from task_rows import task_row

from seedance_widgets.log.row import FileState, RowChanges, Status, TaskRow
from seedance_widgets.log.schema import tasks
from seedance_widgets.log.store import Store

ROOT = Path(__file__).parents[2]
# which task it is: said when the row is begun, and never changed
IDENTITY = {"key", "simulated", "intent_at"}
TWO_LINES = """
from seedance_widgets.log.row import TaskRow

def right(row: TaskRow) -> object: return row.status
def wrong(row: TaskRow) -> object: return row.statsu
"""


def test_the_type_check_finds_a_misspelt_column(tmp_path):
    path = tmp_path / "two_lines.py"
    path.write_text(TWO_LINES)
    check = [sys.executable, "-m", "mypy", "--no-error-summary", str(path)]
    told = subprocess.run(check, cwd=ROOT, capture_output=True, text=True, check=False).stdout.splitlines()
    assert len(told) == 1
    assert 'two_lines.py:5: error: "TaskRow" has no attribute "statsu"' in told[0]


def test_changes_are_of_a_rows_columns_and_of_their_types():
    columns = get_type_hints(TaskRow)
    assert get_type_hints(RowChanges) == {
        name: kind for name, kind in columns.items() if name not in IDENTITY
    }


def test_the_table_has_a_rows_columns_in_their_order():
    assert [column.name for column in tasks.columns] == [each.name for each in fields(TaskRow)]


def test_a_column_may_be_absent_where_its_type_says_so():
    # their columns were made without the promise, and are filled in all the same
    late = {"created_at", "intent_at"}
    may_be_none = {
        name: type(None) in getattr(kind, "__args__", ()) for name, kind in get_type_hints(TaskRow).items()
    }
    assert {column.name: column.nullable for column in tasks.columns if column.name not in late} == {
        name: may for name, may in may_be_none.items() if name not in late
    }


def test_a_row_is_read_as_it_was_written(tmp_path):
    row = task_row(status="succeeded", file="saved", prompt="a fox", simulated=True, usd=0.5, revision=3)
    store = Store(tmp_path / "log.sqlite")
    with store.write() as connection:
        connection.execute(tasks.insert(), row.to_dict())
        read = TaskRow.read(connection.execute(select(tasks)).one())
    store.close()
    assert read == row
    assert (read.status, read.file) == (Status.SUCCEEDED, FileState.SAVED)
    assert read.status is Status.SUCCEEDED
    assert read.simulated is True


def test_news_make_another_row():
    row = task_row()
    newer = replace(row, file=FileState.FAILED)
    assert (row.file, newer.file) == (FileState.NONE, FileState.FAILED)
    assert row.with_changes({"file": FileState.FAILED}) == newer
    with pytest.raises(FrozenInstanceError):
        row.file = FileState.SAVED


def test_people_are_given_plain_values():
    given = task_row(status="not_created").to_dict()
    assert [*given] == [each.name for each in fields(TaskRow)]
    assert {type(value) for value in given.values()} == {str, int, float, bool, type(None)}
    assert json.loads(json.dumps(given)) == given


def test_a_status_is_its_word():
    status = pickle.loads(pickle.dumps(task_row(status="running"))).status
    assert (f"{status}", str(status), json.dumps([status])) == ("running", "running", '["running"]')
    assert pd.Series([status], dtype="string").tolist() == ["running"]
    assert status == "running"
