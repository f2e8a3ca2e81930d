"""The sea, and the light on water."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from seedance_widgets.simulator.picture.layers import Layer
from seedance_widgets.simulator.picture.paint import (
    BLACK,
    Easel,
    blended,
    even,
    gradient,
    mix,
    outline,
    rgba,
    tint,
)

if TYPE_CHECKING:
    from seedance_widgets.simulator.picture.paint import Colour
    from seedance_widgets.simulator.picture.site import Site

# ruff: noqa: PLR2004 - a composition is made of numbers; names would not tell more than the picture


def sea(site: Site) -> None:
    """Water to the horizon, with the path of the sun on it."""
    p, height = site.palette, site.height
    line = even(height * 0.58)
    if site.figures:
        front = site.top("shore", 0.90, 0.03, 2.0, wave=0.8, octaves=2)
        site.sit(front, 2.0)
        site.ground("shore", front, 2.0, shade=1.0, misty=0.1)
    deep = mix(p.near, p.zenith, 0.5)
    for number in (3, 2, 1, 0):
        share = number / 3
        depth = (0.5, 0.5, 1.0, 2.0)[number]
        rng = site.rng("wave", number)
        x = np.arange(site.reach(site.speed(depth)), dtype=np.float32) / np.float32(height)
        bend = outline(rng, x, 0.9, octaves=2) * np.float32(0.9) + np.float32(rng.uniform(0, 6))
        lift = np.abs(np.sin(x * np.float32(math.pi / (0.42 + 0.3 * share)) + bend)) ** 1.2
        top = np.float32((0.735 + 0.075 * number) * height) - lift * np.float32(
            (0.010 + 0.018 * share) * height
        )
        start = even(float(top.min()) - 2)
        if start >= site.floor:
            continue
        body = mix(mix(p.sky, deep, 0.62), mix(deep, p.near, 0.5), share)
        y = np.arange(site.floor - start, dtype=np.float32)[:, None] - (top - start)[None, :]
        foam = np.exp(-np.maximum(y, 0) / np.float32(height * (0.006 + 0.004 * share)))
        rgb = blended(body, p.light, foam * np.float32(0.42 - 0.12 * share))
        site.add(rgba(rgb, np.clip(y + 0.5, 0, 1)), start, site.speed(depth))
    _boat(site, line)
    glitter(site, line)
    rows = height - line
    water = gradient(rows, [(0, mix(p.horizon, p.sky, 0.5)), (0.34, mix(p.sky, deep, 0.5)), (1, deep)])
    site.add(rgba(np.broadcast_to(water, (rows, site.width, 3))), line)
    cape = site.top("cape", 0.585, 0.07, 0.34, wave=1.1, octaves=4)
    site.ground("cape", cape, 0.34, shade=0.25, misty=0.4)
    coast = site.top("coast", 0.565, 0.035, 0.25, wave=0.5, octaves=4)
    site.ground("coast", coast, 0.25, shade=0.05, misty=0.5)


def _boat(site: Site, line: int) -> None:
    """A sail on the horizon, where the light is not."""
    unit = site.height * 0.085
    size = even(unit * 1.3)
    sail, hull = mix(site.palette.light, site.palette.horizon, 0.15), mix(site.palette.near, BLACK, 0.15)
    if site.night:
        sail = mix(sail, site.palette.sky, 0.55)
    easel = Easel(size, size, sail, fine=4)
    base = size * 0.86

    def shape(fill: Colour, *points: tuple[float, float]) -> None:
        easel.polygon([(x * size, base - y * unit) for x, y in points], fill)

    shape(sail, (0.49, 1), (0.49, 0.14), (0.12, 0.14))
    shape(tint(sail, -0.12), (0.54, 0.86), (0.54, 0.14), (0.84, 0.14))
    shape(hull, (0.1, 0.09), (0.9, 0.09), (0.76, -0.07), (0.24, -0.07))
    side = 0.2 if site.sun[0] > 0.5 else 0.8
    x = int((side + float(site.rng("boat").uniform(-0.1, 0.1))) * site.width)
    y = even(line + site.height * 0.035 - base)
    site.layers.append(Layer(easel.finish(), x=x, y=y, speed=site.drift(0.25)))


def glitter(site: Site, line: int, sheets: int = 2) -> None:
    """The path of light on the water: dashes below the sun, in sheets that slide apart."""
    light, height = site.palette.light, site.height
    rows = min(site.floor, even(height * 0.27) + line) - line
    if rows <= 0:
        return
    for number in range(sheets):
        rng = site.rng("glitter", number)
        easel = Easel(site.width, rows, light)
        for _ in range(230):
            depth, aside, size = float(rng.random()) ** 1.3, float(rng.normal()), float(rng.random())
            centre = site.sun[0] * site.width + aside * (0.035 + 0.17 * depth) * height, depth * 0.26 * height
            radii = (0.006 + 0.028 * depth * size) * height, max(0.6, 0.0022 * height * (0.5 + depth))
            easel.ellipse(centre, radii, light, int(190 * (1 - depth * 0.6) * math.exp(-aside * aside * 0.3)))
        site.layers.append(Layer(easel.finish(), y=line, speed=site.drift(0.25) * (1, -1)[number]))
