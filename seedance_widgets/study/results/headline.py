"""A row of results as one sentence, about the arm that wins more."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from seedance_widgets.study.formatting import p_value, share, span
from seedance_widgets.units import is_absent

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["answer", "answer_html", "leading_first", "the_other_way"]

_EVEN = 0.5
_RATES = ("", "half_", "failed_", "bt_")
_SWAPPED = (("arm_a", "arm_b"), ("wins", "losses"), ("sign_wins", "sign_losses"))


def answer(result: Mapping[str, Any], *, several: bool = False) -> str:
    """The answer that a row of results gives; ``several`` criteria are named."""
    return "".join(_words(leading_first(result), several=several))


def answer_html(result: Mapping[str, Any], *, several: bool = False) -> str:
    """The same with the arms' names set off."""
    told = (escape(each) for each in _words(leading_first(result), several=several))
    return "".join(f"<b>{each}</b>" if at % 2 else each for at, each in enumerate(told))


def leading_first(result: Mapping[str, Any]) -> dict[str, Any]:
    """A row of results from the side of the arm that wins more; what is not known is None."""
    leads = is_absent(result["win_rate"]) or result["win_rate"] >= _EVEN
    return dict(result) if leads else the_other_way(result)


def the_other_way(result: Mapping[str, Any]) -> dict[str, Any]:
    """A row of results from the side of the other arm."""
    ranges = [(f"{prefix}low", f"{prefix}high") for prefix in _RATES]
    ranges += [("unit_out_low", "unit_out_high"), ("rater_out_low", "rater_out_high")]
    rates = [f"{prefix}win_rate" for prefix in _RATES]
    mirrored = {name: result.get(other) for low, high in ranges for name, other in ((low, high), (high, low))}
    mirrored |= {name: result.get(name) for name in rates}
    swapped = {name: result[other] for a, b in _SWAPPED for name, other in ((a, b), (b, a))}
    return {
        **result,
        **swapped,
        **{name: _rest(value) for name, value in mirrored.items()},
    }


def _rest(share: Any) -> float | None:
    return None if is_absent(share) else 1 - share


def _words(result: Mapping[str, Any], *, several: bool) -> tuple[str, ...]:
    """Words, and names of arms at every second place."""
    about = f"{result['criterion']}: " if several else ""
    first, second = str(result["arm_a"]), str(result["arm_b"])
    if is_absent(result["win_rate"]):
        return (f"{about}No decisive vote on ", first, " and ", second, ".")
    wins = f"wins {share(result['win_rate'])} of decisive votes"
    sure = f"(95 % interval {span(result['low'], result['high'])}, {p_value(result['p_adjusted'])})."
    if result["significant"]:
        return (about, first, " is preferred to ", second, f": it {wins} {sure}")
    return (f"{about}No difference between ", first, " and ", second, " is shown: ", first, f" {wins} {sure}")
