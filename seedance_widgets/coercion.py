"""Bring what people type into plain Python values: forgiving where that is safe, a problem elsewhere.

``480P`` is ``480p``, ``5.0`` and numpy's integers are whole numbers, a path becomes the picture it names.
A value that cannot be read becomes None and one more `Problem`.
"""

from __future__ import annotations

import math
import numbers
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seedance_widgets.errors import MediaError, Problem
from seedance_widgets.images import Image, load_image

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["DraftTask", "coerced", "shown"]

_FLAGS = ("camera_fixed", "watermark", "generate_audio", "draft", "return_last_frame")
_NUMBERS = ("duration", "frames", "seed", "execution_expires_after", "priority")
_WORDS = ("resolution", "ratio", "service_tier")
_LONGEST_SHOWN = 200


@dataclass(frozen=True, slots=True)
class DraftTask:
    """A draft to make a final of: its task id, and what is known of it (None where unknown).

    ``created_at`` counts for the 7 days that the id is good for. ``ratio``, ``duration`` (s), ``frames``
    and ``generate_audio`` are reused by the service, and so decide the final's size and price.
    """

    id: str
    model: str | None = None
    created_at: datetime | None = None
    ratio: str | None = None
    duration: int | None = None
    frames: int | None = None
    generate_audio: bool | None = None


def coerced(name: str, value: Any, problems: list[Problem]) -> Any:
    """The value of one field of a request in its plain type; faults are added to ``problems``."""
    if name in ("first_frame", "last_frame"):
        return _image(name, value, problems)
    if name == "reference_images":
        return _images(value, problems)
    if name == "draft_task":
        return _draft_task(value, problems)
    if name == "extra":
        return _extra(value, problems)
    read = _flag if name in _FLAGS else _number if name in _NUMBERS else _text
    try:
        plain = None if value is None else read(value)
    except (TypeError, ValueError) as error:
        plain = None
        problems.append(Problem(name, value, f"must be {error}", nearest=_nearest(name, value)))
    if name == "prompt":
        return plain or ""
    if name in _WORDS and plain is not None:
        return str(plain).strip().lower()
    return None if name == "seed" and plain == -1 else plain


def _flag(value: Any) -> bool:
    # numpy's own boolean is no bool, but says the same
    if isinstance(value, bool) or type(value).__name__ in ("bool_", "bool"):
        return bool(value)
    raise TypeError("true or false")


def _number(value: Any) -> int:
    if not _is_number(value) or value != int(value):
        raise TypeError("a whole number")
    return int(value)


def _nearest(name: str, value: Any) -> int | None:
    """The whole number that was probably meant."""
    if name not in _NUMBERS:
        return None
    if isinstance(value, str) and re.fullmatch(r"\s*-?[0-9]{1,18}\s*", value):
        return int(value)
    return round(float(value)) if _is_number(value) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("text")
    return value


def _image(name: str, value: Any, problems: list[Problem]) -> Image | None:
    if value is None:
        return None
    try:
        return load_image(value)
    except MediaError as error:
        problems.append(Problem(name, shown(value), str(error)))
        return None


def _images(value: Any, problems: list[Problem]) -> tuple[Image, ...]:
    if value is None:
        return ()
    if isinstance(value, str | bytes | Image) or not hasattr(value, "__iter__"):
        value = (value,)
    loaded = (_image(f"reference_images[{i}]", item, problems) for i, item in enumerate(value))
    return tuple(image for image in loaded if image is not None)


def _extra(value: Any, problems: list[Problem]) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        problems.append(Problem("extra", shown(value), "must be a dict of body fields"))
        return {}
    content = value.get("content", ())
    if not isinstance(content, list | tuple) or not all(isinstance(item, Mapping) for item in content):
        problems.append(Problem("extra", shown(content), "its content must be a list of dicts"))
        return {}
    return dict(value)


def _draft_task(value: Any, problems: list[Problem]) -> DraftTask | None:
    if value is None or isinstance(value, DraftTask):
        return value
    if hasattr(value, "as_draft"):
        return _draft_task(value.as_draft(), problems)
    if isinstance(value, str) and value.strip():
        return DraftTask(value.strip())
    problems.append(Problem("draft_task", shown(value), "the task id of a draft, or the draft's Task"))
    return None


def shown(value: Any) -> Any:
    """Enough of a value to recognise it in a message."""
    return value if isinstance(value, str) and len(value) < _LONGEST_SHOWN else f"<{type(value).__name__}>"
