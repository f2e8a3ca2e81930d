"""Clips of pictures that were sent: a camera move over one, a dissolve between two, references on cards."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from seedance_widgets.errors import MediaError
from seedance_widgets.inputs.crop import center_crop
from seedance_widgets.inputs.pixels import decode, flatten, open_image
from seedance_widgets.simulator.picture.landscape import stream
from seedance_widgets.simulator.picture.yuv import ROWS, to_planes

if TYPE_CHECKING:
    from seedance_widgets.simulator.picture.yuv import Pixels, Planes

MARKS_KEY = "seedance_widgets simulated marks"
"""The PNG text in which a simulated last frame says where its marks are: 'x,y,width,height;...'."""


def open_picture(data: bytes) -> Image.Image:
    """An encoded picture, upright, without transparency and without marks of an earlier simulated clip."""
    try:
        with open_image(data) as file:
            pixels = np.array(flatten(decode(file).picture))
    except MediaError as error:
        raise OSError(f"cannot identify or decode a picture: {error}") from error
    for mark in re.findall(r"(\d{1,5}),(\d{1,5}),(\d{1,5}),(\d{1,5})", str(file.info.get(MARKS_KEY, ""))):
        # Painted over with what is above: the camera would else move them from under the new ones.
        x, y, width, height = map(int, mark)
        pixels[y : y + height, x : x + width] = pixels[max(0, y - 1) : max(1, y), x : x + width]
    return Image.fromarray(pixels)


def fit(data: bytes, size: tuple[int, int], ratio: str) -> Image.Image:
    """The picture cropped as the service does and scaled to the clip's size."""
    image = open_picture(data)
    box = center_crop(*image.size, ratio).box
    return image.resize(size, Image.Resampling.LANCZOS, box=box, reducing_gap=3.0)


def board(back: Image.Image, pictures: list[Image.Image]) -> Image.Image:
    """All pictures as cards before another, which is out of focus."""
    (width, height), count = back.size, len(pictures)
    columns = max(range(1, count + 1), key=lambda n: min(width / n, height / math.ceil(count / n)))
    wide, tall = width * 0.9 / columns, height * 0.82 / math.ceil(count / columns)
    edge, sheet = max(2, min(back.size) // 120), back.filter(ImageFilter.GaussianBlur(height / 90))
    for number, picture in enumerate(pictures):
        row, column = divmod(number, columns)
        aside = column - (min(columns, count - row * columns) - 1) / 2
        card = ImageOps.contain(picture, (max(1, round(wide * 0.84)), max(1, round(tall * 0.84))))
        card = ImageOps.expand(card, edge, "#fafaf8")
        x = round(width / 2 + aside * wide - card.width / 2)
        y = round(height * 0.04 + tall * (row + 0.5) - card.height / 2)
        shadow = Image.new("L", back.size)
        shadow.paste(130, (x, y + edge, x + card.width, y + edge + card.height))
        sheet.paste("#101428", mask=shadow.filter(ImageFilter.GaussianBlur(edge * 1.5)))
        sheet.paste(card, (x, y))
    return sheet


class Stills:
    """A slow camera move over the first picture, dissolving into the last one where there is one.

    The first frame is the first picture untouched, and the last frame the last one: what is between moves.
    """

    def __init__(self, pictures: list[Image.Image], frames: int, *, seed: int, still: bool) -> None:
        self._pictures = [to_planes(np.asarray(picture)) for picture in pictures]
        self._frames, self._zoom = frames, 0.0 if still else 0.08
        self._focus = stream("focus", seed).uniform(0.3, 0.7, 2).tolist()

    def draw(self, planes: Planes, index: int) -> None:
        """Fill the frame numbered `index`."""
        share = index / max(1, self._frames - 1)
        weight = round(256 * _ease((share - 0.38) / 0.24)) if len(self._pictures) > 1 else 0
        for number, target in enumerate(planes):
            if weight < 256:  # noqa: PLR2004
                self._view(target, self._pictures[0][number], _ease(share), 256)
            if weight:
                self._view(target, self._pictures[1][number], _ease(1 - share), weight)

    def _view(self, target: Pixels, plane: Pixels, share: float, weight: int) -> None:
        """Mix a plane into the target, seen by a camera that has gone a share of its way in."""
        lines = []
        for length, focus in zip(plane.shape, self._focus, strict=True):
            at = (np.arange(length) + 0.5 - length * focus) / (1 + self._zoom * share) + length * focus - 0.5
            whole = np.clip(np.floor(at), 0, length - 2)
            lines += [whole.astype(np.intp), (np.clip(at - whole, 0, 1) * 256).astype(np.uint16)]
        y, low, x, right = lines
        low = low[:, None]
        # In linear interpolation: Pillow's resize takes twice as long, which counts at 121 frames.
        for top in range(0, len(plane), ROWS):
            rows = slice(top, top + ROWS)
            seen = (plane[y[rows]] * (256 - low[rows]) + plane[y[rows] + 1] * low[rows]) >> 8
            seen = (seen.take(x, axis=1) * (256 - right) + seen.take(x + 1, axis=1) * right) >> 8
            if weight < 256:  # noqa: PLR2004
                seen = (target[rows] * np.uint16(256 - weight) + seen * np.uint16(weight)) >> 8
            target[rows] = seen


def _ease(share: float) -> float:
    share = min(1.0, max(0.0, share))
    return share * share * (3 - 2 * share)
