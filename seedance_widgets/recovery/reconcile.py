"""Settle creates whose answer was lost, by looking for their tasks in the service's list.

What `signs` makes of each listed task and each row decides. A task with a sign that we drew ourselves is
adopted. That nothing was made takes a list in which nothing can be missing, long enough after the first look
by a clock that cannot jump, and in it no task that may be the row's. Everything in between stays ``unknown``,
with the candidates, for a person to decide. Nothing is ever sent from here.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from seedance_widgets import catalog
from seedance_widgets.background_loop import engine
from seedance_widgets.errors import InvalidRequest, ServiceError
from seedance_widgets.log.row import Status
from seedance_widgets.recovery.listing import Listing, listing_of_tier
from seedance_widgets.recovery.signs import (
    SKEW_SECONDS,
    Echoes,
    Listed,
    Moment,
    Verdict,
    Wanted,
    is_named_alike,
    likeness,
    strong_signs,
    weigh,
)
from seedance_widgets.units import DAY, micros_of, seconds_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from seedance_widgets.log.journal import Journal
    from seedance_widgets.log.looks import Looks
    from seedance_widgets.log.row import TaskRow
    from seedance_widgets.modelark.client import Client, Spacing

__all__ = ["LONGEST_LOOK_SECONDS", "SETTLE_SECONDS", "Settler"]

# a listing may lag behind a create by so much (assumed: nothing is documented)
SETTLE_SECONDS = 120.0
# so long until it is known that a task which the service does not list was not made, and some more
LONGEST_LOOK_SECONDS = SETTLE_SECONDS + 90.0
_SHOWN = 20  # candidates that a person may want to look at
# how a row's id was found: with a seed that is yet to be compared, or without
_FINGERPRINT, _NONCE_ALONE = "fingerprint", "nonce"
_KNOWN = 500  # tasks with a row, the newest, from which is learned what the service tells

T = TypeVar("T")


@dataclass(slots=True)
class _Found:
    """Of the listed tasks without a row, those that may be one row's."""

    by: str  # what says so of one of ours
    ours: list[Listed] = field(default_factory=list)
    likely: list[Listed] = field(default_factory=list)
    perhaps: list[Listed] = field(default_factory=list)


class Settler:
    """Looks for lost tasks; runs on the engine.

    Parameters
    ----------
    client, journal, looks
        Of the studio.
    lists
        The account's rate of LIST calls.
    """

    def __init__(self, client: Client, journal: Journal, looks: Looks, *, lists: Spacing) -> None:
        self._client = client
        self._journal = journal
        self._looks = looks
        self._lists = lists
        # of each row, as it was sent for the last time: the first look's moment, by a clock that only ticks
        self._since: dict[tuple[str, int], float] = {}

    async def settle(self, rows: Iterable[TaskRow], *, now: int) -> list[TaskRow]:
        """Look for the tasks of rows and record what is found.

        Parameters
        ----------
        rows
            With status ``unknown``; or ``not_created``, of which only a task that is surely its own is news.
        now
            Our clock, microseconds since 1970.

        Returns
        -------
        list of TaskRow
            As they stand now: queued or further where found, ``not_created``, or ``unknown`` with a note.
        """
        asked = time.monotonic()
        rows = list(rows)
        for row in rows:
            if row.status is Status.UNKNOWN:
                self._since.setdefault(_sending(row), asked)
        models = {str(row.wire_model) for row in rows}
        settled: list[TaskRow] = []
        told: Listing | None = None
        for tier, members in _by_tier(rows).items():
            try:
                more = await listing_of_tier(self._client, models, tier, lists=self._lists)
            except ServiceError as error:
                more = Listing((), f"it could not be looked for: {error}", None, asked)
            told = more if told is None else told.with_more(more)
            if members:
                settled += await self._settle_in(told, members, now)
        return settled

    async def _settle_in(self, told: Listing, members: Sequence[TaskRow], now: int) -> list[TaskRow]:
        # in this order: who is accepted just now is among those who still wait, or has an id by then
        open_rows = await engine.write(self._journal.rows_to_settle)
        open_rows += await engine.write(self._journal.rows_to_heal)
        ids = [str(item["id"]) for item in told.items]
        taken = await engine.write(self._journal.ids_with_row, ids)
        newest = [each for each in ids if each in taken][:_KNOWN]
        known = {str(row.task_id): row for row in await engine.write(self._journal.rows_of_ids, newest)}
        by_key = {row.key: row for row in (*members, *open_rows)}
        moment = Moment(told.date, now)
        found = await asyncio.to_thread(_find, list(by_key.values()), told, taken, known, moment)
        return [await self._settle_one(row, found[row.key], told, moment) for row in members]

    async def _settle_one(self, row: TaskRow, found: _Found, told: Listing, moment: Moment) -> TaskRow:
        if len(found.ours) == 1:
            return await self._match(row, found.ours[0], found.by)
        if row.status is not Status.UNKNOWN:
            return row
        age = await self._age(row, told)
        is_late = told.missing is None and age >= SETTLE_SECONDS
        if is_late and not found.ours and len(found.likely) == 1:
            # its own would be in the list by now: the service has drawn another seed
            return await self._match(row, found.likely[0], _NONCE_ALONE)
        candidates = found.ours or found.likely or found.perhaps
        if candidates:
            what = "1 task" if len(candidates) == 1 else f"{len(candidates)} tasks"
            note = f"{what} may be it; task.adopt(id) takes one, task.abandon() none"
            return await self._undecided(row, [each.id for each in candidates[:_SHOWN]], note)
        if told.missing is not None:
            return await self._undecided(row, _candidates_of(row), told.missing)
        if gone := _why_it_may_be_gone(row, moment):
            return await self._undecided(row, [], gone)
        if not is_late:
            left = SETTLE_SECONDS - age
            note = f"not in the service's list yet; in {left:.0f} s that will mean that nothing was made"
            return await self._undecided(row, [], note)
        reason = f"no task that may be it {age:.0f} s after it was first looked for: nothing was made"
        return await engine.write(self._journal.not_created, row.key, reason)

    async def _match(self, row: TaskRow, listed: Listed, by: str) -> TaskRow:
        try:
            return await engine.write(self._journal.matched, row.key, listed.item, by)
        except InvalidRequest:  # another look at the same list was quicker
            return await engine.write(self._journal.row, row.key)

    async def _undecided(self, row: TaskRow, candidates: Sequence[str], note: str) -> TaskRow:
        return await engine.write(self._journal.undecided, row.key, candidates, note)

    async def _age(self, row: TaskRow, told: Listing) -> float:
        """Seconds, at least, since the row was first looked for, which was after it was sent.

        Our clock may have been set since, so it is not asked: either this process has ticked so long, or the
        service's clock says so, even to another process.
        """
        age = told.since - self._since[_sending(row)]
        if told.date is not None:
            first = await engine.write(self._looks.first, row, told.date)
            age = max(age, seconds_of(told.date - first))
        return age


def _find(
    rows: Sequence[TaskRow],
    told: Listing,
    taken: set[str],
    known: dict[str, TaskRow],
    moment: Moment,
) -> dict[str, _Found]:
    """Of each row, which of the listed tasks without a row may be its own, the likest first."""
    wanted = [Wanted(row) for row in rows]
    listed = [Listed(item, moment) for item in told.items]
    echoes = Echoes()
    for each in listed:
        if each.id in known and known[each.id].matched_by != "person":
            echoes.learn(known[each.id], each)
    free = [each for each in listed if each.id not in taken]
    # a nonce that is told is told, whosever it turns out to be; of seeds only the same ones are news
    for one in wanted:
        for each in free:
            same_nonce, same_seed = strong_signs(one, each)
            if same_nonce or same_seed:
                echoes.learn_same(one, each)
    found = {
        row.key: _Found(_NONCE_ALONE if echoes.tells_seed(row) is False else _FINGERPRINT) for row in rows
    }
    for each in free:
        weighed = [(one, weigh(one, each, echoes, moment)) for one in wanted]
        _allot(each, [(one, verdict) for one, verdict in weighed if verdict is not Verdict.NOT], found)
    for one in wanted:
        _choose(one, found[one.row.key])
    return found


def _allot(listed: Listed, verdicts: list[tuple[Wanted, Verdict]], found: dict[str, _Found]) -> None:
    """Give a listed task to the row whose it is, or to all whose it may be."""
    owners = [one for one, verdict in verdicts if verdict is Verdict.OURS]
    if len(owners) > 1:  # the same nonce is free again for another model
        owners = _best(owners, lambda one: (sum(strong_signs(one, listed)), is_named_alike(one.row, listed)))
    if len(owners) == 1 and not _is_shared(owners[0], listed, verdicts):
        found[owners[0].row.key].ours.append(listed)
        return
    for one, verdict in verdicts:
        mine = found[one.row.key]
        (mine.likely if verdict is Verdict.LIKELY else mine.perhaps).append(listed)


def _is_shared(owner: Wanted, listed: Listed, verdicts: list[tuple[Wanted, Verdict]]) -> bool:
    """Whether only a seed says whose a task is, and another row has it too, as one that was sent again."""
    same_nonce, _ = strong_signs(owner, listed)
    return not same_nonce and any(one is not owner and one.seed == owner.seed for one, _ in verdicts)


def _choose(one: Wanted, found: _Found) -> None:
    """Of several tasks with a row's signs, the one that has more of them; the likest candidates first."""
    if len(found.ours) > 1:
        found.ours = _best(found.ours, lambda listed: sum(strong_signs(one, listed)))
    found.perhaps.sort(key=lambda listed: likeness(one, listed), reverse=True)


def _best(those: list[T], key: Callable[[T], Any]) -> list[T]:
    most = max(map(key, those))
    return [each for each in those if key(each) == most]


def _why_it_may_be_gone(row: TaskRow, moment: Moment) -> str | None:
    """Why a task may have been made and stand in no list any more."""
    days = catalog.rules().record_days
    ask = "the account's bill says whether it was made, and task.abandon() frees what is reserved"
    if row.intent_at > moment.ours + micros_of(SKEW_SECONDS):
        return f"this machine's clock was set back since, so nobody knows how long ago it was sent: {ask}"
    if max(moment.theirs or 0, moment.ours) - row.intent_at > micros_of(days * DAY - SKEW_SECONDS):
        return f"the service's list goes back {days} days and may not show it any more: {ask}"
    return None


def _by_tier(rows: Iterable[TaskRow]) -> dict[str, list[TaskRow]]:
    """The rows of each tier, which has a list of its own; the default one is read before all others.

    A service that has no flex for a model may make the task as a default one.
    """
    tiers: dict[str, list[TaskRow]] = {"default": []}
    for row in rows:
        tiers.setdefault(row.service_tier or "default", []).append(row)
    return tiers if any(tiers.values()) else {}


def _sending(row: TaskRow) -> tuple[str, int]:
    """A row as it was sent for the last time."""
    return row.key, row.sent_at or row.intent_at


def _candidates_of(row: TaskRow) -> list[str]:
    return [str(each) for each in json.loads(row.candidates or "[]")]
