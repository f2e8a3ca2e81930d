"""`concat`: clips become one story, copied where they agree and encoded anew where they do not."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from seedance_widgets.errors import InvalidRequest, MediaError, Problem
from seedance_widgets.media.video_file import PLAYABLE_CODECS
from seedance_widgets.request.rules import shown
from seedance_widgets.request.tables import is_frame, several
from seedance_widgets.stories.concat.story import Chapter, Story
from seedance_widgets.task.task import Task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from seedance_widgets.stories.concat.clips import Clip, Place

__all__ = ["concat"]

Source: TypeAlias = "Task | str | os.PathLike[str]"

# MP4 keeps the length of a chapter's title in one byte
_TITLE_BYTES = 250
# sound that is that much shorter or longer than its video is worth a word
_NOTICEABLE = 0.1


def concat(
    clips: Iterable[Source],
    path: str | os.PathLike[str],
    *,
    drop_joint: bool = False,
    titles: Sequence[str | None] | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> Story:
    """Join clips into one MP4 file, in the order given.

    Video and sound are each copied as they are where all clips agree in codec, profile, level, size, pixel
    format, frame rate and the encoder's parameters, and are encoded anew (H.264, AAC) where they do not; the
    result says which and why. No frame is lost or doubled. Other sizes are fitted into the first clip's with
    black bars. Clips without sound among clips with sound are silent. Sound stays within half a packet of its
    video however many clips there are (10.7 ms at 48 kHz).

    The call blocks: a copy takes a fraction of a second, encoding anew up to the length of the clips. In a
    notebook, ``await asyncio.to_thread(sw.concat, ...)`` leaves the kernel free meanwhile.

    Parameters
    ----------
    clips
        Tasks with a saved clip, or paths; or a DataFrame of the log's rows.
    path
        The file to write, ``*.mp4``; its folder is made. One that is there already is replaced, but never one
        of the clips.
    drop_joint
        Show a picture once where a clip begins with the one that the clip before ends with, as clips do that
        were made from a last frame. The story is a frame shorter at each such joint. What is left out is the
        earlier of the two frames, with the sound of its time: the later one is the key frame that those after
        it are built on. Where the earlier one cannot be left out of the stream, all is encoded anew.
    titles
        One chapter title a clip; by default, and in place of None, a task's prompt or the name of the file.
    progress
        Called as ``progress(frames_done, frames)`` about once a second of video.

    Raises
    ------
    MediaError
        A clip is missing, broken or not saved yet, or the file cannot be written. Nothing was written then.
    InvalidRequest
        A clip is neither a task nor a path, clips or titles are not given as several, there are no clips, or
        not as many titles as clips. Nothing was written.
    """
    from seedance_widgets.stories.concat.clips import place, repeats
    from seedance_widgets.stories.concat.compatibility import sound_differences, video_differences
    from seedance_widgets.stories.concat.writing import write

    if isinstance(titles, str):
        raise _refusal("titles", titles, "is one text: give a list, one a clip")
    looked = _read_clips(_listed(clips), titles)
    target = _target(path, looked)
    # those whose last frame the next one repeats
    cut = [
        number
        for number, (before, after) in enumerate(pairwise(looked))
        if drop_joint and before.video.frames > 1 and repeats(before, after)
    ]
    places = place(looked, cut)
    video_reasons = video_differences(looked, cut)
    heard = any(clip.sound for clip in looked)
    sound_reasons = sound_differences(looked) if heard else []
    first = looked[0].video
    step = 2 if video_reasons else 1  # what is encoded anew has even sides
    write(target, places, copy_video=not video_reasons, copy_sound=not sound_reasons, progress=progress)
    return Story(
        path=target,
        frames=sum(placed.frames for placed in places),
        seconds=float(places[-1].end),
        width=first.width // step * step,
        height=first.height // step * step,
        video="encoded" if video_reasons else "copied",
        sound=("encoded" if sound_reasons else "copied") if heard else None,
        reasons=(*video_reasons, *sound_reasons),
        notes=(
            *(_sound_notes(places) if heard else ()),
            *(
                []
                if video_reasons or first.codec in PLAYABLE_CODECS
                else [f"most browsers do not play {first.codec} video"]
            ),
        ),
        dropped=tuple(number + 2 for number in cut),
        chapters=tuple(Chapter(placed.clip.title, float(placed.start)) for placed in places),
    )


def _listed(clips: Any) -> list[Any]:
    if not is_frame(clips):
        return several(clips, "clips")
    if "video_path" not in clips.columns:
        raise _refusal("clips", "<DataFrame>", 'is a DataFrame without a column "video_path"')
    return list(clips["video_path"])


def _refusal(name: str, value: Any, reason: str) -> InvalidRequest:
    return InvalidRequest([Problem(name, value, reason)], refused="nothing was joined")


def _read_clips(sources: Sequence[Source], titles: Sequence[str | None] | None) -> list[Clip]:
    from seedance_widgets.stories.concat.clips import look

    if not sources:
        raise _refusal("clips", [], "there are no clips to join")
    if titles is not None and len(titles) != len(sources):
        raise _refusal("titles", len(titles), f"{len(titles)} titles for {len(sources)} clips")
    looked = []
    for number, source in enumerate(sources, 1):
        path, name, title = _file_and_names(source, number)
        if titles is not None and titles[number - 1] is not None:
            title = str(titles[number - 1])
        looked.append(look(path, name=name, title=_title(title) or f"clip {number}"))
    return looked


def _file_and_names(source: Source, number: int) -> tuple[Path, str, str]:
    """A clip's file, what messages call it, and its chapter's title."""
    if isinstance(source, Task):
        name = f"clip {number} (task {source.key})"
        if source.video_path is None:
            raise MediaError(f"{name} has no saved clip: the task is {source.status}. Nothing was written.")
        # of the row: what was made elsewhere has no request here, and a final's has no prompt
        prompt = source.row.prompt
        return source.video_path, name, prompt or source.key
    if not isinstance(source, str | os.PathLike):
        raise _refusal("clips", shown(source), f"clip {number} is neither a task nor a path")
    path = Path(source).expanduser().absolute()
    return path, f"clip {number} ({path.name})", path.stem


def _title(text: str) -> str:
    """One line, of whole characters, no longer than a chapter's title can be."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    whole = line.encode("utf-8", "replace")
    if len(whole) <= _TITLE_BYTES:
        return whole.decode()
    return whole[: _TITLE_BYTES - 3].decode("utf-8", "ignore").rstrip() + "…"


def _target(path: str | os.PathLike[str], clips: Sequence[Clip]) -> Path:
    target = Path(path).expanduser().absolute()
    if target.suffix.lower() != ".mp4":
        raise MediaError(f"{target.name}: a story is an MP4 file, so its name ends in .mp4")
    for clip in clips:
        if target.exists() and target.samefile(clip.path):
            raise MediaError(
                f"{target} is {clip.name}: a story does not replace one of its clips. Choose another name."
            )
    return target


def _sound_notes(places: Sequence[Place]) -> list[str]:
    notes = []
    for placed in places:
        clip, seconds = placed.clip, placed.end - placed.start
        if clip.sound is None:
            notes.append(f"{clip.name} has no sound and is silent")
        elif seconds - clip.sound.end > _NOTICEABLE:
            notes.append(f"the sound of {clip.name} ends {float(seconds - clip.sound.end):.1f} s early")
        elif clip.sound.end - seconds > _NOTICEABLE:
            notes.append(
                f"the last {float(clip.sound.end - seconds):.1f} s of the sound of {clip.name} are cut"
            )
    return notes
