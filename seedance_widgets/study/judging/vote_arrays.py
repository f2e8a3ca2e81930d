"""The table of votes, checked once and turned into whole numbers.

One row is one answer of one rater on one criterion. ``kind`` tells a ``real`` vote, the only one that results
count, from a ``catch`` (twice the same clip, nothing to prefer) and a ``repeat`` (a real pair shown again,
usually with its sides swapped). A ``skip`` says nothing and is only counted.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from seedance_widgets.errors import InvalidStudy
from seedance_widgets.units import count_text

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

    from numpy.typing import NDArray

__all__ = ["CHOICES", "KINDS", "Votes", "pair_ids", "read_votes"]

CHOICES = ("left", "right", "tie", "skip")
KINDS = ("real", "catch", "repeat")

_LEFT, _RIGHT, _TIE, _SKIP = range(len(CHOICES))
_NEEDED = ("rater", "arm_left", "arm_right", "choice")


@dataclass(frozen=True)
class Votes:
    """Votes as whole numbers: every array has one entry a vote, an index into the list of that name.

    ``unit`` says what counts as independent, ``"item"`` or ``"seed"``, and ``units`` names them. ``clip`` is
    the item with its seed, what all arms share within a pair. ``low`` and ``high`` are the pair's arms in the
    order of ``arms``; ``score`` is 1 where ``low`` won, 0 where it lost, 0.5 for a tie, NaN for a skip.
    """

    arms: list[Hashable]
    criteria: list[Hashable]
    raters: list[Hashable]
    units: list[Hashable]
    unit: str
    clips_per_unit: float
    criterion: NDArray[np.intp]
    rater: NDArray[np.intp]
    of_unit: NDArray[np.intp]
    clip: NDArray[np.intp]
    left: NDArray[np.intp]
    right: NDArray[np.intp]
    choice: NDArray[np.intp]
    kind: NDArray[np.intp]
    seconds: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.choice)

    def where(self, chosen: NDArray[np.bool_]) -> Votes:
        """The votes for which ``chosen`` is true, under the same names."""
        return replace(
            self,
            **{
                field.name: getattr(self, field.name)[chosen]
                for field in fields(self)
                if isinstance(getattr(self, field.name), np.ndarray)
            },
        )

    def is_kind(self, kind: str) -> NDArray[np.bool_]:
        """Whether each is of that one of `KINDS`."""
        return np.equal(self.kind, KINDS.index(kind))

    def of_kind(self, kind: str) -> Votes:
        """Votes of one of `KINDS`."""
        return self.where(self.is_kind(kind))

    def by_criterion(self) -> Iterator[tuple[Hashable, Votes]]:
        """Each criterion with its votes."""
        for number, name in enumerate(self.criteria):
            yield name, self.where(self.criterion == number)

    def by_pair(self) -> Iterator[tuple[tuple[int, int], Votes]]:
        """Each pair of arms that was voted on, as indices into ``arms``, with its votes."""
        low, high = self.low, self.high
        for first, second in sorted(set(zip(low.tolist(), high.tolist(), strict=True))):
            yield (first, second), self.where((low == first) & (high == second))

    @property
    def low(self) -> NDArray[np.intp]:
        """The arm of the pair that comes first in ``arms``."""
        return np.minimum(self.left, self.right)

    @property
    def high(self) -> NDArray[np.intp]:
        """The arm of the pair that comes second in ``arms``."""
        return np.maximum(self.left, self.right)

    @property
    def score(self) -> NDArray[np.float64]:
        """What the pair's first arm got: 1, 0, or 0.5 for a tie; NaN for a skip."""
        first_won = (self.choice == _LEFT) == (self.left < self.right)
        score = np.where(first_won, 1.0, 0.0)
        score[self.is_tie] = 0.5
        score[self.choice == _SKIP] = np.nan
        return score

    @property
    def is_decisive(self) -> NDArray[np.bool_]:
        """Whether one side was chosen."""
        return np.less_equal(self.choice, _RIGHT)

    @property
    def is_tie(self) -> NDArray[np.bool_]:
        """Whether the two were called equal."""
        return np.equal(self.choice, _TIE)

    @property
    def is_left(self) -> NDArray[np.bool_]:
        """Whether the left side was chosen."""
        return np.equal(self.choice, _LEFT)


def read_votes(votes: pd.DataFrame, arms: Sequence[Hashable] | None = None) -> Votes:
    """Check a table of votes and number what is in it.

    Parameters
    ----------
    votes
        Columns ``rater``, ``item``, ``seed``, ``arm_left``, ``arm_right``, ``choice`` (one of `CHOICES`),
        ``criterion``, ``kind`` (one of `KINDS`) and ``seconds`` that the vote took. Either ``item`` or
        ``seed`` may be left out or empty, and so may ``criterion``, ``kind`` (then all are real) and
        ``seconds``.
    arms
        All arms in the order in which pairs are to name them; without it those voted on, sorted.

    Returns
    -------
    Votes
        In the order of the table.

    Raises
    ------
    InvalidStudy
        A column is missing, a value is not one of those allowed, an item is missing on some rows only, a
        catch shows two arms or a real vote one, or a rater has two real votes on one pair and criterion.
    """
    _refuse_missing(votes)
    items, seeds = _column(votes, "item"), _column(votes, "seed")
    if items.isna().all() and seeds.isna().all() and len(votes):
        raise InvalidStudy(
            "votes name neither an item nor a seed: nothing tells which of them belong together"
        )
    unit = "seed" if items.isna().all() else "item"
    unit_values = seeds if unit == "seed" else items
    if unit_values.isna().any():
        nameless = count_text(int(unit_values.isna().sum()), "vote")
        raise InvalidStudy(f"no {unit} in {nameless}, while others have one")
    of_unit, units = _number_values(unit_values)
    of_seed, seed_names = _number_values(seeds)
    of_clip, clips = _number_values(pd.Series(of_unit * (len(seed_names) + 1) + of_seed))
    order = _arms(votes, arms)
    criterion, criteria = _number_values(_column(votes, "criterion", "preference"))
    rater, raters = _number_values(votes["rater"])
    read = Votes(
        arms=order,
        criteria=criteria,
        raters=raters,
        units=units,
        unit=unit,
        clips_per_unit=len(clips) / max(1, len(units)),
        criterion=criterion,
        rater=rater,
        of_unit=of_unit,
        clip=of_clip,
        left=_codes_of(votes["arm_left"], order, "arm_left"),
        right=_codes_of(votes["arm_right"], order, "arm_right"),
        choice=_codes_of(votes["choice"], CHOICES, "choice"),
        kind=_codes_of(_column(votes, "kind", "real"), KINDS, "kind"),
        seconds=np.array(pd.to_numeric(_column(votes, "seconds")).astype("Float64"), dtype=np.float64),
    )
    _refuse_wrong_pairs(read)
    _refuse_second_votes(read)
    return read


def pair_ids(votes: Votes) -> NDArray[np.intp]:
    """A number for rater, criterion, clip and pair of arms: what a rater answers once."""
    number = votes.rater
    for codes in (votes.criterion, votes.clip, votes.low, votes.high):
        number = number * (int(codes.max(initial=0)) + 1) + codes
    return number


def _refuse_missing(votes: pd.DataFrame) -> None:
    missing = [name for name in _NEEDED if name not in votes.columns]
    if missing:
        raise InvalidStudy(f"votes have no column {', '.join(missing)}")
    for name in _NEEDED:
        if votes[name].isna().any():
            raise InvalidStudy(f"no {name} in {count_text(int(votes[name].isna().sum()), 'vote')}")


def _refuse_wrong_pairs(votes: Votes) -> None:
    same, catch = votes.left == votes.right, votes.is_kind("catch")
    if (same & ~catch).any():
        wrong = count_text(int((same & ~catch).sum()), "vote")
        raise InvalidStudy(f"an arm against itself in {wrong}: only a catch trial shows that")
    if (catch & ~same).any():
        wrong = count_text(int((catch & ~same).sum()), "catch trial")
        raise InvalidStudy(f"two different arms in {wrong}: it shows one clip twice")


def _refuse_second_votes(votes: Votes) -> None:
    real = votes.of_kind("real")
    more = len(real) - len(np.unique(pair_ids(real)))
    if more:
        raise InvalidStudy(
            f"{count_text(more, 'real vote')} too many: each would repeat a rater's vote on the same pair, "
            "and a repeat has that kind"
        )


def _arms(votes: pd.DataFrame, arms: Sequence[Hashable] | None) -> list[Hashable]:
    if arms is not None:
        return list(dict.fromkeys(arms))
    found: set[Any] = {*votes["arm_left"].unique(), *votes["arm_right"].unique()}
    return sorted(found, key=str)


def _column(votes: pd.DataFrame, name: str, default: str | None = None) -> pd.Series[Any]:
    if name in votes.columns:
        column = votes[name]
        return column if default is None else column.fillna(default)
    return pd.Series([default] * len(votes), index=votes.index, dtype="object")


def _number_values(column: pd.Series[Any]) -> tuple[NDArray[np.intp], list[Hashable]]:
    codes, names = pd.factorize(column)
    return codes.astype(np.intp), list(names)


def _codes_of(column: pd.Series[Any], known: Sequence[Hashable], name: str) -> NDArray[np.intp]:
    codes = pd.Index(list(known), dtype=object).get_indexer(pd.Index(column, dtype=object))
    if (codes < 0).any():
        strange = sorted({repr(value) for value in column[codes < 0]})
        raise InvalidStudy(f"{name} is {', '.join(strange[:3])}; known are {', '.join(map(repr, known))}")
    return codes.astype(np.intp)
