"""A win rate with its interval and p-value from one procedure, counting items and not votes.

Each item's share of wins is one observation, so an item that was voted on more often weighs no more. The true
rate is the mean over items: the chance that a decisive vote on an item drawn like these goes to the first
arm.

The spread of the shares says how many independent votes the study is worth, ``effective``: as many as would
leave the rate as uncertain as it is. The interval is Wilson's at that number with Student's t on as many
degrees of freedom as items (the rate that is asked about is given and takes none), and the p-value is the
same statement read at 0.5: it is below 0.05 exactly where the 95 % interval leaves 0.5 out. Wilson's form
holds at rates of 0 and 1, where the spread is nil and Student's interval would be a point. There nothing
tells how alike votes on an item are, and each item counts as one; `_PULL` makes the way there gradual. An
item is worth no less than one vote, and no more than its votes.

Fewer than `FEWEST` items always count as one vote each, which keeps the interval over 0.5 and p above 0.05,
whatever the votes: their spread is not known well enough to lend votes any weight, and the exact sign test
cannot get below 0.05 with them either (2 / 2**5 = 0.06). Six that are of one mind are just significant by
both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from seedance_widgets.drafts.intervals import wilson

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "ALPHA",
    "FEWEST",
    "WinRates",
    "leaving_out_each",
    "sign_test",
    "win_rates",
]

ALPHA = 0.05
FEWEST = 6

# Weight of "each item counts once" against the spread that was seen. At rates near a half the spread weighs
# (items - 1) / 4, 55 times as much with 12 items; where almost every vote goes one way it weighs nothing.
_PULL = 0.05


@dataclass(frozen=True)
class WinRates:
    """One or more win rates, 0 to 1, with 95 % intervals and two-sided p-values against 0.5.

    All of one shape. ``items`` counts items with a decisive vote, ``effective`` the independent votes that
    these are worth. All are NaN without items.
    """

    rate: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    p: NDArray[np.float64]
    items: NDArray[np.float64]
    effective: NDArray[np.float64]


def win_rates(wins: NDArray[np.float64], losses: NDArray[np.float64]) -> WinRates:
    """Rates of the first arm from its wins and losses by item.

    Parameters
    ----------
    wins, losses
        The last axis runs over items. Halves are allowed (a tie as half a win); items with neither are left
        out.
    """
    items, total, squares, inverse = _sums(wins, losses)
    return _rates_of(items.sum(-1), total.sum(-1), squares.sum(-1), inverse.sum(-1))


def leaving_out_each(wins: NDArray[np.float64], losses: NDArray[np.float64]) -> WinRates:
    """Rates with each item left out in turn: one for every item, NaN for those without a decisive vote."""
    one, total, squares, inverse = (np.where(wins + losses > 0, part, np.nan) for part in _sums(wins, losses))
    return _rates_of(
        np.nansum(one, -1, keepdims=True) - one,
        np.nansum(total, -1, keepdims=True) - total,
        np.nansum(squares, -1, keepdims=True) - squares,
        np.nansum(inverse, -1, keepdims=True) - inverse,
    )


def sign_test(wins: int, losses: int) -> float:
    """Exact two-sided p-value of the sign test; NaN without a decisive item."""
    count = wins + losses
    if not count:
        return float("nan")
    return min(1.0, 2 * float(special.bdtr(min(wins, losses), count, 0.5)))


def _sums(wins: NDArray[np.float64], losses: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """By item: 1 where it counts, its share above a half, that squared, and one over its votes."""
    count = wins + losses
    has = count > 0
    inverse = np.divide(1.0, count, out=np.zeros_like(count, dtype=np.float64), where=has)
    above = np.where(has, wins * inverse - 0.5, 0.0)
    return has.astype(np.float64), above, above**2, inverse


def _rates_of(
    items: NDArray[np.float64],
    total: NDArray[np.float64],
    squares: NDArray[np.float64],
    inverse: NDArray[np.float64],
) -> WinRates:
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = total / items
        rate = np.clip(mean + 0.5, 0, 1)
        spread = np.maximum(squares - items * mean**2, 0)
        # the variance of an item's share against that of one vote: 1 where all votes on an item agree
        share = (spread + _PULL) / ((items - 1) * rate * (1 - rate) + _PULL)
        share = np.where(items < FEWEST, 1.0, np.clip(share, inverse / items, 1.0))
        effective = items / share
        freedom = np.where(items > 0, items, np.nan)
        quantile = np.asarray(special.stdtrit(freedom, 1 - ALPHA / 2), dtype=np.float64)
        low, high = wilson(rate, effective, quantile)
        away = 2 * np.abs(rate - 0.5) * np.sqrt(effective)
        p = 2 * np.asarray(special.stdtr(freedom, -away), dtype=np.float64)
    return WinRates(rate, low, high, p, items, effective)
