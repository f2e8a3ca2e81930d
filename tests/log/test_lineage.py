"""What came of what, what differs, what it would have cost, and the same once more."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pandas as pd
import pytest
from hostile import TEXTS

import seedance_widgets as sw

SMALL = {
    "model": "seedance-1-5-pro",
    "resolution": "480p",
    "ratio": "1:1",
    "duration": 4,
    "generate_audio": False,
}


@pytest.fixture
def story(studio):
    """A draft with two finals, one of which goes on for two clips."""
    draft = sw.run(studio.generate("a fox", seed=11, draft=True, **SMALL))
    plain = sw.run(sw.run(studio.promote(draft, resolution="480p")))
    final = sw.run(sw.run(studio.promote(draft, resolution="480p", return_last_frame=True)))
    clips = sw.run(studio.chain(["it runs", "it rests"], first_frame=final, **SMALL))
    return draft, plain, final, *clips


def picture_of(html):
    return ET.fromstring(re.search(r"<svg.*?</svg>", html, re.DOTALL)[0])


def test_a_lineage_from_anywhere_in_it(studio, story):
    draft, plain, final, first, second = story
    for task in (*story, draft.key, final.id):
        tree = studio.log.lineage(task)
        assert list(tree.index) == [draft.key, plain.key, final.key, first.key, second.key]
    assert tree["depth"].tolist() == [0, 1, 1, 2, 3]
    assert tree["relation"].tolist() == ["root", "final", "final", "next clip", "next clip"]
    assert tree["tokens"].tolist() == [task.tokens for task in story]
    assert tree["usd"].sum() == pytest.approx(studio.spent)
    assert type(tree[tree["depth"] > 0]) is pd.DataFrame
    picture = picture_of(tree._repr_html_())
    names = {"svg": "http://www.w3.org/2000/svg"}
    assert len(picture.findall(".//svg:rect", names)) == 5
    assert len(picture.findall("svg:path", names)) == 4
    assert len(picture.findall(".//svg:image", names)) == 5
    html = tree._repr_html_()
    assert len(html) < 40_000
    for unshown in ("parent_key", "video.mp4", "poster.jpg", str(studio.home)):
        assert unshown not in html
    assert tree["video_path"].tolist() == [str(task.video_path) for task in story]
    assert tree["parent_key"].tolist()[1:] == [draft.key, draft.key, final.key, first.key]


def test_a_task_alone_is_its_own_lineage(studio):
    task = sw.run(studio.generate("a fox", **SMALL))
    tree = studio.log.lineage(task.key)
    assert (tree["depth"].tolist(), tree["relation"].tolist()) == ([0], ["root"])
    with pytest.raises(sw.LogError, match="no task 'nobody'"):
        studio.log.lineage("nobody")
    for wrong in (None, [task]):
        with pytest.raises(sw.LogError, match="a task or its key is wanted"):
            studio.log.lineage(wrong)


def test_what_was_sent_again_hangs_on_what_it_stands_for(studio, simulator):
    simulator.faults.refuse(400, "InputTextSensitiveContentDetected")
    with pytest.raises(sw.RequestRejected) as caught:
        sw.run(studio.submit("a fox", **SMALL))
    again = sw.run(caught.value.task.resend())
    sw.run(again)
    tree = studio.log.lineage(again)
    assert tree["relation"].tolist() == ["root", "sent again"]
    assert tree["status"].tolist() == ["rejected", "succeeded"]


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_texts_in_the_picture_are_text(studio, simulator, text):
    simulator.faults.refuse(400, "InputTextSensitiveContentDetected")
    with pytest.raises(sw.RequestRejected) as caught:
        sw.run(studio.submit(text, **SMALL))
    html = studio.log.lineage(caught.value.task)._repr_html_()
    assert "<script" not in html
    assert "<img" not in html
    picture_of(html)


async def test_only_what_differs(studio):
    one = await studio.generate("a fox", seed=11, **SMALL)
    other = await studio.rerun(one.key, seed=12, return_last_frame=True)
    await other
    apart = studio.log.diff(one.id, other.key)
    assert list(apart.columns) == [one.key, other.key]
    assert apart.to_dict("index") == {
        "requested_seed": {one.key: 11, other.key: 12},
        "seed": {one.key: 11, other.key: 12},
        "return_last_frame": {one.key: None, other.key: True},
    }
    again = await studio.rerun(one)
    await again
    assert studio.log.diff(one, again).empty
    assert again.seed == 11


async def test_a_rerun_is_checked_like_any_request(studio, simulator):
    task = await studio.generate("a fox", **SMALL)
    with pytest.raises(sw.InvalidRequest) as caught:
        await studio.rerun(task.key, duration=99, colour="red")
    assert {problem.parameter for problem in caught.value.problems} == {"duration", "colour"}
    with pytest.raises(sw.LogError):
        await studio.rerun("nobody")
    assert len(simulator.tasks()) == 1


async def test_a_rerun_of_a_final_is_a_final_of_the_same_draft(studio):
    draft = await studio.generate("a fox", draft=True, **SMALL)
    final = await (await studio.promote(draft, resolution="480p"))
    again = await studio.rerun(final, watermark=True)
    row = studio.log.to_pandas().loc[again.key]
    assert (row["kind"], row["parent_key"]) == ("final", draft.key)


async def test_other_prices_for_the_same_tokens(studio):
    task = await studio.generate("a fox", **SMALL)
    at_five = studio.log.reprice({"seedance-1-5-pro": 5.0})
    assert at_five.loc[task.key, "usd"] == pytest.approx(task.tokens * 5e-6)
    assert studio.log.to_pandas().loc[task.key, "usd"] == task.usd
    assert studio.log.reprice().loc[task.key, "usd"] == pytest.approx(task.usd)
