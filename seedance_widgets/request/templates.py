"""Templates: ``{name}`` is replaced as it stands, once, and whatever else is in braces stays.

A prompt may hold any text. Where a value is nothing but one such name, the item's own value takes its place,
so that a picture or a number can be an item's too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

__all__ = ["fill_in", "names_in"]


def fill_in(template: Any, values: Mapping[str, Any], refuse: Callable[[str], Exception]) -> Any:
    """A template filled with an item's values, in one pass: braces inside a value stay as they are.

    Parameters
    ----------
    template
        A text, or a dict or list with texts in it.
    values
        By name.
    refuse
        Makes the error that is raised where a value cannot be part of a text.
    """
    if not values:
        return template
    if isinstance(template, str):
        pattern = _pattern([*values])
        if alone := pattern.fullmatch(template):
            return values[alone[1]]
        return pattern.sub(lambda match: _as_text(match[1], values[match[1]], refuse), template)
    if isinstance(template, Mapping):
        return {key: fill_in(value, values, refuse) for key, value in template.items()}
    if isinstance(template, list | tuple):
        return [fill_in(value, values, refuse) for value in template]
    return template


def names_in(template: Any, names: Sequence[str]) -> set[str]:
    """Which of these names a template uses."""
    if isinstance(template, str):
        return set(_pattern(names).findall(template)) if names else set()
    inner = template.values() if isinstance(template, Mapping) else template
    if isinstance(template, Mapping | list | tuple):
        return set().union(*(names_in(value, names) for value in inner))
    return set()


def _pattern(names: Sequence[str]) -> re.Pattern[str]:
    return re.compile("{(" + "|".join(map(re.escape, names)) + ")}")


def _as_text(name: str, value: Any, refuse: Callable[[str], Exception]) -> str:
    if isinstance(value, str | int | float):
        return str(value)
    raise refuse(f"{{{name}}} is a {type(value).__name__}, which cannot be part of a text")
