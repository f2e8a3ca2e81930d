"""Pictures of any kind as what a clip is made from: upright, in sRGB, 8 bits deep, opaque.

This is the one place that knows how a picture is decoded. What is sent, prepared, shown in a widget and
drawn by the simulator all come from `decode`, and so are the same picture.
"""

from __future__ import annotations

import contextlib
import io
import threading
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seedance_widgets.errors import MediaError
from seedance_widgets.inputs.colour import to_srgb
from seedance_widgets.inputs.depth import eight_bits
from seedance_widgets.inputs.given import shorten_name
from seedance_widgets.inputs.heif import is_heif, open_heif

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL import Image as PillowImage

__all__ = [
    "ORIENTATION",
    "Decoded",
    "decode",
    "decoding",
    "encode",
    "flatten",
    "measure",
    "open_image",
    "orientation",
]

ORIENTATION = 0x0112  # the EXIF tag
_TURNED = range(2, 9)
_SIDEWAYS = range(5, 9)  # they swap width and height
# Of a photograph of 200 megapixels no more is decoded than a clip needs, which only JPEG can do; any other
# kind is decoded whole, and a kernel that runs out of memory takes a day's work with it.
_MOST_JPEG, _MOST_PIXELS = 256_000_000, 128_000_000
_SHRINKS = ("JPEG", "MPO")
_STILL = ("MPO", "TIFF")  # their further pictures are other sizes, depths or pages, and no animation
_OPAQUE = 255
_lock = threading.RLock()


@dataclass(frozen=True, slots=True)
class Decoded:
    """A picture that was decoded.

    ``changed`` says that another reader could see the file otherwise, ``turned`` that a turn is all of it;
    ``notes`` say in words what of it a person should know.
    """

    picture: PillowImage.Image
    changed: bool
    turned: bool
    notes: tuple[str, ...]


def open_image(data: bytes, name: str = "the picture") -> PillowImage.Image:
    """Open a picture without decoding it; `MediaError` if it is none, cut short, or would take gigabytes."""
    from PIL import Image as Pillow
    from PIL import UnidentifiedImageError

    name = shorten_name(name)
    try:
        with _our_pillow():
            # Pillow's own limit knows nothing of pictures that are shrunk while they are decoded
            kept, Pillow.MAX_IMAGE_PIXELS = Pillow.MAX_IMAGE_PIXELS, None
            try:
                picture = open_heif(data, name) if is_heif(data) else Pillow.open(io.BytesIO(data))
            finally:
                Pillow.MAX_IMAGE_PIXELS = kept
    except UnidentifiedImageError as error:
        raise MediaError(f"{name} is not a picture that can be read, or a part of one") from error
    except (OSError, ValueError, SyntaxError, EOFError, OverflowError, MemoryError) as error:
        raise MediaError(f"{name} is not a picture that can be read") from error
    pixels = picture.width * picture.height
    if pixels > (_MOST_JPEG if picture.format in _SHRINKS else _MOST_PIXELS):
        raise MediaError(
            f"{name} is too large to open safely: {picture.width} x {picture.height} px are "
            f"{pixels / 1e6:,.0f} megapixels; a JPEG may have {_MOST_JPEG // 10**6}, "
            f"any other picture {_MOST_PIXELS // 10**6}"
        )
    if (picture.format == "PNG" and b"IEND\xaeB`\x82" not in data[-4096:]) or (
        picture.format == "GIF" and b"\0;" not in data[-4096:]
    ):
        raise MediaError(f"{name} is damaged: its end is missing")
    return picture


def measure(picture: PillowImage.Image) -> tuple[int, int]:
    """Width and height as one sees them, in pixels. All but a JPEG is decoded for it.

    Raises
    ------
    MediaError
        It is damaged.
    """
    if picture.format not in _SHRINKS:
        with decoding():
            picture.load()  # a PNG says it behind its pixels, a TIFF turns them itself
    return picture.size[::-1] if orientation(picture) in _SIDEWAYS else picture.size


def decode(picture: PillowImage.Image, rough: tuple[int, int] | None = None) -> Decoded:
    """Decode a picture: upright, sRGB, 8 bits, opaque.

    Parameters
    ----------
    picture
        Of `open_image`, or of somebody's own.
    rough
        Least width and height, as one sees them, that are needed; a JPEG is decoded no larger than that.

    Raises
    ------
    MediaError
        It is damaged.
    """
    notes: list[str] = []
    said = 1 if picture.format == "PNG" else orientation(picture)
    with decoding():
        if rough is not None and picture.format in _SHRINKS:
            picture.draft("RGB", rough[::-1] if said in _SIDEWAYS else rough)
        picture.load()
        turn = orientation(picture)
        is_animated = getattr(picture, "is_animated", False) and picture.format not in _STILL
        if is_animated:
            frame, count = picture.tell() + 1, getattr(picture, "n_frames", 1)
            notes.append(f"an animation: only its frame {frame} of {count} is sent")
        seen, converted = _plain(picture, notes)
        seen = _turn(seen, turn)
    turned = turn in _TURNED or said in _TURNED
    return Decoded(
        seen, converted or turned or bool(notes), turned and not converted and not notes, tuple(notes)
    )


def orientation(picture: PillowImage.Image) -> int:
    """How the camera was held, by EXIF: 1 to 8, where 1 is upright. What is no such number counts as 1."""
    try:
        with _our_pillow():
            value = picture.getexif().get(ORIENTATION, 1)
            return int(value) if value in _TURNED else 1
    except Exception:  # noqa: BLE001 - whatever Pillow makes of a block that is none, the picture is there
        return 1


def flatten(picture: PillowImage.Image) -> PillowImage.Image:
    """RGB on white: a clip has no transparency."""
    from PIL import Image as Pillow

    if picture.mode == "RGB" and "transparency" not in picture.info:
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


@contextlib.contextmanager
def decoding() -> Iterator[None]:
    """A context in which every error of a decoder becomes a `MediaError`: the picture is damaged."""
    try:
        with _our_pillow():
            yield
    except MediaError:
        raise
    except Exception as error:
        raise MediaError(f"the picture is damaged: {shorten_name(str(error))}") from error


@contextlib.contextmanager
def _our_pillow() -> Iterator[None]:
    """Pillow as we need it, whatever the notebook has set: half a picture is an error, odd EXIF none.

    Its settings and Python's warnings belong to the whole process, hence the lock.
    """
    from PIL import ImageFile

    with _lock, warnings.catch_warnings():
        # by module: another thread may have something to say meanwhile
        warnings.filterwarnings("ignore", module=r"(PIL|pillow_heif)\b")
        kept, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, False
        try:
            yield
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = kept


def _plain(picture: PillowImage.Image, notes: list[str]) -> tuple[PillowImage.Image, bool]:
    """A loaded picture in a mode that every reader sees alike, and whether it had another."""
    mode = picture.mode
    seen = _of_eight_bits(picture)
    seen, profile = to_srgb(seen)
    if profile:
        notes.append(f"colours are converted from {profile} to sRGB")
    may_be = "A" in seen.getbands() or "transparency" in seen.info
    if may_be and seen.convert("RGBA").getchannel("A").getextrema() != (_OPAQUE, _OPAQUE):
        seen = flatten(seen)
        notes.append("transparent parts lie on white")
    return seen, seen.mode != mode


def _of_eight_bits(picture: PillowImage.Image) -> PillowImage.Image:
    """Premultiplied and deep modes as plain ones."""
    import numpy as np
    from PIL import Image as Pillow

    if picture.mode == "PA" and picture.getchannel("A").getextrema() == (_OPAQUE, _OPAQUE):
        # Pillow's own conversion to PA makes everything opaque, and nobody can tell afterwards
        raise MediaError(
            'a picture of mode PA without a transparent pixel: Pillow drops transparency in .convert("PA"); '
            "give the picture that it was made of"
        )
    if picture.mode in ("PA", "RGBa"):
        return picture.convert("RGBA")
    if picture.mode == "La":
        return picture.convert("LA")
    if not picture.mode.startswith(("I", "F")):
        return picture
    values = np.asarray(picture)
    if picture.mode == "I" and _is_unsigned(picture):
        values = values.view(np.uint32)
    usual = values.size and values.min() >= 0 and values.max() <= _OPAQUE
    if usual and not (picture.mode == "F" and values.max() <= 1):
        return picture.convert("RGB")
    grey = Pillow.fromarray(eight_bits(values)).convert("RGB")
    if isinstance(hidden := picture.info.get("transparency"), int):
        grey.putalpha(Pillow.fromarray(np.where(values == hidden, 0, _OPAQUE).astype(np.uint8)))
    if icc := picture.info.get("icc_profile"):
        grey.info["icc_profile"] = icc
    return grey


def _is_unsigned(picture: PillowImage.Image) -> bool:
    """Whether a TIFF of 32 bits has no sign, which Pillow's mode has."""
    kind = getattr(picture, "tag_v2", {}).get(339, (1,)) if picture.format == "TIFF" else (2,)
    return kind in (1, (1,))


def _turn(picture: PillowImage.Image, turn: int) -> PillowImage.Image:
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    return picture.transpose(turns[turn]) if turn in turns else picture
