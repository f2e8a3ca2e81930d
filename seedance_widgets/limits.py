"""What a studio keeps to when it calls the service: settings, with the catalog's values behind them."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

from seedance_widgets.errors import InvalidRequest, Problem

if TYPE_CHECKING:
    from seedance_widgets.model import Model

__all__ = ["Limits"]

# the others count something
_RATES = ("lists_per_second", "gets_per_second")
_FROM_CATALOG = ("rpm", "concurrency", "tokens_per_day")


@dataclass(frozen=True, slots=True)
class Limits:
    """How fast and how much is sent. None stands for what the catalog says of the model.

    Parameters
    ----------
    rpm
        Creates a minute and model, default tier.
    concurrency
        Tasks of a model that the service runs at once, default tier.
    tokens_per_day
        Tokens a day and model, flex, from midnight UTC.
    queued
        Tasks of a model that may stand in the service's own queue, beyond those that run. The service took
        120 an account in 2025 (ModelArk docs 1520757); later figures are not known.
    lists_per_second, gets_per_second
        Status calls of a studio. An account has 1 LIST and 20 GETs a second (reported, not official).

    Raises
    ------
    InvalidRequest
        A value is not a number, or too small; all faults at once.
    """

    rpm: int | None = None
    concurrency: int | None = None
    tokens_per_day: int | None = None
    queued: int = 100
    lists_per_second: float = 1.0
    gets_per_second: float = 20.0

    def __post_init__(self) -> None:
        problems = [
            problem
            for item in fields(self)
            if (problem := _fault(item.name, getattr(self, item.name))) is not None
        ]
        if problems:
            raise InvalidRequest(problems, refused="these limits cannot be kept")

    def of(self, model: Model) -> Limits:
        """These limits with the catalog's values of a model filled in; None is left where it has none."""
        filled = {name: getattr(model.limits, name) for name in _FROM_CATALOG if getattr(self, name) is None}
        return replace(self, **filled)


def _fault(name: str, value: object) -> Problem | None:
    if value is None and name in _FROM_CATALOG:
        return None
    if name in _RATES:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if number and 0 < value < math.inf:  # type: ignore[operator]  # narrowed by the line above
            return None
        return Problem(name, value, "a number of calls a second, above 0")
    least = 0 if name == "queued" else 1
    if isinstance(value, int) and not isinstance(value, bool):
        if value >= least:
            return None
        return Problem(name, value, f"at least {least}", nearest=least)
    return Problem(name, value, f"a whole number from {least} on")
