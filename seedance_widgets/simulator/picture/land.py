"""Places on land: hills, a forest, a field of daisies."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from seedance_widgets.simulator.picture.layers import Layer
from seedance_widgets.simulator.picture.paint import Easel, even, flower, mix, scattered

if TYPE_CHECKING:
    from seedance_widgets.simulator.picture.site import Site

# ruff: noqa: PLR2004 - a composition is made of numbers; names would not tell more than the picture


def hills(site: Site) -> None:
    """Mountains or rolling hills, one behind the other in the haze."""
    peaks = bool(site.rng("kind").random() < 0.6)
    octaves, rough = (6, 0.55) if peaks else (3, 0.35)
    front = site.top("5", 0.91, 0.045, 3.0, wave=0.9, octaves=2)
    site.sit(front, 3.0)
    site.ground("5", front, 3.0, shade=1.0, misty=0.12)
    fourth = site.top("4", 0.82, 0.06, 2.0, wave=0.7, octaves=2)
    site.ground("4", fourth, 2.0, shade=0.8, misty=0.35)
    site.wood("trees", fourth, 2.0, size=0.10, shade=0.8, gap=0.4)
    site.ground("3", site.top("3", 0.73, 0.08, 1.0, wave=0.6, rough=0.4), 1.0, shade=0.5)
    site.ground("2", site.top("2", 0.63, 0.11, 0.5, wave=0.5, octaves=octaves, rough=rough), 0.5, shade=0.25)
    last = site.top("1", 0.54, 0.15, 0.34, wave=0.55, octaves=octaves, rough=rough)
    site.ground("1", last, 0.34, shade=0.02)


def forest(site: Site) -> None:
    """Firs in the mist, rank behind rank."""
    front = site.top("front", 0.92 if site.figures else 0.97, 0.03, 3.0, wave=0.8)
    site.sit(front, 3.0)
    site.ground("front", front, 3.0, shade=1.0, misty=0.0)
    roots = front + np.float32(site.height * 0.06)
    site.wood("front wood", roots, 3.0, size=0.8, shade=1.0, gap=1.1 if site.figures else 0.75)
    for number, (level, size, depth, shade, gap) in enumerate(_TREES):
        top = site.top(f"{number}", level, 0.05, depth, wave=0.8)
        site.ground(f"{number}", top, depth, shade=shade, misty=0.34 + 0.12 * number)
        site.wood(f"wood {number}", top, depth, size=size, shade=shade, gap=gap)


_TREES = (
    (0.90, 0.42, 2.0, 0.86, 0.17),
    (0.76, 0.25, 1.0, 0.62, 0.07),
    (0.66, 0.16, 0.5, 0.36, 0.042),
    (0.56, 0.10, 0.34, 0.12, 0.028),
)
"""The ranks of trees, near to far: level, size, nearness, shade, gap."""


def meadow(site: Site) -> None:
    """A field of daisies under a wide sky."""
    p = site.palette
    if not site.snow:
        grass = p.near if site.night else mix(p.near, (104, 156, 60), 0.72)
        site.palette = replace(p, near=grass, far=mix(p.far, grass, 0.3))
    top = site.top("3", 0.70, 0.035, 1.0, wave=1.2, octaves=2)
    _blossoms(site, 3)
    site.sit(np.full_like(top, 0.93 * site.height), 3.0)
    _blossoms(site, 2)
    _blossoms(site, 1)
    _blossoms(site, 0)
    site.ground("3", top, 1.0, shade=0.7, misty=-0.12)
    site.ground("2", site.top("2", 0.63, 0.05, 0.5, wave=0.9, octaves=2), 0.5, shade=0.35, misty=0.3)
    site.palette = p
    site.ground("1", site.top("1", 0.56, 0.07, 0.34, wave=0.7, octaves=4), 0.34, shade=0.1)


_FLOWERS = ((0.70, 0.008, 1.0, 300), (0.79, 0.022, 2.0, 46), (0.90, 0.055, 3.0, 11), (1.02, 0.10, 4.0, 3))
"""The ranks of flowers, far to near: level, size, nearness, how many to a picture's height."""


def _blossoms(site: Site, rank: int) -> None:
    level, size, depth, count = _FLOWERS[rank]
    height, p = site.height, site.palette
    speed = site.speed(depth)
    width = site.reach(speed)
    petal, heart = (250, 250, 246), (247, 196, 40)
    if site.night:
        petal = mix(petal, p.sky, 0.45)
    start = even((level - 0.06 - size * 1.5) * height)
    base = height - start
    green = mix(p.near, (40, 70, 30), 0.15 * rank)
    easel = Easel(width, base, green)
    if rank:
        near = rank == len(_FLOWERS) - 1
        for x, tip, lean, tone in scattered(site.rng("grass", rank), 60 if near else 150, width / height):
            tall = base * (0.3 + 0.5 * tip) if near else base - (0.05 + size * (1.2 + 1.4 * tip)) * height
            half, bend = (0.003 + size * 0.06) * height, (lean - 0.5) * size * 2.4 * height
            fill = mix(green, (255, 255, 200) if tone > 0.5 else (0, 30, 20), abs(tone - 0.5) * 0.5)
            foot = x * height
            easel.polygon([(foot - half, base), (foot + bend, tall), (foot + half, base)], fill)
    radius = size * height * easel.fine
    sprites = [flower(radius * (0.75 + 0.15 * i), petal, heart, 11 + 2 * i, 0.2 * i) for i in range(3)]
    flowers = scattered(site.rng("blossoms", rank), count, width / height)
    # Those that stand higher are farther away.
    for across, down, which, bend in sorted(flowers, key=lambda spot: spot[1]):
        x, y = across * height, (0.06 + size * 1.2 + down * 0.11) * height
        if rank:
            foot, half = x + (bend - 0.5) * size * 3 * height, max(0.5, size * height * 0.05)
            easel.polygon([(x - half, y), (foot - half, base), (foot + half, base), (x + half, y)], green)
        easel.stamp(sprites[int(which * 3)], (x, y))
    blur = height * 0.008 if rank == len(_FLOWERS) - 1 else 0.0
    site.layers.append(Layer(easel.finish(blur), y=start, speed=speed))
