"""What a value in a prompt means as people spell it: 16/9 for 16:9, 5s for 5, 1280x720 for 720p and 16:9."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from seedance_widgets import catalog
from seedance_widgets.errors import InvalidRequest
from seedance_widgets.request.fields import Kind
from seedance_widgets.request.model_options import parameters_of

if TYPE_CHECKING:
    from seedance_widgets.request.fields import Field

__all__ = ["is_number_for", "typed_params"]

_SECONDS = re.compile(r"(\d+)(?:\.0+)?(?:s|secs?|seconds?)?", re.IGNORECASE | re.ASCII)
_RESOLUTIONS = {480: "480p", 720: "720p", 1080: "1080p", 2160: "4k"}  # by the shorter side in px


def typed_params(row: Field, text: str) -> dict[str, Any] | None:
    """What a value asks for, as the body spells it; None where the parameter has no such value."""
    word = text.lower()
    if row.name == "duration":
        seconds = _SECONDS.fullmatch(text)
        return {row.name: int(seconds[1])} if seconds else {row.name: -1} if text == "-1" else None
    if row.kind is Kind.NUMBER:
        return {row.name: int(text)} if re.fullmatch(r"-?\d+", text, re.ASCII) else None
    if row.kind is Kind.MODEL:
        return {row.name: text} if _is_model(text) else None
    if row.kind is Kind.TEXT:
        return {row.name: text} if text else None
    if row.name == "ratio" and (ratio := _ratio(word)):
        return {row.name: ratio}
    if row.name == "resolution" and (size := _size(word)):
        return size
    return {row.name: word} if word in _choices(row.name) else None


def is_number_for(row: Field, text: str) -> bool:
    """Whether a value is a number where one is wanted, if not one that there is."""
    wanted = row.kind is Kind.NUMBER or row.name == "ratio"
    return wanted and re.fullmatch(r"-?\d+(\.\d+)?s?", text, re.ASCII) is not None


def _ratio(word: str) -> str | None:
    """16:9 of "16:9", "16/9", "16x9" and "1920:1080"; 1.78:1 of "1.78"."""
    if re.fullmatch(r"\d+\.\d+", word):
        return f"{word}:1"
    sides = re.fullmatch(r"(\d+(?:\.\d+)?)[:：/x×](\d+(?:\.\d+)?)", word)
    if not sides:
        return None
    written = f"{sides[1]}:{sides[2]}"
    if written in catalog.ratios() or not (sides[1] + sides[2]).isdecimal():
        return written
    divisor = math.gcd(int(sides[1]), int(sides[2])) or 1
    reduced = f"{int(sides[1]) // divisor}:{int(sides[2]) // divisor}"
    return reduced if reduced in catalog.ratios() else written


def _size(word: str) -> dict[str, str] | None:
    """Resolution of "720p" and "720"; resolution and ratio of "1280x720"; the ratio of "16:9"."""
    if re.fullmatch(r"\d+p|\dk", word):
        return {"resolution": word}
    if word.isdecimal():
        return {"resolution": _RESOLUTIONS[int(word)]} if int(word) in _RESOLUTIONS else None
    ratio = _ratio(word)
    if ratio not in catalog.ratios():
        return None
    sides = re.fullmatch(r"(\d{3,})[x×](\d{3,})", word)
    lines = min(int(sides[1]), int(sides[2])) if sides else 0
    if sides and lines not in _RESOLUTIONS:
        return None
    return {"ratio": ratio} if not sides else {"resolution": _RESOLUTIONS[lines], "ratio": ratio}


def _choices(name: str) -> set[str]:
    """Words that some model takes for a parameter."""
    return {
        choice
        for model in catalog.models()
        for mode in model.modes
        for choice in parameters_of(model, mode)[name].choices
    }


def _is_model(text: str) -> bool:
    try:
        catalog.find(text)
    except InvalidRequest:
        return False
    return True
