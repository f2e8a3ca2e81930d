"""Everything that a report tells, gathered once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seedance_widgets import catalog
from seedance_widgets.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    import pandas as pd

    from seedance_widgets.study.design import Design
    from seedance_widgets.study.fates import Fate
    from seedance_widgets.study.opening import Opened
    from seedance_widgets.study.outcome import Outcome

__all__ = ["Facts", "leading_first"]

_EVEN = 0.5
_RATES = ("", "half_", "failed_", "bt_")
_OTHER_WAY = (("arm_a", "arm_b"), ("wins", "losses"), ("sign_wins", "sign_losses"))


@dataclass(frozen=True)
class Facts:
    """A study that is opened: its definition, clips, votes, results and looks.

    ``definition`` is as the log has it, ``absolute`` makes a path of a stored one.
    """

    name: str
    design: Design
    definition: Mapping[str, Any]
    outcome: Outcome
    opened: Opened
    results: pd.DataFrame
    spending: pd.DataFrame
    raters: pd.DataFrame
    looks: Sequence[Mapping[str, Any]]
    simulated: bool
    absolute: Callable[[str], Path | None]

    def path(self, fate: Fate, *names: str) -> Path | None:
        """The first file of a clip that is there, of some columns of its row."""
        for name in names:
            stored = (fate.row or {}).get(name)
            path = self.absolute(stored) if stored else None
            if path is not None and path.exists():
                return path
        return None

    def prices(self) -> Iterator[tuple[str, float | None, str]]:
        """Each price that clips were billed at: its id, USD per million tokens, and where it is from."""
        used: dict[str, tuple[float | None, str]] = {}
        for fate in self.outcome.fates:
            for row in fate.rows:
                name = row["price_id"] or "not known"
                used[name] = (row["usd_per_million"], _source(str(row["model"]), name))
        for name, (per_million, source) in used.items():
            yield name, per_million, source


def leading_first(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of results told from the side of the arm that wins more."""
    if row["win_rate"] is None or row["win_rate"] >= _EVEN:
        return dict(row)
    ranges = [(f"{prefix}low", f"{prefix}high") for prefix in _RATES]
    ranges += [("unit_out_low", "unit_out_high"), ("rater_out_low", "rater_out_high")]
    rates = [f"{prefix}win_rate" for prefix in _RATES]
    mirrored = {name: row.get(other) for low, high in ranges for name, other in ((low, high), (high, low))}
    mirrored |= {name: row.get(name) for name in rates}
    swapped = {name: row[other] for a, b in _OTHER_WAY for name, other in ((a, b), (b, a))}
    return {
        **row,
        **swapped,
        **{name: None if value is None else 1 - value for name, value in mirrored.items()},
    }


def _source(model: str, price_id: str) -> str:
    try:
        prices = catalog.find(model).price
    except InvalidRequest:
        return ""
    return next((f"{price.source}, {price.date}" for price in prices if price.id == price_id), "")
