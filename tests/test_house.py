"""The rooms of the package: how many a stranger meets, and that imports run one way through them."""

from pathlib import Path

import import_graph

import seedance_widgets

PACKAGE = Path(seedance_widgets.__file__).parent
# where a room that stands before another names it all the same, and what for
DOORS = {
    ("errors", "task.task"): "an error's .task",
    ("log", "task.task"): "Log's methods take tasks",
    ("log", "drafts.economics"): "Log.reprice",
    ("log", "drafts.economics.repricing"): "Log.reprice",
    ("studio", "batch.batch"): "Studio.batch",
    ("batch.batch", "widgets.gallery"): "Batch.gallery",
    ("studio", "study.study"): "Studio.study",
}


def found():
    return import_graph.imports(PACKAGE) - DOORS.keys()


def test_a_stranger_meets_few_modules_and_folders():
    assert len(list(PACKAGE.glob("*.py"))) <= 14
    assert len(list(PACKAGE.glob("*/__init__.py"))) <= 18


def test_no_modules_import_each_other():
    assert import_graph.circles(found()) == []


def test_imports_run_one_way_through_the_rooms():
    assert sorted(import_graph.upward(found())) == []


def test_every_door_is_in_use():
    assert DOORS.keys() - import_graph.imports(PACKAGE) == set()
