"""`Results`: a table with every figure, of which a notebook shows the dozen that answer the question."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any, ClassVar

import pandas as pd

from seedance_widgets.study.formatting import number, p_value, record, records, share, span, table, whole
from seedance_widgets.study.results.headline import answer, answer_html, leading_first, the_other_way
from seedance_widgets.units import count_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Results"]

_COUNTS = ("wins", "ties", "losses", "votes", "units")
_RATES = ("win_rate", "low", "high", "p_adjusted")
_MUTED = "color:var(--jp-ui-font-color2,#616161)"


class Results(pd.DataFrame):
    """What the votes say of each pair of arms; the columns are those of `pair_results.results`.

    A DataFrame like any other, but for what is shown when it stands alone in a cell: the answer in a
    sentence, the notes, and `by_arm`. Whatever is made from it, as by ``results.T``, which shows all columns,
    is a plain DataFrame, and so it looks itself once a column has been taken out.

    Parameters
    ----------
    results
        Of `pair_results.results`.
    spending
        Of `arm_outcomes.spending_by_arm`.
    """

    # what pandas takes for attributes and not for columns
    _metadata: ClassVar[list[str]] = ["_spending", "_names"]

    def __init__(self, results: pd.DataFrame, spending: pd.DataFrame) -> None:
        super().__init__(results)  # type: ignore[call-arg]  # pandas-stubs have it in __new__ only
        self._spending = spending
        self._names = frozenset(results.columns)

    @property
    def _constructor(self) -> type[pd.DataFrame]:
        return pd.DataFrame

    @property
    def summary(self) -> str:
        """The answer, one sentence a pair of arms and criterion."""
        return "\n".join(answer(row, several=self._several) for row in records(self))

    @property
    def by_arm(self) -> pd.DataFrame:
        """The figures that answer the question: one row an arm, the arm it stands against, and criterion.

        Returns
        -------
        pandas.DataFrame
            ``criterion``, ``arm``, ``against``; ``wins``, ``ties``, ``losses`` and ``votes`` without skips;
            ``units``, the items (or seeds) with a decisive vote; ``win_rate`` with its 95 % interval ``low``
            to ``high``, 0 to 1; ``p_adjusted``; ``failed``, the arm's failed clips, and ``usd_per_win``, its
            dollars for each pair of clips won against any arm.
        """
        return table([row for pair in records(self) for row in self._of_both(pair)])

    def _of_both(self, pair: dict[str, Any]) -> Iterator[dict[str, Any]]:
        leading = leading_first(pair)
        for row in (leading, the_other_way(leading)):
            spent = record(self._spending.loc[(row["criterion"], row["arm_a"])])
            yield {
                "criterion": row["criterion"],
                "arm": row["arm_a"],
                "against": row["arm_b"],
                **{name: int(row[name]) for name in _COUNTS},
                **{name: _figure(row[name]) for name in _RATES},
                "failed": int(spent["failed"]),
                "usd_per_win": _figure(spent["usd_per_win"]),
            }

    @property
    def _is_whole(self) -> bool:
        return self._names <= {*self.columns}

    @property
    def _several(self) -> bool:
        return len(self["criterion"].unique()) > 1

    @property
    def _notes(self) -> Sequence[str]:
        """Every note once."""
        return tuple(dict.fromkeys(one for row in self["notes"].dropna() for one in row.split("; ") if one))

    def _by_arm_text(self) -> pd.DataFrame:
        """`by_arm` in words."""
        unit = f"{self['unit'].iloc[0]}s" if len(self) else "items"
        shown = [
            {
                **({"criterion": row["criterion"]} if self._several else {}),
                "arm": row["arm"],
                "against": row["against"],
                **{name: whole(row[name]) for name in ("wins", "ties", "losses")},
                "win rate": share(row["win_rate"]),
                "95 % interval": span(row["low"], row["high"]),
                "p": p_value(row["p_adjusted"]).removeprefix("p ").removeprefix("= "),
                "votes": whole(row["votes"]),
                unit: whole(row["units"]),
                "failed clips": whole(row["failed"]),
                "USD a win": number(row["usd_per_win"], 4),
            }
            for row in records(self.by_arm)
        ]
        return pd.DataFrame(shown)

    @property
    def _rest(self) -> str:
        size = f"{count_text(len(self), 'row')} x {count_text(len(self.columns), 'column')}"
        return f"A DataFrame of {size}: its .T shows every figure."

    def __repr__(self) -> str:
        if not self._is_whole:
            return super().__repr__()
        notes = [f"note: {note}" for note in self._notes]
        return "\n".join(
            [self.summary, *notes, "", self._by_arm_text().to_string(index=False), "", self._rest]
        )

    def _repr_html_(self) -> str | None:
        if not self._is_whole:
            plain: str | None = super()._repr_html_()  # type: ignore[misc]  # the stubs leave it out
            return plain
        said = "".join(f"<div>{answer_html(row, several=self._several)}</div>" for row in records(self))
        notes = "".join(f'<li style="{_MUTED}">{escape(note)}</li>' for note in self._notes)
        shown = self._by_arm_text().to_html(index=False, border=0)
        parts = (said, notes and f"<ul>{notes}</ul>", shown, f'<div style="{_MUTED}">{self._rest}</div>')
        # two dollar signs in a notebook are mathematics
        return f'<div style="max-width:100%;overflow-x:auto">{"".join(parts)}</div>'.replace(
            "$", "<span>$</span>"
        )


def _figure(value: float | None) -> float:
    return float("nan") if value is None else float(value)
