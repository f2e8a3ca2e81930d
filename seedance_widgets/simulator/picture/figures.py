"""Who sits in the landscape: a fox, a cat, a dog, a girl, a boy, seen from behind as they watch the view.

From behind they need no face, and a tail or hair that moves in the wind is enough to make them alive.
Shapes are given in units of the figure's height, x to the right and y upwards from where it sits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from seedance_widgets.simulator.picture.layers import Layer
from seedance_widgets.simulator.picture.paint import Colour, Easel, Point, even, mix, tint

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from seedance_widgets.simulator.picture.layers import Planes

KINDS = {
    "fox": "fox foxes",
    "cat": "cat cats kitten kittens kitty",
    "dog": "dog dogs puppy puppies corgi",
    "girl": "girl girls woman women lady mother daughter she her princess",
    "boy": "boy boys man men father son he his guy astronaut",
}
"""The words for each figure."""

_POSES = 9
_WIND = 15.0


@dataclass(frozen=True)
class Light:
    """How the hour colours what it falls on."""

    tone: Colour
    share: float

    def on(self, colour: Colour) -> Colour:
        """A colour as it looks in this light."""
        return mix(colour, self.tone, self.share)


def _points(text: str) -> list[Point]:
    """'x,y x,y ...' as points: tables of brackets would hide the shape."""
    return [(float(x), float(y)) for x, y in (pair.split(",") for pair in text.split())]


class _Pen:
    """Draws one figure, in its own units."""

    def __init__(self, height: float, light: Light) -> None:
        self._height, self._light = height, light
        self._base = height * 0.09
        self._size = even(height * 1.7) + 2, even(height * 1.04 + self._base) + 2
        self._easel = Easel(*self._size, light.on((90, 70, 60)), fine=4)

    def _at(self, points: Sequence[Point]) -> list[Point]:
        middle, ground = self._size[0] / 2, self._size[1] - self._base
        return [(middle + x * self._height, ground - y * self._height) for x, y in points]

    def shape(self, right_half: str, fill: Colour, *, stretch: float = 1.0) -> None:
        """A closed, smooth and symmetric shape; given is its right half, from the bottom up."""
        half = [(x * stretch, y) for x, y in _points(right_half)]
        ring = np.asarray([*half, *((-x, y) for x, y in reversed(half) if x)])
        before, after, then = np.roll(ring, 1, 0), np.roll(ring, -1, 0), np.roll(ring, -2, 0)
        # Catmull and Rom's spline: it goes through all its points.
        bends = (
            2 * ring,
            after - before,
            2 * before - 5 * ring + 4 * after - then,
            3 * ring - before - 3 * after + then,
        )
        curve = np.stack(
            [sum(b * t**n for n, b in enumerate(bends)) / 2 for t in np.arange(0, 1, 0.1)], axis=1
        )
        around = [(x, y) for x, y in curve.reshape(-1, 2).tolist()]
        self._easel.polygon(self._at(around), self._light.on(fill))

    def pair(self, right_one: str, fill: Colour) -> None:
        """A polygon and its mirror image: ears, arms."""
        for sign in (1, -1):
            points = [(sign * x, y) for x, y in _points(right_one)]
            self._easel.polygon(self._at(points), self._light.on(fill))

    def brush(self, line: Sequence[Point], widths: Sequence[float], fill: Colour) -> None:
        """A stroke of changing width along a bent line: tails, strands of hair."""
        path, fine = np.asarray(line), np.linspace(0, 1, 40)
        bend = np.polyfit(np.linspace(0, 1, len(path)), path, min(3, len(path) - 1))
        x, y = (np.polyval(bend[:, axis], fine).tolist() for axis in (0, 1))
        dots = self._at(list(zip(x, y, strict=True)))
        radii = np.interp(fine, np.linspace(0, 1, len(widths)), widths) * self._height
        for dot, radius in zip(dots, radii.tolist(), strict=True):
            self._easel.ellipse(dot, (radius, radius), self._light.on(fill))

    def finish(self, foot: Point, speed: float) -> Layer:
        """The figure, sitting at that point of the picture."""
        x, y = even(foot[0] - self._size[0] / 2), even(foot[1] - self._size[1] + self._base)
        return Layer(self._easel.finish(), x=x, y=y, speed=speed)


def _fox(pen: _Pen, sway: float) -> None:
    fur, dark, pale = (226, 112, 42), (84, 44, 36), (252, 240, 226)
    tail = [(0.14, 0.07), (0.36, 0.05), (0.52 + 0.02 * sway, 0.17), (0.56 + 0.07 * sway, 0.34)]
    pen.brush(tail, (0.05, 0.085, 0.105, 0.095, 0.02), tint(fur, -0.10))
    tip = [(0.535 + 0.05 * sway, 0.27), (0.555 + 0.065 * sway, 0.33), (0.56 + 0.09 * sway, 0.41)]
    pen.brush(tip, (0.088, 0.065, 0.008), pale)
    _sitting(pen, fur, stretch=1.0)
    pen.pair(".045,.79 .17,1 .215,.70", fur)
    pen.pair(".115,.905 .17,1 .19,.86", dark)
    pen.shape("0,.565 .10,.57 .175,.60 .265,.615 .215,.70 .14,.79 0,.815", tint(fur, 0.06))


def _cat(pen: _Pen, sway: float) -> None:
    fur = (232, 160, 84)
    tail = [(0.14, 0.05), (0.40, 0.0), (0.50, 0.14), (0.46 + 0.06 * sway, 0.36)]
    pen.brush(tail, (0.042, 0.045, 0.045, 0.042, 0.03), tint(fur, -0.12))
    _sitting(pen, fur, stretch=0.98)
    for low in (0.20, 0.29, 0.38):
        pen.brush([(-0.05, low), (0, low + 0.014), (0.05, low)], (0.004, 0.013, 0.004), tint(fur, -0.22))
    pen.pair(".05,.80 .185,.97 .225,.71", fur)
    pen.shape("0,.565 .12,.575 .225,.63 .235,.71 .16,.80 0,.825", tint(fur, 0.06))


def _dog(pen: _Pen, sway: float) -> None:
    fur, pale = (214, 148, 80), (252, 243, 228)
    tail = [(0.05, 0.10), (0.12 + 0.06 * sway, 0.20), (0.14 + 0.10 * sway, 0.27)]
    pen.brush(tail, (0.045, 0.045, 0.03), tint(fur, -0.1))
    _sitting(pen, fur, stretch=1.12)
    pen.shape("0,.02 .11,.04 .13,.12 .06,.20 0,.16", pale)
    pen.shape("0,.47 .13,.49 .15,.55 0,.57", pale)
    pen.pair(".04,.78 .20,1 .235,.70", fur)
    pen.shape("0,.555 .13,.565 .22,.63 .215,.71 .14,.79 0,.81", tint(fur, 0.06))


def _sitting(pen: _Pen, fur: Colour, *, stretch: float) -> None:
    body = "0,0 .16,0 .27,.05 .285,.17 .225,.34 .155,.50 .12,.62 0,.66"
    pen.shape(body, tint(fur, -0.05), stretch=stretch)
    pen.shape("0,.05 .04,.2 .03,.45 0,.55", tint(fur, -0.11))


def _girl(pen: _Pen, sway: float) -> None:
    dress, hair = (196, 70, 84), (86, 52, 38)
    _person(pen, dress)
    wind = 0.05 + 0.045 * sway
    for strand, end in ((-1.0, 0.475), (-0.5, 0.406), (0.0, 0.383), (0.5, 0.406), (1.0, 0.475)):
        down = [(0.10, 0.80), (0.135, 0.66), (0.13, 0.53), (0.11, end)]
        line = [(strand * x + wind * bend, y) for (x, y), bend in zip(down, (0, 0, 0.5, 1.6), strict=True)]
        pen.brush(line, (0.06, 0.062, 0.055, 0.012), tint(hair, 0.05 * strand))
    pen.shape("0,.70 .11,.71 .155,.80 .13,.91 0,.965", tint(hair, 0.06))


def _boy(pen: _Pen, sway: float) -> None:
    shirt, hair, skin = (62, 118, 196), (60, 44, 40), (238, 190, 158)
    _person(pen, shirt)
    pen.shape("0,.60 .06,.62 .055,.72 0,.73", tint(skin, -0.1))
    pen.shape("0,.685 .11,.71 .145,.80 .125,.89 0,.93", skin)
    pen.shape("0,.72 .10,.74 .14,.81 .135,.90 0,.965", hair)
    for x in (-0.06, 0.0, 0.06):
        tuft = [(x, 0.94), (x + 0.02 + 0.012 * sway, 0.975), (x + 0.05 + 0.03 * sway, 0.995)]
        pen.brush(tuft, (0.03, 0.02, 0.004), hair)


def _person(pen: _Pen, cloth: Colour) -> None:
    pen.shape("0,0 .22,-.01 .34,.03 .36,.10 .24,.17 0,.2", tint(cloth, -0.28))
    pen.shape("0,.02 .17,.04 .20,.22 .245,.40 .22,.57 .12,.645 0,.655", cloth)
    pen.pair(".19,.57 .255,.47 .30,.22 .27,.12 .235,.14 .225,.30 .18,.46", tint(cloth, -0.12))


_DRAW: dict[str, tuple[Callable[[_Pen, float], None], float]] = {
    "fox": (_fox, 0.66),
    "cat": (_cat, 0.6),
    "dog": (_dog, 0.66),
    "girl": (_girl, 1.0),
    "boy": (_boy, 1.0),
}


class Figure:
    """Someone who sits at a spot of the ground and moves with it."""

    def __init__(self, kind: str, foot: Point, unit: float, speed: float, light: Light) -> None:
        draw, size = _DRAW[kind]
        self._poses = []
        for pose in range(_POSES):
            pen = _Pen(unit * size, light)
            draw(pen, 2 * pose / (_POSES - 1) - 1)
            self._poses.append(pen.finish(foot, speed))

    def draw(self, planes: Planes, index: int) -> None:
        """Lay the figure over the frame numbered `index`, in the pose of that moment."""
        wind = 0.7 * math.sin(index / _WIND) + 0.3 * math.sin(index / _WIND * 2.3 + 1)
        self._poses[round((wind + 1) / 2 * (_POSES - 1))].draw(planes, index)
