"""Input pictures: read once, checked against the service's limits, and written as data URLs.

A picture is snapshotted when a request is made, so that what was checked is what is sent. A file that every
reader sees alike is sent byte for byte. One that lies on its side, has a colour profile, transparency, more
than 8 bits, or moves, is written anew as `pixels.decode` sees it: what the service makes of these is not
documented, and the crop preview has to agree with what it crops.
"""

from __future__ import annotations

import hashlib
import math
import weakref
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from seedance_widgets import catalog
from seedance_widgets.errors import MediaError, Problem
from seedance_widgets.inputs.crop import Crop, nearest_ratio
from seedance_widgets.inputs.given import read_given, shorten_name
from seedance_widgets.inputs.heif import HEIF_WAY_OUT, check_boxes, heif_name, is_heif
from seedance_widgets.inputs.pixels import (
    ORIENTATION,
    decode,
    decoding,
    encode,
    flatten,
    measure,
    open_image,
    orientation,
)
from seedance_widgets.units import data_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL import Image as PillowImage

    from seedance_widgets.inputs.pixels import Decoded

__all__ = ["Image", "image_problems", "load_image", "raw_bytes"]

_BEST = 95  # above it a JPEG grows and looks no better (Pillow's documentation)
_PHOTOGRAPHS = ("jpeg", "mpo", "heif", "heic", "avif")
_READ: weakref.WeakValueDictionary[str, Image] = weakref.WeakValueDictionary()


@dataclass(frozen=True)
class Image:
    """One input picture: bytes at hand (``data``), or an address that the service fetches (``url``).

    ``width`` and ``height`` are pixels as one sees them, None where they cannot be known here. ``notes`` say
    in words how it differs from what was given.
    """

    name: str
    url: str | None = None
    data: bytes | None = field(default=None, repr=False)
    format: str | None = None
    width: int | None = None
    height: int | None = None
    crop: Crop | None = None
    notes: tuple[str, ...] = field(default=(), repr=False, compare=False)

    @cached_property
    def sha256(self) -> str | None:
        """Hash of the bytes, None for an address."""
        return None if self.data is None else hashlib.sha256(self.data).hexdigest()

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height in pixels, None where unknown."""
        return None if self.width is None or self.height is None else (self.width, self.height)

    @property
    def label(self) -> str:
        """How tables tell it where its bytes are not kept."""
        return str(self.url)

    @property
    def data_url(self) -> str:
        """What the request's ``url`` field carries: the address, or the bytes as a data URL."""
        if self.data is None:
            return self.url or ""
        return data_url(self.data, f"image/{self.format}")

    @property
    def encoded_bytes(self) -> int:
        """Length of `data_url` in bytes, without building it."""
        if self.data is None:
            return len(self.url or "")
        return len(f"data:image/{self.format};base64,") + 4 * math.ceil(len(self.data) / 3)


def load_image(source: Any) -> Image:
    """Read a picture from whatever holds or names one.

    Parameters
    ----------
    source
        A path, ``file:`` address, http(s) address, ``asset://`` id, data URL, base64 or bytes; an open file;
        a PIL image, numpy array, notebook picture or matplotlib figure; or an `Image`. Nothing is fetched
        from a network: an address is passed on as it is.

    Raises
    ------
    MediaError
        The source cannot be read, is no picture or a part of one, or is too large to open safely.
    """
    if isinstance(source, Image):
        return source
    given = read_given(source)
    if given.picture is not None:
        return _from_pillow(given.picture, given.name)
    if given.data is not None:
        return _from_bytes(given.data, given.name)
    return Image(given.name, url=given.url)


def image_problems(parameter: str, image: Image, *, heif: bool) -> Iterator[Problem]:
    """Yield what the service would refuse about a picture; an address cannot be checked here."""
    rule = catalog.rules().image
    if image.data is None:
        return
    formats = (*rule.formats, *(rule.heif_formats if heif else ()))
    if image.format not in formats:
        way_out = HEIF_WAY_OUT if image.format in rule.heif_formats else "prepare_image makes a JPEG of it"
        reason = f"format {image.format}; this model takes {', '.join(formats)} ({way_out})"
        yield Problem(parameter, image.name, reason)
    if len(image.data) >= rule.max_bytes_exclusive:
        yield Problem(
            parameter,
            image.name,
            f"{len(image.data):,} bytes; at most {rule.max_bytes_exclusive - 1:,} "
            "(prepare_image makes it smaller)",
        )
    if image.width is None or image.height is None:
        return
    low, high = rule.side_min_exclusive, rule.side_max_exclusive
    if not (low < min(image.width, image.height) and max(image.width, image.height) < high):
        yield Problem(
            parameter,
            image.name,
            f"{image.width} x {image.height} px; each side is {low + 1} to {high - 1} px"
            + (" (prepare_image makes it smaller)" if max(image.width, image.height) >= high else ""),
        )
    if not rule.ratio_min_exclusive < image.width / image.height < rule.ratio_max_exclusive:
        yield Problem(
            parameter,
            image.name,
            f"width / height is {image.width / image.height:.3f}; it lies between "
            f"{rule.ratio_min_exclusive} and {rule.ratio_max_exclusive}",
            nearest=f"a crop to {nearest_ratio(image.width, image.height)}",
        )


# --- reading ---------------------------------------------------------------------------------------------


def raw_bytes(source: Any) -> tuple[str, bytes]:
    """Name and bytes of a picture as they were given: the caller decodes them, once.

    Raises
    ------
    MediaError
        As from `load_image`; and for an address, which is not fetched.
    """
    given = None if isinstance(source, Image) else read_given(source)
    if given is not None and given.data is not None:
        return "picture" if given.name == "bytes" else given.name, given.data
    image = (
        _from_pillow(given.picture, "picture") if given and given.picture is not None else load_image(source)
    )
    if image.data is None:
        name = shorten_name(image.name)
        raise MediaError(f"{name} is an address; fetch it first, nothing is downloaded here")
    return image.name, image.data


def _from_bytes(data: bytes, name: str) -> Image:
    """A picture that was read already is the same one: a batch names one file a thousand times."""
    key = hashlib.sha256(data).hexdigest()
    image = _READ.get(key)
    if image is None:
        image = _READ[key] = _read(data, name)
    return image if image.name == name else replace(image, name=name)


def _read(data: bytes, name: str) -> Image:
    try:
        picture = open_image(data, name)
    except MediaError:
        if not is_heif(data):
            raise
        # Nothing here may decode it; the service does, on models that say so.
        check_boxes(data, name)
        return Image(name, data=data, format=heif_name(data))
    with picture:
        kind = heif_name(data) if is_heif(data) else (picture.format or "").lower()
        if max(picture.size) >= catalog.rules().image.side_max_exclusive:
            # refused as it is, so it is not decoded: `prepare_image` does that, and makes it smaller
            width, height = measure(picture) if kind in ("jpeg", "mpo") else picture.size
            return Image(
                name, data=data, format="jpeg" if kind == "mpo" else kind, width=width, height=height
            )
        decoded = decode(picture)
        if decoded.changed:
            return _written(decoded, name, kind)
        kind = "jpeg" if kind == "mpo" else kind  # several pictures of one shot, the first a plain JPEG
        return Image(name, data=data, format=kind, width=picture.width, height=picture.height)


def _from_pillow(picture: PillowImage.Image, name: str) -> Image:
    from PIL import Image as Pillow

    if not isinstance(picture, Pillow.Image):  # something like one, which can at least become one
        turn = orientation(picture)
        with decoding():
            picture = picture.convert("RGB")
        picture.getexif()[ORIENTATION] = turn
    return _written(decode(picture), name, "png")


def _written(decoded: Decoded, name: str, kind: str) -> Image:
    """A decoded picture as the bytes of a file, in the size of its pixels and with what is to be known."""
    seen = decoded.picture
    data = b""
    if kind == "png" or not (decoded.turned or kind in _PHOTOGRAPHS):
        data, keep = encode(seen, "PNG"), "png"
    if not data or len(data) >= catalog.rules().image.max_bytes_exclusive:
        # of a photograph that is only turned the bytes are what they always were: rows of the log know them
        sharp = {} if decoded.turned or kind == "png" else {"subsampling": 0}
        data, keep = encode(flatten(seen), "JPEG", quality=_BEST, **sharp), "jpeg"
    return Image(name, data=data, format=keep, width=seen.width, height=seen.height, notes=decoded.notes)
