"""Landscapes for simulated clips: what a prompt shows when there is no model to imagine it.

The prompt chooses the place, its hour and who sits in it; the seed, the lay of the land. So takes of one
prompt look related, and no two are the same.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from seedance_widgets.simulator.picture.city import city
from seedance_widgets.simulator.picture.figures import KINDS
from seedance_widgets.simulator.picture.land import forest, hills, meadow
from seedance_widgets.simulator.picture.layers import Glow, to_planes
from seedance_widgets.simulator.picture.paint import blended, even, gradient, mix, noise, rgba, stream
from seedance_widgets.simulator.picture.site import Palette, Site
from seedance_widgets.simulator.picture.water import sea

if TYPE_CHECKING:
    from collections.abc import Callable

    from seedance_widgets.simulator.picture.layers import Floats, Pixels, Planes

# ruff: noqa: PLR2004 - a composition is made of numbers; names would not tell more than the picture

_PLACES: dict[str, Callable[[Site], None]] = {
    "sea": sea,
    "city": city,
    "forest": forest,
    "field": meadow,
    "hills": hills,
}


def _palette(text: str) -> Palette:
    return Palette(*((int(c[1:3], 16), int(c[3:5], 16), int(c[5:7], 16)) for c in text.split()))


_HOURS = {
    "day": (
        _palette("#3f8fd8 #8cc6f0 #f3f0dc #fff7df #8fb8c4 #1f5a50 #f2b441"),
        _palette("#4a86cf #a5cdf0 #fbe9d6 #fff3dc #9db4d0 #2c4f6e #e8745c"),
        _palette("#2f7f96 #86c9c6 #f6ecd2 #fff4d6 #86b5b0 #134b55 #e9a23b"),
        _palette("#6a78cc #bdb4e6 #fde3df #fff1e6 #a9a0d2 #3a3872 #ef8fa8"),
        _palette("#5a8fcc #bfdcec #fff2d8 #fffbe8 #a4c3b0 #2f6a46 #f6d04d"),
    ),
    "sunset": (
        _palette("#2f2a6a #d2607c #ffc27a #fff0c4 #a8587e #24163f #ffd27a"),
        _palette("#2a4673 #e27f66 #ffd9a0 #fff3d0 #9c5f74 #1b2145 #ffcf87"),
        _palette("#4a2c63 #ef7f5f #ffcb6b #fff2bf #b4556a #2e1434 #ffe09a"),
    ),
    "night": (
        _palette("#060b28 #152459 #40528f #f4f0d8 #2b3a76 #050818 #ffc766"),
        _palette("#0a0d26 #221f59 #6b4a8f #f6ead8 #3d3270 #07061a #ffb98a"),
        _palette("#03131f #0b3446 #2f7a80 #eef6e4 #1d5260 #020c13 #ffd98a"),
    ),
    "snow": (
        _palette("#5f93c8 #a9cae6 #f7eee6 #fffaf0 #7f9fc6 #f1f5fb #f2b6a0"),
        _palette("#6a7dba #bfb6dd #fde2d6 #fff3e6 #8f8fc0 #f1f1fa #f0a48c"),
    ),
}
"""Colours by hour, as in `Palette`: zenith, sky, horizon, light, far, near, accent."""

_WORDS = {
    "sea": "sea ocean beach shore coast wave waves island boat ship sail surf harbour harbor seaside bay"
    " lake river",
    "city": "city street town skyline building buildings skyscraper tokyo neon downtown urban cyberpunk"
    " rooftop",
    "forest": "forest wood woods tree trees pine jungle redwood taiga birch",
    "field": "field fields daisy daisies flower flowers meadow garden lawn grass tulip tulips rose roses"
    " poppy sunflower sunflowers blossom spring",
    "hills": "hill hills mountain mountains valley desert canyon alps peak cliff",
    "night": "night midnight moon moonlight moonlit stars starry dark evening neon nocturnal",
    "snow": "snow snowy snowing winter ice frozen frost blizzard christmas",
    "sunset": "sunset dusk dawn sunrise golden twilight sundown",
}
_DEFAULTS = ("hills", "forest", "field", "sea")
_MOST_FIGURES = 3


def _spoken_of(prompt: str, vocabulary: dict[str, str]) -> list[str]:
    """What of a vocabulary the prompt mentions, in the prompt's order."""
    words = re.findall(r"[a-z]+", prompt.lower())
    first = {word: place for place, word in reversed(list(enumerate(words)))}
    places = {
        name: min((first[word] for word in said.split() if word in first), default=-1)
        for name, said in vocabulary.items()
    }
    return sorted((name for name, place in places.items() if place >= 0), key=lambda name: places[name])


def _site(size: tuple[int, int], frames: int, prompt: str, seed: int, *, still: bool) -> tuple[Site, str]:
    """The site a prompt asks for, still empty, and the name of its place."""
    things = _spoken_of(prompt, _WORDS)
    chooser = stream("place", prompt)
    chance, warm, late = chooser.integers(len(_DEFAULTS)), chooser.random() < 0.25, chooser.random() < 0.4
    place = next((name for name in things if name in _PLACES), _DEFAULTS[int(chance)])
    usual = "night" if place == "city" and late else "sunset" if warm else "day"
    hour = next((name for name in ("night", "snow", "sunset") if name in things), usual)
    palettes = _HOURS[hour]
    rng = stream(prompt, seed, "sun")
    x, y = float(rng.uniform(0.2, 0.8)), float(rng.uniform(0.16, 0.30))
    site = Site(
        *size,
        frames,
        palettes[int(chooser.integers(len(palettes)))],
        (prompt, seed),
        sun=(x, y + 0.17 if hour == "sunset" else y),
        night=hour == "night",
        snow="snow" in things,
        still=still,
        figures=tuple(_spoken_of(prompt, KINDS)[:_MOST_FIGURES]),
    )
    return site, place


class Landscape:
    """A place with depth under a sky, drawn frame by frame."""

    def __init__(self, size: tuple[int, int], frames: int, *, prompt: str, seed: int, still: bool) -> None:
        self.size = size
        self._site, place = _site(size, frames, prompt, seed, still=still)
        _PLACES[place](self._site)
        self._clouds()
        self._layers = self._site.layers[::-1]
        self._sky = to_planes(self._paint_sky())
        self._motes = _air(self._site)

    def draw(self, planes: Planes, index: int) -> None:
        """Fill the frame numbered `index`."""
        for plane, sky in zip(planes, self._sky, strict=True):
            plane[: sky.shape[0]] = sky
        for layer in self._layers:
            layer.draw(planes, index)
        for mote in self._motes:
            mote.draw(planes, index)

    def _paint_sky(self) -> Pixels:
        site = self._site
        p, (width, height), rows = site.palette, self.size, site.floor
        column = gradient(height, [(0, p.zenith), (0.38, p.sky), (0.66, p.horizon), (1, p.horizon)])[:rows]
        rgb = np.broadcast_to(column, (rows, width, 3)).copy()
        light = np.asarray(p.light, np.float32)
        if site.night:
            for across, down, bright in site.rng("stars").random((420, 3)).tolist():
                x, y = int(across * 2.4 * height), int(down * 0.55 * height)
                size = max(1, height // 480) * (2 if bright > 0.86 else 1)
                spot = rgb[y : y + size, x : x + size]
                spot += (light - spot) * np.float32((0.25 + 0.6 * bright**2) * (1 - down))
        dx = np.arange(width, dtype=np.float32)[None, :] - np.float32(site.sun[0] * width)
        dy = np.arange(rows, dtype=np.float32)[:, None] - np.float32(site.sun[1] * height)
        distance = np.sqrt(dx * dx + dy * dy) / np.float32(height)
        strength, radius = (0.42, 0.062) if site.night else (1.0, 0.055)
        # The halo by table: exp for each pixel would take longer than all the rest of the sky.
        steps = np.linspace(0, 3, 512, dtype=np.float32)
        halo = strength * (0.55 * np.exp(-((steps / 0.16) ** 2)) + 0.35 * np.exp(-steps / 0.33))
        disc = np.clip((np.float32(radius) - distance) * np.float32(height) + 0.5, 0, 1)
        share = np.maximum(np.interp(distance, steps, halo).astype(np.float32), disc)
        rgb += (light - rgb) * share[..., None]
        if site.night:
            seas = noise(site.rng("moon"), (width, rows), (height * 0.05, height * 0.05), 2)
            rgb -= (disc * np.clip(seas - 0.45, 0, 1) * 70)[..., None]
        return rgba(rgb)

    def _clouds(self) -> None:
        site, height = self._site, self.size[1]
        p, speed, rows = site.palette, site.drift(0.17), even(height * 0.6)
        cloud = noise(site.rng("clouds"), (site.reach(speed), rows), (height * 0.9, height * 0.17), 5)
        y = np.linspace(0, 1, rows, dtype=np.float32)[:, None]
        cover = np.clip((cloud - 0.5) * 3.2, 0, 1) * np.sqrt(np.clip(np.sin(np.pi * y), 0, 1))
        lit = mix(p.horizon, p.light, 0.6)
        shaded = mix(p.sky, lit, 0.15 if site.night else 0.5)
        rgb = blended(shaded, lit, np.clip((cloud - 0.45) * 2.5, 0, 1))
        site.add(rgba(rgb, cover * np.float32(0.3 if site.night else 0.75)), 0, speed)


@dataclass(frozen=True)
class _Mote:
    """Something that floats close to the lens and comes back on the other side."""

    glow: Glow
    start: tuple[float, float]
    step: tuple[float, float]
    sway: float
    phase: float

    def draw(self, planes: Planes, index: int) -> None:
        height, width = planes[0].shape
        turn = self.phase + index * 0.05
        x = self.start[0] + self.step[0] * index + self.sway * math.sin(turn)
        y = self.start[1] + self.step[1] * index + self.sway * 0.6 * math.cos(turn * 0.8)
        wide, tall = self.glow.width, self.glow.height
        self.glow.draw(planes, int(x % (width + wide)) - wide, int(y % (height + tall)) - tall)


def _air(site: Site) -> list[_Mote]:
    """Snow where it snows, else bokeh."""
    unit = min(site.width, site.height)
    rng, pace = site.rng("air"), unit / 480
    glows = [_flake(unit, grade) if site.snow else _bokeh(unit, grade) for grade in range(4)]
    motes = []
    for _ in range(46 if site.snow else 11):
        near, x, y, phase = rng.random(4).tolist()
        across, down = (-0.4 - near, 1 + 1.6 * near) if site.snow else (-0.5 - near, -0.12)
        start = x * site.width, y * site.height
        motes.append(_Mote(glows[int(near * 4)], start, (across * pace, down * pace), 8 * pace, phase * 6.28))
    return motes


def _distances(radius: float) -> Floats:
    """How far each pixel of a disc's square lies from its centre, in radii."""
    axis = np.arange(max(4, round(radius * 2.6)), dtype=np.float32)
    axis -= axis[-1] / 2
    return np.asarray(np.hypot(axis[None, :], axis[:, None]) / np.float32(radius))


def _flake(unit: int, grade: int) -> Glow:
    return Glow(0.85 * np.clip(1.25 - _distances((0.004 + 0.0022 * grade) * unit), 0, 1))


def _bokeh(unit: int, grade: int) -> Glow:
    return Glow((0.13 - 0.02 * grade) * np.clip(2.5 - 2.5 * _distances((0.014 + 0.011 * grade) * unit), 0, 1))
