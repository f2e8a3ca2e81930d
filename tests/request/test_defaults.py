"""What a home fills into requests that leave it open, and what of it never changes what a person says."""

from __future__ import annotations

import json
import sqlite3
import time
from datetime import UTC, datetime

import httpx
import pytest
from IPython.core.interactiveshell import InteractiveShell
from pictures import photo

import seedance_widgets as sw
from seedance_widgets.modelark.credentials import DEFAULT_BASE_URL, is_byteplus

OWN = {"model": "seedance-1-0-pro", "resolution": "480p", "ratio": "1:1", "duration": 2, "watermark": True}
SPELLED = {**OWN, "model": "seedance-1-0-pro-250528"}
MINI = "dreamina-seedance-2-0-mini-260615"
PREFERRED = "seedance-1-5-pro-251215"
SHUT_DOWN = datetime(2026, 11, 11, tzinfo=UTC).timestamp()


@pytest.fixture
def own(tmp_path, simulator):
    """A studio with defaults of its own."""
    with sw.Studio(tmp_path / "runs", simulate=simulator, defaults=OWN) as studio:
        yield studio


def bodies(studio):
    """What was sent, oldest first."""
    with sqlite3.connect(studio.home / "log.sqlite") as log:
        return [json.loads(body) for (body,) in log.execute("SELECT body FROM tasks ORDER BY intent_at, key")]


def of_own(body):
    return {name: body.get(name) for name in SPELLED}


# --- a home's own ------------------------------------------------------------------------------------------


async def test_submit_and_generate_take_them(own):
    await own.generate("a fox")
    await (await own.submit(prompt="a fox"))
    assert [of_own(body) for body in bodies(own)] == [SPELLED] * 2
    assert own.defaults.own == OWN
    assert own.defaults.model == "seedance-1-0-pro"


async def test_what_a_request_says_itself_wins(own):
    await own.generate("a fox", ratio="16:9", watermark=False, resolution=None)
    (body,) = bodies(own)
    assert of_own(body) == {**SPELLED, "ratio": "16:9", "watermark": False}


async def test_another_model_takes_the_rest(own):
    await own.generate("a fox", model="seedance-2.0-fast", duration=4)
    (body,) = bodies(own)
    assert of_own(body) == {**SPELLED, "model": "dreamina-seedance-2-0-fast-260128", "duration": 4}


@pytest.mark.parametrize(
    ("default", "given"), [({"duration": 2}, {"frames": 29}), ({"frames": 57}, {"duration": 3})]
)
async def test_a_length_in_frames_and_one_in_seconds_never_meet(tmp_path, simulator, default, given):
    small = {"model": "seedance-1-0-pro", "resolution": "480p", "ratio": "1:1"}
    with sw.Studio(tmp_path / "runs", simulate=simulator, defaults={**small, **default}) as studio:
        await studio.generate("a fox", **given)
        await studio.generate("a fox")
        lengths = [{k: v for k, v in body.items() if k in ("duration", "frames")} for body in bodies(studio)]
    assert lengths == [given, default]


async def test_a_request_object_is_sent_as_it_is(own):
    request = sw.TaskRequest("a fox", model="seedance-1-0-pro-fast", resolution="480p", frames=29)
    await own.generate(request)
    await own.generate(request, ratio="1:1")
    first, second = bodies(own)
    for body in (first, second):
        assert (body["model"], body["frames"]) == ("seedance-1-0-pro-fast-251015", 29)
        assert "watermark" not in body
    assert (first["ratio"], second["ratio"]) == ("16:9", "1:1")


async def test_a_final_has_all_of_it_from_its_draft(own):
    draft = await own.generate(
        "a fox", model="seedance-1-5-pro", draft=True, ratio="16:9", duration=4, watermark=False
    )
    made = [
        await own.promote(draft, resolution="720p"),
        await own.submit(draft_task=draft, resolution="480p"),
        await own.submit(draft_task=draft.key, resolution="480p", return_last_frame=True),
    ]
    for final in made:
        await final
    for body in bodies(own)[1:]:
        assert body["model"] == PREFERRED
        assert not body.keys() & {"ratio", "duration", "watermark"}
    assert [final.request.resolution for final in made] == ["720p", "480p", "480p"]


async def test_a_chain_takes_them_as_if_they_had_been_given(own, simulator):
    links = await own.chain(["it wakes", "it runs"])
    assert [of_own(body) for body in bodies(own)] == [SPELLED] * 2
    assert await own.chain(["it wakes", "it runs"]) == links
    home = own.home
    own.close()
    with sw.Studio(home, simulate=simulator) as plain:
        again = await plain.chain(["it wakes", "it runs"], **OWN)
        assert [task.key for task in again] == [task.key for task in links]
    assert len(simulator.tasks()) == 2


def test_a_study_takes_them_and_keeps_what_it_was_made_with(own, simulator):
    arms = {"plain": "{item}", "near": {"prompt": "{item}, near", "ratio": "16:9"}}
    study = own.study("animals", arms, ["a fox"], seeds=[11])
    assert sw.run(study.run(progress=False)).complete
    assert {(body["ratio"], body["model"], body["duration"]) for body in bodies(own)} == {
        ("1:1", SPELLED["model"], 2),
        ("16:9", SPELLED["model"], 2),
    }
    home = own.home
    own.close()
    with sw.Studio(home, simulate=simulator, defaults={**OWN, "model": "seedance-1-0-pro-fast"}) as other:
        again = other.study("animals", arms, ["a fox"], seeds=[11])
        assert sw.run(again.run(progress=False)).complete
        with pytest.raises(sw.InvalidStudy, match="model"):
            other.study("animals", arms, ["a fox"], seeds=[11], model="seedance-1-0-pro-fast")
    assert len(simulator.tasks()) == 2


def test_the_form_begins_with_them(own):
    form = sw.ParameterForm(own)
    assert {name: form.params.get(name) for name in OWN} == OWN


def test_the_magic_takes_them(own):
    shell = InteractiveShell()
    shell.extension_manager.load_extension("seedance_widgets")
    shell.user_ns["studio"] = own
    shell.run_cell_magic("seedance", "--ratio 16:9 --wait", "a fox")
    (body,) = bodies(own)
    assert of_own(body) == {**SPELLED, "ratio": "16:9"}


@pytest.mark.parametrize(
    ("defaults", "words"),
    [
        ({"prompt": "a fox"}, "defaults: prompt='a fox': is of one clip"),
        ({"seed": 11}, "defaults: seed=11: is of one clip"),
        ({"draft": True}, "defaults: draft=True: is of one clip"),
        ({"draft_task": "cgt-1"}, "defaults: draft_task='cgt-1': is of one clip"),
        ({"first_frame": "https://example.com/fox.png"}, "defaults: first_frame"),
        ({"extra": {"tools": []}}, "defaults: extra"),
        ({"colour": "red"}, "defaults: colour='red': no such parameter"),
        ({"model": "seedance-9"}, "not in the catalog"),
        ({"resolution": "8k"}, "resolution='8k'"),
        ({"model": "seedance-1-0-pro", "duration": 99}, "duration=99"),
        ({"model": "seedance-1-0-pro", "duration": 2, "frames": 29}, "frames"),
        ({"service_tier": "flex"}, "service_tier='flex'"),
        ("seedance-2.5", "must be a dict"),
        (7, "must be a dict"),
    ],
)
def test_what_makes_no_legal_request_is_no_default_and_no_folder_is_made(tmp_path, defaults, words):
    with pytest.raises(sw.InvalidRequest) as caught:
        sw.Studio(tmp_path / "runs", simulate=True, defaults=defaults)
    assert words in str(caught.value)
    assert str(caught.value).startswith("the studio cannot have these defaults")
    assert not (tmp_path / "runs").exists()


def test_all_that_is_wrong_with_them_is_told_at_once(tmp_path):
    with pytest.raises(sw.InvalidRequest) as caught:
        sw.Studio(tmp_path / "runs", simulate=True, defaults={"seed": 1, "colour": "red"})
    assert [problem.parameter for problem in caught.value.problems] == ["defaults: seed", "defaults: colour"]


@pytest.mark.parametrize("defaults", [None, {}, {"model": None}])
async def test_no_defaults_are_those_of_the_catalog(tmp_path, simulator, defaults):
    with sw.Studio(tmp_path / "runs", simulate=simulator, defaults=defaults) as studio:
        await studio.generate("a fox", resolution="480p")
        (body,) = bodies(studio)
    assert body["model"] == MINI
    assert body["ratio"] == "adaptive"


async def test_a_dict_that_changes_later_changes_nothing(tmp_path, simulator):
    defaults = dict(OWN)
    with sw.Studio(tmp_path / "runs", simulate=simulator, defaults=defaults) as studio:
        defaults["ratio"] = "21:9"
        await studio.generate("a fox")
        assert of_own(bodies(studio)[0]) == SPELLED


# --- the model by the date -----------------------------------------------------------------------------------


class Retiring(sw.Simulator):
    """A service that does not know a model any more from the day of its retirement."""

    def transport(self):
        inner = super().transport()

        async def carry(request):
            if request.method == "POST":
                model = sw.catalog.find(json.loads(request.content)["model"])
                if model.retirement and model.retirement.is_past(self.clock()):
                    error = {"code": "InvalidEndpointOrModel.NotFound", "message": f"no model {model.id}"}
                    return httpx.Response(404, json={"error": error})
            return await inner.handle_async_request(request)

        return httpx.MockTransport(carry)


@pytest.fixture
def at(tmp_path):
    """A studio and its service at a moment, from which time goes on."""
    made = []

    def open_at(moment, **options):
        began = time.monotonic()
        service = Retiring(speed=200, clock=lambda: moment + time.monotonic() - began)
        studio = sw.Studio(tmp_path / "runs", simulate=service, clock=service.clock, **options)
        made.extend((studio, service))
        return studio

    yield open_at
    for each in made:
        each.close()


@pytest.mark.parametrize(
    ("day", "model"),
    [("2026-11-10", PREFERRED), ("2026-11-11", MINI), ("2026-11-25", MINI)],
)
async def test_a_clip_of_no_model_is_made_by_one_that_is_there(at, day, model):
    studio = at(datetime.fromisoformat(f"{day}T12:00+00:00").timestamp())
    task = await studio.generate("A kitten yawns", resolution="480p", duration=4)
    assert task.status == "succeeded"
    assert studio.log.to_pandas()["model"].tolist() == [model]


async def test_a_retired_model_that_is_named_is_sent_and_refused_by_the_service(at):
    studio = at(SHUT_DOWN + 14 * 86_400)
    with pytest.raises(sw.RequestRejected, match="InvalidEndpointOrModel"):
        await studio.generate("A kitten yawns", model="seedance-1-5-pro")
    assert studio.spent == studio.reserved == 0


async def test_the_default_changes_while_a_studio_is_open(tmp_path, clock):
    clock.now = SHUT_DOWN - 60
    service = sw.Simulator(speed=10_000, clock=clock)
    with sw.Studio(tmp_path / "runs", simulate=service, clock=clock) as studio:
        for _ in range(2):
            await studio.submit("a fox", resolution="480p")
            clock.pass_(120)
        assert [body["model"] for body in bodies(studio)] == [PREFERRED, MINI]
    service.close()


async def test_a_half_made_chain_of_a_retired_default_keeps_its_links(at, tmp_path):
    before = at(SHUT_DOWN - 3_600)
    (first,) = await before.chain(["it wakes"], first_frame=photo(640, 640), resolution="480p", duration=4)
    before.close()
    after = at(SHUT_DOWN + 60)
    (again,) = await after.chain(["it wakes"], first_frame=photo(640, 640), resolution="480p", duration=4)
    assert again.key == first.key
    assert len(after.log.to_pandas()) == 1


# --- names of another service ----------------------------------------------------------------------------------


async def test_a_name_of_another_service_goes_to_it_as_it_is(tmp_path):
    with (
        sw.Simulator(speed=200).serve() as url,
        sw.Studio(tmp_path / "runs", api_key="k", base_url=url) as studio,
    ):
        task = await studio.generate(
            "a fox", model="doubao-seedance-1-0-pro-250528", resolution="480p", frames=29
        )
        (body,) = bodies(studio)
        assert body["model"] == "doubao-seedance-1-0-pro-250528"
        row = studio.log.to_pandas().loc[task.key]
        assert (row["model"], row["status"]) == ("seedance-1-0-pro-250528", "succeeded")
        assert task.usd == pytest.approx(task.tokens * 2.5e-6)
        again = await studio.rerun(task)
        await again
        assert bodies(studio)[1]["model"] == "doubao-seedance-1-0-pro-250528"


async def test_a_default_of_another_service_goes_to_it_as_it_is(tmp_path):
    with (
        sw.Simulator(speed=200).serve() as url,
        sw.Studio(
            tmp_path / "runs",
            api_key="k",
            base_url=url,
            defaults={"model": "doubao-seedance-1-0-pro-250528", "resolution": "480p", "frames": 29},
        ) as studio,
    ):
        assert (await studio.generate("a fox")).status == "succeeded"
        assert bodies(studio)[0]["model"] == "doubao-seedance-1-0-pro-250528"


async def test_byteplus_and_a_simulator_are_sent_their_own_name(studio):
    await studio.generate("a fox", model="doubao-seedance-1.0-pro", resolution="480p", frames=29)
    assert bodies(studio)[0]["model"] == "seedance-1-0-pro-250528"


@pytest.mark.parametrize(
    ("url", "byteplus"),
    [
        (None, True),
        (DEFAULT_BASE_URL, True),
        ("https://ark.eu-west.bytepluses.com/api/v3", True),
        ("https://bytepluses.com", True),
        ("https://ark.cn-beijing.volces.com/api/v3", False),
        ("https://notbytepluses.com/api/v3", False),
        ("https://bytepluses.com.example.org/api/v3", False),
        ("http://127.0.0.1:8000/api/v3", False),
        ("no address at all", False),
    ],
)
def test_which_addresses_are_byteplus(url, byteplus):
    assert is_byteplus(url) == byteplus
