"""Pictures as the encoder wants them: the Y, U and V planes of a frame, U and V at half size.

A layer is converted once, its colours already multiplied by their alpha, so that putting it on a frame costs
one multiply and one add over a slice of rows. Alpha is 0..256 there: then a shift by 8 divides exactly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import av
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Pixels: TypeAlias = "NDArray[np.uint8]"
Words: TypeAlias = "NDArray[np.uint16]"
Floats: TypeAlias = "NDArray[np.floating[Any]]"
Planes: TypeAlias = tuple[Pixels, Pixels, Pixels]

ROWS = 64
"""How many are worked on at once: what fits the processor's cache is quicker by far."""


def frame_planes(frame: av.VideoFrame) -> Planes:
    """The planes of a yuv420p frame, to read and to draw on."""
    y, u, v = (
        np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]
        for plane in frame.planes
    )
    return y, u, v


def to_planes(pixels: Pixels) -> Planes:
    """RGB or RGBA of even size as planes, in BT.601 as every stream here is tagged."""
    frame = av.VideoFrame.from_ndarray(pixels, format={3: "rgb24", 4: "rgba"}[pixels.shape[2]])
    planes = frame_planes(frame.reformat(format="yuv420p", dst_colorspace="ITU601", interpolation="AREA"))
    y, u, v = (plane.copy() for plane in planes)  # a frame takes its memory with it
    return y, u, v


class Layer:
    """An RGBA picture that slides over frames; `speed` is in pixels a frame, to the left.

    Place and size are made even, for chroma has half the resolution; `y` is not negative. Rows below the last
    transparent pixel are copied, not mixed, and whoever stacks layers need not paint what lies beneath them.
    """

    def __init__(self, pixels: Pixels, x: float = 0, y: float = 0, speed: float = 0.0) -> None:
        self._x, self._y, self._speed = int(x) // 2 * 2, int(y) // 2 * 2, speed
        pixels = pixels[: len(pixels) // 2 * 2, : pixels.shape[1] // 2 * 2]
        clear = np.flatnonzero(pixels[..., 3].min(axis=1, initial=255) < 255)  # noqa: PLR2004
        self._mixed = int(clear[-1]) // 2 * 2 + 2 if clear.size else 0
        fine = pixels[: self._mixed, :, 3].astype(np.uint16)
        rows = fine[::2] + fine[1::2]
        coarse = (rows[:, ::2] + rows[:, 1::2] + 2) >> 2
        self._planes = []
        for plain, alpha in zip(to_planes(pixels), (fine, coarse, coarse), strict=True):
            share = alpha + (alpha >> 7)
            self._planes.append((plain, plain[: len(share)] * share, 256 - share))

    def draw(self, planes: Planes, index: int = 0) -> None:
        """Lay the layer over the frame numbered `index`; whatever falls outside is cut off."""
        x = self._x - int(index * self._speed)
        for target, (plain, ink, keep) in zip(planes, self._planes, strict=True):
            half = target is not planes[0]
            left, top, mixed = x >> half, self._y >> half, self._mixed >> half
            columns = slice(max(0, -left), max(0, target.shape[1] - left))
            seen = target[top : top + len(plain), max(0, left) : max(0, left + plain.shape[1])]
            for first in range(0, min(mixed, len(seen)), ROWS):
                rows = slice(first, min(mixed, len(seen), first + ROWS))
                part = seen[rows] * keep[rows, columns]
                part += ink[rows, columns]
                seen[rows] = part >> 8
            seen[mixed:] = plain[mixed : len(seen), columns]
