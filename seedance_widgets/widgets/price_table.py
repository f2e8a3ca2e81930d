"""The price of a request in every tier, with and without sound, as a small table."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from seedance_widgets.errors import InvalidRequest
from seedance_widgets.request.pricing import estimate
from seedance_widgets.units import usd_text

if TYPE_CHECKING:
    from seedance_widgets.request.pricing import Estimate
    from seedance_widgets.request.task_request import TaskRequest

__all__ = ["price_html"]

_NEARLY = 1.01  # a bound so near to what is expected says nothing new


def price_html(request: TaskRequest) -> str:
    """Size, length and tokens of a request, and what each tier would cost; the chosen one is marked."""
    chosen = estimate(request)
    offered = request.parameters()
    tiers = offered["service_tier"].choices
    with_choice = offered["generate_audio"].is_offered
    sounds: tuple[bool | None, ...] = (True, False) if with_choice else (None,)
    chosen_cell = (request.effective("service_tier"), request.effective("generate_audio"))
    heads = [{True: "with sound", False: "silent", None: "price"}[sound] for sound in sounds]
    rows = []
    for tier in tiers:
        cells = []
        for sound in sounds:
            is_chosen = chosen_cell[0] == tier and (not with_choice or chosen_cell[1] == sound)
            label = _usd(_price(request, tier, sound))
            mark = f'<strong aria-label="chosen: {label}">{label} ✓</strong>'
            cells.append(f"<td>{mark if is_chosen else label}</td>")
        rows.append(f'<tr><th scope="row">{escape(tier)}</th>{"".join(cells)}</tr>')
    head = "".join(f'<th scope="col">{text}</th>' for text in heads)
    notes = "".join(f"<li>{escape(note)}</li>" for note in chosen.notes)
    return (
        f'<div class="sw-form-price-size">{escape(_size(chosen))}</div>'
        f'<table><thead><tr><th scope="col">tier</th>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>" + (f"<ul>{notes}</ul>" if notes else "")
    )


def _price(request: TaskRequest, tier: str, sound: bool | None) -> Estimate | None:
    changes: dict[str, Any] = {"service_tier": tier}
    if sound is not None:
        changes["generate_audio"] = sound
    try:
        return estimate(request.replace(**changes))
    except InvalidRequest:
        return None


def _size(known: Estimate) -> str:
    size = f"{known.width} x {known.height} px" if known.width else "size by the service"
    frames = f"{known.frames} frames" if known.frames else "length by the service"
    if known.tokens is not None:
        return f"{size} · {frames} · {'' if known.exact else 'about '}{known.tokens:,} tokens"
    if known.tokens_max is not None:
        return f"{size} · {frames} · at most {known.tokens_max:,} tokens"
    return f"{size} · {frames} · tokens not known"


def _usd(known: Estimate | None) -> str:
    if known is None:
        return "not offered"
    if known.usd is not None:
        about = f"{'' if known.exact else '≈ '}{usd_text(known.usd)}"
        is_bound = known.usd_max is None or known.usd_max <= known.usd * _NEARLY
        return about if is_bound else f"{about}, ≤ {usd_text(known.usd_max or 0.0)}"
    return "not known" if known.usd_max is None else f"≤ {usd_text(known.usd_max)}"
