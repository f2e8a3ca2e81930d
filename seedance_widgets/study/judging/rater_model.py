"""A rater with known preferences, to try a study on before people do.

Each arm has a strength in log odds, and each item shifts it by a draw of its own, so that an arm that is
better on the whole is worse on some items. A vote is a tie with a fixed chance; otherwise the left clip wins
with log odds of its arm's strength on this item less the other's, plus the pull of the left side. A careless
answer is left, right or tie at random. A catch trial, twice the same clip, is called a tie unless careless.

The *true win rate* of an arm against another is the mean over all items that could be drawn: of the chance
that a decisive vote on an item goes to that arm, with sides balanced. It lies nearer to 0.5 than the
strengths alone say, for items differ; `RaterModel.with_rate` finds strengths for a given one.

What an item does to an arm depends on nothing but the model's seed and their names, so raters agree about it,
one trial can be judged at a time, and a run can be repeated.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import special

from seedance_widgets.errors import InvalidStudy
from seedance_widgets.study.judging.vote_arrays import CHOICES

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["RaterModel", "trials"]

_LEFT, _RIGHT, _TIE = range(3)
# points of Gauss and Hermite's rule, and how widely strengths are searched, in log odds
_POINTS = 96
_WIDEST = 40.0


@dataclass(frozen=True)
class RaterModel:
    """How simulated raters choose.

    Parameters
    ----------
    strengths
        Arm to strength in log odds.
    item_sd
        Standard deviation over items of the difference between two arms, in log odds.
    side_pull
        Log odds by which the left of two equal clips is preferred.
    ties, careless
        Share of votes that are ties, and of answers given at random, 0 to 1.
    seconds
        Median time of a vote in seconds.
    seed
        Of what items do to arms.

    Raises
    ------
    InvalidStudy
        A number is outside its range.

    Examples
    --------
    >>> model = RaterModel({"plain": 0.0, "camera": 0.8}, ties=0.1)
    >>> round(model.win_rate("camera", "plain"), 2)
    0.66
    """

    strengths: Mapping[Hashable, float]
    item_sd: float = 1.0
    side_pull: float = 0.0
    ties: float = 0.0
    careless: float = 0.0
    seconds: float = 8.0
    seed: int = 0
    _effects: dict[tuple[Hashable, Hashable], float] = field(
        init=False, default_factory=dict, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        shares = {"ties": self.ties, "careless": self.careless}
        wrong = [f"{name}={value} is not 0 to 1" for name, value in shares.items() if not 0 <= value <= 1]
        if not self.item_sd >= 0:
            wrong.append(f"item_sd={self.item_sd} is below 0")
        if not self.seconds > 0:
            wrong.append(f"seconds={self.seconds} is no time")
        if wrong:
            raise InvalidStudy("; ".join(wrong))

    @classmethod
    def with_rate(cls, rate: float, arms: Sequence[Hashable], **others: float) -> RaterModel:
        """Arms of which the first has a true win rate against each of the others, which are alike.

        Parameters
        ----------
        rate
            Between 0 and 1.
        arms
            Their names, two or more.
        **others
            Further parameters of the model.

        Raises
        ------
        InvalidStudy
            No strengths give that rate: answers given at random keep every rate away from 0 and 1.
        """
        first, second = arms[:2]
        low, high = -_WIDEST, _WIDEST

        def model(difference: float) -> RaterModel:
            return cls({**dict.fromkeys(arms, 0.0), first: difference}, **others)  # type: ignore[arg-type]

        if not model(low).win_rate(first, second) < rate < model(high).win_rate(first, second):
            raise InvalidStudy(f"no strengths give a win rate of {rate}")
        while high - low > 1e-12 * _WIDEST:
            middle = (low + high) / 2
            low, high = (middle, high) if model(middle).win_rate(first, second) < rate else (low, middle)
        return model((low + high) / 2)

    def win_rate(self, arm: Hashable, other: Hashable) -> float:
        """The true win rate of an arm against another, 0 to 1."""
        points, weights = special.roots_hermitenorm(_POINTS)
        weights = weights / weights.sum()
        logits = self.strengths[arm] - self.strengths[other] + self.item_sd * points
        shown = (special.expit(logits + self.side_pull) + special.expit(logits - self.side_pull)) / 2
        meant, at_random = (1 - self.careless) * (1 - self.ties), self.careless * 2 / 3
        return float((meant * (weights @ shown) + at_random / 2) / (meant + at_random))

    def judge(self, shown: pd.DataFrame, seed: int) -> pd.DataFrame:
        """Votes on trials.

        Parameters
        ----------
        shown
            Trials with columns ``item`` (or, without items, ``seed``), ``arm_left`` and ``arm_right``, as
            made by `trials`; further columns are kept.
        seed
            Of the chances of these answers.

        Returns
        -------
        pandas.DataFrame
            The same rows with ``choice`` and ``seconds``.

        Raises
        ------
        InvalidStudy
            An arm has no strength.
        """
        unknown = {*shown["arm_left"], *shown["arm_right"]} - {*self.strengths}
        if unknown:
            raise InvalidStudy(f"the model knows no strength of {', '.join(sorted(map(str, unknown)))}")
        chance = np.random.default_rng(seed)
        by_item = "item" in shown and not shown["item"].isna().all()
        items = shown["item" if by_item else "seed"]
        left, right = shown["arm_left"].to_numpy(), shown["arm_right"].to_numpy()
        logits = self._on_items(items, left) - self._on_items(items, right) + self.side_pull
        count = len(shown)
        choice = np.where(chance.random(count) < special.expit(logits), _LEFT, _RIGHT)
        choice[(chance.random(count) < self.ties) | (left == right)] = _TIE
        careless = chance.random(count) < self.careless
        choice[careless] = chance.integers(0, 3, size=int(careless.sum()))
        seconds = self.seconds * np.exp(0.5 * chance.standard_normal(count))
        return shown.assign(choice=np.array(CHOICES, dtype=object)[choice], seconds=seconds)

    def _on_items(self, items: pd.Series[Any], arms: NDArray[np.object_]) -> NDArray[np.float64]:
        return np.array([self._strength(*pair) for pair in zip(items, arms, strict=True)], dtype=np.float64)

    def _strength(self, item: Hashable, arm: Hashable) -> float:
        """The strength of an arm on an item."""
        known = self._effects.get((item, arm))
        if known is None:
            digest = hashlib.sha256(repr((self.seed, str(item), str(arm))).encode()).digest()
            uniform = (int.from_bytes(digest[:7], "big") + 0.5) / 2**56
            # both arms of a pair are shifted, and the two shifts together make up the difference
            known = self.strengths[arm] + self.item_sd / np.sqrt(2) * float(special.ndtri(uniform))
            self._effects[item, arm] = known
        return known


def trials(
    arms: Sequence[Hashable],
    *,
    items: Sequence[Hashable] = (),
    seeds: Sequence[int] = (0,),
    raters: Sequence[Hashable] = ("rater",),
    criteria: Sequence[Hashable] = ("preference",),
    catches: int = 0,
    repeats: int = 0,
    seed: int = 0,
) -> pd.DataFrame:
    """Every pair of arms on every item and seed for every rater, each with an order and sides of their own.

    Parameters
    ----------
    arms, items, seeds, raters, criteria
        What there is; without items the seeds stand alone.
    catches, repeats
        For each rater, so many clips are shown twice at once, and so many pairs again with sides swapped;
        they come last.
    seed
        Of order and sides. An arm is on the left in half of its trials against another, or in one more.
    """
    chance = np.random.default_rng(seed)
    pairs = [(one, other) for at, one in enumerate(arms) for other in arms[at + 1 :]]
    clips = [(item, number) for item in (items or [None]) for number in seeds]
    rows: list[tuple[object, ...]] = []
    for rater in raters:
        real: list[tuple[object, ...]] = []
        for one, other in pairs:
            sides = chance.permutation(np.arange(len(clips)) % 2 == chance.integers(2))
            real += [
                (rater, item, number, *((one, other) if first else (other, one)), "real")
                for (item, number), first in zip(clips, sides, strict=True)
            ]
        real = [real[at] for at in chance.permutation(len(real))]
        again = [real[at] for at in chance.permutation(len(real))[:repeats]]
        twice = [
            (
                rater,
                *clips[int(chance.integers(len(clips)))],
                *(arms[int(chance.integers(len(arms)))],) * 2,
                "catch",
            )
            for _ in range(catches)
        ]
        real += twice + [(*row[:3], row[4], row[3], "repeat") for row in again]
        rows += real
    columns = ["rater", "item", "seed", "arm_left", "arm_right", "kind"]
    shown = pd.DataFrame(rows, columns=columns)
    return shown.merge(pd.DataFrame({"criterion": list(criteria)}), how="cross")
