"""Every way to give several things, in every form that people have them in: right, or refused by name.

Never are the names of a table's columns taken for the things, and nothing is sent or paid for a refused one.
"""

from __future__ import annotations

import asyncio

import numpy as np
import pandas as pd
import pytest
from tiny_model import register_tiny

import seedance_widgets as sw

PROMPTS = ["a fox", "an owl", "a hen"]
WORDS = ["prompt", "extra", "key", "draft"]  # names of columns, which no clip is to be made of


def dict_of(values):
    return {"prompt": values}


# form -> how the values come
FORMS = {
    "list": list,
    "tuple": tuple,
    "Series": pd.Series,
    "object Series": lambda values: pd.Series(values, dtype="object", index=range(5, 5 + len(values))),
    "generator": lambda values: (each for each in values),
    "array": lambda values: np.array(values, dtype="object"),
    "Index": pd.Index,
    "DataFrame": lambda values: pd.DataFrame({"prompt": values}),
    "dict": dict_of,
    "set": set,
    "two dimensions": lambda values: np.array([values, values], dtype="object"),
    "one": lambda values: values[0],
    "number": lambda values: 3,
    "None": lambda values: None,
}
LISTS = ["list", "tuple", "Series", "object Series", "generator", "array", "Index"]
TABLES = [*LISTS, "DataFrame"]


@pytest.fixture
def studio(tmp_path, fresh_catalog):
    register_tiny(fresh_catalog)
    with sw.Studio(
        tmp_path / "runs", simulate=sw.Simulator(speed=2000), defaults={"model": "tiny"}
    ) as studio:
        yield studio


@pytest.fixture
def tasks(studio):
    sw.run(studio.batch(PROMPTS).run(progress=False))
    return [sw.run(studio.task(key)) for key in studio.log.to_pandas().index]


def by_rows(studio):
    """How tasks come in a DataFrame: as the log gives them."""
    return {**FORMS, "DataFrame": lambda values: studio.log.to_pandas().loc[[task.key for task in values]],
            "dict": lambda values: {"tasks": values}, "set": lambda values: {task.key for task in values}}  # fmt: skip


# --- of requests: nothing is there before -----------------------------------------------------------------


async def batch(studio, given):
    await studio.batch(given).run(progress=False)


async def chain(studio, given):
    await studio.chain(given, model="seedance-1-0-pro", resolution="480p", ratio="1:1", frames=29)


async def study(studio, given):
    item = "{prompt}" if isinstance(given, pd.DataFrame) else "{item}"
    arms = {"a": item, "b": f"{item}, slow"}
    await studio.study("s", arms=arms, items=given, seeds=1).run(progress=False)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("way", [batch, chain, study])
async def test_prompts_in_every_form(studio, way, form):
    if form in TABLES:
        await way(studio, FORMS[form](PROMPTS))
        made = studio.log.to_pandas()["prompt"].to_list()
        wanted = [f"{each}{more}" for each in PROMPTS for more in ("", ", slow")] if way is study else PROMPTS
        assert sorted(made) == sorted(wanted)
    else:
        with pytest.raises(sw.SeedanceError) as caught:
            await way(studio, FORMS[form](PROMPTS))
        assert isinstance(caught.value, (sw.InvalidRequest, sw.InvalidStudy))
        assert any(word in str(caught.value) for word in ("table", "prompts", "items"))
        assert len(studio.log.to_pandas()) == 0


@pytest.mark.parametrize("form", FORMS)
def test_prices_in_every_form(studio, form):
    if form in TABLES:
        frame = sw.estimate(FORMS[form](PROMPTS), model="tiny")
        assert len(frame) == 3
        assert frame["usd"].notna().all()
    elif form in ("one", "None"):
        assert isinstance(sw.estimate(FORMS[form](PROMPTS), model="tiny"), sw.Estimate)
    else:
        with pytest.raises(sw.InvalidRequest):
            sw.estimate(FORMS[form](PROMPTS), model="tiny")


@pytest.mark.parametrize("form", FORMS)
def test_a_sweep_in_every_form(form):
    if form in LISTS:
        frame = sw.sweep(prompt=FORMS[form](PROMPTS), seed=range(2))
        assert frame["prompt"].to_list() == [each for each in PROMPTS for _ in range(2)]
    elif form in ("one", "number"):
        assert len(sw.sweep(prompt=FORMS[form](PROMPTS), seed=range(2))) == 2
    else:
        with pytest.raises(sw.InvalidRequest, match="prompt"):
            sw.sweep(prompt=FORMS[form](PROMPTS), seed=range(2))


# --- of tasks ---------------------------------------------------------------------------------------------


def compare(studio, given):
    return len(sw.CompareGrid(given)._sources)


def gallery(studio, given):
    return len(sw.Gallery(given).drafts)


def tag(studio, given):
    studio.log.tag(given, campaign="spring")
    return int((studio.log.to_pandas().get("tags.campaign", pd.Series(dtype="string")) == "spring").sum())


def measure(studio, given):
    return len(sw.run(studio.measure(given, "brightness", progress=False)))


def concat(studio, given):
    sw.concat(given, studio.home / "story.mp4")
    return 3


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("way", [compare, gallery, tag, measure, concat])
def test_tasks_in_every_form(studio, tasks, way, form):
    given = by_rows(studio)[form](tasks)
    takes = [*TABLES, *(["one", "set", "two dimensions"] if way in (tag, measure) else [])]
    if way is gallery:  # a table's rows know no service; one draft is a gallery too
        takes = [*LISTS, "one"]
    if form in takes:
        assert way(studio, given) == (1 if form == "one" else 3)
        return
    with pytest.raises((sw.InvalidRequest, sw.MediaError)) as caught:
        way(studio, given)
    assert any(word in str(caught.value) for word in ("tasks", "drafts", "keys", "clips"))
    assert "tags.campaign" not in studio.log.to_pandas()


@pytest.mark.parametrize("form", FORMS)
async def test_drafts_in_every_form(studio, form):
    asked = {"model": "seedance-1-5-pro", "resolution": "480p", "ratio": "1:1", "duration": 4, "draft": True}
    drafts = await asyncio.gather(*(studio.generate(each, **asked) for each in PROMPTS[:2]))
    given = by_rows(studio)[form](drafts)
    if form in TABLES:
        assert len(await studio.promote(given, resolution="480p")) == 2
    elif form == "one":
        assert isinstance(await studio.promote(given, resolution="480p"), sw.Task)
    else:
        with pytest.raises(sw.InvalidRequest, match="draft"):
            await studio.promote(given, resolution="480p")
        assert studio.log.to_pandas()["kind"].eq("draft").all()
