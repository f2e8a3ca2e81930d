"""Strengths of all arms as a table, with how much one item can do to their order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seedance_widgets.study.formatting import table
from seedance_widgets.study.judging.vote_arrays import read_votes
from seedance_widgets.study.results.bradley_terry import fit_strengths

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from seedance_widgets.study.judging.vote_arrays import Votes
    from seedance_widgets.study.results.bradley_terry import Strengths

__all__ = ["strengths"]


def strengths(votes: pd.DataFrame, *, arms: Sequence[Hashable] | None = None) -> pd.DataFrame:
    """Bradley-Terry strengths of the arms, indexed by criterion and arm, the strongest first.

    Parameters
    ----------
    votes, arms
        As for `results`.

    Returns
    -------
    pandas.DataFrame
        ``strength`` in log odds against the mean of the arms it was compared with, ``low`` and ``high`` (95
        %), ``rank`` within that ``group`` of arms, ``rank_best`` and ``rank_worst`` with each unit left out
        in turn, and ``problems`` of the fit (see ``bradley_terry``).
    """
    read = read_votes(votes, arms)
    rows = []
    for criterion, some in read.of_kind("real").by_criterion():
        fit = _fit(some)
        ranks = _ranks(fit)
        units = np.unique(some.of_unit[some.is_decisive])
        others = np.array([ranks, *(_ranks(_fit(some.where(some.of_unit != unit))) for unit in units)])
        for number in np.lexsort((ranks, fit.group)).tolist():
            own = fit.above_mean(number)
            known = others[:, number][~np.isnan(others[:, number])]
            known = known if len(known) else np.array([np.nan])
            rows.append(
                {
                    "criterion": criterion,
                    "arm": read.arms[number],
                    "strength": own.logit,
                    "low": own.low,
                    "high": own.high,
                    "group": None if fit.group[number] < 0 else read.arms[fit.group[number]],
                    "rank": ranks[number],
                    "rank_best": known.min(),
                    "rank_worst": known.max(),
                    "problems": ", ".join(fit.problems),
                }
            )
    return table(rows).set_index(["criterion", "arm"])


def _fit(votes: Votes) -> Strengths:
    some = votes.where(votes.is_decisive)
    return fit_strengths(some.left, some.right, some.is_left, some.of_unit, len(votes.arms))


def _ranks(fit: Strengths) -> NDArray[np.float64]:
    """1 for the strongest of a group, NaN for an arm without a strength."""
    stronger = (fit.group[:, None] == fit.group) & (fit.logits > fit.logits[:, None])
    return np.where(np.isnan(fit.logits), np.nan, 1.0 + stronger.sum(axis=1))
