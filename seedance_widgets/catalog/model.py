"""What the catalog says about one model: the shapes of its data, and questions about one model alone.

Sides are in pixels, durations in seconds, money in USD per million tokens.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

__all__ = [
    "ADAPTIVE",
    "AudioRule",
    "DraftRule",
    "ImageRule",
    "InputRule",
    "Limits",
    "MinimumRule",
    "Model",
    "Price",
    "Range",
    "Retirement",
    "Rules",
    "Source",
    "VideoRule",
]

ADAPTIVE = "adaptive"


@dataclass(frozen=True, slots=True)
class Range:
    """Whole numbers from ``min`` to ``max`` in ``step``; ``auto`` admits -1, "the model chooses"."""

    min: int
    max: int
    step: int = 1
    auto: bool = False

    def __contains__(self, value: int) -> bool:
        if self.auto and value == -1:
            return True
        return self.min <= value <= self.max and (value - self.min) % self.step == 0

    def nearest(self, value: float) -> int:
        """The legal value nearest to ``value``."""
        inside = min(max(value, self.min), self.max)
        return self.min + round((inside - self.min) / self.step) * self.step


@dataclass(frozen=True, slots=True)
class Source:
    """Where a group of facts was read, and the date it was current."""

    title: str
    date: str


@dataclass(frozen=True, slots=True)
class Price:
    """List price in USD per million tokens for one tier, sound and resolution of a model.

    ``audio``, ``video_input`` and ``resolutions`` are None where the price does not depend on them.
    """

    id: str
    tier: str
    usd_per_million: float
    audio: bool | None = None
    video_input: bool | None = None
    resolutions: tuple[str, ...] | None = None
    source: str = "registered"
    date: str = "registered"
    doubtful: bool = False

    def fits(self, *, tier: str, resolution: str, audio: bool, video_input: bool = False) -> bool:
        """Whether a clip of that kind has this price."""
        return (
            self.tier == tier
            and (self.audio is None or self.audio == audio)
            and (self.video_input is None or self.video_input == video_input)
            and (self.resolutions is None or resolution in self.resolutions)
        )


@dataclass(frozen=True, slots=True)
class DraftRule:
    """Draft mode: its one resolution, its token factors as (numerator, denominator) or None, and its finals.

    ``finals`` are the resolutions that a final may have; empty for all of the model.
    """

    resolution: str
    finals: tuple[str, ...] = ()
    audio: tuple[int, int] | None = None
    silent: tuple[int, int] | None = None
    source: str = "registered"

    def factor(self, *, audio: bool) -> tuple[int, int] | None:
        """The token factor of a draft with or without sound, None where it is not known."""
        return self.audio if audio else self.silent


@dataclass(frozen=True, slots=True)
class InputRule:
    """Clips, or sounds, among the inputs of a model: how many, and how many seconds each and together.

    ``alone`` says whether they may be the only reference.
    """

    max: int
    seconds_min: float
    seconds_max: float
    alone: bool = True


@dataclass(frozen=True, slots=True)
class MinimumRule:
    """The least that is billed where a clip is among the inputs: seconds for each second that is made.

    ``whole`` says that the result is raised to a whole second.
    """

    numerator: int
    denominator: int
    whole: bool = False

    def seconds(self, made: float) -> float:
        """Seconds that are billed at least, for so many that are made."""
        least = made * self.numerator / self.denominator
        return float(math.ceil(least)) if self.whole else least


@dataclass(frozen=True, slots=True)
class Limits:
    """Account limits: creates a minute, tasks at once, flex tokens a day, free tokens; None if unknown."""

    rpm: int | None = None
    concurrency: int | None = None
    tokens_per_day: int | None = None
    free_tokens: int | None = None
    doubtful: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Retirement:
    """When a model stops, whether that is ``official`` or ``reported``, and what replaces it."""

    date: str
    status: str
    replacement: str | None = None
    source: str = "registered"

    @property
    def begins_at(self) -> float:
        """The first moment of that day, in seconds since 1970 UTC."""
        return datetime.combine(date.fromisoformat(self.date), datetime.min.time(), UTC).timestamp()

    def is_past(self, at: float) -> bool:
        """Whether that day has begun at a moment in seconds since 1970 UTC."""
        return at >= self.begins_at


@dataclass(frozen=True, slots=True)
class Model:
    """One model: what it takes, what it makes, what it costs. Sides are in pixels, durations in seconds.

    In the modes of ``adaptive_only`` the ratio, in those of ``length_of_input`` the length is that of the
    input. ``draws_seed`` is False where it is disputed whether a seed has an effect: none is made up then.
    """

    id: str
    name: str
    title: str
    version: str
    sizes: dict[str, dict[str, tuple[int, int]]]
    modes: tuple[str, ...]
    resolutions: tuple[str, ...]
    duration: Range
    defaults: dict[str, Any]
    ratios: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    endpoint: str | None = None
    resolutions_by_mode: dict[str, tuple[str, ...]] = field(default_factory=dict)
    adaptive: tuple[str, ...] = ()
    adaptive_only: tuple[str, ...] = ()
    length_of_input: tuple[str, ...] = ()
    references: Range | None = None
    videos: InputRule | None = None
    audios: InputRule | None = None
    minimum_with_video: dict[str, MinimumRule] = field(default_factory=dict)
    frames: Range | None = None
    seed: Range | None = None
    draws_seed: bool = True
    omni_reference_task_type: tuple[str, ...] = ()
    output_format: tuple[str, ...] = ()
    web_search: tuple[str, ...] = ()
    camera_fixed: tuple[str, ...] = ()
    audio: bool = False
    heif: bool = False
    draft: DraftRule | None = None
    priority: Range | None = None
    tiers: tuple[str, ...] = ("default",)
    limits: Limits = field(default_factory=Limits)
    price: tuple[Price, ...] = ()
    doubtful_sizes: tuple[str, ...] = ()
    retirement: Retirement | None = None
    advice: str = ""
    guide: str = ""
    prompt_formula: str = ""
    sources: tuple[str, ...] = ()

    @property
    def wire_id(self) -> str:
        """What the body's ``model`` field carries: the endpoint id where there is one."""
        return self.endpoint or self.id

    def resolutions_in(self, mode: str) -> tuple[str, ...]:
        """Resolutions that this mode takes."""
        return self.resolutions_by_mode.get(mode, self.resolutions)

    def ratios_in(self, mode: str) -> tuple[str, ...]:
        """Aspect ratios that this mode takes, ``adaptive`` among them where it is allowed."""
        if mode in self.adaptive_only:
            return (ADAPTIVE,)
        return (*self.ratios, ADAPTIVE) if mode in self.adaptive else self.ratios

    def default_ratio(self, mode: str) -> str:
        """The ratio that the service takes when none is given."""
        return str(self.defaults["ratio"].get(mode, self.ratios_in(mode)[0]))

    def durations_in(self, mode: str) -> Range:
        """Seconds that this mode takes."""
        return Range(-1, -1) if mode in self.length_of_input else self.duration

    def default_duration(self, mode: str) -> int:
        """The seconds that the service takes when none are given; -1 where it chooses."""
        return -1 if mode in self.length_of_input else int(self.defaults["duration"])

    def size(self, resolution: str, ratio: str) -> tuple[int, int] | None:
        """Width and height in pixels, None where the size is not known."""
        return self.sizes.get(resolution, {}).get(ratio)

    def price_for(
        self, *, tier: str, resolution: str, audio: bool, video_input: bool = False
    ) -> Price | None:
        """The first price that fits, None where none is known."""
        for price in self.price:
            if price.fits(tier=tier, resolution=resolution, audio=audio, video_input=video_input):
                return price
        return None


@dataclass(frozen=True, slots=True)
class ImageRule:
    """Limits on an input picture; sides in pixels, ratio is width / height, size in bytes."""

    source: str
    formats: tuple[str, ...]
    heif_formats: tuple[str, ...]
    side_min_exclusive: int
    side_max_exclusive: int
    ratio_min_exclusive: float
    ratio_max_exclusive: float
    max_bytes_exclusive: int


@dataclass(frozen=True, slots=True)
class VideoRule:
    """Limits on an input clip: width x height in pixels, frames a second, and the bytes of its file."""

    source: str
    formats: tuple[str, ...]
    pixels_min: int
    pixels_max: int
    fps_min: float
    fps_max: float
    max_bytes: int
    edit_seconds_min: float


@dataclass(frozen=True, slots=True)
class AudioRule:
    """Limits on an input sound: its formats, and the bytes of its file."""

    source: str
    formats: tuple[str, ...]
    max_bytes: int


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules that all models share."""

    source: str
    execution_expires_after: Range
    expires_after_default: int
    safety_identifier_max_length: int
    draft_task_days: int
    file_hours: int
    record_days: int
    body_max_bytes: int
    image: ImageRule
    video: VideoRule
    audio: AudioRule
