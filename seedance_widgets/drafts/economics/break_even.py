"""The tables of `draft_economics`: group-bys over clean rows, and the arithmetic of drafts against finals.

A final keeps its draft's model, prompt, sound, ratio, length and seed; resolution and tier are chosen when it
is ordered. So which final a rejected draft would have become is not known, and acceptance belongs to a
pool: all drafts that are alike in what a final keeps. Every final's resolution and tier is held against its
pool's acceptance ``p``. The drafts of a study are made to be compared with one another, and the best of them
may be as bad as the rest: they are no trials of a pool, but for those that somebody has given a verdict.

Without drafts, each accepted clip takes ``1 / p`` tries at the final's price ``F``; with drafts it takes
``1 / p`` drafts at ``D`` and one final. So drafts pay when ``D / p + F < F / p``, that is
``p < 1 - D / F``, and finals that cost ``S`` together would have cost ``S / p``. Both take for granted that
who accepts a draft would have accepted the final, and the reverse.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from seedance_widgets.drafts.intervals import normal_quantile, pool, wilson
from seedance_widgets.request.fields import PARAMETERS
from seedance_widgets.units import DAY

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "acceptance_of",
    "break_even_of",
    "cells_of",
    "estimates_of",
    "fates",
    "is_study_draft",
    "savings_of",
    "spend_of",
    "timeline_of",
    "total_of",
]

# what is chosen when a final is ordered; all else it has from its draft
_OF_THE_FINAL = ("width", "height", *(name for name, row in PARAMETERS.items() if not row.reused))
# what sets a clip's price, besides model and resolution
_PRICED_BY = ("generate_audio", "service_tier")
_DAYS_AS_DAYS, _DAYS_AS_WEEKS = 31, 190


def _keys(by: Sequence[str]) -> tuple[list[str], list[str]]:
    """Columns of a cell (all that sets a price), and those of its pool."""
    cell = [*by, *(name for name in _PRICED_BY if name not in by)]
    return cell, [name for name in cell if name not in _OF_THE_FINAL]


def spend_of(rows: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Tasks, clips, tokens and dollars per group and kind; ``unknown`` counts rows without a known cost."""
    counted = rows.assign(
        kind=_purpose(rows),
        clips=_has_succeeded(rows),
        unknown=rows["usd"].isna(),
        seconds=rows["seconds"].where(_has_succeeded(rows)),
    )
    table = counted.groupby(list(dict.fromkeys([*by, "kind"])), dropna=False).agg(
        tasks=("usd", "size"),
        clips=("clips", "sum"),
        unknown=("unknown", "sum"),
        seconds=("seconds", "sum"),
        tokens=("tokens", "sum"),
        usd=("usd", "sum"),
    )
    return _in_order(table)


def timeline_of(rows: pd.DataFrame) -> pd.DataFrame:
    """Dollars by kind per month, or per week or day where the rows span little time (UTC)."""
    dated = rows.assign(kind=_purpose(rows))[rows["created_at"].notna()]
    when = dated["created_at"].dt.tz_localize(None)
    days = (when.max() - when.min()).total_seconds() / DAY if len(dated) else 0.0
    period = "D" if days <= _DAYS_AS_DAYS else "W" if days <= _DAYS_AS_WEEKS else "M"
    starts = when.dt.to_period(period)
    spent = dated.pivot_table("usd", index=starts.rename("period"), columns="kind", aggfunc="sum")
    if len(spent):  # periods without a task are part of an honest axis
        spent = spent.reindex(pd.period_range(starts.min(), starts.max(), freq=period, name="period"))
    return spent.fillna(0.0)


def is_study_draft(rows: pd.DataFrame) -> pd.Series:
    """Whether each row is a draft that a study made to compare it, and that has no verdict."""
    undecided = rows["study"].notna() & rows["verdict"].isna()
    return (rows["kind"] == "draft").fillna(value=False).astype(bool) & undecided


def _purpose(rows: pd.DataFrame) -> pd.Series:
    """The kind of each row; drafts that a study only compared are a kind of their own, "study draft"."""
    return rows["kind"].mask(is_study_draft(rows), "study draft")


def fates(rows: pd.DataFrame) -> pd.DataFrame:
    """The drafts that were made to be accepted, with what became of each.

    ``trial`` is one that made a clip to judge. ``accepted`` are those with the verdict ``accept``
    and, whatever the verdict, those ``promoted`` to a final; ``undecided`` have neither verdict nor final.
    """
    drafts = rows[(rows["kind"] == "draft") & ~is_study_draft(rows)]
    finals = rows[rows["kind"] == "final"]
    trial = _has_succeeded(drafts)
    promoted = pd.Series(drafts.index.isin(finals["parent_key"].dropna()), index=drafts.index)
    accepted = (drafts["verdict"] == "accept").fillna(value=False).astype(bool) | promoted
    return drafts.assign(
        trial=trial,
        promoted=promoted & trial,
        accepted=accepted & trial,
        undecided=drafts["verdict"].isna() & ~promoted & trial,
    )


def acceptance_of(drafts: pd.DataFrame, by: Sequence[str], confidence: float) -> pd.DataFrame:
    """Acceptance of each pool of drafts with its Wilson interval; ``drafts`` are those that made a clip."""
    pool = _keys(by)[1]
    table = drafts.groupby(pool, dropna=False).agg(
        drafts=("trial", "sum"),
        accepted=("accepted", "sum"),
        promoted=("promoted", "sum"),
        undecided=("undecided", "sum"),
        usd=("usd", "sum"),
    )
    return _with_acceptance(table, confidence)


def _with_acceptance(table: pd.DataFrame, confidence: float) -> pd.DataFrame:
    drafts = table["drafts"].where(table["drafts"] > 0)
    share = table["accepted"] / drafts
    low, high = wilson(share, drafts, normal_quantile(confidence))
    return table.assign(acceptance=share, low=low, high=high)


def cells_of(
    rows: pd.DataFrame, drafts: pd.DataFrame, acceptance: pd.DataFrame, by: Sequence[str]
) -> pd.DataFrame:
    """Finals that were made from these drafts, per all that sets their price, with their pool's drafts.

    A pool's dollars are shared among its cells by their number of finals. A pool without a final has one
    cell, in which what the final would have chosen is absent.
    """
    cell, pool = _keys(by)
    trials = drafts.loc[drafts["trial"], [*pool, "usd"]].rename(columns={"usd": "draft_usd"})
    finals = rows[(rows["kind"] == "final") & _has_succeeded(rows) & rows["parent_key"].notna()]
    # a final's row may leave out what it has from its draft
    own = finals[[name for name in cell if name not in pool] + ["parent_key", "usd", "seconds"]]
    made = own.merge(trials, left_on="parent_key", right_index=True)
    pair = made["usd"].notna() & made["draft_usd"].notna()
    made = made.assign(pair=pair, paid=made["usd"].where(pair), drafted=made["draft_usd"].where(pair))
    cells = made.groupby(cell, dropna=False).agg(
        finals=("usd", "size"),
        seconds=("seconds", "sum"),
        finals_usd=("usd", "sum"),
        pairs=("pair", "sum"),
        paid=("paid", "sum"),
        drafted=("drafted", "sum"),
    )
    shares = acceptance.reset_index().rename(columns={"usd": "drafts_usd"})
    cells = shares.merge(cells.reset_index(), how="left", on=pool)
    numbers = ["finals", "seconds", "finals_usd", "pairs", "paid", "drafted"]
    cells[numbers] = cells[numbers].fillna(0.0)
    in_pool = cells.groupby(pool, dropna=False)["finals"].transform("sum")
    cells["drafts_usd"] *= (cells["finals"] / in_pool.where(in_pool > 0)).fillna(1.0)
    cells["finals"] = cells["finals"].astype("int64")
    return _with_break_even(cells)


def _with_break_even(cells: pd.DataFrame) -> pd.DataFrame:
    """Break-even of each cell, what it would have cost without drafts, and what was saved."""
    pairs = cells["pairs"].where(cells["pairs"] > 0)
    cells["draft_usd"], cells["final_usd"] = cells["drafted"] / pairs, cells["paid"] / pairs
    cells["break_even"] = 1 - cells["drafted"] / cells["paid"].where(cells["paid"] > 0)
    for name, share in (("without", "acceptance"), ("without_low", "high"), ("without_high", "low")):
        # no final was made: nothing to make without drafts either
        cells[name] = (cells["finals_usd"] / cells[share]).where(cells["finals"] > 0, 0.0)
    return cells


def break_even_of(cells: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Break-even acceptance of each cell beside its pool's, for all cells with finals.

    ``draft_usd`` and ``final_usd`` are the mean costs of these finals and of the drafts they were made from.
    ``drafts_pay`` is ``yes`` or ``no`` where the whole interval lies on one side, else ``not clear``.
    """
    made = cells[cells["finals"] > 0]
    sides = [made["high"] < made["break_even"], made["low"] > made["break_even"]]
    answer = pd.Series(np.select(sides, ["yes", "no"], "not clear"), index=made.index, dtype="string")
    table = made.assign(drafts_pay=answer.mask(made["break_even"].isna()))
    columns = ["finals", "draft_usd", "final_usd", "break_even", "acceptance", "low", "high", "drafts_pay"]
    return _in_order(table.set_index(_keys(by)[0])[columns])


def savings_of(cells: pd.DataFrame, by: Sequence[str], into: Sequence[str]) -> pd.DataFrame:
    """What drafts and finals cost, what the finals would have cost without drafts, and the difference.

    Intervals carry the uncertainty of acceptance alone; costs are what was paid.

    Parameters
    ----------
    cells
        As `cells_of` gives them for ``by``.
    into
        Columns of the result's index, none of them for one row of everything.
    """
    numbers = ["finals", "seconds", "drafts_usd", "finals_usd"]
    if into:
        table = cells.groupby(list(into), dropna=False)[numbers].sum()
    else:
        table = cells[numbers].sum().to_frame().T
    table["finals"] = table["finals"].astype("int64")
    table["usd"] = table["drafts_usd"] + table["finals_usd"]
    bounds = cells.rename(columns={"without": "value"}).drop(columns=["low", "high"])
    bounds = bounds.rename(columns={"without_low": "low", "without_high": "high"})
    without = pool(bounds, _keys(by)[1], list(into))
    for name, of in (("", "value"), ("_low", "low"), ("_high", "high")):
        table[f"without{name}"] = without[of]
    for name in ("", "_low", "_high"):
        table[f"saving{name}"] = table[f"without{name}"] - table["usd"]
    table["usd_per_second"] = table["usd"] / table["seconds"].where(table["seconds"] > 0)
    return _in_order(table) if into else table


def total_of(
    rows: pd.DataFrame, drafts: pd.DataFrame, cells: pd.DataFrame, by: Sequence[str], confidence: float
) -> pd.Series:
    """Everything in one column of figures: the spend of all rows, then drafts against finals."""
    counts = drafts[["trial", "accepted", "promoted", "undecided"]].sum().to_frame().T
    judged = _with_acceptance(counts.rename(columns={"trial": "drafts"}), confidence)
    saved = savings_of(cells, by, ()).rename(columns={"usd": "drafting_usd"})
    head = pd.Series({"tasks": len(rows), "unknown": int(rows["usd"].isna().sum()), "usd": rows["usd"].sum()})
    total: pd.Series = pd.concat([head, judged.iloc[0], saved.iloc[0]]).astype("float64").rename("total")
    return total


def estimates_of(rows: pd.DataFrame, tolerance: float) -> pd.DataFrame:
    """Predicted against billed tokens per model and kind.

    ``off`` is the sum of all differences, whatever their sign, over the sum of the predictions; ``parted``
    says that it is above the tolerance. ``unpredicted`` counts clips that had no prediction.
    """
    billed = rows[_has_succeeded(rows) & (rows["tokens"] > 0)]
    known = billed["est_tokens"] > 0
    billed = billed.assign(
        unpredicted=~known,
        est_tokens=billed["est_tokens"].where(known),
        tokens=billed["tokens"].where(known),
        off=(billed["tokens"] - billed["est_tokens"]).abs().where(known),
    )
    table = billed.groupby(["model", "kind"], dropna=False).agg(
        clips=("est_tokens", "count"),
        unpredicted=("unpredicted", "sum"),
        est_tokens=("est_tokens", "sum"),
        tokens=("tokens", "sum"),
        off=("off", "sum"),
    )
    predicted = table["est_tokens"].where(table["est_tokens"] > 0)
    table["ratio"] = table["tokens"] / predicted
    table["off"] /= predicted
    table["parted"] = table["off"] > tolerance
    return table


def _in_order(table: pd.DataFrame) -> pd.DataFrame:
    """The table sorted by its index, resolutions by size and not by spelling."""
    return table.sort_index(key=lambda level: level.map(_lines) if level.name == "resolution" else level)


def _lines(resolution: object) -> float:
    found = re.fullmatch(r"(\d+)([pk])", str(resolution))
    return int(found[1]) * (1 if found[2] == "p" else 540) if found else float("inf")


def _has_succeeded(rows: pd.DataFrame) -> pd.Series:
    return (rows["status"] == "succeeded").fillna(value=False).astype(bool)
