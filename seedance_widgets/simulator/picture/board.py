"""Clips made of references: each of them appears on a card of its own."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from seedance_widgets.simulator.picture.layers import Layer, empty_planes, sweep
from seedance_widgets.simulator.picture.paint import stream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seedance_widgets.simulator.picture.layers import Planes
    from seedance_widgets.simulator.picture.scenes import Landscape

_POSES = 8


class Board:
    """Reference pictures as cards that float before a landscape out of focus."""

    def __init__(self, scene: Landscape, pictures: Sequence[Image.Image], frames: int, *, seed: int) -> None:
        width, height = self._size = scene.size
        self._frames = frames
        sharp = empty_planes(width, height)
        scene.draw(sharp, 0)
        self._back = [
            np.asarray(Image.fromarray(plane).filter(ImageFilter.GaussianBlur(plane.shape[0] / 90)))
            for plane in sharp
        ]
        self._light = sweep(width, height)
        columns = _columns(width / height, len(pictures))
        rows = math.ceil(len(pictures) / columns)
        cell = width * 0.94 / columns, height * 0.83 / rows
        phases = stream("cards", seed).random(len(pictures)).tolist()
        self._cards = []
        for number, picture in enumerate(pictures):
            row, column = divmod(number, columns)
            in_row = min(columns, len(pictures) - row * columns)
            centre = width / 2 + (column - (in_row - 1) / 2) * cell[0], height * 0.05 + cell[1] * (row + 0.5)
            poses = _card(picture, (cell[0] * 0.86, cell[1] * 0.84), centre, min(width, height))
            self._cards.append((poses, phases[number]))

    def draw(self, planes: Planes, index: int) -> None:
        """Fill the frame numbered `index`."""
        for plane, back in zip(planes, self._back, strict=True):
            plane[...] = back
        share = index / max(1, self._frames - 1)
        self._light.draw(planes, round((2 * share - 1) * self._size[0]), 0)
        reach = min(self._size) * 0.012
        for poses, phase in self._cards:
            drift = reach * math.sin(2 * math.pi * (index / 96 + phase))
            whole = math.floor(drift / 2) * 2
            poses[int((drift - whole) / 2 * len(poses))].draw(planes, dy=whole)


def _columns(ratio: float, count: int) -> int:
    """The number of columns that leaves the largest square cells."""
    return max(range(1, count + 1), key=lambda columns: min(ratio / columns, 1 / math.ceil(count / columns)))


def _card(
    picture: Image.Image, room: tuple[float, float], centre: tuple[float, float], unit: int
) -> list[Layer]:
    """A rounded card with its shadow, in poses a fraction of a pixel apart: whole pixels would jerk."""
    scale = min(room[0] / picture.width, room[1] / picture.height)
    width, height = max(2, round(picture.width * scale)), max(2, round(picture.height * scale))
    edge, soft, radius = max(2, round(unit * 0.007)), max(3, round(unit * 0.022)), unit * 0.028
    full = (width + 2 * (edge + soft), height + 2 * edge + 3 * soft + 2)

    def rounded(inset: int, corner: float) -> Image.Image:
        mask = Image.new("L", (full[0] * 2, full[1] * 2), 0)
        right, bottom = width + 2 * (soft + edge) - inset, height + 2 * (soft + edge) - inset
        box = (inset * 2, inset * 2, right * 2 - 1, bottom * 2 - 1)
        ImageDraw.Draw(mask).rounded_rectangle(box, corner * 2, fill=255)
        return mask.reduce(2)

    shadow = Image.new("L", full, 0)
    shadow.paste(rounded(soft, radius).point([a * 5 // 11 for a in range(256)]), (0, soft // 2))
    card = Image.new("RGBA", full, (16, 20, 40, 0))
    card.putalpha(shadow.filter(ImageFilter.GaussianBlur(soft * 0.45)))
    card.paste((250, 250, 248, 255), mask=rounded(soft, radius))
    face = Image.new("RGBA", full)
    small = picture.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)
    face.paste(small, (soft + edge, soft + edge))
    card.paste(face, mask=rounded(soft + edge, radius - edge))
    card = card.convert("RGBa")
    left, top = round(centre[0] - full[0] / 2), round(centre[1] - full[1] / 2) // 2 * 2
    layers = []
    for pose in range(_POSES):
        down = (1, 0, 0, 0, 1, -2 * pose / _POSES)
        moved = card.transform(full, Image.Transform.AFFINE, down, Image.Resampling.BILINEAR)
        layers.append(Layer(np.asarray(moved.convert("RGBA")), x=left, y=top))
    return layers
