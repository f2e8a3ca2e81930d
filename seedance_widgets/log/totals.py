"""What the rows of a log cost together, kept beside them: nobody adds up a log to check a budget.

A `Scope` says which rows are added up. The log keeps the sums of every scope that was ever asked for, one for
each of its periods. Whoever changes what a row costs, or its tags, changes the sums in the same transaction.
Sums are whole nano-dollars: an amount that is added and taken away again leaves nothing behind.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, Self

from sqlalchemy import text

from seedance_widgets.log.tag_rows import tags_of
from seedance_widgets.units import DAY, micros_of, moment_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import Connection

    from seedance_widgets.log.row import TaskRow

__all__ = ["EVERYTHING", "Scope", "count_change", "count_moved", "keep_total", "total"]

_NANO = 1_000_000_000  # in a dollar
_DAY = micros_of(DAY)
_DECEMBER = 12

_SCOPES = text("SELECT scope FROM scopes")
_KEEP = text("INSERT INTO scopes (scope) VALUES (:scope)")
_TOTAL = text(
    "SELECT settled, reserved FROM totals "
    "WHERE simulated = :simulated AND scope = :scope AND period = :period"
)
_ADD = text(
    "INSERT INTO totals (simulated, scope, period, settled, reserved) "
    "VALUES (:simulated, :scope, :period, :settled, :reserved) "
    "ON CONFLICT (simulated, scope, period) DO UPDATE "
    "SET settled = totals.settled + excluded.settled, reserved = totals.reserved + excluded.reserved"
)
# the same rounding as `_nanos`
_NANOS = {"sqlite": "CAST({} * 1e9 + 0.5 AS INTEGER)", "postgresql": "FLOOR({} * 1e9 + 0.5)::BIGINT"}


@dataclass(frozen=True, slots=True)
class Scope:
    """Which rows are added up together.

    Attributes
    ----------
    per
        ``month`` or ``day`` (UTC, by when a task was begun) where each has a sum of its own.
    tags
        Those that a row must have, as pairs in their order.
    home
        Id of the home that a row must be of, None for any.
    """

    per: Literal["month", "day"] | None = None
    tags: tuple[tuple[str, str], ...] = ()
    home: str | None = None

    @property
    def text(self) -> str:
        """What the log calls it."""
        told = {"per": self.per, "tags": dict(self.tags), "home": self.home}
        return json.dumps({name: value for name, value in told.items() if value}, sort_keys=True)

    @classmethod
    @functools.lru_cache(maxsize=256)
    def read(cls, told: str) -> Self:
        """The scope of its `text`."""
        read = json.loads(told)
        return cls(read.get("per"), tuple(sorted(read.get("tags", {}).items())), read.get("home"))

    def covers(self, home: str | None, tags: Mapping[str, str]) -> bool:
        """Whether a row of this home with these tags is one of those that are added up."""
        return (self.home is None or home == self.home) and dict(self.tags).items() <= tags.items()

    def period(self, at: int) -> int:
        """The first moment of the period that a moment is in, both in microseconds since 1970; or 0."""
        if self.per is None:
            return 0
        if self.per == "day":
            return at - at % _DAY
        moment = moment_of(at)
        return micros_of(datetime(moment.year, moment.month, 1, tzinfo=UTC).timestamp())

    def period_end(self, at: int) -> datetime | None:
        """When the period that a moment is in ends; None where there are no periods."""
        if self.per is None:
            return None
        start = moment_of(self.period(at))
        if self.per == "day":
            return moment_of(self.period(at) + _DAY)
        if start.month == _DECEMBER:
            return start.replace(year=start.year + 1, month=1)
        return start.replace(month=start.month + 1)


EVERYTHING = Scope()


def total(connection: Connection, scope: Scope, at: int, *, simulated: bool) -> tuple[float, float]:
    """Dollars settled and dollars reserved, of the period that a moment (microseconds since 1970) is in.

    A scope that was never asked for before is added up row by row; `keep_total` spares that.
    """
    period = scope.period(at)
    asked = {"simulated": simulated, "scope": scope.text, "period": period}
    found = connection.execute(_TOTAL, asked).first()
    if found is None and scope not in _kept(connection):
        settled, reserved = _added_up(connection, scope).get((simulated, period), (0, 0))
    else:
        settled, reserved = found or (0, 0)
    return int(settled) / _NANO, int(reserved) / _NANO


def keep_total(connection: Connection, scope: Scope) -> None:
    """Keep the sums of a scope from now on; the connection may write."""
    if scope in _kept(connection):
        return
    connection.execute(_KEEP, {"scope": scope.text})
    for (simulated, period), (settled, reserved) in _added_up(connection, scope).items():
        _add(connection, scope, period, settled, reserved, simulated=simulated)


def count_change(connection: Connection, before: TaskRow | None, after: TaskRow) -> None:
    """Count what a row costs more or less than before; None where it is new."""
    if not after.counted:
        return
    settled, reserved = _nanos(after.usd), _nanos(after.reserved_usd)
    if before is not None:
        settled -= _nanos(before.usd)
        reserved -= _nanos(before.reserved_usd)
    if not (settled or reserved):
        return
    scopes = _kept(connection)
    tags = tags_of(connection, after.key) if any(scope.tags for scope in scopes) else {}
    for scope in scopes:
        if scope.covers(after.home, tags):
            _count(connection, scope, after, settled, reserved)


def count_moved(
    connection: Connection, row: TaskRow, before: Mapping[str, str], after: Mapping[str, str]
) -> Iterator[Scope]:
    """Count what a row costs where its new tags want it; yields each scope that it has come to."""
    if not row.counted:
        return
    settled, reserved = _nanos(row.usd), _nanos(row.reserved_usd)
    for scope in _kept(connection):
        was, is_ = scope.covers(row.home, before), scope.covers(row.home, after)
        if was and not is_:
            _count(connection, scope, row, -settled, -reserved)
        elif is_ and not was:
            _count(connection, scope, row, settled, reserved)
            yield scope


def _nanos(usd: float | None) -> int:
    return int((usd or 0.0) * _NANO + 0.5)


def _kept(connection: Connection) -> list[Scope]:
    return [Scope.read(told) for told in connection.execute(_SCOPES).scalars()]


def _count(connection: Connection, scope: Scope, row: TaskRow, settled: int, reserved: int) -> None:
    _add(connection, scope, scope.period(row.intent_at), settled, reserved, simulated=row.simulated)


def _add(
    connection: Connection, scope: Scope, period: int, settled: int, reserved: int, *, simulated: bool
) -> None:
    told = {"settled": settled, "reserved": reserved}
    connection.execute(_ADD, {"simulated": simulated, "scope": scope.text, "period": period, **told})


def _added_up(connection: Connection, scope: Scope) -> dict[tuple[bool, int], tuple[int, int]]:
    """Nano-dollars settled and reserved of the rows of a scope, by their kind and period."""
    nanos = _NANOS[connection.dialect.name]
    wanted, told = ["counted"], dict[str, Any]()
    if scope.home is not None:
        wanted.append("home = :home")
        told["home"] = scope.home
    for number, (name, value) in enumerate(scope.tags):
        of = f"SELECT key FROM tags WHERE name = :n{number} AND value = :v{number}"  # noqa: S608 - a number
        wanted.append(f"key IN ({of})")
        told |= {f"n{number}": name, f"v{number}": value}
    query = (
        f"SELECT simulated, COALESCE(intent_at, 0) / {_DAY} AS day, "  # noqa: S608 - no word of it is a person's
        f"SUM({nanos.format('COALESCE(usd, 0.0)')}), SUM({nanos.format('reserved_usd')}) "
        f"FROM tasks WHERE {' AND '.join(wanted)} GROUP BY simulated, day"
    )
    sums: dict[tuple[bool, int], tuple[int, int]] = {}
    for simulated, day, settled, reserved in connection.execute(text(query), told):
        where = bool(simulated), scope.period(int(day) * _DAY)
        before = sums.get(where, (0, 0))
        sums[where] = before[0] + int(settled), before[1] + int(reserved)
    return sums
