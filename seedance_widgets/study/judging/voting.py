"""Blind votes: what a rater is shown next, and what they say of it, on disk at once.

Nothing here tells a rater, or a page that serves one, which arm is which before the study is revealed.
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING

from seedance_widgets.errors import InvalidStudy
from seedance_widgets.log.studies import Vote
from seedance_widgets.study.judging.trials import Draw, Judgement, Trial, TrialList
from seedance_widgets.study.judging.vote_arrays import CHOICES
from seedance_widgets.study.judging.vote_tables import blind_table, votes_table
from seedance_widgets.study.making.clip_states import fates_of
from seedance_widgets.units import moment_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime
    from pathlib import Path

    import pandas as pd

    from seedance_widgets.log.studies import Studies
    from seedance_widgets.study.judging.trials import Pairing
    from seedance_widgets.study.making.clip_states import Fate
    from seedance_widgets.study.making.design import Design, Slot

__all__ = ["Ballot"]

_LONGEST = 128


class Ballot:
    """The blind side of a study.

    Parameters
    ----------
    name, design
        Of the study.
    secret
        What orders and sides follow from.
    log
        Where votes go.
    absolute
        Makes a path of a stored one.
    """

    def __init__(
        self, name: str, design: Design, secret: str, log: Studies, absolute: Callable[[str], Path | None]
    ) -> None:
        self.name = name
        self._design = design
        self._log = log
        self._absolute = absolute
        self._draw = cache(lambda rater: Draw(design, secret, rater))

    # --- what it is --------------------------------------------------------------------------------------

    @property
    def arms(self) -> tuple[str, ...]:
        """Names of what is compared, in the order in which results name pairs."""
        return tuple(self._design.arms)

    @property
    def items(self) -> tuple[str, ...]:
        """Names of the items; empty where the seeds stand alone."""
        return tuple(self._design.items)

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds of every arm and item."""
        return self._design.seeds

    @property
    def criteria(self) -> tuple[str, ...]:
        """What each pair is judged by, one after the other; empty where there is but one question."""
        return self._design.criteria

    # --- blind votes -------------------------------------------------------------------------------------

    def trials(self, rater: str) -> TrialList:
        """Pairs of clips for a rater, in the order and on the sides in which they are to be shown.

        The list is the same whenever it is asked for. Clips that are not there yet are left out. From ten
        pairs on, about a tenth more are the same clip twice, and as many are early pairs once again.
        """
        made, done = self._clips_there(), self._trials_answered(rater)
        shown = self._pairs_for(rater, made)
        return TrialList(
            [self._trial(pair, made) for pair in shown], rater, sum(pair.id in done for pair in shown)
        )

    def next_trial(self, rater: str) -> Trial | None:
        """What the rater is to judge next; None when all is judged.

        Raises
        ------
        InvalidStudy
            The study was revealed.
        """
        self._refuse_revealed()
        made, done = self._clips_there(), self._trials_answered(rater)
        pair = next((pair for pair in self._pairs_for(rater, made) if pair.id not in done), None)
        return None if pair is None else self._trial(pair, made)

    def vote(
        self,
        trial_id: str,
        rater: str,
        choice: str,
        *,
        criterion: str | None = None,
        seconds: float | None = None,
        sound: bool | None = None,
    ) -> None:
        """Write a vote; it is on disk when this returns.

        A second vote on the same trial and criterion takes the place of the first.

        Parameters
        ----------
        trial_id, rater
            As from `next_trial`.
        choice
            ``left``, ``right``, ``tie`` or ``skip``.
        criterion
            One of ``criteria``, where the study has any.
        seconds
            How long it took.
        sound
            Whether sound was on.

        Raises
        ------
        InvalidStudy
            The rater has no such trial, a value is none of those allowed, or the study was revealed.
        LogError
            The vote could not be written.
        """
        self._cast([Judgement(trial_id, rater, choice, criterion, seconds, sound)])

    def undo(self, rater: str) -> Trial | None:
        """Take back the rater's last vote; returns the trial it was on, None where there is none.

        Raises
        ------
        InvalidStudy
            The study was revealed.
        """
        _refuse_name(rater)
        trial = self._log.undo(self.name, rater)
        pair = self._draw(rater).find(trial) if trial else None
        made = self._clips_there()
        if pair is None or pair.left not in made or pair.right not in made:
            return None
        return self._trial(pair, made)

    def progress(self, rater: str) -> tuple[int, int]:
        """How many trials the rater has judged by every criterion, and how many there are."""
        trials = self.trials(rater)
        return trials.done, len(trials)

    @property
    def votes(self) -> pd.DataFrame:
        """One row a vote that stands, in the order they were cast; times are UTC.

        Until the study is revealed it tells neither arms nor items nor tasks. ``to_csv`` and ``to_parquet``
        are those of every DataFrame; the latter needs pyarrow.
        """
        rows = self._log.votes(self.name)
        return votes_table(rows, self._log.tasks(self.name)) if self.is_revealed else blind_table(rows)

    # --- revealing ---------------------------------------------------------------------------------------

    @property
    def is_revealed(self) -> bool:
        """Whether it is known which arm is which, and voting has ended."""
        return self._log.revealed_at(self.name) is not None

    def reveal(self, by: str | None = None) -> datetime:
        """End blind voting for good and open the results; the log remembers who did it and when.

        Parameters
        ----------
        by
            Who does it.

        Returns
        -------
        datetime
            When it was revealed first, UTC.

        Raises
        ------
        InvalidStudy
            Nobody has voted: nothing would come of the study any more.
        """
        if not self.is_revealed and not self._log.votes(self.name):
            raise InvalidStudy(
                f"nobody has voted in the study {self.name!r}, and a reveal would end it for good: it goes on"
            )
        return moment_of(self._log.reveal(self.name, by))

    # --- inside ------------------------------------------------------------------------------------------

    def _cast(self, said: Iterable[Judgement]) -> None:
        """Write votes in one transaction: all, or none."""
        made = self._clips_there()
        self._log.cast(self.name, [self._check_vote(made, each) for each in said])

    def _pairings(self, rater: str) -> list[Pairing]:
        """The pairings behind `trials`; they are hidden from those who vote."""
        return self._pairs_for(rater, self._clips_there())

    def _clips_there(self) -> dict[Slot, Fate]:
        fates = fates_of(self._design, self._log.tasks(self.name))
        return {slot: fate for slot, fate in fates.items() if fate.state == "made"}

    def _pairs_for(self, rater: str, made: Mapping[Slot, Fate]) -> list[Pairing]:
        _refuse_name(rater)
        return self._draw(rater).pairings(made)

    def _trials_answered(self, rater: str) -> set[str]:
        """Trials that the rater has answered by every criterion."""
        answered: dict[str, set[str | None]] = {}
        for vote in self._log.votes(self.name, rater):
            answered.setdefault(vote.trial, set()).add(vote.criterion)
        wanted: set[str | None] = set(self._design.criteria) or {None}
        return {trial for trial, criteria in answered.items() if criteria >= wanted}

    def _trial(self, pair: Pairing, made: Mapping[Slot, Fate]) -> Trial:
        return Trial(pair.id, self._file(made[pair.left]), self._file(made[pair.right]))

    def _file(self, fate: Fate) -> Path:
        assert fate.row is not None
        path = self._absolute(str(fate.row.preview_path or fate.row.video_path))
        assert path is not None
        return path

    def _check_vote(self, made: Mapping[Slot, Fate], said: Judgement) -> Vote:
        trial, rater, choice, criterion, seconds, sound = said
        _refuse_name(rater)
        pair = self._draw(rater).find(trial)
        if pair is None or pair.left not in made or pair.right not in made:
            raise InvalidStudy(f"{rater} has no trial {trial!r} in the study {self.name!r}")
        if choice not in CHOICES:
            raise InvalidStudy(f"choice={choice!r} is none of {', '.join(CHOICES)}")
        criteria = self._design.criteria or (None,)
        if criterion not in criteria:
            named = ", ".join(map(repr, criteria))
            raise InvalidStudy(f"criterion={criterion!r}: this study asks for {named}")
        if seconds is not None and not (math.isfinite(seconds) and seconds >= 0):
            raise InvalidStudy(f"seconds={seconds!r} is no time")
        left, right = made[pair.left].row, made[pair.right].row
        assert left is not None
        assert right is not None
        return Vote(
            rater=rater,
            trial=trial,
            left_key=left.key,
            right_key=right.key,
            choice=choice,
            criterion=criterion,
            kind=pair.kind,
            seconds=seconds,
            sound=sound,
        )

    def _refuse_revealed(self) -> None:
        if self.is_revealed:
            raise InvalidStudy(f"the study {self.name!r} was revealed: blind voting has ended")


def _refuse_name(rater: str) -> None:
    if not isinstance(rater, str) or not rater.strip() or len(rater) > _LONGEST:
        raise InvalidStudy(f"rater={rater!r}: a name is a text of at most {_LONGEST} characters")
