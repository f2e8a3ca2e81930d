"""A batch: the clips of a table, of which only what is missing is made.

Nothing is sent before `Batch.run`. Run again, after a crash or by mistake, it takes what is made or on its
way.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd

from seedance_widgets import catalog
from seedance_widgets.background_loop import engine
from seedance_widgets.batch.plan import (
    STATES,
    ask,
    fates_of,
    name_of,
    once_more,
    problems_of,
    read_columns,
    same_row,
)
from seedance_widgets.batch.table import read_table
from seedance_widgets.errors import InvalidRequest, OutcomeUnknown, Problem
from seedance_widgets.live_output import bundle_of, show_once
from seedance_widgets.log.row_mapping import Order
from seedance_widgets.recovery.reconcile import LONGEST_LOOK_SECONDS
from seedance_widgets.request.pricing import estimate
from seedance_widgets.sending.in_turn import InTurn, look_on
from seedance_widgets.studio import check_request
from seedance_widgets.task.card import as_text
from seedance_widgets.task.progress import Progress
from seedance_widgets.terminal import say
from seedance_widgets.unawaited import says_unsent
from seedance_widgets.units import count_text, usd_text

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from concurrent.futures import Future

    from seedance_widgets.batch.plan import Asked, Fate, Wanted
    from seedance_widgets.following.stopping import Stopped
    from seedance_widgets.log.row import RowChanges
    from seedance_widgets.studio import Studio
    from seedance_widgets.task.task import Task
    from seedance_widgets.widgets.gallery import Gallery

__all__ = ["Batch"]

_LOOK_SECONDS = 1.0
_OVER = ("made", "failed", "refused")
_SHOWN = 12  # refused rows; more are counted


class Batch:
    """The clips of a table of requests; made by `Studio.batch`. Shown in a cell, it says how it stands.

    Parameters
    ----------
    studio
        Pays for it.
    table, prompt, name, tags, params
        As `Studio.batch` takes them.

    Raises
    ------
    InvalidRequest
        The table cannot be read, or a column is named nearly like a field. That a row is refused is no error
        here: `run` says so.

    Attributes
    ----------
    name : str
        Tells its rows in the log's column ``batch``.
    """

    def __init__(
        self,
        studio: Studio,
        table: Any,
        *,
        prompt: str | None,
        name: str | None,
        tags: Collection[str] | Mapping[str, Any] | None,
        params: Mapping[str, Any],
    ) -> None:
        self._studio = studio
        self._runtime = studio.runtime
        self._table = read_table(table)
        rows = read_columns(self._table, prompt=prompt, tags=tags, params=params)
        self._asked = ask(rows, studio.defaults.fill)
        if name is not None and not (isinstance(name, str) and name.strip()):
            raise InvalidRequest([Problem("name", f"<{type(name).__name__}>", "must be a text")])
        self.name = name or name_of(self._asked)
        if name is None and not self._runtime.journal.rows_of_batch(self.name):
            self._take_earlier(rows)
        self._turns = InTurn(self._send, _request_of)

    def _take_earlier(self, rows: Sequence[Wanted]) -> None:
        """Where rows leave the model open, the batch may have been made when another was the default."""
        for model in catalog.default_models():
            asked = ask(rows, partial(self._studio.defaults.fill_as_then, model.name))
            if self._runtime.journal.rows_of_batch(then := name_of(asked)):
                self.name, self._asked = then, asked
                return

    # --- how it stands -----------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._asked)

    @property
    def tasks(self) -> list[Task]:
        """The tasks of its rows, in the table's order; rows without one are left out."""
        registry = self._runtime.registry
        return [registry.task_of(registry.newest(fate.task)) for fate in self._fates() if fate.task]

    @property
    def failed(self) -> pd.DataFrame:
        """Rows that were refused or failed, by the table's index: ``state``, ``reason`` and ``key``."""
        found = [fate for fate in self._fates() if fate.state in ("failed", "refused")]
        index = pd.Index([fate.asked.row.label for fate in found], name=self._table.own.index.name)
        rows = [
            {"state": fate.state, "reason": _reason(fate), "key": fate.task and fate.task.key}
            for fate in found
        ]
        return pd.DataFrame(rows, index=index, columns=["state", "reason", "key"], dtype="string")

    def to_pandas(self) -> pd.DataFrame:
        """The table's own index and columns, then ``state`` and ``key``, then the log's columns.

        A column of the log that the table has too is called ``log.<name>``.
        """
        own, fates = self._table.own, self._fates()
        keys = [fate.task.key if fate.task else None for fate in fates]
        logged = self._studio.log.to_pandas(where={"batch": self.name}).reindex(keys)
        logged.index = own.index
        taken = {str(name) for name in own.columns}
        logged = logged.rename(columns={name: f"log.{name}" for name in logged.columns if name in taken})
        told = pd.DataFrame(
            {
                "state": pd.array([fate.state for fate in fates], dtype="string"),
                "key": pd.array(keys, dtype="string"),
            },
            index=own.index,
        )
        return pd.concat([own, told[[name for name in told if name not in taken]], logged], axis=1)

    def gallery(self) -> Gallery:
        """Its clips side by side, to accept or reject."""
        from seedance_widgets.widgets.gallery import Gallery

        return Gallery([task for task in self.tasks if task.status == "succeeded"])

    # --- making it ---------------------------------------------------------------------------------------

    @says_unsent
    async def run(self, *, progress: bool = True, refused: str = "raise", again: bool = False) -> Batch:
        """Make what is missing and wait for it; what is made or on its way is taken.

        May be interrupted, or killed, and called again: what was sent goes on, and is found.

        Parameters
        ----------
        progress
            Whether a notebook, or a terminal, shows how far it is.
        refused
            ``"raise"`` sends nothing while a row is refused, ``"skip"`` goes on without these rows.
        again
            Make and pay every row once more.

        Raises
        ------
        InvalidRequest
            A row is refused; ``problems`` has those of all rows. Nothing was sent.
        BudgetExceeded
            The budget does not cover all that is missing; nothing was sent.
        """
        if refused not in ("raise", "skip"):
            raise InvalidRequest([Problem("refused", refused, 'is neither "raise" nor "skip"')])
        if refused == "raise" and (problems := list(problems_of(self._asked))):
            count = count_text(len({p.parameter.partition(":")[0] for p in problems}), "row")
            raise InvalidRequest(
                problems,
                refused=f'nothing was sent: {count} of {len(self)} cannot be; run(refused="skip") skips them',
            )
        states = ("made", "at work", "ready", "failed") if again else ("ready",)
        return await self._make(states, progress=progress, again=again)

    @says_unsent
    async def retry(self, *, progress: bool = True) -> Batch:
        """Make again what failed, and what is missing."""
        return await self._make(("ready", "failed"), progress=progress)

    async def stop(self) -> Stopped:
        """Withdraw what is not sent, cancel what is queued; what runs goes on, and is billed.

        Returns
        -------
        Stopped
            Keys of each; shown, it says how many.
        """
        self._turns.halt()
        keys = {row.key for row in await asyncio.to_thread(self._runtime.journal.rows_of_batch, self.name)}
        return await engine.bridge(self._runtime.stop(keys))

    # --- inside ------------------------------------------------------------------------------------------

    def _fates(self) -> list[Fate]:
        return fates_of(self._asked, self._runtime.journal.rows_of_batch(self.name))

    async def _make(self, states: Collection[str], *, progress: bool, again: bool = False) -> Batch:
        self._runtime.check_open()
        await self._take_up()
        fates = await asyncio.to_thread(self._fates)
        missing = [
            once_more(fate) if again else fate.asked
            for fate in fates
            if fate.state in states and fate.asked.request is not None
        ]
        await asyncio.to_thread(self._check_budget, missing)
        self._turns = InTurn(self._send, _request_of)
        drawn = Progress(self.name, len(self), wanted=progress)

        async def look() -> None:
            drawn.show(*self._how_far(await asyncio.to_thread(self._fates)))

        try:
            await look_on(self._go(missing), look)
        except (asyncio.CancelledError, KeyboardInterrupt):
            self._turns.halt()
            self._say_what_goes_on()
            raise
        finally:
            await drawn.finish(*self._how_far(await asyncio.to_thread(self._fates)))
        return self

    def _check_budget(self, missing: Sequence[Asked]) -> None:
        orders = [Order(estimate(_request_of(asked)), tags=asked.row.tags) for asked in missing]
        self._runtime.journal.check(orders, budgets=self._studio.own_budgets)

    async def _take_up(self) -> None:
        """Follow what an earlier run, which may have been killed, has left at work."""
        rows = await asyncio.to_thread(self._runtime.journal.rows_of_batch, self.name)
        if any(row.is_waiting or row.is_unclear for row in rows if not self._runtime.follows(row.key)):
            await self._studio.resume()

    async def _go(self, missing: Sequence[Asked]) -> None:
        await self._turns.go(missing)
        await self._turns.go(await self._settled())
        fates = await asyncio.to_thread(self._fates)
        await self._runtime.wait_for(fate.task.key for fate in fates if fate.task and fate.state == "at work")

    async def _settled(self) -> list[Asked]:
        """Wait until it is known of each row whether a task was made of it; those of which none was."""
        until = time.monotonic() + LONGEST_LOOK_SECONDS
        unclear: set[str] = set()
        while time.monotonic() < until and not self._turns.is_halted:
            fates = await asyncio.to_thread(self._fates)
            still = {fate.asked.slot for fate in fates if fate.task and fate.task.is_unclear}
            unclear |= still
            if not still:
                return [each.asked for each in fates if each.state == "ready" and each.asked.slot in unclear]
            await asyncio.sleep(_LOOK_SECONDS)
        return []

    async def _send(self, asked: Asked) -> None:
        try:
            async with self._turns.order:
                task, sending = await self._begin(asked)
        except InvalidRequest:
            if await asyncio.to_thread(self._is_there, asked):  # another run makes it
                return
            raise
        if self._turns.is_halted:
            await engine.bridge(self._runtime.stop({task.key}))
        with contextlib.suppress(OutcomeUnknown):  # it is looked for by itself
            await engine.wait(sending)

    async def _begin(self, asked: Asked) -> tuple[Task, Future[None]]:
        columns: RowChanges = {"batch": self.name, "batch_row": asked.slot, "note": asked.row.note}
        request, more = await check_request(self._runtime, _request_of(asked), {})
        begin = self._runtime.outbox.begin(
            request,
            budgets=self._studio.own_budgets,
            columns={**more, **columns},
            tags=asked.row.tags,
            lane="batch",
        )
        return await engine.bridge(begin)

    def _is_there(self, asked: Asked) -> bool:
        return any(same_row(row, asked) for row in self._runtime.journal.rows_of_batch(self.name))

    def _say_what_goes_on(self) -> None:
        counts = Counter(fate.state for fate in self._fates())
        if counts["ready"] or counts["at work"]:
            say(
                f"batch {self.name}: {counts['ready']:,} rows are not sent and stay so; "
                f"{counts['at work']:,} are at work and go on. "
                "`await batch.stop()` withdraws and cancels what can be; `await batch.run()` goes on."
            )

    def _how_far(self, fates: Sequence[Fate]) -> tuple[int, str]:
        return sum(fate.state in _OVER for fate in fates), self.headline(fates)

    # --- showing -----------------------------------------------------------------------------------------

    def headline(self, fates: Sequence[Fate]) -> str:
        """How it stands, in a line."""
        counts = Counter(fate.state for fate in fates)
        said = ", ".join(f"{counts[state]:,} {state}" for state in STATES if counts[state])
        billed = sum(row.usd or 0.0 for fate in fates for row in fate.tasks)
        return (
            f"Batch {self.name}: {count_text(len(fates), 'row')}: {said or 'none'}; {usd_text(billed)} billed"
        )

    def __repr__(self) -> str:
        fates = self._fates()
        lines = [self.headline(fates)]
        ready = [
            estimate(fate.asked.request) for fate in fates if fate.state == "ready" and fate.asked.request
        ]
        if ready:
            lines.append(f"  what is ready costs {_price(ready)}")
        wrong = [fate for fate in fates if fate.state in ("refused", "failed")]
        lines += [f"  {fate.state}: row {fate.asked.row.label}: {_reason(fate)}" for fate in wrong[:_SHOWN]]
        if len(wrong) > _SHOWN:
            lines.append(f"  and {len(wrong) - _SHOWN:,} more: batch.failed")
        lines += [f"  stopped: {reason}" for reason in self._turns.stopped.values()]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return f'<pre style="margin:0;overflow-x:auto;white-space:pre-wrap">{as_text(repr(self))}</pre>'

    def _ipython_display_(self) -> None:
        show_once(bundle_of(self))


def _request_of(asked: Asked) -> Any:
    return asked.request


def _price(ready: Sequence[Any]) -> str:
    usd = [each.usd_max for each in ready]
    if None in usd:
        return f"an amount that is not known: {usd.count(None):,} prices are missing"
    is_exact = all(each.usd == each.usd_max for each in ready)
    return f"{'' if is_exact else 'at most '}{usd_text(sum(usd))}"


def _reason(fate: Fate) -> str:
    if fate.task is None:
        return "; ".join(str(problem) for problem in fate.asked.problems)
    return ": ".join(filter(None, (fate.task.error_code, fate.task.error_message))) or str(fate.task.status)
