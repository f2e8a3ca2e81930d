"""What is wrong with a request: its parameters by the catalog, and the rules across fields.

Everything is reported at once. Rules that the service itself does not enforce are marked ``client_only``.
"""

from __future__ import annotations

import difflib
from dataclasses import fields
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from seedance_widgets import catalog
from seedance_widgets.coercion import shown
from seedance_widgets.errors import Problem
from seedance_widgets.images import image_problems
from seedance_widgets.parameters import FROM_DRAFT, MODE_TITLES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seedance_widgets.request import TaskRequest

__all__ = ["request_problems", "unknown_parameter"]

# the field that a mode stands or falls with
_FIELD_OF_MODE = {
    "text": "model",
    "first_frame": "first_frame",
    "first_last_frame": "last_frame",
    "reference": "reference_images",
}


def request_problems(request: TaskRequest, *, sketch: bool) -> list[Problem]:
    """Every fault of a request; a ``sketch`` may still lack its prompt and pictures."""
    return [
        *_parameter_problems(request),
        *_role_problems(request, sketch=sketch),
        *_picture_problems(request),
        *_passed_on_problems(request),
    ]


def unknown_parameter(name: str, value: Any, known: tuple[str, ...]) -> Problem:
    """A problem for a parameter that no request has, with the nearest name of one that it has."""
    close = difflib.get_close_matches(name, known, n=1)
    return Problem(
        name,
        value,
        "no such parameter (pass service fields that are new in extra=)",
        close[0] if close else None,
    )


def _parameter_problems(request: TaskRequest) -> Iterator[Problem]:
    """Each parameter against what the model takes in this mode."""
    model, mode = request.spec, request.mode
    if mode != FROM_DRAFT and mode not in model.modes:
        titles = ", ".join(MODE_TITLES[known] for known in model.modes)
        able = [other.name for other in catalog.models() if mode in other.modes]
        yield Problem(
            _FIELD_OF_MODE[mode],
            model.name if mode == "text" else MODE_TITLES[mode],
            f"{model.name} takes {titles}; {MODE_TITLES[mode]} is for {', '.join(able) or 'no model'}",
            nearest=able[0] if able and mode == "text" else None,
        )
        return
    for name, parameter in request.parameters().items():
        value = getattr(request, name)
        if value is None:
            continue
        if name == "draft" and value and request.draft_task is None and model.draft is None:
            able = [other.name for other in catalog.models() if other.draft]
            yield Problem(name, value, f"{parameter.why_not}; {', '.join(able)} do", client_only=True)
        elif problem := parameter.fault(value, model.name):
            yield problem
    if model.references and request.reference_images and len(request.reference_images) > model.references.max:
        yield Problem(
            "reference_images",
            f"{len(request.reference_images)} pictures",
            f"{model.name} takes {model.references.min} to {model.references.max}",
            nearest=model.references.max,
        )


def _role_problems(request: TaskRequest, *, sketch: bool) -> Iterator[Problem]:
    """Which inputs go together."""
    if request.frames is not None and request.duration is not None:
        yield Problem(
            "frames",
            request.frames,
            f"not together with duration={request.duration}: the service would follow frames",
            client_only=True,
        )
    references = f"{len(request.reference_images)} pictures"
    if request.draft_task is not None:
        yield from _final_problems(request)
    elif request.reference_images and (request.first_frame or request.last_frame):
        yield Problem("reference_images", references, "not together with a first or last frame")
    elif request.last_frame is not None and request.first_frame is None:
        yield Problem("last_frame", request.last_frame.name, "needs a first_frame too")
    elif not (sketch or request.prompt.strip() or request.images or request.extra.get("content")):
        yield Problem("prompt", request.prompt, "empty, and there is no picture: say what to show")


def _picture_problems(request: TaskRequest) -> Iterator[Problem]:
    """Limits on each picture, and on all of them together."""
    named = [(name, getattr(request, name)) for name in ("first_frame", "last_frame")]
    named += [(f"reference_images[{i}]", image) for i, image in enumerate(request.reference_images)]
    for name, image in named:
        if image is not None:
            yield from image_problems(name, image, heif=request.spec.heif)
    total = sum(image.encoded_bytes for image in request.images)
    limit = catalog.rules().body_max_bytes
    if total > limit:
        yield Problem(
            "body",
            f"{total:,} bytes of pictures",
            f"a request has at most {limit:,} bytes; prepare_image makes pictures smaller, "
            "and an address costs nothing",
        )


def _passed_on_problems(request: TaskRequest) -> Iterator[Problem]:
    """Fields that the service takes from us without a model in between."""
    if request.callback_url is not None:
        parts = urlsplit(request.callback_url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            yield Problem(
                "callback_url", request.callback_url, "an http(s) address that the service can reach"
            )
    own = {item.name for item in fields(request) if item.init}
    for key in own & set(request.extra):
        yield Problem("extra", key, "is a parameter of its own", nearest=key)


def _final_problems(request: TaskRequest) -> Iterator[Problem]:
    for name in ("prompt", "first_frame", "last_frame", "reference_images"):
        if getattr(request, name):
            yield Problem(name, shown(getattr(request, name)), "reused from the draft and cannot be changed")
    for name in ("camera_fixed", "generate_audio"):
        # elsewhere a flag that is off asks for nothing; here it would ask for another clip than the draft
        if getattr(request, name) is False:
            yield Problem(name, value=False, reason=request.parameters()[name].why_not)
    if request.spec.draft is None:
        able = [model.name for model in catalog.models() if model.draft]
        yield Problem("model", request.spec.name, f"makes no drafts; {', '.join(able)} do", nearest=able[0])
    draft_model = request.draft_task.model
    if draft_model is not None and catalog.find(draft_model).id != request.spec.id:
        yield Problem(
            "model",
            request.spec.name,
            "a final is made by the draft's own model",
            nearest=catalog.find(draft_model).name,
        )
