"""`Study`: arms made on the same items and seeds, judged blind, and what came of it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from seedance_widgets.errors import InvalidStudy, LogError
from seedance_widgets.live_output import current_cell
from seedance_widgets.study.judging.vote_tables import ballots, trial_table
from seedance_widgets.study.judging.voting import Ballot
from seedance_widgets.study.making import stored_definition
from seedance_widgets.study.making.clip_states import fates_of
from seedance_widgets.study.making.design import design_of
from seedance_widgets.study.making.progress import LiveProgress, Outcome
from seedance_widgets.unawaited import says_unsent
from seedance_widgets.units import count_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd

    from seedance_widgets.studio import Studio
    from seedance_widgets.study.judging.rater_model import RaterModel
    from seedance_widgets.study.making.design import Design
    from seedance_widgets.study.making.sizing import StudyPlan
    from seedance_widgets.study.results.results import Results
    from seedance_widgets.study.results.unblinding import Opened

__all__ = ["Study"]

_LONGEST = 128


class Study(Ballot):
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
        self._studio = studio
        self._runtime = studio.runtime
        log = self._runtime.studies
        stored = log.define(name, stored_definition.as_json(design))
        self._definition = json.loads(stored)
        secret = f"{name}\0{json.dumps(self._definition, sort_keys=True)}"
        known = stored_definition.match_stored(name, stored, design)
        super().__init__(name, known, secret, log, self._runtime.absolute)

    @classmethod
    def define(
        cls,
        studio: Studio,
        name: str,
        arms: Mapping[str, str | Mapping[str, Any]],
        *,
        items: Sequence[str | Mapping[str, Any]] | None,
        seeds: int | Sequence[int],
        criteria: Sequence[str],
        params: Mapping[str, Any],
    ) -> Self:
        """The study that `Studio.study` is asked for.

        What an arm leaves open is the studio's default, or what it was when the study was first made.
        """
        stored = studio.runtime.studies.definition(name) if isinstance(name, str) else None

        def fill(arm: str, given: dict[str, Any]) -> dict[str, Any]:
            if stored is None:
                return studio.defaults.fill(given)
            return stored_definition.stored_fill(stored, arm, given, ("model", *studio.defaults.own))

        return cls(studio, name, design_of(arms, items, seeds, criteria, params, fill=fill))

    # --- making it ---------------------------------------------------------------------------------------

    def plan(
        self,
        win_rate: float = 0.65,
        power: float = 0.8,
        *,
        ties: float = 0.2,
        icc: float = 0.2,
        raters: int = 1,
    ) -> StudyPlan:
        """Say what finding a difference takes, and what it costs, before anything is spent.

        Parameters
        ----------
        win_rate
            The true share of decisive votes that the better arm wins.
        power
            The chance of a significant result where that is the truth.
        ties
            Share of votes that are ties.
        icc
            How alike votes on one item are, from 0 to 1.
        raters
            How many will judge every pair.

        Returns
        -------
        StudyPlan
            Pairs, clips, tokens, dollars and hours as defined and as needed, as drafts and finals, on the
            default tier and on flex. Its notes say too where `run` would be refused for the budget.

        Raises
        ------
        InvalidStudy
            A number is outside its range.
        """
        from seedance_widgets.study.making.sizing import beyond_budget, plan_of

        paces, limits = self._runtime.timing()[0], self._runtime.limits
        found = plan_of(self._design, paces, limits, win_rate, power, ties=ties, icc=icc, raters=raters)
        missing = [fate.clip.request for fate in self.outcome.fates if fate.state == "missing"]
        return replace(found, notes=(*found.notes, *beyond_budget(missing, self._studio.left)))

    @says_unsent
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
            The study was revealed, and clips are missing: one more would change what was judged.
        """
        from seedance_widgets.study.making.running import Run

        if await asyncio.to_thread(lambda: self.is_revealed and not self.outcome.complete):
            raise InvalidStudy(f"the study {self.name!r} was revealed: no clip is made any more")
        drawn = LiveProgress(self.name) if progress is True else None
        show = progress if callable(progress) else drawn.show if drawn else _nothing
        outcome = await Run(self._studio, self.name, self._design, show=show).go(retry_failed=retry_failed)
        if drawn is None:
            return outcome
        await drawn.finish()
        return replace(outcome, shown_in=current_cell())

    @property
    def outcome(self) -> Outcome:
        """The state of its clips so far, arm by arm."""
        return Outcome(self.name, self.arms, [*fates_of(self._design, self._log.tasks(self.name)).values()])

    # --- what came of it ---------------------------------------------------------------------------------

    def results(self, *, peek: bool = False) -> Results:
        """What the votes say of each pair of arms, on each criterion.

        A rate is the mean over items, with an interval and a p-value that count items and not votes. Clips
        that failed or are missing, and raters who have not judged all, are in ``notes``.

        Parameters
        ----------
        peek
            Look before the reveal. It is logged, said in ``notes``, and ``p_adjusted`` counts every look.

        Returns
        -------
        Results
            A DataFrame with the columns of `pair_results.results`. A notebook shows its answer in a sentence
            and the figures of ``by_arm``; ``results.T`` shows all.

        Raises
        ------
        InvalidStudy
            The study is not revealed, or nobody has voted.
        """
        return self._open(peek=peek).results()

    def strengths(self) -> pd.DataFrame:
        """Bradley-Terry strengths of all arms, once revealed; see `standings.strengths`."""
        return self._open().strengths()

    def spending(self) -> pd.DataFrame:
        """Failures, cost, and cost per pair won of each arm, once revealed; see `spending_by_arm`."""
        return self._open().spending()

    def raters(self) -> pd.DataFrame:
        """What each rater did, once revealed: ties, sides, catch trials, repeats; see `agreement.raters`."""
        return self._open().raters()

    def report(
        self,
        path: Path | str,
        *,
        clips: str = "link",
        max_mb: float = 25.0,
        votes: Path | str | None = None,
        peek: bool = False,
    ) -> Path:
        """Write the whole study as one HTML file that needs no network.

        Parameters
        ----------
        path
            Of the file, replaced if it is there.
        clips
            ``link`` shows clips by their path relative to the file, ``embed`` puts them into it, ``posters``
            shows their first frames only.
        max_mb
            Megabytes that embedded clips may take.
        votes
            A CSV file to write all votes to, linked from the page.
        peek
            As for `results`.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        InvalidStudy
            The study is not revealed, nobody has voted, or the clips are too large to embed.
        """
        from seedance_widgets.study.report import write_report
        from seedance_widgets.study.report.facts import Facts

        found = self._open(peek=peek)
        facts = Facts(
            name=self.name,
            design=self._design,
            definition=self._definition,
            outcome=self.outcome,
            opened=found,
            results=found.results(),
            spending=found.spending(),
            raters=found.raters(),
            looks=self._log.looks(self.name),
            simulated=self._runtime.simulated,
            absolute=self._absolute,
        )
        kept = None if votes is None else Path(votes).expanduser().resolve()
        target = Path(path).expanduser().resolve()
        return write_report(facts, target, clips=clips, max_mb=max_mb, votes=kept)

    def rehearse(
        self,
        model: RaterModel | None = None,
        raters: str | Sequence[str] = ("ann", "ben"),
        *,
        win_rate: float = 0.65,
        ties: float = 0.2,
        seed: int = 0,
    ) -> RaterModel:
        """Let made-up raters judge every trial of a simulated study, to try it out before people do.

        Parameters
        ----------
        model
            How they choose. By default the last arm has the true win rate ``win_rate`` against each other
            arm, and items differ by 1 logit.
        raters
            Their names.
        win_rate, ties
            Without a model: of decisive votes, and the share of votes that are ties; as in `plan`.
        seed
            Of the chances of their answers.

        Returns
        -------
        RaterModel
            How they chose, for results to be held against: ``model.win_rate("camera", "plain")``.

        Raises
        ------
        InvalidStudy
            The studio is not simulated: made-up votes have no place among real ones. Or no pair of clips is
            there yet, the study was revealed, or the model does not know an arm.
        """
        from seedance_widgets.study.judging.rater_model import RaterModel

        if not self._runtime.simulated:
            raise InvalidStudy("only a simulated study can be rehearsed: Studio(..., simulate=True)")
        if model is None:
            *others, last = self.arms
            model = RaterModel.with_rate(win_rate, (last, *others), ties=ties)
        for number, rater in enumerate([raters] if isinstance(raters, str) else raters):
            shown = trial_table(self._pairings(rater), self.criteria)
            if shown.empty:
                raise InvalidStudy("no pair of clips is there yet to be judged: await study.run()")
            self._cast(ballots(rater, model.judge(shown, seed + number)))
        return model

    # --- inside ------------------------------------------------------------------------------------------

    def _open(self, *, peek: bool = False) -> Opened:
        from seedance_widgets.study.results.unblinding import open_votes

        raters = dict.fromkeys(vote.rater for vote in self._log.votes(self.name))
        progress = {rater: self.progress(rater) for rater in raters}
        return open_votes(self.name, self._design, self._log, progress, peek=peek)

    def __repr__(self) -> str:
        sizes = [(len(self.arms), "arm"), (len(self.items), "item"), (len(self.seeds), "seed")]
        design = " x ".join(count_text(count, what) for count, what in sizes if count)
        try:
            state = self._state()
        except LogError as error:
            state = f"how far it is cannot be read: {error}"
        return f"Study({self.name!r}): {design}, {state}"

    def _state(self) -> str:
        made = sum(fate.state == "made" for fate in self.outcome.fates)
        votes = self._log.votes(self.name)
        raters = count_text(len({vote.rater for vote in votes}), "rater")
        return (
            f"{made} of {len(self._design.clips)} clips made; "
            f"{count_text(len(votes), 'vote')} by {raters}, {'revealed' if self.is_revealed else 'sealed'}"
        )


def _nothing(_: Outcome) -> None:
    pass
