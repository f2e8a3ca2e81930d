"""The player and the grid over real clips and a stub model: they load on demand, play, and keep step."""

from __future__ import annotations

import json

import pytest
from stub import axe_violations

from seedance_widgets.simulator.render import Scene, render_mp4
from seedance_widgets.widgets.compare import CompareGrid, differences
from seedance_widgets.widgets.player import VideoPlayer


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    paths = []
    for number, frames in enumerate((73, 73, 49)):
        path = folder / f"clip-{number}.mp4"
        path.write_bytes(render_mp4(Scene(192, 128, frames=frames, seed=number, audio=number == 0)))
        paths.append(path)
    return paths


def playing(stub, count):
    stub.page.wait_for_function(
        "n => { const all = [...document.querySelectorAll('video')];"
        " return all.length >= n && all.slice(0, n).every(v => v.readyState >= 2 && v.currentTime > 0.2); }",
        arg=count,
        timeout=15_000,
    )


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_player_loads_when_asked_and_plays(stub_page, clips, theme):
    player = VideoPlayer(clips[0])
    stub = stub_page(player, theme=theme)
    assert not [message for message in stub.sent() if message["kind"] == "load"]
    stub.page.get_by_role("button", name="Play").first.click()
    stub.page.wait_for_timeout(100)
    stub.exchange(player)
    playing(stub, 1)
    video = stub.page.locator("video").first
    assert video.evaluate("v => [v.videoWidth, v.muted]") == [192, True]
    assert axe_violations(stub.page) == []
    stub.abort()
    assert stub.live_urls() == []


def test_a_clip_that_is_gone_is_said_in_words(stub_page, clips, tmp_path):
    path = tmp_path / "gone.mp4"
    path.write_bytes(clips[0].read_bytes())
    player = VideoPlayer(path)
    path.unlink()
    player.refresh()
    stub = stub_page(player)
    assert "gone.mp4" in stub.page.inner_text("body")
    assert stub.page.locator("video").count() == 0 or not stub.page.locator("video").first.is_visible()


def test_a_grid_keeps_step_and_recovers_from_a_gap(stub_page, clips):
    grid = CompareGrid(clips[:2], loop=True)
    stub = stub_page(grid)
    stub.page.get_by_role("button", name="Play").first.click()
    stub.page.wait_for_timeout(100)
    stub.exchange(grid)
    playing(stub, 2)
    gap = stub.page.evaluate(
        """async () => {
          const [one, two] = document.querySelectorAll('video');
          two.currentTime = Math.max(0, one.currentTime - 0.3);
          await new Promise(done => setTimeout(done, 500));
          let worst = 0;
          for (let n = 0; n < 5; n += 1) {
            await new Promise(done => setTimeout(done, 40));
            const apart = Math.abs(one.currentTime - two.currentTime);
            worst = Math.max(worst, Math.min(apart, Math.abs(one.duration - apart)));
          }
          return worst;
        }"""
    )
    # generous: the machine that runs the tests may be loaded
    assert gap < 0.25
    stub.page.keyboard.press("Escape")
    assert axe_violations(stub.page) == []


def test_captions_name_what_differs_and_nothing_else():
    rows = [
        {"prompt": "a fox", "seed": 1, "model": "m", "tokens": 5},
        {"prompt": "a fox", "seed": 2, "model": "m", "tokens": 5},
    ]
    assert differences(rows) == [{"seed": 1}, {"seed": 2}]


@pytest.mark.parametrize("count", [1, 10])
def test_a_grid_takes_2_to_9(clips, count):
    with pytest.raises(ValueError, match="2 to 9"):
        CompareGrid([clips[0]] * count)


def test_saved_state_is_small(clips):
    assert len(json.dumps(VideoPlayer(clips[0]).get_state(), default=str)) < 25_000
    assert len(json.dumps(CompareGrid([*clips, clips[0]]).get_state(), default=str)) < 60_000
