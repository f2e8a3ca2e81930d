"""All combinations of some values, as a table of requests."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import pandas as pd

from seedance_widgets.errors import InvalidRequest, Problem
from seedance_widgets.request.tables import is_frame, several

__all__ = ["sweep"]


def sweep(**values: Any) -> pd.DataFrame:
    """The table of all combinations of some values, for `Studio.batch`; the last name changes fastest.

    Parameters
    ----------
    **values
        Name of a column to its values: a list, a range, a Series; a text or a number stands for itself.

    Returns
    -------
    DataFrame
        One row a combination.

    Raises
    ------
    InvalidRequest
        A name has no values, or they have no order.

    Examples
    --------
    >>> sweep(prompt=["a fox", "an owl"], seed=range(2)).to_dict("records")[1]
    {'prompt': 'a fox', 'seed': 1}
    """
    lists = {name: _values(name, given) for name, given in values.items()}
    return pd.DataFrame(list(itertools.product(*lists.values())), columns=list(lists)).convert_dtypes()


def _values(name: str, given: Any) -> list[Any]:
    if given is None or is_frame(given):
        problem = Problem(name, f"<{type(given).__name__}>", "is no list of values")
        raise InvalidRequest([problem], refused="there is no such table")
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        return [given]
    found = several(given, name)
    if not found:
        raise InvalidRequest([Problem(name, [], "has no values")], refused="there is no such table")
    return found
