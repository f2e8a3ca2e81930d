"""`draft_economics` with its plots on 5,000 rows, against the same group-bys and plots written by hand in pandas.

    python tests/benchmarks/economics.py [--rounds N]

By hand means what a data scientist writes who trusts the log: no reading of foreign tables, no intervals of
sums, no notes, but the same tables (spend, acceptance, break-even, saving, flex, predictions, months) and the same
four panels. Both end in a PNG of 13 x 9 inches. Seconds of CPU time, in one process, in turn.
"""

# ruff: noqa: E402 - the folder of the tests' own helpers must be on the path first

from __future__ import annotations

import io
import sys
import time
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from measure import Table, alternate, rounds

sys.path[:0] = [str(Path(__file__).parents[1] / "support")]

from made_logs import as_log, year

import seedance_widgets as sw

mpl.use("agg")

import matplotlib.pyplot as plt

_LIMIT = 3.0
_CELL = ["model", "resolution", "generate_audio", "service_tier"]
_POOL = ["model", "generate_audio"]
_FLEX = {True: 1.2e-6, False: 0.6e-6}


def by_hand(log):
    """Seven tables."""
    log = log.assign(succeeded=log["status"] == "succeeded")
    spend = log.groupby(["model", "resolution", "kind"], dropna=False).agg(
        tasks=("usd", "size"), clips=("succeeded", "sum"), seconds=("duration", "sum"),
        tokens=("tokens", "sum"), usd=("usd", "sum"),
    )  # fmt: skip
    months = log.pivot_table("usd", log["created_at"].dt.tz_localize(None).dt.to_period("M"), "kind", "sum")
    drafts = log[(log["kind"] == "draft") & log["succeeded"]]
    finals = log[(log["kind"] == "final") & log["succeeded"]]
    promoted = drafts.index.isin(log.loc[log["kind"] == "final", "parent_key"])
    drafts = drafts.assign(accepted=(drafts["verdict"] == "accept").fillna(value=False) | promoted)
    pool = drafts.groupby(_POOL, dropna=False).agg(
        n=("accepted", "size"), k=("accepted", "sum"), drafts_usd=("usd", "sum")
    )
    p, n = (pool["k"] / pool["n"]).astype(float), pool["n"]
    half = 1.96 * np.sqrt(p * (1 - p) / n + 1.96**2 / (4 * n**2))
    pool = pool.assign(
        p=p,
        low=(p + 1.96**2 / (2 * n) - half) / (1 + 1.96**2 / n),
        high=(p + 1.96**2 / (2 * n) + half) / (1 + 1.96**2 / n),
    )
    made = finals.merge(drafts["usd"].rename("draft_usd"), left_on="parent_key", right_index=True)
    cells = made.groupby(_CELL, dropna=False).agg(
        finals=("usd", "size"),
        finals_usd=("usd", "sum"),
        drafted=("draft_usd", "sum"),
        seconds=("duration", "sum"),
    )
    cells["break_even"] = 1 - cells["drafted"] / cells["finals_usd"]
    cells = cells.reset_index().merge(pool.reset_index(), on=_POOL)
    cells["drafts_usd"] *= cells["finals"] / cells.groupby(_POOL, dropna=False)["finals"].transform("sum")
    for name, share in (("without", "p"), ("without_low", "high"), ("without_high", "low")):
        cells[name] = cells["finals_usd"] / cells[share]
    savings = cells.groupby(["model", "resolution"])[
        ["drafts_usd", "finals_usd", "seconds", "without", "without_low", "without_high"]
    ].sum()
    savings["saving"] = savings["without"] - savings["drafts_usd"] - savings["finals_usd"]
    whole = log[log["succeeded"] & (log["kind"] != "draft")]
    flex = whole["tokens"] * whole["generate_audio"].map(_FLEX).astype("Float64").fillna(1.25e-6)
    flex = whole.assign(flex=flex, default=2 * flex).groupby("model")[["usd", "flex", "default"]].sum()
    estimates = log[log["succeeded"]].groupby(["model", "kind"])[["tokens", "est_tokens"]].sum()
    estimates["ratio"] = estimates["tokens"] / estimates["est_tokens"]
    return spend, months, pool, cells.set_index(_CELL), savings, flex, estimates


def draw_by_hand(months, cells, savings, estimates):
    figure, axes = plt.subplots(2, 2, figsize=(13, 9), layout="constrained")
    months.plot.bar(stacked=True, ax=axes[0, 0], title="Spend")
    shown = cells.nlargest(10, "finals")
    places = np.arange(len(shown))
    reach = [shown["p"] - shown["low"], shown["high"] - shown["p"]]
    axes[0, 1].errorbar(shown["p"], places, xerr=np.array(reach, dtype=float), fmt="o")
    axes[0, 1].plot(shown["break_even"], places, "k|", markersize=15)
    axes[0, 1].set_yticks(places, [" ".join(map(str, group)) for group in shown.index])
    savings[["drafts_usd", "finals_usd"]].plot.barh(stacked=True, ax=axes[1, 0], width=0.3, position=0)
    reach = [savings["without"] - savings["without_low"], savings["without_high"] - savings["without"]]
    savings["without"].plot.barh(
        ax=axes[1, 0], width=0.3, position=1, color="orange", xerr=np.array(reach, dtype=float)
    )
    axes[1, 0].legend()
    (estimates["ratio"].astype(float) - 1).plot.barh(ax=axes[1, 1], title="Billed against predicted")
    return figure


def hand(log):
    _, months, _, cells, savings, _, estimates = by_hand(log)
    figure = draw_by_hand(months, cells, savings, estimates)
    figure.savefig(io.BytesIO(), dpi=100)
    plt.close(figure)


def kit(log):
    sw.draft_economics(log).plot().savefig(io.BytesIO(), dpi=100)


def clocked(work, log):
    start = time.process_time()
    work(log)
    return time.process_time() - start


def main():
    count = rounds(__doc__, 7)
    log = as_log(year())
    _, _, pool, _, savings, flex, _ = by_hand(log)
    ours = sw.draft_economics(log)
    pd.testing.assert_series_equal(
        savings["saving"].sort_index().astype(float),
        ours.savings["saving"].sort_index(),
        check_index_type=False,
    )
    assert pool["k"].sum() == ours.total["accepted"]
    np.testing.assert_allclose(flex["flex"].astype(float), ours.flex["usd_flex"])
    work = {
        "tables by hand": by_hand,
        "tables": sw.draft_economics,
        "tables and plots by hand": hand,
        "tables and plots": kit,
    }
    found = alternate(count, {name: lambda each=each: clocked(each, log) for name, each in work.items()})
    table = Table(f"{len(log):,} rows, CPU time")
    table.row("tables by hand", found["tables by hand"], "s")
    table.row("draft_economics", found["tables"], "s", against=found["tables by hand"])
    table.row("tables and plots by hand", found["tables and plots by hand"], "s")
    table.row(
        "draft_economics with plot", found["tables and plots"], "s",
        against=found["tables and plots by hand"], at_most=_LIMIT,
    )  # fmt: skip
    table.print()


if __name__ == "__main__":
    main()
