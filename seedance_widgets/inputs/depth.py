"""Greys and colours of any depth as the 8 bits that a picture is sent with.

A file or an array does not say what its white is. It is the smallest usual one that all values lie below:
1 for fractions, 255, 65 535, and beyond that the next power of two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seedance_widgets.errors import MediaError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image as PillowImage

__all__ = ["eight_bits", "picture_of_array"]

_OVERSHOT = 1.5  # fractions that were resampled go a little beyond 1
_BYTE, _WORD = 255, 65_535
_PLANE, _COLOURED = 2, 3  # axes
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def eight_bits(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Numbers of any type as bytes, white at 255."""
    import numpy as np

    if values.dtype == np.uint8:
        return values
    if values.dtype == bool:
        return values.astype(np.uint8) * _BYTE
    fractions = values.dtype.kind == "f"
    plain = np.nan_to_num(values.astype(np.float64 if values.dtype.itemsize > 2 else np.float32))  # noqa: PLR2004
    low, high = (float(plain.min()), float(plain.max())) if plain.size else (0.0, 0.0)
    if fractions and high <= _OVERSHOT and low >= 1 - _OVERSHOT:
        black, white = 0.0, 1.0
    elif low < 0:
        black, white = low, max(high, low + 1)
    else:
        black = 0.0
        white = next((each for each in (_BYTE, _WORD) if high <= each), 2.0 ** np.ceil(np.log2(high)) - 1)
    plain -= black
    plain *= _BYTE / (white - black)
    clipped: NDArray[np.uint8] = np.clip(np.rint(plain), 0, _BYTE).astype(np.uint8)
    return clipped


def picture_of_array(source: Any) -> PillowImage.Image:
    """An array as a picture: height x width, or with 1 to 4 channels as the last axis.

    Raises
    ------
    MediaError
        It has another shape, or holds no numbers.
    """
    import numpy as np
    from PIL import Image as Pillow

    try:
        values = np.asarray(source)
    except Exception as error:  # an array of a library that has it on another device
        raise MediaError(f"cannot read a picture from {type(source).__name__}: {error}") from error
    told = f"an array of shape {values.shape} and type {values.dtype} is no picture"
    if values.dtype.kind not in "buif":
        raise MediaError(f"{told}: it has no plain numbers")
    channels = values.shape[2] if values.ndim == _COLOURED else 1
    if values.ndim not in (_PLANE, _COLOURED) or channels not in _MODES or not values.size:
        first = values.ndim == _COLOURED and values.shape[0] in _MODES
        hint = "; numpy.moveaxis(array, 0, -1) puts its channels last" if first else ""
        raise MediaError(f"{told}: it is height x width, or height x width x 1 to 4 channels{hint}")
    if channels in (2, 4) and values.dtype != np.uint8:  # what is opaque says nothing of what is white
        values = np.dstack([eight_bits(values[..., :-1]), eight_bits(values[..., -1])])
    pixels = eight_bits(values)
    return Pillow.fromarray(
        np.ascontiguousarray(pixels[..., 0] if values.ndim == _COLOURED and channels == 1 else pixels)
    )
