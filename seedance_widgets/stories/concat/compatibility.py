"""Reasons why clips cannot be joined as they are, in words. A stream without a reason is copied.

Packets of one encoder are read wrongly by a decoder that was set up for another, and not all players notice a
change of set-up in mid-stream. So streams are copied only where the set-up is the same for all clips.
"""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seedance_widgets.stories.concat.clips import Clip, Sound, Video

__all__ = ["sound_differences", "time_base", "video_differences"]

_LARGEST_TIMESCALE = 2**31 - 1
# 10.7 ms at 48 kHz, 32 ms at 16 kHz: sound that is moved by whole packets is off by half a packet at most
_LONGEST_PACKET = 0.070
# "no higher rates are hidden here", which an encoder may say or leave out (ISO/IEC 14496-3, 1.6.5.2)
_NO_EXTENSION = b"\x56\xe5\x00"


def video_differences(clips: Sequence[Clip], cut: Sequence[int]) -> list[str]:
    """Why the video of these clips cannot be copied; ``cut`` counts those that lose their last frame."""
    first, reasons = clips[0], []
    for clip in clips[1:]:
        found = [
            f"{what} {theirs}, not {ours}"
            for (what, ours), (_, theirs) in zip(_traits(first.video), _traits(clip.video), strict=True)
            if ours != theirs
        ]
        if not found and _parameters(first.video) != _parameters(clip.video):
            found = ["encoder parameters (SPS, PPS)"]
        if found:
            reasons.append(f"{clip.name} differs from {first.name}: {', '.join(found)}")
    for number, clip in enumerate(clips):
        if clip.video.hidden:
            reasons.append(f"{clip.name} has frames that are not to be shown")
        if clip.video.untimed:
            reasons.append(f"{clip.name} does not say when all of its frames are to be decoded")
        if not clip.video.parameters:
            reasons.append(f"{clip.name} has its encoder parameters among its frames")
        if number in cut and not clip.video.last_is_free:
            reasons.append(f"other frames of {clip.name} are built on the last one, which is to be dropped")
    if time_base(clips) is None:
        reasons.append("the clips count time in steps that have no common measure")
    reasons += [
        f"{after.name} decodes its frames in another order than {before.name}"
        for before, after in pairwise(clips)
        if before.video.last_dts >= before.video.seconds + after.video.first_dts
    ]
    return reasons


def sound_differences(clips: Sequence[Clip]) -> list[str]:
    """Why the sound of these clips cannot be copied; clips without sound are no reason."""
    first, *others = [clip for clip in clips if clip.sound]
    assert first.sound
    reasons = []
    for clip in others:
        assert clip.sound
        found = [
            f"{what} {theirs}, not {ours}"
            for (what, ours), (_, theirs) in zip(
                _sound_traits(first.sound), _sound_traits(clip.sound), strict=True
            )
            if ours != theirs
        ]
        if not found and _config(first.sound) != _config(clip.sound):
            found = ["encoder parameters"]
        if found:
            reasons.append(f"the sound of {clip.name} differs from that of {first.name}: {', '.join(found)}")
    if not reasons and not _plain_aac(first.sound):
        reasons.append(f"sound of {first.sound.codec} {first.sound.profile} cannot be cut where clips meet")
    return reasons


def time_base(clips: Sequence[Clip]) -> Fraction | None:
    """The longest step, in seconds, that all clips' steps are multiples of; None where there is none."""
    scale = math.lcm(*(clip.video.time_base.denominator for clip in clips))
    return Fraction(1, scale) if scale <= _LARGEST_TIMESCALE else None


def _traits(video: Video) -> list[tuple[str, object]]:
    # the avcC record of H.264 in MP4 (ISO/IEC 14496-15, 5.3.3.1) begins: version, profile, -, level, ...
    level = video.parameters[3] / 10 if video.codec == "h264" and _is_avcc(video.parameters) else ""
    return [
        ("codec", video.codec),
        ("size", f"{video.width}x{video.height}"),
        ("profile", video.profile),
        ("level", level),
        ("pixel format", video.pixels),
        ("pixel shape", video.aspect or 1),
        ("frame rate", video.rate),
        ("tag", video.tag),
    ]


def _parameters(video: Video) -> object:
    """The parameters that a decoder needs; of avcC only what counts, as writers differ in the rest."""
    data = video.parameters
    if video.codec != "h264" or not _is_avcc(data):
        return data
    sets, at = [], 5
    for mask in (0x1F, 0xFF):  # SPS, then PPS
        count, at = data[at] & mask, at + 1
        for _ in range(count):
            size = int.from_bytes(data[at : at + 2], "big")
            sets.append(data[at + 2 : at + 2 + size])
            at += 2 + size
    return data[4] & 3, sets  # with the length of a length


def _is_avcc(data: bytes) -> bool:
    return len(data) > 6 and data[0] == 1  # noqa: PLR2004


def _sound_traits(sound: Sound) -> list[tuple[str, object]]:
    return [
        ("codec", sound.codec),
        ("profile", sound.profile),
        ("sample rate", sound.rate),
        ("layout", sound.layout),
        ("packet length", sound.packet),
    ]


def _config(sound: Sound) -> bytes:
    return sound.parameters.removesuffix(_NO_EXTENSION)


def _plain_aac(sound: Sound) -> bool:
    """AAC-LC of one or two channels and short packets: every packet stands for itself and its neighbour."""
    return (
        (sound.codec, sound.profile) == ("aac", "LC")
        and sound.channels in (1, 2)
        and len(_config(sound)) == 2  # noqa: PLR2004
        and 0 < sound.packet <= _LONGEST_PACKET * sound.rate
    )
