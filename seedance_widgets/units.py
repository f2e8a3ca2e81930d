"""Moments, money, bytes, counts, durations and paths: how they are stored and written, in one place.

The log counts time in microseconds since 1970 (UTC); clocks and the service count it in seconds.
"""

from __future__ import annotations

import base64
import math
import os
from datetime import UTC, datetime
from numbers import Real
from pathlib import Path
from typing import Any

__all__ = [
    "DAY",
    "HOUR",
    "MINUTE",
    "amount_text",
    "bytes_text",
    "cost_text",
    "count_text",
    "data_url",
    "duration_text",
    "is_absent",
    "micros_of",
    "moment_of",
    "relative_path",
    "seconds_of",
    "usd_text",
]

# in seconds
MINUTE = 60
HOUR = 3_600
DAY = 86_400

_MICROSECONDS = 1_000_000  # in a second
_KILOBYTE = 1_000
_MEGABYTE = 1_000_000


def micros_of(seconds: float) -> int:
    """Seconds as whole microseconds, rounded towards zero: a length of time, or a moment since 1970."""
    return int(seconds * _MICROSECONDS)


def seconds_of(micros: float) -> float:
    """Microseconds as seconds: a length of time, or a moment since 1970."""
    return micros / _MICROSECONDS


def moment_of(micros: int) -> datetime:
    """Microseconds since 1970 as an aware datetime in UTC."""
    return datetime.fromtimestamp(seconds_of(micros), UTC)


def usd_text(usd: float, digits: int = 4) -> str:
    """Dollars with so many digits after the point: ``$0.0617``."""
    return f"${usd:.{digits}f}"


def amount_text(usd: float, digits: int = 2) -> str:
    """Dollars where there may be several: ``1,234.50 USD``, as two ``$`` in a notebook are mathematics."""
    return f"{usd:,.{digits}f} USD"


def cost_text(usd: float | None, est_usd: float | None = None, most_usd: float | None = None) -> str:
    """What a task costs, by the best that is known: billed, estimated, at most, or "price not known"."""
    if usd is not None:
        return usd_text(usd)
    if est_usd is not None:
        return f"about {usd_text(est_usd)}"
    return "price not known" if most_usd is None else f"at most {usd_text(most_usd)}"


def bytes_text(count: int) -> str:
    """A size in bytes: ``12 kB``, and from 100 kB on ``0.1 MB``."""
    if count >= _MEGABYTE / 10:
        return f"{count / _MEGABYTE:.1f} MB"
    return f"{max(1, round(count / _KILOBYTE))} kB"


def count_text(count: int, noun: str) -> str:
    """A number of things: ``1 pair``, ``2 pairs``."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


def duration_text(seconds: float) -> str:
    """A length of time: ``40 s``, ``2 min 5 s``, ``1 h 10 min``, ``3 d``."""
    whole = max(0, round(seconds))
    for unit, name, part, part_name in (
        (DAY, "d", HOUR, "h"),
        (HOUR, "h", MINUTE, "min"),
        (MINUTE, "min", 1, "s"),
    ):
        if whole >= unit:
            parts = whole % unit // part
            return f"{whole // unit} {name}" + (f" {parts} {part_name}" if parts else "")
    return f"{whole} s"


def data_url(data: bytes, media_type: str) -> str:
    """Bytes as an address that holds them: ``data:image/jpeg;base64,...``."""
    return f"data:{media_type};base64,{base64.b64encode(data).decode('ascii')}"


def relative_path(path: Path, folder: Path | None = None) -> str:
    """A path with ``/``, as seen from a folder, the working one by default; absolute on another drive."""
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except (ValueError, OSError):  # another Windows drive, or the working folder is gone
        return path.as_posix()


def is_absent(value: Any) -> bool:
    """Whether a table's cell holds nothing: None, NaN, ``<NA>`` or ``NaT``."""
    # by their names, as pandas is not imported for it
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, Real) and math.isnan(value)
