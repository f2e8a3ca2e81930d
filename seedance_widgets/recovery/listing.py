"""What the service's list has of one tier, and whether anything may be missing in it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeGuard

from seedance_widgets.errors import APIError, RateLimited, ServerFault
from seedance_widgets.modelark.client import is_id
from seedance_widgets.units import micros_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from seedance_widgets.modelark.client import Client, Spacing

__all__ = ["Listing", "listing", "listing_of_tier"]

_PAGE = 500  # the most that a page may hold (ModelArk docs 1521675)
_PAGES = 40
_SHORTER_PAGE = 10  # where the service has a size of its own, a page holds so many, or some times that
_LAST_WITHOUT_TOTAL = 2  # one page, and the empty one that ends it
_CUT = "the service's list could not be read to its end"
_FILTERED = "the service lists only one model at a time for this key, and may name it otherwise in its list"


@dataclass(frozen=True, slots=True)
class Listing:
    """What the service has of one tier.

    ``items`` as it tells them. ``missing`` says why something may be missing, None if nothing can be.
    ``date`` is the moment of its first page by the service's clock (microseconds since 1970), None where it
    sent no Date. ``since`` is the moment of the first call by a clock that cannot be set (seconds).
    """

    items: tuple[Mapping[str, Any], ...]
    missing: str | None
    date: int | None
    since: float

    def with_more(self, other: Listing) -> Listing:
        """With what another list has, which was read later."""
        items = {str(item["id"]): item for item in (*self.items, *other.items)}
        missing, date = self.missing or other.missing, self.date or other.date
        return Listing(tuple(items.values()), missing, date, self.since)


async def listing(client: Client, model: str | None, tier: str, *, lists: Spacing) -> Listing:
    """List all tasks of the service's 7 days, page by page.

    Parameters
    ----------
    client
        Of the service.
    model
        Model or endpoint id as it is sent, None for all.
    tier
        default or flex: each has a list of its own.
    lists
        The account's rate of LIST calls.

    Raises
    ------
    ServiceError
        A page could not be had.
    """
    found: dict[str, Mapping[str, Any]] = {}
    date, complete, readable, most = None, False, True, 0
    await lists.turn()
    since = time.monotonic()
    for page in range(1, _PAGES + 1):
        if page > 1:
            await lists.turn()
        answer = await client.list(model=model, service_tier=tier, page_num=page, page_size=_PAGE)
        if page == 1 and answer.date is not None:
            date = micros_of(answer.date.timestamp())
        items, total = answer.data.get("items"), answer.data.get("total")
        if not isinstance(items, list):
            break
        named = _named(items)
        is_news = not named.keys() <= found.keys()
        # new tasks push others to a later page, where they come twice; ids are counted once
        found |= named
        # what cannot be read may be the one that is looked for
        readable &= len(named) == len(items)
        # a service may have shorter pages than it is asked for, and count only what a page holds
        may_go_on = bool(items) and (total is None or len(items) % _SHORTER_PAGE == 0)
        if _is_whole(total):
            complete = len(found) >= total
            # a record that is deleted meanwhile pulls others to a page that was read already
            readable &= len(found) <= total and most <= total
            most = max(most, total)
        else:
            complete = total is None and not items and page <= _LAST_WITHOUT_TOTAL
        if (complete and not may_go_on) or not is_news:
            break
    if complete and found and total is None:
        # nobody tells whether the page has shifted since, unless it is the same still
        await lists.turn()
        answer = await client.list(model=model, service_tier=tier, page_num=1, page_size=_PAGE)
        complete = _named(answer.data.get("items")).keys() == found.keys()
    return Listing(tuple(found.values()), None if complete and readable else _CUT, date, since)


async def listing_of_tier(client: Client, models: Collection[str], tier: str, *, lists: Spacing) -> Listing:
    """`listing` of all models; of these alone where the key may not ask for more.

    Raises
    ------
    ServiceError
        A page could not be had.
    """
    try:
        return await listing(client, None, tier, lists=lists)
    except (RateLimited, ServerFault):
        raise
    except APIError as error:  # a key with custom permissions has to name a model (ModelArk docs 1521675)
        try:
            parts = [await listing(client, model, tier, lists=lists) for model in sorted(models)]
        except APIError:
            raise error from None
    items = {str(item["id"]): item for part in parts for item in part.items}
    return Listing(tuple(items.values()), _FILTERED, parts[0].date, parts[0].since)


def _named(items: object) -> dict[str, Mapping[str, Any]]:
    """The tasks of a page that can be read, by id."""
    told = items if isinstance(items, list) else []
    return {item["id"]: item for item in told if isinstance(item, dict) and is_id(item.get("id"))}


def _is_whole(told: object) -> TypeGuard[int]:
    return type(told) is int
