"""The brushes behind the landscapes: noise, outlines, ridges, trees, flowers.

Every brush draws from a random stream of its own, in an order that does not depend on the size, and what it
draws is measured in fractions of the picture's height. So one prompt and seed give one scene, whatever the
resolution: a final shows what its draft showed.

Pictures are RGBA arrays, not premultiplied, whose transparent parts have the colour of their surroundings:
half transparent edges and the coarse chroma of video would else mix in black.
"""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seedance_widgets.simulator.picture.layers import Floats, Pixels

Colour: TypeAlias = tuple[int, int, int]
Point: TypeAlias = tuple[float, float]
Sprite: TypeAlias = tuple[Image.Image, Image.Image]
"""Colours and mask, apart: an easel pastes one sprite many times."""

BLACK: Colour = (0, 0, 0)
WHITE: Colour = (255, 255, 255)

_GRAIN = np.random.default_rng(0).random((256, 256, 1), dtype=np.float32)


def stream(*words: object) -> np.random.Generator:
    """A random stream of its own for these words; the same in every process, unlike hash()."""
    digest = hashlib.sha256("\x1f".join(map(str, words)).encode("utf-8", "surrogatepass")).digest()
    return np.random.default_rng(int.from_bytes(digest[:8]))


def mix(one: Sequence[float], other: Sequence[float], share: float) -> Colour:
    """The colour `share` of the way from one to the other."""
    r, g, b = (round(min(255, max(0, a + (z - a) * share))) for a, z in zip(one, other, strict=True))
    return r, g, b


def tint(colour: Colour, share: float) -> Colour:
    """Lighter for a positive share, darker for a negative one."""
    return mix(colour, WHITE if share > 0 else BLACK, abs(share))


def even(length: float) -> int:
    """The even number of pixels at or below a length: layers start and end between chroma pixels."""
    return int(length) // 2 * 2


def noise(
    rng: np.random.Generator, size: tuple[int, int], wave: tuple[float, float], octaves: int = 4
) -> Floats:
    """Cloudy noise around 0.5, within 0..1; `wave` is the length of its longest waves in pixels, x and y."""
    width, height = size
    total = np.zeros((height, width), np.float32)
    weight = 0.5
    for octave in range(octaves):
        grid = rng.random((24 << octave, 96 << octave), dtype=np.float32)
        across, down = width * 2**octave / wave[0], height * 2**octave / wave[1]
        columns, rows = min(grid.shape[1], math.ceil(across) + 2), min(grid.shape[0], math.ceil(down) + 2)
        box = (0.5, 0.5, min(columns, 0.5 + across), min(rows, 0.5 + down))
        cells = Image.fromarray(np.ascontiguousarray(grid[:rows, :columns]))
        # Only the long waves show the straight edges of a linear blend.
        how = Image.Resampling.BICUBIC if octave == 0 else Image.Resampling.BILINEAR
        total += weight * np.asarray(cells.resize(size, how, box=box), np.float32)
        weight /= 2
    return np.asarray(np.clip(0.5 + (total / np.float32(1 - 2 * weight) - 0.5) * 1.6, 0, 1), np.float32)


def outline(
    rng: np.random.Generator, x: Floats, wave: float, *, octaves: int = 3, rough: float = 0.5
) -> Floats:
    """A smooth line over x, about -1..1; each octave is `rough` times as high and half as long."""
    total = np.zeros_like(x)
    height, reach = 1.0, 0.0
    for _ in range(octaves):
        points = rng.uniform(-1, 1, 512).astype(np.float32)
        at = x / np.float32(wave) + np.float32(rng.uniform(0, 8))
        cell = at.astype(np.int32)
        part = at - cell
        part = part * part * (3 - 2 * part)
        left, right = points[cell % 512], points[(cell + 1) % 512]
        total += np.float32(height) * (left + (right - left) * part)
        reach += height
        height *= rough
        wave /= 2
    return total * np.float32(1.5 / reach)


def scattered(rng: np.random.Generator, density: float, reach: float) -> list[list[float]]:
    """Spots along `reach`, `density` to a unit: where each lies, and three numbers of 0..1 for its looks.

    Each has its place in the row, so that a wider picture has more of them and not others.
    """
    spots = rng.random((math.ceil(reach * density) + 3, 4)).tolist()
    return [[(number - 2 + 4 * spot[0]) / density, *spot[1:]] for number, spot in enumerate(spots)]


def rgba(rgb: Floats, alpha: Floats | None = None) -> Pixels:
    """Floats as pixels, dithered: the eye sees bands in a smooth sky, and so does the encoder."""
    height, width = rgb.shape[:2]
    grain = np.tile(_GRAIN, (-(-height // 256), -(-width // 256), 1))[:height, :width]
    pixels = np.empty((height, width, 4), np.uint8)
    pixels[..., :3] = np.clip(rgb + grain, 0, 255)
    pixels[..., 3] = 255 if alpha is None else np.clip(alpha * 255 + 0.5, 0, 255)
    return pixels


def gradient(height: int, stops: Sequence[tuple[float, Colour]]) -> Floats:
    """A column of colours, shape (height, 1, 3), through stops at fractions of the height."""
    at = np.linspace(0, 1, height, dtype=np.float32)
    places = [place for place, _ in stops]
    channels = [np.interp(at, places, [colour[i] for _, colour in stops]) for i in range(3)]
    return np.stack(channels, axis=-1).astype(np.float32)[:, None, :]


def blended(one: Colour, other: Colour, share: Floats) -> Floats:
    """RGB, `share` of the way from one colour to the other at each pixel."""
    start = np.asarray(one, np.float32)
    return start + share[..., None] * (np.asarray(other, np.float32) - start)


def ridge(ground: tuple[Floats, int], colours: tuple[Colour, Colour], fade: float, grain: Floats) -> Pixels:
    """Ground below a line, as (line, rows); its colour changes within `fade` pixels: mist lies low."""
    top, rows = ground
    below = np.arange(rows, dtype=np.float32)[:, None] - top[None, :]
    depth = np.clip(below / np.float32(fade), 0, 1)
    depth *= 2 - depth
    return rgba(blended(*colours, depth) * grain[..., None], np.clip(below + 0.5, 0, 1))


class Easel:
    """A transparent sheet, drawn on at a multiple of its size and then reduced: shapes have hard edges."""

    def __init__(self, width: int, height: int, paper: Colour, *, fine: int = 2) -> None:
        self.fine = fine
        # RGBX, not RGBA: Pillow would premultiply, slowly, to protect against a paper of another colour.
        self._sheet = Image.new("RGBX", (width * fine, height * fine), (*paper, 0))
        self._draw = ImageDraw.Draw(self._sheet)

    def polygon(self, points: Sequence[Point], fill: Colour, alpha: int = 255) -> None:
        """A filled polygon."""
        self._draw.polygon([(x * self.fine, y * self.fine) for x, y in points], fill=(*fill, alpha))

    def ellipse(self, centre: Point, radii: Point, fill: Colour, alpha: int = 255) -> None:
        """A filled ellipse."""
        (x, y), (rx, ry) = centre, radii
        box = ((x - rx) * self.fine, (y - ry) * self.fine, (x + rx) * self.fine, (y + ry) * self.fine)
        self._draw.ellipse(box, fill=(*fill, alpha))

    def box(self, left: float, top: float, right: float, bottom: float, fill: Colour) -> None:
        """A filled rectangle."""
        x, y = right * self.fine - 1, bottom * self.fine - 1
        if x >= left * self.fine and y >= top * self.fine:
            self._draw.rectangle((left * self.fine, top * self.fine, x, y), fill=(*fill, 255))

    def stamp(self, sprite: Sprite, centre: Point) -> None:
        """Lay a sprite, drawn at the sheet's own scale, around a point."""
        colours, mask = sprite
        left, top = centre[0] * self.fine - mask.width / 2, centre[1] * self.fine - mask.height / 2
        self._sheet.paste(colours, (round(left), round(top)), mask)

    def finish(self, blur: float = 0.0) -> Pixels:
        """The sheet at its real size."""
        sheet = self._sheet.reduce(self.fine) if self.fine > 1 else self._sheet
        return np.asarray(sheet.filter(ImageFilter.GaussianBlur(blur)) if blur else sheet)


def conifer(easel: Easel, rng: np.random.Generator, foot: Point, height: float, fill: Colour) -> None:
    """A fir: tiers of drooping branches around one stem."""
    tiers = 7
    x, base = foot
    half = height * rng.uniform(0.17, 0.23)
    lean = rng.uniform(-0.02, 0.02) * height
    stem = height * 0.015
    easel.polygon([(x - stem, base), (x + lean, base - height), (x + stem, base)], fill)
    for tier in range(tiers):
        low = base - height * (0.06 + 0.86 * tier / tiers)
        spread = half * (1 - tier / tiers) ** 0.85 * rng.uniform(0.88, 1.08)
        middle, droop, waist = x + lean * tier / tiers, height * 0.022, low - height * 0.06
        side = [(spread * 0.4, low), (spread, low + droop), (spread * 0.45, waist)]
        right = [(middle + out, y) for out, y in side]
        left = [(middle - out, y) for out, y in reversed(side)]
        easel.polygon(
            [(middle, low + droop * 0.4), *right, (middle, max(low - height * 0.26, base - height)), *left],
            fill,
        )


def flower(radius: float, petal: Colour, heart: Colour, petals: int, turn: float) -> Sprite:
    """One blossom, seen a little from above."""
    fine = 4
    size = max(4, round(radius * 2.3)) * fine
    sheet = Image.new("RGBA", (size, size), (*petal, 0))
    draw = ImageDraw.Draw(sheet)
    middle, length = size / 2, radius * fine
    angles = np.linspace(0, 2 * np.pi, 17)
    out = length * (0.56 + 0.44 * np.cos(angles))
    side = length * 2 / petals * np.sin(angles) * (0.7 + 0.3 * np.cos(angles))
    for offset, fill in ((0.5, mix(petal, (90, 110, 150), 0.28)), (0.0, petal)):
        for number in range(petals):
            angle = 2 * math.pi * (number + offset) / petals + turn
            x = middle + math.cos(angle) * out - math.sin(angle) * side
            y = middle + math.sin(angle) * out + math.cos(angle) * side
            draw.polygon(list(zip(x.tolist(), y.tolist(), strict=True)), fill=(*fill, 255))
    for part, fill in ((0.30, mix(heart, (120, 60, 0), 0.35)), (0.25, heart), (0.12, tint(heart, 0.3))):
        reach, lift = length * part, (0.30 - part) * length * 0.35
        draw.ellipse(
            (middle - reach, middle - reach - lift, middle + reach, middle + reach - lift), fill=(*fill, 255)
        )
    sheet = sheet.resize((size // fine, max(2, round(size / fine * 0.86))), Image.Resampling.BOX)
    return sheet.convert("RGBX"), sheet.getchannel("A")
