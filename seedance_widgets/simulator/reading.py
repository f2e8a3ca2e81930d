"""What a body asks for: read as strictly as the service reads it, and settled into a task's facts.

A bad body value is refused; a bad ``--flag`` in the prompt becomes the default. JSON null counts as
absent, and a switch that the model lacks is passed over (the tutorial's own quick start sends one).
"""

from __future__ import annotations

import secrets
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from seedance_widgets import catalog
from seedance_widgets.catalog.model import ADAPTIVE
from seedance_widgets.errors import InvalidRequest, Problem
from seedance_widgets.inputs.crop import nearest_ratio
from seedance_widgets.request.fields import PARAMETERS
from seedance_widgets.request.from_body import params_of
from seedance_widgets.request.legacy_flags import SENT, service_flags
from seedance_widgets.request.pricing import frames_of, tokens_of
from seedance_widgets.request.task_request import TaskRequest
from seedance_widgets.units import DAY

if TYPE_CHECKING:
    from seedance_widgets.catalog.model import Model
    from seedance_widgets.inputs.image import Image
    from seedance_widgets.simulator.state import SimulatedTask, World

__all__ = ["STAND_IN_SIZE", "Refusal", "draft_of", "invalid", "read_body", "settle"]

STAND_IN_SIZE = (1024, 768)
_SEEDS = 1 << 31
# newer parameters that the service knows of and that reach no rule here
_PASSED_OVER = ("output_format", "omni_reference_task_type", "tools")


class Refusal(Exception):
    """An answer with an error status."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        param: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.param = param
        self.retry_after = retry_after


def read_body(body: Any) -> TaskRequest:
    """A checked request with the legal flags of its prompt applied, or a `Refusal`."""
    if not isinstance(body, dict):
        raise Refusal(400, "InvalidParameter", "the body is not a JSON object")
    for name in ("model", "content"):
        if not body.get(name):
            raise Refusal(400, f"MissingParameter.{name}", f"{name} is required", param=name)
    try:
        spec = catalog.find(str(body["model"]))
    except InvalidRequest:
        raise Refusal(
            404, "InvalidEndpointOrModel.NotFound", f"the model or endpoint {body['model']} does not exist"
        ) from None
    try:
        params = params_of(body)
        _take_flags(params)
        if params.get("frames") is not None:
            params.pop("duration", None)
        extra = params.pop("extra", {})
        request = _request_of(params)
    except InvalidRequest as error:
        first = next((p for p in error.problems if not p.client_only), error.problems[0])
        raise _refusal_of(first) from None
    _check_extra(spec, extra)
    return request


def _check_extra(spec: Model, extra: dict[str, Any]) -> None:
    """Fields and content items beyond those of a `TaskRequest`."""
    for name, value in extra.items():
        if name == "content":
            kinds = {str(item.get("type")) for item in value}
            for kind in kinds - set(spec.content_types):
                raise invalid("content.type", f"{spec.name} takes no {kind}")
        elif name not in (*_PASSED_OVER, *spec.extra_parameters):
            raise Refusal(
                400, "InvalidParameter.UnsupportedParameter", f"{name} is not supported", param=name
            )


def _request_of(params: dict[str, Any]) -> TaskRequest:
    try:
        return TaskRequest(**params, legacy_flags=SENT)
    except InvalidRequest as error:
        passed_over = {problem.parameter for problem in error.problems if problem.client_only}
        if not passed_over or any(not problem.client_only for problem in error.problems):
            raise
    kept = {name: value for name, value in params.items() if name not in passed_over}
    return TaskRequest(**kept, legacy_flags=SENT)


def _take_flags(params: dict[str, Any]) -> None:
    """Apply the flags of a prompt where they are legal and the body says nothing; drop the others."""
    text, found = service_flags(params.get("prompt") or "")
    if not found:
        return
    params["prompt"] = text
    taken: dict[str, Any] = {}
    for name, value in found.items():
        if params.get(name) is None:
            try:
                _request_of({**params, **taken, name: value})
            except InvalidRequest:
                continue
            taken[name] = value
    params.update(taken)


def draft_of(world: World, request: TaskRequest, now: float) -> SimulatedTask | None:
    """The draft that a final is made of, None for any other request."""
    if request.draft_task is None:
        return None
    draft = world.task(request.draft_task.id)
    days = catalog.rules().draft_task_days
    if draft is None or not draft.facts["draft"] or draft.status != "succeeded":
        raise invalid("content.draft_task", "is not a succeeded draft")
    if now > draft.created_at + days * DAY:
        raise invalid("content.draft_task", f"the draft is older than {days} days")
    if draft.model != request.spec.id:
        raise invalid("model", "is not the draft's model")
    return draft


def settle(world: World, request: TaskRequest, draft: SimulatedTask | None) -> dict[str, Any]:
    """Everything that will be answered and drawn, settled at creation."""
    reused = draft.facts if draft else {}
    spec = request.spec
    duration = reused.get("duration", request.effective("duration"))
    frames = reused.get("frames", request.frames)
    seed = reused.get("seed", request.seed)
    if seed is None:
        seed = secrets.randbelow(_SEEDS)
    if duration == -1:
        span = spec.duration
        duration = span.min + seed % (span.max - span.min + 1)
    pictures = reused.get("pictures") or [
        {"role": item.get("role"), **_picture(world, image)}
        for item, image in zip(
            (item for item in request.to_dict()["content"] if item["type"] == "image_url"),
            request.images,
            strict=True,
        )
    ]
    ratio = reused.get("ratio", request.effective("ratio"))
    if ratio == ADAPTIVE:
        ratio = nearest_ratio(*pictures[0]["size"]) if pictures else spec.ratios[seed % 2 * 4]
    resolution = request.effective("resolution")
    size = spec.size(resolution, ratio) or spec.size(resolution, "16:9")
    assert size is not None
    count = frames or frames_of(duration)
    audio = bool(reused.get("generate_audio", request.effective("generate_audio")))
    tokens = tokens_of(*size, count)
    factor = spec.draft.factor(audio=audio) if request.draft and spec.draft else None
    if factor:
        tokens = tokens * factor[0] // factor[1]
    settled = {
        "prompt": reused.get("prompt", request.prompt),
        "pictures": pictures,
        "resolution": resolution,
        "ratio": ratio,
        "width": size[0],
        "height": size[1],
        "duration": None if frames else duration,
        "frames": frames,
        "count": count,
        "tokens": tokens,
        "seed": seed,
        "generate_audio": audio,
        "draft": bool(request.draft),
        "draft_task_id": draft.id if draft else None,
        "service_tier": request.effective("service_tier"),
        "execution_expires_after": request.effective("execution_expires_after"),
    }
    echoed: dict[str, Any] = {}
    for name, row in PARAMETERS.items():
        if name not in settled:
            own, given = request.effective(name), getattr(request, name)
            settled[name] = reused.get(name, own) if row.reused else own
            if row.answered and given is not None:
                echoed[name] = given
    return {**settled, "echoed": echoed}


def _picture(world: World, image: Image) -> dict[str, Any]:
    """Where the bytes of an input picture come from: a foreign address is never opened."""
    if image.data is not None and image.size is not None:
        return {"sha256": image.sha256, "size": image.size}
    if image.data is not None:  # HEIF: the service decodes it, nothing here does
        return {"stand_in": str(image.sha256), "size": STAND_IN_SIZE}
    parts = PurePosixPath(urlsplit(str(image.url)).path).parts
    if parts[1:2] == ("files",) and parts[3:] == ("last_frame.png",):
        source = world.task(parts[2])
        if source is not None and source.status == "succeeded":
            return {"last_frame_of": source.id, "size": (source.facts["width"], source.facts["height"])}
    return {"stand_in": str(image.url), "size": STAND_IN_SIZE}


def invalid(parameter: str, reason: str) -> Refusal:
    """400 about one parameter."""
    return Refusal(
        400, f"InvalidParameter.{parameter}", f"the parameter `{parameter}` {reason}", param=parameter
    )


def _refusal_of(problem: Problem) -> Refusal:
    if problem.parameter == "prompt":
        return Refusal(400, "MissingParameter.content.text", str(problem), param="content.text")
    return Refusal(400, f"InvalidParameter.{problem.parameter}", str(problem), param=problem.parameter)
