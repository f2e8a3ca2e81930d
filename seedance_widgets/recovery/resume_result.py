"""What `resume` did, as a list of the tasks it took up that says so in words."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from seedance_widgets.log.row import LIVE, Status
from seedance_widgets.task.task import Task

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Resumed"]

_ELSEWHERE = "looked after by another kernel, followed through the log"
_FOUND = "lost and found again at the service"
_NEVER = "lost and never made: nothing is billed, task.resend() sends it again"
_UNCLEAR = "still unclear: its cost stays reserved, studio.log.unknown() says more"
_LIVE = "at work, followed again"
_DONE = "done, its clip being saved"
_DELETED = "saved before and not there any more: its clip is fetched again"
_ORDER = (_LIVE, _DONE, _DELETED, _FOUND, _NEVER, _UNCLEAR, _ELSEWHERE)
_SHOWN = 3


class Resumed(list[Task]):
    """The tasks that were taken up; shown, it says what was done with them.

    Parameters
    ----------
    tasks
        Every task that was followed, fetched or looked for.
    elsewhere
        Keys of those that another kernel looks after: followed through the log.
    settled
        Keys of those whose outcome was unknown before.
    lost
        Keys of those whose clip was saved, and was not there any more.
    orphans
        Ids of tasks at the service that carry a fingerprint of this package and have no row here; None if
        the service could not be asked. `studio.adopt` takes them in.
    """

    def __init__(
        self,
        tasks: Iterable[Task] = (),
        *,
        elsewhere: Iterable[str] = (),
        settled: Iterable[str] = (),
        lost: Iterable[str] = (),
        orphans: Sequence[str] | None = (),
    ) -> None:
        super().__init__(tasks)
        self.elsewhere = frozenset(elsewhere)
        self.settled = frozenset(settled)
        self.lost = frozenset(lost)
        self.orphans = None if orphans is None else tuple(orphans)

    def __repr__(self) -> str:
        return "\n".join(self._lines()) or "nothing was left to do"

    def _lines(self) -> list[str]:
        counts = Counter(self._what(task) for task in self)
        lines = [f"{counts[what]} {what}" for what in _ORDER if counts[what]]
        if self.orphans is None:
            lines.append("the service could not be asked for tasks that are in no row of this log")
        elif self.orphans:
            shown = ", ".join(self.orphans[:_SHOWN]) + (", ..." if len(self.orphans) > _SHOWN else "")
            lines.append(f"{len(self.orphans)} not in this log, studio.adopt(id) takes one in: {shown}")
        return lines

    def _what(self, task: Task) -> str:
        if task.key in self.elsewhere:
            return _ELSEWHERE
        if task.key in self.lost:
            return _DELETED
        if task.key in self.settled:
            if task.id is not None:
                return _FOUND
            return _NEVER if task.status == Status.NOT_CREATED else _UNCLEAR
        return _LIVE if task.status in LIVE else _DONE
