"""Figures of clips: those that people write down, and those that were measured on the clip's file.

A measured figure is kept with the hash of the clip and the version of what measured it: as long as both are
the same, it is not measured again. One that could not be had is kept too, with the reason.
"""

from __future__ import annotations

import math
import numbers
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import delete, or_, select

from seedance_widgets.errors import InvalidRequest, Problem
from seedance_widgets.log.schema import metrics, tasks
from seedance_widgets.log.store import batches
from seedance_widgets.log.tag_rows import check_names
from seedance_widgets.log.tags import check_keys
from seedance_widgets.units import micros_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from seedance_widgets.log.store import Store
    from seedance_widgets.metrics.figures import Measured

__all__ = ["Known", "Metrics"]


class Known(NamedTuple):
    """A figure as the log has it."""

    key: str
    name: str
    value: float | None
    trouble: str | None
    version: str | None
    sha256: str | None


class Metrics:
    """The figures of one log.

    Parameters
    ----------
    store
        The open log.
    clock
        Seconds since 1970 UTC.
    """

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    def set(self, key: str, values: Mapping[str, Any]) -> None:
        """Set figures of a task's clip; None takes one away.

        Raises
        ------
        InvalidRequest
            A value is no finite number; nothing was written.
        LogError
            There is no such task.
        """
        problems = [
            Problem(name, value, "is no finite number")
            for name, value in values.items()
            if value is not None and not (isinstance(value, numbers.Real) and math.isfinite(value))
        ]
        if problems:
            raise InvalidRequest(problems, refused="nothing was written")
        check_names(values)
        now = micros_of(self._clock())
        with self._store.write() as connection:
            check_keys(connection, self._store.name, [key])
            connection.execute(delete(metrics).where(metrics.c.key == key, metrics.c.name.in_([*values])))
            sha256 = connection.execute(select(tasks.c.sha256).where(tasks.c.key == key)).scalar()
            rows = [
                {"key": key, "name": name, "value": float(value), "sha256": sha256, "at": now}
                for name, value in values.items()
                if value is not None
            ]
            if rows:
                connection.execute(metrics.insert(), rows)

    def keep(
        self, key: str, found: Sequence[Measured], versions: Mapping[str, str], sha256: str | None
    ) -> None:
        """Keep what was measured of a clip, in place of what was before.

        Parameters
        ----------
        key
            Of the task.
        found
            Each figure, and the name of what measured it.
        versions
            Of what measured, by its name.
        sha256
            Of the clip.
        """
        now = micros_of(self._clock())
        with self._store.write() as connection:
            for of in {each.of for each in found}:
                its = or_(metrics.c.name == of, metrics.c.name.startswith(f"{of}.", autoescape=True))
                connection.execute(delete(metrics).where(metrics.c.key == key, its))
            rows = [
                {
                    "key": key,
                    "name": each.name,
                    "value": each.value,
                    "trouble": each.trouble,
                    "version": versions[each.of],
                    "sha256": sha256,
                    "at": now,
                }
                for each in found
            ]
            if rows:
                connection.execute(metrics.insert(), rows)

    def known(self, keys: Iterable[str]) -> list[Known]:
        """The figures of these tasks."""
        wanted = select(*(metrics.c[name] for name in Known._fields)).order_by(metrics.c.key, metrics.c.name)
        with self._store.read() as connection:
            return [
                Known(*line)
                for part in batches(keys)
                for line in connection.execute(wanted.where(metrics.c.key.in_(part)))
            ]
