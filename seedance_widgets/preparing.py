"""Crop and shrink a picture for a clip, decoding no more of it than the clip needs.

A photograph has many more pixels than a clip. The JPEG decoder can deliver a reduced picture directly,
which takes a third of the time and an eighth of the memory of decoding it whole first.
"""

from __future__ import annotations

import math
from typing import Any

from seedance_widgets import catalog
from seedance_widgets.cropping import Crop, center_crop, nearest_ratio, offset_crop, ratio_parts
from seedance_widgets.errors import InvalidRequest, MediaError, Problem
from seedance_widgets.images import (
    ORIENTATION,
    Image,
    encoded,
    flattened,
    image_problems,
    opened,
    raw_bytes,
    upright,
)

__all__ = ["prepare_image"]

_SIDEWAYS = (5, 6, 7, 8)


def prepare_image(
    source: Any,
    ratio: str = catalog.ADAPTIVE,
    *,
    model: str | None = None,
    resolution: str | None = None,
    x: int | None = None,
    y: int | None = None,
    crop: Crop | None = None,
    quality: int = 90,
) -> Image:
    """Crop and shrink a picture to what a clip needs, upright, as a small JPEG under every limit.

    The result has exactly the ratio ``A:B``, so the service's own centre crop takes nothing more.

    Parameters
    ----------
    source
        Anything `load_image` takes, save an address: nothing is fetched.
    ratio
        Target ratio; ``"adaptive"`` keeps the whole picture.
    model, resolution
        Give the clip's size in pixels; by default the default model and its default resolution.
    x, y
        Upper left corner of the window in pixels of the upright picture; None centres it.
    crop
        The window itself, instead of ``x`` and ``y``.
    quality
        JPEG quality, 1 to 95.

    Returns
    -------
    Image
        Its ``data_url`` is at hand; ``crop`` says which window of the upright source it shows.

    Raises
    ------
    MediaError
        The picture cannot be read or is too large to open safely.
    InvalidRequest
        The window lies outside the picture, or is too small for the service.
    """
    from PIL import Image as Pillow

    spec = catalog.find(model) if model else catalog.default_model()
    loaded = source if isinstance(source, Image) and source.data is not None else None
    with opened(raw_bytes(loaded.data if loaded else source)) as picture:
        sideways = picture.getexif().get(ORIENTATION) in _SIDEWAYS
        width, height = picture.size[::-1] if sideways else picture.size
        window = crop or _window(width, height, ratio, x, y)
        if not (0 <= window.x and 0 <= window.y and window.box[2] <= width and window.box[3] <= height):
            raise InvalidRequest(
                [Problem("crop", window, f"leaves the picture of {width} x {height} px", client_only=True)]
            )
        if crop is not None and ratio != catalog.ADAPTIVE:
            _check_shape(crop, ratio)
        wanted = spec.size(
            resolution or str(spec.defaults["resolution"]),
            nearest_ratio(width, height) if ratio == catalog.ADAPTIVE else ratio,
        )
        target = _target(window, ratio, wanted)
        # Twice the target is left for the resampling filter to work on; decoding more would be waste.
        scale = (2 * target[0] / window.width, 2 * target[1] / window.height)
        rough = (math.ceil(width * scale[0]), math.ceil(height * scale[1]))
        picture.draft("RGB", rough[::-1] if sideways else rough)
        try:
            picture.load()
            turned = upright(picture)
        except (OSError, ValueError, SyntaxError) as error:
            raise MediaError(f"the picture is damaged: {error}") from error
        shrunk = (turned.width / width, turned.height / height)
        left, upper, right, lower = window.box
        small = flattened(turned).resize(
            target,
            Pillow.Resampling.LANCZOS,
            box=(left * shrunk[0], upper * shrunk[1], right * shrunk[0], lower * shrunk[1]),
        )
    data = encoded(small, "JPEG", quality=quality)
    name = loaded.name if loaded else getattr(source, "name", None) or "picture"
    prepared = Image(name=str(name), data=data, format="jpeg", width=target[0], height=target[1], crop=window)
    problems = list(image_problems("crop", prepared, heif=False))
    if problems:
        raise InvalidRequest(problems)
    return prepared


def _check_shape(crop: Crop, ratio: str) -> None:
    """A window of another shape would be squeezed into the ratio."""
    a, b = ratio_parts(ratio)
    if abs(crop.width * b - crop.height * a) > max(a, b):
        raise InvalidRequest(
            [Problem("crop", crop, f"is not of {ratio}; offset_crop gives one that is", client_only=True)]
        )


def _window(width: int, height: int, ratio: str, x: int | None, y: int | None) -> Crop:
    if ratio == catalog.ADAPTIVE or (x is None and y is None):
        return center_crop(width, height, ratio)
    return offset_crop(width, height, ratio, x=x, y=y)


def _target(window: Crop, ratio: str, wanted: tuple[int, int] | None) -> tuple[int, int]:
    """Pixels to send: the clip's size, in the exact ratio, never more than the window has."""
    wide, high = wanted or (window.width, window.height)
    if ratio == catalog.ADAPTIVE:
        shrink = min(1.0, max(wide / window.width, high / window.height))
        return (max(1, round(window.width * shrink)), max(1, round(window.height * shrink)))
    a, b = ratio_parts(ratio)
    units = min(max(math.ceil(wide / a), math.ceil(high / b)), math.ceil(window.width / a))
    return units * a, units * b
