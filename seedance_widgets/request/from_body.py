"""Read a request body: the arguments of `TaskRequest` in it, and what of it is seen in the clip.

The simulator, the log and tasks made elsewhere all hold bodies; this is the one place that knows which
content item is which picture, clip or sound.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seedance_widgets.errors import InvalidRequest, Problem
from seedance_widgets.request.fields import MEDIA, PARAMETERS, SEVERAL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seedance_widgets.request.fields import Field

__all__ = ["params_of", "visible_part"]

_TOOLS = {row.tool: name for name, row in PARAMETERS.items() if row.tool}
# type of a content item -> role -> field
_ROLES: dict[str, dict[str, Field]] = {}
for _row in MEDIA:
    _ROLES.setdefault(_row.content, {})[_row.role] = _row
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
    plain = [name for name, row in PARAMETERS.items() if not row.tool]
    params: dict[str, Any] = {name: body[name] for name in plain if body.get(name) is not None}
    known = (*plain, "model", "content")
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
    _read_tools(params, extra)
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
    elif kind in _ROLES:
        _read_medium(str(kind), item, params, alone=alone)
    else:
        extra.setdefault("content", []).append(dict(item))


def _read_medium(kind: str, item: Mapping[str, Any], params: dict[str, Any], *, alone: bool) -> None:
    roles, role = _ROLES[kind], item.get("role")
    # a picture alone needs no role
    wanted = "first_frame" if role is None and kind == "image_url" and alone else role
    row = roles.get(str(wanted))
    if row is None:
        *names, last = roles
        reason = f"role is {', '.join(names)} or {last}" if names else f"role is {last}"
        raise InvalidRequest([Problem("content", role, reason, next(iter(roles)))])
    url = item[kind]["url"]
    if row.kind in SEVERAL:
        params[row.name] = (*params.get(row.name, ()), url)
    elif row.name in params:
        raise InvalidRequest([Problem(row.name, "twice", "one picture only")])
    else:
        params[row.name] = url


def _read_tools(params: dict[str, Any], extra: dict[str, Any]) -> None:
    """Tools that are parameters become such; a list with any other stays as it is."""
    tools = extra.get("tools")
    if (
        isinstance(tools, list)
        and tools
        and all(tool in [{"type": name} for name in _TOOLS] for tool in tools)
    ):
        params |= {_TOOLS[tool["type"]]: True for tool in tools}
        del extra["tools"]
