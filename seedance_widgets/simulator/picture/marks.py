"""What says, on every frame, that nobody filmed or generated this: the mark, the line of time, the title.

They stay small, for a clip must still open on the picture it was given. The boxes they cover are known, so
that a last frame fed to the next clip can be cleaned of them.
"""

from __future__ import annotations

import textwrap
import unicodedata
from functools import cache
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from seedance_widgets.simulator.picture.layers import WHITE, Layer

if TYPE_CHECKING:
    from seedance_widgets.simulator.picture.layers import Planes

Box: TypeAlias = tuple[int, int, int, int]

_TITLE_FRAMES = 60
_TITLE_FADE = 12
_LATIN_END = 0x250


@cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """Pillow's own face: no font file of the machine is needed, and all machines draw the same."""
    face = ImageFont.load_default(size=size)
    assert isinstance(face, ImageFont.FreeTypeFont), "Pillow was built without FreeType"
    return face


def pill(text: str, size: int, *, dot: bool = True) -> Image.Image:
    """Text on a dark rounded plate, of even size."""
    face, scale = font(size * 2), 2
    inset, gap = round(size * 0.62) * scale, round(size * 0.5) * scale if dot else 0
    radius = round(size * 0.21) * scale if dot else 0
    length = round(face.getlength(text))
    width = length + 2 * inset + gap + radius
    height = round(size * 1.75) * scale
    width, height = -(-width // 4) * 4, -(-height // 4) * 4
    plate = Image.new("RGBA", (width, height), (14, 17, 28, 0))
    draw = ImageDraw.Draw(plate)
    draw.rounded_rectangle((0, 0, width - 1, height - 1), height / 2, fill=(14, 17, 28, 205))
    middle = height / 2
    if dot:
        left = inset + radius / 2
        draw.ellipse(
            (left - radius, middle - radius, left + radius, middle + radius), fill=(255, 184, 77, 255)
        )
    draw.text((inset + gap + radius, middle), text, font=face, fill=(255, 255, 255, 255), anchor="lm")
    return plate.reduce(scale)


def _shadowed(lines: list[str], size: int, *, alpha: int = 255) -> Image.Image:
    """Text that can be read on any picture: white over its own soft shadow."""
    face, space = font(size), round(size * 1.32)
    width = round(max(face.getlength(line) for line in lines)) + 2 * size
    height = space * len(lines) + size
    shadow = Image.new("RGBA", (width, height), (10, 12, 24, 0))
    text = Image.new("RGBA", (width, height), (255, 255, 255, 0))
    for number, line in enumerate(lines):
        at = (size, size // 2 + space * number + space // 2)
        ImageDraw.Draw(shadow).text(
            at, line, font=face, fill=(10, 12, 24, 255), anchor="lm", stroke_width=max(1, size // 12)
        )
        ImageDraw.Draw(text).text(at, line, font=face, fill=(255, 255, 255, alpha), anchor="lm")
    shadow = shadow.filter(ImageFilter.GaussianBlur(size / 7))
    shadow.putalpha(shadow.getchannel("A").point([a * 3 // 4 for a in range(256)]))
    return Image.alpha_composite(shadow, text)


def _excerpt(prompt: str, size: int, room: int) -> list[str]:
    """At most two lines of the prompt; none where the built-in face lacks its script."""
    text = unicodedata.normalize("NFC", " ".join(prompt.split()))
    text = text.translate(
        {0x2018: "'", 0x2019: "'", 0x201C: '"', 0x201D: '"', 0x2013: "-", 0x2014: "-", 0x2026: "..."}
    )
    latin = "".join(sign for sign in text if ord(sign) < _LATIN_END and sign.isprintable())
    if not latin.strip() or len(latin) < len(text) * 0.7:
        return []
    text = latin
    columns = max(8, int(room / (font(size).getlength(text) / len(text))))
    return textwrap.wrap(text, columns, max_lines=2, placeholder=" ...")


class Marks:
    """The marks of one clip: `boxes` are the places they cover in its last frame.

    `title_box` is where the title stands, before the frame numbered `title_end`; None where there is none.
    """

    def __init__(
        self, width: int, height: int, frames: int, *, label: str, title: str = "", watermark: bool = False
    ) -> None:
        self._frames = frames
        short = min(width, height)
        size = max(9, round(short * 0.026))
        margin = round(short * 0.03)
        self._line = max(2, short // 240 // 2 * 2)
        plate = pill(label, size)
        if plate.width > width - 2 * margin:
            plate = plate.resize((max(2, (width - 2 * margin) // 2 * 2), plate.height))
        top = height - margin - plate.height
        self._still = [Layer(np.asarray(plate), x=margin, y=top)]
        self.boxes: list[Box] = [
            (margin, top, plate.width, plate.height),
            (0, height - self._line, width, self._line),
        ]
        if watermark:
            sign = _shadowed(["AI Generated"], size, alpha=225)
            left, above = width - margin - sign.width + size // 2, height - margin - sign.height + size // 4
            self._still.append(Layer(np.asarray(sign), x=left, y=above))
            self.boxes.append((left, above, sign.width, sign.height))
        self._title: list[Layer] = []
        self.title_box: Box | None = None
        self.title_end = min(_TITLE_FRAMES, frames * 3 // 5)
        big = round(size * 1.35)
        if lines := _excerpt(title, big, round(width * 0.8)):
            words = _shadowed(lines, big)
            self.title_box = (margin - big // 2, margin // 2, words.width, words.height)
            for step in range(1, _TITLE_FADE + 1):
                faint = words.copy()
                faint.putalpha(words.getchannel("A").point([a * step // _TITLE_FADE for a in range(256)]))
                self._title.append(Layer(np.asarray(faint), x=self.title_box[0], y=self.title_box[1]))

    def draw(self, planes: Planes, index: int) -> None:
        """Mark the frame numbered `index`. The title leaves early: nobody wants it in the last frame."""
        for layer in self._still:
            layer.draw(planes)
        left = self.title_end - index
        if self._title and left > 0:
            self._title[min(left, _TITLE_FADE) - 1].draw(planes)
        luma = planes[0]
        height, width = luma.shape
        done = width * index // max(1, self._frames - 1)
        track = luma[height - self._line :]
        track[:] = track // 2 + 24
        track[:, :done] = WHITE
        for chroma in planes[1:]:
            chroma[-(self._line // 2) :, : done // 2] = 128
