"""A task's clip as an input of another request: its link while that lives, read anew before each sending."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedance_widgets import catalog
from seedance_widgets.errors import InvalidRequest, MediaError, Problem
from seedance_widgets.inputs.video import TASK, VideoInput
from seedance_widgets.log.row import Status
from seedance_widgets.units import HOUR, micros_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from seedance_widgets.log.queries import Rows
    from seedance_widgets.log.row import TaskRow
    from seedance_widgets.request.task_request import TaskRequest

__all__ = ["renew_links", "video_of"]


def video_of(row: TaskRow, *, clip: Path | None, now: int) -> VideoInput:
    """The clip of a row as an input.

    Parameters
    ----------
    row
        Of the log.
    clip
        Its saved file, None where there is none.
    now
        Microseconds since 1970.

    Raises
    ------
    MediaError
        It has no clip, or the service does not keep the file any more.
    """
    if row.status is not Status.SUCCEEDED or not row.video_url:
        raise MediaError(f"task {row.key} is {row.status} and has no clip that could be an input")
    hours = catalog.rules().file_hours
    if row.finished_at is not None and now > row.finished_at + micros_of(hours * HOUR):
        raise MediaError(
            f"the service has kept the clip of task {row.key} for {hours} hours, and takes no file. Upload "
            f"{clip or 'the clip'} to where the service reaches it, and give that address"
        )
    return VideoInput(
        row.video_url,
        seconds=row.duration or (row.frames / catalog.frames_per_second() if row.frames else None),
        width=row.width,
        height=row.height,
        size_bytes=clip.stat().st_size if clip and clip.exists() else None,
        task=row.key,
    )


def renew_links(
    request: TaskRequest, rows: Rows, absolute: Callable[[str | None], Path | None]
) -> TaskRequest:
    """A request whose input clips of this log's tasks have links that live; blocks for reads of the log.

    Parameters
    ----------
    request
        Of it, only ``reference_videos`` count.
    rows
        Of the log.
    absolute
        Turns a stored path into an absolute one.

    Raises
    ------
    InvalidRequest
        A clip is not to be had (any more); every such one is in ``problems``.
    """
    if not request.reference_videos:
        return request
    clips, problems = [], []
    for at, clip in enumerate(request.reference_videos):
        row = rows.by_name(clip.task) if clip.task else None
        name = f"reference_videos[{at}]"
        try:
            if row is not None:
                clips.append(video_of(row, clip=absolute(row.video_path), now=rows.now()))
            elif clip.address.startswith(TASK):
                problems.append(Problem(name, clip.address, "this log has no such task"))
            else:
                clips.append(clip)
        except MediaError as error:
            problems.append(Problem(name, str(clip.task), str(error)))
    if problems:
        raise InvalidRequest(problems)
    return request if tuple(clips) == request.reference_videos else request.replace(reference_videos=clips)
