"""What the votes on one pair of arms say: the parts of a row of results, by the name of their columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import special

from seedance_widgets.study.making.arm_outcomes import pairs_with_failure
from seedance_widgets.study.results.win_rates import WinRates, sign_test, win_rates

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seedance_widgets.study.judging.vote_arrays import Votes
    from seedance_widgets.study.results.bradley_terry import Strengths

__all__ = [
    "counts",
    "half_wins",
    "leaving_out_raters",
    "rates",
    "sides",
    "signs",
    "strengths_of",
    "wins_and_losses",
    "with_failures",
]

# from this many arms on strengths are more than the win rate said twice
_RANKED = 3

Figures = dict[str, float | int]


def counts(pair: Votes) -> Figures:
    """Votes, skips, wins, losses and ties."""
    decisive = int(pair.is_decisive.sum())
    wins, ties = int((pair.score == 1).sum()), int(pair.is_tie.sum())
    cast = decisive + ties
    return {
        "units": len(np.unique(pair.of_unit[pair.is_decisive])),
        "votes": cast,
        "skips": len(pair) - cast,
        "wins": wins,
        "losses": decisive - wins,
        "ties": ties,
        "decisive": decisive,
        "tie_rate": ties / cast if cast else float("nan"),
    }


def rates(prefix: str, found: WinRates) -> Figures:
    """A single win rate with its interval and p-value."""
    values = (found.rate, found.low, found.high, found.p)
    names = ("win_rate", "low", "high", "p")
    return {prefix + name: float(value) for name, value in zip(names, values, strict=True)}


def wins_and_losses(pair: Votes) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Decisive votes for and against the first arm, one row a rater and one column a unit."""
    shape = (len(pair.raters), len(pair.units))
    cell = pair.rater * shape[1] + pair.of_unit
    won, size = pair.score == 1, shape[0] * shape[1]
    wins = np.bincount(cell[won], minlength=size).reshape(shape)
    losses = np.bincount(cell[pair.is_decisive & ~won], minlength=size).reshape(shape)
    return wins.astype(np.float64), losses.astype(np.float64)


def leaving_out_raters(wins: NDArray[np.float64], losses: NDArray[np.float64]) -> WinRates:
    """Win rates with each rater left out in turn; none where one rater cast all votes."""
    voted = (wins + losses).any(axis=1)
    chosen = voted if voted.sum() > 1 else np.zeros_like(voted)
    return win_rates(wins.sum(0) - wins[chosen], losses.sum(0) - losses[chosen])


def signs(wins: NDArray[np.float64], losses: NDArray[np.float64]) -> Figures:
    """Majorities by unit, and their exact sign test."""
    for_first, against = int((wins > losses).sum()), int((wins < losses).sum())
    return {"sign_wins": for_first, "sign_losses": against, "sign_p": sign_test(for_first, against)}


def half_wins(pair: Votes, wins: NDArray[np.float64], losses: NDArray[np.float64]) -> Figures:
    """The win rate when a tie is half a win for each."""
    half = np.bincount(pair.of_unit[pair.is_tie], minlength=len(pair.units)) / 2
    return rates("half_", win_rates(wins + half, losses + half))


def sides(pair: Votes, fit: Strengths) -> Figures:
    """How often the left clip won, and the pull of the left side in log odds."""
    decisive, pull = int(pair.is_decisive.sum()), fit.pull
    first_left = (pair.left < pair.right) & pair.is_decisive
    return {
        "left_rate": int(pair.is_left.sum()) / decisive if decisive else float("nan"),
        "first_left": int(first_left.sum()) / decisive if decisive else float("nan"),
        "side_bias": pull.logit,
        "side_low": pull.low,
        "side_high": pull.high,
        "side_p": pull.p,
    }


def strengths_of(fit: Strengths, first: int, second: int) -> Figures:
    """The chance of the first arm by Bradley-Terry, where there are three arms or more."""
    names = ("bt_win_rate", "bt_low", "bt_high", "bt_p")
    if len(fit.logits) < _RANKED:
        return dict.fromkeys(names, float("nan"))
    found = fit.between(first, second)
    chances = [float(special.expit(value)) for value in (found.logit, found.low, found.high)]
    return dict(zip(names, [*chances, found.p], strict=True))


def with_failures(
    pair: Votes,
    found: pd.DataFrame,
    arms: tuple[int, int],
    wins: NDArray[np.float64],
    losses: NDArray[np.float64],
) -> Figures:
    """The win rate when a pair of which one clip failed is lost for its arm."""
    failed = pairs_with_failure(pair, found, *arms)
    seen = pair.is_decisive
    # a pair that could not be shown counts as many votes as one that was
    weight = int(seen.sum()) / max(1, len(np.unique(pair.clip[seen]))) or 1.0
    names = pd.Index(pair.units).append(pd.Index(failed["unit"])).unique()
    at = names.get_indexer(pd.Index(failed["unit"]))
    lost = failed["lost"].to_numpy(dtype=bool)
    more = np.zeros(len(names) - len(pair.units))
    won = np.concatenate([wins, more]) + weight * np.bincount(at[~lost], minlength=len(names))
    lacking = np.concatenate([losses, more]) + weight * np.bincount(at[lost], minlength=len(names))
    return rates("failed_", win_rates(won, lacking)) | {"failed_pairs": len(failed)}
