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
from seedance_widgets.credentials import is_id
from seedance_widgets.engine import engine
from seedance_widgets.errors import InvalidRequest, ServiceError
from seedance_widgets.log.matching import seed_differs

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from seedance_widgets.client import Client
    from seedance_widgets.log.journal import Journal, Row

__all__ = ["SETTLE_SECONDS", "Listing", "fingerprint_of", "listing", "settle"]

# a listing may lag behind a create by so much (assumed: nothing is documented)
SETTLE_SECONDS = 120.0
_SECOND = 1_000_000
_PAGE = 500  # the most that a page may hold (ModelArk docs 1521675)
_PAGES = 40
# clocks of two machines may disagree by so much without being called wrong
_SKEW_SECONDS = 300.0
# a gateway may hold a request back before the service makes the task
_HELD_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Listing:
    """What the service has of one model and tier.

    ``items`` as it tells them; ``complete`` says whether nothing can be missing; ``at`` is the moment of its
    first page by the service's clock (microseconds since 1970), by ours where it sent no Date.
    """

    items: tuple[Mapping[str, Any], ...]
    complete: bool
    at: int


async def listing(
    client: Client, model: str | None, tier: str, *, now: int, turn: Callable[[], Awaitable[None]]
) -> Listing:
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
    turn
        Awaited before each call, so that the account's rate of lists is kept.

    Raises
    ------
    ServiceError
        A page could not be had.
    """
    found: dict[str, Mapping[str, Any]] = {}
    at, complete, readable = now, False, True
    for page in range(1, _PAGES + 1):
        await turn()
        answer = await client.list(model=model, service_tier=tier, page_num=page, page_size=_PAGE)
        if page == 1 and answer.date is not None:
            at = int(answer.date.timestamp() * _SECOND)
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
    rows: Iterable[Row],
    *,
    now: int,
    turn: Callable[[], Awaitable[None]],
) -> list[Row]:
    """Look for the tasks of rows with status ``unknown`` and record what is found.

    Parameters
    ----------
    client, now, turn
        As in `listing`.
    journal
        Of the rows.
    rows
        Those to settle.

    Returns
    -------
    list of Row
        As they stand now: queued or further where found, ``not_created``, or still ``unknown`` with a note.
    """
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault(_list_of(row), []).append(row)
    settled = []
    for (model, tier), members in groups.items():
        try:
            told = await listing(client, model, tier, now=now, turn=turn)
        except ServiceError as error:
            note = f"it could not be looked for: {error}"
            settled += [
                await engine.write(journal.undecided, row["key"], _listed(row), note) for row in members
            ]
            continue
        # in this order: who is accepted just now is among those who still wait, or has an id by then
        waiting = [row for row in await engine.write(journal.unsettled) if _list_of(row) == (model, tier)]
        taken = await engine.write(journal.known_ids, [str(item["id"]) for item in told.items])
        free = [item for item in told.items if str(item["id"]) not in taken]
        for row in members:
            rivals = [other for other in waiting if other["key"] != row["key"]]
            found = _found(row, free, rivals, slack=_SKEW_SECONDS + abs(told.at - now) / _SECOND)
            settled.append(await _settle_one(journal, row, found, told, now))
    return settled


def _list_of(row: Row) -> tuple[str, str]:
    """Model and tier, which together have a list of their own."""
    return str(row["wire_model"]), row["service_tier"] or "default"


@dataclass(frozen=True, slots=True)
class _Found:
    """Listed tasks that are the row's, and those of which nobody can say."""

    sure: list[Mapping[str, Any]]
    perhaps: list[Mapping[str, Any]]


def _found(row: Row, free: Iterable[Mapping[str, Any]], rivals: Sequence[Row], *, slack: float) -> _Found:
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


async def _settle_one(journal: Journal, row: Row, found: _Found, told: Listing, now: int) -> Row:
    key = row["key"]
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
    if max(told.at, now) - row["intent_at"] > (days * 86_400 - _SKEW_SECONDS) * _SECOND:
        note = (
            f"the service's list goes back {days} days and may not show it any more: the account's bill says "
            "whether it was made, and task.abandon() frees what is reserved"
        )
        return await engine.write(journal.undecided, key, [], note)
    sent_at = row["sent_at"] or row["intent_at"]
    # by the service's clock and by ours: one of them may have been set since
    age = (min(told.at, now) - sent_at) / _SECOND
    if age < SETTLE_SECONDS:
        left = SETTLE_SECONDS - age
        note = f"not in the service's list yet; in {left:.0f} s that will mean that nothing was made"
        return await engine.write(journal.undecided, key, [], note)
    reason = f"no task with its fingerprint {age:.0f} s after it may have been sent: nothing was made"
    return await engine.write(journal.not_created, key, reason)


def fingerprint_of(row: Mapping[str, Any]) -> int | None:
    """The expiry, in seconds, that the row's task carries and by which it can be told from others."""
    return None if row["nonce"] is None else catalog.rules().expires_after_default + int(row["nonce"])


def _fits(row: Mapping[str, Any], item: Mapping[str, Any], *, slack: float) -> bool | None:
    """Whether a listed task is the row's; None where it does not show enough to tell."""
    # a field of another type than the service's says nothing, neither for nor against
    seed, expiry = (
        value if _is_whole(value := item.get(name)) else None for name in ("seed", "execution_expires_after")
    )
    created, model = item.get("created_at"), item.get("model")
    if isinstance(model, str) and model not in (row["wire_model"], row["model"]):
        return False
    if seed_differs(row, seed):
        return False
    if isinstance(created, int | float):
        first = row["intent_at"] / _SECOND - slack
        last = (row["sent_at"] or row["intent_at"]) / _SECOND + slack + _HELD_SECONDS
        if not first <= created <= last:
            return False
    own = fingerprint_of(row)
    if own is not None and expiry is not None:
        return bool(expiry == own)
    asked = json.loads(row["body"]).get("execution_expires_after") if row["body"] else None
    if own is None and None not in (asked, expiry) and asked != expiry:
        return False
    # without a fingerprint only the seed tells, and it is not shown before the end
    return True if seed is not None and row["requested_seed"] is not None else None


def _is_whole(told: object) -> TypeGuard[int]:
    return type(told) is int


def _listed(row: Row) -> list[str]:
    return [str(each) for each in json.loads(row["candidates"] or "[]")]
