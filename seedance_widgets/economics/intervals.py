"""Intervals of proportions, and of sums of what was estimated apart."""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["pooled", "wilson"]


def wilson(hits: pd.Series, trials: pd.Series, confidence: float) -> tuple[pd.Series, pd.Series]:
    """Lower and upper Wilson bounds of ``hits / trials``, NaN without trials.

    The bounds lie in 0 to 1 and mean something at 0 and at all hits too (Wilson 1927, without continuity
    correction). They take the trials for independent.
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    n = trials.where(trials > 0).astype("float64")
    share = hits / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # rounding leaves dust where the bound is 0 or 1 by algebra
    low = (centre - half).mask(hits == 0, 0.0).where(n.notna())
    high = (centre + half).mask(hits == trials, 1.0).where(n.notna())
    return low, high


def pooled(sums: pd.DataFrame, by: list[str], into: list[str]) -> pd.DataFrame:
    """Add up ``value`` with its bounds ``low`` and ``high`` over groups.

    Parameters
    ----------
    sums
        Rows with the three columns and the columns of both groupings. Rows that are equal in ``by`` rest on
        one estimate and move together: their distances add up. Others are independent: the squares of
        their distances do (the MOVER method, Zou and Donner 2008).
    by
        Columns that name an estimate.
    into
        Columns of the result's index; none of them for one row.
    """
    parts = sums.assign(below=sums["value"] - sums["low"], above=sums["high"] - sums["value"])
    keys = [*dict.fromkeys([*into, *by])]
    parts = parts.groupby(keys, dropna=False, observed=True)[["value", "below", "above"]].sum().reset_index()
    parts[["below", "above"]] **= 2
    columns = parts[["value", "below", "above"]]
    if into:
        added = columns.groupby([parts[name] for name in into], dropna=False, observed=True).sum()
    else:
        added = columns.sum().to_frame().T
    return added[["value"]].assign(
        low=added["value"] - np.sqrt(added["below"]), high=added["value"] + np.sqrt(added["above"])
    )
