"""A copy of a SQLite log beside itself, made before the log is brought to a newer version."""

from __future__ import annotations

import contextlib
import filecmp
import itertools
import shutil
import sqlite3
from typing import TYPE_CHECKING

from seedance_widgets.errors import LogError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["keep_copy"]


def keep_copy(path: Path, version: int) -> Path:
    """Copy a log as it is on disk, its write-ahead log included, and return where the copy is.

    ``log.sqlite`` of version 2 becomes ``log.v2.sqlite``. A copy that is there is never overwritten: where it
    holds something else, the new one is ``log.v2-2.sqlite``, then ``log.v2-3.sqlite``.

    Parameters
    ----------
    path
        Of the log. The caller holds its write lock, so that nobody writes to the log or copies it meanwhile.
    version
        That the log has.

    Raises
    ------
    LogError
        The copy could not be made, as on a full disk.
    """
    part = path.with_name(f"{path.stem}.v{version}{path.suffix}.part")
    try:
        part.unlink(missing_ok=True)  # of a process that was killed while it copied
        with (
            contextlib.closing(sqlite3.connect(path)) as log,
            contextlib.closing(sqlite3.connect(part)) as copy,
        ):
            log.backup(copy)
        shutil.copymode(path, part)
        for number in itertools.count(1):
            again = f"-{number}" if number > 1 else ""
            target = path.with_name(f"{path.stem}.v{version}{again}{path.suffix}")
            if not target.exists():
                return part.rename(target)
            # a step that failed after its copy must not leave one more at each try
            if filecmp.cmp(part, target, shallow=False):
                part.unlink()
                return target
    except (OSError, sqlite3.Error) as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise LogError(
            f"the log {path} has to be brought up to date, and could not be copied before that: {error}. "
            "The log is unchanged. Make room or allow writing beside it, and open it again."
        ) from error
    raise AssertionError  # the numbers do not end
