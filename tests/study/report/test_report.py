"""The report: one file that needs nothing else, and says what the study says."""

from __future__ import annotations

import re
import shutil
import sqlite3

import pandas as pd
import pytest
from hostile import HURT, TEXTS
from PIL import Image
from stub import axe_violations
from study_clips import ANIMALS, ARMS, SMALL

import seedance_widgets as sw

MORE = (*ANIMALS, "a stork", "a seal", "a wren", "a goat")
LIMIT = 3_000_000


def twenty(studio):
    """Two arms on ten items and two seeds: 20 pairs."""
    return studio.study("animals", ARMS, MORE, seeds=[11, 12], **SMALL)


@pytest.fixture(scope="module")
def twenty_home(tmp_path_factory):
    """Their clips, made once."""
    home = tmp_path_factory.mktemp("twenty") / "runs"
    with sw.Studio(home, simulate=sw.Simulator(speed=1000)) as studio:
        assert sw.run(twenty(studio).run(progress=False)).complete
    return home


@pytest.fixture(scope="module")
def judged(twenty_home):
    """Judged and revealed, to be reported on and left as it is."""
    home = shutil.copytree(twenty_home, twenty_home.parent / "judged")
    with sw.Studio(home, simulate=sw.Simulator(speed=1000)) as studio:
        study = twenty(studio)
        study.rehearse(win_rate=0.9, ties=0.1)
        study.reveal("cy")
        yield study


@pytest.fixture
def unjudged(twenty_home, tmp_path, simulator):
    """A copy of its own for a test that votes, or breaks something."""
    home = shutil.copytree(twenty_home, tmp_path / "unjudged")
    with sw.Studio(home, simulate=simulator) as studio:
        yield twenty(studio)


@pytest.fixture
def opened(browser):
    """Opens a file without a network; hands back the page and whatever it asked for."""
    asked = []

    def open_(path, width=1000, scheme="light"):
        page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
        page.on("request", lambda request: asked.append(request.url))
        page.on("requestfailed", lambda request: pytest.fail(f"failed: {request.url[:200]}"))
        page.on("console", lambda message: pytest.fail(f"console: {message.text}"))
        page.context.set_offline(True)
        page.goto(path.as_uri())
        return page

    open_.asked = asked
    return open_


def test_it_opens_offline_and_asks_for_nothing(judged, opened, tmp_path):
    path = judged.report(tmp_path / "made" / "report.html")
    page = opened(path)
    page.wait_for_load_state()
    # what is to come later than the page would come with the first frame that is drawn
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    assert [url for url in opened.asked if not url.startswith("data:")] == [path.as_uri()]
    assert path.stat().st_size < LIMIT
    assert page.locator("video").count() == 40
    assert page.locator("h1").inner_text().startswith("animals")
    assert not re.search(r"(src|href)=\"?(https?:)?//", path.read_text())


def test_it_says_what_the_results_say(judged, opened, tmp_path):
    row = judged.results().iloc[0]
    page = opened(judged.report(tmp_path / "report.html"))
    answer = page.locator(".answer").inner_text()
    # told from the side of the arm that wins
    assert row["win_rate"] < 0.5
    assert f" wins {1 - row['win_rate']:.0%} of decisive votes" in answer
    assert f"{1 - row['high']:.0%} to {1 - row['low']:.0%}" in answer
    assert answer.startswith("camera is preferred to plain") == bool(row["significant"])
    text = page.locator("main").inner_text()
    for words in ("{item}, slow dolly in", "11 · 12", "a fox · an owl", "Revealed by cy", "Every clip was made",
                  "SIMULATED", "Prices used", "seedance-1-0-pro-250528", "failure rate"):  # fmt: skip
        assert words in text
    figures = dict(line.split("\t") for line in page.locator("table").first.inner_text().split("\n")[1:])
    assert figures["won / tied / lost"] == f"{row['losses']} / {row['ties']} / {row['wins']}"
    assert figures["majorities"].startswith(f"{row['sign_losses']} to {row['sign_wins']}")
    lines = page.locator("svg .main line").first
    x1, x2 = (float(lines.get_attribute(name)) for name in ("x1", "x2"))
    assert ((x1 - 14) / 332, (x2 - 14) / 332) == (pytest.approx(1 - row["high"], abs=1e-3), pytest.approx(1 - row["low"], abs=1e-3))  # fmt: skip


def test_a_report_of_20_pairs_stays_small_whatever_their_posters_weigh(unjudged, tmp_path):
    posters = [*unjudged._studio.home.glob("media/*/poster.jpg")]
    assert len(posters) == 40
    for poster in posters:
        # nothing is harder to compress
        Image.effect_noise((640, 640), 120).convert("RGB").save(poster, quality=95)
    assert sum(poster.stat().st_size for poster in posters) > 2 * LIMIT
    unjudged.rehearse(raters="ann")
    unjudged.reveal()
    assert unjudged.report(tmp_path / "report.html").stat().st_size < LIMIT


def test_what_is_lacking_is_shown(unjudged, opened, tmp_path):
    with sqlite3.connect(unjudged._studio.home / "log.sqlite") as log:
        log.execute(
            "UPDATE tasks SET status = 'failed', error_code = 'OutputVideoSensitiveContentDetected' "
            "WHERE item = 'a fox' AND arm = 'camera'"
        )
    unjudged.rehearse(raters="ann")
    unjudged.reveal()
    page = opened(unjudged.report(tmp_path / "report.html"))
    assert page.locator(".none").count() == 2
    assert "refused\nOutputVideoSensitiveContentDetected" in page.locator(".none").first.inner_text()
    assert "incomplete: camera has 2 refused" in page.locator("main").inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 1200])
def test_it_fits_any_width_and_is_accessible(judged, opened, tmp_path, width, scheme):
    page = opened(judged.report(tmp_path / "report.html"), width, scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert axe_violations(page, "main") == []


def test_it_prints(judged, opened, tmp_path):
    page = opened(judged.report(tmp_path / "report.html"), scheme="dark")
    page.emulate_media(media="print")
    style = page.evaluate(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
    )
    assert style == ["rgb(255, 255, 255)", "rgb(0, 0, 0)"]
    assert page.pdf(format="A4")[:5] == b"%PDF-"


PLAYED = """async video => {
  video.muted = true;
  await video.play();
  while (video.currentTime < 0.1) await new Promise(requestAnimationFrame);
  return video.videoWidth;
}"""


def test_linked_clips_play_where_the_folder_goes(unjudged, opened, tmp_path):
    unjudged.rehearse(raters="ann")
    unjudged.reveal()
    unjudged.report(unjudged._studio.home / "reports" / "animals.html")
    unjudged._studio.close()
    moved = shutil.move(unjudged._studio.home, tmp_path / "another place #1")
    page = opened(moved / "reports" / "animals.html")
    assert page.locator("video").first.evaluate(PLAYED) == 640


def test_embedded_clips_play_alone(judged, opened, tmp_path):
    with pytest.raises(sw.InvalidStudy, match="max_mb=0.01"):
        judged.report(tmp_path / "report.html", clips="embed", max_mb=0.01)
    with pytest.raises(sw.InvalidStudy, match="none of link, embed, posters"):
        judged.report(tmp_path / "report.html", clips="all")
    assert not (tmp_path / "report.html").exists()
    page = opened(judged.report(tmp_path / "report.html", clips="embed"))
    assert page.locator("video").first.evaluate(PLAYED) == 640
    posters = opened(judged.report(tmp_path / "posters.html", clips="posters"))
    assert (posters.locator("video").count(), posters.locator("img").count()) == (0, 40)


def test_votes_lie_beside_it(judged, opened, tmp_path):
    path = judged.report(tmp_path / "out" / "report.html", votes=tmp_path / "out" / "the votes.csv")
    assert opened(path).locator("a").get_attribute("href") == "the%20votes.csv"
    again = pd.read_csv(tmp_path / "out" / "the votes.csv")
    assert again["choice"].tolist() == judged.votes["choice"].tolist()


def test_before_the_reveal_it_is_a_counted_look(unjudged, tmp_path):
    unjudged.rehearse(raters="ann")
    with pytest.raises(sw.InvalidStudy, match=r"study.reveal\(\)"):
        unjudged.report(tmp_path / "report.html")
    unjudged.report(tmp_path / "report.html", peek=True)
    assert "looked at before the reveal" in (tmp_path / "report.html").read_text()


def test_whatever_people_write_is_text(studio, opened, tmp_path):
    markup = TEXTS["markup"]
    arms = {markup[:128]: "{item}", "plain": "{item} " + markup}
    study = studio.study(markup[:128], arms, [*TEXTS.values()], seeds=[1], **SMALL)
    sw.run(study.run(progress=False))
    study.rehearse(sw.RaterModel(dict.fromkeys(arms, 0.0)), [TEXTS["scripts"]])
    study.reveal(markup)
    page = opened(study.report(tmp_path / "report.html"), 390)
    assert not page.evaluate(HURT)
    assert page.title() == " ".join(markup[:128].split())
    assert page.locator("main img, main script, main textarea").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert TEXTS["scripts"] in page.locator("main").inner_text()
