"""The player's Python side: what it says of a clip, and what it hands to the browser when asked."""

from __future__ import annotations

import pytest
from clips import SMALL, hevc_clip, mp4, noisy_clip
from widget_messages import HOSTILE, ask, state_bytes, until

import seedance_widgets as sw
from seedance_widgets.widgets.clip_views import look, poster_url
from seedance_widgets.widgets.on_demand import excerpt
from seedance_widgets.widgets.player import VideoPlayer


@pytest.fixture(autouse=True)
def _not_in_vs_code(monkeypatch):
    monkeypatch.delenv("VSCODE_PID", raising=False)
    monkeypatch.delenv("VSCODE_CWD", raising=False)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "a fox.mp4"
    path.write_bytes(mp4())
    return path


# --- what is shown ------------------------------------------------------------------------------------------


def test_a_path(file):
    player = VideoPlayer(file)
    clip = player.clip
    assert (clip["name"], clip["width"], clip["height"], clip["fps"]) == ("a fox.mp4", 160, 96, 24.0)
    assert clip["duration"] == pytest.approx(25 / 24, abs=1e-3)
    assert clip["bytes"] == len(mp4())
    assert clip["audio"]
    assert clip["words"] == ""
    assert clip["facts"].startswith("160x96 · 1.0 s · ")
    assert player.poster.startswith("data:image/jpeg;base64,")
    assert player.source == file
    assert repr(player) == "VideoPlayer('a fox.mp4')"


def test_a_clip_without_sound_says_so(tmp_path):
    (tmp_path / "silent.mp4").write_bytes(mp4(audio=False))
    assert not VideoPlayer(str(tmp_path / "silent.mp4")).clip["audio"]


async def test_a_task_and_its_row_show_the_same(studio):
    task = await studio.generate("a fox", seed=11, **SMALL)
    row = studio.log.to_pandas().loc[task.key]
    shown, of_row, of_mapping = VideoPlayer(task), VideoPlayer(row), VideoPlayer(dict(row, key=task.key))
    assert shown.clip == of_row.clip == of_mapping.clip
    assert shown.poster == of_row.poster
    assert shown.clip["prompt"] == {"text": "a fox"}
    assert shown.clip["label"] == task.key
    assert ask(shown, shown.clip["id"])[1] == [task.video_path.read_bytes()]


@pytest.mark.parametrize("source", [None, 3, ["a.mp4"], object()])
def test_what_is_no_clip(source):
    with pytest.raises(sw.InvalidRequest, match="a Task, a path or a row"):
        VideoPlayer(source)


def test_a_path_has_to_lead_to_a_clip(file, tmp_path):
    (tmp_path / "text.mp4").write_text("this is no clip")
    player = VideoPlayer(file)
    for path, words in (
        (tmp_path / "nope.mp4", "nope.mp4 is not there"),
        ("nope.mp4", "nope.mp4 is not there"),
        (tmp_path / "text.mp4", "text.mp4 is not a clip"),
        (tmp_path, "is not a clip|directory"),
    ):
        with pytest.raises(sw.MediaError, match=words):
            VideoPlayer(path)
        with pytest.raises(sw.MediaError, match=words):
            player.show(path)
    assert player.source == file, "what was shown stays"


def test_a_row_whose_clip_is_gone_is_told_in_words(tmp_path):
    row = {"key": "k", "status": "succeeded", "file": "saved", "video_path": str(tmp_path / "video.mp4")}
    gone = VideoPlayer(row)
    assert gone.clip["words"] == "video.mp4 is not there any more: was it moved?"
    assert gone.clip["failed"]
    assert "id" not in gone.clip


def test_refresh_finds_what_has_come_or_changed(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(mp4())
    player = VideoPlayer(path)
    first = player.clip["id"]
    player.refresh()
    assert player.clip["id"] == first, "the browser keeps what it has"
    path.write_bytes(mp4(frames=12))
    player.refresh()
    assert player.clip["id"] != first
    path.unlink()
    player.refresh()
    assert player.clip["failed"]
    assert player.poster == ""


def test_another_clip_in_the_same_place(file, tmp_path):
    player = VideoPlayer(file)
    other = tmp_path / "other.mp4"
    other.write_bytes(mp4(frames=12))
    before = player.clip["id"]
    player.show(other)
    assert player.clip["name"] == "other.mp4"
    assert player.clip["id"] != before
    with pytest.raises(sw.InvalidRequest):
        player.show(3)
    assert player.source == other


# --- tasks on their way -------------------------------------------------------------------------------------


async def test_a_running_task_is_followed_to_its_clip(tmp_path):
    simulator = sw.Simulator(speed=20)
    with sw.Studio(tmp_path / "runs", simulate=simulator) as studio:
        task = await studio.submit("a fox", **SMALL)
        player = VideoPlayer(task)
        assert player.clip["words"].startswith("The task is ")
        assert (player.clip["width"], player.clip["height"]) == (640, 640), "its place has its shape"
        assert "id" not in player.clip
        assert not player.clip["failed"]
        words = [player.clip["words"]]
        player.observe(lambda change: words.append(change["new"]["words"]), "clip")
        await until(lambda: player.clip.get("id"))
        assert player.clip["words"] == ""
        assert player.poster
        assert any("queued" in said or "running" in said for said in words)
        assert ask(player, player.clip["id"])[1] == [task.video_path.read_bytes()]
        await until(lambda: not player._follower._running)
    simulator.close()


async def test_a_failed_task_is_told_in_words(studio, simulator):
    simulator.faults.fail_task("OutputVideoSensitiveContentDetected")
    task = await studio.submit("a fox", **SMALL)
    player = VideoPlayer(task)
    await until(lambda: player.clip["failed"])
    assert "OutputVideoSensitiveContentDetected" in player.clip["words"]
    assert "nothing is billed" in player.clip["words"]


async def test_following_does_not_draw_the_cards_of_the_cell_that_waits(studio):
    task = await studio.submit("a fox", **SMALL)

    class Card:
        """Of a cell that waits: only that cell may draw it for the last time."""

        finished = False

        def redraw(self):
            return

        async def finish(self):
            self.finished = True

    task._card = Card()
    player = VideoPlayer(task)
    await until(lambda: player.clip.get("id"))
    assert not task._card.finished


async def test_a_closed_player_follows_no_more(tmp_path):
    simulator = sw.Simulator(speed=200, limits={"concurrency": 0})
    with sw.Studio(tmp_path / "runs", simulate=simulator) as studio:
        player = VideoPlayer(await studio.submit("a fox", **SMALL))
        assert player._follower._running
        player.close()
        await until(lambda: not player._follower._running)
    simulator.close()


# --- previews and notes -------------------------------------------------------------------------------------


def test_a_preview_is_shown_and_says_so_and_the_link_saves_the_original(tmp_path):
    from seedance_widgets.media.video_file import make_preview

    original, preview = hevc_clip(tmp_path / "video.mp4"), tmp_path / "preview.mp4"
    make_preview(original, preview)
    row = {"key": "k", "status": "succeeded", "file": "saved", "video_path": str(original)}
    player = VideoPlayer(row | {"preview_path": str(preview)})
    assert player.clip["name"] == "preview.mp4"
    assert player.clip["save_name"] == "video.mp4"
    assert "This is an H.264 preview" in player.clip["notes"][0]
    assert "the original is video.mp4 (hevc, 320x192, " in player.clip["notes"][0]
    assert ask(player, player.clip["id"])[1] == [preview.read_bytes()]
    assert ask(player, player.clip["save_id"])[1] == [original.read_bytes()]
    alone = VideoPlayer(row)
    assert "hevc, which most browsers do not play" in alone.clip["notes"][0]


@pytest.mark.parametrize("name", ["VSCODE_PID", "VSCODE_CWD"])
def test_vs_code_is_told_that_sound_may_be_missing(file, tmp_path, monkeypatch, name):
    assert not VideoPlayer(file).clip["notes"]
    monkeypatch.setenv(name, "1")
    assert "without its sound" in VideoPlayer(file).clip["notes"][0]
    (tmp_path / "silent.mp4").write_bytes(mp4(audio=False))
    assert not VideoPlayer(tmp_path / "silent.mp4").clip["notes"], "where there is none, none is missing"


# --- what the browser may ask for ---------------------------------------------------------------------------


def test_bytes_come_when_asked_for_and_only_what_is_offered(file):
    player = VideoPlayer(file)
    content, buffers = ask(player, player.clip["id"])
    assert content == {"kind": "loaded", "id": player.clip["id"], "type": "video/mp4"}
    assert buffers == [mp4()]
    for number in (0, 99, None, "1", "/etc/passwd", [1]):
        content, buffers = ask(player, number)
        assert (content["kind"], buffers) == ("failed", [])
        assert content["reason"]


def test_a_file_that_has_gone_fails_with_its_reason(file):
    player = VideoPlayer(file)
    file.unlink()
    content, _ = ask(player, player.clip["id"])
    assert content["kind"] == "failed"
    assert "No such file" in content["reason"]
    assert str(file.parent) not in content["reason"]


def test_other_messages_are_left_alone(file):
    player = VideoPlayer(file)
    player.send = lambda *_: pytest.fail("nothing was asked")
    for content in ({"kind": "other"}, "text", None, {}):
        player._handle_custom_msg(content, [])


def test_a_long_prompt_is_an_excerpt_and_whole_when_asked_for(file):
    row = {"key": "k", "video_path": str(file), "prompt": HOSTILE}
    player = VideoPlayer(row)
    prompt = player.clip["prompt"]
    assert len(prompt["text"]) < 310
    assert prompt["length"] == len(HOSTILE)
    content, buffers = ask(player, prompt["id"])
    assert content["type"] == "text/plain"
    assert buffers[0].decode() == HOSTILE


def test_an_excerpt_holds_the_place_it_is_about():
    assert excerpt("short") == "short"
    text = "a" * 500 + "HERE" + "b" * 500
    assert "HERE" in excerpt(text, 500)
    assert excerpt(text, 500).startswith("…")
    assert excerpt(text).startswith("aaa")
    assert excerpt(text, 1000).endswith("bbb")


# --- how much is saved --------------------------------------------------------------------------------------


def test_saved_state_is_under_25_kilobytes(file, tmp_path):
    worst = {"key": "k", "video_path": str(noisy_clip(tmp_path / "noise.mp4")), "prompt": HOSTILE}
    for source in (file, worst):
        player = VideoPlayer(source)
        assert player.poster
        assert state_bytes(player) < 25_000


def test_a_poster_fits_whatever_it_shows(tmp_path):
    path = noisy_clip(tmp_path / "noise.mp4")
    for limit in (6_000, 2_000, 900):
        url = poster_url(path, look(path), limit)
        assert url.startswith("data:image/jpeg;base64,")
        assert len(url) <= limit * 4 / 3 + 40
    assert poster_url(path, look(path), 10) == ""


def test_a_saved_poster_that_has_gone_is_made_again(file, tmp_path):
    row = {"key": "k", "video_path": str(file), "poster_path": str(tmp_path / "gone.jpg")}
    assert VideoPlayer(row).poster


def test_nothing_is_read_whole_on_construction(file, monkeypatch):
    monkeypatch.setattr(type(file), "read_bytes", lambda _: pytest.fail("bytes were read"))
    assert VideoPlayer(file, preload=True).preload
