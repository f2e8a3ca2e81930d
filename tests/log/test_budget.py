"""Budgets by time and by purpose, and the totals that they are checked against."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import random

import pytest
from sqlalchemy import text

import seedance_widgets as sw
from seedance_widgets.log import Log
from seedance_widgets.log.budget import budgets_of
from seedance_widgets.log.journal import Journal
from seedance_widgets.log.row_mapping import Order
from seedance_widgets.log.store import Store
from seedance_widgets.log.totals import EVERYTHING, Scope, keep_total, total

PRICE = 0.26136  # of what `begin` asks for, at most
NEW_YEAR = dt.datetime(2027, 1, 1, tzinfo=dt.UTC).timestamp()
SPRING = {"campaign": "spring"}


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "log.sqlite")
    yield store
    store.close()


@pytest.fixture
def journal(store, clock):
    return Journal(store, home="ours", clock=clock)


def begin(journal, *budgets, tags=None, **params):
    request = sw.TaskRequest("a fox", **{"model": "seedance-1-5-pro", "ratio": "16:9", **params})
    return journal.begin_all([Order(sw.estimate(request), tags=tags or {})], budgets=budgets_of(budgets))[
        0
    ].key


def finish(journal, key):
    """Accepted and made, and billed what was expected."""
    journal.accepted(key, {"id": f"cgt-{key}"})
    usage = {"completion_tokens": 108_900, "total_tokens": 108_900}
    content = {"video_url": "https://ark.example/x.mp4"}
    return journal.observed(
        key, {"id": f"cgt-{key}", "status": "succeeded", "usage": usage, "content": content}
    )


def left(journal, budget):
    return journal.standings([budget])[0].left


# --- what a budget is ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (5, "$5.00"),
        (sw.Budget(100, per="month"), "$100.00 a month"),
        (
            sw.Budget(2.5, per="day", tags={"campaign": "spring", "n": 3}),
            "$2.50 a day for campaign=spring, n=3",
        ),
        (sw.Budget(1, home=True), "$1.00 in this home"),
    ],
)
def test_a_budget_says_what_it_is(given, words):
    assert str(budgets_of(given)[0]) == words


@pytest.mark.parametrize(
    ("make", "parameter"),
    [
        (lambda: sw.Budget(-1), "budget_usd"),
        (lambda: sw.Budget(float("nan")), "budget_usd"),
        (lambda: sw.Budget("5"), "budget_usd"),
        (lambda: sw.Budget(True), "budget_usd"),
        (lambda: sw.Budget(5, per="week"), "per"),
        (lambda: sw.Budget(5, tags={"": "spring"}), "name"),
        (lambda: sw.Budget(5, tags={"campaign": [1]}), "tags.campaign"),
        (lambda: sw.Budget(5, tags=["spring"]), "tags"),
        (lambda: sw.Budget(5, home="here"), "home"),
        (lambda: budgets_of([5, "6"]), "budget_usd"),
        (lambda: budgets_of({"month": 5}), "budget_usd"),
    ],
)
def test_what_is_no_budget_is_refused(make, parameter):
    with pytest.raises(sw.InvalidRequest) as caught:
        make()
    assert [problem.parameter for problem in caught.value.problems] == [parameter]


# --- by time ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("per", "frees_at"),
    [("day", dt.datetime(2027, 1, 1, tzinfo=dt.UTC)), ("month", dt.datetime(2027, 1, 1, tzinfo=dt.UTC))],
)
def test_a_budget_begins_anew_with_its_period(journal, clock, per, frees_at):
    clock.now = NEW_YEAR - 3600
    budget = sw.Budget(0.6, per=per)
    for _ in range(2):
        finish(journal, begin(journal, budget))
    with pytest.raises(sw.BudgetExceeded) as caught:
        begin(journal, budget)
    assert caught.value.budget == budget
    assert caught.value.frees_at == frees_at
    assert caught.value.short_by == pytest.approx(3 * PRICE - 0.6)
    assert f"$0.60 a {per}" in str(caught.value)
    assert f"The next {per} begins at 2027-01-01 00:00 UTC. Nothing was sent." in str(caught.value)
    clock.now = NEW_YEAR
    begin(journal, budget)
    assert left(journal, budget) == pytest.approx(0.6 - PRICE)


def test_what_a_task_costs_counts_in_the_period_it_was_begun_in(journal, clock):
    clock.now = NEW_YEAR - 60
    budget = sw.Budget(1, per="month")
    key = begin(journal, budget)
    clock.now = NEW_YEAR + 60
    finish(journal, key)
    assert left(journal, budget) == 1
    assert journal.money() == (pytest.approx(PRICE), 0.0)


@pytest.mark.parametrize(
    ("at", "per", "start", "end"),
    [
        ((2027, 2, 28, 23, 59, 59), "month", (2027, 2, 1), (2027, 3, 1)),
        ((2028, 2, 29), "day", (2028, 2, 29), (2028, 3, 1)),
        ((2027, 12, 31, 23, 59, 59), "month", (2027, 12, 1), (2028, 1, 1)),
        ((2027, 1, 1), "month", (2027, 1, 1), (2027, 2, 1)),
    ],
)
def test_periods_are_those_of_the_calendar_in_utc(at, per, start, end):
    def micros(*parts):
        return int(dt.datetime(*parts, tzinfo=dt.UTC).timestamp()) * 1_000_000

    scope = Scope(per)
    assert scope.period(micros(*at)) == micros(*start)
    assert scope.period_end(micros(*at)) == dt.datetime(*end, tzinfo=dt.UTC)


# --- by purpose ------------------------------------------------------------------------------------------


def test_a_budget_for_a_tag_counts_only_what_is_tagged_so(journal):
    budget = sw.Budget(0.3, tags=SPRING)
    begin(journal, budget, tags=SPRING)
    begin(journal, budget, tags={"campaign": "autumn"})
    begin(journal, budget)
    with pytest.raises(sw.BudgetExceeded, match=r"\$0\.30 for campaign=spring.*\$0\.2614 is reserved"):
        begin(journal, budget, tags={**SPRING, "team": "north"})


def test_a_price_that_is_not_known_is_refused_where_a_budget_counts_it(journal, fresh_catalog):
    fresh_catalog.register("seedance-1-0-pro", price=[])
    budget = sw.Budget(5, tags=SPRING)
    begin(journal, budget, model="seedance-1-0-pro")
    with pytest.raises(sw.BudgetExceeded, match="the price of this request is not known"):
        begin(journal, budget, model="seedance-1-0-pro", tags=SPRING)


def test_each_of_several_budgets_is_checked_and_every_one_that_refuses_is_named(journal, clock):
    clock.now = NEW_YEAR
    month, day, spring = sw.Budget(1, per="month"), sw.Budget(0.3, per="day"), sw.Budget(0.3, tags=SPRING)
    begin(journal, month, day, spring, tags=SPRING)
    with pytest.raises(sw.BudgetExceeded) as caught:
        begin(journal, month, day, spring, tags=SPRING)
    assert "$0.30 a day" in str(caught.value)
    assert "$0.30 for campaign=spring" in str(caught.value)
    assert "a month" not in str(caught.value)
    clock.pass_(86_400)
    begin(journal, month, day, spring)
    assert journal.count() == 2


def test_a_final_counts_for_what_its_draft_was_made_for(tmp_path):
    simulator = sw.Simulator(speed=2000)
    budget = sw.Budget(1, tags=SPRING)
    with sw.Studio(tmp_path / "runs", simulate=simulator, budget_usd=budget) as studio:
        sw.run(_draft_and_final(studio))
        frame = studio.log.to_pandas()
        assert frame["kind"].to_list() == ["draft", "final"]
        assert studio.budgets()["spent"].to_list() == [pytest.approx(frame["usd"].sum())]
        studio.budget_usd = sw.Budget(frame["usd"].sum(), tags=SPRING)
        with pytest.raises(sw.BudgetExceeded, match="campaign=spring"):
            sw.run(studio.submit("a fox", model="seedance-1-0-pro", tags=SPRING))
    simulator.close()


async def _draft_and_final(studio):
    asked = {"model": "seedance-1-5-pro", "resolution": "480p", "ratio": "1:1", "duration": 4}
    draft = await studio.generate("a fox", **asked, draft=True, tags=SPRING)
    await (await studio.promote(draft, resolution="480p"))


def test_several_homes_share_a_log_and_each_may_have_a_budget(store, clock):
    ours, theirs = Journal(store, home="ours", clock=clock), Journal(store, home="theirs", clock=clock)
    own, common = sw.Budget(0.3, home=True), sw.Budget(0.6)
    begin(ours, own, common)
    begin(theirs, own, common)
    with pytest.raises(sw.BudgetExceeded, match="in this home"):
        begin(ours, own)
    with pytest.raises(sw.BudgetExceeded, match=r"\$0\.60,"):
        begin(theirs, common)


# --- tags that move money --------------------------------------------------------------------------------


def test_a_changed_tag_moves_what_its_task_costs(store, journal, clock, tmp_path):
    spring, autumn = sw.Budget(1, tags=SPRING), sw.Budget(0.1, tags={"campaign": "autumn"})
    log = Log(store, tmp_path, clock=clock, home_id="ours", budgets=lambda: (spring, autumn))
    done, waiting = begin(journal, spring, autumn, tags=SPRING), begin(journal, spring, autumn, tags=SPRING)
    finish(journal, done)
    assert left(journal, spring) == pytest.approx(1 - 2 * PRICE)
    with pytest.raises(sw.BudgetExceeded) as caught:
        log.tag(done, campaign="autumn")
    assert "what is tagged so costs $0.2614; of the budget of $0.10 for campaign=autumn" in str(caught.value)
    assert str(caught.value).endswith("Nothing was written.")
    assert log.to_pandas().loc[done, "tags.campaign"] == "spring"
    assert left(journal, autumn) == 0.1
    log.tag([done, waiting], campaign=None)
    assert (left(journal, spring), left(journal, autumn)) == (1, 0.1)
    log.tag(waiting, campaign="spring")
    assert journal.standings([spring])[0].reserved == pytest.approx(PRICE)
    log.tag(waiting, campaign="spring")  # it is so already
    assert journal.standings([spring])[0].reserved == pytest.approx(PRICE)


def test_what_is_past_may_be_tagged_as_it_was(store, journal, clock, tmp_path):
    clock.now = NEW_YEAR - 60
    budget = sw.Budget(0.1, per="month", tags=SPRING)
    key = begin(journal)
    clock.now = NEW_YEAR + 60
    Log(store, tmp_path, clock=clock, budgets=lambda: (budget,)).tag(key, **SPRING)
    assert left(journal, budget) == 0.1


# --- totals ----------------------------------------------------------------------------------------------


SCOPES = [
    EVERYTHING,
    Scope("day"),
    Scope("month"),
    Scope(tags=(("campaign", "spring"),)),
    Scope("month", tags=(("campaign", "spring"), ("team", "north"))),
    Scope("day", home="ours"),
]


@pytest.mark.parametrize("seed", range(6))
def test_totals_are_what_adding_up_gives_whatever_happens(store, journal, clock, tmp_path, seed):
    chance = random.Random(seed)
    clock.now = NEW_YEAR - 5 * 86_400
    log = Log(store, tmp_path, clock=clock)
    journals = [journal, Journal(store, home="theirs", simulated=True, clock=clock)]
    keys, kept = [[], []], []
    for step in range(60):
        if step % 10 == 0 and len(kept) < len(SCOPES):
            with store.write() as connection:
                keep_total(connection, SCOPES[len(kept)])
            kept.append(SCOPES[len(kept)])
        clock.pass_(chance.uniform(0, 20_000))
        which = chance.randrange(2)
        writer, ours = journals[which], keys[which]
        tags = {
            name: value
            for name, value in (("campaign", "spring"), ("team", "north"))
            if chance.random() < 0.6
        }
        act = chance.choice(["begin", "begin", "finish", "reject", "lose", "abandon", "tag", "untag"])
        if act == "begin" or not ours:
            ours.append(begin(writer, tags=tags))
        key = chance.choice(ours)
        match act:
            case "finish" if writer.row(key).status in ("intent", "unknown"):
                finish(writer, key)
            case "reject":
                writer.rejected(key, sw.APIError(400, code="InvalidParameter"))
            case "lose":
                writer.unknown(key, "lost")
            case "abandon" if writer.row(key).status == "unknown":
                writer.abandoned(key)
            case "tag":
                log.tag(key, campaign=chance.choice(["spring", "autumn"]))
            case "untag":
                log.tag(key, campaign=None)
    assert len(kept) == len(SCOPES)
    frame = log.to_pandas(columns=["simulated", "created_at", "usd"])
    assert frame["usd"].notna().any()
    moments = {journal.now(), journal.now() - 3 * 86_400_000_000, journal.now() - 40 * 86_400_000_000}
    for scope in kept:
        for at in moments:
            for simulated in (False, True):
                with store.read() as connection:
                    rows, *told = total(connection, scope, at, simulated=simulated)
                with store.read() as connection:
                    count, *sums = _summed(connection, scope, at, simulated)
                assert rows == count, scope
                assert told == pytest.approx(sums, abs=1e-8), scope


def _summed(connection, scope, at, simulated):
    rows = connection.execute(
        text("SELECT * FROM tasks WHERE simulated = :simulated"), {"simulated": simulated}
    )
    count = settled = reserved = 0
    for row in rows.mappings():
        found = connection.execute(text("SELECT name, value FROM tags WHERE key = :key"), {"key": row["key"]})
        tags = {row.name: row.value for row in found}
        if scope.home not in (None, row["home"]) or any(
            tags.get(name) != value for name, value in scope.tags
        ):
            continue
        if scope.per == "day" and row["intent_at"] // 86_400_000_000 != at // 86_400_000_000:
            continue
        if scope.per == "month" and _month(row["intent_at"]) != _month(at):
            continue
        count += 1
        settled += row["usd"] or 0.0
        reserved += row["reserved_usd"]
    return count, settled, reserved


def _month(micros):
    moment = dt.datetime.fromtimestamp(micros / 1e6, dt.UTC)
    return moment.year, moment.month


def test_a_scope_that_is_asked_for_late_counts_what_was_before(store, journal):
    for number in range(4):
        begin(journal, tags=SPRING if number % 2 else {})
    assert left(journal, sw.Budget(1, tags=SPRING)) == pytest.approx(1 - 2 * PRICE)
    begin(journal, sw.Budget(1, tags=SPRING), tags=SPRING)
    assert left(journal, sw.Budget(1, tags=SPRING)) == pytest.approx(1 - 3 * PRICE)


def test_what_is_freed_leaves_nothing_behind(journal):
    keys = [begin(journal, duration=duration) for duration in (4, 5, 6, 7, 8, 9, 10, 11, 12)]
    for key in reversed(keys):
        journal.not_created(key, "no network")
    assert journal.money() == (0.0, 0.0)


# --- many at once ----------------------------------------------------------------------------------------


def _spend(path, number, results):
    store = Store(path)
    journal = Journal(store, home=f"home-{number}")
    month, spring = sw.Budget(60 * PRICE, per="month"), sw.Budget(30 * PRICE, tags=SPRING)
    begun, refused = 0, []
    for turn in range(50):
        try:
            begin(journal, month, spring, tags=SPRING if turn % 2 else {})
            begun += 1
        except sw.BudgetExceeded as error:
            refused.append((turn % 2, error.short_by, error.frees_at, str(error)))
    store.close()
    results.put((begun, refused))


def test_four_processes_never_spend_more_than_a_monthly_and_a_tags_budget(tmp_path):
    path = tmp_path / "log.sqlite"
    Store(path).close()
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    spenders = [context.Process(target=_spend, args=(path, number, results)) for number in range(4)]
    for spender in spenders:
        spender.start()
    told = [results.get(timeout=240) for _ in spenders]
    for spender in spenders:
        spender.join(60)
    store = Store(path)
    frame = Log(store, tmp_path).to_pandas()
    store.close()
    assert len(frame) == sum(begun for begun, _ in told) == 60
    assert (frame["tags.campaign"] == "spring").sum() <= 30
    refused = [each for _, refusals in told for each in refusals]
    assert len(refused) == 4 * 50 - 60
    for is_spring, short_by, frees_at, said in refused:
        assert short_by == pytest.approx(PRICE)
        assert "Short by $0.2614" in said
        if "a month" in said:
            assert "The next month begins at" in said
        else:
            assert is_spring
            assert frees_at is None
