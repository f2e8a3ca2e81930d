"""The four panels of `DraftEconomics.plot`.

Drawn in matplotlib's own default style whatever the notebook uses, on a light ground, in colours that
colour-blind readers can tell apart (Okabe and Ito). Money axes start at 0. Names are text, never mathematics.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pandas as pd

from seedance_widgets.drafts.economics.rows import label_of

try:
    import matplotlib as mpl
    from matplotlib import style
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator, PercentFormatter
except ImportError as error:
    raise ImportError(
        "plots need matplotlib: pip install 'seedance-widgets[lab]', or matplotlib alone. "
        "The tables are there without it."
    ) from error

if TYPE_CHECKING:
    from matplotlib.axes import Axes


__all__ = ["draw"]

_COLOURS = {"draft": "#56B4E9", "final": "#0072B2", "study draft": "#CC79A7", "standard": "#999999"}
_OTHER, _LINE, _WITHOUT = "#F0E442", "#D55E00", "#E69F00"
_PAYS = {"yes": "#009E73", "no": "#D55E00", "not clear": "#555555"}
_MOST_GROUPS, _MOST_TICKS = 10, 8
_SMALL = 9
_LEAST_PERCENT = 1.0
_BAR = 0.36


class _Page(Figure):
    """A figure that shows itself in a notebook, without the global state of pyplot."""

    def _repr_png_(self) -> bytes:
        page = io.BytesIO()
        self.savefig(page, format="png", dpi=100)
        return page.getvalue()


def draw(
    *,
    timeline: pd.DataFrame,
    break_even: pd.DataFrame,
    savings: pd.DataFrame,
    estimates: pd.DataFrame,
    confidence: float,
    simulated: bool,
) -> Figure:
    """All four panels on one page; arguments are the attributes of `DraftEconomics`."""
    with style.context("default"), mpl.rc_context({"text.parse_math": False, "font.size": 10}):
        rows = max(min(len(break_even), _MOST_GROUPS), min(len(savings), _MOST_GROUPS), 4)
        page = _Page(figsize=(13, 5.4 + 0.36 * rows), layout="constrained", facecolor="white")
        axes = page.subplots(2, 2, gridspec_kw={"height_ratios": [rows + 2.0, rows + 2.0]})
        panels = (
            (_over_time, timeline),
            (_against_break_even, break_even),
            (_with_and_without, savings[savings["usd"] > 0]),
            (_predictions, estimates[estimates["clips"] > 0]),
        )
        for ax, (panel, table) in zip(axes.flat, panels, strict=True):
            ax.spines[["top", "right"]].set_visible(False)
            panel(ax, table, confidence)
            if not len(table):
                ax.set_axis_off()
                ax.text(0.5, 0.5, "nothing to show", ha="center", transform=ax.transAxes, color="#555555")
        if simulated:
            page.suptitle("SIMULATED, not billed", color=_LINE)
    return page


def _over_time(ax: Axes, spent: pd.DataFrame, _: float) -> None:
    ax.set_title("Spend", loc="left")
    base = None
    for kind in sorted(spent.columns, key=[*_COLOURS, *spent.columns].index):
        amounts = spent[kind].to_numpy()
        ax.bar(range(len(spent)), amounts, bottom=base, label=str(kind), color=_COLOURS.get(kind, _OTHER))
        base = amounts if base is None else base + amounts
    step = -(-len(spent) // _MOST_TICKS)
    places = range(0, len(spent), max(step, 1))
    periods = pd.PeriodIndex(spent.index, freq=getattr(spent.index, "freq", "M"))
    written = "%Y-%m" if periods.freqstr == "M" else "%Y-%m-%d"
    ax.set_xticks(places, [periods[place].strftime(written) for place in places], fontsize=_SMALL)
    ax.set_ylabel("USD")
    if len(spent):
        ax.legend(frameon=False, ncols=4, fontsize=_SMALL, loc="upper center", bbox_to_anchor=(0.5, -0.1))


def _against_break_even(ax: Axes, table: pd.DataFrame, confidence: float) -> None:
    shown = _largest(ax, "Acceptance against break-even", table, "finals")
    places = range(len(shown))
    colours = [_PAYS.get(str(answer), _PAYS["not clear"]) for answer in shown["drafts_pay"]]
    ax.hlines(places, shown["low"].to_list(), shown["high"].to_list(), colors=colours, linewidth=3)
    ax.scatter(shown["acceptance"], places, color=colours, zorder=3)
    ends = [place - 0.36 for place in places], [place + 0.36 for place in places]
    ax.vlines(shown["break_even"].to_list(), *ends, colors="black", linewidth=1.6)
    for place, share in zip(places, shown["break_even"], strict=True):
        if share <= 0:
            ax.text(0.01, place, "below 0: never", va="center", fontsize=_SMALL)
    for answer, colour in _PAYS.items():
        ax.plot([], [], "o-", color=colour, linewidth=3, label=f"drafts pay: {answer}")
    ax.plot([], [], color="black", linewidth=1.6, label="break-even")
    _groups(ax, shown)
    ax.set_xlim(0, 1)
    ax.xaxis.set_major_formatter(PercentFormatter(1, symbol=" %"))
    ax.set_xlabel(f"accepted drafts, {confidence:.0%} interval; left of its line drafts pay")
    if len(table):
        ax.legend(frameon=False, ncols=4, fontsize=_SMALL, loc="upper center", bbox_to_anchor=(0.4, -0.18))


def _with_and_without(ax: Axes, table: pd.DataFrame, confidence: float) -> None:
    shown = _largest(ax, "The same finals with and without drafts", table, "usd")
    places = range(len(shown))
    up, down = [place - 0.2 for place in places], [place + 0.2 for place in places]
    drafts, finals = shown["drafts_usd"], shown["finals_usd"]
    ax.barh(up, drafts, _BAR, color=_COLOURS["draft"], label="drafts")
    ax.barh(up, finals, _BAR, left=drafts, color=_COLOURS["final"], label="finals")
    without = shown["without"].to_numpy()
    reach = [without - shown["without_low"].to_numpy(), shown["without_high"].to_numpy() - without]
    ax.barh(down, without, _BAR, color=_WITHOUT, label="without drafts")
    ax.errorbar(without, down, xerr=reach, fmt="none", ecolor="black", elinewidth=1.2, capsize=3)
    _groups(ax, shown)
    ax.set_xlim(left=0)
    ax.set_xlabel(f"USD, {confidence:.0%} interval")
    if len(table):
        ax.legend(frameon=False, ncols=3, fontsize=_SMALL, loc="upper center", bbox_to_anchor=(0.4, -0.18))


def _predictions(ax: Axes, table: pd.DataFrame, _: float) -> None:
    shown = _largest(ax, "Billed against predicted tokens", table, "clips")
    percent = [100 * (ratio - 1) for ratio in shown["ratio"]]
    ax.axvline(0, color="black", linewidth=1)
    places = range(len(shown))
    colours = [_LINE if parted else _COLOURS["final"] for parted in shown["parted"]]
    ax.hlines(places, 0, percent, colors=colours, linewidth=2)
    ax.scatter(percent, places, color=colours, zorder=3)
    _groups(ax, shown)
    widest = max([_LEAST_PERCENT, *(1.15 * abs(each) for each in percent)])
    ax.set_xlim(-widest, widest)
    ax.set_xlabel("% more (right) or fewer (left) tokens than predicted")


def _largest(ax: Axes, title: str, table: pd.DataFrame, size: str) -> pd.DataFrame:
    """The rows with the largest values, at most so many; the title says when some are left out."""
    if len(table) > _MOST_GROUPS:
        title += f" ({_MOST_GROUPS} largest of {len(table)})"
        table = table[table[size].rank(method="first", ascending=False) <= _MOST_GROUPS]
    ax.set_title(title, loc="left")
    return table


def _groups(ax: Axes, table: pd.DataFrame) -> None:
    labels = [label_of(table.index.names, values) for values in table.index]
    ax.set_yticks(range(len(labels)), labels, fontsize=_SMALL)
    ax.set_ylim(len(labels) - 0.4, -0.6)
    ax.xaxis.set_major_locator(MaxNLocator(6))
