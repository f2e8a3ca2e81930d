"""Results of a study: one row for each pair of arms on each criterion.

Only real votes count. A win rate is the mean over items of an item's share of wins among decisive votes (see
``win_rates``); ties are left out of it and shown beside it as half a win each. One procedure gives interval
and p-value; what stands beside it (the sign test, Bradley-Terry, units and raters left out, failed clips
counted as lost) answers other questions and is not to be chosen from afterwards.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from seedance_widgets.errors import InvalidStudy
from seedance_widgets.study.formatting import table
from seedance_widgets.study.judging.agreement import alpha, catches_passed, repeats_kept, share
from seedance_widgets.study.judging.vote_arrays import read_votes
from seedance_widgets.study.making.arm_outcomes import clip_outcomes
from seedance_widgets.study.results import pair_statistics
from seedance_widgets.study.results.bradley_terry import fit_strengths
from seedance_widgets.study.results.caveats import notes_on
from seedance_widgets.study.results.win_rates import ALPHA, leaving_out_each, win_rates
from seedance_widgets.units import count_text

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from seedance_widgets.study.judging.vote_arrays import Votes
    from seedance_widgets.study.results.bradley_terry import Strengths
    from seedance_widgets.study.results.win_rates import WinRates

__all__ = ["holm", "results"]

# in the row while notes are written, not in the table
_WORKING = ("problems", "first_left", "failed_pairs", "incomplete", "out")


def results(
    votes: pd.DataFrame,
    *,
    arms: Sequence[Hashable] | None = None,
    clips: pd.DataFrame | None = None,
    looks: int = 1,
) -> pd.DataFrame:
    """What the votes say of each pair of arms, on each criterion.

    Parameters
    ----------
    votes
        As `seedance_widgets.study.judging.vote_arrays.read_votes` wants them.
    arms
        All arms of the study, in the order in which pairs name them.
    clips
        What became of the clips, as `seedance_widgets.study.making.arm_outcomes.clip_outcomes` wants them.
    looks
        How many times results have been looked at while votes came in, this time included. p-values are
        multiplied by it.

    Returns
    -------
    pandas.DataFrame
        One row a criterion and pair. Rates are those of ``arm_a`` against ``arm_b``, from 0 to 1.

        - ``unit`` ("item" or "seed") is what counts as independent, ``units`` how many have a decisive vote.
        - ``votes`` without skips, ``skips``, ``wins``, ``losses``, ``ties``, ``decisive``, ``tie_rate``.
        - ``win_rate``, ``low``, ``high`` (95 %), ``p``; ``p_adjusted`` by Holm over all rows, times
          ``looks``; ``significant``: whether that is below 0.05. ``effective`` is the number of independent
          votes.
        - ``sign_wins``, ``sign_losses``, ``sign_p``: majorities by unit, and their exact sign test.
        - ``half_win_rate``, ``half_low``, ``half_high``, ``half_p``: ties counted as half a win.
        - ``unit_out_low``, ``unit_out_high``: the win rate's range with each unit left out in turn;
          ``unit_out_flips``: how many of them would change ``significant``. ``rater_out_...`` likewise.
        - ``left_rate``: how often the left clip won. ``side_bias`` with ``side_low``, ``side_high``,
          ``side_p``: the pull of the left side in log odds, from all votes on the criterion.
        - ``bt_win_rate``, ``bt_low``, ``bt_high``, ``bt_p``: by Bradley-Terry over all arms, from three on.
        - ``agreement``: Krippendorff's alpha between raters; ``catch_accuracy`` and ``repeat_consistency`` of
          all raters on the criterion.
        - ``failed_win_rate``, ``failed_low``, ``failed_high``, ``failed_p``: a pair of which one clip failed
          counts as lost for its arm, at as many votes as a pair has on average. Only with ``clips``.
        - ``notes``: what to know before believing any of it.

    Raises
    ------
    InvalidStudy
        The votes are malformed, name fewer than two arms, or ``looks`` is below 1.
    """
    read = read_votes(votes, arms)
    if len(read.arms) < 2:  # noqa: PLR2004 - a pair
        raise InvalidStudy("results compare two arms or more")
    if looks < 1:
        raise InvalidStudy(f"looks={looks}: this look is one")
    found = None if clips is None else clip_outcomes(clips)
    rows = [
        row
        for criterion, votes_on_it in read.by_criterion()
        for row in _rows_of(criterion, votes_on_it, found)
    ]
    adjusted, levels = holm(np.array([row["p"] for row in rows]), looks)
    for row, p, level in zip(rows, adjusted, levels, strict=True):
        row.update(p_adjusted=float(p), significant=bool(p < ALPHA))
        for name, without in row["out"].items():
            row.update(_leave_one_out_columns(name, without, row["significant"], level))
        row["notes"] = notes_on(row, clips_per_unit=read.clips_per_unit, looks=looks, tests=len(rows))
    return table(rows, without=_WORKING)


def holm(p: NDArray[np.float64], looks: int = 1) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Holm's adjustment, times the number of looks.

    Returns
    -------
    tuple
        The adjusted p-values, and the level that each of the raw ones is held against. NaN is no test.
    """
    adjusted, level = np.full(len(p), np.nan), np.full(len(p), np.nan)
    order = np.argsort(p)[: int((~np.isnan(p)).sum())]
    times = np.arange(len(order), 0, -1) * looks
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * times), 1)
    level[order] = ALPHA / times
    return adjusted, level


def _rows_of(criterion: Hashable, votes: Votes, clips: pd.DataFrame | None) -> list[dict[str, Any]]:
    real = votes.of_kind("real")
    decisive = real.where(real.is_decisive)
    fit = fit_strengths(decisive.left, decisive.right, decisive.is_left, decisive.of_unit, len(votes.arms))
    caught, kept = catches_passed(votes), repeats_kept(votes)
    shared = {"catch_accuracy": share(*caught), "repeat_consistency": share(*kept), "problems": fit.problems}
    return [
        {"criterion": criterion, "arm_a": votes.arms[first], "arm_b": votes.arms[second]}
        | _result(real.where((real.low == first) & (real.high == second)), fit, (first, second), clips)
        | shared
        for first, second in combinations(range(len(votes.arms)), 2)
    ]


def _result(pair: Votes, fit: Strengths, arms: tuple[int, int], clips: pd.DataFrame | None) -> dict[str, Any]:
    by_rater = pair_statistics.wins_and_losses(pair)
    wins, losses = by_rater[0].sum(axis=0), by_rater[1].sum(axis=0)
    rate = win_rates(wins, losses)
    answered = ~np.isnan(pair.score)
    result: dict[str, Any] = (
        {"unit": pair.unit}
        | pair_statistics.counts(pair)
        | pair_statistics.rates("", rate)
        | {"effective": float(rate.effective)}
    )
    result |= pair_statistics.signs(wins, losses)
    result |= pair_statistics.half_wins(pair, wins, losses)
    result |= pair_statistics.sides(pair, fit)
    result |= pair_statistics.strengths_of(fit, *arms)
    result["agreement"] = alpha(pair.clip[answered], pair.score[answered])
    result["out"] = {
        "unit_out": leaving_out_each(wins, losses),
        "rater_out": pair_statistics.leaving_out_raters(*by_rater),
    }
    if clips is not None:
        result |= pair_statistics.with_failures(pair, clips, arms, wins, losses)
        result["incomplete"] = _incomplete([pair.arms[number] for number in arms], clips)
    return result


def _leave_one_out_columns(name: str, without: WinRates, significant: bool, level: float) -> dict[str, Any]:
    known = ~np.isnan(without.rate)
    rate, p = without.rate[known], without.p[known]
    return {
        f"{name}_low": float(rate.min()) if len(rate) else float("nan"),
        f"{name}_high": float(rate.max()) if len(rate) else float("nan"),
        f"{name}_flips": int(((p < level) != significant).sum()),
    }


def _incomplete(arms: list[Hashable], clips: pd.DataFrame) -> list[str]:
    own = {arm: clips.loc[clips["arm"] == arm, "state"] for arm in arms}
    return [
        f"incomplete: of {arm}'s {count_text(len(state), 'clip')} {int((state == 'failed').sum())} failed, "
        f"{int((state == 'unfinished').sum())} not finished"
        for arm, state in own.items()
        if (state != "succeeded").any()
    ]
