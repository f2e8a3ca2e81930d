"""The legacy way to pass parameters: ``--rs 720p --dur 5`` at the end of a prompt.

The service reads such flags leniently: a wrong value silently becomes the default (tutorial, "Configure
video output specifications"). They are found and warned of here, and turned into body parameters, which
are checked strictly, when asked.
"""

from __future__ import annotations

import re
from typing import Any

__all__ = ["convert_flags", "find_flags"]

_NAMES = {
    "rs": "resolution",
    "resolution": "resolution",
    "rt": "ratio",
    "ratio": "ratio",
    "dur": "duration",
    "duration": "duration",
    "frames": "frames",
    "seed": "seed",
    "cf": "camera_fixed",
    "camerafixed": "camera_fixed",
    "camera_fixed": "camera_fixed",
    "wm": "watermark",
    "watermark": "watermark",
    "fps": "framespersecond",
    "framespersecond": "framespersecond",
}
_FLAG = re.compile(
    r"(?:(?<=\s)|^)--(" + "|".join(sorted(_NAMES, key=len, reverse=True)) + r")(?:[ \t=]+|\s+)(?!--)(\S+)\s*",
    re.IGNORECASE,
)


def find_flags(prompt: str) -> list[tuple[str, str]]:
    """Flags in a prompt as (parameter, text of its value), in order of appearance."""
    return [(_NAMES[match[1].lower()], match[2]) for match in _FLAG.finditer(prompt)]


def convert_flags(prompt: str) -> tuple[str, dict[str, Any]]:
    """The prompt without its flags, and what they say as body parameters.

    Values that read as numbers or booleans become such, others stay text for the strict check to name.
    The frame rate is left out: every clip has 24 frames a second and the body has no field for it.
    """
    params = {name: _value(name, text) for name, text in find_flags(prompt) if name != "framespersecond"}
    return _FLAG.sub("", prompt).strip(), params


def _value(name: str, text: str) -> Any:
    if name in ("camera_fixed", "watermark"):
        return {"true": True, "false": False, "1": True, "0": False}.get(text.lower(), text)
    if name in ("duration", "frames", "seed"):
        return int(text) if re.fullmatch(r"-?\d+", text, re.ASCII) else text
    return text.lower()
