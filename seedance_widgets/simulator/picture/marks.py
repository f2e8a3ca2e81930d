"""What says, on every frame, that nobody filmed or generated this: the mark, the line of time, the title.

They stay small, for a clip must still open on the picture it was given. The boxes they cover are known, so
that a last frame fed to the next clip can be cleaned of them.
"""

from __future__ import annotations

import re
import textwrap
import unicodedata
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from seedance_widgets.simulator.picture.yuv import Layer

if TYPE_CHECKING:
    from seedance_widgets.simulator.picture.yuv import Planes

_WHITE = 235  # the luma of white in the limited range that H.264 players expect


@cache
def _font(size: float) -> ImageFont.FreeTypeFont:
    """Pillow's own face: no font file of the machine is needed, and all machines draw the same."""
    face = ImageFont.load_default(size=size)
    assert isinstance(face, ImageFont.FreeTypeFont), "Pillow was built without FreeType"
    return face


def label(text: str, size: float, *, dot: bool = False, plate: bool = True) -> Image.Image:
    """White text on a dark plate or within a dark outline."""
    face, dark, left, lines = _font(size * 2), (14, 17, 28), size * (2.8 if dot else 1.2), text.split("\n")
    width, height = left + size * 1.2 + max(map(face.getlength, lines)), size * (3 * len(lines) + 0.5)
    sheet = Image.new("RGBA", (int(width / 4) * 4, int(height / 4) * 4), (*dark, 0))
    draw, middle = ImageDraw.Draw(sheet), sheet.height / 2
    if plate:
        draw.rounded_rectangle((0, 0, sheet.width - 1, sheet.height - 1), middle, fill=(*dark, 205))
    if dot:
        draw.circle((size * 1.7, middle), size * 0.42, fill="#ffb84d")
    stroke = 0 if plate else size / 5
    draw.text((left, middle), text, "white", face, "lm", stroke_width=stroke, stroke_fill=(*dark, 160))
    return sheet.reduce(2)


def _excerpt(prompt: str, size: float, room: float) -> str:
    """At most two lines of the prompt; none where the built-in face lacks its script."""
    text = unicodedata.normalize("NFC", " ".join(prompt.split()))
    text = text.translate(str.maketrans("‘’“”–—", "''\"\"--")).replace("…", "...")
    latin = re.sub("[^ -~\u00a1-\u024f]", "", text)
    if not latin.strip() or len(latin) < len(text) * 0.7:
        return ""
    columns = max(8, int(room / (_font(size).getlength(latin) / len(latin))))
    return "\n".join(textwrap.wrap(latin, columns, max_lines=2, placeholder=" ..."))


class Marks:
    """The marks of one clip.

    `boxes` are the places they cover in its last frame, as x, y, width, height. `title_box` is where the
    title stands, before the frame numbered `title_end`; None where there is none.
    """

    def __init__(
        self, size: tuple[int, int], frames: int, *, text: str, title: str = "", watermark: bool = False
    ) -> None:
        (width, height), short = size, min(size)
        letter, margin, self._line = max(9.0, short * 0.026), short // 66 * 2, max(2, short // 240 // 2 * 2)
        self._frames, self._signs, self._title = frames, list[Layer](), list[Layer]()
        self.boxes = [(0, height - self._line, width, self._line)]
        for words, right in [(text, False), ("AI Generated", True)][: 1 + watermark]:
            sign = label(words, letter, dot=not right, plate=not right)
            sign = sign.resize((min(sign.width, width - 2 * margin), sign.height))
            x, y = width - margin - sign.width if right else margin, height - margin - sign.height
            self._signs.append(Layer(np.asarray(sign), x, y))
            self.boxes.append((x, y, *sign.size))
        self.title_box, self.title_end = None, min(60, frames * 3 // 5)
        if words := _excerpt(title, letter * 1.35, width * 0.8):
            pixels = np.asarray(label(words, letter * 1.35, plate=False))
            self.title_box = margin, margin, pixels.shape[1], pixels.shape[0]
            for step in range(1, 13):
                self._title.append(Layer((pixels * [1, 1, 1, step / 12]).astype(np.uint8), margin, margin))

    def draw(self, planes: Planes, index: int) -> None:
        """Mark the frame numbered `index`. The title fades early: nobody wants it in the last frame."""
        for sign in self._signs:
            sign.draw(planes)
        if self._title and index < self.title_end:
            self._title[min(self.title_end - index, 12) - 1].draw(planes)
        luma, blue, red = (
            plane[-(self._line >> half) :] for plane, half in zip(planes, (0, 1, 1), strict=True)
        )
        done = luma.shape[1] * index // max(1, self._frames - 1)
        luma[:] = luma // 2 + 24
        luma[:, :done] = _WHITE
        blue[:, : done // 2] = red[:, : done // 2] = 128
