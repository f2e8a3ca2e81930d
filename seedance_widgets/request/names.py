"""What a field of a request is called here, whatever people and other services call it.

Names are compared without capitals, underscores and dashes, so that ``aspectRatio`` and ``aspect-ratio`` are
one name.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from seedance_widgets.errors import Problem
from seedance_widgets.request.fields import ARGUMENTS, FIELDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = [
    "field_misspelt",
    "field_named",
    "nearest_field",
    "plain_name",
    "unknown_in_extra",
    "unknown_parameter",
]


def plain_name(name: str) -> str:
    """A name without what people write differently in it."""
    return name.lower().replace("_", "").replace("-", "")


_FIELD_OF = {
    plain_name(name): row.name
    for row in FIELDS.values()
    for name in (*row.aliases.split(), *row.flags, row.name)
}
_NO_FIELD = {
    "fps": "every clip has 24 frames a second",
    "framerate": "every clip has 24 frames a second",
    "framespersecond": "every clip has 24 frames a second",
    "n": "a request makes one clip: send it several times",
    "numvideos": "a request makes one clip: send it several times",
    "numberofvideos": "a request makes one clip: send it several times",
    "samplecount": "a request makes one clip: send it several times",
    "negativeprompt": "no Seedance model takes one: let the prompt say what is to be seen",
}
_MISSPELT = 0.85
_CLOSE = 0.8  # a name of another service that is nearly this one


def field_named(name: str) -> str | None:
    """The field that goes by a name, here or elsewhere; None for a name that nobody gives to one."""
    return _FIELD_OF.get(plain_name(name))


def nearest_field(name: str) -> str | None:
    """The field that was probably meant."""
    if meant := field_named(name):
        return meant
    if close := difflib.get_close_matches(name, ARGUMENTS, n=1):
        return close[0]
    return _field_like(name, _CLOSE)


def field_misspelt(name: str) -> str | None:
    """The field that a column was surely meant for; "description" is like "duration", and is not meant."""
    return field_named(name) or _field_like(name, _MISSPELT)


def _field_like(name: str, cutoff: float) -> str | None:
    close = difflib.get_close_matches(plain_name(name), _FIELD_OF, n=1, cutoff=cutoff)
    return _FIELD_OF[close[0]] if close else None


def unknown_parameter(name: str, value: Any) -> Problem:
    """A problem for a parameter that no request has, with the name of the one that was probably meant."""
    if why_not := _NO_FIELD.get(plain_name(name)):
        return Problem(name, value, why_not)
    reason = "no such parameter"
    if field_named(name) is None:
        reason += " (pass service fields that are new in extra=)"
    return Problem(name, value, reason, nearest_field(name))


def unknown_in_extra(names: Iterable[str]) -> Iterator[Problem]:
    """Problems for body fields under a name that the service does not know."""
    for name in names:
        if not isinstance(name, str) or name in FIELDS:
            continue
        if meant := field_named(name):
            yield Problem("extra", name, f"the service calls it {meant}: pass {meant}=", meant)
        elif why_not := _NO_FIELD.get(plain_name(name)):
            yield Problem("extra", name, why_not)
