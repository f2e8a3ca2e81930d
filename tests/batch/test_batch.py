"""A table of requests: read, made once, stopped, made again, and read back."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
import types

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import seedance_widgets as sw
from seedance_widgets.sending.limits import Limits

SMALL = {"model": "seedance-1-0-pro", "resolution": "480p", "ratio": "1:1", "frames": 29}


@pytest.fixture
def simulator():
    return sw.Simulator(speed=2000)


@pytest.fixture
def studio(tmp_path, simulator):
    with sw.Studio(tmp_path / "runs", simulate=simulator) as studio:
        yield studio


@pytest.fixture
def foxes():
    """Six rows, of which two are wrong."""
    return pd.DataFrame(
        {
            "animal": ["fox", "owl", "hen", "cat", "dog", "elk"],
            "resolution": ["480p", None, "480p", "9000p", "", np.nan],
            "seed": [1, 2, np.nan, 4, 5, -7],
            "campaign": ["spring", "spring", None, "autumn", "autumn", "NA"],
        },
        index=list("abcdef"),
    )


async def test_a_table_becomes_clips_once(studio, simulator, foxes):
    params = {name: value for name, value in SMALL.items() if name != "resolution"}
    batch = studio.batch(foxes, prompt="a {animal}", **params, tags={"team": "north"})
    assert "4 ready, 2 refused" in repr(batch)
    assert "row d: " in repr(batch)
    with pytest.raises(sw.InvalidRequest, match="2 rows of 6") as caught:
        await batch.run(progress=False)
    assert {problem.parameter for problem in caught.value.problems} == {"row d: resolution", "row f: seed"}
    assert simulator.tasks() == []
    await batch.run(progress=False, refused="skip")
    assert len(simulator.tasks()) == 4
    assert sorted(task.request.prompt for task in batch.tasks) == ["a dog", "a fox", "a hen", "a owl"]
    again = studio.batch(
        foxes.sample(frac=1, random_state=3), prompt="a {animal}", **params, tags={"team": "x"}
    )
    assert "4 made, 2 refused" in repr(again)
    await again.run(progress=False, refused="skip")
    assert len(simulator.tasks()) == 4
    frame = batch.to_pandas()
    assert list(frame.index) == list("abcdef")
    assert list(frame.columns[:6]) == ["animal", "resolution", "seed", "campaign", "state", "key"]
    assert list(frame["state"]) == ["made", "made", "made", "refused", "made", "refused"]
    assert list(frame["tags.campaign"].dropna()) == ["spring", "spring", "autumn"]
    assert set(frame["tags.team"].dropna()) == {"north"}
    assert list(frame.loc[["a", "b", "e"], "log.seed"]) == [1, 2, 5]
    assert list(batch.failed.index) == ["d", "f"]
    assert "9000p" in batch.failed.loc["d", "reason"]


async def test_an_edited_row_is_a_new_clip_and_equal_rows_are_two(studio, simulator):
    rows = [{"prompt": "a fox"}, {"prompt": "a fox"}, {"prompt": "an owl"}]
    await studio.batch(rows, name="b", **SMALL).run(progress=False)
    assert len(simulator.tasks()) == 3
    rows[2]["prompt"] = "an owl, slow"
    batch = studio.batch(rows, name="b", **SMALL)
    assert "2 made, 1 ready" in repr(batch)
    await batch.run(progress=False)
    assert len(simulator.tasks()) == 4
    await batch.run(progress=False, again=True)
    assert len(simulator.tasks()) == 7
    assert [task.request.prompt for task in batch.tasks] == ["a fox", "a fox", "an owl, slow"]
    await studio.batch(rows, name="b", **SMALL).run(progress=False)
    assert len(simulator.tasks()) == 7


async def test_what_failed_is_made_again_only_when_asked(studio, simulator):
    simulator.faults.refuse(400, "InputTextSensitiveContentDetected")
    batch = studio.batch(["a fox", "an owl"], **SMALL)
    await batch.run(progress=False)
    assert "1 made" in repr(batch)
    assert "1 failed" in repr(batch)
    await batch.run(progress=False)
    assert len(simulator.tasks()) == 1
    await batch.retry(progress=False)
    assert len(simulator.tasks()) == 2
    assert "2 made" in repr(batch)
    assert batch.failed.empty


async def test_a_stopped_batch_sends_nothing_any_more_and_goes_on_when_run_again(tmp_path, simulator):
    with sw.Studio(tmp_path / "runs", simulate=simulator, limits=Limits(rpm=3), budget_usd=100) as studio:
        batch = studio.batch([f"fox {n}" for n in range(40)], **SMALL)
        run = asyncio.ensure_future(batch.run(progress=False))
        while len(simulator.tasks()) < 3 or len(studio.log.to_pandas()) < 6:
            await asyncio.sleep(0.01)
        stopped = await batch.stop()
        await run
        assert len(simulator.tasks()) == 3
        assert len(stopped.withdrawn) >= 3
        assert studio.reserved == 0
        assert "37 ready" in repr(batch)
    with sw.Studio(tmp_path / "runs", simulate=simulator, budget_usd=100) as studio:
        batch = studio.batch([f"fox {n}" for n in range(40)], **SMALL)
        await batch.run(progress=False)
        assert len(simulator.tasks()) == 40


async def test_the_budget_covers_all_or_nothing_is_sent(tmp_path, simulator):
    with sw.Studio(tmp_path / "runs", simulate=simulator, budget_usd=0.05) as studio:
        batch = studio.batch([f"fox {n}" for n in range(40)], **SMALL)
        with pytest.raises(sw.BudgetExceeded, match="these 40 requests together"):
            await batch.run(progress=False)
        assert simulator.tasks() == []


CHILD = """
import sys
import pandas as pd, seedance_widgets as sw
from seedance_widgets.recovery import reconcile
reconcile.SETTLE_SECONDS = 3.0
simulator = sw.Simulator(speed=20, state=sys.argv[1] + "/service.sqlite")
with sw.Studio(sys.argv[1] + "/runs", simulate=simulator) as studio:
    batch = studio.batch(sys.argv[1] + "/table.csv", resolution="480p", ratio="1:1", frames=29)
    print(batch, flush=True)
    sw.run(batch.run(refused="skip"))
    print("made", len(simulator.tasks()), batch.headline(batch._fates()), flush=True)
"""


def test_a_table_whose_kernel_is_killed_is_gone_on_with(tmp_path):
    rows = [f"fox {n},{n},seedance-1-0-pro" for n in range(24)] + ["wrong,-7,seedance-1-0-pro"]
    (tmp_path / "table.csv").write_text("\n".join(["prompt,seed,model", *rows]))
    command = [sys.executable, "-c", textwrap.dedent(CHILD), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as killed:
        killed.stdout.readline()
        log = tmp_path / "runs" / "log.sqlite"
        while True:
            with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(log)) as there:
                (done,) = there.execute("SELECT count(*) FROM tasks WHERE status = 'succeeded'").fetchone()
                if done >= 4:
                    break
            time.sleep(0.02)
        os.kill(killed.pid, signal.SIGKILL)
    ended = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    last = ended.stdout.strip().split("\n")[-1]
    assert last.startswith("made 24 "), ended.stdout
    assert "24 made, 1 refused" in last
    assert ended.stderr == ""


async def test_pictures_beside_a_file_are_found(studio, simulator, tmp_path):
    (tmp_path / "tables").mkdir()
    Image.new("RGB", (640, 640), "red").save(tmp_path / "tables" / "red.png")
    (tmp_path / "tables" / "t.csv").write_text("prompt,first_frame,seed\na fox,red.png,1\nan owl,,\n")
    batch = studio.batch(
        tmp_path / "tables" / "t.csv", model="seedance-1-0-pro", resolution="480p", frames=29
    )
    await batch.run(progress=False)
    assert [task.request.mode for task in batch.tasks] == ["first_frame", "text"]


@pytest.mark.parametrize("column", ["resoluton", "aspect_ratio", "Prompt Text", "image"])
def test_a_column_named_nearly_like_a_field_is_refused(studio, column):
    table = pd.DataFrame({"prompt": ["a fox"], column: ["x"]})
    with pytest.raises(sw.InvalidRequest, match=r"tags=\[") as caught:
        studio.batch(table, **SMALL)
    assert caught.value.problems[0].nearest
    assert studio.batch(table, tags=[column], **SMALL)


async def test_own_columns_of_all_kinds_are_tags(studio):
    table = pd.DataFrame(
        {
            "prompt": pd.Categorical(["a fox", "an owl"]),
            "description": ["red", None],
            "day": pd.to_datetime(["2026-11-01 00:00", "2026-11-02 10:30"]),
            "score": [1.5, 2.0],
            "is_new": [True, False],
            "status": ["old", "new"],
            7: ["x", "y"],
        },
        index=pd.MultiIndex.from_tuples([("a", 1), ("a", 1)], names=["scene", "take"]),
    )
    batch = studio.batch(table, **SMALL)
    await batch.run(progress=False)
    frame = batch.to_pandas()
    assert frame.index.equals(table.index)
    assert list(frame["status"]) == ["old", "new"]
    assert list(frame["log.status"]) == ["succeeded"] * 2
    assert list(frame["tags.day"]) == ["2026-11-01", "2026-11-02T10:30:00"]
    assert list(frame["tags.score"]) == ["1.5", "2"]
    assert list(frame["tags.is_new"]) == ["True", "False"]
    assert list(frame["tags.7"]) == ["x", "y"]
    assert frame["tags.description"].tolist() == ["red", pd.NA]


async def test_a_cell_that_cannot_be_read_is_its_rows_fault(studio):
    table = pd.DataFrame({"prompt": ["a fox", "an owl", 3], "crew": [["Ann"], "Bob", "Cid"]})
    batch = studio.batch(table, **SMALL)
    assert list(batch.failed.index) == [0, 2]
    assert "tags.crew" in batch.failed.loc[0, "reason"]
    await batch.run(progress=False, refused="skip")
    assert [task.request.prompt for task in batch.tasks] == ["an owl"]


GIVEN = {
    "frame": pd.DataFrame({"prompt": ["a fox", "an owl"]}),
    "list of dicts": [{"prompt": "a fox"}, {"prompt": "an owl"}],
    "list of texts": ["a fox", "an owl"],
    "tuple": ("a fox", "an owl"),
    "series": pd.Series(["a fox", "an owl"]),
    "array": np.array(["a fox", "an owl"]),
    "generator": lambda: (text for text in ["a fox", "an owl"]),
    "requests": [sw.TaskRequest("a fox", **SMALL), sw.TaskRequest("an owl", **SMALL)],
}


@pytest.mark.parametrize("given", GIVEN.values(), ids=GIVEN.keys())
def test_several_are_read_by_row(studio, given):
    batch = studio.batch(given() if callable(given) else given, **SMALL)
    assert "2 ready" in repr(batch)
    assert batch.to_pandas().shape[0] == 2


WRONG = {
    "dict": {"prompt": "a fox"},
    "set": {"a fox", "an owl"},
    "number": 7,
    "none": None,
    "flat array": np.zeros((2, 2)),
    "numbers": [1, 2],
    "no file": "nowhere.csv",
    "a prompt": "a fox",
    "twice": pd.DataFrame([["a", "b"]], columns=["prompt", "prompt"]),
}


@pytest.mark.parametrize("given", WRONG.values(), ids=WRONG.keys())
def test_what_is_no_table_is_refused_by_name(studio, given):
    with pytest.raises(sw.InvalidRequest, match="table|rows"):
        studio.batch(given, **SMALL)


def test_a_sweep_is_all_combinations():
    table = sw.sweep(prompt=["a fox", "an owl"], seed=range(3), resolution="480p")
    assert table.shape == (6, 3)
    assert table.iloc[4].to_dict() == {"prompt": "an owl", "seed": 1, "resolution": "480p"}
    with pytest.raises(sw.InvalidRequest, match="has no values"):
        sw.sweep(prompt=[])
    with pytest.raises(sw.InvalidRequest, match="no order"):
        sw.sweep(prompt={"a", "b"})


async def test_two_runs_at_once_pay_once(studio, simulator):
    rows = [f"fox {n}" for n in range(8)]
    batches = [studio.batch(rows, **SMALL) for _ in range(2)]
    await asyncio.gather(*(batch.run(progress=False) for batch in batches))
    assert len(simulator.tasks()) == 8
    assert all("8 made" in repr(batch) for batch in batches)


def test_a_table_is_estimated_row_by_row():
    table = pd.DataFrame(
        {"prompt": ["a fox", "an owl"], "resolution": ["480p", "9p"], "team": 1}, index=["x", "y"]
    )
    frame = sw.estimate(table, model="seedance-1-0-pro", ratio="1:1", frames=29)
    one = sw.estimate("a fox", **SMALL)
    assert (frame.loc["x", "usd"], frame.loc["x", "tokens"]) == (one.usd, one.tokens)
    assert "resolution" in frame.loc["y", "problem"]
    assert frame["usd"].isna().tolist() == [False, True]
    assert sw.estimate(["a fox", sw.TaskRequest("a fox", **SMALL)], **SMALL)["usd"].tolist() == [one.usd] * 2


def test_several_anywhere_are_rows_and_never_names_of_columns(studio):
    """A study's items and a chain's prompts are in their own tests; these are shown."""
    table = pd.DataFrame({"prompt": ["a fox", "an owl"]})
    with pytest.raises(sw.InvalidRequest, match="is a DataFrame"):
        sw.Gallery(table)
    with pytest.raises(sw.InvalidRequest, match="one dict"):
        sw.Gallery({"a": 1})
    with pytest.raises(sw.InvalidRequest, match="one dict"):
        sw.CompareGrid({"a": 1, "b": 2})
    assert len(sw.CompareGrid(pd.concat([table, table])).clips) == 4


async def test_a_chains_prompts_may_be_a_column(studio, simulator):
    table = pd.DataFrame({"prompt": ["a fox", "it runs"], "scene": [1, 2]})
    params = {"model": "seedance-1-0-pro", "resolution": "480p", "frames": 29, "ratio": "1:1"}
    tasks = await studio.chain(table, seed=3, **params)
    assert [task.request.prompt for task in tasks] == ["a fox", "it runs"]
    assert await studio.chain(table["prompt"], seed=3, **params)
    assert await studio.chain((text for text in table["prompt"]), seed=3, **params)
    assert len(simulator.tasks()) == 2
    for wrong in ({"a fox": 1}, {"a fox", "an owl"}, table[["scene"]].assign(other=1)):
        with pytest.raises(sw.InvalidRequest, match="prompts"):
            await studio.chain(wrong, **params)
    assert len(simulator.tasks()) == 2


async def test_pandas_may_be_half_loaded_by_another_thread(studio, monkeypatch):
    """As when a cell's first DataFrame is made while a request is on its way."""
    monkeypatch.setitem(sys.modules, "pandas", types.ModuleType("pandas"))
    assert sw.estimate("a fox", **SMALL).usd
    task = await studio.submit("a fox", **SMALL)
    with pytest.raises(sw.InvalidRequest, match="not a succeeded draft|draft"):
        await studio.promote([task])


async def test_the_log_has_the_rows_in_the_tables_order(studio, tmp_path):
    Image.effect_noise((2400, 1350), 90).convert("RGB").save(tmp_path / "large.png")
    Image.new("RGB", (400, 400)).save(tmp_path / "small.png")
    rows = [
        {"prompt": f"fox {n}", "first_frame": tmp_path / ("large.png" if n % 4 == 0 else "small.png")}
        for n in range(12)
    ]
    batch = studio.batch(rows, **SMALL)
    await batch.run(progress=False)
    assert studio.log.to_pandas()["prompt"].to_list() == [row["prompt"] for row in rows]


async def test_a_parquet_file_is_a_table_like_another(studio, tmp_path):
    table = pd.DataFrame({"prompt": ["a fox", "an owl"], "seed": [1, None], "campaign": ["spring", None]})
    table.to_parquet(tmp_path / "table.parquet")
    batch = studio.batch(tmp_path / "table.parquet", **SMALL)
    await batch.run(progress=False)
    found = studio.log.to_pandas()
    assert found["requested_seed"].iloc[0] == 1
    assert found["tags.campaign"].fillna("").to_list() == ["spring", ""]
    (tmp_path / "broken.parquet").write_bytes(b"PAR1")
    with pytest.raises(sw.InvalidRequest, match=r"broken\.parquet"):
        studio.batch(tmp_path / "broken.parquet", **SMALL)
