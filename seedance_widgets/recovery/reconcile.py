"""Settle creates whose answer was lost, by looking for their tasks in the service's list.

A row's fingerprint (in the expiry that every listing echoes) and its seed (shown once a task has succeeded)
say which listed task it asked for. One match is adopted. None in a complete listing taken long enough after
the last moment at which it may have been sent means that nothing was made. Everything in between stays
``unknown``, with the candidates, for a person to decide. Nothing is ever sent from here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeGuard

from seedance_widgets import catalog
from seedance_widgets.background_loop import engine
from seedance_widgets.errors import InvalidRequest, ServiceError
from seedance_widgets.log.row_mapping import seed_differs
from seedance_widgets.modelark.client import is_id
from seedance_widgets.units import DAY, HOUR, micros_of, seconds_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from seedance_widgets.log.journal import Journal
    from seedance_widgets.log.row import TaskRow
    from seedance_widgets.modelark.client import Client, Spacing

__all__ = ["SETTLE_SECONDS", "Listing", "fingerprint_of", "listing", "settle"]

# a listing may lag behind a create by so much (assumed: nothing is documented)
SETTLE_SECONDS = 120.0
_PAGE = 500  # the most that a page may hold (ModelArk docs 1521675)
_PAGES = 40
# clocks of two machines may disagree by so much without being called wrong
_SKEW_SECONDS = 300.0
# a gateway may hold a request back before the service makes the task
_HELD_SECONDS = HOUR


@dataclass(frozen=True, slots=True)
class Listing:
    """What the service has of one model and tier.

    ``items`` as it tells them; ``complete`` says whether nothing can be missing; ``at`` is the moment of its
    first page by the service's clock (microseconds since 1970), by ours where it sent no Date.
    """

    items: tuple[Mapping[str, Any], ...]
    complete: bool
    at: int


async def listing(client: Client, model: str | None, tier: str, *, now: int, lists: Spacing) -> Listing:
    """List all tasks of the service's 7 days, page by page.

    Parameters
    ----------
    client
        Of the service.
    model
        Model or endpoint id as it is sent, None for all.
    tier
        default or flex: each has a list of its own.
    now
        Our clock, microseconds since 1970.
    lists
        The account's rate of LIST calls.

    Raises
    ------
    ServiceError
        A page could not be had.
    """
    found: dict[str, Mapping[str, Any]] = {}
    at, complete, readable = now, False, True
    for page in range(1, _PAGES + 1):
        await lists.turn()
        answer = await client.list(model=model, service_tier=tier, page_num=page, page_size=_PAGE)
        if page == 1 and answer.date is not None:
            at = micros_of(answer.date.timestamp())
        items, total = answer.data.get("items"), answer.data.get("total")
        if not isinstance(items, list):
            break
        named = {item["id"]: item for item in items if isinstance(item, dict) and is_id(item.get("id"))}
        is_news = not named.keys() <= found.keys()
        found |= named
        # new tasks push others to a later page, where they come twice; ids are counted once
        complete = len(found) >= total if _is_whole(total) else total is None and len(items) < _PAGE
        # what cannot be read may be the one that is looked for
        readable &= len(named) == len(items) and not (_is_whole(total) and total < len(named))
        if complete or not is_news:
            break
    return Listing(tuple(found.values()), complete and readable, at)


async def settle(
    client: Client,
    journal: Journal,
    rows: Iterable[TaskRow],
    *,
    now: int,
    lists: Spacing,
) -> list[TaskRow]:
    """Look for the tasks of rows with status ``unknown`` and record what is found.

    Parameters
    ----------
    client, now, lists
        As in `listing`.
    journal
        Of the rows.
    rows
        Those to settle.

    Returns
    -------
    list of TaskRow
        As they stand now: queued or further where found, ``not_created``, or still ``unknown`` with a note.
    """
    groups: dict[tuple[str, str], list[TaskRow]] = {}
    for row in rows:
        groups.setdefault(_list_of(row), []).append(row)
    settled = []
    for (model, tier), members in groups.items():
        try:
            told = await listing(client, model, tier, now=now, lists=lists)
        except ServiceError as error:
            note = f"it could not be looked for: {error}"
            settled += [
                await engine.write(journal.undecided, row.key, _candidates_of(row), note) for row in members
            ]
            continue
        # in this order: who is accepted just now is among those who still wait, or has an id by then
        waiting = [
            row for row in await engine.write(journal.rows_to_settle) if _list_of(row) == (model, tier)
        ]
        taken = await engine.write(journal.ids_with_row, [str(item["id"]) for item in told.items])
        free = [item for item in told.items if str(item["id"]) not in taken]
        for row in members:
            rivals = [other for other in waiting if other.key != row.key]
            found = _find(row, free, rivals, slack=_SKEW_SECONDS + seconds_of(abs(told.at - now)))
            settled.append(await _settle_one(journal, row, found, told, now))
    return settled


def _list_of(row: TaskRow) -> tuple[str, str]:
    """Model and tier, which together have a list of their own."""
    return str(row.wire_model), row.service_tier or "default"


@dataclass(frozen=True, slots=True)
class _Found:
    """Listed tasks that are the row's, and those of which nobody can say."""

    sure: list[Mapping[str, Any]]
    perhaps: list[Mapping[str, Any]]


def _find(
    row: TaskRow, free: Iterable[Mapping[str, Any]], rivals: Sequence[TaskRow], *, slack: float
) -> _Found:
    found = _Found([], [])
    for item in free:
        fits = _fits(row, item, slack=slack)
        marked = fingerprint_of(row) is not None and _is_whole(item.get("execution_expires_after"))
        # a seed alone is shared by many, as by the arms of a study
        if fits and not marked and any(_fits(other, item, slack=slack) is not False for other in rivals):
            fits = None
        if fits is not False:
            (found.sure if fits else found.perhaps).append(item)
    return found


async def _settle_one(journal: Journal, row: TaskRow, found: _Found, told: Listing, now: int) -> TaskRow:
    key = row.key
    if len(found.sure) == 1:
        try:
            return await engine.write(journal.matched, key, found.sure[0], "fingerprint")
        except InvalidRequest:  # another look at the same list was quicker
            return await engine.write(journal.row, key)
    if found.sure or found.perhaps:
        ids = [str(item["id"]) for item in found.sure or found.perhaps]
        what = "1 task" if len(ids) == 1 else f"{len(ids)} tasks"
        note = f"{what} may be it; task.adopt(id) takes one, task.abandon() none"
        return await engine.write(journal.undecided, key, ids, note)
    if not told.complete:
        return await engine.write(
            journal.undecided, key, [], "the service's list could not be read to its end"
        )
    days = catalog.rules().record_days
    if max(told.at, now) - row.intent_at > micros_of(days * DAY - _SKEW_SECONDS):
        note = (
            f"the service's list goes back {days} days and may not show it any more: the account's bill says "
            "whether it was made, and task.abandon() frees what is reserved"
        )
        return await engine.write(journal.undecided, key, [], note)
    sent_at = row.sent_at or row.intent_at
    # by the service's clock and by ours: one of them may have been set since
    age = seconds_of(min(told.at, now) - sent_at)
    if age < SETTLE_SECONDS:
        left = SETTLE_SECONDS - age
        note = f"not in the service's list yet; in {left:.0f} s that will mean that nothing was made"
        return await engine.write(journal.undecided, key, [], note)
    reason = f"no task with its fingerprint {age:.0f} s after it may have been sent: nothing was made"
    return await engine.write(journal.not_created, key, reason)


def fingerprint_of(row: TaskRow) -> int | None:
    """The expiry, in seconds, that the row's task carries and by which it can be told from others."""
    return None if row.nonce is None else catalog.rules().expires_after_default + int(row.nonce)


def _fits(row: TaskRow, item: Mapping[str, Any], *, slack: float) -> bool | None:
    """Whether a listed task is the row's; None where it does not show enough to tell."""
    # a field of another type than the service's says nothing, neither for nor against
    seed, expiry = (
        value if _is_whole(value := item.get(name)) else None for name in ("seed", "execution_expires_after")
    )
    created, model = item.get("created_at"), item.get("model")
    if isinstance(model, str) and model not in (row.wire_model, row.model):
        return False
    if seed_differs(row, seed):
        return False
    if isinstance(created, int | float):
        first = seconds_of(row.intent_at) - slack
        last = seconds_of(row.sent_at or row.intent_at) + slack + _HELD_SECONDS
        if not first <= created <= last:
            return False
    own = fingerprint_of(row)
    if own is not None and expiry is not None:
        return bool(expiry == own)
    asked = json.loads(row.body).get("execution_expires_after") if row.body else None
    if own is None and None not in (asked, expiry) and asked != expiry:
        return False
    # without a fingerprint only the seed tells, and it is not shown before the end
    return True if seed is not None and row.requested_seed is not None else None


def _is_whole(told: object) -> TypeGuard[int]:
    return type(told) is int


def _candidates_of(row: TaskRow) -> list[str]:
    return [str(each) for each in json.loads(row.candidates or "[]")]
