"""The result of `draft_economics`: tables to compute with, and a page to read."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from seedance_widgets.drafts.economics.rows import value_text
from seedance_widgets.units import amount_text, is_absent

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["DraftEconomics"]

_SHARES = ("acceptance", "low", "high", "break_even", "off")
_MOST_ROWS = 40
_TABLE = "white-space:nowrap;font-size:12px;font-variant-numeric:tabular-nums"
_LEFT = ' style="text-align:left;white-space:nowrap"'
_MUTED = "color:var(--jp-ui-font-color2,#616161)"


@dataclass(frozen=True, repr=False, eq=False)
class DraftEconomics:
    """Drafts against finals. Money is in USD, lengths in seconds, shares are 0 to 1, unknown is absent.

    Attributes
    ----------
    spend
        Per group and kind: tasks, clips, unknown costs, seconds, tokens, usd. Holds every known dollar; that
        of a study's drafts without a verdict of their own, which were made to be compared and count nowhere
        else, under the kind ``study draft``.
    acceptance
        Per pool of drafts that are alike in what a final keeps: drafts with a clip, accepted, promoted,
        undecided, acceptance and its Wilson interval.
    break_even
        Per group, sound and tier of the finals: drafts pay where acceptance is below ``break_even``, which is
        1 - (mean cost of a draft) / (mean cost of its final); ``drafts_pay`` says whether that is known.
    savings
        Per group: cost of drafts and finals, cost of the same finals without drafts (the finals' cost over
        the acceptance), the saving, and cost per second of accepted clip; with intervals.
    total
        The same for all groups together.
    flex
        Per model with a flex price: clips that are no drafts as billed, all on default, all on flex.
    estimates
        Per model and kind: predicted against billed tokens.
    timeline
        usd by kind per month (week or day where the table spans little time), UTC.
    notes
        What is unknown or left out, in words.
    by, confidence, simulated
        As computed.
    """

    by: tuple[str, ...]
    confidence: float
    simulated: bool
    spend: pd.DataFrame
    acceptance: pd.DataFrame
    break_even: pd.DataFrame
    savings: pd.DataFrame
    total: pd.Series[float]
    flex: pd.DataFrame
    estimates: pd.DataFrame
    timeline: pd.DataFrame
    notes: tuple[str, ...]

    def plot(self) -> Figure:
        """Four panels: spend over time, acceptance against break-even, with and without drafts, predictions.

        Raises
        ------
        ImportError
            matplotlib is not installed; it comes with the extra ``lab``.
        """
        from seedance_widgets.drafts.economics.plots import draw

        return draw(
            timeline=self.timeline,
            break_even=self.break_even,
            savings=self.savings,
            estimates=self.estimates,
            confidence=self.confidence,
            simulated=self.simulated,
        )

    @property
    def summary(self) -> str:
        """The answer in a few lines."""
        return "\n".join(self._sentences())

    def _sentences(self) -> list[str]:
        total = self.total
        tasks = "simulated tasks" if self.simulated else "tasks"
        said = [f"{total['tasks']:,.0f} {tasks}, {amount_text(total['usd'])}"]
        if total["drafts"]:
            said.append(
                f"{total['accepted']:,.0f} of {total['drafts']:,.0f} drafts accepted: "
                f"{total['acceptance']:.1%} ({total['low']:.1%} to {total['high']:.1%})"
            )
        if total["finals"]:
            finals, their = ("final costs", "its") if total["finals"] == 1 else ("finals cost", "their")
            said.append(
                f"{total['finals']:,.0f} {finals} {amount_text(total['drafting_usd'])} with {their} drafts, "
                f"about {total['without']:,.2f} without, if drafts show what finals will be"
            )
            bounds = total["saving_low"], total["saving_high"]
            kept = total["saving"] >= 0
            low, high = bounds if kept else (-bounds[1], -bounds[0])
            said.append(
                f"{'saved' if kept else 'lost'} {amount_text(abs(total['saving']))} "
                f"({low:,.2f} to {high:,.2f}); "
                f"{amount_text(total['usd_per_second'], 4)} per accepted second"
            )
        return said

    def _tables(self) -> list[tuple[str, pd.DataFrame]]:
        drifted = self.estimates[self.estimates["parted"]]
        flex = self.flex[self.flex["could_save"].round(2) > 0]
        return [
            (title, table)
            for title, table in (
                ("Spend", self.spend),
                ("Acceptance against break-even", self.break_even),
                ("Saving", self.savings),
                ("Flex against default", flex),
                ("Billed tokens part from predicted ones", drifted),
            )
            if len(table)
        ]

    def __repr__(self) -> str:
        parts = [self.summary]
        parts += [f"note: {note}" for note in self.notes]
        for title, table in self._tables():
            parts.append(f"\n{title}{_cut(table)}\n{_text_table(table).to_string(index=False)}")
        return "\n".join(parts)

    def _repr_html_(self) -> str:
        head, *rest = (escape(line) for line in self._sentences())
        parts = [f"<div><strong>{head}</strong></div>", *(f"<div>{line}</div>" for line in rest)]
        parts += [f'<div style="{_MUTED}">{escape(note)}</div>' for note in self.notes]
        for title, table in self._tables():
            parts.append(f'<div style="margin-top:10px"><strong>{title}</strong>{_cut(table)}</div>')
            parts.append(_table_html(table))
        # two dollar signs in a notebook are mathematics
        return f'<div style="max-width:100%;overflow-x:auto">{"".join(parts)}</div>'.replace(
            "$", "<span>$</span>"
        )


def _text_table(table: pd.DataFrame) -> pd.DataFrame:
    """The table with every cell as text, rounded to the digits that mean something; the index as columns."""
    plain = table.head(_MOST_ROWS).reset_index()
    for name in plain.columns:
        if name in table.index.names:
            plain[name] = [value_text(str(name), each) for each in plain[name].astype("object")]
        else:
            plain[name] = [_figure(str(name), each) for each in plain[name]]
    return plain.rename(columns=lambda name: str(name).replace("_", " "))


def _cut(table: pd.DataFrame) -> str:
    return f" (first {_MOST_ROWS} of {len(table):,} rows)" if len(table) > _MOST_ROWS else ""


def _table_html(table: pd.DataFrame) -> str:
    shown, groups = _text_table(table), table.index.nlevels

    def row(cells: Any, tag: str) -> str:
        made = [
            f"<{tag}{_LEFT if place < groups else ''}>{escape(str(cell))}</{tag}>"
            for place, cell in enumerate(cells)
        ]
        return f'<tr style="text-align:right">{"".join(made)}</tr>'

    body = "".join(row(cells, "td") for cells in shown.itertuples(index=False, name=None))
    head = row(shown.columns, "th")
    return f'<table cellpadding="3" style="{_TABLE}"><thead>{head}</thead><tbody>{body}</tbody></table>'


def _figure(name: str, value: Any) -> str:
    if is_absent(value):
        return "–"
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name in _SHARES:
        return f"{value:.1%}"
    if name in {"draft_usd", "final_usd", "usd_per_second", "ratio"}:
        return f"{value:.4f}"
    if "usd" in name or name.startswith(("saving", "without", "could")):
        return f"{value:,.2f}"
    return f"{value:,.0f}" if math.isfinite(value) else str(value)
