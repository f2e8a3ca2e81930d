"""A city at the water."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from PIL import Image, ImageFilter

from seedance_widgets.simulator.picture.layers import Layer
from seedance_widgets.simulator.picture.paint import Colour, Easel, even, gradient, mix, rgba, scattered, tint
from seedance_widgets.simulator.picture.water import glitter

if TYPE_CHECKING:
    from seedance_widgets.simulator.picture.layers import Pixels
    from seedance_widgets.simulator.picture.site import Site

# ruff: noqa: PLR2004 - a composition is made of numbers; names would not tell more than the picture

Box: TypeAlias = tuple[float, float, float, float]
Panes: TypeAlias = tuple[float, list[Colour], list[Colour]]


def city(site: Site) -> None:
    """A skyline and its lights over water."""
    p, height = site.palette, site.height
    if site.figures:
        front = site.top("quay", 0.93, 0.006, 2.0, wave=1.5, octaves=2)
        site.sit(front, 2.0)
        site.ground("quay", front, 2.0, shade=1.0, misty=0.0)
    line = even(height * 0.8)
    rows = height - line
    skylines = [_skyline(site, rank) for rank in range(len(_BLOCKS))]
    _bokeh(site)
    # The farthest blocks are too low over the water to be missed in it.
    for rank in (0, 1):
        speed = site.speed(_BLOCKS[rank][2])
        site.add(_reflection(site, skylines[rank], rows, ripples=rank == 1), line, speed)
    glitter(site, line, sheets=1)
    water = gradient(rows, [(0, mix(p.horizon, p.far, 0.45)), (1, mix(p.near, p.zenith, 0.4))])
    site.add(rgba(np.broadcast_to(water, (rows, site.width, 3))), line)
    for pixels, (_, _, depth, _) in zip(skylines, _BLOCKS, strict=True):
        site.add(pixels, line - pixels.shape[0], site.speed(depth))


_BLOCKS = ((0.08, 0.40, 1.0, 0.85), (0.14, 0.5, 0.5, 0.5), (0.2, 0.42, 0.34, 0.15))
"""Ranks of houses, near to far: lowest, highest, nearness, shade."""


def _reflection(site: Site, pixels: Pixels, rows: int, *, ripples: bool) -> Pixels:
    """What stands at the water, upside down and smeared, and the ripples that carry it."""
    mirror = Image.fromarray(pixels[::-1]).resize((pixels.shape[1], pixels.shape[0] * 2 // 3))
    smear = ImageFilter.BoxBlur((0, max(1, rows // 16)))
    below = np.array(mirror.crop((0, 0, mirror.width, rows)).filter(smear))
    fade = np.linspace(205, 25, rows).astype(np.uint16)[:, None]
    below[..., 3] = (below[..., 3] * fade) >> 8
    image = Image.fromarray(below)
    if ripples:
        rng, height = site.rng("ripples"), site.height
        easel = Easel(image.width, rows, site.palette.horizon)
        for across, down, size, _ in scattered(rng, 60, image.width / height):
            radii = (0.02 + 0.09 * size) * height * (0.4 + down), max(0.6, 0.0016 * height)
            easel.ellipse((across * height, down * rows), radii, site.palette.horizon, 46)
        image.alpha_composite(Image.fromarray(easel.finish()))
    return np.asarray(image)


def _skyline(site: Site, number: int) -> Pixels:
    low, high, depth, shade = _BLOCKS[number]
    p, height, rng = site.palette, site.height, site.rng("skyline", number)
    wall = mix(mix(p.far, p.horizon, 0.35), p.near, shade)
    rows = even(height * (high + 0.16))
    width = site.reach(site.speed(depth))
    # Walls stand straight: they need no finer sheet, and this one is large.
    easel = Easel(width, rows, wall, fine=1)
    x = -0.05
    while x * height < width:
        wide, tall = rng.uniform(0.05, 0.12), low + (high - low) * rng.random() ** 1.6
        kind, tone = rng.random(), rng.uniform(-0.1, 0.1)
        left, right, top = x * height, (x + wide) * height, rows - tall * height
        fill = tint(wall, tone)
        easel.box(left, top, right, rows, fill)
        inset = (right - left) * 0.2
        if kind < 0.3:
            easel.box(left + inset, top - 0.035 * height, right - inset, top, fill)
            easel.box((left + right) / 2 - 1, top - 0.1 * height, (left + right) / 2 + 0.5, top, fill)
        elif kind < 0.5:
            easel.box(left + inset, top - 0.02 * height, right - inset, top, fill)
            easel.box(left + 2 * inset, top - 0.04 * height, right - 2 * inset, top, fill)
        elif kind < 0.6:
            easel.box(left + 2 * inset, top - 0.045 * height, right, top, fill)
        elif kind < 0.75:
            easel.box(left, top - 0.03 * height, left + inset * 2, top, fill)
        windows = site.rng("windows", number, round(x * 1000))
        _windows(easel, windows, (left, top, right, rows), height, _pane_colours(site, fill, shade))
        x += wide * rng.uniform(0.8, 1.15)
    return easel.finish()


def _pane_colours(site: Site, wall: Colour, shade: float) -> Panes:
    """The share of windows that stand out, the colours of those, and of the others."""
    p = site.palette
    if site.night or sum(p.horizon) > sum(p.zenith) + 300:
        bright = 0.35 + 0.65 * min(1, shade + 0.2)
        lamps = [mix(wall, mix(p.accent, p.light, n / 8), bright) for n in range(8)]
        return 0.32, lamps, [tint(wall, -0.12)]
    return 0.5, [mix(wall, p.horizon, 0.22)], [mix(wall, p.near, 0.22)]


def _windows(easel: Easel, rng: np.random.Generator, house: Box, unit: float, colours: Panes) -> None:
    """Rows of windows in a house."""
    left, top, right, bottom = house
    share, lit, others = colours
    share += rng.uniform(-0.12, 0.12)
    across, down = 0.0135 * unit, 0.019 * unit
    columns = max(1, int((right - left) / across) - 1)
    margin = (right - left - columns * across) / 2
    chances = rng.random((64, 16)).tolist()
    for row in range(int((bottom - top) / down) - 1):
        for column in range(columns):
            chance = chances[row % 64][column % 16]
            x, y = left + margin + (column + 0.2) * across, top + down * (0.7 + row)
            some = lit if chance < share else others
            easel.box(x, y, x + across * 0.6, y + down * 0.55, some[int(chance * 997) % len(some)])


def _bokeh(site: Site) -> None:
    """Discs of coloured light, close to the lens."""
    rng, height, p = site.rng("bokeh"), site.height, site.palette
    speed = site.speed(2.0)
    x = 0.0
    while x * height < site.reach(speed):
        x += rng.uniform(0.06, 0.26)
        down, size, tone = rng.uniform(0.76, 1.0) * height, rng.uniform(0.016, 0.04) * height, rng.random()
        fill = mix(p.accent, p.light, tone) if tone < 0.75 else mix(p.sky, p.light, 0.5)
        half = even(size * 1.2) + 2
        easel = Easel(2 * half, 2 * half, fill)
        easel.ellipse((half, half), (size, size), fill, 50)
        easel.ellipse((half, half), (size * 0.86, size * 0.86), fill, 72)
        disc = easel.finish(height * 0.003)
        site.layers.append(Layer(disc, x=int(x * height) - half, y=int(down) - half, speed=speed))
