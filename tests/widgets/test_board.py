"""The board's Python side: it follows the log, and what is pressed on it happens or is explained."""

from __future__ import annotations

import asyncio
import json
import time

import pytest
from task_rows import task_row

import seedance_widgets as sw
from seedance_widgets.following.pace import Pace
from seedance_widgets.log.budget import Standing
from seedance_widgets.widgets import board_rows
from seedance_widgets.widgets.board import TaskBoard

SMALL = {"resolution": "480p", "ratio": "1:1", "duration": 4}
WITH_DRAFTS = {**SMALL, "model": "seedance-1-5-pro"}
HOSTILE = "<img src=x onerror=alert(1)> $x$ \u202eabc\n" + "9" * 10_000


def until(condition, seconds=30.0):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)
    return found


async def eventually(condition):
    return await asyncio.to_thread(until, condition)


def press(board, kind, key=None):
    board._handle_custom_msg({"kind": kind, "key": key}, [])


@pytest.fixture
def boards():
    made = []

    def make(studio, **options):
        made.append(TaskBoard(studio, **options))
        return made[-1]

    yield make
    for board in made:
        board.close()


@pytest.fixture
def queueing(tmp_path):
    """A studio whose tasks stay in the queue."""
    simulator = sw.Simulator(speed=200, limits={"concurrency": 0})
    with sw.Studio(tmp_path / "runs", simulate=simulator) as studio:
        yield studio
    simulator.close()


def state_of(board):
    return {name: value for name, value in board.get_state().items() if name not in ("_esm", "_css")}


def test_an_empty_board(studio, boards, simulator):
    board = boards(studio)
    assert board.rows == []
    assert board.money["words"] == "Spent $0.0000"
    assert board.money["simulated"] is True
    assert board.summary == {"older": 0, "resume": "", "expiring": []}
    assert simulator.tasks() == []
    assert repr(board) == "TaskBoard('runs')"


async def test_rows_follow_a_task_to_its_end(studio, boards):
    board, groups = boards(studio), []
    board.observe(lambda change: groups.extend(row["group"] for row in change.new), "rows")
    task = await studio.submit("a fox by the sea", seed=11, **WITH_DRAFTS)
    await task
    row = await eventually(lambda: board.rows and board.rows[0]["word"] == "succeeded" and board.rows[0])
    assert row["key"] == task.key
    assert row["what"] == "seedance-1-5-pro · 480p · 1:1 · 4 s · seed 11"
    assert row["cost"] == f"${task.usd:.4f}"
    assert row["took"] >= 0
    assert row["clip"]
    assert row["poster"]
    assert "pace" not in row
    assert groups[0] == "live"
    assert groups[-1] == "done"
    assert board.money["spent"] == pytest.approx(task.usd)
    assert board.money["reserved"] == 0


async def test_the_next_task_knows_the_pace_of_the_last(tmp_path, boards, simulator):
    home = tmp_path / "runs"
    busy = sw.Simulator(speed=200, limits={"concurrency": 0})
    with sw.Studio(home, simulate=simulator) as studio:
        await studio.generate("a fox", **SMALL)
    with sw.Studio(home, simulate=busy) as studio:
        board = boards(studio)
        await studio.submit("a hare", **SMALL)
        await studio.submit("a hare", **SMALL, model="seedance-1-0-pro")
        await eventually(lambda: [row["word"] for row in board.rows] == ["queued", "queued", "succeeded"])
        other, same = (row["pace"] for row in board.rows[:2])
        assert same["words"].startswith("usually ")
        assert same["from"] == "from 1 finished task of this model, resolution and length"
        assert other["words"] == ""
    busy.close()


async def test_updates_are_coalesced_and_sent_only_when_something_changed(studio, boards, monkeypatch):
    board, sent = boards(studio), []
    monkeypatch.setattr(board, "send_state", lambda key=None: sent.append((time.monotonic(), key)))
    began = time.monotonic()
    tasks = [await studio.submit(f"fox {n}", **SMALL) for n in range(4)]
    for task in tasks:
        await task
    await eventually(lambda: all(row["word"] == "succeeded" for row in board.rows) and len(board.rows) == 4)
    assert len(sent) <= 3 * (time.monotonic() - began) + 2
    # the last news of a task, its saved clip, may come a moment after its status
    await eventually(lambda: time.monotonic() - sent[-1][0] > 1)
    count = len(sent)
    await asyncio.sleep(0.5)
    assert len(sent) == count


async def test_cancel_a_queued_task(queueing, boards):
    board = boards(queueing)
    task = await queueing.submit("a fox", **SMALL)
    await eventually(lambda: board.rows and board.rows[0]["word"] == "queued")
    assert board.rows[0]["cancel"] == ""
    press(board, "cancel", task.key)
    row = await eventually(lambda: board.rows[0]["word"] == "cancelled" and board.rows[0])
    assert (row["group"], row["cost"], row["warn"]) == ("failed", "not billed", True)
    assert "cancel" not in row
    assert board.notice == ""
    assert task.status == "cancelled"


async def test_two_presses_cancel_once(queueing, boards):
    board = boards(queueing)
    task = await queueing.submit("a fox", **SMALL)
    press(board, "cancel", task.key)
    press(board, "cancel", task.key)
    await eventually(lambda: task.status == "cancelled")
    await eventually(lambda: not board._acting)
    assert board.notice == ""


async def test_a_running_task_says_why_it_cannot_be_cancelled(tmp_path, boards):
    simulator = sw.Simulator(speed=3)
    with sw.Studio(tmp_path, simulate=simulator) as studio:
        board = boards(studio)
        task = await studio.submit("a fox", **SMALL)
        row = await eventually(lambda: board.rows and board.rows[0]["word"] == "running" and board.rows[0])
        assert "cancels queued tasks only" in row["cancel"]
        press(board, "cancel", task.key)
        notice = await eventually(lambda: board.notice)
        assert notice.startswith(f"{task.key} is not cancelled: HTTP 409")
        assert "Only queued tasks can be cancelled" in notice
        assert task.status == "running"
    simulator.close()


async def test_a_board_made_after_a_restart(tmp_path, boards, simulator):
    home = tmp_path / "runs"
    with sw.Studio(home, simulate=simulator) as first:
        done = await first.generate("a fox", **SMALL)
        left = await first.submit("a hare", **SMALL)
    with sw.Studio(home, simulate=simulator) as second:
        board = boards(second)
        assert [row["key"] for row in board.rows] == [left.key, done.key]
        assert board.summary["resume"] == "1 unfinished task is not followed here."
        assert "pace" not in board.rows[0]
        await asyncio.sleep(0.5)
        assert board.rows[0]["group"] == "live"
        press(board, "resume")
        await eventually(lambda: board.rows[0]["word"] == "succeeded")
        assert board.summary["resume"] == ""


async def test_two_boards_on_one_studio(studio, boards):
    one, two = boards(studio), boards(studio, limit=1)
    for prompt in ("a fox", "a hare"):
        await studio.generate(prompt, **SMALL)
    await eventually(lambda: [row["word"] for row in one.rows] == ["succeeded"] * 2)
    await eventually(lambda: [row["name"] for row in two.rows] == ["a hare"])
    await eventually(lambda: two.rows[0] == one.rows[0])
    assert (one.summary["older"], two.summary["older"]) == (0, 1)


async def test_closing_the_board_stops_its_listening(studio, boards):
    board = boards(studio)
    assert len(studio.runtime.registry._listeners) == 1
    board.close()
    board.close()
    assert studio.runtime.registry._listeners == {}
    await studio.generate("a fox", **SMALL)
    assert board.rows == []


async def test_a_closed_studio_is_said_to_be(tmp_path, boards, simulator):
    with sw.Studio(tmp_path, simulate=simulator) as studio:
        board = boards(studio)
        task = await studio.generate("a fox", **SMALL)
    press(board, "open", task.key)
    assert "the studio is closed" in await eventually(lambda: board.notice)


async def test_a_refused_and_a_failed_task_say_code_message_and_advice(studio, boards, simulator):
    board = boards(studio)
    simulator.faults.refuse(400, "InputTextSensitiveContentDetected")
    with pytest.raises(sw.RequestRejected):
        await studio.submit("a fox", **SMALL)
    simulator.faults.fail_task("OutputVideoSensitiveContentDetected")
    with pytest.raises(sw.TaskFailed):
        await studio.generate("a fox", **SMALL)
    failed, refused = await eventually(
        lambda: len(board.rows) == 2 and board.rows[0]["word"] == "failed" and board.rows
    )
    assert refused["word"] == "refused"
    assert refused["problem"].startswith("InputTextSensitiveContentDetected: ")
    assert refused["advice"] == "Change the prompt, then resend. Nothing is billed."
    assert failed["problem"].startswith("OutputVideoSensitiveContentDetected: ")
    assert "new seed" in failed["advice"]
    assert {row["cost"] for row in (refused, failed)} == {"not billed"}


async def test_a_lost_answer_keeps_its_money_reserved(tmp_path, boards, simulator):
    with sw.Studio(tmp_path, simulate=simulator, budget_usd=1) as studio:
        board = boards(studio)
        simulator.faults.drop_reply()
        with pytest.raises(sw.OutcomeUnknown):
            await studio.submit("a fox", **SMALL)
        row = await eventually(lambda: board.rows and board.rows[0]["group"] == "failed" and board.rows[0])
        assert (row["word"], row["warn"]) == ("outcome unknown", True)
        assert "nothing is re-sent" in row["advice"]
        await eventually(lambda: board.money["reserved"] > 0)
        assert board.money["budget"] == 1
        assert "reserved of $1.00" in board.money["words"]


async def test_a_clip_that_is_not_saved_is_fetched_by_resume(studio, boards, simulator, monkeypatch):
    monkeypatch.setattr("seedance_widgets.following.saver._PAUSE", 0.01)
    board = boards(studio)
    simulator.faults.refuse(503, "SlowDown", on="file", times=4)
    with pytest.raises(sw.DownloadError):
        await studio.generate("a fox", **SMALL)
    await eventually(lambda: board.summary["resume"])
    row = board.rows[0]
    assert (row["word"], row["group"], row["warn"]) == ("clip not saved", "done", True)
    assert row["problem"].startswith("Its clip is not saved yet")
    assert [each["what"] for each in board.summary["expiring"]] == ["1 clip not saved yet, gone in"]
    press(board, "resume")
    await eventually(lambda: board.rows[0]["word"] == "succeeded")
    assert board.summary == {"older": 0, "resume": "", "expiring": []}


async def test_a_draft_without_a_final_expires(studio, boards):
    board = boards(studio)
    draft = await studio.generate("a fox", draft=True, **{**WITH_DRAFTS, "ratio": "16:9"})
    await eventually(lambda: board.rows and board.rows[0]["word"] == "succeeded")
    (expiry,) = board.summary["expiring"]
    assert expiry["what"] == "1 draft without a final, gone in"
    assert expiry["until"] == int(draft.created_at.timestamp() + 7 * 86_400) * 1000
    assert "draft" in board.rows[0]["what"]


# --- opening ---------------------------------------------------------------------------------------------


async def test_open_calls_back_with_the_task(studio, boards):
    opened = []
    board = boards(studio, on_open=opened.append)

    async def also(task):
        opened.append(task.status)

    board.on_open(also)
    task = await studio.generate("a fox", **SMALL)
    press(board, "open", task.key)
    await eventually(lambda: len(opened) == 2)
    assert opened == [task, "succeeded"]
    assert board.player == {}
    board.on_open(also, remove=True)
    press(board, "open", task.key)
    await eventually(lambda: len(opened) == 3)


async def test_an_error_of_a_callback_is_shown(studio, boards):
    def broken(task):
        raise ZeroDivisionError("of all things")

    board = boards(studio, on_open=broken)
    task = await studio.generate("a fox", **SMALL)
    press(board, "open", task.key)
    notice = await eventually(lambda: board.notice)
    assert notice == f"{task.key} cannot be shown: ZeroDivisionError: of all things"
    press(board, "open", "no-such-task")
    await eventually(lambda: "has no task 'no-such-task'" in board.notice)


async def test_by_itself_the_board_shows_a_player(studio, boards):
    board = boards(studio)
    one, two = [await studio.generate(f"fox {n}", **SMALL) for n in range(2)]
    assert board._video is None, "what nobody opens is not saved with the notebook"
    press(board, "open", one.key)
    await eventually(lambda: board.player)
    video = board._video
    assert video.source is one
    assert board.player["ref"] == f"anywidget:{video.model_id}"
    assert board.player["title"] == "fox 0"
    assert board.player["path"].endswith(f"media/{one.key}/video.mp4")
    await eventually(lambda: not board._acting)  # a second press of what is being done is one press
    press(board, "open", two.key)
    await eventually(lambda: board.player["title"] == "fox 1")
    assert (board._video, video.source) == (video, two)
    press(board, "close")
    await eventually(lambda: board.player == {})
    board.close()
    assert video.comm is None


async def test_posters_go_by_message(studio, boards, monkeypatch):
    board, sent = boards(studio), []
    monkeypatch.setattr(board, "send", lambda content, buffers=None: sent.append((content, buffers)))
    task = await studio.generate("a fox", **SMALL)
    press(board, "poster", task.key)
    await eventually(lambda: sent)
    assert sent == [
        ({"kind": "poster", "key": task.key, "type": "image/jpeg"}, [task.poster_path.read_bytes()])
    ]
    press(board, "poster", "no-such-task")
    await eventually(lambda: len(sent) == 2)
    assert sent[1][0]["kind"] == "failed"
    press(board, "hello")
    await eventually(lambda: len(sent) == 3)
    assert abs(sent[2][0]["now"] / 1000 - time.time()) < 5


@pytest.mark.parametrize("content", [None, "cancel", {}, {"kind": "nonsense"}, {"kind": ["cancel"]}])
def test_messages_that_mean_nothing_do_nothing(studio, boards, content):
    board = boards(studio)
    board._handle_custom_msg(content, [])
    assert board.notice == ""


# --- state -----------------------------------------------------------------------------------------------


async def test_the_saved_state_stays_small(queueing, boards):
    for n in range(60):
        request = sw.estimate(sw.TaskRequest(f"{n} {HOSTILE[:400]}", **SMALL))
        queueing.runtime.journal.begin(request, stored={})
    board = boards(queueing)
    assert len(board.rows) == 50
    assert board.summary["older"] == 10
    assert all(len(row["name"]) <= 120 for row in board.rows)
    assert board.rows[0]["name"].startswith("59 ")
    assert len(json.dumps(state_of(board))) < 40_000


def test_an_intent_that_nobody_sends_is_no_live_task(studio, boards):
    studio.runtime.journal.begin(sw.estimate(sw.TaskRequest("a fox", **SMALL)), stored={})
    (row,) = boards(studio).rows
    assert (row["group"], row["word"]) == ("failed", "outcome unknown")


PACE = Pace(40.0, 30.0, 50.0, 3, same=False)


def row_of(**columns):
    return task_row(**{"created_at": 5_000_000, "intent_at": 4_000_000, "body": "{}", **columns})


def test_a_cost_is_estimated_or_at_most_what_is_reserved():
    def cost(**columns):
        return board_rows.board_row(row_of(**columns), PACE, followed=True)["cost"]

    assert cost(est_usd=None, reserved_usd=0.263) == "at most $0.2630"
    assert cost(est_usd=None, reserved_usd=0.0) == "price not known"


def test_what_a_row_says():
    shown = board_rows.board_row(row_of(est_usd=0.12), PACE, followed=True)
    assert shown == {
        "key": "k",
        "group": "live",
        "word": "running",
        "name": "no prompt",
        "what": "unknown model",
        "start": 5000,
        "cost": "about $0.1200",
        "cancel": board_rows._CANCEL["running"],
        "pace": {
            "usual": 40.0,
            "late": 50.0,
            "words": "usually 40 s",
            "from": "from 3 finished tasks of this model",
        },
    }


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"status": "expired", "usd": 0.0}, {"word": "expired", "warn": True, "cost": "not billed"}),
        ({"status": "not_created", "error_message": "no route"}, {"problem": "It never reached the service: no route"}),
        ({"status": "succeeded", "file": "expired", "trouble": "HTTP 403"}, {"problem": "Its clip is gone: HTTP 403"}),
        ({"status": "queued", "trouble": "waiting"}, {"note": "waiting", "cost": "price not known", "cancel": ""}),
        ({"status": "rejected", "error_code": "HTTP 401", "error_message": "bad key"}, {"problem": "HTTP 401: bad key"}),
        ({"kind": "final", "prompt": None}, {"name": "final of a draft"}),
        ({"duration": -1, "service_tier": "flex"}, {"what": "unknown model · length by the model · flex"}),
        ({"frames": 29, "model": "own"}, {"what": "own · 29 frames"}),
        # made elsewhere: it began when the service says, not when it was taken in
        ({"body": None, "created_at": 1_000_000}, {"start": 1000}),
        ({"created_at": 1_000_000}, {"start": 4000}),
    ],
)  # fmt: skip
def test_words_for_all_that_may_happen(columns, expected):
    shown = board_rows.board_row(row_of(**columns), PACE, followed=columns.get("status") != "succeeded")
    assert {name: shown.get(name) for name in expected} == expected


def test_advice_goes_by_status_where_there_is_no_code():
    shown = board_rows.board_row(
        row_of(status="rejected", error_code="HTTP 401", error_message="?"), PACE, followed=False
    )
    assert "ARK_API_KEY" in shown["advice"]
    other = board_rows.board_row(
        row_of(status="failed", error_code="New", error_message="?"), PACE, followed=False
    )
    assert other["advice"] == "Nothing is billed."


@pytest.mark.parametrize(
    ("money", "words"),
    [
        ((0.5, 0.0), "Spent $0.5000"),
        ((0.5, 0.25), "Spent $0.5000 and $0.2500 reserved"),
        ((0.5, 0.25, Standing(sw.Budget(1), 0.5, 0.25, None)),
         "Spent $0.5000 and $0.2500 reserved of $1.00, $0.2500 left"),
        ((1.5, 0.0, Standing(sw.Budget(1), 1.5, 0.0, None)), "Spent $1.5000 of $1.00, $0.5000 over"),
        ((9.0, 0.0, Standing(sw.Budget(20), 9.0, 0.0, None),
          Standing(sw.Budget(2, per="month", tags={"campaign": "spring"}), 0.5, 0.0, None)),
         ("Spent $9.0000 in all. Spent $0.5000 of $2.00 a month for campaign=spring, $1.5000 left; "
          "the other 1 budget leaves more")),
    ],
)  # fmt: skip
def test_money_in_words(money, words):
    spent, reserved, *standings = money
    assert board_rows.board_money(spent, reserved, standings, simulated=False)["words"] == words


# --- the studio's side of it -----------------------------------------------------------------------------


async def test_a_listener_that_fails_stops_nothing(studio):
    heard = []

    def broken(row):
        heard.append(row)
        raise RuntimeError

    unsubscribe = studio.subscribe(broken)
    task = await studio.generate("a fox", **SMALL)
    assert task.status == "succeeded"
    statuses = [row["status"] for row in heard if row]
    assert statuses[0] == "intent"
    assert statuses[-1] == "succeeded"
    assert next(row for row in reversed(heard) if row)["file"] == "saved"
    unsubscribe()
    unsubscribe()
    count = len(heard)
    await studio.generate("a fox", **SMALL)
    assert len(heard) == count


async def test_listeners_hear_the_time_pass_once_a_second(queueing):
    ticks = []
    queueing.subscribe(lambda row: row is None and ticks.append(time.monotonic()))
    await queueing.submit("a fox", **SMALL)
    await eventually(lambda: len(ticks) == 3)
    assert ticks[2] - ticks[0] >= 1.9


def test_tags_stand_on_the_row(studio, tmp_path):
    request = sw.estimate(sw.TaskRequest("a fox", **SMALL))
    key = studio.runtime.journal.begin(request, stored={}).key
    studio.log.tag(key, campaign="spring", look="film noir")
    board = TaskBoard(studio)
    assert board.rows[0]["what"].endswith(" · campaign=spring · look=film noir")
    board.close()
