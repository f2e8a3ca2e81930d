"""Read a request body: the arguments of `TaskRequest` in it, and what of it is seen in the clip.

The simulator, the log and tasks made elsewhere all hold bodies; this is the one place that knows which
content item is which picture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seedance_widgets.errors import InvalidRequest, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["BODY_FIELDS", "params_of", "seen_in"]

BODY_FIELDS = (
    "resolution", "ratio", "service_tier",
    "duration", "frames", "seed", "execution_expires_after", "priority",
    "camera_fixed", "watermark", "generate_audio", "draft", "return_last_frame",
    "callback_url", "safety_identifier",
)  # fmt: skip
_UNSEEN = ("service_tier", "execution_expires_after", "callback_url", "safety_identifier", "priority")


def seen_in(body: Mapping[str, Any]) -> dict[str, Any]:
    """A body without what changes only how and when a clip is made."""
    return {name: value for name, value in body.items() if name not in _UNSEEN}


def params_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """The constructor's arguments that a request body stands for; unknown fields land in ``extra``.

    Raises
    ------
    InvalidRequest
        The content list cannot be read.
    """
    params: dict[str, Any] = {name: body[name] for name in BODY_FIELDS if body.get(name) is not None}
    known = (*BODY_FIELDS, "model", "content")
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
    kind, role = item.get("type"), item.get("role")
    if kind == "text":
        params["prompt"] = "\n".join(filter(None, (params.get("prompt"), item["text"])))
    elif kind == "draft_task":
        params["draft_task"] = str(item["draft_task"]["id"])
    elif kind == "image_url" and role == "reference_image":
        params["reference_images"] = (*params.get("reference_images", ()), item["image_url"]["url"])
    elif kind == "image_url" and (role in ("first_frame", "last_frame") or (role is None and alone)):
        name = role or "first_frame"
        if name in params:
            raise InvalidRequest([Problem(name, "twice", "one picture only")])
        params[name] = item["image_url"]["url"]
    elif kind == "image_url":
        raise InvalidRequest(
            [Problem("content", role, "role is first_frame, last_frame or reference_image", "first_frame")]
        )
    else:
        extra.setdefault("content", []).append(dict(item))
