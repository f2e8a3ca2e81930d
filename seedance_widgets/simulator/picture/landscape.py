"""Landscapes for simulated clips: what a prompt shows when there is no model to imagine it.

The prompt chooses the place, its hour and who sits in it; the seed, the lay of the land. So takes of one
prompt look related, and no two are the same. A place is a row of strips, one before the other.

Random numbers are drawn in an order that does not depend on the picture's size, and lengths are fractions of
its height. So one prompt and seed give one scene at any resolution: a final shows what its draft showed.
"""

from __future__ import annotations

import hashlib
import math
import re
import tomllib
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import av
import numpy as np
from PIL import Image, ImageColor, ImageDraw, ImageFilter

from seedance_widgets.simulator.picture.yuv import Layer, frame_planes, to_planes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from seedance_widgets.simulator.picture.yuv import Floats, Pixels, Planes

# ruff: noqa: PLR2004 - a composition is made of numbers; names would not tell more than the picture

_SCENERY = tomllib.loads(resources.files(__package__).joinpath("scenery.toml").read_text("utf-8"))


def stream(*words: object) -> np.random.Generator:
    """A random stream of its own for these words; the same in every process, unlike hash()."""
    digest = hashlib.sha256("\x1f".join(map(str, words)).encode("utf-8", "surrogatepass")).digest()
    return np.random.default_rng(int.from_bytes(digest[:8]))


class Landscape:
    """A place with depth under a sky, drawn frame by frame."""

    def __init__(self, size: tuple[int, int], frames: int, *, prompt: str, seed: int, still: bool) -> None:
        self.size, self._frames, self._still, self._key = size, frames, still, (prompt, seed)
        said = dict.fromkeys(re.findall("[a-z]+", prompt.lower()))
        places, hours, figures = (
            dict.fromkeys(name for word in said for name in things if word in things[name]["words"].split())
            for things in (_SCENERY[kind] for kind in ("places", "hours", "figures"))
        )
        chooser = stream("place", prompt)
        usual = chooser.choice(["hills", "forest", "field", "sea"]), chooser.choice(["day", "day", "sunset"])
        place = _SCENERY["places"][next(iter(places), usual[0])]
        hour = next((name for name in _SCENERY["hours"] if name in hours), usual[1])
        palette = chooser.choice(_SCENERY["hours"][hour]["palettes"]).split()
        colours = np.array([ImageColor.getrgb(f"#{colour}") for colour in palette], np.float32)
        self._zenith, self._blue, self._horizon, self._light, self._far, self._near, self._lamp = colours
        self._night, self._snow = hour == "night", "snow" in hours
        self._figures = [_SCENERY["figures"][name] for name in figures][:3]
        x, y = self._rng("sun").random(2)
        self._sun = (0.2 + 0.6 * x) * size[0] / size[1], 0.16 + 0.14 * y + 0.17 * (hour == "sunset")
        # Who sits there has to stay in view.
        self._pace = min(1.0, 64 * size[0] / min(size) / frames) if figures else 1.0
        self._slow, self._moved = self._drift(0.17), -1
        self._before: list[Layer] = []
        self._behind: list[Layer] = []
        strips = [*place["strips"], *place.get("shore", [])[: len(figures)]]
        floor = size[1]
        for number in reversed(range(len(strips))):
            floor = self._lay_strip(strips[number], number / (len(strips) - 1), floor)
        self._behind.append(self._paint_clouds())
        self._sky = to_planes(self._paint_sky(floor))
        y, u, v = frame_planes(av.VideoFrame(*size, "yuv420p"))
        self._back = y.copy(), u.copy(), v.copy()  # a frame takes its memory with it

    def draw(self, planes: Planes, index: int) -> None:
        """Fill the frame numbered `index`."""
        moved = int(index * self._slow)
        if moved != self._moved:
            # What is far moves together and seldom: it is drawn anew only then.
            for plane, sky in zip(self._back, self._sky, strict=True):
                plane[: len(sky)] = sky
            for layer in reversed(self._behind):
                layer.draw(self._back, index)
            self._moved = moved
        for plane, back in zip(planes, self._back, strict=True):
            plane[...] = back
        for layer in reversed(self._before):
            layer.draw(planes, index)

    def _rng(self, *words: object) -> np.random.Generator:
        return stream(*self._key, *words)

    def _drift(self, pace: float) -> float:
        """Pixels a frame of what moves. Only even steps: 1, 1, 1, 2 would be seen as a stutter."""
        pixels = pace * min(self.size) / 480
        return round(pixels) if pixels >= 1 else 1 / round(1 / pixels)

    def _reach(self, speed: float) -> int:
        """How wide a layer of that speed must be for the whole clip."""
        return self.size[0] + math.ceil(speed * (self._frames - 1)) + 2

    def _lay_strip(self, strip: list[Any], share: float, floor: int) -> int:
        """Paint a strip down to the floor, below which nearer ones hide it; gives the floor of the next."""
        kind, level, swing, size, gap = [*strip, 0, 0][:5]
        height, rng, far = self.size[1], self._rng(kind, share), share < 0.5
        layers = self._behind if far else self._before
        speed = self._slow if far else self._drift(0.25 * 9**share * self._pace)
        speed *= kind != "water" and not self._still
        x = np.arange(self._reach(speed), dtype=np.float32) / height
        line: Floats = _noise(rng, (x.size, 1), (height * (0.8 + share), 1))[0] - 0.5
        stand: Floats = np.zeros_like(x)
        lift: Any = size
        if kind == "waves":
            line = np.abs(np.sin(x * np.pi / (0.3 + 0.4 * share) + line * 6)) ** 1.2
        elif kind == "houses":
            stand, across, house = _houses(rng, x, size, gap)
            lift = size + house * 0.38 % 0.2
        elif size:
            stand, tree, away = _firs(rng, x, size, gap, 1 if kind == "firs" else 6)
        ground: Floats = (level - swing * line) * height
        top: Floats = ground - np.maximum(stand * height, 0)
        if share == 1:
            layers += self._seat(np.minimum(ground, 0.94 * height), speed)
        start = max(0, int(top.min() - 0.3 * size * height) // 2 * 2 - 2)
        if start >= floor:
            return floor
        rows = np.arange(start, floor, dtype=np.float32)[:, None]
        below, edge = rows - ground, rows - top
        if kind == "firs":
            tiers = below * (8 / height / tree) + 8
            edge = np.maximum(edge - (np.floor(tiers) + 1 - tiers) * (tree * height * 0.11), below)
        rough = _noise(rng, edge.shape[::-1], (height * 0.15, height * 0.04))
        rough = np.abs(rough) * (below > 0) * (0.01 if kind == "waves" else 0.05)
        index = (below + (rough + lift) * height).astype(np.int16)
        pixels = self._colours(kind, size, share).take(index, axis=0, mode="clip")
        pixels[..., 3] = np.clip(edge * 255 + 127, 0, 255)
        if kind == "houses":
            self._light_windows(pixels, share, edge / (0.019 * height), across + house)
        elif kind == "daisies":
            self._blossom(pixels, away * height, below + tree * height, size * height)
        elif kind == "water":
            layers += self._glitter(start, min(int(height * 0.27), floor - start))
        layers.append(Layer(pixels, 0, start, speed))
        # Between its tiers a fir lets through what is behind it; the ground does not.
        return min(floor, max(start, int(ground.max() + 0.5) // 2 * 2 + 2))

    def _colours(self, kind: str, size: float, share: float) -> Pixels:
        """A strip's colours, by the distance below what stands on its ground."""
        deep, near, far, fade = _mix(self._near, self._zenith, 0.5), self._near, self._far, 0.28
        if kind == "daisies":
            near = _mix(near, (104, 156, 60), 0.1 if self._night else 0.72)
            far = _mix(far, near, 0.5)
        stand = crest = _mix(far, near, share ** (0.6 if kind == "houses" else 1))
        if self._snow and kind != "houses":
            crest = _mix(_mix(far, (244, 248, 255), 0.35 + 0.6 * share), self._zenith, 0.5 * self._night)
        foot = _mix(crest, self._horizon, 0.6 * (1 - share) * (0.5 if self._snow else 1))
        if kind == "water":
            crest, foot, fade = _mix(self._horizon, self._blue, 0.5), deep, 0.3
        elif kind == "waves":
            foot, fade = _mix(_mix(self._blue, deep, 0.62), near, share - 0.5), 0.03
            crest = _mix(foot, self._light, 0.3)
        below = np.arange(self.size[1])[:, None] / self.size[1] - (0 if kind == "houses" else size)
        colours = np.where(below < 0, stand, _mix(crest, foot, np.clip(below / fade, 0, 1) ** 0.5))
        return np.pad(colours, ((0, 0), (0, 1))).astype(np.uint8)

    def _light_windows(self, pixels: Pixels, share: float, below: Floats, across: Floats) -> None:
        dark = self._night or self._horizon.sum() > self._zenith.sum() + 300
        row, column = below.astype(np.int16), (across * 6).astype(int) % 64
        pane = (np.abs(across * 6 % 1 - 0.5) < 0.3) & (np.abs(across % 1 - 0.5) < 0.42)
        y, x = np.nonzero(pane & (row > 0) & (below - row > 0.4))
        lit = self._rng("windows", share).random((64, 64))[row[y, x] % 64, column[x]] < (0.3 if dark else 0.5)
        lamp = self._lamp if dark else self._horizon
        pixels[y[lit], x[lit], :3] = _mix(self._near, lamp, 0.55 + 0.45 * share)

    def _blossom(self, pixels: Pixels, x: Floats, y: Floats, size: float) -> None:
        """A daisy at the end of each stalk, seen a little from above."""
        near = x * x + y * y * 1.44 < (size * 0.31) ** 2
        x, y = np.broadcast_to(x, near.shape)[near], y[near] * 1.2
        away, petals = np.hypot(x, y), size * (0.24 + 0.06 * np.cos(13 * np.arctan2(y, x)))
        cover, heart = (np.clip(edge - away + 0.5, 0, 1)[:, None] for edge in (petals, size * 0.1))
        flower = _mix(_mix(self._light, self._blue if self._night else 255, 0.7), (247, 190, 40), heart)
        old = pixels[near]
        pixels[near] = np.hstack([_mix(old[:, :3], flower, cover), np.maximum(old[:, 3:], cover * 255)])

    def _seat(self, ground: Floats, speed: float) -> Iterator[Layer]:
        """Those whom the prompt names, side by side on a ground, in view from beginning to end."""
        (width, height), unit = self.size, 0.36 * min(self.size)
        tone, share = _mix(self._near, self._blue, 0.35), 0.62 if self._night else 0.1
        for number, figure in enumerate(self._figures):
            x = width * 0.5 + min(speed * (self._frames - 1) / 2, width * 0.22)
            x += (number - (len(self._figures) - 1) / 2) * unit * 0.62
            cut = _cut_figure(figure["parts"], unit * figure["size"] * 2, tone, share)
            y = ground[min(int(x), ground.size - 1)] + 0.03 * height - cut.height * 0.92
            yield Layer(np.asarray(cut), x - cut.width / 2, y, speed)

    def _glitter(self, line: int, rows: int) -> Iterator[Layer]:
        """The path of light on the water, in two sheets that slide apart."""
        (width, height), down = self.size, np.linspace(0, 1, rows)[:, None]
        aside = (np.arange(width) / height - self._sun[0]) / (0.05 + 0.2 * down)
        for way in (1, -1):
            spark = _noise(self._rng("glitter", way), (width, rows), (height * 0.08, height * 0.012))
            alpha = np.clip(spark * 9 - 5, 0, 1) * np.exp(-aside * aside) * (1 - down) * 220
            pixels = np.dstack([np.broadcast_to(self._light, (rows, width, 3)), alpha]).astype(np.uint8)
            yield Layer(pixels, 0, line, self._slow * way)

    def _paint_sky(self, rows: int) -> Pixels:
        """The light of the sun or the moon; stars at night."""
        width, height = self.size
        x = np.arange(width, dtype=np.float32) / height - self._sun[0]
        y = np.arange(rows, dtype=np.float32)[:, None] / height - self._sun[1]
        light = np.clip((0.058 - np.sqrt(y * y + x * x)) * height + 0.5, 0, 1)
        halos = (0.35, 0.12), (0.3, 0.3), (0.2, 0.7)
        halo = sum(part * np.exp(-((y / wide) ** 2)) * np.exp(-((x / wide) ** 2)) for part, wide in halos)
        np.maximum(light, halo * (0.45 if self._night else 0.95), out=light)
        if self._night:
            across, down, bright = self._rng("stars").random((3, 900))
            at = (down * 0.7 * height).astype(int) % rows, (across * 3 * height).astype(int) % width
            light[at] = np.maximum(light[at], bright**2 * (1 - down))
        pixels = np.empty((rows, width, 3), np.uint8)
        for channel, colours in enumerate(zip(self._zenith, self._blue, self._horizon, strict=True)):
            column = np.interp(y + self._sun[1], (0, 0.38, 0.66), colours).astype(np.float32)
            pixels[..., channel] = column + (self._light[channel] - column) * light
        return pixels

    def _paint_clouds(self) -> Layer:
        """Clouds that drift; painted small, for they are soft."""
        height = self.size[1]
        size = self._reach(self._slow), int(height * 0.6)
        small = size[0] // 4, size[1] // 4
        cover = (_noise(self._rng("clouds"), small, (height * 0.22, height * 0.045)) - 0.5) * 3.2
        cover = np.clip(cover * np.sqrt(np.sin(np.linspace(0, 3.1, small[1])))[:, None], 0, 1)[..., None]
        lit = _mix(self._horizon, self._light, 0.6)
        colours = _mix(_mix(self._blue, lit, 0.15 if self._night else 0.5), lit, np.minimum(cover * 1.6, 1))
        image = Image.fromarray(np.dstack([colours, cover * (76 if self._night else 190)]).astype(np.uint8))
        return Layer(np.asarray(image.resize(size, Image.Resampling.BICUBIC)), speed=self._slow)


def _mix(one: Any, other: Any, share: Any) -> Floats:
    return np.asarray(one + (np.asarray(other) - one) * share)


@cache
def _noise_field() -> Image.Image:
    total = np.zeros((512, 1024), np.float32)
    for octave in range(4):
        cells = np.random.default_rng(octave).random((64 << octave, 128 << octave), np.float32)
        total += np.asarray(Image.fromarray(cells).resize((1024, 512), Image.Resampling.BICUBIC)) / 2**octave
    return Image.fromarray(total / 1.17 - 0.3)


def _noise(rng: np.random.Generator, size: Sequence[int], wave: tuple[float, float]) -> Floats:
    """Clouds, mostly 0..1, shape (height, width); `wave` is the length of the longest in pixels, x and y."""
    x, y = rng.random(2) * (512, 256)
    box = x, y, x + min(512, 8 * size[0] / wave[0]), y + min(256, 8 * size[1] / wave[1])
    return np.asarray(_noise_field().resize((size[0], size[1]), Image.Resampling.BICUBIC, box))


def _firs(rng: np.random.Generator, x: Floats, size: float, gap: float, slim: float) -> Sequence[Floats]:
    """Of trees about `gap` apart: how high they stand at each x, how high that tree is, how far its stem."""
    found, cell, trees = [], np.floor(x / gap).astype(int), rng.random((512, 3))
    for near in range(-3, 4):
        aside, tall, wide = trees[(cell + near) % 512].T
        tall, away = size * (0.4 + 0.7 * tall), x - (cell + near + 0.5 * aside) * gap
        found.append((tall - np.abs(away) / (0.17 + 0.06 * wide) * slim, tall, away))
    highest = np.argmax([height for height, _, _ in found], axis=0)
    return [np.choose(highest, each).astype(np.float32) for each in zip(*found, strict=True)]


def _houses(rng: np.random.Generator, x: Floats, size: float, low: float) -> Sequence[Floats]:
    """Of a skyline: how high it stands at each x, where in its house that is (0..1), the house's number."""
    wide, tall, roof = rng.random((3, 512))
    wide = 0.05 + 0.07 * wide
    ends = np.cumsum(wide)
    house = np.searchsorted(ends, x) % 512
    across = (ends[house] - x) / wide[house]
    aside, height = np.abs(across - 0.5), low + (size - low) * tall[house] ** 2
    height += 0.03 * ((aside < 0.3) & (roof[house] < 0.6)) + 0.08 * ((aside < 0.03) & (roof[house] < 0.3))
    return [each.astype(np.float32) for each in (height, across, house)]


def _cut_figure(parts: list[str], height: float, tone: Floats, share: float) -> Image.Image:
    """A figure of the scenery at half the height, with a share of tone; it sits 0.09 of it above the edge."""
    sheet = Image.new("RGBA", (round(height * 0.35) * 4, round(height * 0.28) * 4))
    for colour, *points in map(str.split, parts):
        mask, outline = Image.new("L", sheet.size), np.array([point.split(",") for point in points], float)
        for side in (1, -1)[: 1 + colour.endswith("=")]:
            at = outline * (side * height, -height) + (sheet.width / 2, sheet.height - 0.09 * height)
            ImageDraw.Draw(mask).polygon(at.ravel().tolist(), fill=255)
        # Corners are rounded by a blur that is made sharp again.
        mask = mask.filter(ImageFilter.GaussianBlur(height * 0.012)).point([n * 4 - 384 for n in range(256)])
        fill = _mix(np.array(ImageColor.getrgb(f"#{colour[:3]}")), tone, share)
        sheet.paste(tuple(fill.astype(int).tolist()), mask=mask)
    return sheet.reduce(2)
