"""The log of a studio: what was asked, what came back, what it cost, where the files are.

`Log` is what people read. The modules behind it: ``store`` opens the database and runs transactions,
``schema`` names its columns, ``journal`` writes the life of each task, ``intents`` and ``answers`` turn
requests and answers into columns, ``frames`` reads everything back as a DataFrame.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from seedance_widgets.log.store import Store

__all__ = ["Log"]


class Log:
    """A studio's log, for reading.

    Parameters
    ----------
    store
        The open database.
    home
        The folder that stored paths are relative to.
    """

    def __init__(self, store: Store, home: Path) -> None:
        self._store = store
        self._home = home

    @property
    def location(self) -> str:
        """Where the log is, without a password."""
        return self._store.name

    def to_pandas(self) -> pd.DataFrame:
        """One row a task, indexed by ``key``, in the order the tasks were begun.

        Typed columns (string, Int64, Float64, boolean, UTC datetimes); absent is ``<NA>``. Money is in
        USD; a task that was not billed has ``usd`` 0.0. File paths are absolute.
        """
        from seedance_widgets.log.frames import tasks_frame

        return tasks_frame(self._store, self._home)

    def __repr__(self) -> str:
        return f"Log({self.location})"
