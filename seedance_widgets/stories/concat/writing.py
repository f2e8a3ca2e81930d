"""The story's file, written beside its final name and put in place once it is whole and was looked into."""

from __future__ import annotations

import os
import secrets
from contextlib import ExitStack, suppress
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeAlias

import av

from seedance_widgets.errors import MediaError
from seedance_widgets.stories.concat.clips import NOTHING_LOST, packets
from seedance_widgets.stories.concat.compatibility import time_base
from seedance_widgets.stories.concat.sound import CopiedSound, EncodedSound
from seedance_widgets.stories.concat.video import CopiedVideo, EncodedVideo

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from av.container.core import Chapter

    from seedance_widgets.stories.concat.clips import Place

    Progress: TypeAlias = Callable[[int, int], object]

__all__ = ["write"]

# where the clips' own steps have no common measure
_FINE = Fraction(1, 90_000)
_MILLI = Fraction(1, 1000)
_PROGRESS_FRAMES = 24
_SLACK = 0.1  # seconds: a packet of sound on either side


def write(
    path: Path,
    places: Sequence[Place],
    *,
    copy_video: bool,
    copy_sound: bool,
    progress: Progress | None,
) -> None:
    """Write the clips one after the other.

    Raises
    ------
    MediaError
        A clip cannot be decoded, or the file cannot be written. Nothing is left behind then, and what was
        there under that name before still is.
    """
    # of the same ending, for the muxer opens its own output again to put the index first
    part = path.with_name(f".{path.stem[:64]}.{secrets.token_hex(4)}.part.mp4")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _mux(part, places, copy_video=copy_video, copy_sound=copy_sound, progress=progress)
        _check(part, places)
        with part.open("r+b") as file:
            os.fsync(file.fileno())
        part.replace(path)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise MediaError(f"{path} cannot be written: {error}. {NOTHING_LOST}") from error
    finally:
        with suppress(OSError):
            part.unlink()


def _mux(
    part: Path, places: Sequence[Place], *, copy_video: bool, copy_sound: bool, progress: Progress | None
) -> None:
    clips = [place.clip for place in places]
    base = time_base(clips) or _FINE
    options = {
        "movflags": "+faststart",
        "fflags": "+bitexact",  # the same clips give the same bytes
        "video_track_timescale": str(base.denominator),
    }
    with ExitStack() as stack:
        out = stack.enter_context(av.open(str(part), "w", format="mp4", container_options=options))
        out.set_chapters([_chapter(number, place) for number, place in enumerate(places)])
        # streams to copy are described by open files
        first = stack.enter_context(av.open(str(clips[0].path)))
        tracks: dict[str, Any] = {
            "video": CopiedVideo(out, first.streams.video[0], base)
            if copy_video
            else EncodedVideo(out, clips[0].video, base)
        }
        heard = [(clip.path, clip.sound) for clip in clips if clip.sound]
        if heard and copy_sound:
            path, sound = heard[0]
            model = stack.enter_context(av.open(str(path)))
            tracks["audio"] = CopiedSound(out, model.streams.audio[0], sound)
        elif heard:
            tracks["audio"] = EncodedSound(out, [sound for _, sound in heard])
        _feed(tracks, places, progress)


def _chapter(number: int, place: Place) -> Chapter:
    return {
        "id": number,
        "start": round(place.start / _MILLI),
        "end": round(place.end / _MILLI),
        "time_base": _MILLI,
        "metadata": {"title": place.clip.title},
    }


def _feed(tracks: dict[str, Any], places: Sequence[Place], progress: Progress | None) -> None:
    total, done = sum(place.frames for place in places), 0
    for place in places:
        for track in tracks.values():
            track.begin(place)
        with av.open(str(place.clip.path)) as source:
            told = 0
            for packet in packets(source):
                tracks[packet.stream.type].take(packet)
                now = tracks["video"].done
                if progress and now >= told + _PROGRESS_FRAMES:
                    told = now
                    progress(done + now, total)
        for track in tracks.values():
            track.end()
        done += place.frames
        if progress and told < place.frames:
            progress(done, total)
    for track in tracks.values():
        track.finish()


def _check(part: Path, places: Sequence[Place]) -> None:
    """Refuse a file whose film or sound is not as long as it was to be."""
    frames, seconds = sum(place.frames for place in places), float(places[-1].end)
    written = 0
    ends: dict[str, float] = {"video": 0.0}
    with av.open(str(part)) as container:
        for packet in packets(container):
            if packet.pts is not None:
                kind: str = packet.stream.type
                written += kind == "video"
                end = float((packet.pts + (packet.duration or 0)) * Fraction(packet.time_base))
                ends[kind] = max(ends.get(kind, 0.0), end)
    if written != frames:
        raise MediaError(f"{written} frames were written in place of {frames}. {NOTHING_LOST}")
    for kind, end in ends.items():
        if abs(end - seconds) > _SLACK:
            raise MediaError(f"{end:.2f} s of {kind} were written in place of {seconds:.2f}. {NOTHING_LOST}")
