"""A task's card: drawn without a question to the log, with the money that was published, and never raising."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from collections import Counter

import pytest
from html_tags import Tags
from sqlalchemy import event
from sqlalchemy.engine import Engine

import seedance_widgets as sw
from seedance_widgets.background_loop import engine

SMALL = {"model": "seedance-1-0-pro", "resolution": "480p", "ratio": "1:1", "frames": 29}


@pytest.fixture
def queries():
    """How many queries each thread has made by now, by the thread's name."""
    made = Counter()

    def count(*_):
        made[threading.current_thread().name] += 1

    event.listen(Engine, "before_cursor_execute", count)
    yield made
    event.remove(Engine, "before_cursor_execute", count)


def change(studio, task, **columns):
    """Change a row behind everybody's back."""
    with sqlite3.connect(studio.home / "log.sqlite") as log:
        names = ", ".join(f"{name} = ?" for name in columns)
        log.execute(f"UPDATE tasks SET {names} WHERE key = ?", [*columns.values(), task.key])
    log.close()


async def test_a_live_card_asks_the_log_nothing(studio, notebook, queries):
    task = await studio.submit("a fox", **SMALL)
    task.show()
    queries.clear()
    repr(task), task._repr_html_(), repr(studio)
    await task
    task.show()
    assert {name.partition("_")[0] for name in queries} == {"seedance-log"}
    assert "succeeded" in notebook.texts[0]
    assert "<video" in notebook.drawings[-1].bundle["text/html"]


async def test_a_card_is_shown_once_a_cell(studio, notebook):
    task = await studio.submit("a fox", **SMALL)
    task.show()
    task.show()
    notebook.cell = "cell-2"
    task.show()
    await task
    assert ["succeeded" in text for text in notebook.texts] == [True, True]


async def test_a_card_shows_the_money_of_its_own_task_and_of_all_before(studio, notebook):
    first = await studio.generate("a fox", **SMALL)
    second = await studio.generate("a hare", **SMALL)
    assert first.usd > 0
    assert [text.partition("spent so far ")[2][:7] for text in notebook.texts] == [
        f"${first.usd:.4f}",
        f"${first.usd + second.usd:.4f}",
    ]
    assert f"spent so far ${studio.spent:.4f}" in repr(first)
    assert repr(studio) == f"Studio('runs', simulated, spent ${studio.spent:.4f})"


async def test_a_card_shows_what_was_spent_elsewhere_once_the_log_was_read(studio, simulator):
    with sw.Studio(studio.home, simulate=simulator, media=studio.home / "other") as other:
        theirs = await other.generate("a fox", **SMALL)
        ours = await studio.task(theirs.key)
        assert f"spent so far ${theirs.usd:.4f}" in repr(ours)
        more = await other.generate("a hare", **SMALL)
        await studio.resume()
        assert f"spent so far ${theirs.usd + more.usd:.4f}" in repr(ours)
    with sw.Studio(studio.home, simulate=simulator, media=studio.home / "third") as third:
        assert repr(third) == f"Studio('runs', simulated, spent ${third.spent:.4f})"


async def test_it_can_be_shown_with_the_log_gone_and_the_studio_closed(studio, queries):
    task = await studio.generate("a fox", **SMALL)
    text, page = repr(task), task._repr_html_()
    studio.close()
    shutil.rmtree(studio.home)
    queries.clear()
    assert repr(task) == text
    assert Tags(task._repr_html_()).text == Tags(page).text
    assert repr(studio).startswith("Studio('runs', simulated, spent $")
    assert not queries


@pytest.mark.parametrize(
    "content", [None, b"", b"\xff\xd8\xff\xe0 no JPEG", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"]
)
async def test_a_missing_or_damaged_poster_is_left_out(studio, content):
    task = await studio.generate("a fox", **SMALL)
    task.poster_path.unlink()
    if content is not None:
        task.poster_path.write_bytes(content)
    page = task._repr_html_()
    assert "url(data:image" not in page
    assert "a fox" in page
    assert "<video" in page


async def test_it_can_be_shown_from_a_folder_that_is_gone(studio, tmp_path, monkeypatch):
    task = await studio.generate("a fox", **SMALL)
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    assert task.video_path.as_posix() in repr(task)
    assert "a fox" in task._repr_html_()


@pytest.mark.parametrize(
    "odd",
    [
        {"finished_at": 10**18},
        {"created_at": None},
        {"prompt": 5},
        {"width": "wide"},
        {"usd": "dear"},
        {"video_path": 7},
        {"status": "unknown", "candidates": "no list"},
        {"status": "failed", "error_code": 404},
    ],
    ids=", ".join,
)
async def test_an_odd_row_names_its_task(studio, odd):
    task = await studio.generate("a fox", **SMALL)
    change(studio, task, **odd)
    assert await studio.task(task.key) is task
    assert repr(task).startswith(f"Task {task.key} · {task.status}")
    assert task.key in Tags(task._repr_html_()).text


@pytest.fixture
async def without_id(studio, simulator):
    """A draft that the service refused, so that it has no id there."""
    simulator.faults.refuse(400, "InputTextSensitiveContentDetected")
    with pytest.raises(sw.RequestRejected) as caught:
        await studio.submit("a fox", draft=True, model="seedance-1-5-pro", ratio="1:1", duration=4)
    return caught.value.task


async def told(work):
    """What is said of what cannot be done."""
    with pytest.raises(sw.InvalidRequest) as caught:
        await work
    return str(caught.value)


@pytest.mark.parametrize(
    ("use", "words"),
    [
        (lambda studio, task: studio.submit(draft_task=task), "is rejected and has no id at the service"),
        (lambda studio, task: studio.promote(task), "is rejected: there is no draft to finish"),
        (
            lambda studio, task: studio.chain(["it runs"], first_frame=task),
            "neither a saved last frame nor its",
        ),
    ],
    ids=("draft_task", "promote", "first_frame"),
)
async def test_a_task_without_an_id_and_its_key_are_told_in_the_same_words(studio, without_id, use, words):
    of_the_task = await told(use(studio, without_id))
    assert await told(use(studio, without_id.key)) == of_the_task
    assert words in of_the_task
    assert of_the_task.count(without_id.key) >= 1
    assert len(studio.log.to_pandas()) == 1


async def test_a_draft_may_be_named_by_its_key(studio):
    draft = await studio.generate("a fox", draft=True, model="seedance-1-5-pro", ratio="1:1", duration=4)
    for name in (draft, draft.key, draft.id):
        final = await studio.submit(draft_task=name, resolution="480p")
        assert final.request.draft_task.id == draft.id


async def test_a_row_that_was_read_before_the_clip_was_saved_is_no_news(studio):
    registry, told = studio.runtime.registry, []
    registry.subscribe(lambda row: row and told.append(row))
    task = await studio.submit("a fox", **SMALL)
    await task
    (before, *_) = (row for row in told if (row.status, row.file) == ("succeeded", "none"))

    async def take_up():
        return registry.take_up(before)._row

    # the saver is on its way out, and would not begin again
    assert (await engine.bridge(take_up())).file == "saved"
