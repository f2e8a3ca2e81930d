"""What each arm's clips cost and how many of them failed. A refused clip is a result too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from seedance_widgets.drafts.intervals import normal_quantile, wilson
from seedance_widgets.errors import InvalidStudy
from seedance_widgets.log.row import CLIPLESS, Status
from seedance_widgets.study.formatting import table
from seedance_widgets.study.results.win_rates import ALPHA

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seedance_widgets.study.judging.vote_arrays import Votes

__all__ = ["clip_outcomes", "pairs_with_failure", "spending_by_arm"]

_STATES = ("failed", "unfinished", "succeeded")


def clip_outcomes(clips: pd.DataFrame) -> pd.DataFrame:
    """What became of each clip: one row an arm, item and seed.

    Parameters
    ----------
    clips
        One row a task with columns ``arm``, ``status`` (as in the log), ``usd``, and ``item`` or ``seed`` or
        both. Several tasks of one clip, a failed one and its successor, make one clip.

    Returns
    -------
    pandas.DataFrame
        Columns ``arm``, ``item``, ``seed``, ``usd``, ``unpriced`` where a part of it is not known, and
        ``state``: "succeeded" where a task did, "unfinished" where one still may, else "failed".

    Raises
    ------
    InvalidStudy
        A column is missing.
    """
    missing = [name for name in ("arm", "status", "usd") if name not in clips.columns]
    if missing:
        raise InvalidStudy(f"clips have no column {', '.join(missing)}")
    clips = clips.reindex(columns=["arm", "item", "seed", "status", "usd"])
    worth = np.where(clips["status"].isin(CLIPLESS), 0, np.where(clips["status"] == Status.SUCCEEDED, 2, 1))
    tasks = clips.assign(state=worth, unpriced=clips["usd"].isna())
    joined = (
        tasks.groupby(["arm", "item", "seed"], dropna=False, sort=False)
        .agg(state=("state", "max"), usd=("usd", "sum"), unpriced=("unpriced", "any"))
        .reset_index()
    )
    return joined.assign(state=[_STATES[number] for number in joined["state"]])


def spending_by_arm(votes: Votes, clips: pd.DataFrame) -> pd.DataFrame:
    """Failures, cost and wins of each arm, indexed by criterion and arm.

    Parameters
    ----------
    votes
        As read; a pair of clips is won by the arm with more of its decisive real votes.
    clips
        As `made` wants them.

    Returns
    -------
    pandas.DataFrame
        ``clips``, ``succeeded``, ``failed``, ``unfinished``, ``failure_rate`` among those finished with its
        95 % Wilson interval ``failure_low`` and ``failure_high``, ``usd`` of which ``unpriced`` clips are not
        or not wholly known, pairs ``won``, ``usd_per_win``, and ``complete``: whether every clip succeeded.
    """
    found = clip_outcomes(clips)
    rows = []
    for criterion, some in votes.of_kind("real").by_criterion():
        won = _pairs_won(some)
        for number, arm in enumerate(votes.arms):
            own = found[found["arm"] == arm]
            count = {state: int((own["state"] == state).sum()) for state in _STATES}
            usd = float(own["usd"].sum())
            rows.append(
                {
                    "criterion": criterion,
                    "arm": arm,
                    "clips": len(own),
                    "succeeded": count["succeeded"],
                    "failed": count["failed"],
                    "unfinished": count["unfinished"],
                    **_failure_rate(count["failed"], count["failed"] + count["succeeded"]),
                    "usd": usd,
                    "unpriced": int(own["unpriced"].sum()),
                    "won": int(won[number]),
                    "usd_per_win": usd / won[number] if won[number] else float("nan"),
                    "complete": count["succeeded"] == len(own),
                }
            )
    return table(rows).set_index(["criterion", "arm"])


def pairs_with_failure(votes: Votes, found: pd.DataFrame, first: int, second: int) -> pd.DataFrame:
    """Pairs of which one clip failed: columns ``unit`` and ``lost``, true where it was the first arm's."""
    states = {}
    for number in (first, second):
        own = found[found["arm"] == votes.arms[number]]
        states[number] = own.set_index(["item", "seed"])["state"]
    both = pd.concat(states, axis=1, join="inner").reset_index()
    lost = (both[first] == "failed") & (both[second] == "succeeded")
    gained = (both[second] == "failed") & (both[first] == "succeeded")
    either = both[lost | gained]
    return pd.DataFrame({"unit": either[votes.unit], "lost": lost[lost | gained]})


def _pairs_won(votes: Votes) -> NDArray[np.int64]:
    """How many pairs of clips each arm won."""
    won = np.zeros(len(votes.arms), dtype=np.int64)
    for (first, second), some in votes.by_pair():
        score = np.bincount(some.clip[some.is_decisive], weights=some.score[some.is_decisive] - 0.5)
        won[first] += int((score > 0).sum())
        won[second] += int((score < 0).sum())
    return won


def _failure_rate(failed: int, finished: int) -> dict[str, float]:
    if not finished:
        return dict.fromkeys(("failure_rate", "failure_low", "failure_high"), float("nan"))
    rate = failed / finished
    low, high = wilson(rate, finished, normal_quantile(1 - ALPHA))
    return {"failure_rate": rate, "failure_low": float(low), "failure_high": float(high)}
