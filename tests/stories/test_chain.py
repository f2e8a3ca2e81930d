"""Chains: the last frame feeds the next clip, and however a chain ends, no link of it is paid twice."""

from __future__ import annotations

import asyncio
import io
import itertools
import json
import subprocess
import sys
import time
from pathlib import Path

import av
import numpy as np
import pandas as pd
import pytest
from folder_server import served
from pictures import photo
from PIL import Image

import seedance_widgets as sw

SMALL = {
    "model": "seedance-1-5-pro",
    "resolution": "480p",
    "ratio": "1:1",
    "duration": 4,
    "generate_audio": False,
}
PROMPTS = ["a fox wakes up", "it runs to the sea", "it looks at the waves"]
_CHILD = Path(__file__).parents[1] / "support" / "chain_child.py"


def paid(simulator):
    return [task for task in simulator.tasks() if task["billed_tokens"]]


async def test_the_last_frame_feeds_the_next_clip_as_it_came(studio, simulator):
    told = []
    tasks = await studio.chain(
        PROMPTS, first_frame=photo(640, 640), seed=[1, 2, 3],
        progress=lambda link, links, task: told.append((link, links, task.status)), **SMALL,
    )  # fmt: skip
    assert [task.status for task in tasks] == ["succeeded"] * 3
    assert [task.seed for task in tasks] == [1, 2, 3]
    assert [task.request.prompt for task in tasks] == PROMPTS
    for before, after in itertools.pairwise(tasks):
        assert after.request.first_frame.data == before.last_frame_path.read_bytes()
    frame = studio.log.to_pandas()
    assert frame["parent_key"].isna().tolist() == [True, False, False]
    assert frame["parent_key"].tolist()[1:] == [tasks[0].key, tasks[1].key]
    assert [link for link, _, status in told if status == "succeeded"] == [1, 2, 3]
    assert {links for _, links, _ in told} == {3}


async def test_a_chain_that_is_asked_for_again_pays_nothing(studio, simulator):
    first = await studio.chain(PROMPTS[:2], seed=7, **SMALL)
    again = await studio.chain(PROMPTS[:2], seed=7, callback_url="https://example.com/hook", **SMALL)
    assert [task.key for task in again] == [task.key for task in first]
    longer = await studio.chain(["a fox wakes up", "it goes back to sleep"], seed=7, **SMALL)
    assert longer[0].key == first[0].key
    assert len(simulator.tasks()) == 3
    other = await studio.chain(PROMPTS[:1], seed=7, name="second take", **SMALL)
    assert other[0].key != first[0].key
    assert len(simulator.tasks()) == 4


async def test_it_stops_at_the_first_failure_and_says_how_to_go_on(studio, simulator):
    simulator.faults.refuse(429, "SetLimitExceeded")
    with pytest.raises(sw.ChainStopped, match="link 1 of 3 was not made") as caught:
        await studio.chain(PROMPTS, seed=7, **SMALL)
    assert isinstance(caught.value.__cause__, sw.RequestRejected)
    assert (caught.value.link, caught.value.tasks, caught.value.task.status) == (1, [], "rejected")

    def fail_the_second(link, _, task):
        if (link, task.status) == (1, "succeeded"):
            simulator.faults.fail_task("OutputVideoSensitiveContentDetected")

    with pytest.raises(sw.ChainStopped) as caught:
        await studio.chain(PROMPTS, seed=7, progress=fail_the_second, **SMALL)
    error = caught.value
    assert (error.link, len(error.tasks), error.task.status) == (2, 1, "failed")
    price = sw.estimate(**SMALL).usd
    for words in ("link 2 of 3", "OutputVideoSensitive", f"${price:.4f}", "call studio.chain again"):
        assert words in str(error)
    assert len(simulator.tasks()) == 2
    tasks = await studio.chain(PROMPTS, seed=7, **SMALL)
    assert tasks[0] is error.tasks[0]
    assert len(paid(simulator)) == 3
    assert studio.spent == pytest.approx(3 * price)


async def test_the_budget_covers_all_links_or_none_is_sent(studio, simulator):
    price = sw.estimate(**SMALL).usd
    studio.budget_usd = 2.5 * price
    with pytest.raises(sw.BudgetExceeded, match="these 3 requests together"):
        await studio.chain(PROMPTS, **SMALL)
    assert simulator.tasks() == []
    await studio.chain(PROMPTS[:2], **SMALL)
    studio.budget_usd = 3 * price  # enough for the one that is missing
    assert len(await studio.chain(PROMPTS, **SMALL)) == 3


async def test_the_problems_of_all_links_are_told_at_once(studio, simulator):
    with pytest.raises(sw.InvalidRequest) as caught:
        await studio.chain(["a fox", ""], last_frame=photo(640, 640), draft=True, return_last_frame=False)
    assert {p.parameter for p in caught.value.problems} == {"last_frame", "draft", "return_last_frame"}
    with pytest.raises(sw.InvalidRequest) as caught:
        await studio.chain(PROMPTS, duration=99, colour="red")
    assert sorted(p.parameter for p in caught.value.problems) == ["colour", "duration"]
    with pytest.raises(sw.InvalidRequest, match="one for all links, or 3"):
        await studio.chain(PROMPTS, seed=[1, 2])
    for wrong in ("a fox", None):
        with pytest.raises(sw.InvalidRequest, match="a list"):
            await studio.chain(wrong)
    with pytest.raises(sw.InvalidRequest, match="one prompt a link"):
        await studio.chain(PROMPTS, prompt="a fox")
    assert await studio.chain([]) == []
    assert simulator.tasks() == []


async def test_prompts_may_be_any_row_of_texts(studio, simulator):
    one, other = await studio.chain((prompt for prompt in PROMPTS[:2]), seed=7, **SMALL)
    assert await studio.chain(pd.Series(PROMPTS[:2]), seed=np.array([7, 7]), **SMALL) == [one, other]
    assert len(simulator.tasks()) == 2


async def test_a_notebook_is_told_how_far_it_is_and_what_it_has_cost(studio, simulator, notebook):
    price = sw.estimate(**SMALL).usd

    def told():
        return notebook.texts[-1].splitlines()

    def seen_before_it_is_over(link, links, task):
        if link == links and task.video_path is not None:
            notebook.wait_for(f"1 of 2 links made, ${price:.4f}; link 2 is on its way")

    first, _ = await studio.chain(PROMPTS[:2], seed=7, progress=seen_before_it_is_over, **SMALL)
    said = told()
    assert f"1  succeeded  {first.key}  ${price:.4f}  a fox wakes up" in said
    assert said[-1] == f"2 of 2 links made, ${2 * price:.4f}"
    simulator.faults.refuse(400, "InputTextSensitiveContentDetected")
    with pytest.raises(sw.ChainStopped) as caught:
        await studio.chain(PROMPTS, seed=7, **SMALL)
    said = told()
    assert said[-1] == "stopped at link 3 of 3"
    assert f"3  rejected  {caught.value.task.key}  $0.0000  it looks at the waves" in said
    await studio.chain(PROMPTS, seed=7, **SMALL)
    assert told()[-1] == (
        f"3 of 3 links made, ${3 * price:.4f}, of which 2 were there already and paid before"
    )


async def test_it_goes_on_from_a_final(studio):
    draft = await studio.generate("a fox", draft=True, **SMALL)
    final = await (await studio.promote(draft, resolution="480p", return_last_frame=True))
    (clip,) = await studio.chain(["it runs"], first_frame=final, **SMALL)
    for other in (final.last_frame_path, str(final.last_frame_path), final.key):
        (same,) = await studio.chain(["it runs"], first_frame=other, **SMALL)
        assert clip is same
    assert studio.log.to_pandas().loc[clip.key, "parent_key"] == final.key
    assert clip.request.first_frame.data == final.last_frame_path.read_bytes()


async def test_a_last_frame_that_is_lost_is_taken_from_the_clip(studio):
    first, _ = await studio.chain(PROMPTS[:2], **SMALL)
    lost = first.last_frame_path.read_bytes()
    first.last_frame_path.unlink()
    _, other = await studio.chain([PROMPTS[0], "another way"], **SMALL)
    assert other.request.first_frame.size == (640, 640)
    with av.open(str(first.video_path)) as clip:
        *_, last = clip.decode(video=0)
    assert last.to_image().tobytes() == _pixels(other.request.first_frame.data) == _pixels(lost)


def _pixels(data):
    with Image.open(io.BytesIO(data)) as picture:
        return picture.convert("RGB").tobytes()


async def test_a_link_whose_answer_was_lost_is_found_and_not_sent_again(studio, simulator):
    simulator.faults.drop_reply()
    tasks = await studio.chain(PROMPTS[:2], **SMALL)
    assert len(tasks) == len(simulator.tasks()) == 2


async def test_two_that_ask_for_the_same_chain_at_once_make_it_once(studio, simulator):
    one, other = await asyncio.gather(
        studio.chain(PROMPTS[:2], seed=7, **SMALL), studio.chain(PROMPTS[:2], seed=7, **SMALL)
    )
    assert [task.key for task in one] == [task.key for task in other]
    assert len(simulator.tasks()) == 2


async def test_a_link_that_was_sent_again_by_hand_is_the_link(studio, simulator):
    simulator.faults.refuse(400, "InputTextSensitiveContentDetected")
    with pytest.raises(sw.ChainStopped) as caught:
        await studio.chain(PROMPTS[:1], **SMALL)
    again = await caught.value.task.resend()
    (task,) = await studio.chain(PROMPTS[:1], **SMALL)
    assert task is again
    assert len(simulator.tasks()) == 1


# --- a chain of five, a link that fails, and a kernel that is killed ----------------------------------------


class Child:
    """A kernel that makes a chain, goes on only when told to, and can be killed at any step."""

    def __init__(self, home, url, definition):
        self._process = subprocess.Popen(
            [sys.executable, str(_CHILD), str(home), url, json.dumps(definition)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def until(self, *words):
        """Let it go on until it says these words; it then waits for the next call."""
        while (said := self._process.stdout.readline().split()) != [*map(str, words)]:
            assert said, "the child has ended"
            self.on()

    def on(self):
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def kill(self):
        self._process.kill()
        self._process.communicate()


@pytest.mark.filterwarnings("ignore::seedance_widgets.errors.RetiredModelWarning")
def test_a_chain_of_five_outlives_its_kernel_and_becomes_a_story(tmp_path, browser, monkeypatch):
    five = {
        "prompts": [*PROMPTS, "a storm comes up", "the fox goes home"],
        "model": "seedance-1-5-pro", "resolution": "480p", "ratio": "1:1", "duration": 5, "seed": 7,
    }  # fmt: skip
    simulator = sw.Simulator(speed=200)
    with simulator.serve() as url:
        child = Child(tmp_path / "runs", url, five)
        try:
            child.until(2, "succeeded")
            simulator.faults.fail_task("OutputVideoSensitiveContentDetected")
            child.on()
            child.until("stopped", 3, "TaskFailed")
            # the second try is accepted, and its answer never arrives
            simulator.faults.slow(60.0, on="create")
            child.on()
            child.until(2, "succeeded")
            child.on()
            while len(simulator.tasks()) < 4:
                time.sleep(0.02)
        finally:
            child.kill()
        assert len(paid(simulator)) <= 3
        with sw.Studio(tmp_path / "runs", api_key="k", base_url=url) as studio:
            assert studio.log.to_pandas()["status"].tolist() == ["succeeded"] * 2 + ["failed", "intent"]
            tasks = sw.run(studio.chain(**five))
            assert len(simulator.tasks()) == 6
            assert len(paid(simulator)) == 5
            assert [task.key for task in sw.run(studio.chain(**five))] == [task.key for task in tasks]
            assert len(simulator.tasks()) == 6
            assert studio.spent == pytest.approx(sum(task.usd for task in tasks))
            monkeypatch.chdir(tmp_path)
            story = sw.concat(tasks, "story.mp4")
    simulator.close()
    assert (story.frames, story.video, story.sound) == (5 * 121, "copied", "copied")
    with av.open("story.mp4") as container:
        assert sum(1 for _ in container.decode(video=0)) == 605
    with av.open("story.mp4") as container:
        *_, last = container.decode(audio=0)
        assert last.time + last.samples / last.sample_rate == pytest.approx(605 / 24, abs=0.04)
    _plays(browser, story, tmp_path)


def _plays(browser, story, folder):
    (folder / "page.html").write_text(f"<!doctype html>{story._repr_html_()}")
    with served(folder) as url:
        page = browser.new_page()
        page.goto(f"{url}/page.html")
        video = page.locator("video")
        page.wait_for_function("() => document.querySelector('video').readyState >= 2")
        # over all joints, that which the kernel died at among them
        video.evaluate("v => { v.playbackRate = 8; return v.play(); }")
        page.wait_for_function("() => document.querySelector('video').currentTime > 4 * 121 / 24 + 0.5")
        assert video.evaluate("v => v.error") is None
        assert video.evaluate("v => v.webkitAudioDecodedByteCount") > 0
