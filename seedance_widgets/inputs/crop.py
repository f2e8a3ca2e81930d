"""The part of a picture that a clip is made from: geometry, no pixels.

The service crops a first frame around its centre to the asked ratio (tutorial, "Image cropping logic"):
a picture that is too tall keeps its width, one that is too wide keeps its height. `center_crop` is that
rule; `offset_crop` is the same window moved elsewhere, cut to the exact ratio so that the service has
nothing left to cut. The simulator and the cropper widget use these functions too.
"""

from __future__ import annotations

import math
import numbers
from dataclasses import dataclass
from typing import Any

from seedance_widgets import catalog
from seedance_widgets.errors import InvalidRequest, Problem

__all__ = ["Crop", "center_crop", "check_size", "nearest_ratio", "offset_crop", "ratio_parts"]


@dataclass(frozen=True, slots=True)
class Crop:
    """A window of a picture in whole pixels, from its upper left corner."""

    x: int
    y: int
    width: int
    height: int

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, upper, right and lower edge, as Pillow wants it."""
        return (self.x, self.y, self.x + self.width, self.y + self.height)

    def lost(self, width: int, height: int) -> float:
        """Share of a ``width`` x ``height`` picture that lies outside, 0 to 1."""
        return 1 - self.width * self.height / (width * height)


def ratio_parts(ratio: str) -> tuple[int, int]:
    """``"21:9"`` as its lowest terms, (7, 3).

    Raises
    ------
    InvalidRequest
        The ratio is not two positive whole numbers with a colon between.
    """
    left, colon, right = str(ratio).partition(":")
    if not (colon and left.isdecimal() and right.isdecimal() and int(left) and int(right)):
        raise _no_crop("ratio", ratio, 'a ratio is two whole numbers, as in "16:9"', nearest="16:9")
    shared = math.gcd(int(left), int(right))
    return int(left) // shared, int(right) // shared


def center_crop(width: int, height: int, ratio: str) -> Crop:
    """The window that the service keeps of a ``width`` x ``height`` picture for ``ratio``.

    Parameters
    ----------
    width, height
        Of the picture as one sees it (after EXIF rotation), in pixels.
    ratio
        ``"A:B"``; ``"adaptive"`` keeps everything.

    Returns
    -------
    Crop
        In whole pixels: the side that is cut is rounded to the nearest pixel, its offset down.
    """
    check_size((width, height))
    if ratio == catalog.ADAPTIVE:
        return Crop(0, 0, width, height)
    a, b = ratio_parts(ratio)
    if width * b < height * a:  # too tall: the width stays
        kept = max(1, _round_quotient(width * b, a))
        return Crop(0, (height - kept) // 2, width, kept)
    if width * b > height * a:  # too wide: the height stays
        kept = max(1, _round_quotient(height * a, b))
        return Crop((width - kept) // 2, 0, kept, height)
    return Crop(0, 0, width, height)


def offset_crop(
    width: int,
    height: int,
    ratio: str,
    *,
    x: int | None = None,
    y: int | None = None,
    scale: float = 1.0,
) -> Crop:
    """A window of exactly ``ratio`` placed at ``x``, ``y``; moved inwards where it would leave the picture.

    Parameters
    ----------
    width, height
        Of the picture, in pixels.
    x, y
        Upper left corner in pixels; None centres the window on that axis.
    scale
        Size as a share of the largest window that fits, above 0 and at most 1.

    Raises
    ------
    InvalidRequest
        The picture is too small for one window of that ratio, or ``scale`` is out of range.
    """
    check_size((width, height))
    a, b = ratio_parts(ratio)
    largest = min(width // a, height // b)
    if largest < 1:
        raise _no_crop("ratio", ratio, f"a picture of {width} x {height} px has no {a} x {b} px in it")
    if not 0 < scale <= 1:
        raise _no_crop("scale", scale, "above 0 and at most 1", nearest=1.0)
    units = max(1, round(largest * scale))
    kept_width, kept_height = units * a, units * b
    left = (width - kept_width) // 2 if x is None else min(max(round(x), 0), width - kept_width)
    upper = (height - kept_height) // 2 if y is None else min(max(round(y), 0), height - kept_height)
    return Crop(left, upper, kept_width, kept_height)


def nearest_ratio(width: int, height: int) -> str:
    """The one of the six ratios nearest to a picture's own, by the logarithm of the quotient.

    This is our reading of ``adaptive``; the service does not document its rule.
    """
    check_size((width, height))

    def distance(ratio: str) -> float:
        a, b = ratio_parts(ratio)
        return abs(math.log(width * b / (height * a)))

    return min(catalog.ratios(), key=distance)


def check_size(size: Any) -> None:
    """Refuse what is no width and height of a picture in px, with an `InvalidRequest`."""
    sides = size if isinstance(size, tuple | list) else ()
    if len(sides) != 2 or not all(isinstance(side, numbers.Integral) and int(side) >= 1 for side in sides):  # noqa: PLR2004
        raise _no_crop("image_size", size, "width and height of a picture, in whole px of at least 1")


def _no_crop(parameter: str, value: Any, reason: str, nearest: Any = None) -> InvalidRequest:
    return InvalidRequest([Problem(parameter, value, reason, nearest)], refused="there is no such crop")


def _round_quotient(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)
