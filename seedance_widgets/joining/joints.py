"""Joints: whether a clip begins with the very picture that the one before it ends with.

A clip made from the last frame of another shows that frame once more, so that the story stands still for a
moment at every joint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import av
import numpy as np

from seedance_widgets.errors import MediaError
from seedance_widgets.joining.clips import NOTHING_LOST

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seedance_widgets.joining.clips import Clip

__all__ = ["repeats"]

# A frame that was given to go on from comes back with a codec's noise: on simulated chains nine of ten pixels
# of such a small grey picture were within 6 of 255 levels, and labels on it differ. Of unrelated clips half
# were 10 and more levels apart.
_SIZE = (160, 90)
_LEVELS = 8
_ALIKE = 90  # per cent


def repeats(before: Clip, after: Clip) -> bool:
    """Whether the first frame of ``after`` is the last of ``before`` once more.

    Raises
    ------
    MediaError
        One of the two frames cannot be decoded.
    """
    apart = _small(before, last=True) - _small(after, last=False)
    return bool(np.percentile(np.abs(apart), _ALIKE) <= _LEVELS)


def _small(clip: Clip, *, last: bool) -> NDArray[np.int16]:
    found = None
    try:
        with av.open(str(clip.path)) as container:
            stream = container.streams.video[0]
            if last and stream.duration:
                # to the key frame before the end
                container.seek((stream.start_time or 0) + stream.duration, stream=stream)
            for found in container.decode(stream):  # noqa: B007 - the last one is wanted
                if not last:
                    break
            if found is not None:
                return found.reformat(*_SIZE, "gray").to_ndarray().astype(np.int16)
    except Exception as error:
        raise MediaError(f"{clip.name} cannot be decoded: {error}. {NOTHING_LOST}") from error
    raise MediaError(f"{clip.name} cannot be decoded where it meets another. {NOTHING_LOST}")
