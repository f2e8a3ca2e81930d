"""`Study`: arms made on the same items and seeds, judged blind, and what came of it."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from seedance_widgets.errors import InvalidStudy
from seedance_widgets.showing import Shown, in_notebook
from seedance_widgets.study import definition
from seedance_widgets.study.fates import fates_of
from seedance_widgets.study.outcome import Outcome
from seedance_widgets.study.tally import sealed_table, votes_table
from seedance_widgets.study.voting import Voting

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from seedance_widgets.studio import Studio
    from seedance_widgets.study.design import Design
    from seedance_widgets.study.trials import Trial, TrialList

__all__ = ["Study"]

_LONGEST = 128


class Study:
    """A comparison of arms; made by `Studio.study`.

    Parameters
    ----------
    studio
        Whose home and budget it uses.
    name
        In this home.
    design
        What is compared; drawn seeds are replaced by those that the log has.

    Raises
    ------
    InvalidStudy
        The log has another study of this name.
    """

    def __init__(self, studio: Studio, name: str, design: Design) -> None:
        if not isinstance(name, str) or not name.strip() or len(name) > _LONGEST:
            raise InvalidStudy(f"name={name!r}: a text of at most {_LONGEST} characters")
        self.name = name
        self._studio = studio
        self._runtime = studio._runtime  # noqa: SLF001 - a study is a part of its studio
        self._log = self._runtime.studies
        # all requests are checked before the name is taken
        fresh = definition.as_json(design)
        stored = self._log.define(name, fresh)
        self._design = definition.settled(name, stored, design)
        self._said = stored

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

    # --- making it ---------------------------------------------------------------------------------------

    async def run(
        self, *, retry_failed: bool = False, progress: bool | Callable[[Outcome], None] = True
    ) -> Outcome:
        """Make what is missing and wait for it. What is there is never made again.

        May be interrupted, or killed, and called again: what was sent goes on, and is found.

        Parameters
        ----------
        retry_failed
            Make again what failed or was refused. By default that stays a result of its arm.
        progress
            True shows the progress in a notebook; or a function that is given each `Outcome`.

        Returns
        -------
        Outcome
            What became of each arm's clips; ``complete`` or not, and why.

        Raises
        ------
        BudgetExceeded
            The studio's budget does not cover all that is missing; nothing was sent.
        InvalidStudy
            The study was revealed: a clip more would change what was judged.
        """
        from seedance_widgets.study.running import Run

        if self.is_revealed:
            raise InvalidStudy(f"the study {self.name!r} was revealed: no clip is made any more")
        show = progress if callable(progress) else _shown() if progress and in_notebook() else _nothing
        return await Run(self._studio, self.name, self._design, show=show).go(retry_failed=retry_failed)

    @property
    def outcome(self) -> Outcome:
        """What became of its clips so far, arm by arm."""
        return Outcome(self.name, self.arms, [*fates_of(self._design, self._tasks()).values()])

    # --- blind votes -------------------------------------------------------------------------------------

    def trials(self, rater: str) -> TrialList:
        """Pairs of clips for a rater, in the order and on the sides in which they are to be shown.

        The list is the same whenever it is asked for. Clips that are not there yet are left out. From ten
        pairs on, about a tenth more are the same clip twice, and as many are early pairs once again.
        """
        return self._voting.trials(rater)

    def next_trial(self, rater: str) -> Trial | None:
        """What the rater is to judge next; None when all is judged.

        Raises
        ------
        InvalidStudy
            The study was revealed.
        """
        return self._voting.next_trial(rater)

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
            It could not be written.
        """
        vote = {"trial": trial_id, "rater": rater, "choice": choice, "criterion": criterion}
        self._voting.cast([{**vote, "seconds": seconds, "sound": sound}])

    def undo(self, rater: str) -> Trial | None:
        """Take back the rater's last vote; returns the trial it was on, None where there is none.

        Raises
        ------
        InvalidStudy
            The study was revealed.
        """
        return self._voting.undo(rater)

    def progress(self, rater: str) -> tuple[int, int]:
        """How many trials the rater has judged by every criterion, and how many there are."""
        return self._voting.progress(rater)

    @property
    def votes(self) -> pd.DataFrame:
        """One row a vote that stands, in the order they were cast; times are UTC.

        Until the study is revealed it tells neither arms nor items nor tasks. ``to_csv`` and ``to_parquet``
        are those of every DataFrame; the latter needs pyarrow.
        """
        rows = self._log.votes(self.name)
        return votes_table(rows, self._tasks()) if self.is_revealed else sealed_table(rows)

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
        """
        return datetime.fromtimestamp(self._log.reveal(self.name, by) / 1_000_000, UTC)

    # --- inside ------------------------------------------------------------------------------------------

    @cached_property
    def _voting(self) -> Voting:
        said = json.dumps(json.loads(self._said), sort_keys=True)
        secret = hashlib.sha256(f"{self.name}\0{said}".encode()).hexdigest()
        return Voting(self.name, self._design, secret, self._log, self._runtime.absolute)

    def _tasks(self) -> list[dict[str, Any]]:
        return self._log.tasks(self.name)

    def __repr__(self) -> str:
        made = sum(fate.state == "made" for fate in self.outcome.fates)
        items = f"{len(self.items)} items x " if self.items else ""
        votes = self._log.votes(self.name)
        return (
            f"Study({self.name!r}): {len(self.arms)} arms x {items}{len(self.seeds)} seeds, "
            f"{made} of {len(self._design.clips)} clips made; "
            f"{len(votes)} votes of {len({vote['rater'] for vote in votes})} raters, "
            f"{'revealed' if self.is_revealed else 'sealed'}"
        )


def _shown() -> Callable[[Outcome], None]:
    """One plain output of the cell, drawn anew."""
    output = Shown()
    return lambda outcome: output.draw(repr(outcome), outcome._repr_html_())


def _nothing(_: Outcome) -> None:
    pass
