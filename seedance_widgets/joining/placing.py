"""Where each clip stands in the story: what all streams go by, so that they stay in step."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from seedance_widgets.joining.clips import Clip

__all__ = ["Place", "place"]


@dataclass(frozen=True, slots=True)
class Place:
    """A clip in the story: from ``start`` to ``end``, in seconds, with its first ``frames`` frames."""

    clip: Clip
    start: Fraction
    end: Fraction
    frames: int


def place(clips: Sequence[Clip], cut: Collection[int]) -> list[Place]:
    """Put clips one after the other; ``cut`` counts those that lose their last frame."""
    places, at = [], Fraction(0)
    for number, clip in enumerate(clips):
        video, dropped = clip.video, number in cut
        end = at + video.seconds - (video.last_seconds if dropped else 0)
        places.append(Place(clip, at, end, video.frames - dropped))
        at = end
    return places
