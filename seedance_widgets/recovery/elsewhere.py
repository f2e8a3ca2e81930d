"""Tasks at the service that this log has no row of, such as were made by other means: what they are and cost.

Others may share the account. So nothing is taken in before a person has seen the list, and a task that may be
the lost one of a row here is left out and named.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from seedance_widgets.background_loop import engine
from seedance_widgets.recovery.listing import listing_of_tier
from seedance_widgets.units import HOUR, count_text, micros_of, usd_text

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence

    import pandas as pd

    from seedance_widgets.log.journal import Journal
    from seedance_widgets.log.row import TaskRow
    from seedance_widgets.modelark.client import Client, Spacing
    from seedance_widgets.task.task import Task

    Take = Callable[[Mapping[str, Any]], Coroutine[Any, Any, Task]]

__all__ = ["Elsewhere", "find_elsewhere"]

_NEAR = micros_of(HOUR)  # clocks and queues: a task that begins so near to a lost create may be its own
_COLUMNS = [
    "status",
    "kind",
    "model",
    "resolution",
    "ratio",
    "duration",
    "seed",
    "tokens",
    "usd",
    "created_at",
]


class Elsewhere:
    """What could be adopted; shown in a cell, a table and its sum. Nothing is taken in before `adopt`.

    Attributes
    ----------
    tasks : pandas.DataFrame
        A row a task, by the service's id, as the log would have it.
    usd : float
        What they cost together, as far as it is known.
    left_out : dict
        Ids of tasks that may be a lost one of this log, and why.
    counted : bool
        Whether they will count as spent.
    """

    def __init__(
        self,
        rows: Sequence[tuple[Mapping[str, Any], TaskRow]],
        left_out: Mapping[str, str],
        *,
        counted: bool,
        take: Take,
    ) -> None:
        self.left_out = dict(left_out)
        self.counted = counted
        self._rows = rows
        self._take = take

    @property
    def tasks(self) -> pd.DataFrame:
        """A row a task, by the service's id."""
        import pandas as pd

        from seedance_widgets.units import moment_of

        rows = [
            {**{name: getattr(row, name) for name in _COLUMNS}, "created_at": moment_of(row.created_at)}
            for _, row in self._rows
        ]
        index = pd.Index([str(row.task_id) for _, row in self._rows], name="task_id", dtype="string")
        return pd.DataFrame(rows, index=index, columns=_COLUMNS).convert_dtypes()

    @property
    def usd(self) -> float:
        """What they cost together, as far as it is known."""
        return sum(row.usd or 0.0 for _, row in self._rows)

    async def adopt(self) -> list[Task]:
        """Take all of them in: each gets a row, is followed, and its clip is saved."""
        return [await engine.bridge(self._take(answer)) for answer, _ in self._rows]

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        return "\n".join([*self._lines(), *([repr(self.tasks)] if self._rows else [])])

    def _repr_html_(self) -> str:
        from seedance_widgets.task.card import as_text

        table = self.tasks.to_html() if self._rows else ""
        return f'<div class="tex2jax_ignore"><p>{"<br>".join(map(as_text, self._lines()))}</p>{table}</div>'

    def _lines(self) -> list[str]:
        if not self._rows:
            lines = ["The service has no task that is in no row of this log."]
        else:
            how = "will count as spent" if self.counted else "will not count as spent"
            what = f"{count_text(len(self._rows), 'task')} not in this log, {usd_text(self.usd)} together"
            lines = [f"{what}, which {how}. `await _.adopt()` takes them in."]
        return lines + [f"Left out: {task_id}, {why}." for task_id, why in self.left_out.items()]


async def find_elsewhere(
    client: Client,
    journal: Journal,
    *,
    since: int | None,
    model: str | None,
    lists: Spacing,
    counted: bool,
    take: Take,
) -> Elsewhere:
    """What the service lists and this log has no row of.

    Parameters
    ----------
    client, journal, lists
        Of the runtime.
    since
        First moment of ``created_at``, in microseconds since 1970; None for all that it lists.
    model
        Id as it is sent, None for all.
    counted, take
        As `Elsewhere` has them.

    Raises
    ------
    ServiceError
        The service could not be asked.
    """
    items: dict[str, Mapping[str, Any]] = {}
    for tier in ("default", "flex"):
        told = await listing_of_tier(client, [model] if model else [], tier, lists=lists)
        items |= {str(item["id"]): item for item in told.items}
    known = await engine.write(journal.ids_with_row, list(items))
    unclear = await engine.write(journal.rows_to_settle)
    new = [item for task_id, item in items.items() if task_id not in known]
    rows = []
    left_out: dict[str, str] = {}
    for answer, row in zip(new, await engine.write(journal.sketch, new), strict=True):
        if (model and row.wire_model != model) or (since is not None and row.created_at < since):
            continue
        if why := _may_be_ours(row, unclear):
            left_out[str(row.task_id)] = why
        else:
            rows.append((answer, row))
    rows.sort(key=lambda pair: pair[1].created_at)
    return Elsewhere(rows, left_out, counted=counted, take=take)


def _may_be_ours(found: TaskRow, unclear: Iterable[TaskRow]) -> str | None:
    """Why a task may be the lost one of a row here; None where it is not."""
    for row in unclear:
        sent_at = row.sent_at or row.intent_at
        near = row.wire_model == found.wire_model and abs(found.created_at - sent_at) < _NEAR
        if near or found.task_id in json.loads(row.candidates or "[]"):
            return f"it may be that of task {row.key}, whose outcome is unknown"
    return None
