"""Make the clips that a study lacks, through the gates, behind what people submit; none is made twice."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from seedance_widgets.background_loop import engine
from seedance_widgets.errors import InvalidStudy, OutcomeUnknown
from seedance_widgets.log.row_mapping import Order
from seedance_widgets.request.pricing import estimate
from seedance_widgets.sending.in_turn import InTurn, look_on
from seedance_widgets.studio import check_request
from seedance_widgets.study.making.clip_states import fates_of
from seedance_widgets.study.making.progress import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from seedance_widgets.log.row import RowChanges
    from seedance_widgets.studio import Studio
    from seedance_widgets.study.making.clip_states import Fate
    from seedance_widgets.study.making.design import Clip, Design

__all__ = ["Run"]


class Run:
    """One run of a study.

    Parameters
    ----------
    studio
        Pays for it.
    name, design
        Of the study.
    show
        Given the outcome so far, about once a second, and the last one at the end.
    """

    def __init__(self, studio: Studio, name: str, design: Design, *, show: Callable[[Outcome], None]) -> None:
        self._studio = studio
        self._runtime = studio.runtime
        self._name = name
        self._design = design
        self._show = show
        self._turns = InTurn(self._send, lambda clip: clip.request)

    async def go(self, *, retry_failed: bool) -> Outcome:
        """Make the missing clips, wait until none is at work any more, and return the outcome.

        Raises
        ------
        BudgetExceeded
            The budget does not cover all that is missing; nothing was sent.
        """
        await self._take_up()
        again = ("missing", "refused", "failed") if retry_failed else ("missing",)
        gaps = [fate.clip for fate in await self._fates() if fate.state in again]
        await asyncio.to_thread(self._check_budget, gaps)

        async def look() -> None:
            self._show(await asyncio.to_thread(self._outcome, gaps))

        await look_on(self._make(gaps), look)
        outcome = await asyncio.to_thread(self._outcome, gaps)
        self._show(outcome)
        return outcome

    # --- inside ------------------------------------------------------------------------------------------

    def _read_fates(self) -> list[Fate]:
        return [*fates_of(self._design, self._runtime.studies.tasks(self._name)).values()]

    async def _fates(self) -> list[Fate]:
        # not on the loop that runs here, which may be the one that watches the service
        return await asyncio.to_thread(self._read_fates)

    def _outcome(self, asked: Sequence[Clip]) -> Outcome:
        prices = [estimate(clip.request).usd_max for clip in asked]
        return Outcome(
            self._name,
            [*self._design.arms],
            self._read_fates(),
            asked_usd=None if None in prices else sum(price or 0.0 for price in prices),
            asked=len(asked),
            stopped=tuple(self._turns.stopped.values()),
        )

    async def _take_up(self) -> None:
        """Follow what an earlier run, which may have been killed, has left at work."""
        open_rows = [fate.row for fate in await self._fates() if fate.state == "unfinished" and fate.row]
        if any(not self._runtime.follows(row.key) for row in open_rows):
            await self._studio.resume()

    def _check_budget(self, gaps: Sequence[Clip]) -> None:
        orders = [Order(estimate(clip.request)) for clip in gaps]
        self._runtime.journal.check(orders, budgets=self._studio.own_budgets)

    async def _make(self, gaps: Iterable[Clip]) -> None:
        """Send the clips, then wait for all that are at work."""
        await self._turns.go(gaps)
        fates = await self._fates()
        await self._runtime.wait_for(
            fate.row.key for fate in fates if fate.row and fate.state == "unfinished"
        )

    async def _send(self, clip: Clip) -> None:
        arm, item, seed = clip.slot
        columns: RowChanges = {"study": self._name, "arm": arm, "item": item, "study_seed": seed}
        # another run makes it; or it is looked for by itself
        with contextlib.suppress(InvalidStudy, OutcomeUnknown):
            async with self._turns.order:
                request, _ = await check_request(self._runtime, clip.request, {})
                begin = self._runtime.outbox.begin(
                    request, budgets=self._studio.own_budgets, columns=columns, lane="batch"
                )
                _, sending = await engine.bridge(begin)
            await engine.wait(sending)
