"""The table of the log: what is found in which order, what can be done with it, and that nothing is paid unasked."""

from __future__ import annotations

import asyncio
import time

import numpy as np
import pandas as pd
import pytest
from hostile import TEXTS
from tiny_model import register_tiny

import seedance_widgets as sw
from seedance_widgets.widgets.log_table_rows import Query, TableRows

WORDS = ["fox", "owl", "hen", "hare", "elk"]


@pytest.fixture
def studio(tmp_path, fresh_catalog, monkeypatch):
    monkeypatch.chdir(tmp_path)
    register_tiny(fresh_catalog)
    with sw.Studio(
        tmp_path / "runs", simulate=sw.Simulator(speed=2000), defaults={"model": "tiny"}
    ) as studio:
        sw.run(studio.batch([{"prompt": f"a {word}", "campaign": "spring" if n % 2 else "autumn"}
                             for n, word in enumerate(WORDS)]).run(progress=False))  # fmt: skip
        yield studio


@pytest.fixture
def table(studio):
    table = sw.LogTable(studio)
    table.send = lambda content, buffers=None: said(table).append(content)
    yield table
    table.close()


def said(table):
    return table.__dict__.setdefault("said", [])


def tell(table, **content):
    table._handle_custom_msg(content, [])


def until(done):
    limit = time.monotonic() + 20
    while not done():
        assert time.monotonic() < limit
        time.sleep(0.02)


def column(table, name):
    place = [each["name"] for each in table.columns].index(name)
    return [row["cells"][place] for row in table.rows]


def ask(table, **changes):
    tell(table, kind="query", query={**table.query, **changes})


# --- finding ----------------------------------------------------------------------------------------------


def frame_of(count, seed=1):
    chance = np.random.default_rng(seed)
    prompts = [f"a {WORDS[n % 5]} {n}" for n in range(count)]
    return pd.DataFrame(
        {
            "prompt": pd.array(prompts, dtype="string"),
            "status": pd.array(chance.choice(["succeeded", "failed", None], count), dtype="string"),
            "usd": pd.array(
                np.where(chance.random(count) < 0.2, None, chance.random(count).round(3)), dtype="Float64"
            ),
            "seed": pd.array(chance.integers(0, 1 << 32, count), dtype="Int64"),
            "simulated": pd.array(chance.random(count) < 0.5, dtype="boolean"),
            "created_at": pd.to_datetime(
                1_800_000_000 + chance.integers(0, 10**6, count), unit="s", utc=True
            ),
        },
        index=pd.Index([f"k{n}" for n in range(count)], name="key", dtype="string"),
    )


@pytest.mark.parametrize("sort", ["prompt", "status", "usd", "seed", "simulated", "created_at"])
@pytest.mark.parametrize("down", [False, True])
def test_rows_are_in_the_order_of_a_column(sort, down):
    frame = frame_of(200)
    found = TableRows(frame).look(Query(sort=sort, down=down, size=100), ["prompt"]).found
    values = frame.loc[found, sort]
    absent = values.isna().to_numpy()
    assert absent.sum() == frame[sort].isna().sum()
    assert absent[: absent.sum()].all() if not down else absent[len(absent) - absent.sum() :].all()
    present = values.dropna()
    assert present.is_monotonic_decreasing if down else present.is_monotonic_increasing


def test_a_search_finds_rows_with_all_its_words_in_any_column():
    frame = frame_of(500)
    rows = TableRows(frame)
    for words, wanted in {
        "FOX": frame.index[frame["prompt"].str.contains("fox")],
        "owl failed": frame.index[frame["prompt"].str.contains("owl") & frame["status"].eq("failed").fillna(value=False)],
        "k499": ["k499"],
        str(frame["seed"].iloc[7]): ["k7"],
        "nowhere": [],
    }.items():  # fmt: skip
        assert set(rows.look(Query(search=words), ["prompt"]).found) == set(wanted), words


def test_filters_narrow_and_pages_end():
    frame = frame_of(230)
    rows = TableRows(frame)
    absent = rows.look(Query(filters={"status": [""]}), ["status"])
    assert set(absent.found) == set(frame.index[frame["status"].isna()])
    looked = rows.look(Query(filters={"status": ["failed", "succeeded"]}, page=99, size=50), ["status"])
    assert looked.page == (len(looked.found) - 1) // 50
    assert looked.keys == looked.found[looked.page * 50 :]
    assert rows.choices(["status", "prompt", "usd", "seed"]).keys() == {"status"}


@pytest.mark.parametrize(
    "told",
    [
        None,
        3,
        {"page": -1},
        {"page": "x", "size": 7},
        {"filters": [1]},
        {"filters": {"status": "failed"}},
        {"sort": None},
    ],
)
def test_what_no_browser_should_ask_is_as_if_it_were_not_there(told):
    assert Query.read(told) == Query()


def test_ten_thousand_rows_are_searched_at_once_and_little_is_kept_in_a_notebook(fresh_catalog):
    frame = frame_of(10_000)
    table = sw.LogTable(frame)
    state = {name: value for name, value in table.get_state().items() if name != "layout"}
    assert len(str(state)) < 60_000
    assert len(table.rows) == 25
    assert table.facts["total"] == 10_000


# --- showing ----------------------------------------------------------------------------------------------


def test_the_newest_come_first_with_their_posters_and_clips(table):
    assert column(table, "prompt") == [f"a {word}" for word in reversed(WORDS)]
    assert column(table, "tags.campaign") == ["autumn", "spring"] * 2 + ["autumn"]
    assert all(row["poster"] and row["clip"] for row in table.rows)
    assert table.facts["choices"]["tags.campaign"] == ["autumn", "spring"]
    tell(table, kind="load", id=table.rows[0]["clip"])
    assert said(table)[-1]["kind"] == "loaded"


def test_a_query_narrows_it_and_columns_are_chosen(table):
    ask(table, search="h")
    assert set(column(table, "prompt")) >= {"a hen", "a hare"}
    ask(table, search="hen")
    assert (column(table, "prompt"), table.facts["found"]) == (["a hen"], 1)
    ask(table, search="", filters={"tags.campaign": ["spring"]}, sort="prompt", down=False)
    assert column(table, "prompt") == ["a hare", "a owl"]
    tell(table, kind="columns", names=["key_of_nothing"])
    assert "is no column" in table.notice
    tell(table, kind="columns", names=["status", "tokens"])
    assert [each["name"] for each in table.columns] == ["status", "tokens"]
    tell(table, kind="columns", names=[])
    assert "at least one" in table.notice


def test_new_work_appears_by_itself(studio, table):
    sw.run(studio.generate("a newer fox"))
    until(lambda: table.facts["total"] == 6 and column(table, "status")[0] == "succeeded")
    assert column(table, "prompt")[0] == "a newer fox"
    assert table.rows[0]["poster"]
    assert table.facts["total"] == 6


def test_hostile_texts_are_text(studio):
    for text in TEXTS.values():
        if text.strip():
            studio.runtime.journal.begin(sw.estimate(text, model="tiny"), stored={})
    table = sw.LogTable(studio)
    assert table.facts["total"] == len(studio.log.to_pandas())
    assert max(len(cell) for row in table.rows for cell in row["cells"]) <= 161
    table.close()


def test_the_chosen_rows_are_a_frame(table):
    keys = [table.rows[0]["key"], table.rows[2]["key"]]
    table.selected = keys
    assert list(table.frame.index) == keys
    table.selected = []
    assert len(table.frame) == 5
    tell(table, kind="every")
    assert len(table.selected) == 5
    assert "LogTable of 5 tasks" in repr(table)


@pytest.mark.parametrize("source", [None, 3, "runs", pd.DataFrame({"a": [1]})])
def test_what_has_no_log_is_refused(source):
    with pytest.raises(sw.InvalidRequest, match="source"):
        sw.LogTable(source)


ODD = {
    "no rows": {"prompt": []},
    "several types": {"x": [1, "b", None]},
    "names that are numbers": {0: [1, 2, 3], "x": [1, 2, 3]},
    "lists": {"x": [[1], [2], {"a": 1}]},
    "categories": {"x": pd.Categorical(["1", "2", None])},
    "times without a zone": {"x": pd.to_datetime(["2026-01-01", None, "2026-01-02"])},
    "no numbers": {"x": [np.inf, -np.inf, np.nan]},
    "names twice": {"x": [1, 2, 3], "key": ["a", "a", "b"]},
}


@pytest.mark.parametrize("name", ODD)
def test_a_dataframe_of_a_persons_own_is_shown(name):
    frame = pd.DataFrame(ODD[name])
    if "key" not in frame:
        frame.index = pd.Index(list("abc")[: len(frame)], name="key")
    table = sw.LogTable(frame)
    for query in (
        {"search": "1"},
        {"sort": "x"},
        {"sort": "x", "down": False},
        {"filters": {"x": ["1"]}},
        {"page": 9},
    ):
        tell(table, kind="query", query=query)
    assert len(table.rows) == frame.get("key", frame.index.to_series()).nunique()
    assert table.notice == ""


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (
            pd.DataFrame(np.ones((2, 2)), columns=["x", "x"], index=pd.Index(["a", "b"], name="key")),
            "two columns",
        ),
        (pd.DataFrame({"key": ["a", None], "x": [1, 2]}), "has no key"),
    ],
)
def test_a_dataframe_that_is_no_table_is_refused(frame, said):
    with pytest.raises(sw.InvalidRequest, match=said):
        sw.LogTable(frame)


def test_a_column_that_is_not_there_is_refused(studio):
    with pytest.raises(sw.InvalidRequest, match="is no column"):
        sw.LogTable(studio, columns=["promt"])


def test_a_table_of_a_dataframe_has_no_acts_at_the_service(studio):
    frame = studio.log.to_pandas()
    table = sw.LogTable(frame)
    assert table.facts["acts"] == []
    table.selected = [frame.index[0]]
    tell(table, kind="act", act="rerun")
    until(lambda: "a DataFrame, which has no tasks" in table.notice)


# --- acting -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("yes", [True, False])
def test_nothing_is_sent_without_a_yes(studio, table, yes):
    table.selected = [row["key"] for row in table.rows[:2]]
    tell(table, kind="act", act="rerun")
    until(lambda: table.ask)
    price = sw.estimate("a fox", model="tiny").usd_max
    assert table.ask["words"] == f"Send 2 requests again, each for a new clip, at most ${2 * price:.4f}?"
    assert len(studio.log.to_pandas()) == 5
    tell(table, kind="agree", yes=yes)
    if yes:
        until(lambda: table.notice.startswith("done"))
        assert len(studio.log.to_pandas()) == 7
        assert studio.log.to_pandas()["requested_seed"].is_unique
    assert table.ask == {}
    tell(table, kind="agree", yes=True)  # pressed twice
    time.sleep(0.2)
    assert len(studio.log.to_pandas()) == (7 if yes else 5)


def test_drafts_are_promoted_for_the_price_that_was_shown(tmp_path):
    asked = {"model": "seedance-1-5-pro", "resolution": "480p", "ratio": "1:1", "duration": 4, "draft": True}
    with sw.Studio(tmp_path / "runs", simulate=sw.Simulator(speed=2000)) as studio:
        draft = sw.run(studio.generate("a fox", **asked))
        table = sw.LogTable(studio)
        table.selected = [draft.key]
        tell(table, kind="act", act="promote", value="480p")
        until(lambda: table.ask)
        final = sw.estimate(draft_task=draft, resolution="480p")
        assert table.ask["words"] == f"Promote 1 draft to 480p, at most ${final.usd_max:.4f}?"
        tell(table, kind="agree", yes=True)
        until(lambda: table.notice.startswith("done"))
        assert studio.log.to_pandas()["kind"].to_list() == ["draft", "final"]
        table.close()


def test_what_has_failed_is_tried_again(tmp_path, fresh_catalog):
    register_tiny(fresh_catalog)
    simulator = sw.Simulator(speed=2000)
    simulator.faults.fail_task("OutputVideoSensitiveContentDetected")
    with sw.Studio(tmp_path / "runs", simulate=simulator, defaults={"model": "tiny"}) as studio:
        with pytest.raises(sw.TaskFailed):
            sw.run(studio.generate("a failing fox"))
        sw.run(studio.generate("a fox"))
        table = sw.LogTable(studio)
        tell(table, kind="every")
        tell(table, kind="act", act="retry")
        until(lambda: table.ask)
        assert "1 failed request again" in table.ask["words"]
        tell(table, kind="agree", yes=True)
        until(lambda: table.notice.startswith("done"))
        assert studio.log.to_pandas()["prompt"].to_list() == ["a failing fox", "a fox", "a failing fox"]
        table.close()


def test_tags_are_set_and_shown(studio, table):
    table.selected = [row["key"] for row in table.rows[:2]]
    tell(table, kind="act", act="tag", value="look = film noir")
    until(lambda: "2 tasks tagged look=film noir" in table.notice)
    assert column(table, "tags.look") == ["film noir", "film noir", "", "", ""]
    assert studio.log.to_pandas()["tags.look"].notna().sum() == 2
    tell(table, kind="act", act="tag", value="nonsense")
    until(lambda: "is no tag" in table.notice)


def test_keys_and_code_are_copied_and_the_log_is_written(studio, table, tmp_path):
    table.selected = [table.rows[0]["key"]]
    tell(table, kind="act", act="keys")
    until(lambda: said(table))
    assert said(table)[-1] == {"kind": "copy", "text": table.selected[0], "what": "1 key"}
    tell(table, kind="act", act="code")
    until(lambda: said(table)[-1]["what"] == "code of 1 task")
    assert "a elk" in said(table)[-1]["text"]
    for name in ("part.csv", "part.parquet"):
        tell(table, kind="act", act="export", value=name)
        until(lambda name=name: f"1 row written to {name}" in table.notice)
        assert list(sw.read_log(tmp_path / name).index) == table.selected
    tell(table, kind="act", act="export", value="part.txt")
    until(lambda: "is no .csv" in table.notice)


def test_clips_are_compared_below(table):
    table.selected = [table.rows[0]["key"]]
    tell(table, kind="act", act="compare")
    until(lambda: "choose 2 to 9" in table.notice)
    table.selected = [row["key"] for row in table.rows[:3]]
    tell(table, kind="act", act="compare")
    until(lambda: table.below)
    assert table.below["title"] == "3 clips"
    tell(table, kind="close")
    assert table.below == {}


def test_a_closed_table_listens_no_more(studio):
    table = sw.LogTable(studio)
    table.close()
    sw.run(studio.generate("a later fox"))
    sw.run(asyncio.sleep(0.7))
    assert table.facts["total"] == 5
