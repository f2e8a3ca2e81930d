"""Read a request body: the arguments of `TaskRequest` in it, and what of it is seen in the clip.

The simulator, the log and tasks made elsewhere all hold bodies; this is the one place that knows which
content item is which picture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seedance_widgets.errors import InvalidRequest, Problem
from seedance_widgets.request.fields import PARAMETERS, PICTURES, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["params_of", "visible_part"]

_UNSEEN = [name for name, row in PARAMETERS.items() if row.unseen]


def visible_part(body: Mapping[str, Any]) -> dict[str, Any]:
    """A body without what changes only how and when a clip is made."""
    return {name: value for name, value in body.items() if name not in _UNSEEN}


def params_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """The constructor's arguments that a request body stands for; unknown fields land in ``extra``.

    Raises
    ------
    InvalidRequest
        The content list cannot be read.
    """
    params: dict[str, Any] = {name: body[name] for name in PARAMETERS if body.get(name) is not None}
    known = (*PARAMETERS, "model", "content")
    extra = {key: value for key, value in body.items() if key not in known and value is not None}
    params["model"] = body.get("model")
    content = body.get("content")
    if not isinstance(content, list) or not all(isinstance(item, dict) for item in content):
        raise InvalidRequest([Problem("content", content, "a list of objects")])
    pictures = [item for item in content if item.get("type") == "image_url"]
    for item in content:
        try:
            _read_item(item, params, extra, alone=len(pictures) == 1)
        except (KeyError, TypeError) as error:
            raise InvalidRequest([Problem("content", item, f"lacks or misuses {error}")]) from None
    if extra:
        params["extra"] = extra
    return params


def _read_item(
    item: Mapping[str, Any], params: dict[str, Any], extra: dict[str, Any], *, alone: bool
) -> None:
    kind = item.get("type")
    if kind == "text":
        params["prompt"] = "\n".join(filter(None, (params.get("prompt"), item["text"])))
    elif kind == "draft_task":
        params["draft_task"] = str(item["draft_task"]["id"])
    elif kind == "image_url":
        _read_picture(item, params, alone=alone)
    else:
        extra.setdefault("content", []).append(dict(item))


def _read_picture(item: Mapping[str, Any], params: dict[str, Any], *, alone: bool) -> None:
    role = item.get("role")
    wanted = "first_frame" if role is None and alone else role
    row = next((row for row in PICTURES if row.role == wanted), None)
    if row is None:
        *roles, last = (row.role for row in PICTURES)
        reason = f"role is {', '.join(roles)} or {last}"
        raise InvalidRequest([Problem("content", role, reason, "first_frame")])
    url = item["image_url"]["url"]
    if row.kind is Kind.PICTURES:
        params[row.name] = (*params.get(row.name, ()), url)
    elif row.name in params:
        raise InvalidRequest([Problem(row.name, "twice", "one picture only")])
    else:
        params[row.name] = url
