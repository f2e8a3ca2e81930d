"""What a reader of results has to be told beside the figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seedance_widgets.study.win_rates import ALPHA, FEWEST
from seedance_widgets.study.words import counted

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


def notes_on(row: Mapping[str, Any], *, clips_per_unit: float, looks: int, tests: int) -> str:
    """The notes for one row of results, joined by "; ".

    Parameters
    ----------
    row
        Columns of the row, and ``problems`` of the Bradley-Terry fit.
    clips_per_unit
        Seeds an item, on average.
    looks
        How many times results have been looked at.
    tests
        How many p-values share the level.
    """
    unit = row["unit"]
    notes = []
    if unit == "seed":
        notes.append("for these prompts only: without items the seed is what counts")
    if row["units"] < FEWEST:
        few = counted(row["units"], f"independent {unit}")
        notes.append(f"{few} can never reach significance: it takes {FEWEST}")
    if unit == "item" and clips_per_unit <= 1:
        notes.append("one seed an item: what the seed does cannot be told from what the item does")
    if looks > 1:
        notes.append(f"looked at {looks} times: p_adjusted counts every look")
    if tests > 1:
        notes.append(f"{tests} comparisons share the level (Holm)")
    notes += _on_votes(row)
    notes += [_PROBLEMS[name] for name in row["problems"]]
    notes += _on_robustness(row)
    return "; ".join(notes)


def _on_votes(row: Mapping[str, Any]) -> list[str]:
    notes = []
    if row["skips"]:
        notes.append(f"{row['skips']} skipped")
    if row["side_p"] < ALPHA:
        notes.append(f"{'left' if row['side_bias'] > 0 else 'right'} is preferred whatever it shows")
    if not 1 - _MOSTLY <= row["first_left"] <= _MOSTLY and row["decisive"]:
        notes.append(f"sides are not balanced: {row['arm_a']} was on the left in {row['first_left']:.0%}")
    if row.get("failed_pairs"):
        notes.append(f"{counted(row['failed_pairs'], 'pair')} could not be shown, as a clip failed")
    notes += row.get("incomplete", [])
    return notes


def _on_robustness(row: Mapping[str, Any]) -> list[str]:
    found = {row["unit"]: row["unit_out_flips"], "rater": row["rater_out_flips"]}
    return [
        f"leaving out {f'one {name}' if count == 1 else f'any one of {count} {name}s'} changes the verdict"
        for name, count in found.items()
        if count
    ]
