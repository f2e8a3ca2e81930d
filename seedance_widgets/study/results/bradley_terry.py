"""Bradley-Terry: one strength for each of several arms, from decisive votes between pairs of them.

The log odds that the left clip is chosen are its arm's strength less the other's, plus an intercept, the pull
of the left side. Votes on one item are alike, so errors are clustered by item: the sandwich with the usual
small-sample factor, read against Student's t with items - 1 degrees of freedom. With fewer than `FEWEST`
items there is no interval: the sandwich is too narrow then, and no test by items could be significant.

Strengths are finite and unique only for some tables of votes, and this is checked beforehand:

- *disconnected*: two groups of arms were never shown against each other. Each group is fitted, differences
  between them are NaN.
- *confounded*: sides cannot be told from arms, as when one arm was always on the left. Nothing is fitted.
- *separated*: some arms never lose to the others, or one side always wins. The best fit would be infinite, so
  each pair that was compared gets one more vote, shared out evenly between arms and sides; the strengths
  are then pulled towards even, and have no interval.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from seedance_widgets.study.results.win_rates import ALPHA, FEWEST

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Contrast", "Strengths", "fit_strengths"]

_ITERATIONS = 100
_CONVERGED = 1e-12


@dataclass(frozen=True)
class Contrast:
    """A difference of log odds with its 95 % interval and two-sided p-value; NaN is what is not known."""

    logit: float
    low: float
    high: float
    p: float


@dataclass(frozen=True)
class Strengths:
    """Strengths of arms in log odds, each group of connected arms about a mean of 0, and the side's pull.

    ``group`` numbers the connected groups, -1 for an arm without a decisive vote. ``problems`` names what was
    found beforehand: "disconnected", "confounded", "separated".
    """

    logits: NDArray[np.float64]
    side: float
    covariance: NDArray[np.float64]
    group: NDArray[np.intp]
    items: int
    problems: tuple[str, ...]

    def between(self, first: int, second: int) -> Contrast:
        """Strength of one arm less that of another, by their indices."""
        if self.group[first] != self.group[second] or self.group[first] < 0:
            return Contrast(*[float("nan")] * 4)
        direction = np.zeros(len(self.logits) + 1)
        direction[first], direction[second] = 1, -1
        return self._contrast(float(self.logits[first] - self.logits[second]), direction)

    def above_mean(self, arm: int) -> Contrast:
        """Strength of an arm against the mean of its group."""
        return self._contrast(float(self.logits[arm]), np.eye(len(self.logits) + 1)[arm])

    @property
    def pull(self) -> Contrast:
        """Log odds that the left one of two equal arms is chosen."""
        return self._contrast(self.side, np.eye(len(self.logits) + 1)[-1])

    def _contrast(self, logit: float, direction: NDArray[np.float64]) -> Contrast:
        error = float(np.sqrt(direction @ self.covariance @ direction))
        if not error > 0:
            return Contrast(logit, *[float("nan")] * 3)
        half = error * float(special.stdtrit(self.items - 1, 1 - ALPHA / 2))
        p = 2 * float(special.stdtr(self.items - 1, -abs(logit) / error))
        return Contrast(logit, logit - half, logit + half, p)


def fit_strengths(
    left: NDArray[np.intp],
    right: NDArray[np.intp],
    left_won: NDArray[np.bool_],
    item: NDArray[np.intp],
    arms: int,
) -> Strengths:
    """Fit strengths of ``arms`` arms to decisive votes.

    Parameters
    ----------
    left, right
        Index of the arm shown on each side, one entry a vote.
    left_won
        Whether the left one was chosen.
    item
        Index of the item, or of whatever else votes are clustered by.
    arms
        How many arms there are, with those that nobody voted on.
    """
    shown, won = np.zeros((arms, arms)), np.zeros((arms, arms))
    np.add.at(shown, (left, right), 1)
    np.add.at(won, (left, right), left_won)
    group = _groups(shown)
    basis = _basis(group)
    items, cluster = np.unique(item, return_inverse=True)
    problems = ["disconnected"] if len(set(group[group >= 0].tolist())) > 1 else []
    lefts, rights = np.nonzero(shown)
    rows = _rows(lefts, rights, basis)
    if not len(rows) or np.linalg.matrix_rank(rows) < rows.shape[1]:
        problems += ["confounded"] if len(rows) else []
        nothing, unknown = np.full(arms, np.nan), np.full((arms + 1, arms + 1), np.nan)
        return Strengths(nothing, float("nan"), unknown, group, len(items), tuple(problems))
    separated = _is_separated(shown, won, group)
    if separated:
        problems.append("separated")
        met = shown + shown.T > 0
        shown, won = shown + met / 2, won + met / 4
    coefficients, information = _maximum(shown, won, basis)
    full = np.zeros((arms + 1, len(coefficients)))
    full[:arms, :-1], full[-1, -1] = basis, 1
    covariance = np.full((arms + 1, arms + 1), np.nan)
    if not separated and len(items) >= FEWEST:
        rows = _rows(left, right, basis)
        residuals = left_won - special.expit(rows @ coefficients)
        covariance = full @ _cluster_covariance(rows, residuals, cluster, information) @ full.T
    logits = np.where(group < 0, np.nan, full[:arms] @ coefficients)
    return Strengths(logits, float(coefficients[-1]), covariance, group, len(items), tuple(problems))


def _groups(shown: NDArray[np.float64]) -> NDArray[np.intp]:
    """The connected group of each arm, numbered by its first arm; -1 for one that was not shown."""
    met = shown + shown.T > 0
    reached = _closure(np.where(met | np.eye(len(met), dtype=bool), 0.0, -np.inf)) > -np.inf
    return np.where(met.any(axis=1), reached.argmax(axis=1), -1).astype(np.intp)


def _closure(gain: NDArray[np.float64]) -> NDArray[np.float64]:
    """Largest sum of gains over the ways from each node to each other (Floyd and Warshall)."""
    best = gain.copy()
    for through in range(len(best)):
        best = np.maximum(best, best[:, through, None] + best[None, through, :])
    return best


def _is_separated(shown: NDArray[np.float64], won: NDArray[np.float64], group: NDArray[np.intp]) -> bool:
    """Whether a change of strengths and side exists that no vote speaks against.

    Each vote then bounds the winner's strength less the loser's from below: by 0 when the side stays, by -1
    or 1 when it moves one up or down. Strengths within such bounds exist unless some round trip of arms has a
    gain above 0 (a system of difference constraints). With the side at rest they always do, all equal; others
    exist unless each arm of a group leads to each other by steps from loser to winner.
    """
    on_left, on_right = won.T > 0, shown - won > 0  # from the loser to the winner
    together = (group[:, None] == group) & (group >= 0)[:, None] & ~np.eye(len(group), dtype=bool)
    if (_closure(np.where(on_left | on_right, 0.0, -np.inf))[together] < 0).any():
        return True
    return any(
        (np.diagonal(_closure(np.where(up, 1.0, np.where(down, -1.0, -np.inf)))) <= 0).all()
        for up, down in ((on_right, on_left), (on_left, on_right))
    )


def _basis(group: NDArray[np.intp]) -> NDArray[np.float64]:
    """The matrix from free coefficients to strengths about a group's mean: a column fewer than its arms."""
    columns = []
    for name in sorted({*group.tolist()} - {-1}):
        members = np.flatnonzero(group == name)
        for member in members[1:]:
            column = np.zeros(len(group))
            column[members] = -1 / len(members)
            column[member] += 1
            columns.append(column)
    return np.array(columns).reshape(len(columns), len(group)).T


def _rows(left: NDArray[np.intp], right: NDArray[np.intp], basis: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.column_stack([basis[left] - basis[right], np.ones(len(left))])


def _maximum(
    shown: NDArray[np.float64], won: NDArray[np.float64], basis: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coefficients of the greatest likelihood, and the information there (Newton, halving steps)."""
    lefts, rights = np.nonzero(shown)
    rows, count, wins = _rows(lefts, rights, basis), shown[lefts, rights], won[lefts, rights]

    def likelihood(at: NDArray[np.float64]) -> float:
        return float(wins @ (rows @ at) - count @ np.logaddexp(0, rows @ at))

    at = np.zeros(rows.shape[1])
    information = np.eye(len(at))
    for _ in range(_ITERATIONS):
        chance = special.expit(rows @ at)
        information = (rows.T * (count * chance * (1 - chance))) @ rows
        step = np.linalg.solve(information, rows.T @ (wins - count * chance))
        while likelihood(at + step) < likelihood(at) - _CONVERGED * count.sum():
            step = step / 2
        at = at + step
        if np.abs(step).max() < _CONVERGED:
            break
    return at, information


def _cluster_covariance(
    rows: NDArray[np.float64],
    residuals: NDArray[np.float64],
    cluster: NDArray[np.intp],
    information: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Covariance of the coefficients when residuals of one cluster may be alike in any way."""
    count, free = rows.shape
    clusters = int(cluster.max()) + 1
    scores = np.column_stack([np.bincount(cluster, weights=column * residuals) for column in rows.T])
    inverse = np.linalg.inv(information)
    factor = clusters / (clusters - 1) * (count - 1) / (count - free)
    covariance: NDArray[np.float64] = factor * inverse @ (scores.T @ scores) @ inverse
    return covariance
