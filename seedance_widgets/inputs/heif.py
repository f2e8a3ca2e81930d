"""HEIC and HEIF, which phones write and Pillow does not read: pillow-heif does, where it is installed."""

from __future__ import annotations

import importlib.util
import io
from typing import TYPE_CHECKING

from seedance_widgets.errors import MediaError

if TYPE_CHECKING:
    from PIL import Image as PillowImage

__all__ = ["HEIF_WAY_OUT", "check_boxes", "heif_name", "is_heif", "open_heif"]

HEIF_WAY_OUT = (
    "`pip install pillow-heif`, with which prepare_image makes a JPEG of it, or save it as JPEG elsewhere"
)
# ISO/IEC 23008-12, annex B, and the collection brands of phones
_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"mif2", b"msf1")
_HEAD = 8  # bytes of a box's size and type
_WIDE = 1  # a size that says that the size is behind the type, in 8 bytes


def is_heif(data: bytes) -> bool:
    """Whether a file is HEIC or HEIF by its brands; AVIF has the same box, and Pillow reads it."""
    brands = data[8 : int.from_bytes(data[:4])][:256] if data[4:8] == b"ftyp" else b""
    return brands[:4] in _BRANDS and b"avif" not in brands


def heif_name(data: bytes) -> str:
    """What the service calls it."""
    return "heif" if data[8:12] in (b"mif1", b"mif2") else "heic"


def check_boxes(data: bytes, name: str) -> None:
    """Refuse a file that ends before its last box does."""
    at = 0
    while at + _HEAD <= len(data):
        size = int.from_bytes(data[at : at + 4])
        if size == _WIDE:
            size = int.from_bytes(data[at + _HEAD : at + 2 * _HEAD])
        if size == 0:  # to the end of the file
            return
        if size < _HEAD or at + size > len(data):
            raise MediaError(f"{name} is damaged: its end is missing")
        at += size


def open_heif(data: bytes, name: str) -> PillowImage.Image:
    """Open it by pillow-heif, without registering that for the whole process."""
    if importlib.util.find_spec("pillow_heif") is None:
        raise MediaError(
            f"{name} is a picture in {heif_name(data)} (HEIF), which cannot be opened here: {HEIF_WAY_OUT}"
        )
    check_boxes(data, name)
    from pillow_heif import HeifImageFile

    try:
        return HeifImageFile(io.BytesIO(data))  # type: ignore[no-untyped-call]
    except (OSError, ValueError, SyntaxError, RuntimeError, EOFError) as error:
        kind = heif_name(data)
        raise MediaError(
            f"{name} is a picture in {kind} (HEIF) that pillow-heif cannot read; save it as JPEG elsewhere"
        ) from error
