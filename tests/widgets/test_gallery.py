"""Verdicts in the log, and the gallery's Python side: what it shows of drafts, and what they would cost."""

from __future__ import annotations

import asyncio
import io
import json
import time

import pytest
from many_drafts import DRAFT, many_drafts
from widget_messages import ask, state_bytes, until

import seedance_widgets as sw
from seedance_widgets.log.schema import tasks
from seedance_widgets.widgets.gallery import Gallery


@pytest.fixture
def galleries():
    made = []

    def make(drafts, **options):
        made.append(Gallery(drafts, **options))
        return made[-1]

    yield make
    for gallery in made:
        gallery.close()


@pytest.fixture
def drafts(studio):
    return many_drafts(studio, 6)


def verdicts_of(studio):
    return [
        None if one is None else str(one) for one in studio.log.to_pandas()["verdict"].to_numpy(na_value=None)
    ]


async def press(gallery, task, verdict):
    """As the browser does it: what is answered once it is decided."""
    answers = []
    gallery.send = lambda content, buffers=None: answers.append(content)
    gallery._handle_custom_msg(
        {"kind": "judge", "key": task if isinstance(task, str) else task.key, "verdict": verdict}, []
    )
    await until(lambda: answers)
    return answers


# --- verdicts in the log ------------------------------------------------------------------------------------


async def test_a_verdict_is_in_the_log_with_its_time(studio, drafts):
    before = time.time()
    assert [task.verdict for task in drafts] == [None] * 6
    assert await drafts[0].judge("accept") is drafts[0]
    await drafts[1].judge("reject")
    assert [task.verdict for task in drafts[:3]] == ["accept", "reject", None]
    assert verdicts_of(studio) == ["accept", "reject", None, None, None, None]
    given = studio.log.verdicts()
    assert list(given.index) == [drafts[0].key, drafts[1].key]
    assert list(given["verdict"]) == ["accept", "reject"]
    assert before - 1 <= given["at"].iloc[0].timestamp() <= given["at"].iloc[1].timestamp() <= time.time()


async def test_a_star_is_an_acceptance_and_kept_apart_from_one(studio, drafts):
    for task, verdict in zip(drafts, ("accept", "star", "reject"), strict=False):
        await task.judge(verdict)
    df = studio.log.to_pandas()
    assert (df["verdict"] == "accept").sum() == 2
    assert drafts[1].verdict == "accept"
    keys = [task.key for task in drafts]
    standing = {keys[0]: "accept", keys[1]: "star", keys[2]: "reject"}
    assert studio.runtime.verdicts.standing(keys) == standing
    assert [task.starred for task in drafts] == [False, True, False, False, False, False]
    assert list(df.index[df["starred"]]) == [drafts[1].key]
    await drafts[1].judge("accept")
    await drafts[0].judge("star")
    await drafts[0].judge(None)
    await drafts[2].judge("star")
    assert [task.starred for task in drafts[:3]] == [False, False, True]
    assert studio.log.to_pandas()["starred"].tolist() == [False, False, True, False, False, False]
    economics = sw.draft_economics(df)
    assert int(economics.acceptance["accepted"].sum()) == 2


async def test_one_draft_is_a_gallery_too(drafts, galleries):
    gallery = galleries(drafts[2])
    assert [draft["key"] for draft in gallery.drafts] == [drafts[2].key]
    await drafts[2].judge("star")
    assert gallery.accepted == gallery.starred == [drafts[2]]


async def test_the_same_again_is_no_news_and_none_takes_it_back(studio, drafts):
    task = drafts[0]
    for verdict in ("accept", "accept", "star", "star", "accept", None, None, "reject"):
        await task.judge(verdict)
    given = studio.log.verdicts()["verdict"].to_numpy(na_value=None)
    assert list(given) == ["accept", "star", "accept", None, "reject"]
    assert task.verdict == "reject"


@pytest.mark.parametrize("verdict", ["starred", "", "ACCEPT", 3])
async def test_there_are_three_verdicts(studio, drafts, verdict):
    with pytest.raises(sw.InvalidRequest, match="accept, reject and star"):
        await drafts[0].judge(verdict)
    assert studio.log.verdicts().empty
    assert drafts[0].verdict is None


async def test_there_is_nothing_to_judge_without_a_clip(studio, simulator):
    simulator.faults.fail_task("OutputVideoSensitiveContentDetected")
    task = await studio.submit("a fox", **DRAFT)
    with pytest.raises(sw.TaskFailed):
        await task
    with pytest.raises(sw.InvalidRequest, match="no clip to judge"):
        await task.judge("accept")
    assert studio.log.verdicts().empty


async def test_the_entry_and_the_row_are_written_both_or_neither(studio, drafts):
    with studio.runtime._store.write() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER full BEFORE UPDATE OF verdict ON tasks BEGIN SELECT RAISE(ABORT, 'disk full'); END"
        )
    with pytest.raises(sw.LogError, match="disk full"):
        await drafts[0].judge("accept")
    assert studio.log.verdicts().empty
    assert drafts[0].verdict is None


async def test_verdicts_outlive_the_studio(tmp_path, simulator, galleries):
    with sw.Studio(tmp_path / "runs", simulate=simulator) as studio:
        made = await asyncio.to_thread(many_drafts, studio, 3)
        await made[0].judge("star")
        await made[2].judge("reject")
        keys = [task.key for task in made]
    with sw.Studio(tmp_path / "runs", simulate=simulator) as studio:
        gallery = galleries(studio)
        assert [draft["key"] for draft in gallery.drafts] == keys[::-1], "the newest first"
        assert [task.key for task in gallery.starred] == [keys[0]]
        assert gallery.verdicts == {keys[0]: "star", keys[2]: "reject"}


# --- the gallery --------------------------------------------------------------------------------------------


async def test_a_press_is_answered_once_the_log_has_it(studio, drafts, galleries):
    gallery = galleries(drafts)
    assert await press(gallery, drafts[1], "star") == [
        {"kind": "judged", "key": drafts[1].key, "verdict": "star"}
    ]
    assert gallery.verdicts == {drafts[1].key: "star"}
    assert verdicts_of(studio) == [None, "accept", None, None, None, None]
    await press(gallery, drafts[0], "accept")
    await press(gallery, drafts[2], "reject")
    assert gallery.accepted == [drafts[0], drafts[1]]
    assert gallery.starred == [drafts[1]]
    assert repr(gallery) == "Gallery(6 drafts: 2 accepted (1 starred), 1 rejected, 3 undecided)"
    await press(gallery, drafts[1], None)
    assert gallery.verdicts == {drafts[0].key: "accept", drafts[2].key: "reject"}


async def test_what_is_refused_is_told_and_changes_nothing(studio, drafts, galleries):
    gallery = galleries(drafts[:5])
    (refused,) = await press(gallery, drafts[5], "accept")
    assert refused == {
        "kind": "refused",
        "key": drafts[5].key,
        "verdict": "accept",
        "reason": "It is not in this gallery.",
    }
    (refused,) = await press(gallery, drafts[0], "maybe")
    assert "none of accept, reject and star" in refused["reason"]
    gallery._handle_custom_msg(["judge"], [])
    gallery._handle_custom_msg({"kind": "judge", "key": ["x"]}, [])
    assert studio.log.verdicts().empty
    assert gallery.verdicts == {}


async def test_a_verdict_from_elsewhere_shows_by_itself(drafts, galleries):
    one, other = galleries(drafts), galleries(drafts[:2])
    await drafts[0].judge("accept")
    await until(lambda: one.verdicts == other.verdicts == {drafts[0].key: "accept"})
    await drafts[0].judge("star")
    await until(lambda: one.starred == other.starred == [drafts[0]])


async def test_clips_and_posters_come_when_asked_for(drafts, galleries):
    gallery = galleries(drafts)
    draft = gallery.drafts[3]
    content, buffers = ask(gallery, draft["clip"])
    assert (content["type"], buffers) == ("video/mp4", [drafts[3].video_path.read_bytes()])
    content, buffers = ask(gallery, draft["poster"])
    assert (content["type"], buffers) == ("image/jpeg", [drafts[3].poster_path.read_bytes()])
    assert len({number for each in gallery.drafts for number in (each["clip"], each["poster"])}) == 12


async def test_only_what_differs_is_told(studio, drafts, galleries):
    gallery = galleries(drafts)
    assert gallery.drafts[1]["prompt"] == "A otter by the sea"
    assert gallery.drafts[1]["facts"] == "seed 1"
    alone = galleries(drafts[:1])
    assert (alone.drafts[0]["prompt"], alone.drafts[0]["facts"]) == ("", "")


async def test_a_draft_on_its_way_joins_when_it_is_done(tmp_path, galleries):
    simulator = sw.Simulator(speed=20)
    with sw.Studio(tmp_path / "runs", simulate=simulator) as studio:
        task = await studio.submit("a fox", **DRAFT)
        gallery = galleries([task])
        assert gallery.drafts[0]["words"].startswith("The task is ")
        assert "clip" not in gallery.drafts[0]
        await until(lambda: "clip" in gallery.drafts[0])
        assert gallery.drafts[0]["still"].startswith("data:image/webp;base64,")
        gallery.close()
    simulator.close()


async def test_a_draft_whose_clip_is_gone_says_so(drafts, galleries):
    drafts[2].video_path.unlink()
    gallery = galleries(drafts)
    assert gallery.drafts[2]["words"] == "video.mp4 is not there any more: was it moved?"
    assert "clip" not in gallery.drafts[2]
    assert "clip" in gallery.drafts[3]


def test_what_a_gallery_shows(studio, galleries):
    with pytest.raises(sw.InvalidRequest, match="a gallery shows tasks, not str; or give it the studio"):
        galleries(["a.mp4"])
    with pytest.raises(sw.InvalidRequest, match="a gallery shows tasks, not NoneType"):
        galleries(None)
    with pytest.raises(sw.InvalidRequest, match="resolution='8k': is none of 480p, 720p, 1080p"):
        galleries(studio, resolution="8k")
    gallery = galleries(studio)
    assert gallery.drafts == []
    assert gallery.accepted == []
    assert repr(gallery) == "Gallery(0 drafts: 0 accepted, 0 rejected, 0 undecided)"


# --- what finals would cost ---------------------------------------------------------------------------------


async def test_the_price_is_that_of_the_finals_and_nothing_is_sent(studio, simulator, drafts, galleries):
    gallery = galleries(drafts)
    assert gallery.price == "None accepted yet. The price of their finals at 1080p is shown here."
    for task in drafts[:3]:
        await press(gallery, task, "accept")
    final = sw.estimate(draft_task=drafts[0].as_draft(), resolution="1080p")
    assert gallery.price == f"3 accepted: finals at 1080p about ${3 * final.usd:.2f}"
    smaller = galleries(drafts, resolution="720p")
    assert smaller.price == f"3 accepted: finals at 720p about ${3 * final.usd * 921_600 / 2_073_600:.2f}"
    assert len(simulator.tasks()) == 1
    promoted = await studio.promote(gallery.accepted[:1])
    assert studio.log.to_pandas().loc[promoted[0].key, "est_usd"] == pytest.approx(final.usd)


async def test_a_final_that_is_there_already_is_told(studio, drafts, galleries):
    gallery = galleries(drafts)
    await drafts[0].judge("accept")
    await (await studio.promote(drafts[0], resolution="480p"))
    await until(lambda: gallery.finals == [drafts[0].key])
    assert gallery.price.endswith("(1 of them with another final already)")
    smaller = galleries(drafts, resolution="480p")
    assert smaller.price == "1 accepted: finals at 480p are there already"
    await press(smaller, drafts[1], "accept")
    usd = sw.estimate(draft_task=drafts[1].as_draft(), resolution="480p").usd
    assert (
        smaller.price
        == f"2 accepted: finals at 480p about ${usd:.2f} (1 is there already, and not paid again)"
    )


async def test_what_cannot_be_made_a_final_has_no_price(tmp_path, simulator, clock, galleries):
    clock.now = time.time()
    with sw.Studio(tmp_path / "runs", simulate=simulator, clock=clock) as studio:
        draft = await studio.generate("a fox", **DRAFT)
        standard = await studio.generate("a fox", **{**DRAFT, "draft": None, "ratio": "1:1"})
        for task in (draft, standard):
            await task.judge("accept")
        gallery = galleries([draft, standard])
        assert gallery.price.endswith("(without 1 that cannot be made a final)")
        clock.pass_(8 * 86_400)
        gallery.refresh()
        assert gallery.price == "2 accepted: none can be made a final"
        assert galleries(studio).drafts == []


# --- how much is saved --------------------------------------------------------------------------------------


async def test_100_drafts_are_100_kilobytes_with_posters_and_without_clips(studio, galleries):
    drafts = await asyncio.to_thread(many_drafts, studio, 100)
    with studio.runtime._store.write() as connection:
        connection.execute(tasks.update().values(prompt="<b>" + "9" * 5_000 + tasks.c.key))
    gallery = galleries(studio)
    for task in drafts:
        await task.judge("star")
    await until(lambda: len(gallery.starred) == 100)
    assert all(draft["still"] for draft in gallery.drafts)
    assert state_bytes(gallery) < 110_000
    assert "9" * 200 not in json.dumps(gallery.get_state())


def test_stills_are_pictures_of_the_drafts(drafts, galleries):
    import base64

    from PIL import Image

    (still,) = {draft["still"] for draft in galleries(drafts[:1]).drafts}
    with (
        Image.open(io.BytesIO(base64.b64decode(still.partition(",")[2]))) as small,
        Image.open(drafts[0].poster_path) as poster,
    ):
        assert small.width / small.height == pytest.approx(poster.width / poster.height, rel=0.05)
        tiny = poster.convert("RGB").resize((8, 8)).tobytes()
        apart = [abs(a - b) for a, b in zip(small.convert("RGB").resize((8, 8)).tobytes(), tiny, strict=True)]
    assert sum(apart) / len(apart) < 12


async def test_a_plain_output_below_says_what_was_decided(drafts, galleries, monkeypatch, notebook):
    gallery = galleries(drafts[:2])
    shown = []
    monkeypatch.setattr("seedance_widgets.widgets.gallery.display_widget", shown.append)
    gallery._ipython_display_()
    assert shown == [gallery]
    assert notebook.texts[0].startswith("2 drafts: 0 accepted, 0 rejected, 2 undecided.")
    await press(gallery, drafts[0], "accept")
    await asyncio.to_thread(notebook.wait_for, "2 drafts: 1 accepted, 0 rejected, 1 undecided.")
    (said,) = notebook.texts
    assert said.startswith("2 drafts: 1 accepted, 0 rejected, 1 undecided.")
    assert "The verdicts are in the log" in said
