"""What of a picture goes to a browser: a small upright JPEG, or the words why there is none.

A photograph has megabytes and a widget shows it at a few hundred pixels, so that is all that is sent. An
address is never fetched, and a kind of picture that Pillow does not read can still go to the service.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from seedance_widgets.errors import MediaError
from seedance_widgets.inputs.address import is_address
from seedance_widgets.inputs.image import Image, load_image, raw_bytes
from seedance_widgets.inputs.pixels import decode, encode, flatten, measure, open_image
from seedance_widgets.units import bytes_text

if TYPE_CHECKING:
    from PIL import Image as PillowImage

    from seedance_widgets.inputs.audio import Audio
    from seedance_widgets.inputs.video import VideoInput

__all__ = ["Preview", "facts_of", "facts_of_clip", "facts_of_sound", "look", "preview_jpeg"]

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
        return _preview(picture, measure(picture), side)[0]


def look(source: Any, side: int) -> Preview:
    """Read a picture and make its preview of at most ``side`` pixels a side.

    Raises
    ------
    MediaError
        It cannot be read, is no picture, or is damaged.
    """
    if isinstance(source, str) and is_address(source.strip()):
        source = load_image(source)
    if isinstance(source, Image) and source.data is None:
        unseen = f"{source.name} is an address: nothing is fetched here, so it cannot be shown. {_UNSEEN}"
        return Preview(source, why_not=unseen)
    name, data = raw_bytes(source)
    try:
        picture = open_image(data, name)
    except MediaError as error:
        # Pillow does not read every kind that the service does.
        try:
            passed = load_image(data)
        except MediaError:
            raise error from None
        why_not = f"A picture that cannot be shown here: {error}. {_UNSEEN}"
        return Preview(replace(passed, name=name), why_not=why_not)
    with picture:
        size = measure(picture)
        jpeg, notes = _preview(picture, size, side)
    return Preview(Image(name=name, data=data, notes=notes), size, jpeg)


def _preview(picture: PillowImage.Image, size: tuple[int, int], side: int) -> tuple[bytes, tuple[str, ...]]:
    """A picture as a small JPEG, and what is to be known of it."""
    share = min(1.0, 2 * side / max(size))  # twice the pixels, for the filter to work on
    decoded = decode(picture, (math.ceil(size[0] * share), math.ceil(size[1] * share)))
    small = flatten(decoded.picture)
    small.thumbnail((side, side))
    return encode(small, "JPEG", quality=80), decoded.notes


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
    return "; ".join((f"{size}{(image.format or '').upper()}, {bytes_text(len(image.data))}", *image.notes))
