"""What a request's values may be: read as people write them, then checked against the catalog and across
fields.

Everything is reported at once. Rules that the service itself does not enforce are marked ``client_only``.
"""

from __future__ import annotations

import math
import numbers
import re
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from seedance_widgets import catalog
from seedance_widgets.errors import InvalidRequest, MediaError, Problem
from seedance_widgets.inputs.audio import load_audio
from seedance_widgets.inputs.given import is_one_input
from seedance_widgets.inputs.image import load_image
from seedance_widgets.inputs.video import load_video
from seedance_widgets.request.fields import (
    CONTENT,
    FIELDS,
    FROM_DRAFT,
    MEDIA,
    MODE_TITLES,
    PARAMETERS,
    PICTURES,
    SEVERAL,
    TASK_TYPE,
    Kind,
)
from seedance_widgets.request.input_rules import input_problems
from seedance_widgets.request.names import unknown_in_extra

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from seedance_widgets.catalog.model import Model
    from seedance_widgets.inputs.medium import Medium
    from seedance_widgets.request.fields import Field, RequestFields
    from seedance_widgets.request.model_options import Parameter

__all__ = [
    "DraftTask",
    "as_several",
    "move_media",
    "read_value",
    "request_problems",
    "shown",
]

_LONGEST_SHOWN = 200
# the field that a mode stands or falls with
_FIELD_OF_MODE = {
    "text": "model",
    "edit": TASK_TYPE,
    "extend": TASK_TYPE,
    **{row.mode: row.name for row in PICTURES},
}
_FIELD_OF_ITEM = {(row.content, row.role): row for row in MEDIA if row.kind in (Kind.VIDEOS, Kind.AUDIOS)}


def request_problems(
    request: RequestFields,
    model: Model,
    mode: str,
    parameters: Mapping[str, Parameter],
    *,
    sketch: bool,
    sent: bool,
) -> list[Problem]:
    """Every fault of a request.

    Parameters
    ----------
    request
        Its fields, read by type.
    model, mode, parameters
        What it is asked of, what it is made from, and what the model takes in that mode.
    sketch
        It may still lack its prompt and pictures.
    sent
        It was sent before: the names in its ``extra`` stay what they are.
    """
    return [
        *_parameter_problems(request, model, mode, parameters),
        *_role_problems(request, model, parameters, sketch=sketch),
        *input_problems(request, model, mode, sketch=sketch),
        *_pass_through_problems(request),
        *(() if sent else unknown_in_extra(request.extra)),
    ]


def _parameter_problems(
    request: RequestFields, model: Model, mode: str, parameters: Mapping[str, Parameter]
) -> Iterator[Problem]:
    """Each parameter against what the model takes in this mode."""
    if mode != FROM_DRAFT and mode not in model.modes:
        titles = ", ".join(MODE_TITLES[known] for known in model.modes)
        able = catalog.names_of(lambda other: mode in other.modes)
        given = next((row for row in MEDIA if row.mode == mode and getattr(request, row.name)), None)
        if given in _FIELD_OF_ITEM.values():
            return  # which models take a clip or a sound is said of these
        yield Problem(
            _FIELD_OF_MODE[mode],
            model.name if mode == "text" else MODE_TITLES[mode],
            f"{model.name} takes {titles}; {MODE_TITLES[mode]} is for {', '.join(able) or 'no model'}",
            nearest=able[0] if able and mode == "text" else None,
        )
        return
    for name, parameter in parameters.items():
        value = getattr(request, name)
        if value is None:
            continue
        if name == "draft" and value and request.draft_task is None and model.draft is None:
            able = catalog.names_of(lambda other: other.draft)
            yield Problem(name, value, f"{parameter.why_not}; {', '.join(able)} do", client_only=True)
        elif problem := parameter.fault(value, model.name):
            yield problem


def _role_problems(
    request: RequestFields, model: Model, parameters: Mapping[str, Parameter], *, sketch: bool
) -> Iterator[Problem]:
    """Which inputs go together."""
    if request.frames is not None and request.duration is not None:
        yield Problem(
            "frames",
            request.frames,
            f"not together with duration={request.duration}: the service would follow frames",
            client_only=True,
        )
    if request.draft_task is not None:
        yield from _final_problems(request, model, parameters)
    elif not (
        sketch
        or request.prompt.strip()
        or any(media for _, media in request.media())
        or request.extra.get("content")
    ):
        yield Problem("prompt", request.prompt, "empty, and there is no picture: say what to show")


def _pass_through_problems(request: RequestFields) -> Iterator[Problem]:
    """Fields that the service takes from us without a model in between."""
    if request.callback_url is not None and not _is_web_address(request.callback_url):
        yield Problem("callback_url", request.callback_url, "an http(s) address that the service can reach")
    for key in FIELDS.keys() & request.extra.keys():
        yield Problem("extra", key, "is a parameter of its own", nearest=key)


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:  # an IPv6 address that is none
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)


def _final_problems(
    request: RequestFields, model: Model, parameters: Mapping[str, Parameter]
) -> Iterator[Problem]:
    for name in (row.name for row in CONTENT if row.kind is not Kind.DRAFT):
        if getattr(request, name):
            yield Problem(name, shown(getattr(request, name)), "reused from the draft and cannot be changed")
    for name, row in PARAMETERS.items():
        # elsewhere a flag that is off asks for nothing; here it would ask for another clip than the draft
        if row.reused and getattr(request, name) is False:
            yield Problem(name, value=False, reason=parameters[name].why_not)
    if model.draft is None:
        able = catalog.names_of(lambda other: other.draft)
        yield Problem("model", model.name, f"makes no drafts; {', '.join(able)} do", nearest=able[0])
    draft_model = request.draft_task.model
    if draft_model is not None and catalog.find(draft_model).id != model.id:
        yield Problem(
            "model",
            model.name,
            "a final is made by the draft's own model",
            nearest=catalog.find(draft_model).name,
        )


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


def read_value(row: Field, value: Any, problems: list[Problem]) -> Any:
    """The value of one field of a request in its plain type; faults are added to ``problems``."""
    if row.kind is Kind.PICTURE:
        return None if value is None else _load(row, row.name, value, problems)
    if row.kind in SEVERAL:
        media = (_load(row, f"{row.name}[{at}]", each, problems) for at, each in enumerate(as_several(value)))
        return tuple(medium for medium in media if medium is not None)
    if row.kind is Kind.DRAFT:
        return _draft_task(value, problems)
    if row.kind is Kind.EXTRA:
        return _extra(value, problems)
    read = {Kind.FLAG: _flag, Kind.NUMBER: _number, Kind.CHOICE: _word}.get(row.kind, _text)
    try:
        plain = None if value is None else read(value)
    except (TypeError, ValueError) as error:
        plain = None
        nearest = _nearest(value) if row.kind is Kind.NUMBER else None
        problems.append(Problem(row.name, value, f"must be {error}", nearest=nearest))
    if row.kind is Kind.PROMPT:
        return plain or ""
    return None if row.name == "seed" and plain == -1 else plain


def _flag(value: Any) -> bool:
    # numpy's own boolean is no bool, but says the same
    if isinstance(value, bool) or type(value).__name__ in ("bool_", "bool"):
        return bool(value)
    raise TypeError("true or false")


def _number(value: Any) -> int:
    if not _is_number(value) or value != int(value):
        raise TypeError("a whole number")
    return int(value)


def _nearest(value: Any) -> int | None:
    """The whole number that was probably meant."""
    if isinstance(value, str) and re.fullmatch(r"\s*-?[0-9]{1,18}\s*", value):
        return int(value)
    return round(float(value)) if _is_number(value) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("text")
    return value


def _word(value: Any) -> str:
    return _text(value).strip().lower()


_LOADERS: dict[Kind, Callable[[Any], Medium]] = {
    Kind.PICTURE: load_image,
    Kind.PICTURES: load_image,
    Kind.VIDEOS: load_video,
    Kind.AUDIOS: load_audio,
}


def _load(row: Field, name: str, value: Any, problems: list[Problem]) -> Medium | None:
    try:
        return _LOADERS[row.kind](value)
    except MediaError as error:
        problems.append(Problem(name, shown(value), str(error)))
        return None


def as_several(value: Any) -> tuple[Any, ...]:
    """One input or several, or none, as several."""
    if value is None:
        return ()
    return (value,) if is_one_input(value) else tuple(value)


def move_media(extra: Any) -> tuple[Any, dict[str, list[Any]]]:
    """``extra`` without the clips and sounds in its ``content`` that have a field; and these, by field."""
    moved: dict[str, list[Any]] = {}
    content = extra.get("content") if isinstance(extra, Mapping) else None
    if not isinstance(content, list | tuple) or not all(isinstance(item, Mapping) for item in content):
        return extra, moved
    kept = []
    for item in content:
        row = _FIELD_OF_ITEM.get((item.get("type"), item.get("role")))
        inner = item.get(row.content) if row else None
        if row and isinstance(inner, Mapping) and isinstance(inner.get("url"), str):
            moved.setdefault(row.name, []).append(inner["url"])
        else:
            kept.append(item)
    rest = {name: value for name, value in extra.items() if name != "content"}
    return ({**rest, "content": kept} if kept else rest) if moved else extra, moved


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
        try:
            return _draft_task(value.as_draft(), problems)
        except InvalidRequest as error:
            problems += error.problems
            return None
    if isinstance(value, str) and value.strip():
        return DraftTask(value.strip())
    problems.append(Problem("draft_task", shown(value), "the task id of a draft, or the draft's Task"))
    return None


def shown(value: Any) -> Any:
    """Enough of a value to recognise it in a message."""
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value):,} bytes>"
    if isinstance(value, str):
        return value if len(value) < _LONGEST_SHOWN else f"{value[:_LONGEST_SHOWN]}..."
    if value is None or isinstance(value, bool | int | float):
        return value
    written = reprlib.repr(value) if isinstance(value, list | tuple | dict | set) else ""
    return value if written and len(written) < _LONGEST_SHOWN else f"<{type(value).__name__}>"
