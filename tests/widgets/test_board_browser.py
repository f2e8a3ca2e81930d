"""The board in a real browser with a stub in place of the kernel."""

from __future__ import annotations

import io
import time

import pytest
from PIL import Image
from stub import axe_violations

import seedance_widgets as sw
from seedance_widgets.log.budget import Standing
from seedance_widgets.widgets.board_rows import board_money

RUNS = "It runs already: the service cancels queued tasks only, and bills this one if it succeeds."
PACE = {
    "usual": 40,
    "late": 50,
    "words": "usually 40 s",
    "from": "from 6 finished tasks of this model, resolution and length",
}
NO_PACE = {"usual": 60, "late": 75, "words": "", "from": "no task like it has finished yet"}
START = 1_800_000_000_000


def row(key, group="done", word="succeeded", **columns):
    return {
        "key": key,
        "group": group,
        "word": word,
        "name": f"A fox by the sea, {key}",
        "what": "seedance-1-5-pro · 720p · 16:9 · 5 s · seed 11",
        "start": START,
        "cost": "about $0.2614" if group == "live" else "$0.2614",
        **columns,
    }


QUEUED = row("k-queued", "live", "queued", pace=NO_PACE, cancel="")
RUNNING = row("k-running", "live", "running", pace=PACE, cancel=RUNS)
LATE = row("k-late", "live", "running", pace=PACE, cancel=RUNS, start=START - 55_000)
DONE = row("k-done", clip=True, poster=True, took=41.0, note="asked for seed 11, got 12")
FAILED = row(
    "k-failed", "failed", "failed", took=12, cost="not billed",
    problem="OutputVideoSensitiveContentDetected: the clip may contain sensitive content",
    advice="The clip was withheld and is not billed; try once more with a new seed or a milder prompt.",
)  # fmt: skip
CANCELLED = row("k-cancelled", "failed", "cancelled", warn=True, took=3, cost="not billed")
UNSAVED = row("k-unsaved", "done", "clip not saved", warn=True, took=44, problem="Its clip is not saved yet: HTTP 503",
              advice="Resume fetches it; the service keeps files for 24 hours.")  # fmt: skip
ROWS = [QUEUED, RUNNING, LATE, DONE, FAILED, CANCELLED, UNSAVED]
EMPTY = {
    "rows": [],
    "money": board_money(0.0, 0.0, [], simulated=False),
    "summary": {"older": 0, "resume": "", "expiring": []},
    "player": {},
    "notice": "",
}
FULL = {
    "rows": ROWS,
    "money": board_money(1.3068, 0.7842, [Standing(sw.Budget(5), 1.3068, 0.7842, None)], simulated=True),
    "summary": {
        "older": 12,
        "resume": "2 unfinished tasks are not followed here.",
        "expiring": [
            {"what": "1 clip not saved yet, gone in", "until": START + 23 * 3_600_000},
            {"what": "3 drafts without a final, the first gone in", "until": START + 6 * 86_400_000},
        ],
    },
    "player": {},
    "notice": "",
}


@pytest.fixture
def board(stub_page):
    """A board on a clock that stands still until it is set."""

    def opened(state, **options):
        stub = stub_page("board", EMPTY | state, **options)
        set_clock(stub, START + 12_000)
        return stub

    return opened


def set_clock(stub, now):
    stub.page.evaluate(
        "now => import(location.origin + '/board.js').then(board => { board.clock.now = () => now; })", now
    )
    # a change of any trait draws at once what the next tick would
    stub.page.evaluate("at => stub.set('summary', { ...stub.state().summary, at })", now)


def row_of(stub, key):
    return stub.page.locator(f"[data-key={key}]")


def shown(stub):
    return [each.get_attribute("data-key") for each in stub.page.get_by_test_id("row").all()]


def jpeg():
    data = io.BytesIO()
    Image.new("RGB", (160, 90), "orange").save(data, "JPEG")
    return data.getvalue()


def test_an_empty_board_is_friendly(board):
    stub = board({})
    assert stub.page.get_by_test_id("empty").inner_text().startswith("No tasks yet.")
    assert not stub.page.locator("table").is_visible()
    assert stub.page.get_by_test_id("money").inner_text() == "Spent $0.0000"
    for hidden in ("simulated", "budget", "resume", "expiring", "older", "stage"):
        assert not stub.page.get_by_test_id(hidden).is_visible()
    assert stub.sent() == [{"kind": "hello"}]


def test_rows_say_status_time_cost_and_trouble(board):
    stub = board(FULL)
    assert shown(stub) == [each["key"] for each in ROWS]
    texts = {
        each["key"]: {
            part: row_of(stub, each["key"]).get_by_test_id(part).inner_text()
            for part in ("status", "time", "cost")
        }
        for each in ROWS
    }
    assert texts["k-queued"] == {"status": "queued", "time": "12 s", "cost": "about $0.2614"}
    assert texts["k-running"]["time"] == "12 s, usually 40 s"
    assert texts["k-late"]["time"] == "1 min 7 s, longer than usual (usually 40 s)"
    assert texts["k-done"] == {"status": "succeeded", "time": "took 41 s", "cost": "$0.2614"}
    failed = row_of(stub, "k-failed")
    assert failed.get_by_test_id("problem").inner_text() == FAILED["problem"]
    assert failed.get_by_test_id("advice").inner_text() == FAILED["advice"]
    assert row_of(stub, "k-done").get_by_test_id("note").inner_text() == DONE["note"]
    assert stub.page.get_by_test_id("older").inner_text() == "12 older: see studio.log"
    assert stub.page.get_by_test_id("expiring").inner_text() == (
        "1 clip not saved yet, gone in 23 h · 3 drafts without a final, the first gone in 6 d"
    )


def test_money_is_a_bar_with_numbers_and_simulated_money_says_so(board):
    stub = board(FULL)
    words = "Spent $1.3068 and $0.7842 reserved of $5.00, $2.9090 left"
    assert stub.page.get_by_test_id("money").inner_text() == words
    assert stub.page.get_by_test_id("simulated").inner_text() == "simulated, nothing is billed"
    bar = stub.page.get_by_test_id("budget")
    widths = bar.evaluate("bar => [...bar.children].map(part => part.offsetWidth / bar.clientWidth)")
    assert widths == pytest.approx([1.3068 / 5, 0.7842 / 5], abs=0.02)
    stub.set("money", board_money(0.5, 0.0, [], simulated=False))
    assert not bar.is_visible()
    assert not stub.page.get_by_test_id("simulated").is_visible()


def test_progress_moves_without_the_kernel(board):
    stub = board(FULL)
    sent, meter = len(stub.sent()), row_of(stub, "k-running").get_by_test_id("progress")
    before = int(meter.get_attribute("aria-valuenow"))
    assert before == pytest.approx(85 * 12 / 40, abs=1)
    stub.page.evaluate(
        "now => import(location.origin + '/board.js').then(board => { board.clock.now = () => now; })",
        START + 30_000,
    )
    stub.page.wait_for_function(
        "document.querySelector('[data-key=k-running] [data-testid=time]').innerText.startsWith('30 s')"
    )
    assert int(meter.get_attribute("aria-valuenow")) == pytest.approx(85 * 30 / 40, abs=1)
    assert meter.get_attribute("aria-valuetext") == "30 s, usually 40 s"
    assert len(stub.sent()) == sent
    assert stub.saves() == 0


def test_a_bar_without_history_claims_no_figure(board):
    stub = board(FULL)
    meter = row_of(stub, "k-queued").get_by_test_id("progress")
    assert meter.get_attribute("aria-valuenow") is None
    assert meter.get_attribute("aria-valuetext") == "12 s"
    assert "has finished yet" in meter.get_attribute("title")


def test_time_goes_by_the_kernels_clock(board):
    stub = board(FULL)
    stub.message({"kind": "now", "now": START + 20_000})
    assert row_of(stub, "k-running").get_by_test_id("time").inner_text() == "20 s, usually 40 s"


def test_cancel_open_and_resume_are_sent(board):
    stub = board(FULL)
    row_of(stub, "k-queued").get_by_test_id("cancel").click()
    row_of(stub, "k-done").get_by_test_id("open").click()
    stub.page.get_by_test_id("resume-button").click()
    acts = [each for each in stub.sent() if each["kind"] not in ("hello", "poster")]
    assert acts == [
        {"kind": "cancel", "key": "k-queued"},
        {"kind": "open", "key": "k-done"},
        {"kind": "resume"},
    ]


def test_a_running_task_explains_why_it_cannot_be_cancelled(board):
    stub = board(FULL)
    button = row_of(stub, "k-running").get_by_test_id("cancel")
    assert button.get_attribute("aria-disabled") == "true"
    assert button.get_attribute("title") == RUNS
    button.click(force=True)
    assert stub.page.get_by_test_id("line").inner_text() == RUNS
    assert "cancel" not in {each["kind"] for each in stub.sent()}
    assert row_of(stub, "k-done").get_by_test_id("cancel").count() == 0


def test_filters_by_status(board):
    stub = board(FULL)
    wanted = {
        "live": ["k-queued", "k-running", "k-late"],
        "done": ["k-done", "k-unsaved"],
        "failed": ["k-failed", "k-cancelled"],
        "all": [each["key"] for each in ROWS],
    }
    for name, keys in wanted.items():
        button = stub.page.get_by_test_id(f"filter-{name}")
        button.click()
        assert shown(stub) == keys
        assert button.get_attribute("aria-pressed") == "true"
        assert button.inner_text() == f"{name.capitalize()} {len(keys)}"
    stub.set("rows", [DONE])
    stub.page.get_by_test_id("filter-live").click()
    assert stub.page.get_by_test_id("empty").inner_text() == "No live tasks here."


def test_a_changed_row_is_announced_and_keeps_the_focus(board):
    stub = board({"rows": [QUEUED, DONE]})
    row_of(stub, "k-queued").get_by_test_id("cancel").focus()
    stub.set(
        "rows",
        [row("k-new", "live", "sending", pace=PACE), QUEUED | {"word": "running", "cancel": RUNS}, DONE],
    )
    assert shown(stub) == ["k-new", "k-queued", "k-done"]
    news = stub.page.get_by_test_id("news")
    assert news.inner_text() == "A fox by the sea, k-queued: running"
    assert news.get_attribute("aria-live") == "polite"
    assert news.bounding_box()["width"] == 1, "for the ear: the eye has the row"
    focused = (
        "document.activeElement.closest('tr')?.dataset.key + ' ' + document.activeElement.dataset.testid"
    )
    assert stub.page.evaluate(focused) == "k-queued cancel"
    stub.set("rows", [row("k-queued", "failed", "cancelled", warn=True), DONE])
    assert shown(stub) == ["k-queued", "k-done"]
    assert stub.page.evaluate("document.activeElement.dataset.testid") == "filter-all"


def test_errors_are_shown_and_taken_back(board):
    stub = board(FULL)
    stub.set("notice", "k-running is not cancelled: it runs")
    line = stub.page.get_by_test_id("line")
    assert line.inner_text() == "k-running is not cancelled: it runs"
    stub.set("notice", "")
    assert line.inner_text() == ""


def test_posters_are_asked_for_when_seen_and_let_go_of(board):
    rows = [row(f"k{n}", clip=True, poster=True, took=40) for n in range(50)]
    stub = board({"rows": rows}, height=500)
    stub.page.wait_for_function("stub.sent(0).some(each => each.kind === 'poster')")
    stub.page.wait_for_timeout(200)
    asked = [each["key"] for each in stub.sent() if each["kind"] == "poster"]
    assert asked[0] == "k0"
    assert len(asked) < 15
    stub.message({"kind": "poster", "key": "k0", "type": "image/jpeg"}, [jpeg()])
    picture = row_of(stub, "k0").get_by_test_id("poster")
    stub.page.wait_for_function("document.querySelector('[data-key=k0] img').naturalWidth === 160")
    assert picture.get_attribute("alt") == ""
    row_of(stub, "k49").scroll_into_view_if_needed()
    stub.page.wait_for_function("stub.sent(0).some(each => each.key === 'k49')")
    stub.set("rows", [rows[0] | {"word": "seen"}, *rows[1:]])
    assert picture.evaluate("img => img.naturalWidth") == 160
    assert len(stub.live_urls()) == 1
    stub.set("rows", rows[1:])
    assert stub.live_urls() == []
    stub.message({"kind": "poster", "key": "k1", "type": "image/jpeg"}, [jpeg()])
    assert len(stub.live_urls()) == 1
    stub.abort()
    assert stub.live_urls() == []


def test_the_player_is_shown_below(board):
    stub = board({"rows": [DONE]})
    stub.set("player", {"ref": "anywidget:1", "path": "runs/media/k/video.mp4", "title": "A fox"})
    # the stub has no other widgets: what is said then
    said = stub.page.get_by_test_id("player").inner_text()
    assert said == "The clip cannot be played here; its file is runs/media/k/video.mp4"
    stub.page.get_by_test_id("close").click()
    assert stub.sent()[-1] == {"kind": "close"}
    stub.set("player", {})
    assert not stub.page.get_by_test_id("stage").is_visible()


def test_a_player_of_the_host_is_rendered_and_ended(board):
    stub = board({})
    drawn = stub.page.evaluate(
        """async () => {
          const { default: board } = await import(location.origin + "/board.js");
          const traits = { rows: [], money: {}, summary: {}, notice: "", player: { ref: "anywidget:1", title: "A fox" } };
          const heard = {}, log = [], ending = new AbortController(), el = document.createElement("div");
          const model = { get: (name) => traits[name], send() {}, off() {},
            on(names, f) { for (const name of names.split(" ")) heard[name] = f; } };
          const host = { async getWidget(ref) { log.push(ref); return { async render({ el, signal }) {
            el.append("a player"); signal.addEventListener("abort", () => log.push("ended")); } }; } };
          document.body.append(el);
          board.render({ model, el, signal: ending.signal, host });
          await new Promise((done) => setTimeout(done, 50));
          log.push(el.querySelector("[data-testid=player]").innerText);
          traits.player = {};
          heard["change:player"]();
          el.remove();
          return log;
        }"""
    )
    assert drawn == ["anywidget:1", "a player", "ended"]


def test_the_keyboard_reaches_everything(board):
    stub = board({"rows": [QUEUED, RUNNING, DONE], "summary": FULL["summary"]})
    reached = []
    for _ in range(9):
        stub.page.keyboard.press("Tab")
        reached.append(stub.page.evaluate("document.activeElement.dataset.testid"))
    assert reached == [
        "filter-all", "filter-live", "filter-done", "filter-failed", "resume-button", "cancel", "cancel", "open",
        None,
    ]  # fmt: skip
    row_of(stub, "k-done").get_by_test_id("open").focus()
    stub.page.keyboard.press("Enter")
    assert stub.sent()[-1] == {"kind": "open", "key": "k-done"}
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert stub.page.evaluate(outline) == "solid"


def test_everything_ends_with_the_view(board):
    stub = board(FULL)
    stub.abort()
    assert stub.listening() == {}
    count = len(stub.sent())
    row_of(stub, "k-queued").get_by_test_id("cancel").click()
    assert len(stub.sent()) == count
    set_clock(stub, START + 90_000)
    stub.page.wait_for_timeout(700)
    assert row_of(stub, "k-running").get_by_test_id("time").inner_text().startswith("12 s")


@pytest.mark.parametrize("width", [1000, 640, 320])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_sticks_out(board, theme, width):
    stub = board(FULL | {"notice": "k-running is not cancelled"}, theme=theme, width=width)
    assert axe_violations(stub.page) == []
    assert stub.page.evaluate("document.documentElement.scrollWidth") <= width
    cards = row_of(stub, "k-done").evaluate("row => getComputedStyle(row).display") == "grid"
    assert cards == (width < 700)
    # a table laid out as cards is still one to a screen reader
    assert stub.page.get_by_role("row").count() == len(ROWS) + 1
    assert stub.page.get_by_role("rowheader").count() == len(ROWS)


def test_reduced_motion(board):
    moving = "node => getComputedStyle(node.firstChild).transitionDuration"
    still = board(FULL, reduced_motion=True)
    assert row_of(still, "k-running").get_by_test_id("progress").evaluate(moving) == "0s"
    lively = board(FULL)
    assert row_of(lively, "k-running").get_by_test_id("progress").evaluate(moving) == "0.5s"


def test_fifty_rows_are_redrawn_fast(board):
    rows = [row(f"k{n}", "live", "running", pace=PACE, cancel=RUNS) for n in range(50)]
    stub = board({"rows": rows})
    began = time.perf_counter()
    stub.page.evaluate("rows => stub.set('rows', rows)", [each | {"word": "saving"} for each in rows])
    assert time.perf_counter() - began < 1
