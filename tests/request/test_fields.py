"""The table of fields: it agrees with what stands beside it, and a new parameter is one row of it."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import made_up_parameter
import pytest

import seedance_widgets as sw
from seedance_widgets.catalog.model import Model
from seedance_widgets.log.row import RowChanges, TaskRow
from seedance_widgets.request.fields import FIELDS, MEDIA, PARAMETERS
from seedance_widgets.request.names import plain_name

PACKAGE = Path(sw.__file__).parent


def test_the_documentation_of_a_request_names_every_field():
    described = sw.TaskRequest.__doc__.partition("Raises")[0]
    assert [name for name in FIELDS if name not in described] == []


def test_the_log_has_the_columns_that_the_table_says():
    logged = [name for name, row in PARAMETERS.items() if row.logged] + [row.name for row in MEDIA]
    columns = {each.name for each in dataclasses.fields(TaskRow)} & set(RowChanges.__annotations__)
    assert [name for name in logged if name not in columns] == []


def test_the_catalog_has_the_attributes_that_the_table_says():
    says = {each.name for each in dataclasses.fields(Model)}
    named = [row.catalog or name for name, row in PARAMETERS.items() if row.catalog or row.lacking]
    assert [name for name in named if name not in says] == []


def test_every_parameter_has_one_place_in_the_form_and_a_label():
    for part in ("main", "more"):
        places = sorted(place for row in PARAMETERS.values() if (place := getattr(row, part)))
        assert places == list(range(1, len(places) + 1))
    for row in PARAMETERS.values():
        assert bool(row.main) != bool(row.more), row
    labels = [row.label for row in PARAMETERS.values()]
    assert all(labels)
    assert len(set(labels)) == len(labels)


def test_a_name_of_elsewhere_means_one_field():
    seen = {}
    for row in FIELDS.values():
        for name in (row.name, *row.flags, *row.aliases.split()):
            assert seen.setdefault(plain_name(name), row.name) == row.name, name


# --- a made-up parameter ------------------------------------------------------------------------------------

# All that is written for two of them: where, before which line, and what. The table's rows come first; then which
# models take them, and the log's column of the one that has one.
WRITTEN = (
    ("request/fields.py", "    generate_audio: ", """
    sparkle: bool | None = _row(
        Kind.FLAG, "Sparkle", more=12, flags=("sparkle",), answered=True, logged=True)
    container: str | None = _row(Kind.CHOICE, "Container", more=13)
"""),
    ("catalog/model.py", "    audio: bool = False", """
    sparkle: tuple[str, ...] = ()
    container: tuple[str, ...] = ()
"""),
    ("catalog/catalog.toml", 'name = "seedance-1-5-pro"', """
sparkle = ["text"]
container = ["mp4", "mov"]
"""),
    ("log/row.py", "    generate_audio: Flag = None", "\n    sparkle: Flag = None\n"),
    ("log/row.py", "    generate_audio: bool | None", "\n    sparkle: bool | None\n"),
)  # fmt: skip


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What a copy of the package does with two parameters that are written into it, and nothing else changed."""
    folder = tmp_path_factory.mktemp("made_up")
    copy = shutil.copytree(PACKAGE, folder / "seedance_widgets", ignore=shutil.ignore_patterns("__pycache__"))
    for name, before, lines in WRITTEN:
        text = (copy / name).read_text("utf-8")
        assert text.count(f"\n{before}") == 1, (name, before)
        (copy / name).write_text(text.replace(f"\n{before}", f"{lines}{before}"), "utf-8")
    done = subprocess.run(
        [sys.executable, made_up_parameter.__file__],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(folder)}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["file"] == str(copy / "__init__.py")
    return result


def test_it_is_read_and_checked(found):
    assert "sparkle=True, container='mov'" in found["request"]
    assert found["flag"] is True
    assert found["wrong"] == {
        "sparkle": ["must be true or false", None],
        "container": ["seedance-1-5-pro takes mp4 or mov", "mov"],
    }
    assert found["another model"] == {
        "sparkle": ["seedance-1-0-pro takes no sparkle", None],
        "container": ["seedance-1-0-pro takes no container", None],
    }
    assert found["another mode"] == {"sparkle": ["seedance-1-5-pro takes no sparkle with first frame", None]}
    assert found["misspelt"]["sparkel"][1] == "sparkle"
    assert found["options"] == ["--container", "--no-sparkle", "--sparkle"]


def test_it_is_sent_and_read_back(found):
    assert (found["body"]["sparkle"], found["body"]["container"]) == (True, "mov")
    assert found["read back"] == found["body"]


def test_it_is_answered_and_logged(found):
    assert found["answer"]["sparkle"] is True
    assert "container" not in found["answer"]
    assert found["log"] == [True, False]
    assert found["adopted"] == [True]


def test_it_is_shown(found):
    assert found["captions"] == [[{"name": "sparkle", "text": "yes"}], [{"name": "sparkle", "text": "no"}]]
    assert found["diff"] == {"sparkle": [True, False], "container": ["mov", None]}
    assert "            sparkle=True,\n            container='mov',\n" in found["code"]
    assert found["labels"] == ["Sparkle", "Container"]
    assert (found["form"]["sparkle"], found["form"]["container"]) == (True, "mov")
