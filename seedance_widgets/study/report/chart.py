"""Win rates with their intervals as a drawing, an inline SVG that needs nothing but the page's colours.

It is drawn as wide as a telephone, and grows with the page: letters stay readable on both.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from seedance_widgets.units import is_absent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["intervals_svg"]

_WIDTH, _LEFT, _RIGHT = 360, 14, 346
_HEAD, _LINE, _GAP, _AXIS = 22, 20, 10, 30
_LONGEST = 24
_LETTERS = 44
# prefix of the columns, what it is called, whether it is the one that counts
_LINES = (
    ("", "decisive votes", True),
    ("half_", "a tie as half a win", False),
    ("failed_", "a failed clip as lost", False),
)


def intervals_svg(results: Sequence[Mapping[str, Any]], *, several: bool) -> str:
    """One block a row of results: its pair, and a line for the rate and each other way to count.

    Parameters
    ----------
    results
        Rows of results, as dicts; None where there is no figure.
    several
        Whether they differ in their criterion, which is named then.
    """
    parts: list[str] = []
    top = 0.0
    said = []
    for result in results:
        drawn = [line for line in _LINES if not is_absent(result.get(f"{line[0]}win_rate"))]
        title = f"{_short(result['arm_a'])} against {_short(result['arm_b'])}"
        if several:
            title = f"{result['criterion']}: {title}"
        parts.append(_text(_LEFT, top + 15, _cut(title, _LETTERS), "name"))
        top += _HEAD
        for prefix, label, counts in drawn:
            low, rate, high = (float(result[f"{prefix}{name}"]) for name in ("low", "win_rate", "high"))
            parts.append(_interval(top + _LINE / 2 + 5, low, rate, high, label, main=counts))
            top += _LINE + 8
            if counts:
                said.append(f"{title}: {rate:.0%}, {low:.0%} to {high:.0%}")
        if not drawn:
            parts.append(_text(_LEFT, top + 12, "no decisive vote", "label"))
            top += _LINE
        top += _GAP
    grid = "".join(
        f'<line x1="{_x(share):.1f}" x2="{_x(share):.1f}" y1="0" y2="{top:.0f}" class="{kind}"/>'
        for share, kind in ((0, "grid"), (0.25, "grid"), (0.5, "even"), (0.75, "grid"), (1, "grid"))
    )
    ticks = "".join(
        _text(_x(share), top + 14, f"{share:.0%}", "tick", anchor=anchor)
        for share, anchor in ((0, "start"), (0.25, "middle"), (0.5, "middle"), (0.75, "middle"), (1, "end"))
    )
    return (
        f'<svg viewBox="0 0 {_WIDTH} {top + _AXIS:.0f}" role="img" aria-label="{escape("; ".join(said))}">'
        f"{grid}{''.join(parts)}{ticks}"
        f"{_text(_x(0.5), top + 27, 'share of wins of the arm named first', 'tick', anchor='middle')}</svg>"
    )


def _interval(y: float, low: float, rate: float, high: float, label: str, *, main: bool) -> str:
    kind = "main" if main else "other"
    size = 4.5 if main else 3
    # beside the interval, where there is more room
    on_left = low > 1 - high
    at, anchor = (_x(low) - 6, "end") if on_left else (_x(high) + 6, "start")
    room = (_x(low) - _LEFT if on_left else _RIGHT - _x(high)) > len(label) * 5.4
    if not room:
        at, anchor = (_x(rate), "middle")
    text = _text(at, y + (4 if room else -7), label, "label", anchor=anchor)
    return (
        f'<g class="{kind}"><line x1="{_x(low):.1f}" x2="{_x(high):.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
        + "".join(
            f'<line x1="{_x(end):.1f}" x2="{_x(end):.1f}" y1="{y - 4:.1f}" y2="{y + 4:.1f}"/>'
            for end in (low, high)
        )
        + f'<circle cx="{_x(rate):.1f}" cy="{y:.1f}" r="{size}"/></g>{text}'
    )


def _x(share: float) -> float:
    return _LEFT + (_RIGHT - _LEFT) * share


def _text(x: float, y: float, words: str, kind: str, *, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{escape(words)}</text>'


def _short(name: str) -> str:
    return _cut(str(name), _LONGEST)


def _cut(words: str, length: int) -> str:
    return words if len(words) <= length else words[: length - 1] + "…"
