"""Confidence intervals of proportions, and of sums of estimates."""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

__all__ = ["normal_quantile", "pool", "wilson"]


def wilson(
    share: ArrayLike, trials: ArrayLike, quantile: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lower and upper bounds of a share of so many independent trials, NaN where the share is.

    Wilson's score interval (Wilson 1927, without continuity correction): the bounds lie in 0 to 1 and mean
    something at 0 and at 1 too.

    Parameters
    ----------
    share, trials
        Of one shape.
    quantile
        How many standard errors the bounds are away, as `normal_quantile` gives, or Student's.
    """
    share, trials, quantile = (np.asarray(each, dtype=np.float64) for each in (share, trials, quantile))
    squared = quantile**2 / trials
    centre = (share + squared / 2) / (1 + squared)
    half = quantile / (1 + squared) * np.sqrt(share * (1 - share) / trials + squared / trials / 4)
    # rounding leaves dust where the bound is 0 or 1 by algebra
    return np.where(share <= 0, 0.0, centre - half), np.where(share >= 1, 1.0, centre + half)


def normal_quantile(confidence: float) -> float:
    """Standard errors to either side that hold so much of a normal distribution: 1.96 for 0.95."""
    return NormalDist().inv_cdf((1 + confidence) / 2)


def pool(sums: pd.DataFrame, by: list[str], into: list[str]) -> pd.DataFrame:
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
