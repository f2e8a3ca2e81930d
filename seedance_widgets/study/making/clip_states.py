"""What became of each clip of a study, from the rows of its tasks."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from seedance_widgets.log.row import FINAL, FileState, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from seedance_widgets.log.row import TaskRow
    from seedance_widgets.study.making.design import Clip, Design, Slot

__all__ = ["STATES", "Fate", "clip_table", "fates_of"]

STATES = ("made", "refused", "failed", "unfinished", "missing")


@dataclass(frozen=True)
class Fate:
    """What became of a clip: one of `STATES`, all rows of its tasks, and the one that counts.

    - *made*: its file is here.
    - *refused*: for what it asks for or shows, before or after it was made.
    - *failed*: it ended otherwise, or its file is lost.
    - *unfinished*: at work, or nobody knows whether it was made.
    - *missing*: nothing was asked of the service, or nothing reached it.
    """

    clip: Clip
    state: str
    rows: tuple[TaskRow, ...] = ()
    row: TaskRow | None = None

    @property
    def usd(self) -> float:
        """Dollars billed for it, with what failed."""
        return float(sum(row.usd or 0.0 for row in self.rows))

    @property
    def is_priced(self) -> bool:
        """Whether ``usd`` is all of it: no task of it was billed at a price that is not known."""
        return not any(row.usd is None and row.status == Status.SUCCEEDED for row in self.rows)


def fates_of(design: Design, rows: Iterable[TaskRow]) -> dict[Slot, Fate]:
    """The fate of every clip of a design, in its order."""
    by_slot: dict[tuple[str | None, str | None, int | None], list[TaskRow]] = defaultdict(list)
    for row in rows:
        by_slot[row.arm, row.item, row.study_seed].append(row)
    return {clip.slot: _fate(clip, by_slot.get(clip.slot, [])) for clip in design.clips}


def _fate(clip: Clip, rows: Sequence[TaskRow]) -> Fate:
    # of several that were made the first, which may have been voted on
    told = [(STATES.index(_state(row)), at, row) for at, row in enumerate(rows)]
    made = [each for each in told if each[0] == 0] or [
        each for each in told if STATES[each[0]] == "unfinished"
    ]
    if not told:
        return Fate(clip, "missing")
    best = min(made) if made else told[-1]
    return Fate(clip, STATES[best[0]], tuple(rows), best[2])


def _state(row: TaskRow) -> str:
    if row.status == Status.SUCCEEDED:
        return {FileState.SAVED: "made", FileState.NONE: "unfinished"}.get(row.file, "failed")
    if row.status not in FINAL:
        return "unfinished"
    if row.status in (Status.NOT_CREATED, Status.WITHDRAWN):
        return "missing"
    # moderation: InputTextSensitiveContentDetected, OutputVideoSensitiveContentDetected.PolicyViolation
    is_refusal = row.status == Status.REJECTED or "SensitiveContentDetected" in (row.error_code or "")
    return "refused" if is_refusal else "failed"


def clip_table(fates: Iterable[Fate]) -> pd.DataFrame:
    """Clips as ``arm_outcomes.clip_outcomes`` wants them: a row a task, and one for each clip without any."""
    said = {"made": "succeeded", "unfinished": "running", "missing": "missing"}
    return pd.DataFrame(
        [
            {
                "arm": fate.clip.arm,
                "item": fate.clip.item,
                "seed": fate.clip.seed,
                "status": said.get(fate.state, "failed"),
                "usd": fate.usd if fate.is_priced else float("nan"),
            }
            for fate in fates
        ]
    )
