"""Which pairs of clips a rater is shown, in which order and on which sides.

All of it follows from the study's definition and the rater's name: a list can be made again at any time, on
any machine. Chance is a hash, and what it decides about a pair does not depend on what else can be shown, so
that clips that come later find their place among those already judged.

Every pair of arms is shown on every item and seed. Of two arms each is on the left in half of their trials,
or in one more, and within an item as evenly as its seeds allow. About a tenth more are catch trials, twice
the same clip, and as many repeats of early pairs with their sides swapped, late in the list.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple, overload

if TYPE_CHECKING:
    from collections.abc import Container
    from pathlib import Path

    from seedance_widgets.study.making.design import Design, Slot

__all__ = ["Draw", "Judgement", "Pairing", "Trial", "TrialList"]

_SHARE = 0.1
_FEWEST_PAIRS = 10
_ID = 20


@dataclass(frozen=True)
class Trial:
    """Two clips to choose between. ``id`` is opaque, ``left`` and ``right`` are the clips' files.

    The paths are for playing only: a file's name leads to its task, so show neither name nor path.
    """

    id: str
    left: Path = field(repr=False)
    right: Path = field(repr=False)


class Judgement(NamedTuple):
    """What a rater says of a trial; ``seconds`` is how long it took, ``sound`` whether sound was on."""

    trial: str
    rater: str
    choice: str
    criterion: str | None = None
    seconds: float | None = None
    sound: bool | None = None


class TrialList(Sequence[Trial]):
    """One rater's trials in the order they are shown; ``done`` of them have been voted on."""

    def __init__(self, trials: Sequence[Trial], rater: str, done: int) -> None:
        self._trials = tuple(trials)
        self.rater = rater
        self.done = done

    @overload
    def __getitem__(self, at: int) -> Trial: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Trial]: ...
    def __getitem__(self, at: int | slice) -> Trial | Sequence[Trial]:
        return self._trials[at]

    def __len__(self) -> int:
        return len(self._trials)

    def __repr__(self) -> str:
        return f"{len(self)} trials for {self.rater}, {self.done} of them done"


@dataclass(frozen=True)
class Pairing:
    """The secret of a trial: the clip on each side, and its kind (real, catch or repeat)."""

    id: str
    left: Slot
    right: Slot
    kind: str


class Draw:
    """Everything that may be shown to one rater.

    Parameters
    ----------
    design
        Of the study.
    secret
        What chance follows from: the study's name and definition.
    rater
        Whose draw it is.
    """

    def __init__(self, design: Design, secret: str, rater: str) -> None:
        self._design = design
        self._secret = hashlib.sha256(f"{secret}\0{rater}".encode()).digest()

    def find(self, trial: str) -> Pairing | None:
        """The pairing of a trial's id, None if this rater is never shown it."""
        return self._by_id.get(trial)

    def pairings(self, available: Container[Slot]) -> list[Pairing]:
        """The pairings to show, in order: those with both clips available, with catches and repeats."""
        real = [pair for pair in self._real if pair.left in available and pair.right in available]
        extra = max(1, round(_SHARE * len(real))) if len(real) >= _FEWEST_PAIRS else 0
        clips = {slot for pair in real for slot in (pair.left, pair.right)}
        catches = sorted((catch for catch in self._catches if catch.left in clips), key=self._turn)[:extra]
        order = sorted([*real, *catches], key=self._turn)
        early = [pair for pair in order[: max(extra, len(order) // 3)] if pair.kind == "real"]
        repeats = [self._repeats[pair.id] for pair in sorted(early, key=self._lot)[:extra]]
        half = len(order) // 2
        return [*order[:half], *sorted([*order[half:], *repeats], key=self._turn)]

    @cached_property
    def _real(self) -> list[Pairing]:
        return [
            pair for one, other in combinations(self._design.arms, 2) for pair in self._pair_up(one, other)
        ]

    @cached_property
    def _catches(self) -> list[Pairing]:
        return [self._pairing(clip.slot, clip.slot, "catch") for clip in self._design.clips]

    @cached_property
    def _repeats(self) -> dict[str, Pairing]:
        return {pair.id: self._pairing(pair.right, pair.left, "repeat") for pair in self._real}

    @cached_property
    def _by_id(self) -> dict[str, Pairing]:
        return {pair.id: pair for pair in (*self._real, *self._catches, *self._repeats.values())}

    def _pair_up(self, one: str, other: str) -> list[Pairing]:
        """Two arms on every item and seed, each on the left by turns."""
        cells = sorted(
            self._design.cells,
            key=lambda cell: (
                self._chance("item", one, other, cell[0]),
                self._chance("seed", one, other, *cell),
            ),
        )
        first = self._chance("first", one, other)[0] % 2
        pairs = []
        for at, cell in enumerate(cells):
            left, right = (one, other) if (at + first) % 2 else (other, one)
            pairs.append(self._pairing((left, *cell), (right, *cell), "real"))
        return pairs

    def _pairing(self, left: Slot, right: Slot, kind: str) -> Pairing:
        return Pairing(self._chance(kind, *left, *right).hex()[:_ID], left, right, kind)

    def _turn(self, pair: Pairing) -> bytes:
        return self._chance("turn", pair.id)

    def _lot(self, pair: Pairing) -> bytes:
        return self._chance("lot", pair.id)

    def _chance(self, *of: object) -> bytes:
        return hmac.digest(self._secret, repr(of).encode(), "sha256")
