"""What people hang on tasks: tags such as campaign = spring, and a note.

None of it is sent to the service. Every method is one transaction, durable when it returns.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, select, update

from seedance_widgets.errors import InvalidRequest, LogError, Problem
from seedance_widgets.log.budget import Claim, refuse_beyond, standing
from seedance_widgets.log.row import TaskRow
from seedance_widgets.log.schema import tags, tasks
from seedance_widgets.log.store import batches
from seedance_widgets.log.tag_rows import put_tags, tags_of, tags_read
from seedance_widgets.log.totals import Scope, count_moved, keep_total
from seedance_widgets.request.tables import is_frame
from seedance_widgets.units import micros_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

    from seedance_widgets.log.budget import Budget
    from seedance_widgets.log.store import Store

__all__ = ["Tags", "check_keys", "keys_of", "known_keys"]

_REFUSED = "nothing was written"
_BY_KEY = select(tasks).where(tasks.c.key == bindparam("key"))


class Tags:
    """Tags and notes of one log.

    Parameters
    ----------
    store
        The open log.
    budgets
        Those that count, which a new tag may lead beyond.
    home
        Id of the home that they are of, None where it has none.
    clock
        Seconds since 1970 UTC.
    """

    def __init__(
        self,
        store: Store,
        *,
        budgets: Sequence[Budget] = (),
        home: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._budgets = budgets
        self._home = home
        self._clock = clock

    def tag(self, keys: Iterable[str], values: Mapping[str, Any]) -> None:
        """Set tags of tasks; None takes one away. What they cost moves to the budgets of their new tags.

        Raises
        ------
        InvalidRequest
            A name or a value cannot be a tag; nothing was written.
        BudgetExceeded
            What they cost is more than a budget of their new tags has left; nothing was written.
        LogError
            There is no such task; nothing was written.
        """
        gone = [name for name, value in values.items() if value is None]
        kept = tags_read({name: value for name, value in values.items() if value is not None})
        with self._store.write() as connection:
            known = check_keys(connection, self._store.name, keys)
            moved = defaultdict[Scope, list[TaskRow]](list)
            for budget in self._budgets:
                keep_total(connection, budget.scope(self._home))
            for key in known:
                before = tags_of(connection, key)
                after = {**before, **kept}
                for name in gone:
                    after.pop(name, None)
                connection.execute(delete(tags).where(tags.c.key == key, tags.c.name.in_([*gone, *kept])))
                put_tags(connection, key, kept)
                row = TaskRow.read(connection.execute(_BY_KEY, {"key": key}).one())
                for scope in count_moved(connection, row, before, after):
                    moved[scope].append(row)
            self._refuse_beyond(connection, moved)

    def _refuse_beyond(self, connection: Connection, moved: Mapping[Scope, Sequence[TaskRow]]) -> None:
        """Refuse what has come to a budget of today and is more than it had left; what is past is past."""
        now, claims = micros_of(self._clock()), []
        for budget in self._budgets:
            scope = budget.scope(self._home)
            for simulated in (False, True):
                rows = [
                    row
                    for row in moved.get(scope, ())
                    if row.simulated is simulated and scope.period(row.intent_at) == scope.period(now)
                ]
                if rows:
                    after = standing(connection, budget, now, home=self._home, simulated=simulated)
                    settled = sum(row.usd or 0.0 for row in rows)
                    reserved = sum(row.reserved_usd for row in rows)
                    before = replace(after, spent=after.spent - settled, reserved=after.reserved - reserved)
                    claims.append(Claim(before, settled + reserved, "what is tagged so costs"))
        refuse_beyond(claims, "Nothing was written.")

    def note(self, key: str, text: str | None) -> None:
        """Set a task's note; None or an empty one takes it away.

        Raises
        ------
        InvalidRequest
            It is no text; nothing was written.
        LogError
            There is no such task.
        """
        if text is not None and not isinstance(text, str):
            raise InvalidRequest(
                [Problem("note", f"<{type(text).__name__}>", "is no text")], refused=_REFUSED
            )
        with self._store.write() as connection:
            check_keys(connection, self._store.name, [key])
            news = {"note": text or None, "revision": tasks.c.revision + 1}
            connection.execute(update(tasks).where(tasks.c.key == key).values(**news))


def keys_of(given: Any) -> list[str]:
    """Keys of tasks: of one task or key, of several, or of a DataFrame of the log's rows."""
    if isinstance(given, str):
        return [given]
    if is_frame(given):
        return [str(key) for key in (given["key"] if "key" in given.columns else given.index)]
    if hasattr(given, "key"):
        return [str(given.key)]
    if not isinstance(given, Iterable) or isinstance(given, Mapping):
        problem = Problem("keys", f"<{type(given).__name__}>", "is no key, task, list of them or DataFrame")
        raise InvalidRequest([problem], refused=_REFUSED)
    return [key for each in given for key in keys_of(each)]


def known_keys(connection: Connection, keys: Iterable[str]) -> set[str]:
    """Those of some keys that the log has."""
    return {
        key
        for part in batches(keys)
        for key in connection.execute(select(tasks.c.key).where(tasks.c.key.in_(part))).scalars()
    }


def check_keys(connection: Connection, log: str, keys: Iterable[str]) -> list[str]:
    """Keys, each once, of tasks that the log has.

    Raises
    ------
    LogError
        It has no such task.
    """
    wanted = list(dict.fromkeys(keys))
    known = known_keys(connection, wanted)
    if lacking := [key for key in wanted if key not in known]:
        raise LogError(f"the log {log} has no task {lacking[0]!r}; {_REFUSED}")
    return wanted
