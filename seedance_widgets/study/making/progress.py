"""The progress of a study's clips, arm by arm; refusals are listed, as they differ between arms."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seedance_widgets.live_output import LiveOutput, bundle_of, current_cell, in_notebook, show_once
from seedance_widgets.log.row import UNCLEAR, Status
from seedance_widgets.study.making.clip_states import STATES
from seedance_widgets.task.card import as_text
from seedance_widgets.task.progress import Progress
from seedance_widgets.units import usd_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from seedance_widgets.live_output import Bundle
    from seedance_widgets.study.making.clip_states import Fate

__all__ = ["LiveProgress", "Outcome"]


@dataclass(frozen=True, repr=False)
class Outcome:
    """What became of a study's clips so far.

    ``asked`` and ``asked_usd`` are clips that a run set out to make and what they may cost at most in USD,
    None where a price is not known; ``stopped`` says why it could not go on. ``shown_in`` is the cell that
    shows it already, as its progress, and need not show it twice.
    """

    study: str
    arms: Sequence[str]
    fates: Sequence[Fate]
    asked: int = 0
    asked_usd: float | None = 0.0
    stopped: tuple[str, ...] = ()
    shown_in: str | None = field(default=None, compare=False)

    @property
    def complete(self) -> bool:
        """Whether every clip is made."""
        return all(fate.state == "made" for fate in self.fates)

    @property
    def table(self) -> pd.DataFrame:
        """One row an arm: clips in all, each state of a clip (see `Fate`), and dollars billed."""
        import pandas as pd

        rows = [{"arm": arm, **self._counts(arm)} for arm in self.arms]
        return pd.DataFrame(rows).set_index("arm")

    @property
    def problems(self) -> list[str]:
        """Problems in words: clips that are missing, and why; empty for a complete study."""
        return list(self._problems())

    def _counts(self, arm: str) -> dict[str, float | int]:
        own = [fate for fate in self.fates if fate.clip.arm == arm]
        states = Counter(fate.state for fate in own)
        return {
            "clips": len(own),
            **{state: states[state] for state in STATES},
            "usd": sum(fate.usd for fate in own),
        }

    def _problems(self) -> Iterator[str]:
        for arm in self.arms:
            lacking = Counter(
                _why_not_made(fate) for fate in self.fates if fate.clip.arm == arm and fate.state != "made"
            )
            if lacking:
                said = ", ".join(f"{count} {what}" for what, count in lacking.items())
                yield f"incomplete: {arm} has {said}"
        yield from (f"stopped: {reason}" for reason in self.stopped)

    @property
    def how_far(self) -> tuple[int, str]:
        """How many clips have ended, and a line that says how it stands."""
        return sum(fate.state not in ("missing", "unfinished") for fate in self.fates), self._head()

    def _head(self) -> str:
        made = sum(fate.state == "made" for fate in self.fates)
        usd = sum(fate.usd for fate in self.fates)
        head = f"Study {self.study}: {made} of {len(self.fates)} clips made, {usd_text(usd)} billed"
        if not self.asked:
            return head
        price = (
            "their price is not known" if self.asked_usd is None else f"at most {usd_text(self.asked_usd)}"
        )
        return f"{head}; this run asks for {self.asked}, {price}"

    def __repr__(self) -> str:
        shown = self.table.assign(usd=[f"{usd:.4f}" for usd in self.table["usd"]])
        return "\n".join([self._head(), shown.to_string(), *self.problems])

    def _ipython_display_(self) -> None:
        if self.shown_in is None or self.shown_in != current_cell():
            show_once(bundle_of(self))

    def _repr_html_(self) -> str:
        return f'<pre style="margin:0;overflow-x:auto">{as_text(repr(self))}</pre>'


class LiveProgress:
    """The outcomes of a run as one output of its cell, the newest in place of the one before.

    In a script it is a line on the terminal.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._newest: Outcome | None = None
        self._output = LiveOutput(self._picture)
        self._bar: Progress | None = None

    def show(self, outcome: Outcome) -> None:
        """Show an outcome, at once the first time and soon after that."""
        is_first, self._newest = self._newest is None, outcome
        if not in_notebook():
            self._bar = self._bar or Progress(f"study {self._name}", len(outcome.fates))
            self._bar.show(*outcome.how_far)
        elif is_first:
            self._output.show()
        else:
            self._output.redraw()

    async def finish(self) -> None:
        """Show the last outcome while the cell still runs."""
        if self._bar is not None and self._newest is not None:
            await self._bar.finish(*self._newest.how_far)
        await self._output.finish()

    def _picture(self) -> Bundle:
        return bundle_of(self._newest)


def _why_not_made(fate: Fate) -> str:
    """A clip that is not made, in words."""
    row = fate.row
    if row is None or fate.state == "missing":
        return "not made"
    if fate.state == "unfinished":
        return "unclear" if row.status in UNCLEAR else "at work"
    lost = row.status == Status.SUCCEEDED
    return f"{fate.state} ({'its file is lost' if lost else row.error_code or row.status})"
