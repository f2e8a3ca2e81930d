"""Clips made of pictures that were sent: a camera move over one, a dissolve between two."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

from seedance_widgets.cropping import center_crop
from seedance_widgets.simulator.picture.layers import dissolve, empty_planes, sweep, to_planes
from seedance_widgets.simulator.picture.paint import stream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from seedance_widgets.simulator.picture.layers import Pixels, Planes, Words

MARKS_KEY = "seedance_widgets simulated marks"
"""The PNG text in which a simulated last frame says where its marks are: 'x,y,width,height;...'."""

_MARKS = re.compile(r"(\d{1,5},){3}\d{1,5}(;(\d{1,5},){3}\d{1,5})*")
_ZOOM = 0.08
_DISSOLVE = (0.38, 0.62)


def open_picture(data: bytes) -> Image.Image:
    """An encoded picture, upright, without transparency and without marks of an earlier simulated clip."""
    file = Image.open(io.BytesIO(data))
    marks = str(file.info.get(MARKS_KEY, ""))
    image: Image.Image = ImageOps.exif_transpose(file)
    if image.mode.startswith("I"):
        # Sixteen bits of grey: Pillow's own conversion would clip them to white.
        image = Image.fromarray((np.asarray(image, np.uint32) >> 8).astype(np.uint8))
    if image.mode in {"RGBA", "LA", "PA", "P"}:
        image = image.convert("RGBA")
        paper = Image.new("RGBA", image.size, (255, 255, 255, 255))
        image = Image.alpha_composite(paper, image)
    image = image.convert("RGB")
    return _healed(image, marks) if _MARKS.fullmatch(marks) else image


def _healed(image: Image.Image, marks: str) -> Image.Image:
    """Paint over the marks of an earlier clip: the camera would else move them from under the new ones."""
    pixels = np.array(image)
    height, width = pixels.shape[:2]
    for mark in marks.split(";"):
        x, y, wide, tall = map(int, mark.split(","))
        left, right, top, bottom = max(0, x), min(width, x + wide), max(0, y), min(height, y + tall)
        if right - left == width:
            pixels[top:bottom] = pixels[top - 1]
        elif right > left and bottom > top:
            # From side to side, for most of what lies low in a picture lies flat.
            before = pixels[top:bottom, max(0, left - 4) : left or 1].mean(axis=1, keepdims=True)
            after = pixels[top:bottom, min(right, width - 1) : right + 4].mean(axis=1, keepdims=True)
            share = np.linspace(0, 1, right - left)[None, :, None]
            pixels[top:bottom, left:right] = before + (after - before) * share
    return Image.fromarray(pixels)


def fit(data: bytes, size: tuple[int, int], ratio: str) -> Image.Image:
    """The picture cropped as the service does and scaled to the clip's size."""
    image = open_picture(data)
    box = center_crop(*image.size, ratio).box
    return image.resize(size, Image.Resampling.LANCZOS, box=box, reducing_gap=3.0)


class Stills:
    """A slow camera move over the first picture, dissolving into the last one where there is one.

    The first frame is the first picture untouched, and the last frame the last picture: only what lies
    between is moved.
    """

    def __init__(self, pictures: Sequence[Image.Image], frames: int, *, seed: int, still: bool) -> None:
        self._frames = frames
        self._size = pictures[0].size
        self._still = still
        self._sources = [[_Zoomed(plane) for plane in to_planes(np.asarray(picture))] for picture in pictures]
        rng = stream("focus", seed)
        self._focus = float(rng.uniform(0.3, 0.7)), float(rng.uniform(0.3, 0.7))
        self._light = sweep(*self._size)
        self._other = empty_planes(*self._size)

    def draw(self, planes: Planes, index: int) -> None:
        """Fill the frame numbered `index`."""
        share = index / max(1, self._frames - 1)
        begin, end = _DISSOLVE
        step = min(1.0, max(0.0, (share - begin) / (end - begin))) if len(self._sources) > 1 else 0.0
        if step < 1:
            self._view(planes, 0, share)
        if step > 0:
            self._view(self._other, 1, 1 - share)
            dissolve(planes, self._other, step * step * (3 - 2 * step))
        self._light.draw(planes, round((2 * share - 1) * self._size[0]), 0)

    def _view(self, planes: Planes, number: int, share: float) -> None:
        """One picture, the camera `share` of the way in."""
        zoom = 0.0 if self._still else _ZOOM * share * share * (3 - 2 * share)
        for plane, source in zip(planes, self._sources[number], strict=True):
            source.draw(plane, 1 + zoom, self._focus)


class _Zoomed:
    """A plane that can be looked at through a window between its pixels, in linear interpolation.

    Each pixel is kept together with its right neighbour, in one 16 bit word: then one gather a row finds
    both. Pillow's resize takes three times as long, which counts at 121 frames.
    """

    def __init__(self, plane: Pixels) -> None:
        self._plane = plane
        self._pairs = plane.astype(np.uint16)
        self._pairs[:, :-1] |= self._pairs[:, 1:] << 8
        self._pairs[:, -1] *= 257
        self._room = [np.empty(plane.shape, np.uint16) for _ in range(2)]

    def draw(self, target: Pixels, zoom: float, focus: tuple[float, float]) -> None:
        """Fill the target with the part that is `zoom` times magnified around the focus, 0..1 each way."""
        if zoom == 1:
            target[...] = self._plane
            return
        height, width = self._plane.shape
        x, right = _window(width, zoom, focus[0])
        y, low = _window(height, zoom, focus[1])
        one, two = self._room
        first, last = int(y[0]), min(int(y[-1]) + 2, height)
        rows = last - first
        np.take(self._pairs[first:last], x, axis=1, out=one[:rows], mode="clip")
        across = two[:rows]
        np.bitwise_and(one[:rows], 255, out=across)
        across *= 256 - right
        one[:rows] >>= 8
        one[:rows] *= right
        across += one[:rows]
        across >>= 8
        upper = np.take(across, y - first, axis=0, mode="clip")
        lower = np.take(across, y - first + 1, axis=0, mode="clip", out=one)
        upper *= (256 - low)[:, None]
        lower *= low[:, None]
        upper += lower
        upper >>= 8
        target[...] = upper


def _window(length: int, zoom: float, focus: float) -> tuple[NDArray[np.intp], Words]:
    """Where each pixel of a magnified line comes from: the pixel before it, and 256ths towards the next."""
    seen = length / zoom
    at = (np.arange(length) + 0.5) / zoom + (length - seen) * focus - 0.5
    whole = np.clip(np.floor(at), 0, length - 1)
    return whole.astype(np.intp), (np.clip(at - whole, 0, 1) * 256).astype(np.uint16)
