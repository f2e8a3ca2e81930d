"""What pictures, clips and sounds a request may have: each one, all together, and with what they go.

Lengths are checked where they are known: of a sound at hand, of a clip that a task of ours made, and where
somebody says so. What is unknown the service decides; it costs no more than `pricing` bounds it by.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from seedance_widgets import catalog
from seedance_widgets.errors import Problem
from seedance_widgets.inputs.address import is_local
from seedance_widgets.inputs.audio import Audio, audio_problems
from seedance_widgets.inputs.image import image_problems
from seedance_widgets.inputs.video import VideoInput, video_problems
from seedance_widgets.request.fields import FIELDS, MODE_TITLES, SEVERAL, TASK_MODES, TASK_TYPE
from seedance_widgets.units import bytes_text, count_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from seedance_widgets.catalog.model import InputRule, Model
    from seedance_widgets.request.fields import RequestFields

__all__ = ["each_input", "input_problems", "unreachable_problems"]

_NOUNS = {"reference_images": "picture", "reference_videos": "clip", "reference_audios": "sound"}


def input_problems(request: RequestFields, model: Model, mode: str, *, sketch: bool) -> Iterator[Problem]:
    """Every fault of the inputs of a request.

    Parameters
    ----------
    request
        Its fields, read by type.
    model, mode
        What it is asked of, and what it is made from.
    sketch
        It may still lack inputs.
    """
    yield from _together(request, model)
    for name, media in each_input(request):
        if isinstance(media, VideoInput):
            yield from video_problems(name, media)
        elif isinstance(media, Audio):
            yield from audio_problems(name, media)
        else:
            yield from image_problems(name, media, heif=model.heif)
    if model.references and len(request.reference_images) > model.references.max:
        count = len(request.reference_images)
        yield _too_many("reference_images", "picture", count, model.references.max, model)
    yield from _several("reference_videos", request.reference_videos, model.videos, model)
    yield from _several("reference_audios", request.reference_audios, model.audios, model)
    if mode in model.omni_reference_task_type and not sketch:
        yield from _task_problems(request, mode)
    yield from _body_problems(request)


def unreachable_problems(request: RequestFields) -> Iterator[Problem]:
    """Addresses that only this machine or its network can reach: a service elsewhere would not."""
    given = [
        (name, medium.data_url, medium.name) for name, medium in each_input(request) if medium.sha256 is None
    ]
    if request.callback_url:
        given.append(("callback_url", request.callback_url, request.callback_url))
    for item in request.extra.get("content", ()):
        inner = item.get(item.get("type"))
        url = inner.get("url") if isinstance(inner, Mapping) else None
        given += [("extra", url, url)] if isinstance(url, str) else []
    for name, address, shown in given:
        if is_local(address):
            host = urlsplit(address.strip()).hostname
            yield Problem(
                name,
                shown,
                f"the service cannot reach {host}, which is this machine or its network only; "
                + (
                    "give an address on the web"
                    if name == "callback_url"
                    else "give the file itself where it takes one, or an address on the web"
                ),
            )


def each_input(request: RequestFields) -> Iterator[tuple[str, Any]]:
    """Every input with its name in messages."""
    for row, media in request.media():
        for at, medium in enumerate(media):
            yield f"{row.name}[{at}]" if row.kind in SEVERAL else row.name, medium


def _together(request: RequestFields, model: Model) -> Iterator[Problem]:
    """Which inputs go together."""
    frame = request.first_frame or request.last_frame
    for name, noun in _NOUNS.items():
        if frame and (given := getattr(request, name)):
            yield Problem(name, count_text(len(given), noun), "not together with a first or last frame")
    if request.last_frame is not None and request.first_frame is None and not _references(request):
        yield Problem("last_frame", request.last_frame.name, "needs a first_frame too")
    alone = request.reference_audios and not (request.reference_images or request.reference_videos or frame)
    if alone and model.audios and not model.audios.alone:
        yield Problem(
            "reference_audios",
            count_text(len(request.reference_audios), "sound"),
            f"{model.name} takes sounds only together with reference images or clips",
        )


def _references(request: RequestFields) -> bool:
    return bool(request.reference_images or request.reference_videos or request.reference_audios)


def _several(name: str, media: Sequence[Any], rule: InputRule | None, model: Model) -> Iterator[Problem]:
    """How many clips or sounds there are, and how long they are each and together."""
    if not media:
        return
    noun = _NOUNS[name]
    if rule is None:
        attribute = FIELDS[name].catalog
        able = catalog.names_of(lambda other: getattr(other, attribute))
        reason = f"{model.name} takes no {noun}s among its inputs; {', '.join(able)} do"
        yield Problem(name, count_text(len(media), noun), reason)
        return
    if len(media) > rule.max:
        yield _too_many(name, noun, len(media), rule.max, model)
    low, high = rule.seconds_min, rule.seconds_max
    known = [medium.seconds for medium in media if medium.seconds is not None]
    for at, medium in enumerate(media):
        if medium.seconds is not None and not low <= medium.seconds <= high:
            reason = f"each {noun} has {low:g} to {high:g} s for {model.name}"
            nearest = f"{min(max(medium.seconds, low), high):g} s"
            yield Problem(f"{name}[{at}]", f"{medium.seconds:g} s", reason, nearest=nearest)
    least = sum(known) + low * (len(media) - len(known))
    if len(media) > 1 and least > high:
        reason = f"{model.name} takes at most {high:g} s of {noun}s together"
        yield Problem(name, f"at least {least:g} s", reason)


def _too_many(name: str, noun: str, count: int, most: int, model: Model) -> Problem:
    return Problem(name, count_text(count, noun), f"{model.name} takes at most {most}", nearest=most)


def _task_problems(request: RequestFields, mode: str) -> Iterator[Problem]:
    """What an edit and an extension need; every other task of the references needs one of any kind."""
    clips = request.reference_videos
    if mode not in TASK_MODES:
        if not _references(request):
            yield Problem(TASK_TYPE, mode, "needs a reference: an image, a clip or a sound")
        return
    if not clips:
        yield Problem(TASK_TYPE, mode, f"an {MODE_TITLES[mode]} needs it: give it in reference_videos")
    least = catalog.rules().video.edit_seconds_min
    for at, clip in enumerate(clips):
        if mode == "edit" and clip.seconds is not None and clip.seconds < least:
            reason = f"a clip that is edited has {least:g} s or more"
            yield Problem(f"reference_videos[{at}]", f"{clip.seconds:g} s", reason, nearest=f"{least:g} s")


def _body_problems(request: RequestFields) -> Iterator[Problem]:
    total = sum(medium.encoded_bytes for _, media in request.media() for medium in media)
    limit = catalog.rules().body_max_bytes
    if total > limit:
        yield Problem(
            "body",
            f"{bytes_text(total)} of pictures and sounds",
            f"a request has at most {limit:,} bytes; prepare_image makes pictures smaller, "
            "and an address costs nothing",
        )
