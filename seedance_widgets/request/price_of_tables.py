"""What a table of requests costs: `estimate` of every row, as a DataFrame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seedance_widgets.errors import InvalidRequest
from seedance_widgets.request.fields import ARGUMENTS
from seedance_widgets.request.tables import is_frame, several
from seedance_widgets.request.task_request import TaskRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd

__all__ = ["estimate_rows"]

_COLUMNS = ("width", "height", "frames", "tokens", "tokens_max", "usd", "usd_max")


def estimate_rows(table: Any, estimate: Callable[..., Any], params: Mapping[str, Any]) -> pd.DataFrame:
    """Estimates of a table's rows, by its index; columns that are no fields are left out.

    Returns
    -------
    DataFrame
        Size, frames, tokens and USD with their bounds; ``problem`` says why a row has none.
    """
    import pandas as pd

    rows = several(table, "table")
    found = []
    for row in rows:
        try:
            if isinstance(row, TaskRequest):
                told = estimate(row.replace(**params) if params else row)
            else:
                cells = row if isinstance(row, dict) else {"prompt": row}
                fields = {name: cells[name] for name in ARGUMENTS if name in cells}
                told = estimate(**{**params, **fields})
        except InvalidRequest as error:
            found.append({"problem": "; ".join(map(str, error.problems))})
        else:
            found.append({name: getattr(told, name) for name in _COLUMNS})
    index = table.index if is_frame(table) else range(len(rows))
    frame = pd.DataFrame(found, index=index, columns=[*_COLUMNS, "problem"])
    whole = dict.fromkeys(_COLUMNS[:5], "Int64")
    return frame.astype({**whole, "usd": "Float64", "usd_max": "Float64", "problem": "string"})
