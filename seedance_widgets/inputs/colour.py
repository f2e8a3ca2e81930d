"""Colour profiles: what is sent is sRGB, for a service that may pass over a profile."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image as PillowImage

__all__ = ["to_srgb"]

_SAME = 4  # of 255: a profile that moves no colour further is sRGB by whatever name
_STEP = 51
_LONGEST_NAME = 60


def to_srgb(picture: PillowImage.Image) -> tuple[PillowImage.Image, str]:
    """A picture of 8 bits in sRGB, and the name of the profile that it was converted from, if any.

    A profile that is damaged or belongs to another kind of picture is passed over, as browsers do.
    """
    from PIL import ImageCms

    icc = picture.info.get("icc_profile")
    if picture.mode == "LAB":
        lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(picture, lab, srgb, outputMode="RGB") or picture, ""
    if icc:
        try:
            profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
            name = " ".join(ImageCms.getProfileDescription(profile).split())[:_LONGEST_NAME]
            converted = _convert(picture, profile)
        except (ImageCms.PyCMSError, OSError, ValueError):
            converted = None
        if converted is not None:
            return converted, name or "a colour profile"
    if picture.mode in ("1", "L", "LA", "P", "RGB", "RGBA"):
        return picture, ""
    return picture.convert("RGB"), ""


def _convert(picture: PillowImage.Image, profile: object) -> PillowImage.Image | None:
    """The picture in sRGB, None where it is that already."""
    from PIL import Image as Pillow
    from PIL import ImageCms

    if picture.mode == "P" or "transparency" in picture.info:
        picture = picture.convert("RGBA" if "transparency" in picture.info else "RGB")
    alpha = picture.getchannel("A") if "A" in picture.getbands() else None
    mode = {"LA": "L", "RGBA": "RGB", "1": "L"}.get(picture.mode, picture.mode)
    plain = picture.convert(mode)
    grey_in_rgb = mode == "RGB" and profile.profile.xcolor_space.strip() == "GRAY"  # type: ignore[attr-defined]
    if grey_in_rgb and plain.getchannel("R").tobytes() == plain.getchannel("G").tobytes():
        plain, mode = plain.getchannel("R"), "L"  # of 16 bits, with a profile of greys
    transform = ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), mode, "RGB")  # type: ignore[arg-type]
    if mode in ("L", "RGB"):
        probe = _probe(mode)
        moved = ImageCms.applyTransform(probe, transform)
        before, after = probe.convert("RGB").tobytes(), moved.tobytes()  # type: ignore[union-attr]
        if max(abs(a - b) for a, b in zip(before, after, strict=True)) <= _SAME:
            return None
    seen: Pillow.Image = ImageCms.applyTransform(plain, transform)  # type: ignore[assignment]
    if alpha is not None:
        seen.putalpha(alpha)
    seen.info.pop("icc_profile", None)
    return seen


def _probe(mode: str) -> PillowImage.Image:
    """Colours all over the range, or all greys."""
    from PIL import Image as Pillow

    if mode == "L":
        return Pillow.frombytes("L", (256, 1), bytes(range(256)))
    steps = range(0, 256, _STEP)
    lattice = bytes(
        value for red in steps for green in steps for blue in steps for value in (red, green, blue)
    )
    return Pillow.frombytes("RGB", (len(lattice) // 3, 1), lattice)
