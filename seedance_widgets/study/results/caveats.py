"""Notes that a reader of results needs beside the figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seedance_widgets.study.results.win_rates import ALPHA, FEWEST
from seedance_widgets.units import count_text

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["notes_on"]

# an arm on one side this often is no longer balanced enough to leave the side out of account
_MOSTLY = 2 / 3
_PROBLEMS = {
    "disconnected": "some arms were never compared, not even through others: they have no order",
    "confounded": "sides cannot be told from arms: strengths and side bias are not known",
    "separated": "an arm or a side always wins, or an arm on one side: "
    "strengths and side bias are pulled to even, no interval",
}


def notes_on(result: Mapping[str, Any], *, clips_per_unit: float, looks: int, tests: int) -> str:
    """The notes for one row of results, joined by "; ".

    Parameters
    ----------
    result
        Columns of the row, and ``problems`` of the Bradley-Terry fit.
    clips_per_unit
        Seeds an item, on average.
    looks
        How many times results have been looked at.
    tests
        How many p-values share the level.
    """
    unit = result["unit"]
    notes = []
    if unit == "seed":
        notes.append("for these prompts only: without items the seed is what counts")
    if result["units"] < FEWEST:
        few = count_text(result["units"], f"independent {unit}")
        notes.append(f"{few} can never reach significance: it takes {FEWEST}")
    if unit == "item" and clips_per_unit <= 1:
        notes.append("one seed an item: what the seed does cannot be told from what the item does")
    if looks > 1:
        notes.append(f"looked at {looks} times: p_adjusted counts every look")
    if tests > 1:
        notes.append(f"{tests} comparisons share the level (Holm)")
    notes += _on_votes(result)
    notes += [_PROBLEMS[name] for name in result["problems"]]
    notes += _on_robustness(result)
    return "; ".join(notes)


def _on_votes(result: Mapping[str, Any]) -> list[str]:
    notes = []
    if result["skips"]:
        notes.append(f"{result['skips']} skipped")
    if result["side_p"] < ALPHA:
        notes.append(f"{'left' if result['side_bias'] > 0 else 'right'} is preferred whatever it shows")
    if not 1 - _MOSTLY <= result["first_left"] <= _MOSTLY and result["decisive"]:
        share = f"{result['first_left']:.0%}"
        notes.append(f"sides are not balanced: {result['arm_a']} was on the left in {share}")
    if result.get("failed_pairs"):
        notes.append(f"{count_text(result['failed_pairs'], 'pair')} could not be shown, as a clip failed")
    notes += result.get("incomplete", [])
    return notes


def _on_robustness(result: Mapping[str, Any]) -> list[str]:
    found = {result["unit"]: result["unit_out_flips"], "rater": result["rater_out_flips"]}
    flips = {name: count for name, count in found.items() if count}
    which = [f"one {name}" if n == 1 else f"any one of {count_text(n, name)}" for name, n in flips.items()]
    return [f"leaving out {each} changes the verdict" for each in which]
