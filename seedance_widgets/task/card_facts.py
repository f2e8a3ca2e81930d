"""What the card of a task shows, as its row and the files say it."""

from __future__ import annotations

import functools
import logging
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from seedance_widgets import catalog
from seedance_widgets.log.row import TO_SAVE, FileState, Status
from seedance_widgets.media.video_file import shrink
from seedance_widgets.task.card import CardFacts
from seedance_widgets.task.served_files import why_out_of_reach
from seedance_widgets.units import moment_of, relative_path, seconds_of

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from seedance_widgets.log.row import TaskRow

__all__ = ["Surroundings", "facts_of"]

logger = logging.getLogger(__name__)
_POSTER_WIDTH = 176
_POSTER_BYTES = 1_000
_POSTERS = 512


class Surroundings(Protocol):
    """What a card shows besides its row. Nothing of it asks the log."""

    @property
    def spent(self) -> float:
        """Dollars settled, as last read."""

    def absolute(self, stored: str | None) -> Path | None:
        """A stored path as an absolute one."""


def facts_of(
    row: TaskRow, around: Surroundings, error: Exception | None, *, with_poster: bool = True
) -> CardFacts:
    """What a card shows of a task.

    Parameters
    ----------
    row
        Of the task, as it stands.
    around
        Its files, and what has been spent.
    error
        What went wrong with it.
    with_poster
        Whether the poster is read, too.
    """
    saved, poster = around.absolute(row.video_path), around.absolute(row.poster_path)
    ended = time.time() if row.finished_at is None else seconds_of(row.finished_at)
    began = seconds_of(row.intent_at if row.finished_at is None else row.created_at)
    return CardFacts(
        key=row.key,
        status=row.status,
        model=row.model or "",
        prompt=row.prompt or ("final of a draft" if row.kind == "final" else ""),
        simulated=row.simulated,
        elapsed=ended - began,
        width=row.width,
        height=row.height,
        frames=row.frames,
        seed=row.requested_seed if row.seed is None else row.seed,
        est_usd=row.est_usd,
        most_usd=row.reserved_usd or None,
        usd=row.usd,
        tokens=row.tokens,
        spent=around.spent,
        task_id=row.task_id,
        problem=str(error) if error else None,
        note=row.remark if error else row.words,
        video=_relative(around.absolute(row.preview_path) or saved),
        download=_relative(saved),
        unreached=why_out_of_reach(saved) if saved else None,
        poster=_small(poster) if with_poster and poster else None,
        until=_expiry_of(row),
        is_draft=row.kind == "draft" and row.file == FileState.SAVED,
    )


def _expiry_of(row: TaskRow) -> datetime | None:
    """When the service forgets what is still needed of it: a file that is not saved, or a draft."""
    rules = catalog.rules()
    if row.status == Status.SUCCEEDED and row.file in TO_SAVE and row.finished_at:
        return moment_of(row.finished_at) + timedelta(hours=rules.file_hours)
    if row.status == Status.SUCCEEDED and row.kind == "draft":
        return moment_of(row.created_at) + timedelta(days=rules.draft_task_days)
    return None


def _small(poster: Path) -> bytes | None:
    """The poster as a card has it, None where it cannot be read."""
    try:
        return _shrunk(poster)
    except Exception as error:  # noqa: BLE001 - a damaged picture may make the decoder raise anything
        logger.debug("%s is left out of its card: %s", poster, error)
        return None


@functools.lru_cache(_POSTERS)
def _shrunk(poster: Path) -> bytes:
    """Smaller still than the poster: twenty cards in a notebook carry it twenty times."""
    return shrink(poster, _POSTER_BYTES, widths=(_POSTER_WIDTH,))


def _relative(path: Path | None) -> str | None:
    """As seen from the notebook, whose folder is the kernel's."""
    return None if path is None else relative_path(path)
