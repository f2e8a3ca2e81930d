"""Are drafts worth their money? Spend, acceptance, break-even and saving, from any table in the log's shape.

``rows`` makes clean rows of any such table, ``break_even`` has the group-bys and the arithmetic behind them,
``repricing`` other prices and the other tier, ``result`` what a notebook shows,
``plots`` its pictures.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from seedance_widgets.drafts.economics import break_even
from seedance_widgets.drafts.economics.repricing import Prices, flex_against_default, reprice
from seedance_widgets.drafts.economics.result import DraftEconomics
from seedance_widgets.drafts.economics.rows import of_one_kind, read_rows
from seedance_widgets.errors import EstimateDriftWarning
from seedance_widgets.units import amount_text, count_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

__all__ = ["DraftEconomics", "draft_economics", "reprice"]


def draft_economics(
    df: pd.DataFrame,
    by: str | Sequence[str] = ("model", "resolution"),
    *,
    prices: Prices | None = None,
    simulated: bool | None = None,
    confidence: float = 0.95,
    tolerance: float = 0.005,
) -> DraftEconomics:
    """What drafts and finals cost, how many drafts were accepted, and whether drafting paid.

    Parameters
    ----------
    df
        A table in the log's shape: ``studio.log.to_pandas()``, or one read from CSV. It is not changed.
        Drafts of a study count in acceptance and saving only where somebody has given them a verdict.
    by
        Columns to group by. Finals count with their own resolution and tier; all else they have from
        their draft. Where it makes a difference to the price, sound and tier are kept apart in any case.
    prices
        What if other prices had held, as for `reprice`: ``{"seedance-1-5-pro": 2.0}``,
        USD per million tokens.
    simulated
        True for simulated rows only, False for real ones only. By default the kind that is present; where
        both are, the real ones.
    confidence
        Of the intervals, 0 to 1.
    tolerance
        How far billed tokens may part from predicted ones, as a share of these, before a warning.

    Returns
    -------
    DraftEconomics
        DataFrames as attributes, notes on what is unknown or left out, ``plot()``.

    Warns
    -----
    EstimateDriftWarning
        A model bills other tokens than this package predicts.

    Raises
    ------
    TypeError
        ``df`` is no DataFrame.
    ValueError
        The table lacks columns or cannot be read, a key occurs twice, ``confidence`` is not between 0 and 1.
    InvalidRequest
        A model among ``prices`` is neither in the catalog nor in the table.
    InvalidCatalogEntry
        A price is malformed.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is between 0 and 1, not {confidence!r}")
    by = [by] if isinstance(by, str) else list(dict.fromkeys(by))
    rows, simulated, left_out = of_one_kind(
        read_rows(df if prices is None else reprice(df, prices), by), simulated=simulated
    )
    drafts = break_even.fates(rows)
    acceptance = break_even.acceptance_of(drafts, by, confidence)
    cells = break_even.cells_of(rows, drafts, acceptance, by)
    estimates = break_even.estimates_of(rows, tolerance)
    _warn(estimates, tolerance)
    return DraftEconomics(
        by=tuple(by),
        confidence=confidence,
        simulated=simulated,
        spend=break_even.spend_of(rows, by),
        acceptance=acceptance,
        break_even=break_even.break_even_of(cells, by),
        savings=break_even.savings_of(cells, by, by),
        total=break_even.total_of(rows, drafts, cells, by, confidence),
        flex=flex_against_default(rows, prices),
        estimates=estimates,
        timeline=break_even.timeline_of(rows),
        notes=(*([left_out] if left_out else ()), *_notes(rows, drafts, cells)),
    )


def _warn(estimates: pd.DataFrame, tolerance: float) -> None:
    parted = estimates[estimates["parted"]]
    if len(parted):
        named = "; ".join(
            f"{model} ({kind}): billed {ratio:.3f} times what was predicted, over {clips:,} clips"
            for model, kind, ratio, clips in parted.reset_index()[
                ["model", "kind", "ratio", "clips"]
            ].to_numpy()
        )
        warnings.warn(
            f"billed tokens part from predicted ones by more than {tolerance:.1%}: {named}. "
            "Prices shown before sending are off by as much.",
            EstimateDriftWarning,
            stacklevel=3,
        )


def _notes(rows: pd.DataFrame, drafts: pd.DataFrame, cells: pd.DataFrame) -> Iterator[str]:
    unknown = int(rows["usd"].isna().sum())
    if unknown:
        yield (
            f"{unknown:,} of {len(rows):,} tasks {_have(unknown)} no known cost; "
            "every sum of dollars leaves them out"
        )
    undecided = int(drafts["undecided"].sum())
    if undecided:
        trials = int(drafts["trial"].sum())
        yield (
            f"{undecided:,} of {trials:,} drafts {_have(undecided)} neither verdict nor final; "
            "they count as not accepted"
        )
    waiting = int((drafts["accepted"] & ~drafts["promoted"]).sum())
    if waiting:
        yield (
            f"{count_text(waiting, 'accepted draft')} {_have(waiting)} no final yet; "
            "what they cost is in the comparison"
        )
    finals = rows[(rows["kind"] == "final") & (rows["status"] == "succeeded")]
    of_study = rows[break_even.is_study_draft(rows)]
    chosen = finals["parent_key"].isin(of_study.index)
    if len(of_study):
        them = f"they and {count_text(int(chosen.sum()), 'final')} made from them" if chosen.any() else "they"
        yield (
            f"{count_text(len(of_study), 'draft')} of studies ({amount_text(of_study['usd'].sum())}) "
            f"{_have(len(of_study))} no verdict of their own and were made to be compared; "
            f"{them} are in the spend, not in acceptance and saving"
        )
    alone = finals[~finals["parent_key"].isin(drafts.index[drafts["trial"]]) & ~chosen]
    if len(alone):
        yield (
            f"{count_text(len(alone), 'final')} ({amount_text(alone['usd'].sum())}) "
            f"{_have(len(alone))} no draft in this table; they are in the spend and not in the saving"
        )
    idle = cells.loc[(cells["finals"] == 0) & (cells["drafts_usd"] > 0), "drafts_usd"].sum()
    if idle:
        yield (
            f"drafts for {amount_text(idle)} are of kinds without a final yet; the saving counts them as cost"
        )


def _have(number: int) -> str:
    return "has" if number == 1 else "have"
