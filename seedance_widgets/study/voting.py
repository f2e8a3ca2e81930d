"""Blind votes: what a rater is shown next, and what they say of it, on disk at once."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Any

from seedance_widgets.errors import InvalidStudy
from seedance_widgets.study.fates import fates_of
from seedance_widgets.study.trials import Draw, Trial, TrialList
from seedance_widgets.study.votes import CHOICES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from seedance_widgets.log.rows import Row
    from seedance_widgets.log.studies import Studies
    from seedance_widgets.study.design import Design, Slot
    from seedance_widgets.study.fates import Fate
    from seedance_widgets.study.trials import Pairing

__all__ = ["Voting"]

_LONGEST = 128


class Voting:
    """The ballot box of one study.

    Parameters
    ----------
    name, design
        Of the study.
    log
        Where votes go.
    absolute
        Makes a path of a stored one.
    """

    def __init__(
        self, name: str, design: Design, secret: str, log: Studies, absolute: Callable[[str], Path | None]
    ) -> None:
        self._name = name
        self._design = design
        self._log = log
        self._absolute = absolute
        self._draw = cache(lambda rater: Draw(design, f"{name}\0{secret}", rater))

    def trials(self, rater: str) -> TrialList:
        """All trials of a rater, as far as their clips are here."""
        made = self._made()
        shown = self._shown(rater, made)
        done = self._done(rater)
        listed = [self._trial(pair, made) for pair in shown]
        return TrialList(listed, rater, sum(pair.id in done for pair in shown))

    def next_trial(self, rater: str) -> Trial | None:
        """The first trial that the rater has not voted on, by every criterion; None after the last."""
        self._refuse_revealed()
        made, done = self._made(), self._done(rater)
        pair = next((pair for pair in self._shown(rater, made) if pair.id not in done), None)
        return None if pair is None else self._trial(pair, made)

    def progress(self, rater: str) -> tuple[int, int]:
        """How many trials the rater has voted on, and of how many."""
        trials = self.trials(rater)
        return trials.done, len(trials)

    def cast(self, votes: Iterable[Mapping[str, Any]]) -> None:
        """Write votes in one transaction: rater, trial, choice, criterion, seconds, sound.

        Raises
        ------
        InvalidStudy
            One makes no sense, or the study was revealed; none was written.
        """
        made = self._made()
        self._log.cast(self._name, [self._checked(made, **vote) for vote in votes])

    def undo(self, rater: str) -> Trial | None:
        """Take back the rater's last vote; returns its trial, None where there is none."""
        _refuse_name(rater)
        trial = self._log.undo(self._name, rater)
        pair = self._draw(rater).find(trial) if trial else None
        made = self._made()
        if pair is None or pair.left not in made or pair.right not in made:
            return None
        return self._trial(pair, made)

    def pairings(self, rater: str) -> list[Pairing]:
        """What is behind `trials`; not for those who vote."""
        return self._shown(rater, self._made())

    # --- inside ------------------------------------------------------------------------------------------

    def _made(self) -> dict[Slot, Fate]:
        fates = fates_of(self._design, self._log.tasks(self._name))
        return {slot: fate for slot, fate in fates.items() if fate.state == "made"}

    def _shown(self, rater: str, made: Mapping[Slot, Fate]) -> list[Pairing]:
        _refuse_name(rater)
        return self._draw(rater).shown(made)

    def _done(self, rater: str) -> set[str]:
        """Trials that the rater has answered by every criterion."""
        answered: dict[str, set[str | None]] = {}
        for vote in self._log.votes(self._name, rater):
            answered.setdefault(vote["trial"], set()).add(vote["criterion"])
        wanted: set[str | None] = set(self._design.criteria) or {None}
        return {trial for trial, criteria in answered.items() if criteria >= wanted}

    def _trial(self, pair: Pairing, made: Mapping[Slot, Fate]) -> Trial:
        return Trial(pair.id, self._file(made[pair.left]), self._file(made[pair.right]))

    def _file(self, fate: Fate) -> Path:
        row = fate.row or {}
        path = self._absolute(row.get("preview_path") or row["video_path"])
        assert path is not None
        return path

    def _checked(
        self,
        made: Mapping[Slot, Fate],
        *,
        rater: str,
        trial: str,
        choice: str,
        criterion: str | None = None,
        seconds: float | None = None,
        sound: bool | None = None,
    ) -> Row:
        _refuse_name(rater)
        pair = self._draw(rater).find(trial)
        if pair is None or pair.left not in made or pair.right not in made:
            raise InvalidStudy(f"{rater} has no trial {trial!r} in the study {self._name!r}")
        if choice not in CHOICES:
            raise InvalidStudy(f"choice={choice!r} is none of {', '.join(CHOICES)}")
        criteria = self._design.criteria or (None,)
        if criterion not in criteria:
            named = ", ".join(map(repr, criteria))
            raise InvalidStudy(f"criterion={criterion!r}: this study asks for {named}")
        if seconds is not None and not (math.isfinite(seconds) and seconds >= 0):
            raise InvalidStudy(f"seconds={seconds!r} is no time")
        left, right = made[pair.left].row or {}, made[pair.right].row or {}
        return {
            "rater": rater,
            "trial": trial,
            "left_key": left["key"],
            "right_key": right["key"],
            "choice": choice,
            "criterion": criterion,
            "kind": pair.kind,
            "seconds": seconds,
            "sound": sound,
        }

    def _refuse_revealed(self) -> None:
        if self._log.revealed_at(self._name) is not None:
            raise InvalidStudy(f"the study {self._name!r} was revealed: blind voting has ended")


def _refuse_name(rater: str) -> None:
    if not isinstance(rater, str) or not rater.strip() or len(rater) > _LONGEST:
        raise InvalidStudy(f"rater={rater!r}: a name is a text of at most {_LONGEST} characters")
