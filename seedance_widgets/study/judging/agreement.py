"""How far raters agree with each other, with themselves, and with catch trials, whose answer is known.

Agreement between raters is Krippendorff's alpha on wins, ties and losses of one pair of arms at distances of
a half: 1 is full agreement, 0 is what chance gives. It says how reliable one vote is, not who wins: arms that
really are alike have an alpha near 0. Agreement of raters with themselves is the share of repeats answered
for the same arm as before. What is known is the answer to a catch trial, which shows one clip twice: a tie.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seedance_widgets.study.formatting import table
from seedance_widgets.study.judging.vote_arrays import pair_ids, read_votes

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from seedance_widgets.study.judging.vote_arrays import Votes

__all__ = ["alpha", "catches_passed", "raters", "repeats_kept", "share"]


def alpha(units: NDArray[np.intp], values: NDArray[np.float64]) -> float:
    """Krippendorff's alpha for values on an interval scale.

    Parameters
    ----------
    units
        What each value is about; those with a single value say nothing and are left out.
    values
        One of one rater each, none twice on a unit by one rater.

    Returns
    -------
    float
        At most 1; NaN where no unit has two values, or all values are the same.
    """
    number = np.unique(units, return_inverse=True)[1]
    shared = np.bincount(number)[number] > 1
    if not shared.any():
        return float("nan")
    values, number = values[shared], np.unique(number[shared], return_inverse=True)[1]
    count, total, squares = np.bincount(number), np.bincount(number, values), np.bincount(number, values**2)
    n = len(values)
    observed = (2 * (count * squares - total**2) / (count - 1)).sum() / n
    expected = 2 * (n * squares.sum() - total.sum() ** 2) / (n * (n - 1))
    return float(1 - observed / expected) if expected > 0 else float("nan")


def catches_passed(votes: Votes) -> tuple[int, int]:
    """How many catch trials were called a tie, and how many were answered."""
    catches = votes.of_kind("catch")
    answered = catches.is_decisive | catches.is_tie
    return int(catches.is_tie.sum()), int(answered.sum())


def repeats_kept(votes: Votes) -> tuple[int, int]:
    """How many repeats were answered for the same arm as the real vote, or a tie again, and of how many.

    A repeat whose real vote is missing or was skipped, or that was skipped itself, is not counted.
    """
    ids, score = pair_ids(votes), votes.score
    answered = votes.is_decisive | votes.is_tie
    real, again = votes.is_kind("real") & answered, votes.is_kind("repeat") & answered
    first = dict(zip(ids[real].tolist(), score[real].tolist(), strict=True))
    both = [
        (first[number], value)
        for number, value in zip(ids[again].tolist(), score[again].tolist(), strict=True)
        if number in first
    ]
    return sum(before == after for before, after in both), len(both)


def raters(votes: pd.DataFrame) -> pd.DataFrame:
    """What each rater did, indexed by rater: to see who was tired, careless or bound to one side.

    Returns
    -------
    pandas.DataFrame
        Real ``votes`` without skips, ``skips``, ``tie_rate``, ``left_rate`` of the decisive ones, ``catches``
        and the share passed, ``repeats`` and the share answered alike, and median ``seconds`` a vote.
    """
    read = read_votes(votes)
    rows = []
    for number, name in enumerate(read.raters):
        own = read.where(read.rater == number)
        real = own.of_kind("real")
        passed, catches = catches_passed(own)
        kept, repeats = repeats_kept(own)
        cast = int((real.is_decisive | real.is_tie).sum())
        timed = own.seconds[~np.isnan(own.seconds)]
        rows.append(
            {
                "rater": name,
                "votes": cast,
                "skips": len(real) - cast,
                "tie_rate": share(int(real.is_tie.sum()), cast),
                "left_rate": share(int(real.is_left.sum()), int(real.is_decisive.sum())),
                "catches": catches,
                "catch_accuracy": share(passed, catches),
                "repeats": repeats,
                "repeat_consistency": share(kept, repeats),
                "seconds": float(np.median(timed)) if len(timed) else float("nan"),
            }
        )
    return table(rows).set_index("rater")


def share(some: int, of: int) -> float:
    """``some`` / ``of``, NaN of nothing."""
    return some / of if of else float("nan")
