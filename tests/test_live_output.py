"""Outputs that are drawn anew: one thread draws what has changed, in turn, and waits for nobody's sake."""

from __future__ import annotations

import asyncio
import logging
import threading

import pytest

from seedance_widgets.live_output import LiveOutput


class Counter:
    """Something that changes: shown as its name and a number."""

    def __init__(self, name: str = "count") -> None:
        self.name, self.number, self.fault = name, 0, None
        self.output = LiveOutput(self._picture)

    def _picture(self):
        if self.fault:
            raise self.fault
        text = f"{self.name} {self.number}"
        return {"text/plain": text, "text/html": f"<b>{text}</b>"}

    def change(self) -> None:
        self.number += 1
        self.output.redraw()


class Gate:
    """Holds up the thread that draws, until it is opened."""

    def __init__(self) -> None:
        self._reached, self._opened, self._is_first = threading.Event(), threading.Event(), True
        self._output = LiveOutput(self._picture)
        self._output.show()

    def _picture(self):
        if not self._is_first:
            self._reached.set()
            assert self._opened.wait(30)
        self._is_first = False
        return {"text/plain": "gate", "text/html": "gate"}

    def close(self) -> None:
        assert self._reached.wait(30)  # what it was shown with is looked at once more

    def open(self) -> None:
        self._opened.set()


def anew(notebook):
    """The texts that took the place of others, in the order they were drawn."""
    return [drawing.bundle["text/plain"] for drawing in notebook.drawings if drawing.anew]


def test_a_change_is_drawn_in_its_place_by_a_thread_of_its_own(notebook):
    counter = Counter()
    counter.output.show()
    counter.output.show()
    counter.change()
    notebook.wait_for("count 1")
    counter.change()
    notebook.wait_for("count 2")
    marker = Counter("marker")
    marker.output.show()
    marker.change()  # drawn after what was changed before
    notebook.wait_for("marker 1")
    assert notebook.texts == ["count 2", "count 2", "marker 1"]
    assert {d.thread for d in notebook.drawings if not d.anew} == {threading.current_thread()}
    drawn_by = {d.thread for d in notebook.drawings if d.anew}
    assert [thread.name for thread in drawn_by] == ["seedance-drawing"]
    assert all(thread.daemon for thread in drawn_by)
    assert notebook.drawings[-1].bundle["text/html"] == "<b>marker 1</b>"


def test_what_has_not_changed_is_not_drawn(notebook):
    still, moving = Counter("still"), Counter("moving")
    still.output.show()
    moving.output.show()
    for _ in range(3):
        still.output.redraw()
    moving.change()
    notebook.wait_for("moving 1")
    assert anew(notebook) == ["moving 1"]


def test_each_is_drawn_in_its_turn_and_as_it_is_by_then(notebook):
    counters = [Counter(f"counter {n}:") for n in range(12)]
    for counter in counters:
        counter.output.show()
    gate = Gate()
    gate.close()
    for _ in range(5):
        for counter in counters:
            counter.change()
    gate.open()
    notebook.wait_for("counter 11: 5")
    assert anew(notebook) == [f"counter {n}: 5" for n in range(12)]


async def test_what_a_cell_waits_for_is_drawn_before_a_long_queue(notebook):
    counters = [Counter(f"counter {n}:") for n in range(40)]
    last = Counter("last")
    for each in (*counters, last):
        each.output.show()
    gate = Gate()
    gate.close()
    for counter in counters:
        counter.change()
    finishing = asyncio.ensure_future(last.output.finish())
    await asyncio.sleep(0)
    gate.open()
    await finishing
    # once more though nothing has changed: an earlier drawing may have been dropped
    assert "last 0" in anew(notebook)
    assert anew(notebook).index("last 0") < len(counters) / 2
    last.change()
    counters[-1].change()
    await asyncio.to_thread(notebook.wait_for, "counter 39: 2")
    assert notebook.texts[40] == "last 0", "what is finished is drawn no more"


async def test_what_cannot_be_drawn_stops_nobody(notebook, caplog):
    caplog.set_level(logging.DEBUG, "seedance_widgets")
    broken, gone, whole = Counter("broken"), Counter("gone"), Counter("whole")
    for each in (broken, gone, whole):
        each.output.show()
    broken.fault = ZeroDivisionError("no picture")
    for each in (broken, whole):
        each.change()
    await asyncio.to_thread(notebook.wait_for, "whole 1")
    await broken.output.finish()
    notebook.is_gone = True
    gone.change()
    await gone.output.finish()
    assert {record.levelname for record in caplog.records} == {"DEBUG"}
    assert {record.exc_info[0] for record in caplog.records} == {ZeroDivisionError, ConnectionError}


async def test_a_terminal_is_told_once(capsys):
    counter = Counter()
    counter.output.show()
    counter.change()
    await counter.output.finish()
    assert capsys.readouterr().out == "count 0\n"


def test_an_output_that_will_not_change_is_let_be(notebook):
    ended, marker = Counter("ended"), Counter("marker")
    ended.output.show(live=False)
    marker.output.show()
    ended.change()
    marker.change()
    notebook.wait_for("marker 1")
    assert notebook.texts == ["ended 0", "marker 1"]


@pytest.mark.parametrize("count", [3])
def test_the_newest_places_are_kept_up_to_date(notebook, count):
    counter = Counter()
    for _ in range(8 + count):
        counter.output.show()
    counter.change()
    notebook.wait_for("count 1")
    marker = Counter("marker")
    marker.output.show()
    marker.change()
    notebook.wait_for("marker 1")
    assert notebook.texts[:-1] == ["count 0"] * count + ["count 1"] * 8
