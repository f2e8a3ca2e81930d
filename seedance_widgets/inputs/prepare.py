"""Crop and shrink a picture for a clip, decoding no more of it than the clip needs.

A photograph has many more pixels than a clip. The JPEG decoder can deliver a reduced picture directly,
which takes a third of the time and an eighth of the memory of decoding it whole first.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from seedance_widgets import catalog
from seedance_widgets.errors import InvalidRequest, Problem
from seedance_widgets.inputs.crop import Crop, center_crop, nearest_ratio, offset_crop, ratio_parts
from seedance_widgets.inputs.image import Image, image_problems, raw_bytes
from seedance_widgets.inputs.pixels import decode, encode, flatten, measure, open_image

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seedance_widgets.catalog.model import Model

__all__ = ["prepare_image"]

_BEST = 95  # above it a JPEG grows and looks no better (Pillow's documentation)


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
        Anything `load_image` takes, save an address: nothing is fetched. A JPEG may have 256 megapixels, any
        other picture 128.
    ratio
        Target ratio; ``"adaptive"`` keeps the whole picture.
    model, resolution
        Give the clip's size in pixels; by default the default model and its default resolution.
    x, y
        Upper left corner of the window in pixels of the upright picture; None centres it on that axis. The
        window is the largest of the ratio that fits; `offset_crop` gives smaller ones for ``crop``.
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
    resolution = str(resolution or spec.defaults["resolution"]).lower()
    corner = {name: at for name, at in (("x", x), ("y", y)) if at is not None}
    _check_arguments(spec, resolution, ratio, quality, corner=corner, crop=crop)
    name, data = raw_bytes(source)
    with open_image(data, name) as picture:
        width, height = measure(picture)
        window = crop or _window(width, height, ratio, x, y)
        if not (0 <= window.x and 0 <= window.y and window.box[2] <= width and window.box[3] <= height):
            raise _refusal([_fault("crop", window, f"leaves the picture of {width} x {height} px")])
        if crop is not None and ratio != catalog.ADAPTIVE:
            _check_shape(crop, ratio)
        wanted = spec.size(
            resolution,
            nearest_ratio(width, height) if ratio == catalog.ADAPTIVE else ratio,
        )
        target = _target(window, ratio, wanted)
        # Twice the target is left for the resampling filter to work on; decoding more would be waste.
        scale = (2 * target[0] / window.width, 2 * target[1] / window.height)
        decoded = decode(picture, (math.ceil(width * scale[0]), math.ceil(height * scale[1])))
        turned = decoded.picture
        shrunk = (turned.width / width, turned.height / height)
        left, upper, right, lower = window.box
        small = flatten(turned).resize(
            target,
            Pillow.Resampling.LANCZOS,
            box=(left * shrunk[0], upper * shrunk[1], right * shrunk[0], lower * shrunk[1]),
        )
    data, notes = encode(small, "JPEG", quality=quality), decoded.notes
    if isinstance(source, Image):
        notes = tuple(dict.fromkeys((*source.notes, *notes)))
    prepared = Image(
        name, data=data, format="jpeg", width=target[0], height=target[1], crop=window, notes=notes
    )
    problems = list(image_problems("crop", prepared, heif=False))
    if problems:
        raise _refusal(problems)
    return prepared


def _check_arguments(
    spec: Model, resolution: str, ratio: str, quality: int, *, corner: Mapping[str, float], crop: Crop | None
) -> None:
    """Refuse arguments that make no sense, before a picture is opened."""
    problems = []
    for name, at in corner.items():
        if crop is not None:
            problems.append(_fault(name, at, "not together with crop, which says where it lies"))
        elif ratio == catalog.ADAPTIVE:
            problems.append(_fault(name, at, "adaptive keeps the whole picture; give the ratio to cut it to"))
    if resolution not in spec.resolutions:
        reason = f"{spec.name} takes {', '.join(spec.resolutions)}"
        problems.append(_fault("resolution", resolution, reason, nearest=spec.resolutions[-1]))
    if not 1 <= quality <= _BEST:
        problems.append(_fault("quality", quality, f"1 to {_BEST}", nearest=min(max(quality, 1), _BEST)))
    if problems:
        raise _refusal(problems)


def _check_shape(crop: Crop, ratio: str) -> None:
    """A window of another shape would be squeezed into the ratio."""
    a, b = ratio_parts(ratio)
    if abs(crop.width * b - crop.height * a) > max(a, b):
        raise _refusal([_fault("crop", crop, f"is not of {ratio}; offset_crop gives one that is")])


def _window(width: int, height: int, ratio: str, x: int | None, y: int | None) -> Crop:
    if x is None and y is None:
        return center_crop(width, height, ratio)
    window = offset_crop(width, height, ratio, x=x, y=y)
    size = f"{window.width} x {window.height} px"
    reason = f"a window of {size} leaves the picture of {width} x {height} px there"
    moved = [
        _fault(name, asked, reason, nearest=at)
        for name, asked, at in (("x", x, window.x), ("y", y, window.y))
        if asked is not None and round(asked) != at
    ]
    if moved:
        raise _refusal(moved)
    return window


def _fault(parameter: str, value: Any, reason: str, nearest: Any = None) -> Problem:
    return Problem(parameter, value, reason, nearest, client_only=True)


def _refusal(problems: Sequence[Problem]) -> InvalidRequest:
    return InvalidRequest(problems, refused="the picture cannot be prepared like that")


def _target(window: Crop, ratio: str, wanted: tuple[int, int] | None) -> tuple[int, int]:
    """Pixels to send: the clip's size, in the exact ratio, never more than the window has."""
    wide, high = wanted or (window.width, window.height)
    if ratio == catalog.ADAPTIVE:
        shrink = min(1.0, max(wide / window.width, high / window.height))
        return (max(1, round(window.width * shrink)), max(1, round(window.height * shrink)))
    a, b = ratio_parts(ratio)
    units = min(max(math.ceil(wide / a), math.ceil(high / b)), math.ceil(window.width / a))
    return units * a, units * b
