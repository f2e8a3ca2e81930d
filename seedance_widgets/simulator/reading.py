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
from seedance_widgets.request.pricing import frames_of, frames_with_clips, tokens_of
from seedance_widgets.request.task_request import TaskRequest
from seedance_widgets.units import DAY

if TYPE_CHECKING:
    from seedance_widgets.catalog.model import Model
    from seedance_widgets.inputs.image import Image
    from seedance_widgets.simulator.state import SimulatedTask, World

__all__ = ["GUESSED_DRAFT_FACTOR", "STAND_IN_SIZE", "Refusal", "draft_of", "invalid", "read_body", "settle"]

# what the service takes, by content type: a clip by address or asset only (ModelArk docs 1520757)
_FETCHED = {
    "image_url": ("https://", "http://", "asset://", "data:"),
    "audio_url": ("https://", "http://", "asset://", "data:"),
    "video_url": ("https://", "http://", "asset://"),
}
STAND_IN_SIZE = (1024, 768)
STAND_IN_SECONDS = 5
GUESSED_DRAFT_FACTOR = (6, 10)
"""A draft of a model whose factor is not known is billed by that of another; a guess of this simulator's."""
_SEEDS = 1 << 31


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
        _check_addresses(body["content"])
        _take_flags(params)
        if params.get("frames") is not None:
            params.pop("duration", None)
        extra = params.pop("extra", {})
        request = _request_of(params)
    except InvalidRequest as error:
        first = next((p for p in error.problems if not p.client_only), error.problems[0])
        is_final = any(item.get("type") == "draft_task" for item in body["content"])
        if first.parameter == "resolution" and is_final:
            raise Refusal(400, "InvalidResolutionParameter", str(first), param="resolution") from None
        raise _refusal_of(first) from None
    _check_extra(spec, extra)
    return request


def _check_addresses(content: list[dict[str, Any]]) -> None:
    """Refuse every input that the service could not fetch, and with that every path of this machine."""
    for item in content:
        kind = str(item.get("type"))
        if kind not in _FETCHED:
            continue
        holder = item.get(kind)
        url = holder.get("url") if isinstance(holder, dict) else None
        error = f"Invalid{kind.removesuffix('_url').capitalize()}URL"
        if not isinstance(url, str) or not url.strip():
            raise Refusal(400, f"{error}.EmptyURL", f"a content item has no {kind}.url", param="content")
        if not url[:8].lower().startswith(_FETCHED[kind]) or not _has_host(url):
            takes = ", ".join(_FETCHED[kind])
            reason = f"{kind}.url cannot be fetched: it is an address that starts with one of {takes}"
            raise Refusal(400, f"{error}.InvalidFormat", reason, param="content")


def _has_host(url: str) -> bool:
    """Whether an address on the web says whom to ask; an asset and data need not."""
    if url[:4].lower() != "http":
        return True
    try:
        return bool(urlsplit(url).hostname)
    except ValueError:
        return False


def _check_extra(spec: Model, extra: dict[str, Any]) -> None:
    """Fields and content items beyond those of a `TaskRequest`."""
    for name, value in extra.items():
        if name == "content":
            kinds = ", ".join(sorted({str(item.get("type")) for item in value}))
            raise invalid("content.type", f"{spec.name} takes no {kinds}")
        raise Refusal(400, "InvalidParameter.UnsupportedParameter", f"{name} is not supported", param=name)


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
    clips = [_clip(world, clip.address) for clip in request.reference_videos]
    if request.mode in spec.length_of_input:
        duration = round((clips[0]["frames"] - 1) / catalog.frames_per_second())
    ratio = reused.get("ratio", request.effective("ratio"))
    if ratio == ADAPTIVE:
        shapes = [
            each["size"] for each in (*(clips if request.mode in spec.adaptive_only else ()), *pictures)
        ]
        ratio = nearest_ratio(*shapes[0]) if shapes else spec.ratios[seed % 2 * 4]
    resolution = request.effective("resolution")
    size = spec.size(resolution, ratio) or spec.size(resolution, "16:9")
    assert size is not None
    count = frames or frames_of(duration)
    audio = bool(reused.get("generate_audio", request.effective("generate_audio")))
    seconds = sum((clip["frames"] - 1) / catalog.frames_per_second() for clip in clips)
    tokens = tokens_of(*size, frames_with_clips(spec, resolution, count, seconds) if clips else count)
    if request.draft and spec.draft:
        top, bottom = spec.draft.factor(audio=audio) or GUESSED_DRAFT_FACTOR
        tokens = tokens * top // bottom
    settled = {
        "prompt": reused.get("prompt", request.prompt),
        "pictures": pictures,
        "clips": clips,
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


def _clip(world: World, address: str) -> dict[str, Any]:
    """How long and large an input clip is: one that was made here is known, any other stands in."""
    parts = PurePosixPath(urlsplit(address).path).parts
    source = world.task(parts[2]) if parts[1:2] == ("files",) and parts[3:] == ("video.mp4",) else None
    if source is not None and source.status == "succeeded":
        size = (source.facts["width"], source.facts["height"])
        return {"of": source.id, "frames": source.facts["count"], "size": size}
    return {"stand_in": address, "frames": frames_of(STAND_IN_SECONDS), "size": STAND_IN_SIZE}


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
