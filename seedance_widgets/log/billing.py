"""What a task that has succeeded cost, and what of it is otherwise than asked for, in words.

The price is that of what was made: the service may answer with another tier, sound, resolution or model than
was asked for. Whatever differs is said in the row's ``remark``, and nothing is taken to be free in silence.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from seedance_widgets import catalog
from seedance_widgets.catalog.model import ADAPTIVE
from seedance_widgets.errors import InvalidRequest
from seedance_widgets.request.fields import PARAMETERS
from seedance_widgets.request.pricing import cost_usd, frames_of
from seedance_widgets.units import usd_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from seedance_widgets.catalog.model import Model, Price
    from seedance_widgets.log.row import RowChanges, TaskRow

__all__ = ["read_tokens", "settle"]

# fields whose value is not to be compared: the service may choose it, or the seed is compared by the row
_OPEN = (ADAPTIVE, -1, None)
_COMPARED = [
    name
    for name, row in PARAMETERS.items()
    if row.answered and name != "seed" and (not row.unseen or name == "service_tier")
]
# what the service does by itself where a body is silent
_SILENT = {"service_tier": "default", "draft": False}


def settle(row: TaskRow, answer: Mapping[str, Any]) -> RowChanges:
    """Size and cost of a task that has succeeded, and what is remarkable about them.

    Parameters
    ----------
    row
        With what the answer says of it; ``reserved_usd`` and ``usd_per_million`` are still those of its
        estimate.
    answer
        The task, as GET or LIST tells it.

    Returns
    -------
    RowChanges
        ``usd`` is the billed tokens at the price of what was made. Where the service does not say how many,
        it is None and what was reserved stays so.
    """
    settled: RowChanges = {}
    asked = _asked_model(row)
    made = _made_model(row, answer) or asked
    if "frames" not in answer and row.duration is not None:
        settled["frames"] = frames_of(row.duration)
    if made and (size := made.size(str(row.resolution), str(row.ratio))):
        settled["width"], settled["height"] = size
    price = _price(row, made)
    per_million = row.usd_per_million if price is None else price.usd_per_million
    if price is not None:
        settled["price_id"] = price.id
    settled["usd_per_million"] = per_million
    settled["usd"] = usd = cost_usd(row.tokens, per_million)
    if row.tokens is not None:
        settled["reserved_usd"] = 0.0
    remarks = [*_differences(row, answer, asked, made), *_oddities(row, answer, usd)]
    settled["remark"] = "; ".join(remarks) or None
    return settled


def read_tokens(answer: Mapping[str, Any]) -> int | None:
    """The billed tokens that an answer tells, also as text or as a float; None where it tells none."""
    value = _told_tokens(answer)
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdecimal():
        return int(value)
    if isinstance(value, float) and value.is_integer() and value >= 0:
        return int(value)
    return value if type(value) is int and value >= 0 else None


def _told_tokens(answer: Mapping[str, Any]) -> Any:
    usage = answer.get("usage")
    if not isinstance(usage, dict):
        return None
    told = usage.get("completion_tokens")
    return usage.get("total_tokens") if told is None else told


def _asked_model(row: TaskRow) -> Model | None:
    try:
        return catalog.find(str(row.model))
    except InvalidRequest:
        return None


def _made_model(row: TaskRow, answer: Mapping[str, Any]) -> Model | None:
    """The model that an answer names; an endpoint may be answered with the model behind it."""
    told = answer.get("model")
    if not isinstance(told, str) or told == row.wire_model or str(row.wire_model).startswith("ep-"):
        return None
    try:
        return catalog.find(told)
    except InvalidRequest:
        return None


def _price(row: TaskRow, made: Model | None) -> Price | None:
    """The price of what was made; None where that is what the row was estimated with."""
    if made is None:
        return None
    price = made.price_for(
        tier=str(row.service_tier or "default"),
        resolution=str(row.resolution),
        audio=made.audio if row.generate_audio is None else row.generate_audio,
        video_input=row.reference_videos not in (None, "[]"),
    )
    if price is None or (row.price_id and _kind_of(price.id) == _kind_of(row.price_id)):
        return None
    return price


def _kind_of(price_id: str) -> str:
    """What a price is of: its id without its date."""
    return price_id.partition("@")[0]


def _differences(
    row: TaskRow, answer: Mapping[str, Any], asked: Model | None, made: Model | None
) -> Iterator[str]:
    """What was made otherwise than asked for."""
    if asked and made and asked.id != made.id:
        yield f"asked for model {asked.name}, got {made.name}"
    if row.requested_seed is not None and row.seed not in (None, row.requested_seed):
        yield f"asked for seed {row.requested_seed}, got {row.seed}"
    if row.body is None:
        return  # made elsewhere
    body = {**_SILENT, **json.loads(row.body)}
    for name in _COMPARED:
        # an earlier answer may have told what the last one leaves out
        wanted, told = body.get(name), getattr(row, name) if PARAMETERS[name].logged else answer.get(name)
        if wanted not in _OPEN and type(told) is type(wanted) and told != wanted:
            yield f"asked for {name} {wanted}, got {told}"


def _oddities(row: TaskRow, answer: Mapping[str, Any], usd: float | None) -> Iterator[str]:
    """What is odd about the bill."""
    told, most = _told_tokens(answer), row.reserved_usd or row.est_usd
    if row.tokens is None:
        kept = f"{usd_text(most)} stays reserved" if most else "its cost is not known"
        yield f"the service does not say how many tokens it billed ({told!r:.30}): {kept}"
        return
    if type(told) is not int:
        yield f"the service told its tokens as {told!r:.30}"
    if not row.tokens:
        yield "the service billed 0 tokens for this clip: see the bill in its console"
    if usd is not None and most and usd > most + 1e-9:
        yield f"billed {usd_text(usd)}, and at most {usd_text(most)} was reserved"
