"""The player in a real browser: real clips, a stub in place of the kernel."""

from __future__ import annotations

import pytest
from clips import hevc_clip, mp4
from playwright.sync_api import expect
from stub import axe_violations
from widget_messages import HOSTILE

from seedance_widgets.widgets.player import VideoPlayer

VIDEO = """() => { const v = document.querySelector("video"); return {
  time: v.currentTime, ready: v.readyState, width: v.videoWidth, height: v.videoHeight, muted: v.muted,
  paused: v.paused, controls: v.controls, duration: v.duration, src: v.getAttribute("src"), poster: v.poster.slice(0, 23),
} }"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.delenv("VSCODE_PID", raising=False)
    monkeypatch.delenv("VSCODE_CWD", raising=False)
    path = tmp_path / "a fox.mp4"
    path.write_bytes(mp4(frames=73))
    return path


def video(stub):
    return stub.page.evaluate(VIDEO)


def wait_for(stub, condition):
    stub.page.wait_for_function(f"() => {{ const v = document.querySelector('video'); return {condition}; }}")


def part(stub, name):
    return stub.page.get_by_test_id(f"player-{name}")


def loads(stub):
    """What was asked for, but for the better poster."""
    return [message for message in stub.sent() if message["kind"] != "poster"]


@pytest.fixture
def playing(stub_page, file):
    """A player whose clip plays."""
    player = VideoPlayer(file)
    stub = stub_page(player)
    part(stub, "start").click()
    stub.exchange(player)
    wait_for(stub, "v.currentTime > 0.1")
    return stub


@pytest.fixture
def paused(playing):
    playing.page.evaluate("() => document.querySelector('video').pause()")
    part(playing, "root").focus()
    return playing


# --- from poster to playing ---------------------------------------------------------------------------------


def test_poster_first_and_bytes_only_when_play_is_pressed(stub_page, file):
    player = VideoPlayer(file)
    stub = stub_page(player)
    before = video(stub)
    assert before["poster"] == "data:image/jpeg;base64,"
    assert (before["src"], before["controls"], before["paused"]) == (None, False, True)
    assert loads(stub) == []
    part(stub, "start").click()
    assert loads(stub) == [{"kind": "load", "id": player.clip["id"]}]
    expect(part(stub, "status")).to_have_text(f"Loading a fox.mp4, {player.clip['facts'].split(' · ')[-1]} …")
    part(stub, "root").press("Space")
    assert len(loads(stub)) == 1, "asked once"
    stub.exchange(player)
    wait_for(stub, "v.readyState >= 2 && v.currentTime > 0.2")
    now = video(stub)
    assert (now["width"], now["height"]) == (160, 96)
    assert now["duration"] == pytest.approx(73 / 24, abs=0.1)
    assert now["muted"]
    assert now["controls"]
    assert not now["paused"]
    assert now["src"].startswith("blob:")
    expect(part(stub, "status")).to_be_empty()
    expect(part(stub, "start")).to_be_hidden()
    assert stub.saves() == 0, "playing is the browser's own business"


def test_a_better_poster_is_asked_for_and_not_kept(stub_page, file):
    player = VideoPlayer(file)
    stub = stub_page(player)
    number = player.clip["id"]
    assert stub.sent() == [{"kind": "poster", "id": number}]
    stub.message({"kind": "poster", "id": number + 1, "type": "image/jpeg"}, [b"of another clip"])
    assert stub.live_urls() == []
    answers = []
    player.send = lambda content, buffers=(): answers.append((content, list(buffers)))
    player._handle_custom_msg({"kind": "poster", "id": number}, [])
    while not answers:
        stub.page.wait_for_timeout(10)
    stub.message(*answers[0])
    assert video(stub)["poster"].startswith("blob:")
    drawn = stub.page.evaluate(
        "async () => { const i = new Image(); i.src = document.querySelector('video').poster;"
        " await i.decode(); return [i.naturalWidth, i.naturalHeight]; }"
    )
    assert drawn == [160, 96]
    assert stub.trait("poster").startswith("data:image/jpeg;base64,"), "what is saved stays small"
    stub.abort()
    assert stub.live_urls() == []


def test_preload_asks_by_itself_and_does_not_play(stub_page, file):
    player = VideoPlayer(file, preload=True)
    stub = stub_page(player)
    stub.exchange(player)
    wait_for(stub, "v.readyState >= 2")
    assert video(stub)["paused"]
    assert video(stub)["time"] == 0


def test_it_can_be_sought_in(paused):
    paused.page.evaluate("() => { document.querySelector('video').currentTime = 2.5; }")
    wait_for(paused, "!v.seeking && v.readyState >= 2")
    assert video(paused)["time"] == pytest.approx(2.5, abs=0.01)


# --- sound --------------------------------------------------------------------------------------------------


def test_no_sound_until_asked(playing):
    button = part(playing, "sound")
    expect(button).to_have_text("Turn sound on")
    button.click()
    assert not video(playing)["muted"]
    expect(button).to_have_text("Turn sound off")
    assert not video(playing)["paused"]
    playing.page.evaluate("() => { document.querySelector('video').muted = true; }")
    expect(button).to_have_text("Turn sound on")


def test_a_clip_without_sound_has_no_such_button(stub_page, tmp_path):
    (tmp_path / "silent.mp4").write_bytes(mp4(audio=False))
    stub = stub_page(VideoPlayer(tmp_path / "silent.mp4"))
    expect(part(stub, "sound")).to_be_hidden()


# --- what can go wrong --------------------------------------------------------------------------------------


def test_a_failure_has_its_reason_and_can_be_tried_again(stub_page, file):
    player = VideoPlayer(file)
    data = file.read_bytes()
    file.rename(file.with_suffix(".away"))
    stub = stub_page(player)
    part(stub, "start").click()
    stub.message({"kind": "failed", "id": player.clip["id"], "reason": "The disk is gone."})
    expect(part(stub, "status")).to_have_text("a fox.mp4 could not be loaded. The disk is gone.")
    part(stub, "again").click()
    assert len(loads(stub)) == 2
    stub.message({"kind": "loaded", "id": player.clip["id"], "type": "video/mp4"}, [data])
    wait_for(stub, "v.currentTime > 0.1")
    expect(part(stub, "status")).to_be_empty()
    expect(part(stub, "again")).to_be_hidden()


def test_what_a_browser_cannot_play_is_told(stub_page, tmp_path):
    player = VideoPlayer(hevc_clip(tmp_path / "new.mp4"))
    stub = stub_page(player)
    expect(part(stub, "notes")).to_contain_text("hevc")
    part(stub, "start").click()
    stub.exchange(player)
    expect(part(stub, "status")).to_contain_text("This browser cannot play new.mp4")
    part(stub, "again").click()
    assert len(loads(stub)) == 2


def test_no_answer_is_told_after_a_while(stub_page, file):
    stub = stub_page(VideoPlayer(file))
    stub.page.clock.install()
    part(stub, "start").click()
    stub.page.clock.fast_forward(6_500)
    expect(part(stub, "status")).to_contain_text("No answer from the kernel yet")
    stub.page.clock.resume()


def test_a_missing_clip_is_words_and_nothing_to_press(stub_page, tmp_path):
    row = {"key": "k", "status": "succeeded", "file": "saved", "video_path": str(tmp_path / "nope.mp4")}
    stub = stub_page(VideoPlayer(row))
    expect(part(stub, "status")).to_have_text("nope.mp4 is not there any more: was it moved?")
    for name in ("start", "save", "sound", "again"):
        expect(part(stub, name)).to_be_hidden()
    part(stub, "root").press("Space")
    assert stub.sent() == []


# --- following a task, and letting go -----------------------------------------------------------------------


def test_a_task_shows_its_status_and_then_its_clip(stub_page, file):
    player = VideoPlayer(file)
    done, poster = player.clip, player.poster
    waiting = {**done, "id": None, "words": "The task is queued at the service.", "save_name": ""}
    stub = stub_page("player", {"clip": waiting, "poster": "", "preload": False})
    expect(part(stub, "status")).to_have_text("The task is queued at the service.")
    expect(part(stub, "start")).to_be_hidden()
    stub.set("clip", {**waiting, "words": "The task is running."})
    expect(part(stub, "status")).to_have_text("The task is running.")
    stub.set("poster", poster)
    stub.set("clip", done)
    expect(part(stub, "status")).to_be_empty()
    part(stub, "start").click()
    stub.exchange(player)
    wait_for(stub, "v.currentTime > 0.1")


def test_another_clip_takes_the_place_and_frees_the_bytes(playing, stub_page, file, tmp_path):
    assert video(playing)["src"] in playing.live_urls()
    other = tmp_path / "other.mp4"
    other.write_bytes(mp4(frames=25, width=192))
    player = VideoPlayer(file)
    old = player.clip["id"]
    player.show(other)
    playing.set("clip", player.clip)
    expect(part(playing, "start")).to_be_visible()
    playing.page.wait_for_function("() => stub.urls().length === 0")
    part(playing, "start").click()
    playing.message({"kind": "loaded", "id": old, "type": "video/mp4"}, [mp4()])
    assert video(playing)["src"] is None, "an answer for the one before"
    playing.message({"kind": "loaded", "id": player.clip["id"], "type": "video/mp4"}, [other.read_bytes()])
    wait_for(playing, "v.videoWidth === 192")


def test_the_view_lets_go_of_everything(playing):
    playing.abort()
    playing.page.wait_for_function("() => stub.urls().length === 0")
    assert playing.listening() == {}
    assert video(playing)["src"] is None
    part(playing, "root").press("Space")
    assert video(playing)["paused"]


# --- saving -------------------------------------------------------------------------------------------------


def test_the_link_is_the_files_name_and_saves_it(stub_page, file):
    player = VideoPlayer(file)
    stub = stub_page(player)
    expect(part(stub, "save")).to_have_text("a fox.mp4")
    with stub.page.expect_download() as saving:
        part(stub, "save").click()
        stub.exchange(player)
    assert saving.value.suggested_filename == "a fox.mp4"
    assert saving.value.path().read_bytes() == file.read_bytes()
    expect(part(stub, "start")).to_be_visible()
    part(stub, "start").click()
    wait_for(stub, "v.currentTime > 0.1")
    assert len(loads(stub)) == 1, "fetched once"


def test_with_a_preview_the_link_saves_the_original(stub_page, file, tmp_path):
    original = hevc_clip(tmp_path / "video.mp4")
    row = {"key": "k", "video_path": str(original), "preview_path": str(file)}
    player = VideoPlayer(row)
    stub = stub_page(player)
    expect(part(stub, "notes")).to_contain_text("preview of 160x96")
    expect(part(stub, "save")).to_have_text("video.mp4")
    part(stub, "start").click()
    stub.exchange(player)
    wait_for(stub, "v.videoWidth === 160")
    with stub.page.expect_download() as saving:
        part(stub, "save").click()
        stub.exchange(player)
    assert saving.value.path().read_bytes() == original.read_bytes()


# --- keys ---------------------------------------------------------------------------------------------------


def test_keys(paused):
    root = part(paused, "root")

    def at(seconds):
        paused.page.evaluate("(at) => { document.querySelector('video').currentTime = at; }", seconds)
        wait_for(paused, "!v.seeking")

    at(1.0)
    root.press("ArrowRight")
    assert video(paused)["time"] == pytest.approx(2.0, abs=0.01)
    root.press("ArrowLeft")
    assert video(paused)["time"] == pytest.approx(1.0, abs=0.01)
    root.press("Shift+ArrowRight")
    assert video(paused)["time"] == pytest.approx(video(paused)["duration"], abs=0.01)
    root.press("Shift+ArrowLeft")
    assert video(paused)["time"] == 0
    at(1.0)
    root.press(".")
    assert video(paused)["time"] == pytest.approx(1 + 1 / 24, abs=0.003)
    root.press(",")
    assert video(paused)["time"] == pytest.approx(1.0, abs=0.003)
    root.press("m")
    assert not video(paused)["muted"]
    root.press("m")
    assert video(paused)["muted"]
    root.press("Space")
    wait_for(paused, "!v.paused && v.currentTime > 1.1")
    root.press("Space")
    wait_for(paused, "v.paused")
    root.press("f")
    paused.page.wait_for_function("() => document.fullscreenElement?.dataset.testid === 'player-root'")
    box = part(paused, "stage").bounding_box()
    assert box["y"] + box["height"] <= paused.page.viewport_size["height"]
    root.press("ArrowLeft")
    assert video(paused)["time"] < 1
    root.press("f")
    paused.page.wait_for_function("() => !document.fullscreenElement")


def test_space_starts_a_clip_that_is_not_loaded(stub_page, file):
    player = VideoPlayer(file)
    stub = stub_page(player)
    stub.page.keyboard.press("Tab")
    assert stub.page.evaluate("() => document.activeElement.dataset.testid") == "player-root"
    stub.page.keyboard.press("Space")
    stub.exchange(player)
    wait_for(stub, "v.currentTime > 0.1")


def test_a_button_keeps_its_own_space_and_shortcuts_stay_the_pages(paused):
    part(paused, "sound").press("Space")
    assert not video(paused)["muted"]
    assert video(paused)["paused"]
    part(paused, "root").press("Control+m")
    assert not video(paused)["muted"]


def test_a_click_on_the_picture_brings_the_keys(paused):
    part(paused, "video").click(position={"x": 40, "y": 30})
    assert paused.page.evaluate("() => document.activeElement.dataset.testid") == "player-root"


# --- words of others, and who can use it --------------------------------------------------------------------


def test_a_long_prompt_is_shown_whole_when_asked_for(stub_page, file):
    player = VideoPlayer({"key": "k", "video_path": str(file), "prompt": HOSTILE})
    stub = stub_page(player)
    prompt = part(stub, "prompt")
    assert prompt.text_content() == player.clip["prompt"]["text"]
    expect(part(stub, "more")).to_have_text(f"Show all {len(HOSTILE):,} characters")
    part(stub, "more").click()
    stub.exchange(player)
    expect(part(stub, "more")).to_be_hidden()
    assert prompt.text_content() == HOSTILE
    assert axe_violations(stub.page) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(stub_page, file, theme, monkeypatch):
    monkeypatch.setenv("VSCODE_PID", "1")
    player = VideoPlayer({"key": "k", "video_path": str(file), "prompt": "a fox"})
    stub = stub_page(player, theme=theme)
    assert axe_violations(stub.page) == []
    part(stub, "start").click()
    assert axe_violations(stub.page) == []
    stub.exchange(player)
    wait_for(stub, "v.currentTime > 0.1")
    assert axe_violations(stub.page) == []
    stub.set("clip", {**player.clip, "id": None, "words": "The task failed.", "failed": True})
    assert axe_violations(stub.page) == []


@pytest.mark.parametrize("width", [320, 400, 1000])
@pytest.mark.parametrize("shape", [(160, 96), (96, 160)])
def test_it_fits_its_place(stub_page, tmp_path, width, shape):
    path = tmp_path / ("a_very_long_name_" * 8 + ".mp4")
    path.write_bytes(mp4(frames=12, width=shape[0], height=shape[1]))
    stub = stub_page(VideoPlayer({"key": "k", "video_path": str(path), "prompt": "x" * 250}), width=width)
    assert stub.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    box = part(stub, "stage").bounding_box()
    assert box["width"] / box["height"] == pytest.approx(shape[0] / shape[1], rel=0.02)
    assert box["height"] <= 490
