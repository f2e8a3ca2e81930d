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
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self

from sqlalchemy import text

from seedance_widgets.log.tag_rows import tags_of
from seedance_widgets.units import DAY, micros_of, moment_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import Connection

    from seedance_widgets.log.row import TaskRow

__all__ = ["EVERYTHING", "Scope", "Total", "count_change", "count_moved", "keep_total", "total"]

_NANO = 1_000_000_000  # in a dollar
_DAY = micros_of(DAY)
_DECEMBER = 12

_SCOPES = text("SELECT scope FROM scopes")
_KEEP = text("INSERT INTO scopes (scope) VALUES (:scope)")
_TOTAL = text(
    "SELECT rows, settled, reserved FROM totals "
    "WHERE simulated = :simulated AND scope = :scope AND period = :period"
)
_ADD = text(
    "INSERT INTO totals (simulated, scope, period, rows, settled, reserved) "
    "VALUES (:simulated, :scope, :period, :rows, :settled, :reserved) "
    "ON CONFLICT (simulated, scope, period) DO UPDATE "
    "SET rows = totals.rows + excluded.rows, settled = totals.settled + excluded.settled, "
    "reserved = totals.reserved + excluded.reserved"
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


class Total(NamedTuple):
    """How many rows a scope has in a period, and dollars settled and reserved by those that count."""

    rows: int
    settled: float
    reserved: float


class _Sums(NamedTuple):
    """The same in nano-dollars."""

    rows: int = 0
    settled: int = 0
    reserved: int = 0

    def plus(self, other: _Sums) -> _Sums:
        return _Sums(*(one + more for one, more in zip(self, other, strict=True)))

    def negative(self) -> _Sums:
        return _Sums(-self.rows, -self.settled, -self.reserved)


def total(connection: Connection, scope: Scope, at: int, *, simulated: bool) -> Total:
    """What the rows of a scope come to in the period that a moment (microseconds since 1970) is in.

    A scope that was never asked for before is added up row by row; `keep_total` spares that.
    """
    period = scope.period(at)
    asked = {"simulated": simulated, "scope": scope.text, "period": period}
    found = connection.execute(_TOTAL, asked).first()
    sums = _Sums() if found is None else _Sums(*map(int, found))
    if found is None and scope not in _kept(connection):
        sums = _added_up(connection, scope).get((simulated, period), sums)
    return Total(sums.rows, sums.settled / _NANO, sums.reserved / _NANO)


def keep_total(connection: Connection, scope: Scope) -> None:
    """Keep the sums of a scope from now on; the connection may write."""
    if scope in _kept(connection):
        return
    connection.execute(_KEEP, {"scope": scope.text})
    for (simulated, period), sums in _added_up(connection, scope).items():
        _add(connection, scope, period, sums, simulated=simulated)


def count_change(connection: Connection, before: TaskRow | None, after: TaskRow) -> None:
    """Count a row that is new, or what it costs more or less than before."""
    more = _sums_of(after) if before is None else _sums_of(after).plus(_sums_of(before).negative())
    if not any(more):
        return
    scopes = _kept(connection)
    tags = tags_of(connection, after.key) if any(scope.tags for scope in scopes) else {}
    for scope in scopes:
        if scope.covers(after.home, tags):
            _count(connection, scope, after, more)


def count_moved(
    connection: Connection, row: TaskRow, before: Mapping[str, str], after: Mapping[str, str]
) -> Iterator[Scope]:
    """Count a row where its new tags want it; yields each scope that it has come to."""
    for scope in _kept(connection):
        was, is_ = scope.covers(row.home, before), scope.covers(row.home, after)
        if was and not is_:
            _count(connection, scope, row, _sums_of(row).negative())
        elif is_ and not was:
            _count(connection, scope, row, _sums_of(row))
            yield scope


def _sums_of(row: TaskRow) -> _Sums:
    return _Sums(1, _nanos(row.usd), _nanos(row.reserved_usd)) if row.counted else _Sums(1)


def _nanos(usd: float | None) -> int:
    return int((usd or 0.0) * _NANO + 0.5)


def _kept(connection: Connection) -> list[Scope]:
    return [Scope.read(told) for told in connection.execute(_SCOPES).scalars()]


def _count(connection: Connection, scope: Scope, row: TaskRow, sums: _Sums) -> None:
    _add(connection, scope, scope.period(row.intent_at), sums, simulated=row.simulated)


def _add(connection: Connection, scope: Scope, period: int, sums: _Sums, *, simulated: bool) -> None:
    asked = {"simulated": simulated, "scope": scope.text, "period": period}
    connection.execute(_ADD, {**asked, **sums._asdict()})


def _added_up(connection: Connection, scope: Scope) -> dict[tuple[bool, int], _Sums]:
    """What the rows of a scope come to, by their kind and period."""
    nanos = _NANOS[connection.dialect.name]
    wanted, told = ["1 = 1"], dict[str, Any]()
    if scope.home is not None:
        wanted.append("home = :home")
        told["home"] = scope.home
    for number, (name, value) in enumerate(scope.tags):
        of = f"SELECT key FROM tags WHERE name = :n{number} AND value = :v{number}"  # noqa: S608 - a number
        wanted.append(f"key IN ({of})")
        told |= {f"n{number}": name, f"v{number}": value}
    query = (
        f"SELECT simulated, COALESCE(intent_at, 0) / {_DAY} AS day, COUNT(*), "  # noqa: S608 - no word of it is a person's
        f"COALESCE(SUM(CASE WHEN counted THEN {nanos.format('COALESCE(usd, 0.0)')} END), 0), "
        f"COALESCE(SUM(CASE WHEN counted THEN {nanos.format('reserved_usd')} END), 0) "
        f"FROM tasks WHERE {' AND '.join(wanted)} GROUP BY simulated, day"
    )
    found: dict[tuple[bool, int], _Sums] = {}
    for simulated, day, *sums in connection.execute(text(query), told):
        where = bool(simulated), scope.period(int(day) * _DAY)
        found[where] = found.get(where, _Sums()).plus(_Sums(*map(int, sums)))
    return found
