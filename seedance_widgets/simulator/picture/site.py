"""Where a place is laid out, from near to far, so that what is hidden is never painted."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from seedance_widgets.simulator.picture.figures import Figure, Light
from seedance_widgets.simulator.picture.layers import Layer
from seedance_widgets.simulator.picture.paint import (
    Colour,
    Easel,
    conifer,
    even,
    mix,
    noise,
    outline,
    ridge,
    stream,
    tint,
)

if TYPE_CHECKING:
    from seedance_widgets.simulator.picture.layers import Floats, Pixels, Planes


class Drawn(Protocol):
    """What can be laid over a frame."""

    def draw(self, planes: Planes, index: int) -> None:
        """Lay it over the frame numbered `index`."""


@dataclass(frozen=True)
class Palette:
    """The colours of an hour of the day: the sky from above to the horizon, its light, the land."""

    zenith: Colour
    sky: Colour
    horizon: Colour
    light: Colour
    far: Colour
    near: Colour
    accent: Colour


@dataclass
class Site:
    """A place while it is laid out. All heights are fractions of the picture's, 0 at the top.

    `floor` is the row below which nearer layers leave nothing to be seen.
    """

    width: int
    height: int
    frames: int
    palette: Palette
    key: tuple[object, ...]
    sun: tuple[float, float]
    night: bool = False
    snow: bool = False
    still: bool = False
    figures: tuple[str, ...] = ()
    layers: list[Drawn] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.floor = self.height

    def rng(self, *words: object) -> np.random.Generator:
        """A random stream of this place's own."""
        return stream(*self.key, *words)

    def drift(self, pace: float) -> float:
        """Pixels a frame of what moves by itself. Only even steps: 1, 1, 1, 2 would be seen as a stutter."""
        pixels = pace * min(self.width, self.height) / 480
        return float(round(pixels)) if pixels >= 1 else 1 / round(1 / pixels)

    def speed(self, depth: float) -> float:
        """Pixels a frame at that nearness, because the camera moves."""
        if self.still:
            return 0.0
        pace = 0.7 * depth
        if self.figures:
            # They must stay in view: the nearest ground, at depth 3, passes by a third of the width.
            pace *= min(1.0, 0.3 * self.width / (2.1 * min(self.width, self.height) / 480 * self.frames))
        return self.drift(pace)

    def reach(self, speed: float) -> int:
        """How wide a layer of that speed must be for the whole clip."""
        return even(self.width + math.ceil(speed * (self.frames - 1)) + 1)

    def add(self, pixels: Pixels, y: int, speed: float = 0.0) -> None:
        """The next layer behind those already there."""
        if y >= self.floor:
            return
        layer = Layer(pixels[: self.floor - y], y=y, speed=speed)
        self.layers.append(layer)
        if layer.solid < layer.bottom and layer.width >= self.reach(speed):
            self.floor = min(self.floor, layer.solid)

    def top(
        self,
        name: str,
        level: float,
        swing: float,
        depth: float,
        *,
        wave: float,
        octaves: int = 3,
        rough: float = 0.5,
    ) -> Floats:
        """The outline of a ground, in pixels from above; `wave` is the length of its longest waves."""
        x = np.arange(self.reach(self.speed(depth)), dtype=np.float32) / np.float32(self.height)
        line = outline(self.rng(name), x, wave, octaves=octaves, rough=rough)
        return (np.float32(level) - np.float32(swing) * line) * np.float32(self.height)

    def ground(self, name: str, top: Floats, depth: float, *, shade: float, misty: float = 0.6) -> None:
        """A ridge below an outline; `shade` is 0 for the colours of the far land, 1 for the near."""
        start = max(0, even(float(top.min()) - 2))
        rows = self.floor - start
        if rows <= 0:
            return
        crest = mix(self.palette.far, self.palette.near, shade)
        wave = (self.height * 0.12, self.height * 0.03)
        if self.snow:
            misty *= 0.5
        grain = 0.94 + 0.12 * noise(self.rng(name, "grain"), (top.size, rows), wave, 3)
        foot = mix(crest, self.palette.horizon, misty)
        pixels = ridge((top - start, rows), (crest, foot), self.height * 0.28, grain)
        self.add(pixels, start, self.speed(depth))

    def wood(self, name: str, top: Floats, depth: float, *, size: float, shade: float, gap: float) -> None:
        """Firs along an outline, `gap` apart in the mean."""
        rng, height = self.rng(name), self.height
        fill = mix(self.palette.far, self.palette.near, shade)
        if self.snow and not self.night:
            fill = mix(fill, (58, 84, 104), 0.5 + 0.35 * shade)
        start = max(0, even(float(top.min()) - size * 1.15 * height))
        rows = even(min(self.floor, float(top.max()) + 0.03 * height) - start)
        if rows <= 0:
            return
        easel = Easel(top.size, rows, fill)
        x = -0.1
        while x * height < top.size + size * height * 0.2:
            x += gap * rng.uniform(0.3, 1.7)
            tall, tone = size * rng.uniform(0.6, 1.12), rng.uniform(-0.06, 0.06)
            base = float(top[min(max(int(x * height), 0), top.size - 1)]) + 0.012 * height
            conifer(easel, rng, (x * height, base - start), tall * height, tint(fill, tone))
        self.add(easel.finish(), start, self.speed(depth))

    def sit(self, top: Floats, depth: float) -> None:
        """Those whom the prompt names, side by side on an outline, in view from beginning to end."""
        speed = self.speed(depth)
        unit = min(self.height * 0.36, self.width * 0.36)
        middle = self.width * 0.5 + min(speed * (self.frames - 1) / 2, self.width * 0.22)
        light = Light(mix(self.palette.near, self.palette.sky, 0.35), 0.62 if self.night else 0.10)
        for number, kind in enumerate(self.figures):
            x = middle + (number - (len(self.figures) - 1) / 2) * unit * 0.62
            base = float(top[min(max(0, int(x)), top.size - 1)]) + 0.022 * self.height
            self.layers.append(Figure(kind, (x, base), unit, speed, light))
