"""How many pairs a study needs before anything is spent on it.

The count is that of the exact two-sided sign test at 0.05 on independent decisive pairs, one vote each: the
fewest from which on the power never falls below what is asked (it goes down and up again from one count to
the next). Ties are lost, so the count is divided by 1 - ties; votes on one item are alike, so it is
multiplied by the design effect 1 + (votes - 1) * icc. Several pairs of arms or criteria share the 0.05.

The power that a plan states is that of the win rate in ``results``, for the whole numbers that came out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from seedance_widgets.errors import InvalidStudy
from seedance_widgets.study.results.win_rates import ALPHA, FEWEST, win_rates
from seedance_widgets.units import count_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Plan", "decisive_pairs", "design_effect", "expected_power", "plan", "sign_test_power"]

# A win rate nearer to a half than this asks for more clips than anyone will make.
_NEAREST = 0.001
# A study whose items differ by 1 logit (standard deviation) has 0.18 at even rates.
_USUAL_ICC = 0.2
# draws of an item's rate in all, and the fewest and most studies that these are shared out to
_DRAWS, _STUDIES = 2_000_000, (1_000, 4_000)


@dataclass(frozen=True)
class Plan:
    """What a study needs to find a win rate of ``win_rate`` with a chance of ``power``.

    ``decisive`` are independent decisive pairs, ``wins_needed`` of which one arm must win; ``votes`` is the
    number of votes for each pair of arms and criterion with ties and ``design_effect`` allowed for. ``items``
    each with ``seeds`` seeds give ``pairs`` of clips for each pair of arms, and ``clips`` in all. ``power``
    is what these whole numbers come to, ``notes`` what to know about them. ``unit`` is what an item
    is called: a study without items counts its seeds.
    """

    win_rate: float
    power: float
    decisive: int
    wins_needed: int
    design_effect: float
    votes: int
    items: int
    seeds: int
    raters: int
    pairs: int
    clips: int
    notes: tuple[str, ...] = ()
    unit: str = "item"

    @property
    def size(self) -> str:
        """As in "12 items x 2 seeds, 24 pairs, 48 clips"."""
        seeds = f" x {count_text(self.seeds, 'seed')}" if self.unit == "item" else ""
        pairs, clips = count_text(self.pairs, "pair"), count_text(self.clips, "clip")
        return f"{count_text(self.items, self.unit)}{seeds}, {pairs}, {clips}"

    def __repr__(self) -> str:
        head = f"{self.size}; a win rate of {self.win_rate:.0%} is found with a chance of {self.power:.0%}"
        return "\n".join([head, *(f"  note: {note}" for note in self.notes)])


def plan(
    win_rate: float,
    power: float = 0.8,
    *,
    ties: float = 0.0,
    icc: float = _USUAL_ICC,
    seeds: int = 1,
    raters: int = 1,
    arms: int = 2,
    criteria: int = 1,
    items: int | None = None,
    unit: str = "item",
) -> Plan:
    """Say how many items and clips it takes to find a difference between two arms.

    Parameters
    ----------
    win_rate
        The true share of decisive votes that one arm wins, a mean over items, not 0.5.
    power
        The chance, between 0 and 1, of a significant result where that is the truth.
    ties
        Share of votes that are ties, from 0 to below 1.
    icc
        How alike votes on one item are, from 0 (not at all) to 1 (each item decides all its votes).
    seeds, raters
        Pairs of clips an item, and raters who vote on each pair; their product is the votes on an item.
    arms, criteria
        All pairs of arms are compared on all criteria, and the level of 0.05 is shared out evenly.
    items
        What the study has, if that is settled. Then the plan is for so many, and its notes say what is
        missing.
    unit
        What an item is called.

    Raises
    ------
    InvalidStudy
        A number is outside its range, or the win rate is within 0.001 of a half.
    """
    _check(
        win_rate, power, ties, icc, {"seeds": seeds, "raters": raters, "arms": arms - 1, "criteria": criteria}
    )
    level = ALPHA / (arms * (arms - 1) // 2 * criteria)
    per_item = seeds * raters
    decisive = decisive_pairs(win_rate, power, level)
    effect = design_effect(per_item, icc)
    enough = max(FEWEST, _whole(decisive / (1 - ties) * effect / per_item))
    expected = partial(expected_power, win_rate, votes_per_item=per_item, ties=ties, icc=icc, level=level)
    # the design effect says nothing of how badly a few items tell their own spread
    while per_item > 1 and expected(enough) < power:
        enough += max(1, enough // 50)
    used = enough if items is None else items
    return Plan(
        win_rate=win_rate,
        power=expected(used),
        decisive=decisive,
        wins_needed=decisive - int(_most_losses(np.array([decisive]), level)[0]),
        design_effect=effect,
        votes=used * per_item,
        items=used,
        seeds=seeds,
        raters=raters,
        pairs=used * seeds,
        clips=used * seeds * arms,
        notes=() if items is None else tuple(_shortfall(items, enough, unit)),
        unit=unit,
    )


def design_effect(votes_per_item: float, icc: float) -> float:
    """How many votes on one item are worth one independent vote."""
    return 1 + (votes_per_item - 1) * icc


def decisive_pairs(win_rate: float, power: float = 0.8, level: float = ALPHA) -> int:
    """Fewest independent decisive pairs from which on the sign test has that power.

    Raises
    ------
    InvalidStudy
        The win rate is within 0.001 of a half.
    """
    rate = max(win_rate, 1 - win_rate)
    if rate - 0.5 < _NEAREST:
        raise InvalidStudy(f"win_rate={win_rate}: a difference this small cannot be planned for")
    spread = math.sqrt(rate * (1 - rate))
    about = ((special.ndtri(1 - level / 2) / 2 + special.ndtri(power) * spread) / (rate - 0.5)) ** 2
    counts = np.arange(1, int(1.5 * about) + 100)
    short = sign_test_power(counts, rate, level) < power
    return int(counts[short][-1]) + 1


def sign_test_power(pairs: NDArray[np.int64], win_rate: float, level: float = ALPHA) -> NDArray[np.float64]:
    """Chance that the exact two-sided sign test is significant, for each number of decisive pairs."""
    losses = _most_losses(pairs, level)
    possible = losses >= 0
    below = special.bdtr(np.maximum(losses, 0), pairs, win_rate)
    above = special.bdtr(np.maximum(losses, 0), pairs, 1 - win_rate)
    return np.where(possible, below + above, 0.0)


def _most_losses(pairs: NDArray[np.int64], level: float) -> NDArray[np.int64]:
    """Most losses that are still significant for the winner; -1 where none are."""
    losses = np.floor(special.bdtrik(level / 2, pairs, 0.5))
    losses = np.where(np.isnan(losses), -1, losses)
    # the inverse is good to rounding only
    for step in (1.0, 0.0):
        one = losses + step
        fits = (one >= 0) & (special.bdtr(np.maximum(one, 0), pairs, 0.5) <= level / 2)
        losses = np.where(fits, one, losses if step else losses - 1)
    return np.maximum(losses, -1).astype(np.int64)


def expected_power(
    win_rate: float, items: int, votes_per_item: int, *, ties: float, icc: float, level: float = ALPHA
) -> float:
    """Chance that a study's win rate is significant at ``level``, by simulation with a fixed seed.

    Each item has a win rate of its own from a beta distribution about ``win_rate``, as wide as ``icc`` says.
    """
    if items < FEWEST:
        return 0.0
    chance = np.random.default_rng(0)
    size = (int(np.clip(_DRAWS / items, *_STUDIES)), items)
    if icc in {0, 1} or win_rate in {0, 1}:
        own = np.full(size, win_rate) if icc < 1 else chance.binomial(1, win_rate, size).astype(np.float64)
    else:
        alike = 1 / icc - 1
        own = chance.beta(win_rate * alike, (1 - win_rate) * alike, size)
    decisive = chance.binomial(votes_per_item, 1 - ties, size)
    wins = chance.binomial(decisive, own).astype(np.float64)
    return float(np.mean(win_rates(wins, decisive - wins).p < level))


def _shortfall(items: int, enough: int, unit: str) -> list[str]:
    notes = []
    if items < FEWEST:
        few = count_text(items, unit)
        notes.append(f"{few} can never reach significance: it takes {FEWEST} independent ones")
    if items < enough:
        notes.append(f"{enough:,} {unit}s are needed for the power that was asked")
    return notes


def _whole(value: float) -> int:
    """Rounded up, but not for what division leaves in the tenth place."""
    return math.ceil(round(value, 9))


def _check(win_rate: float, power: float, ties: float, icc: float, counts: dict[str, int]) -> None:
    ranges = {
        "win_rate": (win_rate, 0 <= win_rate <= 1, "0 to 1"),
        "power": (power, 0 < power < 1, "between 0 and 1"),
        "ties": (ties, 0 <= ties < 1, "0 to below 1"),
        "icc": (icc, 0 <= icc <= 1, "0 to 1"),
    }
    wrong = [f"{name}={value} is not {wanted}" for name, (value, good, wanted) in ranges.items() if not good]
    wrong += [f"{name} is too small" for name, value in counts.items() if value < 1]
    if wrong:
        raise InvalidStudy("; ".join(wrong))
