"""What a person should know of a request's inputs before paying: what is cut off, changed, or out of reach.

None of it moves the price.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedance_widgets.catalog.model import ADAPTIVE
from seedance_widgets.inputs.crop import center_crop, nearest_ratio
from seedance_widgets.inputs.image import Image
from seedance_widgets.request.input_rules import each_input, unreachable_problems

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seedance_widgets.request.task_request import TaskRequest

__all__ = ["input_notes"]

_LEAST = 0.01  # share of a picture that is worth a word


def input_notes(request: TaskRequest, image_size: tuple[int, int] | None) -> Iterator[str]:
    """Notes on the inputs, each naming its field.

    Parameters
    ----------
    request
        Its inputs.
    image_size
        Width and height in px of a first frame that is not at hand yet.
    """
    yield from _cuts(request, image_size)
    for name, medium in each_input(request):
        if isinstance(medium, Image):
            yield from (f"{name}: {note}" for note in medium.notes)
    for problem in unreachable_problems(request):
        yield f"{problem.parameter}: {problem.reason}"


def _cuts(request: TaskRequest, image_size: tuple[int, int] | None) -> Iterator[str]:
    """How much of the frames lies outside of the clip (tutorial, "Image cropping logic")."""
    first = image_size or (request.first_frame.size if request.first_frame else None)
    ratio = request.effective("ratio")
    taken = nearest_ratio(*first) if first and ratio in (ADAPTIVE, None) else ratio
    if taken in (ADAPTIVE, None):
        return
    last = request.last_frame.size if request.last_frame else None
    for name, size in (("first_frame", first), ("last_frame", last)):
        if size is None:
            continue
        width, height = size
        if (lost := center_crop(width, height, taken).lost(width, height)) >= _LEAST:
            about = "about " if ratio != taken else ""
            yield (
                f"{name}: {about}{lost:.0%} of its {width} x {height} px will be cut off for {taken}, around "
                "the centre unless prepare_image or a cropper cuts it"
            )
