"""What of a picture goes to a browser: a small upright JPEG, or the words why there is none.

A photograph has megabytes and a widget shows it at a few hundred pixels, so that is all that is sent. An
address is never fetched, and a kind of picture that Pillow does not read can still go to the service.
"""

from __future__ import annotations

import pathlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seedance_widgets.errors import MediaError
from seedance_widgets.inputs.image import (
    Image,
    encode,
    flatten,
    load_image,
    open_image,
    orientation,
    raw_bytes,
    upright,
)
from seedance_widgets.units import bytes_text

if TYPE_CHECKING:
    from seedance_widgets.inputs.audio import Audio
    from seedance_widgets.inputs.video import VideoInput

__all__ = ["Preview", "facts_of", "facts_of_clip", "facts_of_sound", "look", "preview_jpeg"]

_ADDRESS = re.compile(r"(?i)(https?|asset)://")
_SIDEWAYS = range(5, 9)  # EXIF orientations that swap width and height
_ADDRESS_FACTS = "an address; the service fetches it, nothing is checked here"
_UNSEEN = "The service crops it around its centre."


@dataclass(frozen=True, slots=True)
class Preview:
    """A picture as the widget has it; without ``size`` it cannot be seen here, and ``why_not`` says why."""

    image: Image
    size: tuple[int, int] | None = None
    jpeg: bytes | None = None
    why_not: str = ""


def preview_jpeg(data: bytes, side: int, name: str = "the picture") -> bytes:
    """A picture's bytes as an upright JPEG of at most ``side`` pixels a side.

    Raises
    ------
    MediaError
        It is no picture that can be read, or a damaged one.
    """
    with open_image(data, name) as picture:
        try:
            picture.thumbnail((side, side))  # a JPEG is decoded at a fraction of its size
            picture.load()
        except (OSError, ValueError, SyntaxError) as error:
            raise MediaError(f"{name} is damaged: {error}") from error
        return encode(flatten(upright(picture)), "JPEG", quality=80)


def look(source: Any, side: int) -> Preview:
    """Read a picture and make its preview of at most ``side`` pixels a side.

    Raises
    ------
    MediaError
        It cannot be read, is no picture, or is damaged.
    """
    if isinstance(source, str) and _ADDRESS.match(source):
        source = load_image(source)
    if isinstance(source, Image) and source.data is None:
        unseen = f"{source.name} is an address: nothing is fetched here, so it cannot be shown. {_UNSEEN}"
        return Preview(source, why_not=unseen)
    data, name = raw_bytes(source), _name(source)
    try:
        with open_image(data, name) as picture:
            sideways = orientation(picture) in _SIDEWAYS
            size = picture.size[::-1] if sideways else picture.size
    except MediaError as error:
        # Pillow does not read every kind that the service does.
        try:
            kind = load_image(data).format
        except MediaError:
            raise error from None
        passed = Image(name=name, data=data, format=kind)
        return Preview(passed, why_not=f"{name} is a picture that cannot be shown here ({kind}). {_UNSEEN}")
    return Preview(Image(name=name, data=data), size, preview_jpeg(data, side, name))


def facts_of_clip(clip: VideoInput) -> str:
    """What is known of a clip, in words."""
    seconds = f"{clip.seconds:g} s" if clip.seconds is not None else ""
    size = f"{clip.width} × {clip.height} px" if clip.width and clip.height else ""
    source = f"clip of task {clip.task}" if clip.task else _ADDRESS_FACTS
    return ", ".join(filter(None, (seconds, size, source)))


def facts_of_sound(sound: Audio) -> str:
    """A sound's length, format and bytes, in words."""
    if sound.data is None:
        return _ADDRESS_FACTS
    return f"{sound.seconds:g} s, {(sound.format or '').upper()}, {bytes_text(len(sound.data))}"


def facts_of(image: Image) -> str:
    """A picture's size, format and bytes, in words."""
    if image.data is None:
        return _ADDRESS_FACTS
    size = f"{image.width} × {image.height} px, " if image.size else ""
    return f"{size}{(image.format or '').upper()}, {bytes_text(len(image.data))}"


def _name(source: Any) -> str:
    if isinstance(source, Image):
        return source.name
    if isinstance(source, str) and source.startswith("data:"):
        return "data URL"
    path = source if isinstance(source, str | pathlib.Path) else getattr(source, "filename", "")
    return pathlib.Path(path).name if path else "picture"
