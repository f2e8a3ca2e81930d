"""Drafts against finals: a year whose cost is known, any small log against plain Python, and what is said."""

from __future__ import annotations

import io
import math
import sys
from collections import defaultdict

import matplotlib as mpl
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_logs import as_log, clip, year

import seedance_widgets as sw
from seedance_widgets.drafts.economics import reprice

PRO = "seedance-1-5-pro-251215"
PRO_FINALS = ["480p", "720p", "1080p"]


def from_csv(frame):
    return pd.read_csv(io.StringIO(frame.to_csv()))


def said(economics):
    return " | ".join(economics.notes)


def drafts_and_finals(accepted, rejected, *, resolution="1080p", **of_draft):
    """So many accepted drafts with a final each, and so many rejected ones."""
    rows = []
    for number in range(accepted + rejected):
        draft = clip(f"d{number}", kind="draft", resolution="480p", **of_draft)
        draft["verdict"] = "accept" if number < accepted else "reject"
        rows.append(draft)
        if number < accepted:
            rows.append(
                clip(f"f{number}", kind="final", parent=f"d{number}", resolution=resolution, **of_draft)
            )
    return rows


# --- a year with known truth -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rows_of_a_year():
    return year()


@pytest.fixture(scope="module")
def a_year(rows_of_a_year):
    return as_log(rows_of_a_year)


@pytest.mark.parametrize("read", [lambda frame: frame, from_csv], ids=["log", "csv"])
def test_a_years_spend_to_the_cent(rows_of_a_year, a_year, read):
    economics = sw.draft_economics(read(a_year))
    true = defaultdict(int)
    for row in rows_of_a_year:
        true[row["model"], row["resolution"], row["kind"]] += row["cost"]
    assert len(economics.spend) == len(true)
    for group, cost in true.items():
        assert round(economics.spend.loc[group, "usd"], 2) == round(cost / 1e8, 2)
    whole = round(sum(true.values()) / 1e8, 2)
    assert whole > 100
    assert round(economics.total["usd"], 2) == whole
    assert round(economics.spend["usd"].sum(), 2) == whole
    assert round(economics.timeline.to_numpy().sum(), 2) == whole
    assert len(economics.timeline) == 12
    assert economics.spend["tasks"].sum() == economics.total["tasks"] == 5_000


def test_break_even_of_1_5_pro_with_sound(a_year):
    table = sw.draft_economics(a_year, by=("model", "resolution", "ratio", "duration")).break_even
    found = [
        round(table.loc[(PRO, resolution, "16:9", 5, True, "default"), "break_even"], 2)
        for resolution in ("1080p", "720p", "480p")
    ]
    assert found == [0.88, 0.72, 0.40]


def test_a_csv_file_gives_the_same_tables(a_year):
    log, csv = sw.draft_economics(a_year), sw.draft_economics(from_csv(a_year))
    for name in ("spend", "acceptance", "break_even", "savings", "flex", "estimates", "timeline"):
        pd.testing.assert_frame_equal(
            getattr(log, name), getattr(csv, name), check_index_type=False, check_column_type=False
        )
    pd.testing.assert_series_equal(log.total, csv.total)
    assert log.notes == csv.notes


def test_the_table_given_is_left_alone(a_year):
    before = a_year.copy()
    sw.draft_economics(a_year, prices={PRO: 9.0})
    pd.testing.assert_frame_equal(a_year, before)


# --- any small log against plain Python ------------------------------------------------------------------


@st.composite
def small_logs(draw):
    rows = []
    for number in range(draw(st.integers(0, 25))):
        status = draw(st.sampled_from(["succeeded", "succeeded", "succeeded", "failed", "unknown"]))
        drafts = [row["key"] for row in rows if row["kind"] == "draft"]
        parent = draw(st.sampled_from([*drafts, "gone", None]))
        kind = draw(st.sampled_from(["draft", "draft", "final", "standard"]))
        row = clip(
            f"k{number}",
            kind=kind,
            resolution="480p" if kind == "draft" else draw(st.sampled_from(PRO_FINALS)),
            audio=draw(st.booleans()),
            tier="default" if kind == "draft" else draw(st.sampled_from(["default", "flex"])),
            status=status,
            parent=parent if kind == "final" else None,
            verdict=draw(st.sampled_from(["accept", "reject", None])) if kind == "draft" else None,
            study=draw(st.sampled_from([None, None, "fox"])),
            duration=draw(st.sampled_from([4, 5, 12])),
        )
        rows.append(row)
    return rows


def plainly(rows):
    """Totals and savings by final resolution, in loops over dicts."""
    rows = [
        row for row in rows if row["kind"] != "draft" or row["study"] is None or row["verdict"] is not None
    ]
    by_key = {row["key"]: row for row in rows}
    promoted = {row["parent_key"] for row in rows if row["kind"] == "final"}
    pools = defaultdict(lambda: {"n": 0, "k": 0, "usd": 0.0, "finals": 0})
    for row in rows:
        if row["kind"] == "draft":
            pool = pools[row["generate_audio"]]
            pool["usd"] += row["usd"] or 0.0
            if row["status"] == "succeeded":
                pool["n"] += 1
                pool["k"] += row["verdict"] == "accept" or row["key"] in promoted
    finals = []
    for row in rows:
        parent = by_key.get(row["parent_key"])
        whole = parent and {row["status"], parent["status"]} == {"succeeded"}
        if row["kind"] == "final" and whole:
            finals.append((row, parent))
            pools[parent["generate_audio"]]["finals"] += 1
    groups = defaultdict(lambda: defaultdict(float))
    for row, parent in finals:
        pool, group = pools[parent["generate_audio"]], groups[row["resolution"]]
        group["finals"] += 1
        group["seconds"] += row["duration"]
        group["finals_usd"] += row["usd"]
        group["drafts_usd"] += pool["usd"] / pool["finals"]
        group["without"] += row["usd"] * pool["n"] / pool["k"]
    return pools, groups


@settings(deadline=None, max_examples=40)
@given(small_logs())
def test_any_log_against_plain_python(rows):
    economics = sw.draft_economics(as_log(rows))
    pools, groups = plainly(rows)
    total, savings = economics.total, economics.savings
    assert total["usd"] == pytest.approx(sum(row["usd"] or 0.0 for row in rows))
    assert economics.spend["usd"].sum() == pytest.approx(total["usd"])
    as_drafts = economics.spend["usd"].xs("draft", level="kind").sum() if total["drafts"] else 0.0
    assert as_drafts == pytest.approx(total["drafts_usd"])
    assert total["unknown"] == sum(row["usd"] is None for row in rows)
    assert total["drafts"] == sum(pool["n"] for pool in pools.values())
    assert total["accepted"] == sum(pool["k"] for pool in pools.values())
    assert total["drafts_usd"] == pytest.approx(sum(pool["usd"] for pool in pools.values()))
    for audio, pool in pools.items():
        found = economics.acceptance.loc[(PRO, audio)]
        assert (found["drafts"], found["accepted"]) == (pool["n"], pool["k"])
    made = savings[savings["finals"] > 0]
    assert set(made.index.get_level_values("resolution")) == set(groups)
    for resolution, group in groups.items():
        found = made.loc[(PRO, resolution)]
        for name, value in group.items():
            assert found[name] == pytest.approx(value), name
        assert found["usd_per_second"] == pytest.approx(
            (group["drafts_usd"] + group["finals_usd"]) / group["seconds"]
        )
    without = sum(group["without"] for group in groups.values())
    assert total["without"] == pytest.approx(without)
    assert total["saving"] == pytest.approx(without - total["drafts_usd"] - total["finals_usd"])
    assert total["saving_low"] <= total["saving"] + 1e-12
    assert total["saving"] <= total["saving_high"] + 1e-12
    assert savings["saving"].sum() == pytest.approx(total["saving"])
    repr(economics)
    economics._repr_html_()
    csv = sw.draft_economics(from_csv(as_log(rows)))
    pd.testing.assert_series_equal(total, csv.total)
    assert economics.notes == csv.notes


# --- acceptance, intervals, saving -----------------------------------------------------------------------


@pytest.mark.parametrize(("hits", "misses"), [(0, 7), (7, 0), (1, 29), (40, 60), (1, 0)])
def test_wilson_bounds_are_where_the_score_test_turns(hits, misses):
    row = sw.draft_economics(as_log(drafts_and_finals(hits, misses))).acceptance.iloc[0]
    n, share = hits + misses, hits / (hits + misses)
    assert row["acceptance"] == share
    for bound, edge in ((row["low"], 0.0), (row["high"], 1.0)):
        if share == edge:
            assert bound == edge
        else:
            assert abs(bound - share) == pytest.approx(
                1.959964 * math.sqrt(bound * (1 - bound) / n), rel=1e-5
            )


def test_accepted_is_a_verdict_or_else_a_final():
    rows = [
        *(clip(key, kind="draft", resolution="480p") for key in "abcde"),
        clip("fb", kind="final", parent="b"),
        clip("fc", kind="final", parent="c", status="failed"),
        clip("x", kind="draft", resolution="480p", status="failed", verdict="accept"),
    ]
    rows[0]["verdict"], rows[2]["verdict"], rows[3]["verdict"] = "accept", "reject", "reject"
    economics = sw.draft_economics(as_log(rows))
    row = economics.acceptance.iloc[0]
    assert (row["drafts"], row["accepted"], row["promoted"], row["undecided"]) == (5, 3, 2, 1)
    assert "1 of 5 drafts has neither verdict nor final" in said(economics)
    assert "1 accepted draft has no final yet" in said(economics)


def test_drafts_of_a_study_are_no_trials_unless_somebody_judged_them():
    alone = sw.draft_economics(as_log(drafts_and_finals(3, 3)))
    compared = [clip(f"s{n}", kind="draft", resolution="480p", study="fox") for n in range(40)]
    compared[0]["status"], compared[0]["usd"], compared[0]["tokens"] = "failed", 0.0, None
    chosen = clip("sf", kind="final", parent="s1", resolution="1080p", study="fox")
    economics = sw.draft_economics(as_log([*drafts_and_finals(3, 3), *compared, chosen]))
    draft, final = 30_382 * 2.4e-6, 245_025 * 2.4e-6
    for name in ("acceptance", "break_even", "savings"):
        pd.testing.assert_frame_equal(getattr(economics, name), getattr(alone, name))
    assert economics.total["usd"] == pytest.approx(alone.total["usd"] + 39 * draft + final)
    spend = economics.spend["usd"]
    assert spend[PRO, "480p", "study draft"] == pytest.approx(39 * draft)
    assert spend[PRO, "480p", "draft"] == pytest.approx(economics.total["drafts_usd"])
    assert economics.timeline["study draft"].sum() == pytest.approx(39 * draft)
    assert said(economics) == (
        f"40 drafts of studies ({39 * draft:.2f} USD) have no verdict of their own and were made to be compared; "
        "they and 1 final made from them are in the spend, not in acceptance and saving"
    )
    assert "study draft" in repr(economics)
    assert len(economics.plot().axes) == 4
    for number in range(1, 5):
        compared[number]["verdict"] = "accept" if number < 3 else "reject"
    judged = sw.draft_economics(as_log([*drafts_and_finals(3, 3), *compared, chosen]))
    assert (judged.total["drafts"], judged.total["accepted"], judged.total["finals"]) == (10, 5, 4)
    assert "36 drafts of studies" in said(judged)


def test_saving_by_hand():
    """4 of 10 accepted: the 4 finals would have taken 10 tries at their price."""
    total = sw.draft_economics(as_log(drafts_and_finals(4, 6))).total
    draft, final = 30_382 * 2.4e-6, 245_025 * 2.4e-6
    assert total["saving"] == pytest.approx(10 * final - 10 * draft - 4 * final)
    assert total["usd_per_second"] == pytest.approx((10 * draft + 4 * final) / 20)
    low, high = total["low"], total["high"]
    assert total["saving_low"] == pytest.approx(4 * final / high - 10 * draft - 4 * final)
    assert total["saving_high"] == pytest.approx(4 * final / low - 10 * draft - 4 * final)


@pytest.mark.parametrize(
    ("accepted", "rejected", "resolution", "answer"),
    [(10, 90, "1080p", "yes"), (97, 3, "1080p", "no"), (12, 18, "480p", "not clear")],
)
def test_drafts_pay_only_where_the_whole_interval_says_so(accepted, rejected, resolution, answer):
    rows = drafts_and_finals(accepted, rejected, resolution=resolution)
    assert sw.draft_economics(as_log(rows)).break_even["drafts_pay"].tolist() == [answer]


def test_independent_pools_add_up_narrower_than_their_ends():
    loud, quiet = drafts_and_finals(10, 20), drafts_and_finals(10, 20, audio=False)
    for row in quiet:
        row["key"] += "q"
        row["parent_key"] = row["parent_key"] and row["parent_key"] + "q"
    both = sw.draft_economics(as_log(loud + quiet)).total
    each = [sw.draft_economics(as_log(rows)).total for rows in (loud, quiet)]
    apart = [one["saving"] - one["saving_low"] for one in each]
    assert both["saving"] - both["saving_low"] == pytest.approx(math.hypot(*apart))


def test_a_final_counts_with_its_drafts_sound():
    rows = drafts_and_finals(3, 3)
    for row in rows:
        if row["kind"] == "final":
            row["generate_audio"] = None
    (index,) = sw.draft_economics(as_log(rows)).break_even.index
    assert index == (PRO, "1080p", True, "default")


def test_one_column_to_group_by():
    economics = sw.draft_economics(as_log(drafts_and_finals(2, 2)), by="model")
    assert economics.savings.index.tolist() == [PRO]


# --- other prices, other tier, predictions ---------------------------------------------------------------


def test_the_catalogs_prices_reproduce_the_log(a_year):
    again = reprice(a_year)
    assert (again["usd"] - a_year["usd"]).abs().max() < 1e-12
    assert (again["est_usd"] - a_year["est_usd"]).abs().max() < 1e-12
    assert again["price_id"].str.contains("@").all()


def test_one_price_for_a_model_by_its_short_name(a_year):
    again = reprice(from_csv(a_year), {"seedance-1-5-pro": 2.0}).set_index("key")
    ours = a_year["model"] == PRO
    billed = ours & (a_year["status"] == "succeeded")
    assert again.loc[billed, "usd"].to_list() == pytest.approx(
        (a_year.loc[billed, "tokens"] * 2e-6).to_list()
    )
    assert (again.loc[ours & ~billed, "usd"] == 0).all()
    assert again.loc[~ours, "usd"].to_list() == pytest.approx(a_year.loc[~ours, "usd"].to_list())
    cheaper = sw.draft_economics(a_year, prices={"seedance-1-5-pro": 2.0})
    assert cheaper.total["usd"] == pytest.approx(again["usd"].sum())


def test_prices_in_the_catalogs_shape(a_year):
    loud = {"tier": "default", "audio": True, "usd_per_million": 4.8}
    again = reprice(a_year, {PRO: [loud]})
    billed = (a_year["model"] == PRO) & (a_year["status"] == "succeeded")
    fits = billed & (a_year["service_tier"] == "default") & a_year["generate_audio"].fillna(value=False)
    assert again.loc[fits, "usd"].to_list() == pytest.approx((2 * a_year.loc[fits, "usd"]).to_list())
    assert again.loc[billed & ~fits, "usd"].isna().all()
    assert "have no known cost" in said(sw.draft_economics(a_year, prices={PRO: [loud]}))


def test_a_free_price_can_be_taken_back(a_year):
    free = reprice(a_year, {PRO: 0.0, "seedance-1-0-pro": 0})
    assert free["usd"].sum() == 0
    assert reprice(free)["usd"].sum() == pytest.approx(a_year["usd"].sum())


@pytest.mark.parametrize("price", [-1.0, "2", True, [{"usd": 2.0}], [{"tier": "flex"}], None])
def test_a_malformed_price(price):
    with pytest.raises(sw.InvalidCatalogEntry, match=PRO):
        reprice(as_log([clip("a")]), {PRO: price})
    with pytest.raises(sw.InvalidCatalogEntry, match="prices go by model"):
        sw.draft_economics(as_log([clip("a")]), prices=2.0)


def test_a_misspelt_model_is_no_price_for_nothing():
    rows = as_log([clip("a")])
    with pytest.raises(sw.InvalidRequest, match="seedance-1-5-pro"):
        reprice(rows, {"seedance-1-5-por": 2.0})
    elsewhere = reprice(rows, {"seedance-1-0-pro": 2.0})  # not in this log, and known
    assert elsewhere["usd"].tolist() == rows["usd"].tolist()
    rows["model"] = "a-model-of-ours"
    assert reprice(rows, {"a-model-of-ours": 2.0})["usd"].tolist() == pytest.approx([108_900 * 2e-6])


def test_flex_against_default():
    rows = [clip("a"), clip("b", tier="flex"), clip("c", kind="draft", resolution="480p")]
    (row,) = sw.draft_economics(as_log(rows)).flex.itertuples()
    each = 108_900 * 2.4e-6
    assert (row.Index, row.tasks, row.on_flex) == (PRO, 2, 1)
    assert (row.usd, row.usd_default, row.usd_flex) == pytest.approx((1.5 * each, 2 * each, each))
    assert row.could_save == pytest.approx(each / 2)


@pytest.mark.parametrize("changes", [(1.01, 1.01), (0.99, 0.99), (1.01, 0.99)])
def test_a_warning_when_billed_tokens_part_from_predicted_ones(changes):
    rows = [clip("a"), clip("b"), clip("c", kind="draft", resolution="480p")]
    for row, change in zip(rows, changes, strict=False):
        row["tokens"] = int(row["tokens"] * change)
    with pytest.warns(sw.EstimateDriftWarning, match=rf"{PRO} \(standard\)") as caught:
        economics = sw.draft_economics(as_log(rows))
    assert caught[0].filename == __file__
    assert economics.estimates["parted"].to_dict() == {(PRO, "draft"): False, (PRO, "standard"): True}
    assert "Billed tokens part" in repr(economics)
    assert not sw.draft_economics(as_log(rows), tolerance=0.02).estimates["parted"].any()


def test_a_clip_without_a_prediction_is_counted_as_such():
    rows = [clip("a"), clip("b")]
    rows[1]["est_tokens"] = None
    (row,) = sw.draft_economics(as_log(rows)).estimates.itertuples()
    assert (row.clips, row.unpredicted, row.ratio) == (1, 1, 1.0)


def test_a_loss_lies_within_its_bounds():
    economics = sw.draft_economics(as_log(drafts_and_finals(1, 0)))
    total = economics.total
    assert total["saving"] < 0
    bounds = f"{-total['saving_high']:,.2f} to {-total['saving_low']:,.2f}"
    assert f"lost {-total['saving']:,.2f} USD ({bounds})" in economics.summary
    assert "1 final costs 0.66 USD with its drafts" in economics.summary


# --- what is unknown, left out or refused ----------------------------------------------------------------


def test_simulated_rows_are_kept_apart():
    rows = [clip("a"), clip("b", simulated=True), clip("c", simulated=True, resolution="1080p")]
    real = sw.draft_economics(as_log(rows))
    assert (real.total["tasks"], real.simulated) == (1, False)
    assert real.notes == ("real rows only; 2 simulated ones are left out",)
    played = sw.draft_economics(as_log(rows), simulated=True)
    assert (played.total["tasks"], played.simulated) == (2, True)
    alone = sw.draft_economics(as_log(rows[1:]))
    assert (alone.total["tasks"], alone.simulated, alone.notes) == (2, True, ())
    assert "simulated" in repr(alone)
    assert "SIMULATED" in alone.plot().get_suptitle()


def test_unknown_costs_and_lone_finals_are_said():
    rows = [
        *drafts_and_finals(2, 2),
        clip("u", status="unknown"),
        clip("r", status="running"),
        clip("lone", kind="final", parent="elsewhere", resolution="1080p"),
        clip("s", kind="draft", resolution="480p", audio=False, verdict="reject"),
    ]
    economics = sw.draft_economics(as_log(rows))
    assert economics.total["unknown"] == 2
    assert "2 of 10 tasks have no known cost" in said(economics)
    assert "1 final (0.59 USD) has no draft in this table" in said(economics)
    assert "of kinds without a final yet" in said(economics)
    assert economics.total["finals"] == 2
    assert economics.spend.loc[(PRO, "1080p", "final"), "tasks"] == 3


def test_an_empty_log_is_no_error():
    economics = sw.draft_economics(as_log([]))
    assert economics.total["usd"] == 0
    assert math.isnan(economics.total["acceptance"])
    assert "0 tasks, 0.00 USD" in repr(economics)
    assert "0 tasks" in economics._repr_html_()
    assert economics.plot()._repr_png_().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"usd": None}, "lacks the columns usd"),
        ({"tokens": ["many"]}, "column tokens: .*many"),
        ({"generate_audio": ["loud"]}, "column generate_audio: 'loud'"),
        ({"created_at": ["yesterday"]}, "column created_at"),
    ],
)
def test_a_table_that_cannot_be_read(change, message):
    frame = from_csv(as_log([clip("a")])).astype("object")
    for name, values in change.items():
        frame = frame.drop(columns=name) if values is None else frame.assign(**{name: values})
    with pytest.raises(ValueError, match=message):
        sw.draft_economics(frame)


def test_a_key_that_occurs_twice_would_be_counted_twice():
    frame = as_log([clip("a"), clip("b"), clip("a")])
    with pytest.raises(ValueError, match="1 keys occur more than once, a among them"):
        sw.draft_economics(frame)


@pytest.mark.parametrize("given", ["runs/log.csv", [clip("a")], None], ids=["path", "rows", "none"])
@pytest.mark.parametrize("ask", [sw.draft_economics, sw.draft_fidelity, reprice])
def test_what_is_no_table(ask, given):
    with pytest.raises(TypeError, match=r"a DataFrame is wanted, as from studio\.log\.to_pandas\(\)"):
        ask(given)


@pytest.mark.parametrize("confidence", [0, 1, 95])
def test_a_confidence_is_between_0_and_1(confidence):
    with pytest.raises(ValueError, match="between 0 and 1"):
        sw.draft_economics(as_log([clip("a")]), confidence=confidence)


def test_the_log_of_a_studio(studio):
    params = {"model": "seedance-1-5-pro", "ratio": "16:9", "duration": 4}
    for seed in (1, 2):
        draft = sw.run(studio.generate("a fox", seed=seed, draft=True, resolution="480p", **params))
    sw.run(studio.generate(draft_task=draft, resolution="720p"))
    economics = sw.draft_economics(studio.log.to_pandas())
    assert economics.simulated
    assert economics.total["usd"] == pytest.approx(studio.spent)
    assert (economics.total["drafts"], economics.total["accepted"], economics.total["finals"]) == (2, 1, 1)


# --- what a notebook shows -------------------------------------------------------------------------------


def test_four_panels_without_touching_the_notebooks_own_plots(a_year):
    before = dict(mpl.rcParams)
    figure = sw.draft_economics(a_year).plot()
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert titles == [
        "Spend",
        "Acceptance against break-even (10 largest of 12)",
        "The same finals with and without drafts",
        "Billed against predicted tokens",
    ]
    assert figure._repr_png_().startswith(b"\x89PNG")
    assert dict(mpl.rcParams) == before
    money = figure.axes[2]
    assert money.get_xlim()[0] == 0
    assert [label.get_text() for label in money.get_yticklabels()] == [
        f"seedance-1-5-pro {resolution}" for resolution in PRO_FINALS
    ]


def test_many_groups_are_shown_in_part_and_said(a_year):
    economics = sw.draft_economics(a_year, by="task_id")
    assert len(economics.spend) == 5_000
    assert "Spend (first 40 of 5,000 rows)" in repr(economics)
    assert len(economics._repr_html_()) < 100_000


def test_names_are_text():
    name = "<b>$x$ & $y$</b>"
    rows = drafts_and_finals(2, 2)
    for row in rows:
        row["model"] = name
    economics = sw.draft_economics(as_log(rows))
    html = economics._repr_html_()
    assert "<b>" not in html
    assert "&lt;b&gt;<span>$</span>x<span>$</span> &amp;" in html
    figure = economics.plot()
    figure.savefig(io.BytesIO())
    assert [label.get_text() for label in figure.axes[2].get_yticklabels()] == [f"{name} 1080p"]


def test_without_matplotlib_the_tables_are_there(monkeypatch, a_year):
    economics = sw.draft_economics(a_year)
    monkeypatch.delitem(sys.modules, "seedance_widgets.drafts.economics.plots", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"seedance-widgets\[lab\]"):
        economics.plot()
    assert "Saving" in repr(economics)
