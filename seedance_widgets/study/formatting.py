"""Figures as text, for results, notes and reports."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import pandas as pd

from seedance_widgets.units import is_absent, moment_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


__all__ = [
    "UNKNOWN",
    "moment",
    "number",
    "p_value",
    "plain",
    "rate_text",
    "record",
    "records",
    "share",
    "span",
    "table",
    "whole",
]

_DTYPES: dict[type, Any] = {float: "Float64", int: "Int64", bool: "boolean", str: "string"}


UNKNOWN = "–"
_SURELY = 0.001


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as dicts; what is not known is None."""
    return [record(row) for _, row in frame.iterrows()]


def record(row: pd.Series[Any]) -> dict[str, Any]:
    """A row as a dict; what is not known is None."""
    return {str(name): None if is_absent(value) else value for name, value in row.items()}


def rate_text(figures: Mapping[str, Any], rate: str, low: str, high: str) -> str:
    """A rate with its interval, by the names of their columns."""
    if is_absent(figures.get(rate)):
        return UNKNOWN
    if is_absent(figures[low]):
        return share(figures[rate])
    return f"{share(figures[rate])} ({span(figures[low], figures[high])})"


def span(low: Any, high: Any) -> str:
    """Two shares, from one to the other."""
    return UNKNOWN if is_absent(low) else f"{share(low)} to {share(high)}"


def share(value: Any) -> str:
    """0.64 as 64%."""
    return UNKNOWN if is_absent(value) else f"{value:.0%}"


def number(value: Any, digits: int = 3) -> str:
    """A number with so many digits after the point."""
    return UNKNOWN if is_absent(value) or not math.isfinite(value) else f"{value:.{digits}f}"


def whole(value: Any) -> str:
    """A count."""
    return UNKNOWN if is_absent(value) else f"{int(value):,}"


def p_value(value: Any) -> str:
    """A p-value: ``p = 0.031``, or ``p < 0.001``."""
    if is_absent(value):
        return UNKNOWN
    return f"p < {_SURELY}" if value < _SURELY else f"p = {value:.3f}"


def plain(value: Any) -> str:
    """A parameter's value."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def moment(micros: int) -> str:
    """Microseconds since 1970 as a date and time, UTC."""
    return f"{moment_of(micros):%Y-%m-%d %H:%M} UTC"


def table(lines: Sequence[Mapping[str, Any]], *, without: Sequence[str] = ()) -> pd.DataFrame:
    """A DataFrame of lines that have the same columns, but for those ``without``; NaN becomes ``<NA>``."""
    names = [name for name in lines[0] if name not in without] if lines else []
    columns = {name: [line[name] for line in lines] for name in names}
    return pd.DataFrame(
        {name: pd.array(values, dtype=_DTYPES.get(type(values[0]))) for name, values in columns.items()}
    )
