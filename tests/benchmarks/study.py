"""``results`` on 10,000 votes against statsmodels, scipy and krippendorff giving the same figures.

The other side is what the tests hold the figures against (``study_oracle``): pandas group-bys, a weighted mean with
clustered errors, Wilson's interval, the binomial test, a GLM with clustered errors, Krippendorff's alpha and
Holm. It leaves out what these libraries have no word for: raters and items left out judged one by one, notes,
the shares of catches and repeats. Both give the same figures, which is checked before the clock starts.
"""

# ruff: noqa: E402 - the folder of the tests' own helpers must be on the path first

from __future__ import annotations

import gc
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import measure

from seedance_widgets.study.judging.rater_model import RaterModel, trials
from seedance_widgets.study.results.pair_results import results

sys.path[:0] = [str(Path(__file__).parents[1] / "support")]

import study_oracle

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

VOTES = 1_000 if measure.SMALL else 10_000
COMPARED = ("win_rate", "low", "high", "p", "p_adjusted", "sign_p", "half_p", "agreement", "unit_out_low")
FITTED = ("side_bias", "side_low", "bt_win_rate", "bt_low", "bt_high", "bt_p")


def study(arms: int) -> tuple[pd.DataFrame, list[str]]:
    """10,000 votes of four raters on two criteria."""
    names = list("abc"[:arms])
    model = RaterModel(dict(zip(names, (0.0, 0.3, 0.6), strict=False)), ties=0.2, side_pull=0.2)
    each = arms * (arms - 1) // 2 * 4 * 4 * 2
    shown = trials(
        names,
        items=range(-(-VOTES // each)),
        seeds=range(4),
        raters=("ann", "ben", "cy", "dee"),
        criteria=("look", "motion"),
        seed=1,
    )
    return model.judge(shown.head(VOTES), 1), names


def seconds(work: Callable[[], object]) -> float:
    """Of one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def farthest(votes: pd.DataFrame, arms: list[str]) -> float:
    """The largest difference between the two sides, over all figures and rows."""
    ours = results(votes, arms=arms).to_dict("records")
    theirs = study_oracle.figures(votes, arms)
    names = COMPARED + (FITTED if len(arms) > 2 else FITTED[:2])
    pairs = zip(ours, theirs, strict=True)
    return max(abs(float(one[name]) - other[name]) for one, other in pairs for name in names)


def main() -> None:
    rounds = measure.rounds(__doc__, 11)
    for arms in (2, 3):
        votes, names = study(arms)
        assert len(votes) == VOTES
        apart = farthest(votes, names)
        assert apart < 1e-6
        print(f"{arms} arms: largest difference between the figures {apart:.1e}")
        # Holm's adjustment in statsmodels collects garbage: not of what the imports left
        gc.collect()
        gc.freeze()
        subjects = {
            "theirs": partial(seconds, partial(study_oracle.figures, votes, names)),
            "ours": partial(seconds, partial(results, votes, arms=names)),
        }
        runs = measure.alternate(rounds, subjects)
        table = measure.Table(f"{VOTES:,} votes, {arms} arms, 2 criteria")
        theirs, ours = ([1e3 * value for value in runs[side]] for side in ("theirs", "ours"))
        table.row("statsmodels, scipy, krippendorff", theirs, "ms")
        table.row("results", ours, "ms", against=theirs, at_most=3)
        table.print()


if __name__ == "__main__":
    main()
