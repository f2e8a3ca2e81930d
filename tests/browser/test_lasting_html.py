"""A run notebook as a web page, moved elsewhere, with no kernel and no network: its cards read, its clips play."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from stub import axe_violations

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "01_quickstart.ipynb"
CARD = ".jp-RenderedHTMLCommon > div:has(> video)"
PLAYED = """async video => {
  await video.play();
  while (video.currentTime < 0.2) await new Promise(requestAnimationFrame);
  video.pause();
  return [video.videoWidth, video.videoHeight];
}"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the converted notebook and of what its run made, at another place than it was made."""
    made = tmp_path_factory.mktemp("made")
    shutil.copy(NOTEBOOK, made)
    done = subprocess.run(
        [sys.executable, "-m", "jupyter", "nbconvert", "--execute", "--to", "html", NOTEBOOK.name],
        cwd=made, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return made.rename(made.with_name("moved"))


@pytest.fixture
def page(browser, site):
    page = browser.new_page(viewport={"width": 1000, "height": 900})
    page.route("http*://**", lambda route: route.abort())
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto((site / "01_quickstart.html").as_uri(), wait_until="domcontentloaded")
    yield page
    assert errors == []


def test_the_cards_of_a_run_notebook_read_without_a_kernel(page):
    cards = [card.inner_text() for card in page.locator(CARD).all()]
    assert len(cards) == 5
    for text in cards:
        for words in (
            "succeeded",
            "SIMULATED, not billed",
            "121 frames",
            "seed ",
            " tokens",
            "spent so far $",
        ):
            assert words in text
    assert "a vast expanse of white daisy fields" in cards[0]
    assert "864x480 · 121 frames" in cards[0]
    assert "49,005 tokens · $0.1225" in cards[0]
    assert axe_violations(page, CARD) == []


def test_its_clips_play_by_their_relative_paths(page):
    videos = page.locator(f"{CARD} > video")
    assert videos.count() == 5
    homes = ["runs"] * 4 + ["july"]  # the last is of a retired model
    for video, home in zip(videos.all(), homes, strict=True):
        source = video.get_attribute("src")
        assert source.startswith(f"{home}/media/")
        assert video.evaluate("video => video.style.backgroundImage").startswith(
            'url("data:image/jpeg;base64,'
        )
        assert video.evaluate(PLAYED)[0] == 864
        link = video.locator("xpath=following-sibling::div/a")
        assert link.get_attribute("href") == source
