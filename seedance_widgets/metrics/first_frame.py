"""Whether a clip begins with the picture that was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seedance_widgets.errors import MediaError
from seedance_widgets.inputs.crop import center_crop
from seedance_widgets.inputs.pixels import decode, open_image
from seedance_widgets.media.similarity import ssim
from seedance_widgets.media.video_file import first_picture

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["first_frame_match"]

_WIDEST = 480  # px; finer, noise and compression count more than what one sees


def first_frame_match(clip: Path, asked: Path) -> float:
    """Structural similarity of a clip's first frame and the picture that it was asked to begin with.

    Raises
    ------
    MediaError
        One of the two cannot be read.
    """
    from PIL import Image

    made = first_picture(clip)
    try:
        wanted = decode(open_image(asked.read_bytes(), asked.name)).picture
    except OSError as error:
        raise MediaError(f"{asked.name} is not there to be compared with") from error
    window = center_crop(*wanted.size, f"{made.width}:{made.height}")
    width = min(_WIDEST, made.width)
    size = (width, max(1, round(made.height * width / made.width)))
    grey = [
        np.asarray(picture.convert("L").resize(size, Image.Resampling.LANCZOS), dtype=np.uint8)
        for picture in (made, wanted.crop(window.box))
    ]
    return ssim(*grey)
