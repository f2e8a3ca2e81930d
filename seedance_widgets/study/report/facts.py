"""The facts of a report, gathered once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seedance_widgets import catalog
from seedance_widgets.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    import pandas as pd

    from seedance_widgets.log.studies import Look
    from seedance_widgets.study.making.clip_states import Fate
    from seedance_widgets.study.making.design import Design
    from seedance_widgets.study.making.progress import Outcome
    from seedance_widgets.study.results.unblinding import Opened

__all__ = ["Facts"]


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
    looks: Sequence[Look]
    simulated: bool
    absolute: Callable[[str], Path | None]

    def path(self, fate: Fate, *names: str) -> Path | None:
        """The first file that exists, of some columns of a clip's row."""
        for name in names:
            stored: str | None = getattr(fate.row, name, None)
            path = self.absolute(stored) if stored else None
            if path is not None and path.exists():
                return path
        return None

    def prices(self) -> Iterator[tuple[str, float | None, str]]:
        """Each price that clips were billed at: its id, USD per million tokens, and where it is from."""
        used: dict[str, tuple[float | None, str]] = {}
        for fate in self.outcome.fates:
            for row in fate.rows:
                name = row.price_id or "not known"
                used[name] = (row.usd_per_million, _source(str(row.model), name))
        for name, (per_million, source) in used.items():
            yield name, per_million, source


def _source(model: str, price_id: str) -> str:
    try:
        prices = catalog.find(model).price
    except InvalidRequest:
        return ""
    return next((f"{price.source}, {price.date}" for price in prices if price.id == price_id), "")
