"""What a request will cost, before it is sent. Pure arithmetic on catalog data.

Tokens are the truth, dollars come from a dated price. A clip of ``w`` x ``h`` pixels and ``N`` frames
bills ``floor(w * h * N / 1024)`` tokens with ``N = 24 * duration + 1`` (or ``frames``); this gives every
billed sample that is known. The price page's own examples leave out the ``+ 1`` and come out 0.8 % lower
at 5 s. Drafts multiply by the model's draft factor; how the service rounds that is not documented, so
they are never ``exact``. A clip among the inputs is billed with its own length, ``N = 24 * (in + out) + 1``,
and with a least number of seconds; how long the inputs may be together bounds that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, overload

from seedance_widgets import catalog
from seedance_widgets.catalog.model import ADAPTIVE, Price
from seedance_widgets.errors import InvalidRequest
from seedance_widgets.inputs.crop import check_size, nearest_ratio
from seedance_widgets.request.input_notes import input_notes
from seedance_widgets.request.price_of_tables import estimate_rows
from seedance_widgets.request.task_request import TaskRequest
from seedance_widgets.units import cost_text, usd_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from seedance_widgets.catalog.model import Model

__all__ = ["Estimate", "cost_usd", "draft_factor", "estimate", "frames_of", "frames_with_clips", "tokens_of"]


def frames_of(duration: int) -> int:
    """Frames of a clip of so many seconds: 24 a second and one more."""
    return catalog.frames_per_second() * duration + 1


def tokens_of(width: int, height: int, frames: int) -> int:
    """Tokens billed for a standard clip of that size in pixels and so many frames."""
    return width * height * frames // 1024


def frames_with_clips(spec: Model, resolution: str, made: int, seconds: float) -> int:
    """Frames that are billed where so many are made, and so many seconds of clips are among the inputs."""
    both = made + _frames_in(seconds)
    least = spec.minimum_with_video.get(resolution)
    return (
        max(both, _frames_in(least.seconds((made - 1) / catalog.frames_per_second())) + 1) if least else both
    )


def cost_usd(tokens: int | None, price: Price | float | None) -> float | None:
    """USD for so many tokens at a price per million, None where either is unknown."""
    if tokens is None or price is None:
        return None
    per_million = price.usd_per_million if isinstance(price, Price) else price
    return float(tokens * Decimal(str(per_million)) / 1_000_000)


@dataclass(frozen=True)
class Estimate:
    """Size, length and cost of a request. What is not known is None.

    ``width`` and ``height`` are pixels, ``usd`` dollars. ``tokens_max`` and ``usd_max`` are upper bounds;
    ``exact`` says whether tokens and price rest on confirmed rules alone, ``notes`` why not, and what a
    person should know of the inputs: what will be cut off them, what was changed.
    ``formula_tokens`` and ``formula_tokens_max`` are what the formula gives where a factor is not known.
    """

    request: TaskRequest
    width: int | None
    height: int | None
    frames: int | None
    tokens: int | None
    usd: float | None
    tokens_max: int | None
    usd_max: float | None
    exact: bool
    price: Price | None
    notes: tuple[str, ...] = ()
    image_size: tuple[int, int] | None = None
    formula_tokens: int | None = None
    formula_tokens_max: int | None = None

    @property
    def price_id(self) -> str | None:
        """Id of the dated price that gave the dollars."""
        return self.price.id if self.price else None

    def alternatives(self) -> list[tuple[str, Estimate]]:
        """Cheaper ways to the nearly same clip (flex, silent, draft, smaller), cheapest first."""
        cheaper = [
            (label, other)
            for label, other in self._variants()
            if other.usd_max is not None and self.usd_max is not None and other.usd_max < self.usd_max
        ]
        return sorted(cheaper, key=lambda pair: pair[1].usd_max or 0.0)

    def _variants(self) -> Iterator[tuple[str, Estimate]]:
        offered = self.request.parameters()
        changes: list[tuple[str, dict[str, Any]]] = []
        if self.request.effective("service_tier") != "flex" and "flex" in offered["service_tier"].choices:
            changes.append(("flex", {"service_tier": "flex"}))
        if self.request.effective("generate_audio") and offered["generate_audio"].is_offered:
            changes.append(("silent", {"generate_audio": False}))
        rule = self.request.spec.draft
        if offered["draft"].is_offered and rule and not self.request.draft:
            draft = {"draft": True, "resolution": rule.resolution}
            changes.append(("draft", {**draft, "return_last_frame": None, "service_tier": None}))
        choices = offered["resolution"].choices
        at = choices.index(self.request.effective("resolution"))
        changes += [(name, {"resolution": name}) for name in choices[:at]]
        for label, change in changes:
            try:
                yield label, estimate(self.request.replace(**change), image_size=self.image_size)
            except InvalidRequest:  # this mode does not go with that change
                continue

    @property
    def summary(self) -> str:
        """One line: size, length, tokens and dollars."""
        size = f"{self.width}x{self.height}" if self.width else "size not known"
        frames = f"{self.frames} frames" if self.frames else "length not known"
        about = "" if self.exact else "about "
        tokens = "tokens not known"
        if self.tokens is not None:
            tokens = f"{about}{self.tokens:,} tokens"
        elif self.tokens_max is not None:
            tokens = f"at most {self.tokens_max:,} tokens"
        usd = cost_text(self.usd if self.exact else None, self.usd, self.usd_max)
        return f"{self.request.spec.name}: {size}, {frames}, {tokens}, {usd}"

    def __repr__(self) -> str:
        lines = [self.summary]
        lines += [f"  note: {note}" for note in self.notes]
        for label, other in self.alternatives():
            cost = (other.usd if other.usd is not None else other.usd_max) or 0.0
            saved = 1 - (other.usd_max or 0.0) / (self.usd_max or 1.0)
            lines.append(f"  {label:>7}: {usd_text(cost)} ({saved:.0%} less)")
        return "\n".join(lines)


@overload
def estimate(
    request: TaskRequest | str | None = None, /, *, image_size: tuple[int, int] | None = None, **params: Any
) -> Estimate: ...
@overload
def estimate(request: pd.DataFrame | list[Any], /, **params: Any) -> pd.DataFrame: ...
def estimate(
    request: Any = None, /, *, image_size: tuple[int, int] | None = None, **params: Any
) -> Estimate | pd.DataFrame:
    """Predict size, frames, tokens and dollars of a request, without a network or a key.

    Parameters
    ----------
    request
        A `TaskRequest`; or give its fields as keywords, the prompt and pictures may be left out. A prompt may
        come first, as in `Studio.submit`. Or a table: a DataFrame, or a list of dicts, requests or prompts.
    image_size
        Width and height in px of a first frame that is not at hand yet.

    Returns
    -------
    Estimate
        Bounds (``tokens_max``, ``usd_max``) where the clip's size or length is the service's choice. Of a
        table a DataFrame, in which ``problem`` says why a row has none.

    Raises
    ------
    InvalidRequest
        The fields break a rule; every fault is in ``problems``.
    """
    if not isinstance(request, TaskRequest | str | None):
        return estimate_rows(request, estimate, params)
    if image_size is not None:
        check_size(image_size)
    if isinstance(request, str):
        params, request = {"prompt": request, **params}, None
    if request is None:
        request = TaskRequest.sketch(mode="first_frame" if image_size else "", **params)
    elif params:
        request = request.replace(**params)
    notes: list[str] = []
    size, sizes = _sizes(request, image_size, notes)
    frames, frames_max = _frames(request, notes)
    billed, billed_max = _billed_frames(request, frames, frames_max, notes)
    tokens = tokens_of(*size, billed) if size and billed else None
    tokens_max = max((tokens_of(*each, billed_max) for each in sizes), default=None)
    if request.draft:
        audio = bool(request.effective("generate_audio"))
        factor = draft_factor(request.spec, audio=audio)
        is_known = request.spec.draft is not None and request.spec.draft.factor(audio=audio) is not None
        notes.append(
            "drafts: how the service rounds is not documented"
            if is_known
            else "this model's draft factor is not known: bounded by the standard clip"
        )
        tokens, tokens_max = _draft_tokens(tokens, factor), _draft_tokens(tokens_max, factor, up=True)
    else:
        is_known = True
    if request.web_search:
        notes.append("what a search of the web costs is not known")
    price = _price(request, notes)
    return Estimate(
        request=request,
        width=size[0] if size else None,
        height=size[1] if size else None,
        frames=frames,
        tokens=tokens if is_known else None,
        usd=cost_usd(tokens if is_known else None, price),
        tokens_max=tokens_max,
        usd_max=cost_usd(tokens_max, price),
        exact=not notes and tokens is not None,
        price=price,
        notes=(*notes, *input_notes(request, image_size)),
        image_size=image_size,
        formula_tokens=tokens,
        formula_tokens_max=tokens_max,
    )


def _sizes(
    request: TaskRequest, image_size: tuple[int, int] | None, notes: list[str]
) -> tuple[tuple[int, int] | None, list[tuple[int, int]]]:
    """The clip's size, and every size that it may have; none where one of them is not known."""
    spec = request.spec
    resolution, ratio = request.effective("resolution"), request.effective("ratio")
    picture = image_size or (request.first_frame.size if request.first_frame else _size_of_clip(request))
    adaptive = ratio in (ADAPTIVE, None)
    if adaptive and picture:
        ratio = nearest_ratio(*picture)
        notes.append(f"adaptive: taken as {ratio}, the ratio nearest to the input's; not documented")
    elif adaptive:
        notes.append("the ratio is the service's choice: bounds only")
    size = None if ratio in (ADAPTIVE, None) else spec.size(resolution, ratio)
    possible = [spec.size(resolution, each) for each in (spec.ratios if adaptive else (ratio,))]
    known = [each for each in possible if each is not None]
    if len(known) < len(possible):
        notes.append(f"the size of {resolution} {request.effective('ratio')} is not known")
        known = []
    elif resolution in spec.doubtful_sizes:
        notes.append(f"sizes of {resolution} are not confirmed")
    return size, known


def _size_of_clip(request: TaskRequest) -> tuple[int, int] | None:
    """Size in pixels of the one input clip, where its shape decides the ratio and is known."""
    if request.mode not in request.spec.adaptive_only or len(request.reference_videos) != 1:
        return None
    clip = request.reference_videos[0]
    return (clip.width, clip.height) if clip.width and clip.height else None


def _price(request: TaskRequest, notes: list[str]) -> Price | None:
    audio = request.effective("generate_audio")
    if audio is None and request.spec.audio:
        notes.append("whether the draft has sound is not known: priced with sound")
        audio = True
    price = request.spec.price_for(
        tier=request.effective("service_tier"),
        resolution=request.effective("resolution"),
        audio=bool(audio),
        video_input=request.has_video_input,
    )
    if price is None:
        notes.append("no price is known; catalog.register can add one")
    elif price.doubtful:
        notes.append(f"the price {price.id} is not confirmed")
    return price


def _frames(request: TaskRequest, notes: list[str]) -> tuple[int | None, int]:
    """Frames as asked, and at most."""
    if request.mode in request.spec.length_of_input:
        known, longest = _seconds_of_clips(request)
        if known is None:
            notes.append("the clip will be as long as its input: bounds only")
        return None if known is None else _frames_in(known) + 1, _frames_in(longest) + 1
    frames: int | None = request.effective("frames")
    if frames is not None:
        return frames, frames
    duration: int | None = request.effective("duration")
    if duration is None or duration == -1:
        notes.append("the length is the service's choice: bounds only")
        return None, frames_of(request.spec.duration.max)
    return frames_of(duration), frames_of(duration)


def _billed_frames(
    request: TaskRequest, made: int | None, made_max: int, notes: list[str]
) -> tuple[int | None, int]:
    """Frames as billed, and at most: those of the input clips are billed with those that are made."""
    if not request.reference_videos:
        return made, made_max
    spec, resolution = request.spec, request.effective("resolution")
    known, longest = _seconds_of_clips(request)
    notes.append(
        "the length of the input clips is billed too, and is not known: bounds only"
        if known is None
        else f"{known:g} s of input clips are billed too, by a rule read from bills"
    )
    at_most = frames_with_clips(spec, resolution, made_max, longest)
    if made is None or known is None:
        return None, at_most
    return frames_with_clips(spec, resolution, made, known), at_most


def _seconds_of_clips(request: TaskRequest) -> tuple[float | None, float]:
    """Seconds of all input clips together, None where one is not known; and at most.

    What somebody says of a clip is expected to be so, and is no bound.
    """
    rule, clips = request.spec.videos, request.reference_videos
    lengths = [clip.seconds for clip in clips]
    known = None if None in lengths or not clips else math.fsum(lengths)
    is_certain = known is not None and all(clip.task for clip in clips)
    return known, known if is_certain and known is not None else rule.seconds_max if rule else 0.0


def _frames_in(seconds: float) -> int:
    # a length is a float, and 4.1 * 24 is not to count as one frame more
    return math.ceil(round(seconds * catalog.frames_per_second(), 6))


def draft_factor(spec: Model, *, audio: bool) -> tuple[int, int]:
    """The factor of a draft's tokens as numerator and denominator; 1 where it is not known."""
    return (spec.draft and spec.draft.factor(audio=audio)) or (1, 1)


def _draft_tokens(tokens: int | None, factor: tuple[int, int], *, up: bool = False) -> int | None:
    """Apply the draft factor, in whole numbers."""
    if tokens is None:
        return None
    top, bottom = factor
    return -(-tokens * top // bottom) if up else tokens * top // bottom
