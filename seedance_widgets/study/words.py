"""Figures in words, as results, notes and a report say them."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

__all__ = [
    "UNKNOWN",
    "counted",
    "is_absent",
    "moment",
    "number",
    "p_value",
    "plain",
    "ranged",
    "record",
    "records",
    "share",
    "span",
    "whole",
]

UNKNOWN = "–"
_MICROSECONDS = 1_000_000
_SURELY = 0.001


def counted(count: int, what: str) -> str:
    """``1 pair``, ``2 pairs``."""
    return f"{count:,} {what}{'s' * (count != 1)}"


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as dicts; what is not known is None."""
    return [record(row) for _, row in frame.iterrows()]


def record(row: pd.Series[Any]) -> dict[str, Any]:
    """A row as a dict; what is not known is None."""
    return {str(name): None if is_absent(value) else value for name, value in row.items()}


def is_absent(value: Any) -> bool:
    """Whether a value is not known."""
    return value is None or str(value) in {"<NA>", "nan"}


def ranged(row: Mapping[str, Any], rate: str, low: str, high: str) -> str:
    """A rate with its interval, by the names of their columns."""
    if is_absent(row.get(rate)):
        return UNKNOWN
    return share(row[rate]) if is_absent(row[low]) else f"{share(row[rate])} ({span(row[low], row[high])})"


def span(low: Any, high: Any) -> str:
    """Two shares, from one to the other."""
    return UNKNOWN if is_absent(low) else f"{share(low)} to {share(high)}"


def share(value: Any) -> str:
    """0.64 as 64%."""
    return UNKNOWN if is_absent(value) else f"{value:.0%}"


def number(value: Any, digits: int = 3) -> str:
    """So many digits after the point."""
    return UNKNOWN if is_absent(value) or not math.isfinite(value) else f"{value:.{digits}f}"


def whole(value: Any) -> str:
    """A count."""
    return UNKNOWN if is_absent(value) else f"{int(value):,}"


def p_value(value: Any) -> str:
    """As people write it."""
    if is_absent(value):
        return UNKNOWN
    return f"p < {_SURELY}" if value < _SURELY else f"p = {value:.3f}"


def plain(value: Any) -> str:
    """A parameter's value."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def moment(micros: int) -> str:
    """Microseconds since 1970 as a date and time, UTC."""
    return f"{datetime.fromtimestamp(micros / _MICROSECONDS, UTC):%Y-%m-%d %H:%M} UTC"
