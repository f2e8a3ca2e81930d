"""The model that is taken when none is named, by the date; and models by the names that people write."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

import seedance_widgets as sw

PREFERRED = "seedance-1-5-pro"
MINI = "dreamina-seedance-2-0-mini"
NEWEST = "dreamina-seedance-2-5"
SHUT_DOWN = datetime(2026, 11, 11, tzinfo=UTC).timestamp()
DAY = 86_400


def retire(catalog, name, day, replacement):
    catalog.register(name, retirement={"date": day, "status": "official", "replacement": replacement})


@pytest.mark.parametrize(
    ("at", "taken"),
    [
        (SHUT_DOWN - 365 * DAY, PREFERRED),
        (SHUT_DOWN - 1e-3, PREFERRED),
        (SHUT_DOWN, MINI),
        (SHUT_DOWN + 14 * DAY, MINI),
        (SHUT_DOWN + 3650 * DAY, MINI),
    ],
)
def test_a_retired_default_is_followed_by_its_replacement_from_that_day_on(at, taken):
    assert sw.catalog.default_model(at).name == taken


@pytest.mark.parametrize(("at", "taken"), [(SHUT_DOWN - 1, PREFERRED), (SHUT_DOWN, MINI)])
def test_no_moment_means_now(monkeypatch, at, taken):
    monkeypatch.setattr("time.time", lambda: at)
    assert sw.catalog.default_model().name == taken
    assert sw.TaskRequest("a fox").spec.name == taken


def test_a_chain_of_retirements_is_followed_as_far_as_it_has_come(fresh_catalog):
    retire(fresh_catalog, MINI, "2027-03-01", "dreamina-seedance-2-5-260628")
    third = datetime(2027, 3, 1, tzinfo=UTC).timestamp()
    moments = (SHUT_DOWN - 1, SHUT_DOWN, third - 1, third)
    assert [fresh_catalog.default_model(at).name for at in moments] == [PREFERRED, MINI, MINI, NEWEST]
    assert [model.name for model in fresh_catalog.default_models()] == [PREFERRED, MINI, NEWEST]


def test_a_successor_that_is_retired_before_its_time_is_passed_over(fresh_catalog):
    retire(fresh_catalog, MINI, "2026-11-01", NEWEST)
    assert fresh_catalog.default_model(SHUT_DOWN - 1).name == PREFERRED
    assert fresh_catalog.default_model(SHUT_DOWN).name == NEWEST


@pytest.mark.parametrize("last", [None, PREFERRED])
def test_where_nothing_is_live_the_last_of_them_is_taken(fresh_catalog, last):
    # a circle of replacements ends as well as a row without a next one
    retire(fresh_catalog, MINI, "2027-03-01", last)
    assert fresh_catalog.default_model(SHUT_DOWN + 3650 * DAY).name == MINI
    assert [model.name for model in fresh_catalog.default_models()] == [PREFERRED, MINI]


def test_a_default_that_is_live_stays_whatever_else_is_retired(fresh_catalog):
    fresh_catalog.register(PREFERRED, retirement=None)
    retire(fresh_catalog, MINI, "2026-01-01", NEWEST)
    assert fresh_catalog.default_model(SHUT_DOWN + 3650 * DAY).name == PREFERRED


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("seedance-2.0", "dreamina-seedance-2-0-260128"),
        ("seedance-2.0-260128", "dreamina-seedance-2-0-260128"),
        ("seedance-2.0-fast", "dreamina-seedance-2-0-fast-260128"),
        ("Seedance-2.0-Mini", "dreamina-seedance-2-0-mini-260615"),
        ("Seedance_2.5", "dreamina-seedance-2-5-260628"),
        ("seedance_1_5_pro", "seedance-1-5-pro-251215"),
        ("seedance-1.0-pro", "seedance-1-0-pro-250528"),
        (" seedance-1.0-pro-fast ", "seedance-1-0-pro-fast-251015"),
        ("doubao-seedance-1-0-pro-250528", "seedance-1-0-pro-250528"),
        ("doubao-seedance-1-0-pro-fast-251015", "seedance-1-0-pro-fast-251015"),
        ("doubao-seedance-1.5-pro", "seedance-1-5-pro-251215"),
        ("Doubao-Seedance-2-0-260128", "dreamina-seedance-2-0-260128"),
        ("doubao-seedance-2.0-fast", "dreamina-seedance-2-0-fast-260128"),
        ("dreamina-seedance-2.5", "dreamina-seedance-2-5-260628"),
        ("ep-2026-x@seedance-2.0", "dreamina-seedance-2-0-260128"),
    ],
)
def test_a_model_has_the_names_that_people_write(fresh_catalog, written, meant):
    assert sw.catalog.find(written).id == meant
    wire = written.partition("@")[0] if "@" in written else meant
    assert sw.TaskRequest("a fox", model=written).to_dict()["model"] == wire


@pytest.mark.parametrize(
    ("written", "nearest"),
    [
        ("seedance-1.0-por", "seedance-1-0-pro"),
        ("doubao-seedance-1-0-por", "seedance-1-0-pro"),
        ("Seedance_2.0_fats", "dreamina-seedance-2-0-fast"),
        ("seedance-2.0-mni", "dreamina-seedance-2-0-mini"),
    ],
)
def test_a_name_that_is_like_one_is_refused_with_that(written, nearest):
    with pytest.raises(sw.InvalidRequest) as caught:
        sw.TaskRequest("a fox", model=written)
    (problem,) = caught.value.problems
    assert (problem.parameter, problem.value, problem.nearest) == ("model", written, nearest)


@pytest.mark.parametrize("written", ["doubao-", "dreamina-", "doubao-pixeldance-1-0", "veo-3.1"])
def test_a_prefix_alone_and_another_vendors_model_are_refused(written):
    with pytest.raises(sw.InvalidRequest, match="not in the catalog"):
        sw.catalog.find(written)
