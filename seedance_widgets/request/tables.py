"""Whatever holds several things, read as a list of them: a DataFrame by its rows, never by its column names.

Empty cells (NaN, NA, NaT, None, empty text) are absent, numpy's numbers are Python's, and a whole number that
a column with gaps made a float is an int again.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from seedance_widgets.errors import InvalidRequest, Problem

__all__ = ["is_frame", "loaded", "read_row", "several"]


def is_frame(given: Any) -> bool:
    """Whether it is a pandas DataFrame; whoever has one has loaded pandas."""
    frame = loaded("DataFrame")
    return frame is not None and isinstance(given, frame)


def loaded(name: str) -> Any:
    """What pandas calls so, None where it is not loaded, or another thread is still loading it."""
    return getattr(sys.modules.get("pandas"), name, None)


def several(given: Any, what: str) -> list[Any]:
    """The items of a list, tuple, Series, array or generator; the rows of a DataFrame as dicts.

    Parameters
    ----------
    given
        What somebody gave as several.
    what
        What it is called, as in ``items``.

    Raises
    ------
    InvalidRequest
        It is one thing, or has no order, or is a table of another shape.
    """
    if is_frame(given):
        return _rows_of_frame(given, what)
    if hasattr(given, "to_dicts"):  # polars, and what follows it
        return [read_row(row) for row in given.to_dicts()]
    shape = getattr(given, "shape", None)
    if shape is not None and len(shape) != 1:
        raise _refusal(
            what, given, f"has {len(shape)} dimensions: give a list, or pandas.DataFrame(...) with names"
        )
    if isinstance(given, Mapping):
        raise _refusal(what, given, "is one dict: give a list of dicts, or pandas.DataFrame(...)")
    if isinstance(given, str | bytes | os.PathLike) or not isinstance(given, Iterable):
        raise _refusal(what, given, "is one thing: give a list")
    if isinstance(given, set | frozenset):
        raise _refusal(what, given, "is a set, which has no order: give a list")
    return list(given if shape is None else _plain(given))


def _rows_of_frame(frame: Any, what: str) -> list[dict[str, Any]]:
    """The rows of a DataFrame, without their empty cells.

    Raises
    ------
    InvalidRequest
        Two columns have one name.
    """
    names = [str(name) for name in frame.columns]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise _refusal(what, frame, f"has two columns of the name {twice[0]!r}")
    columns = [frame.iloc[:, place].tolist() for place in range(len(names))]
    return [read_row(dict(zip(names, cells, strict=True))) for cells in zip(*columns, strict=True)]


def _read_cell(value: Any) -> Any:
    """A cell's value as Python has it, None where it is empty."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if hasattr(value, "item") and getattr(value, "shape", None) == ():
        value = value.item()
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return int(value) if value.is_integer() else value
    # both None while pandas is not there, as a value that gets here is not
    return None if value is loaded("NA") or value is loaded("NaT") else value


def read_row(row: Mapping[Any, Any]) -> dict[str, Any]:
    """A row without its empty cells, its values as Python has them."""
    cells = {str(name): _read_cell(value) for name, value in row.items()}
    return {name: value for name, value in cells.items() if value is not None}


def _refusal(what: str, given: Any, reason: str) -> InvalidRequest:
    return InvalidRequest([Problem(what, f"<{type(given).__name__}>", reason)])


def _plain(array: Any) -> list[Any]:
    """The items of an array or a Series as Python has them."""
    return list(array.tolist())
