"""The catalog against the tutorial's own tables, typed in a second time."""

from __future__ import annotations

import pytest

import seedance_widgets as sw

SIZES_1_0 = {
    "480p": "864x480 736x544 640x640 544x736 480x864 960x416",
    "720p": "1248x704 1120x832 960x960 832x1120 704x1248 1504x640",
    "1080p": "1920x1088 1664x1248 1440x1440 1248x1664 1088x1920 2176x928",
}
SIZES_1_5 = {
    "480p": "864x496 752x560 640x640 560x752 496x864 992x432",
    "720p": "1280x720 1112x834 960x960 834x1112 720x1280 1470x630",
    "1080p": "1920x1080 1664x1248 1440x1440 1248x1664 1080x1920 2206x946",
}
RATIOS = ("16:9", "4:3", "1:1", "3:4", "9:16", "21:9")
FRAMES = {"text", "first_frame", "first_last_frame"}
ONE_0 = ("seedance-1-0-pro", "seedance-1-0-pro-fast", "seedance-1-0-lite-t2v", "seedance-1-0-lite-i2v")


@pytest.mark.parametrize(
    ("name", "table"), [("seedance-1-5-pro", SIZES_1_5)] + [(name, SIZES_1_0) for name in ONE_0]
)
def test_every_pixel_size_of_the_tutorial(name, table):
    model = sw.catalog.find(name)
    for resolution, row in table.items():
        for ratio, size in zip(RATIOS, row.split(), strict=True):
            assert model.size(resolution, ratio) == tuple(int(side) for side in size.split("x"))


@pytest.mark.parametrize(
    ("name", "id_", "modes", "shortest", "rpm", "concurrency", "per_day"),
    [
        ("seedance-1-5-pro", "seedance-1-5-pro-251215", FRAMES, 4, 600, 10, 500),
        ("seedance-1-0-pro", "seedance-1-0-pro-250528", FRAMES, 2, 600, 10, 500),
        ("seedance-1-0-pro-fast", "seedance-1-0-pro-fast-251015", {"text", "first_frame"}, 2, 600, 10, 500),
        ("seedance-1-0-lite-t2v", "seedance-1-0-lite-t2v-250428", {"text"}, 2, 300, 5, 250),
        (
            "seedance-1-0-lite-i2v",
            "seedance-1-0-lite-i2v-250428",
            {"first_frame", "first_last_frame", "reference"},
            2,
            300,
            5,
            250,
        ),
    ],
)  # fmt: skip
def test_the_model_list_of_the_tutorial(name, id_, modes, shortest, rpm, concurrency, per_day):
    model = sw.catalog.find(name)
    assert model is sw.catalog.find(id_)
    assert model.id == id_
    assert set(model.modes) == modes
    assert (model.duration.min, model.duration.max) == (shortest, 12)
    assert (model.limits.rpm, model.limits.concurrency) == (rpm, concurrency)
    assert model.limits.tokens_per_day == per_day * 10**9
    assert model.limits.free_tokens == 200 * 10**6
    assert "free_tokens" in model.limits.doubtful
    assert set(model.tiers) == {"default", "flex"}
    assert (model.frames is None) == (name == "seedance-1-5-pro")
    assert model.audio == (name == "seedance-1-5-pro")
    assert (model.draft is not None) == (name == "seedance-1-5-pro")
    assert model.advice
    assert "Prompt Guide" in model.guide


def test_adaptive_is_not_for_text_on_1_0_nor_for_references():
    assert "adaptive" in sw.catalog.find("seedance-1-5-pro").ratios_in("text")
    assert "adaptive" not in sw.catalog.find("seedance-1-0-pro").ratios_in("text")
    assert "adaptive" in sw.catalog.find("seedance-1-0-pro").ratios_in("first_frame")
    lite = sw.catalog.find("seedance-1-0-lite-i2v")
    assert "adaptive" not in lite.ratios_in("reference")
    assert "1080p" not in lite.resolutions_in("reference")
    assert "1080p" in lite.resolutions_in("first_frame")


def test_retirements_name_an_existing_replacement():
    retired = {model.name: model.retirement for model in sw.catalog.models() if model.retirement}
    assert retired["seedance-1-0-lite-i2v"].status == "official"
    assert retired["seedance-1-5-pro"].status == "reported"
    for retirement in retired.values():
        sw.catalog.find(retirement.replacement)


def test_every_group_names_a_source_that_exists():
    known = sw.catalog.sources()
    for model in sw.catalog.models():
        assert model.sources
        assert set(model.sources) <= set(known)
        assert {price.source for price in model.price} <= set(known)
        assert all(price.date for price in model.price)
    assert all(source.date for source in known.values())


def test_price_ids_are_unique():
    ids = [price.id for model in sw.catalog.models() for price in model.price]
    assert len(ids) == len(set(ids))


def test_a_wrong_name_offers_the_nearest(fresh_catalog):
    with pytest.raises(sw.InvalidRequest) as caught:
        sw.catalog.find("seedance-1-0-por")
    assert caught.value.problems[0].nearest == "seedance-1-0-pro"
    with pytest.raises(sw.InvalidRequest, match="ep-2026-x@"):
        sw.catalog.find("ep-2026-x")


def test_an_endpoint_id_goes_with_its_family(fresh_catalog):
    inline = sw.catalog.find("ep-2026-x@seedance-1-0-pro")
    assert (inline.wire_id, inline.id) == ("ep-2026-x", "seedance-1-0-pro-250528")
    fresh_catalog.register("ep-2026-y", like="seedance-1-5-pro")
    assert sw.catalog.find("ep-2026-y").wire_id == "ep-2026-y"
    assert sw.catalog.find("seedance-1-5-pro").endpoint is None


def test_register_overrides_a_part_and_keeps_the_rest(fresh_catalog):
    before = sw.catalog.find("seedance-1-0-lite-t2v")
    fresh_catalog.register("seedance-1-0-lite-t2v", price=[{"tier": "default", "usd_per_million": 3}])
    after = sw.catalog.find("seedance-1-0-lite-t2v")
    assert after.sizes == before.sizes
    assert sw.estimate(model="seedance-1-0-lite-t2v", resolution="480p").usd == pytest.approx(
        sw.estimate(model="seedance-1-0-lite-t2v", resolution="480p").tokens * 3e-6
    )


def test_register_adds_a_model_from_another(fresh_catalog):
    fresh_catalog.register("seedance-9-0-271231", like="seedance-1-0-pro", duration={"min": 2, "max": 40})
    assert sw.estimate(model="seedance-9-0-271231", resolution="480p", ratio="1:1", duration=40).frames == 961


@pytest.mark.parametrize(
    "changes",
    [
        {"no_such_field": 1},
        {"price": [{"usd_per_million": "cheap"}]},
        {"price": [{}]},
        {"duration": {"low": 1}},
    ],
)
def test_a_malformed_entry_changes_nothing(fresh_catalog, changes):
    before = sw.catalog.find("seedance-1-0-pro")
    with pytest.raises(sw.InvalidCatalogEntry):
        fresh_catalog.register("seedance-1-0-pro", **changes)
    assert sw.catalog.find("seedance-1-0-pro") is before


def test_the_catalog_as_a_frame_has_all_sizes():
    frame = sw.catalog.to_pandas()
    assert len(frame[frame["model"] == "seedance-1-5-pro"]) == 18
    assert not frame[["width", "height", "tokens_per_second"]].isna().any().any()


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("seedance-1-5", "seedance-1-5-pro"), ("seedence-1-0-pro", "seedance-1-0-pro"), ("ep-2026", None)],
)
def test_the_nearest_name_of_one_that_is_not_known(name, nearest):
    with pytest.raises(sw.InvalidRequest, match="there is no such model") as caught:
        sw.catalog.find(name)
    assert caught.value.problems[0].nearest == nearest
