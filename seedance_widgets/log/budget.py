"""A budget: how many dollars may be spent, in how long a time and on what; and how much of it is left.

Budgets are checked inside the transaction that writes an intent down: two kernels cannot both take the last
dollar.
"""

from __future__ import annotations

import numbers
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from seedance_widgets.errors import BudgetExceeded, InvalidRequest, Problem
from seedance_widgets.log.tag_rows import tags_read
from seedance_widgets.log.totals import Scope, total
from seedance_widgets.request.rules import shown
from seedance_widgets.units import usd_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from seedance_widgets.request.pricing import Estimate

__all__ = ["Budget", "Claim", "Standing", "budgets_of", "check_budgets", "refuse_beyond", "standing"]

# half a millionth of a dollar is rounding, not spending
_ROUNDING = 5e-7
_PERIODS = ("month", "day")


@dataclass(frozen=True, slots=True)
class Budget:
    """So many dollars that tasks may cost, as ``budget_usd=`` of a `Studio` takes them, one or several.

    Counted are the dollars that were billed and those that unfinished tasks may still cost, of the log's
    rows; of simulated ones where the studio simulates.

    Parameters
    ----------
    usd
        US dollars, 0 or more.
    per
        ``"month"`` or ``"day"`` gives as much anew in each: of UTC, by the moment at which a task is begun.
        None is for good.
    tags
        Counts only tasks with all of these tags, as in ``{"campaign": "spring"}``.
    home
        Counts only tasks that were begun in the studio's own home, where several share a log.

    Raises
    ------
    InvalidRequest
        There is no such budget.

    Examples
    --------
    >>> Budget(100, per="month")
    Budget(usd=100.0, per='month', tags={}, home=False)
    >>> print(Budget(20, per="day", tags={"campaign": "spring"}))
    $20.00 a day for campaign=spring
    """

    usd: float
    per: Literal["month", "day"] | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    home: bool = False

    def __post_init__(self) -> None:
        problems = []
        if isinstance(self.usd, bool) or not isinstance(self.usd, numbers.Real) or not float(self.usd) >= 0:
            reason = "must be a number of US dollars, 0 or more, or None for no cap"
            problems.append(Problem("budget_usd", shown(self.usd), reason))
        if self.per is not None and self.per not in _PERIODS:
            problems.append(Problem("per", shown(self.per), 'must be "month", "day" or None'))
        if not isinstance(self.home, bool):
            problems.append(Problem("home", shown(self.home), "must be True or False"))
        if problems:
            raise InvalidRequest(problems, refused="there is no such budget")
        object.__setattr__(self, "usd", float(self.usd))
        object.__setattr__(self, "tags", tags_read(self.tags))

    def scope(self, home: str | None) -> Scope:
        """Which rows it counts, in the home with this id."""
        return Scope(self.per, tuple(sorted(self.tags.items())), home if self.home else None)

    def __str__(self) -> str:
        per = f" a {self.per}" if self.per else ""
        tags = " for " + ", ".join(f"{name}={value}" for name, value in self.tags.items())
        return (
            f"{usd_text(self.usd, 2)}{per}{tags if self.tags else ''}{' in this home' if self.home else ''}"
        )


@dataclass(frozen=True, slots=True)
class Standing:
    """How a budget stands: dollars ``spent`` and ``reserved`` in the period that ends at ``until`` (UTC)."""

    budget: Budget
    spent: float
    reserved: float
    until: datetime | None

    @property
    def left(self) -> float:
        """Dollars that are neither spent nor reserved; below 0 where it is overdrawn."""
        return self.budget.usd - self.spent - self.reserved


def budgets_of(given: Any) -> tuple[Budget, ...]:
    """The budgets that a person has given: none, a number of dollars, a `Budget`, or several of these.

    Raises
    ------
    InvalidRequest
        One is none.
    """
    if given is None:
        return ()
    if isinstance(given, Budget):
        return (given,)
    if isinstance(given, list | tuple | set | frozenset):
        return tuple(budget for each in given for budget in budgets_of(each))
    return (Budget(given),)


def standing(
    connection: Connection, budget: Budget, at: int, *, home: str | None, simulated: bool
) -> Standing:
    """How a budget stands at a moment (microseconds since 1970)."""
    scope = budget.scope(home)
    found = total(connection, scope, at, simulated=simulated)
    return Standing(budget, found.settled, found.reserved, scope.period_end(at))


def check_budgets(
    connection: Connection,
    wanted: Sequence[tuple[Estimate, Mapping[str, str]]],
    budgets: Sequence[Budget],
    at: int,
    *,
    home: str | None,
    simulated: bool,
) -> None:
    """Refuse requests that together could lead beyond a budget.

    Parameters
    ----------
    connection
        Of the transaction that is to begin them.
    wanted
        Each with the tags that its row will have.
    budgets
        All that count.
    at
        When they begin, in microseconds since 1970.
    home, simulated
        Of their rows.

    Raises
    ------
    BudgetExceeded
        They would, or the price of one is not known.
    """
    claims = []
    for budget in budgets:
        scope = budget.scope(home)
        covered = [estimate for estimate, tags in wanted if scope.covers(home, tags)]
        if covered:
            _refuse_unpriced(covered)
            stands = standing(connection, budget, at, home=home, simulated=simulated)
            claims.append(
                Claim(stands, sum(each.usd_max or 0.0 for each in covered), _beginning(covered, wanted))
            )
    refuse_beyond(claims, "Nothing was sent.")


class Claim(NamedTuple):
    """Dollars that something adds to a budget; ``what`` begins the sentence that names them."""

    standing: Standing
    usd: float
    what: str

    @property
    def short_by(self) -> float:
        """Dollars that the budget lacks for it."""
        return self.usd - self.standing.left

    def __str__(self) -> str:
        budget, until = self.standing.budget, self.standing.until
        anew = f" The next {budget.per} begins at {until:%Y-%m-%d %H:%M} UTC." if until else ""
        return (
            f"{self.what} {usd_text(self.usd)}; of the budget of {budget}, "
            f"{usd_text(self.standing.spent)} is spent and {usd_text(self.standing.reserved)} is reserved by "
            f"unfinished tasks. Short by {usd_text(self.short_by)}.{anew}"
        )


def refuse_beyond(claims: Sequence[Claim], undone: str) -> None:
    """Refuse what would lead beyond a budget; ``undone`` says what was not done, as a sentence.

    Raises
    ------
    BudgetExceeded
        It would; names every budget that does not cover it.
    """
    # a budget that is no number covers nothing
    refused = [claim for claim in claims if not claim.short_by <= _ROUNDING]
    if refused:
        worst = max(refused, key=lambda claim: claim.short_by)
        raise BudgetExceeded(
            " ".join([*map(str, refused), undone]),
            short_by=worst.short_by,
            budget=worst.standing.budget,
            frees_at=worst.standing.until,
        )


def _refuse_unpriced(estimates: Sequence[Estimate]) -> None:
    unpriced = next((estimate for estimate in estimates if estimate.usd_max is None), None)
    if unpriced is not None:
        name = unpriced.request.spec.name
        raise BudgetExceeded(
            f"a budget is set and the price of this request is not known: {'; '.join(unpriced.notes)}. "
            f'Register one: catalog.register("{name}", price=[{{"tier": "default", '
            '"usd_per_million": ...}]). Nothing was sent.',
            short_by=None,
        )


def _beginning(covered: Sequence[Any], wanted: Sequence[Any]) -> str:
    if len(wanted) == 1:
        return "this request may cost"
    if len(covered) == len(wanted):
        return f"these {len(wanted)} requests together may cost"
    return f"{len(covered)} of these {len(wanted)} requests may cost"
