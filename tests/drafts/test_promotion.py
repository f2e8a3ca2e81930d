"""Finals from drafts: what is reused, what is refused, what it costs, and that all is settled before a POST."""

from __future__ import annotations

import io
import json
import sqlite3

import httpx
import pandas as pd
import pytest
from pictures import photo

import seedance_widgets as sw
from seedance_widgets.drafts.promotion import keys_of_drafts

SMALL = {"model": "seedance-1-5-pro", "resolution": "480p", "ratio": "1:1", "duration": 4}
DRAFT = {**SMALL, "draft": True}
SIDES = 640 * 640 * 97 // 1024
REUSED = {
    "model": "seedance-1-0-pro",
    "prompt": "a dog",
    "first_frame": photo(640, 640),
    "last_frame": photo(640, 640),
    "reference_images": [photo(640, 640)],
    "generate_audio": False,
    "seed": 12,
    "ratio": "16:9",
    "duration": 5,
    "frames": 29,
    "camera_fixed": False,
}
ELSE_ILLEGAL = {
    "draft": True,
    "resolution": "4k",
    "service_tier": "best",
    "execution_expires_after": 1,
    "callback_url": "ftp://nowhere",
    "safety_identifier": "x" * 65,
    "priority": 3,
    "extra": {"content": [{"type": "text", "text": "a dog"}]},
    "colour": "red",
}


def sent_by(studio):
    """Every body that the log has, with its status, oldest first."""
    with sqlite3.connect(studio.home / "log.sqlite") as log:
        rows = log.execute("SELECT status, body FROM tasks ORDER BY intent_at, key").fetchall()
    return [(status, json.loads(body)) for status, body in rows]


@pytest.mark.parametrize(("audio", "tenths"), [(True, 6), (False, 7)])
async def test_a_draft_bills_its_share_and_its_final_in_full(studio, audio, tenths):
    draft = await studio.generate("a fox", seed=11, generate_audio=audio, **DRAFT)
    assert draft.tokens == SIDES * tenths // 10
    final = await (await studio.promote(draft, resolution="480p"))
    assert final.tokens == SIDES
    assert final.usd == pytest.approx(SIDES * (2.4e-6 if audio else 1.2e-6))


async def test_a_final_reuses_what_its_draft_has(studio, simulator):
    draft = await studio.generate(
        "a fox", first_frame=photo(640, 640), seed=11, camera_fixed=True, generate_audio=False, **DRAFT
    )
    final = await (await studio.promote(draft, resolution="480p", watermark=True, return_last_frame=True))
    (_, body) = sent_by(studio)[1]
    del body["execution_expires_after"]
    assert body == {
        "model": "seedance-1-5-pro-251215",
        "content": [{"type": "draft_task", "draft_task": {"id": draft.id}}],
        "resolution": "480p",
        "watermark": True,
        "return_last_frame": True,
    }
    frame = studio.log.to_pandas()
    row, of_draft = frame.loc[final.key], frame.loc[draft.key]
    assert (row["kind"], row["parent_key"]) == ("final", draft.key)
    for name in ("model", "prompt", "seed", "ratio", "duration", "frames", "generate_audio"):
        assert row[name] == of_draft[name]
    with simulator._service.world.transaction(0) as world:
        made, sketched = (world.task(task.id).facts for task in (final, draft))
    for name in ("prompt", "pictures", "camera_fixed"):
        assert made[name] == sketched[name]
    assert final.last_frame_path.exists()


@pytest.fixture(scope="module")
def one_draft(tmp_path_factory):
    """A draft that nothing is ever sent for: its studio, its service, and the draft."""
    simulator = sw.Simulator(speed=200)
    with sw.Studio(tmp_path_factory.mktemp("draft") / "runs", simulate=simulator) as studio:
        yield studio, simulator, sw.run(studio.generate("a fox", **DRAFT))
    simulator.close()


@pytest.mark.parametrize("name", [*REUSED, *ELSE_ILLEGAL])
async def test_every_illegal_override_is_refused_before_sending(one_draft, name):
    studio, simulator, draft = one_draft
    with pytest.raises(sw.InvalidRequest) as caught:
        await studio.promote(draft, **{name: {**REUSED, **ELSE_ILLEGAL}[name]})
    assert name in [problem.parameter for problem in caught.value.problems]
    assert len(simulator.tasks()) == len(studio.log.to_pandas()) == 1


async def test_a_switch_that_is_off_changes_a_final_too(one_draft):
    studio, simulator, draft = one_draft
    with pytest.raises(sw.InvalidRequest, match="generate_audio=False: reused from the draft"):
        await studio.submit(draft_task=draft, generate_audio=False)
    assert len(simulator.tasks()) == 1


async def drafts_of(studio, count):
    """So many drafts, made at the same time."""
    drafts = [await studio.submit(f"a fox {seed}", seed=seed, **DRAFT) for seed in range(count)]
    for draft in drafts:
        await draft
    return drafts


async def test_the_problems_of_all_drafts_are_told_at_once(studio, simulator):
    good = await studio.generate("a fox", **DRAFT)
    standard = await studio.generate("a fox", **{**SMALL, "model": "seedance-1-0-pro"})
    simulator.faults.fail_task("OutputVideoSensitiveContentDetected")
    failed = await studio.submit("a fox", **DRAFT)
    with pytest.raises(sw.TaskFailed):
        await failed
    before = len(simulator.tasks())
    with pytest.raises(sw.InvalidRequest) as caught:
        await studio.promote([good, standard, failed, good, "cgt-nobodys"], seed=3, duration=6)
    said = {(problem.parameter, problem.value) for problem in caught.value.problems}
    assert said == {
        ("seed", 3), ("duration", 6), ("draft", standard.key), ("draft", failed.key), ("draft", good.key),
        ("draft", "cgt-nobodys"),
    }  # fmt: skip
    text = str(caught.value)
    for words in ("is a standard task", "no draft to finish", "twice", "not in this studio's log"):
        assert words in text
    assert len(simulator.tasks()) == before


async def test_a_draft_is_refused_when_its_seven_days_are_over(tmp_path, clock):
    simulator = sw.Simulator(speed=10_000, clock=clock)
    with sw.Studio(tmp_path, simulate=simulator, clock=clock) as studio:
        draft = await studio.submit("a fox", **DRAFT)
        clock.pass_(60)
        await draft
        clock.pass_(7 * 86_400 - 120)
        await studio.promote(draft, resolution="480p")
        clock.pass_(120)
        with pytest.raises(sw.InvalidRequest, match="7 days"):
            await studio.promote(draft.key, resolution="480p")
        assert len(simulator.tasks()) == 2
    simulator.close()


async def test_the_price_of_each_is_shown_first(studio, capsys):
    drafts = await drafts_of(studio, 2)
    with_prices = []
    stop = studio.subscribe(lambda row: row and with_prices.append(capsys.readouterr().out))
    made = await studio.promote(drafts, resolution="480p")
    stop()
    price = sw.estimate(**SMALL).usd
    shown = with_prices[0]
    assert f"2 finals, ${2 * price:.4f} at most" in shown
    for draft in drafts:
        assert draft.key in shown
        assert draft.request.prompt in shown
    assert shown.count(f"${price:.4f}") == 2
    assert [task.request.draft_task.id for task in made] == [draft.id for draft in drafts]
    await studio.promote(drafts[0].id, resolution="480p", watermark=True)
    assert f"it has a final already: {made[0].key}" in capsys.readouterr().out


async def test_the_same_final_is_not_paid_twice(studio, simulator, capsys):
    drafts = await drafts_of(studio, 2)
    first = await studio.promote(drafts[0], resolution="480p")
    assert await studio.promote(drafts[0], resolution="480p", service_tier="flex") is first
    capsys.readouterr()
    both = await studio.promote(drafts, resolution="480p")
    assert both[0] is first
    assert len(simulator.tasks()) == 4
    said = capsys.readouterr().out
    assert f"2 finals, 1 there already, ${sw.estimate(**SMALL).usd:.4f} at most" in said
    assert f"already as {first.key}: taken, and not paid again" in said
    other = await studio.promote(drafts[0], resolution="480p", again=True)
    assert other is not first
    assert len(simulator.tasks()) == 5


async def test_a_final_that_another_kernel_left_is_followed_and_not_paid_twice(tmp_path):
    service = sw.Simulator(speed=20)
    with sw.Studio(tmp_path / "runs", simulate=service) as studio:
        (draft,) = await drafts_of(studio, 1)
        left = await studio.promote(draft, resolution="480p")
    with sw.Studio(tmp_path / "runs", simulate=service) as studio:
        final = await studio.promote(draft.key, resolution="480p")
        assert (final.key, (await final).status) == (left.key, "succeeded")
        assert len(service.tasks()) == 2
    service.close()


async def test_a_final_that_failed_is_made_anew(studio, simulator):
    (draft,) = await drafts_of(studio, 1)
    simulator.faults.refuse(400, "InputTextSensitiveContentDetected")
    with pytest.raises(sw.RequestRejected):
        await studio.promote(draft, resolution="480p")
    assert (await (await studio.promote(draft, resolution="480p"))).status == "succeeded"


async def test_the_budget_covers_all_or_none_is_sent(tmp_path, simulator):
    with sw.Studio(tmp_path / "runs", simulate=simulator) as studio:
        drafts = await drafts_of(studio, 2)
        price = sw.estimate(**SMALL).usd
        studio.budget_usd = studio.spent + 1.5 * price
        with pytest.raises(sw.BudgetExceeded, match="these 2 requests together") as caught:
            await studio.promote(drafts, resolution="480p")
        assert caught.value.short_by == pytest.approx(price / 2)
        assert len(simulator.tasks()) == len(studio.log.to_pandas()) == 2
        (final,) = await studio.promote(drafts[:1], resolution="480p")
        assert (await final).status == "succeeded"


async def test_all_intents_are_written_before_the_first_is_sent(tmp_path):
    service = sw.Simulator(speed=200)
    seen = []

    class Watched(sw.Simulator):
        def transport(self):
            inner = service.transport()

            async def carry(request):
                if request.method == "POST" and b"draft_task" in request.content:
                    seen.append([status for status, _ in sent_by(studio)][2:])
                return await inner.handle_async_request(request)

            return httpx.MockTransport(carry)

    with sw.Studio(tmp_path / "runs", simulate=Watched(speed=200)) as studio:
        await studio.promote(await drafts_of(studio, 2), resolution="480p")
    assert len(seen[0]) == len(seen) == 2
    assert seen[0][-1] == "intent"
    service.close()


async def test_one_that_is_refused_stops_none_of_the_others(studio, simulator):
    drafts = await drafts_of(studio, 2)
    simulator.faults.refuse(400, "InputTextSensitiveContentDetected")
    finals = await studio.promote(drafts, resolution="480p")
    assert [final.request.draft_task.id for final in finals] == [draft.id for draft in drafts]
    refused = [final for final in finals if isinstance(final.error, sw.RequestRejected)]
    assert len(refused) == 1
    for final in finals:
        if final not in refused:
            assert (await final).status == "succeeded"
    simulator.faults.refuse(400, "InputTextSensitiveContentDetected")
    with pytest.raises(sw.RequestRejected):
        await studio.promote(drafts[0], resolution="480p")


async def test_no_drafts_are_no_finals_and_that_is_said(studio, capsys):
    assert await studio.promote(task for task in []) == []
    assert "Nothing to promote: no draft was given, and nothing was sent." in capsys.readouterr().out


async def test_drafts_are_tasks_keys_ids_or_rows(studio):
    draft = await studio.generate("a fox", **DRAFT)
    frame = studio.log.to_pandas()
    csv = pd.read_csv(io.StringIO(frame.to_csv()))
    (row,) = studio.drafts()
    for one in (draft, draft.key, draft.id, row, frame.loc[draft.key], csv.iloc[0]):
        assert keys_of_drafts(one)[1]
    several = (
        [draft],
        (draft.key,),
        [row],
        frame,
        csv,
        frame.index,
        csv["key"],
        frame[frame["kind"] == "draft"],
    )
    for given in several:
        keys, alone = keys_of_drafts(given)
        assert (keys, alone) == ([draft.key], False)
    (final,) = await studio.promote(frame, resolution="480p")
    await final
    for wrong in (None, 7):
        with pytest.raises(sw.InvalidRequest, match="neither a draft nor a list of them"):
            await studio.promote(wrong)
    with pytest.raises(sw.InvalidRequest, match="None.*not in this studio's log"):
        await studio.promote([None])


async def test_a_retired_model_is_a_notice(tmp_path, monkeypatch):
    monkeypatch.setattr("seedance_widgets.studio._warned", set())
    now = 1_800_000_000.0  # January 2027, after 1.5 pro is reported to stop
    service = sw.Simulator(speed=10_000, clock=lambda: now)
    with service.serve() as url, sw.Studio(tmp_path, api_key="k", base_url=url, clock=lambda: now) as studio:
        with pytest.warns(sw.RetiredModelWarning):
            draft = await studio.submit("a fox", **DRAFT)
        now += 60
        await draft
        final = await studio.promote(draft, resolution="480p")
        assert final.status in ("queued", "running")
    service.close()
