"""The log of a studio: what was asked, what came back, what it cost, where the files are.

`Log` is what people read. The modules behind it: ``row`` says which columns there are, ``schema`` makes
tables of them, ``migrations`` brings an older log up to them, ``store`` opens the database and runs
transactions; ``journal`` writes the life of each task, ``row_mapping`` turns requests and answers into
columns, ``queries`` answers questions; ``clip_verdicts`` and ``studies`` keep what people think of clips,
``dataframes`` reads everything back.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from seedance_widgets.errors import LogError
from seedance_widgets.units import is_absent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    import pandas as pd

    from seedance_widgets.drafts.economics.repricing import Prices
    from seedance_widgets.log.budget import Budget
    from seedance_widgets.log.lineage import Lineage
    from seedance_widgets.log.row import TaskRow
    from seedance_widgets.log.store import Store
    from seedance_widgets.log.tags import Tags
    from seedance_widgets.task.task import Task

__all__ = ["Log"]

_SHOWN = 20


class Log:
    """A studio's log, for reading, and for what people say of its tasks.

    Parameters
    ----------
    store
        The open database.
    home
        The folder that stored paths are relative to.
    clock
        Seconds since 1970 UTC.
    home_id
        Id of the home, None where it has none.
    budgets
        Gives those that new tags may not lead beyond.
    """

    def __init__(
        self,
        store: Store,
        home: Path,
        *,
        clock: Callable[[], float] = time.time,
        home_id: str | None = None,
        budgets: Callable[[], Sequence[Budget]] = tuple,
    ) -> None:
        self._budgets = budgets
        self._store = store
        self._home = home
        self._home_id = home_id
        self._clock = clock

    @property
    def location(self) -> str:
        """Where the log is, without a password."""
        return self._store.name

    def to_pandas(
        self,
        *,
        where: Mapping[str, Any] | None = None,
        since: Any = None,
        columns: Sequence[str] | None = None,
        timezone: str | None = "UTC",
    ) -> pd.DataFrame:
        """One row a task, indexed by ``key``, in the order the tasks were begun.

        Typed columns (string, Int64, Float64, boolean, UTC datetimes); absent is ``<NA>``. Money is in
        USD; a task that was not billed has ``usd`` 0.0. File paths are absolute. ``starred`` is True where
        the ``verdict`` is ``accept`` by a star. ``remark`` has the kit's own words, ``note`` a person's;
        each tag and each metric has a column, ``tags.campaign`` or ``metrics.clip_score``.

        Parameters
        ----------
        where
            Column to the value that it has, or to a list of values, as in ``{"status": "succeeded",
            "tags.campaign": ["spring", "autumn"]}``; None is an absent one.
        since
            First moment of ``created_at``: a datetime, a date as text (both UTC if they do not say
            otherwise), or a timedelta back from now.
        columns
            Which columns, in this order; all by default.
        timezone
            Of the times; None gives UTC without a time zone, as Excel wants them.

        Raises
        ------
        InvalidRequest
            There is no such column, moment or time zone.
        """
        from seedance_widgets.log.conditions import conditions_of
        from seedance_widgets.log.dataframes import choose, tasks_frame

        conditions = conditions_of(where, since, now=self._clock())
        frame = tasks_frame(self._store, self._home, *conditions)
        return choose(frame, columns, timezone)

    def rows_of(self, keys: Iterable[str]) -> pd.DataFrame:
        """The rows of these keys as `to_pandas` gives them; those that the log has."""
        from seedance_widgets.log.dataframes import tasks_frame
        from seedance_widgets.log.schema import tasks

        return tasks_frame(self._store, self._home, tasks.c.key.in_(list(keys)))

    def to_parquet(self, path: Path | str, **choice: Any) -> Path:
        """Write the log to a Parquet file, for `read_log`, pandas, polars or duckdb; returns its path.

        Parameters
        ----------
        path
            Of the file; one that is there is replaced.
        **choice
            ``where``, ``since`` and ``columns`` of `to_pandas`.

        Raises
        ------
        LogError
            It cannot be written, or pyarrow is not installed (``pip install 'seedance-widgets[tables]'``).
        """
        return self._write(path, "parquet", choice)

    def to_csv(self, path: Path | str, **choice: Any) -> Path:
        """Write the log to a CSV file in UTF-8; as `to_parquet`.

        A text that a spreadsheet would run as a formula has an apostrophe before it, which `read_log` takes
        away.
        """
        return self._write(path, "csv", choice)

    def to_excel(self, path: Path | str, **choice: Any) -> Path:
        """Write the log to an Excel sheet (.xlsx), as `to_csv`; openpyxl is in the extra ``tables``."""
        return self._write(path, "xlsx", choice)

    def _write(self, path: Path | str, kind: str, choice: Mapping[str, Any]) -> Path:
        from seedance_widgets.log.exports import write_log

        return write_log(self.to_pandas(**choice), path, kind)

    def add(self, table: Any) -> list[str]:
        """Add rows of tasks that were made by other means, such as a year before this package.

        They are looked at with ours, and their cost is in ``usd``, but never counted as spent or against a
        budget: ``counted`` is False.

        Parameters
        ----------
        table
            A DataFrame, or dicts, with columns named as those of `to_pandas`; ``model`` and ``created_at``
            are needed, a column of one's own is ``tags.<name>``. ``key`` is made where there is none; files
            are left out.

        Returns
        -------
        list of str
            The keys of the rows, in their order.

        Raises
        ------
        InvalidRequest
            A column or a cell cannot be of a row, or a key is there already; nothing was added.
        """
        from seedance_widgets.log.added import add_rows

        return add_rows(self._store, table, self._clock())

    def tag(self, keys: Any, /, **tags: Any) -> None:
        """Tag tasks, as in ``tag(keys, campaign="spring")``; a tag of None is taken away.

        Parameters
        ----------
        keys
            A key or a task, several of them, or a DataFrame of the log's rows.

        Raises
        ------
        InvalidRequest, LogError
            A tag is no text or number, or there is no such task; nothing was written.
        BudgetExceeded
            What the tasks cost is more than a budget for these tags has left; nothing was written.
        """
        from seedance_widgets.log.tags import keys_of

        self._tags.tag(keys_of(keys), tags)

    def note(self, key: str | Task, text: str | None) -> None:
        """Write a note on a task, in place of the one it has; None takes it away.

        Raises
        ------
        InvalidRequest, LogError
            It is no text, or there is no such task; nothing was written.
        """
        self._tags.note(self._row(key).key, text)

    def metric(self, key: str | Task, /, **metrics: float | None) -> None:
        """Write figures of a task's clip, as in ``metric(key, clip_score=0.31)``; None takes one away.

        Raises
        ------
        InvalidRequest, LogError
            A figure is no finite number, or there is no such task; nothing was written.
        """
        from seedance_widgets.log.metrics import Metrics

        Metrics(self._store, clock=self._clock).set(self._row(key).key, metrics)

    @property
    def _tags(self) -> Tags:
        from seedance_widgets.log.tags import Tags

        return Tags(self._store, budgets=self._budgets(), home=self._home_id, clock=self._clock)

    def unknown(self) -> pd.DataFrame:
        """Tasks whose create went unanswered: each may exist and be billed, and its cost stays reserved.

        Indexed by ``key``. ``candidates`` lists ids at the service of which only a person can say whether
        one is it; ``task.adopt(id)`` and ``task.abandon()`` do.
        """
        from seedance_widgets.log.dataframes import unknown_frame

        return unknown_frame(self._store)

    def expiring(self) -> pd.DataFrame:
        """What will be gone, the first first: clips that are not saved, and drafts without a final.

        Indexed by ``key``. ``what`` is ``clip``, whose file the service keeps for 24 hours, or ``draft``,
        whose id it takes for 7 days; ``until`` is UTC and ``hours_left`` counts from now.
        """
        from seedance_widgets.log.dataframes import expiring_frame

        return expiring_frame(self._store, self._clock())

    def verdicts(self) -> pd.DataFrame:
        """What people thought of clips, in the order they said so: ``verdict`` and ``at`` (UTC).

        Indexed by ``key``, which is there once a verdict. ``star`` is an acceptance that stands out: the
        task's own ``verdict`` is then ``accept``. ``<NA>`` took the one before back.
        """
        from seedance_widgets.log.dataframes import verdicts_frame

        return verdicts_frame(self._store)

    def lineage(self, key: str | Task) -> Lineage:
        """The tree that a task is part of: a draft, its finals, the clips that go on from their last frames.

        A DataFrame, root first, with ``depth``, ``relation``, ``status``, ``tokens``, ``usd``; a notebook
        shows it as a picture too. The task may be named by its key or by the service's id.

        Raises
        ------
        LogError
            There is no such task.
        """
        from seedance_widgets.log.lineage import lineage

        return lineage(self._store, self._home, self._row(key).key)

    def diff(self, a: str | Task, b: str | Task) -> pd.DataFrame:
        """What differs between two tasks, and nothing else: what was asked and what came of it.

        Indexed by ``field``, a column a task. Each may be named by its key or by the service's id.

        Raises
        ------
        LogError
            There is no such task.
        """
        from seedance_widgets.log.diff import differences

        return differences(self._row(a), self._row(b))

    def reprice(self, prices: Prices | None = None) -> pd.DataFrame:
        """`to_pandas` with ``usd`` and ``est_usd`` at other prices, for what-if; the log stays as it is.

        Parameters
        ----------
        prices
            ``{"seedance-1-5-pro": 2.0}`` in USD per million tokens, or prices in the shape of
            `catalog.register`; by default the catalog's of today.

        Raises
        ------
        InvalidRequest
            A model is neither in the catalog nor in the log.
        InvalidCatalogEntry
            A price is malformed.
        """
        from seedance_widgets.drafts.economics import reprice

        return reprice(self.to_pandas(), prices)

    def _row(self, task: str | Task) -> TaskRow:
        from seedance_widgets.log.queries import Rows

        name, rows = getattr(task, "key", task), Rows(self._store)
        if not isinstance(name, str):
            raise LogError(f"a task or its key is wanted, not {type(task).__name__}")
        return rows.by_name(name) or rows.row(name)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Each row as a dict of the columns of `to_pandas`, in their order; absent is None."""
        for row in self.to_pandas().reset_index().to_dict("records"):
            yield {str(name): None if is_absent(value) else value for name, value in row.items()}

    def _repr_html_(self) -> str:
        """The newest rows, as a short table."""
        from seedance_widgets.log.dataframes import newest_frame

        frame, count = newest_frame(self._store, self._home, _SHOWN)
        below = f"<p>The newest {len(frame):,} of {count:,} tasks. <code>.to_pandas()</code> has all.</p>"
        return f'<div class="tex2jax_ignore">{frame.to_html(max_cols=None)}{below}</div>'

    def __repr__(self) -> str:
        return f"Log({self.location})"
