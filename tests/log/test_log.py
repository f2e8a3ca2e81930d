from __future__ import annotations

import contextlib
import json
import multiprocessing
import socket
import sqlite3
from pathlib import Path

import pandas as pd
import pytest

import seedance_widgets as sw
from seedance_widgets.log import Log
from seedance_widgets.log.budget import budgets_of
from seedance_widgets.log.journal import Journal
from seedance_widgets.log.schema import kernels
from seedance_widgets.log.store import Store
from seedance_widgets.recovery.leases import Leases

CONTRACT = [
    "task_id", "status", "kind", "mode", "model", "prompt", "resolution", "ratio", "width", "height", "duration",
    "frames", "seed", "requested_seed", "camera_fixed", "watermark", "generate_audio", "service_tier",
    "first_frame", "last_frame", "reference_images", "reference_videos",
    "reference_audios", "tokens", "usd", "est_tokens", "est_usd", "price_id",
    "file", "video_path", "last_frame_path", "sha256", "error_code", "error_message", "created_at",
    "finished_at", "saved_at", "parent_key", "study", "arm", "item", "verdict", "simulated",
]  # fmt: skip
SUCCESS = {
    "status": "succeeded",
    "content": {"video_url": "https://example.com/v.mp4"},
    "usage": {"completion_tokens": 108900, "total_tokens": 108900},
    "created_at": 1765510475,
    "updated_at": 1765510559,
    "resolution": "720p",
    "ratio": "16:9",
    "duration": 5,
}


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "log.sqlite")
    yield store
    store.close()


@pytest.fixture
def journal(store, clock):
    return Journal(store, clock=clock)


def asked(**params):
    return sw.estimate(sw.TaskRequest("a fox", **{"model": "seedance-1-5-pro", "ratio": "16:9", **params}))


def begin(journal, budget_usd=None, **params):
    return journal.begin(asked(**params), budgets=budgets_of(budget_usd), stored={})


def test_a_row_is_on_disk_before_anything_is_sent(journal, tmp_path):
    intent = begin(journal, seed=11)
    with sqlite3.connect(tmp_path / "log.sqlite") as other:
        row = other.execute("SELECT status, requested_seed, reserved_usd, body FROM tasks").fetchone()
    assert row[0] == "intent"
    assert row[1] == 11
    assert row[2] == pytest.approx(0.26136)
    assert json.loads(row[3]) == intent.body


def test_a_seed_is_always_chosen_and_a_fingerprint_always_sent(journal):
    intents = [begin(journal) for _ in range(50)]
    assert all(0 <= intent.body["seed"] < 2**31 for intent in intents)
    nonces = {intent.body["execution_expires_after"] - 172800 for intent in intents}
    assert len(nonces) == 50
    assert all(0 <= nonce < 65536 for nonce in nonces)
    assert begin(journal, execution_expires_after=3600).body["execution_expires_after"] == 3600


def test_a_model_without_seeds_gets_none(journal):
    assert "seed" not in begin(journal, model="seedance-2-0").body


def test_a_row_follows_the_answers(journal, store, tmp_path):
    key = begin(journal, seed=11).key
    journal.accepted(key, {"id": "cgt-1"}, request_id="r1", client_request_id="c1")
    assert journal.observed(key, {"id": "cgt-1", "status": "running"}).status == "running"
    row = journal.observed(key, {"id": "cgt-1", "seed": 11, **SUCCESS})
    assert (row.tokens, row.usd, row.reserved_usd) == (108900, 0.26136, 0.0)
    assert (row.created_at, row.finished_at) == (1765510475_000000, 1765510559_000000)
    with store.read() as connection:
        calls = [call for (call,) in connection.exec_driver_sql("SELECT call FROM answers ORDER BY id")]
    assert calls == ["create", "get", "get"]


def test_no_state_goes_backwards(journal):
    key = begin(journal).key
    journal.accepted(key, {"id": "cgt-1"})
    journal.observed(key, {"id": "cgt-1", "status": "running"})
    assert journal.observed(key, {"id": "cgt-1", "status": "queued"}).status == "running"
    journal.observed(key, {"id": "cgt-1", **SUCCESS})
    for late in ("queued", "running", "failed", "expired"):
        assert journal.observed(key, {"id": "cgt-1", "status": late}).status == "succeeded"
    assert journal.accepted(key, {"id": "cgt-2"}).task_id == "cgt-1"


@pytest.mark.parametrize("status", ["failed", "cancelled", "expired"])
def test_what_made_no_clip_costs_nothing(journal, status):
    key = begin(journal).key
    journal.accepted(key, {"id": "cgt-1"})
    error = {"code": "OutputVideoSensitiveContentDetected", "message": "no"}
    row = journal.observed(key, {"id": "cgt-1", "status": status, "error": error})
    assert (row.usd, row.reserved_usd) == (0.0, 0.0)
    assert row.error_code == "OutputVideoSensitiveContentDetected"


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"status": "melting"},
        {"status": 5, "usage": [], "content": "x", "error": "y", "seed": "z"},
        {"status": "succeeded", "created_at": "yesterday", "usage": {"completion_tokens": 1.5}},
        {"status": "succeeded", "updated_at": 1e300, "seed": True, "content": {"video_url": None}},
    ],
)
def test_odd_answers_are_survived(journal, odd):
    key = begin(journal).key
    journal.accepted(key, {"id": "cgt-1"})
    row = journal.observed(key, {"id": "cgt-1", **odd})
    assert row.status in ("queued", "succeeded")
    assert row.tokens is None


def test_an_unexpected_seed_is_remarked(journal):
    key = begin(journal, seed=11).key
    journal.accepted(key, {"id": "cgt-1"})
    row = journal.observed(key, {"id": "cgt-1", "seed": 12, **SUCCESS})
    assert (row.seed, row.requested_seed) == (12, 11)
    assert row.remark == "asked for seed 11, got 12"


def test_the_budget_counts_what_is_spent_and_reserved(journal):
    first = begin(journal, budget_usd=0.6)
    begin(journal, budget_usd=0.6)
    with pytest.raises(sw.BudgetExceeded, match=r"Short by \$0\.18") as caught:
        begin(journal, budget_usd=0.6)
    assert caught.value.short_by == pytest.approx(3 * 0.26136 - 0.6)
    journal.not_created(first.key, "no network")
    begin(journal, budget_usd=0.6)


def test_a_request_without_a_price_is_refused_under_a_budget_only(journal, fresh_catalog):
    fresh_catalog.register("seedance-1-0-pro", price=[])
    begin(journal, model="seedance-1-0-pro")
    with pytest.raises(sw.BudgetExceeded, match="catalog.register") as caught:
        begin(journal, model="seedance-1-0-pro", budget_usd=100)
    assert caught.value.short_by is None
    assert caught.value.__cause__ is None


def test_simulated_and_real_money_are_counted_apart(store, clock):
    real, simulated = Journal(store, clock=clock), Journal(store, simulated=True, clock=clock)
    begin(real)
    assert simulated.money() == (0.0, 0.0)
    assert real.money() == (0.0, pytest.approx(0.26136))


def test_pictures_are_logged_by_hash(journal):
    from PIL import Image

    request = sw.TaskRequest("a fox", first_frame=Image.new("RGB", (400, 400)), ratio="1:1")
    sha = request.first_frame.sha256
    intent = journal.begin(sw.estimate(request), stored={sha: f"inputs/{sha}.png"})
    assert "base64" in json.dumps(intent.body)
    assert "base64" not in intent.row.body
    assert sha in intent.row.body
    assert intent.row.first_frame == f"inputs/{sha}.png"


def test_the_frame_has_the_contracts_columns_and_types(journal, store, tmp_path):
    key = begin(journal, seed=11).key
    journal.accepted(key, {"id": "cgt-1"})
    journal.observed(key, {"id": "cgt-1", "seed": 11, **SUCCESS})
    journal.filed(key, video_path=f"media/{key}/video.mp4", sha256="00")
    begin(journal)
    frame = Log(store, tmp_path).to_pandas()
    assert frame.index.name == "key"
    assert list(frame.columns[: len(CONTRACT)]) == CONTRACT
    row = frame.loc[key]
    assert row["video_path"] == str(tmp_path / "media" / key / "video.mp4")
    assert row["finished_at"] == pd.Timestamp("2025-12-12 03:35:59", tz="UTC")
    kinds = {name: str(frame[name].dtype) for name in ("tokens", "usd", "simulated", "status", "saved_at")}
    assert kinds == {
        "tokens": "Int64", "usd": "Float64", "simulated": "boolean", "status": "string",
        "saved_at": "datetime64[us, UTC]",
    }  # fmt: skip
    for name in CONTRACT:
        missing = frame.iloc[1][name]
        assert missing is pd.NaT or missing is pd.NA or missing not in ("", None)


def test_an_empty_log_has_the_same_columns_and_types(journal, store, tmp_path):
    empty = Log(store, tmp_path).to_pandas()
    begin(journal)
    assert empty.dtypes.to_dict() == Log(store, tmp_path).to_pandas().dtypes.to_dict()
    assert len(empty) == 0


def test_a_task_made_elsewhere_gets_one_row(journal):
    answer = {"id": "cgt-9", "model": "seedance-1-5-pro-251215", "generate_audio": True, **SUCCESS}
    row = journal.adopted(answer)
    assert (row.status, row.usd, row.model) == ("succeeded", 0.26136, "seedance-1-5-pro-251215")
    assert journal.adopted(answer).key == row.key


def fate(row):
    return row.status, row.usd, row.reserved_usd


def test_a_lost_answer_outweighs_what_others_have_made_of_the_row(journal, clock):
    key = begin(journal).key
    sent_at = int(clock.now * 1e6)
    journal.cut_off(key, "its kernel ended", sent_at)
    assert fate(journal.not_created(key, "no such task")) == ("not_created", 0.0, 0.0)
    clock.pass_(200)
    row = journal.unknown(key, "no answer")
    assert fate(row) == ("unknown", None, pytest.approx(0.26136))
    assert row.sent_at == sent_at + 200_000_000
    journal.accepted(key, {"id": "cgt-1"})
    assert journal.unknown(key, "no answer").status == "queued"


def test_an_id_that_another_row_has_is_no_answer(journal):
    first, second = begin(journal).key, begin(journal).key
    journal.accepted(first, {"id": "cgt-1"})
    row = journal.accepted(second, {"id": "cgt-1"})
    assert (row.task_id, *fate(row)) == (None, "unknown", None, pytest.approx(0.26136))
    assert first in row.error_message


def test_a_refusal_settles_what_others_held_to_be_unknown(journal):
    key = begin(journal).key
    journal.cut_off(key, "its kernel ended", 0)
    refusal = sw.APIError(400, code="InputTextSensitiveContentDetected")
    assert fate(journal.rejected(key, refusal)) == ("rejected", 0.0, 0.0)


@pytest.mark.parametrize(
    ("days", "seed", "is_it"), [(1, 11, True), (1, None, True), (1, 12, False), (30, 11, False)]
)
def test_a_lost_intent_is_told_by_its_fingerprint_of_these_days_and_its_seed(
    journal, clock, days, seed, is_it
):
    intent = begin(journal, seed=11)
    journal.unknown(intent.key, "no answer")
    clock.pass_(days * 86_400)
    told = {name: intent.body[name] for name in ("model", "execution_expires_after")}
    row = journal.adopted({"id": "cgt-1", "seed": seed, **told})
    assert (row.key == intent.key) is is_it
    assert row.task_id == "cgt-1"


def heard(store, owner, **columns):
    values = {"owner": owner, "host": "elsewhere", "pid": 1 << 22, "born_at": 0.0, "beat_at": 0, **columns}
    with store.write() as connection:
        connection.execute(kernels.insert().values(values))


def test_a_machine_of_the_same_name_is_another_one(journal, store, clock):
    # a number of a process that this machine does not have
    heard(store, "other", host=socket.gethostname(), beat_at=int(clock.now * 1e6))
    key = journal.begin(asked(), stored={}, extra={"owner": "other"}).key
    leases = Leases(store, clock=clock)
    assert leases.claim([key]) == set()
    clock.pass_(60)
    assert leases.claim([key]) == {key}


def test_kernels_that_died_long_ago_are_forgotten(store, clock):
    heard(store, "old")
    heard(store, "new", beat_at=int(clock.now * 1e6))
    leases = Leases(store, clock=clock)
    leases.beat()
    assert [leases.last_heard(owner) is None for owner in ("old", "new", leases.owner)] == [
        True,
        False,
        False,
    ]


def test_a_log_of_a_newer_version_is_left_alone(store, tmp_path):
    with store.write() as connection:
        connection.exec_driver_sql("UPDATE meta SET value = '99' WHERE name = 'version'")
    with pytest.raises(sw.LogError, match="newer"):
        Store(tmp_path / "log.sqlite")


def test_what_is_no_log(tmp_path):
    (tmp_path / "log.sqlite").write_text("this is no database at all, only text" * 100)
    with pytest.raises(sw.LogError):
        Store(tmp_path / "log.sqlite")
    with pytest.raises(sw.LogError):
        Store(tmp_path / "no" / "such" / "folder" / "log.sqlite")


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("postgres://me:hidden@host/db", "kept in postgres"),
        ("mysql://me:hidden@host/db", "kept in mysql"),
        ("s3://bucket/log.sqlite", "kept in s3"),
        ("postgresql+psycopg://me:hidden@host:port/db", "cannot be read"),
        ("://me:hidden@", "cannot be read"),
        ("postgresql+psycopg2://me:hidden@host/db", r"psycopg2.*seedance-widgets\[team\]"),
        ("sqlite://", "journal mode memory"),
        ("sqlite:////no/such/folder/log.sqlite", "unable to open"),
    ],
)
def test_an_address_of_no_log_says_what_one_looks_like(address, told):
    with pytest.raises(sw.LogError, match=told) as caught:
        Store(address)
    assert "hidden" not in str(caught.value)


def _write_many(path, count):
    journal = Journal(Store(path))
    for _ in range(count):
        key = begin(journal).key
        journal.accepted(key, {"id": f"cgt-{key}"})
        journal.observed(key, {"id": f"cgt-{key}", **SUCCESS})


def test_two_processes_on_one_log_are_never_refused(tmp_path):
    context = multiprocessing.get_context("spawn")
    Store(tmp_path / "log.sqlite").close()
    writers = [context.Process(target=_write_many, args=(tmp_path / "log.sqlite", 40)) for _ in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0, 0]
    store = Store(tmp_path / "log.sqlite")
    frame = Log(store, tmp_path).to_pandas()
    store.close()
    assert (frame["status"] == "succeeded").sum() == 80
    assert frame["task_id"].is_unique


def _spend(path, results):
    journal = Journal(Store(path))
    spent = 0
    for _ in range(25):
        try:
            begin(journal, budget_usd=1.0)
            spent += 1
        except sw.BudgetExceeded:
            continue
    results.put(spent)


def test_two_processes_never_reserve_more_than_the_budget(tmp_path):
    context = multiprocessing.get_context("spawn")
    Store(tmp_path / "log.sqlite").close()
    results = context.Queue()
    writers = [context.Process(target=_spend, args=(tmp_path / "log.sqlite", results)) for _ in range(2)]
    for writer in writers:
        writer.start()
    begun = sum(results.get(timeout=60) for _ in writers)
    for writer in writers:
        writer.join(60)
    assert begun == 3  # of $0.26 each


async def test_a_log_of_version_1_is_brought_up_to_date_and_goes_on(tmp_path, simulator):
    home = tmp_path / "runs"
    home.mkdir()
    with contextlib.closing(sqlite3.connect(home / "log.sqlite")) as old:
        old.executescript((Path(__file__).parent / "log_version_1.sql").read_text())
    with sw.Studio(home, simulate=simulator) as studio:
        before = studio.log.to_pandas()
        assert before["status"].tolist() == ["succeeded"]
        assert before["seed"].tolist() == [7]
        task = await studio.generate("a cat", model="seedance-1-0-pro-fast", resolution="480p", duration=2)
        assert studio.log.to_pandas().index.tolist() == [*before.index, task.key]
