"""Rows of figures as a DataFrame with nullable columns, where what is not known is ``<NA>``.

Columns are typed one by one from their first value: pandas' own conversion of a small table takes longer than
all of its statistics.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["table"]

_DTYPES: dict[type, Any] = {float: "Float64", int: "Int64", bool: "boolean", str: "string"}


def table(rows: Sequence[Mapping[str, Any]], *, without: Sequence[str] = ()) -> pd.DataFrame:
    """A DataFrame of rows that all have the same columns, but for those ``without``; NaN becomes ``<NA>``."""
    names = [name for name in rows[0] if name not in without] if rows else []
    columns = {name: [row[name] for row in rows] for name in names}
    return pd.DataFrame(
        {name: pd.array(values, dtype=_DTYPES.get(type(values[0]))) for name, values in columns.items()}
    )
