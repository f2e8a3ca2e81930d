"""A study's votes with their arms, readable after the reveal, or before it as a look that is counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedance_widgets.errors import InvalidStudy
from seedance_widgets.study.judging.agreement import raters
from seedance_widgets.study.judging.vote_arrays import read_votes
from seedance_widgets.study.judging.vote_tables import votes_table
from seedance_widgets.study.making.arm_outcomes import spending_by_arm
from seedance_widgets.study.making.clip_states import clip_table, fates_of
from seedance_widgets.study.results.pair_results import results
from seedance_widgets.study.results.results import Results
from seedance_widgets.study.results.standings import strengths

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pandas as pd

    from seedance_widgets.log.studies import Studies
    from seedance_widgets.study.making.design import Design

__all__ = ["Opened", "open_votes"]


@dataclass(frozen=True)
class Opened:
    """Votes and clips as the statistics want them.

    ``looks`` counts how many different states of the votes have been looked at, this one included; ``notes``
    say what results have to be read with.
    """

    arms: Sequence[str]
    votes: pd.DataFrame
    clips: pd.DataFrame
    looks: int
    notes: Sequence[str]

    def results(self) -> Results:
        """`pair_results.results`, with ``notes`` among its own."""
        table = results(self.votes, arms=self.arms, clips=self.clips, looks=self.looks)
        if self.notes:
            table["notes"] = [
                "; ".join(filter(None, [note, *self.notes])) for note in table["notes"].fillna("")
            ]
        return Results(table, self.spending())

    def strengths(self) -> pd.DataFrame:
        """`standings.strengths` of all arms."""
        return strengths(self.votes, arms=self.arms)

    def spending(self) -> pd.DataFrame:
        """`arm_outcomes.spending_by_arm`."""
        return spending_by_arm(read_votes(self.votes, self.arms), self.clips)

    def raters(self) -> pd.DataFrame:
        """`agreement.raters`."""
        return raters(self.votes)


def open_votes(
    name: str, design: Design, log: Studies, progress: Mapping[str, tuple[int, int]], *, peek: bool = False
) -> Opened:
    """Open a study's votes.

    Parameters
    ----------
    name, design, log
        The study and where it is kept.
    progress
        Rater to trials judged and trials in all.
    peek
        Look before the reveal; the log remembers it.

    Raises
    ------
    InvalidStudy
        The study is not revealed, or nobody has voted.
    """
    rows = log.votes(name)
    revealed = log.revealed_at(name) is not None
    if not revealed and not peek:
        raise InvalidStudy(
            f"the results of {name!r} are sealed while votes come in. study.reveal() ends the voting and "
            "opens them; results(peek=True) looks now, is logged, and makes every p-value larger"
        )
    if not rows:
        raise InvalidStudy(f"nobody has voted in the study {name!r}")
    if not revealed:
        log.look(name)
    tasks = log.tasks(name)
    return Opened(
        arms=tuple(design.arms),
        votes=votes_table(rows, tasks),
        clips=clip_table(fates_of(design, tasks).values()),
        looks=len({look.seen for look in log.looks(name)}),
        notes=[*_notes(design, progress, revealed=revealed)],
    )


def _notes(design: Design, progress: Mapping[str, tuple[int, int]], *, revealed: bool) -> Iterator[str]:
    if not revealed:
        yield "looked at before the reveal: votes may still come, and every look at others is counted"
    for rater, (done, total) in progress.items():
        if done < total:
            yield f"{rater} judged {done} of {total} trials"
    drafted = dict.fromkeys(arm for (arm, _), request in design.requests.items() if request.draft)
    if drafted:
        whose = "all arms" if len(drafted) == len(design.arms) else ", ".join(drafted)
        yield f"drafts in {whose}: a draft's win may not hold for finals, so rate a sample of these too"
