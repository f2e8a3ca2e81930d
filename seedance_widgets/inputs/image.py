"""Input pictures: read once, checked against the service's limits, cropped, and written as data URLs.

A picture is snapshotted when a request is made, so that what was checked is what is sent. Bytes that a
camera marked as rotated are turned upright first: the service's own handling of that mark is not
documented, and the crop preview has to agree with what it crops.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import io
import math
import re
import warnings
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from seedance_widgets import catalog
from seedance_widgets.errors import MediaError, Problem
from seedance_widgets.inputs.address import is_address, without_query
from seedance_widgets.inputs.crop import Crop, nearest_ratio
from seedance_widgets.units import data_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL import Image as PillowImage

__all__ = [
    "Image",
    "decoding",
    "encode",
    "flatten",
    "image_problems",
    "load_image",
    "open_image",
    "orientation",
    "raw_bytes",
    "upright",
]

_ORIENTATION = 0x0112  # the EXIF tag
_TURNED = range(2, 9)
_DATA_URL = re.compile(r"data:(?:image/(?P<format>[a-zA-Z0-9.+-]+))?(?P<base64>;base64)?,", re.ASCII)


@dataclass(frozen=True)
class Image:
    """One input picture: bytes at hand (``data``), or an address that the service fetches (``url``).

    ``width`` and ``height`` are pixels as one sees them, None where they cannot be known here.
    """

    name: str
    url: str | None = None
    data: bytes | None = field(default=None, repr=False)
    format: str | None = None
    width: int | None = None
    height: int | None = None
    crop: Crop | None = None

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
    """Read a picture from a path, URL, data URL, ``asset://`` id, bytes, PIL image or `Image`.

    Nothing is fetched from a network: an address is passed on as it is.

    Raises
    ------
    MediaError
        The source cannot be read, is no picture, or is too large to open safely.
    """
    if isinstance(source, Image):
        return source
    if isinstance(source, bytes | bytearray | memoryview):
        return _from_bytes(bytes(source), "bytes")
    if isinstance(source, Path):
        return _from_path(source)
    if isinstance(source, str):
        if is_address(source):
            return Image(name=without_query(source).rsplit("/", 1)[-1] or source, url=source)
        if source[:5].lower() == "data:":
            return _from_data_url(source)
        if not source.strip():
            raise MediaError("an empty path names no picture")
        return _from_path(Path(source).expanduser())
    if hasattr(source, "save") and hasattr(source, "mode") and hasattr(source, "size"):
        return _from_pillow(source)
    raise MediaError(
        f"cannot read a picture from {type(source).__name__}: give a path, URL, data URL, bytes or PIL image"
    )


def image_problems(parameter: str, image: Image, *, heif: bool) -> Iterator[Problem]:
    """Yield what the service would refuse about a picture; an address cannot be checked here."""
    rule = catalog.rules().image
    if image.data is None:
        return
    formats = (*rule.formats, *(rule.heif_formats if heif else ()))
    if image.format not in formats:
        yield Problem(parameter, image.name, f"format {image.format}; this model takes {', '.join(formats)}")
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
            f"{image.width} x {image.height} px; each side is {low + 1} to {high - 1} px",
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


def raw_bytes(source: Any) -> bytes:
    """The bytes of a picture as they were given, not turned upright: the caller decodes them, once."""
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source)
    if isinstance(source, str | Path) and not re.match(r"(?i)(data|https?|asset):", str(source)):
        return _read(Path(source).expanduser())
    image = load_image(source)
    if image.data is None:
        raise MediaError(f"{image.name} is an address; fetch it first, nothing is downloaded here")
    return image.data


def _read(path: Path) -> bytes:
    limit = catalog.rules().body_max_bytes
    try:
        if path.stat().st_size > 4 * limit:
            raise MediaError(f"{path.name} has {path.stat().st_size:,} bytes, too large for a picture")
        return path.read_bytes()
    except OSError as error:
        # whole: a relative path is most often looked for in another folder than one thinks
        raise MediaError(f"cannot read the picture {path.absolute()}: {error.strerror or error}") from error


def _from_path(path: Path) -> Image:
    return _from_bytes(_read(path), path.name)


def _from_data_url(url: str) -> Image:
    match = _DATA_URL.match(url)
    if match is None or match["format"] is None:
        raise MediaError("not the data URL of a picture: it starts data:image/<format>;base64,")
    try:
        payload = url[match.end() :]
        data = base64.b64decode(payload, validate=True) if match["base64"] else unquote_to_bytes(payload)
    except (binascii.Error, ValueError) as error:
        raise MediaError(f"the data URL is not valid base64: {error}") from error
    return _from_bytes(data, "data URL")


def _from_bytes(data: bytes, name: str) -> Image:
    if data[4:12] in (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftypmsf1", b"ftyphevc"):
        # Pillow does not decode HEIF; the service does, on models that say so.
        return Image(name=name, data=data, format="heif" if data[8:12] == b"mif1" else "heic")
    with open_image(data, name) as picture:
        kind = (picture.format or "").lower()
        if orientation(picture) in _TURNED:
            turned = upright(picture)
            keep = "PNG" if kind == "png" else "JPEG"
            data = encode(turned if keep == "PNG" else flatten(turned), keep, quality=95)
            return Image(name, data=data, format=keep.lower(), width=turned.width, height=turned.height)
        kind = "jpeg" if kind == "mpo" else kind  # several pictures of one shot, the first a plain JPEG
        return Image(name, data=data, format=kind, width=picture.width, height=picture.height)


def _from_pillow(picture: PillowImage.Image) -> Image:
    limit = catalog.rules().image.max_bytes_exclusive
    turned = upright(picture)
    if turned.mode not in ("1", "L", "LA", "P", "RGB", "RGBA"):
        turned = turned.convert("RGB")  # PNG knows no CMYK, and the service no 32-bit grey
    data, kind = encode(turned, "PNG"), "png"
    if len(data) >= limit:
        data, kind = encode(flatten(turned), "JPEG", quality=95), "jpeg"
    return Image("PIL image", data=data, format=kind, width=turned.width, height=turned.height)


def open_image(data: bytes, name: str = "the picture") -> PillowImage.Image:
    """Open a picture without decoding it; `MediaError` if it is none or would decode to gigabytes."""
    from PIL import Image as Pillow
    from PIL import UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Pillow.DecompressionBombWarning)
            return Pillow.open(io.BytesIO(data))
    except (Pillow.DecompressionBombWarning, Pillow.DecompressionBombError) as error:
        raise MediaError(f"{name} is too large to open safely: {error}") from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError) as error:
        raise MediaError(f"{name} is not a picture that can be read") from error


def upright(picture: PillowImage.Image) -> PillowImage.Image:
    """The picture turned as its EXIF orientation says; the same object where it needs no turn."""
    from PIL import ImageOps

    if orientation(picture) not in _TURNED:
        return picture
    with decoding():
        return ImageOps.exif_transpose(picture)


def orientation(picture: PillowImage.Image) -> Any:
    """How the camera was held, by EXIF: 1 is upright. A PNG is decoded for it, and may turn out damaged."""
    with decoding():
        return picture.getexif().get(_ORIENTATION, 1)


@contextlib.contextmanager
def decoding() -> Iterator[None]:
    """A context in which every error of a decoder becomes a `MediaError`: the picture is damaged."""
    try:
        yield
    except Exception as error:
        raise MediaError(f"the picture is damaged: {error}") from error


def flatten(picture: PillowImage.Image) -> PillowImage.Image:
    """RGB on white: a clip has no transparency."""
    from PIL import Image as Pillow

    if picture.mode == "RGB":
        return picture
    if "A" in picture.getbands() or "transparency" in picture.info:
        layer = picture.convert("RGBA")
        ground = Pillow.new("RGBA", layer.size, "white")
        return Pillow.alpha_composite(ground, layer).convert("RGB")
    return picture.convert("RGB")


def encode(picture: PillowImage.Image, kind: str, **options: Any) -> bytes:
    """The picture as the bytes of a file; `MediaError` where its source turns out to be damaged."""
    out = io.BytesIO()
    with decoding():
        picture.save(out, kind, **options)
    return out.getvalue()
