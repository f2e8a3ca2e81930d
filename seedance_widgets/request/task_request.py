"""TaskRequest: everything one asks of the service for one clip, checked before anything is sent.

A request is immutable. Fields left None are open: the service's default applies, and `TaskRequest.to_dict`
spells the ones that decide size, length and price, so that what was estimated is what is asked for. All
faults are reported at once. `from_dict` reads a body back, which is how tasks made elsewhere, the log and
the simulator get a request.
"""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from seedance_widgets import catalog
from seedance_widgets.callsite import warn
from seedance_widgets.errors import InvalidRequest, LegacyFlagsWarning, Problem
from seedance_widgets.request.fields import CONTENT, FIELDS, PARAMETERS, TASK_TYPE, RequestFields
from seedance_widgets.request.from_body import params_of
from seedance_widgets.request.model_options import Parameter, parameters_of
from seedance_widgets.request.rules import (
    DraftTask,
    as_several,
    convert_flags,
    find_flags,
    move_media,
    read_value,
    request_problems,
    unknown_parameter,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from seedance_widgets.catalog.model import Model
    from seedance_widgets.inputs.medium import Medium

__all__ = ["DraftTask", "TaskRequest", "mode_of"]


def _data_url(medium: Medium) -> str:
    return medium.data_url


@dataclass(frozen=True, repr=False)
class TaskRequest(RequestFields):
    """One request for one clip.

    Parameters
    ----------
    prompt
        What to show; may be empty where there is a picture.
    model
        Dated id, short name, or ``ep-...@name``; the catalog's default when None.
    first_frame, last_frame
        Pictures: path, URL, data URL, ``asset://`` id, bytes or PIL image.
    reference_images
        Pictures to take subjects from; the prompt names them ``[Image 1]``, ``[Image 2]``...
    reference_videos
        Clips, named ``[Video 1]``...: address, ``asset://`` id, `Task`, or `VideoInput` with its length.
    reference_audios
        Sounds, named ``[Audio 1]``...: path, address, data URL, ``asset://`` id or bytes.
    draft_task
        Task id of a draft, a `DraftTask` or a `Task`: make the final of it.
    resolution, ratio
        As in ``"720p"`` and ``"16:9"``; ``"adaptive"`` follows the picture.
    duration, frames
        Length in seconds, or in frames (25 + 4n); one of the two.
    seed
        Whole number; -1 and None leave the choice to `Studio`, which always picks and logs one.
    camera_fixed, watermark, generate_audio, draft, return_last_frame
        Switches; ``generate_audio`` is on by default where a model has sound.
    omni_reference_task_type
        What is made of the references, on 2.5: ``"auto"``, ``"reference"``, ``"edit"`` (a clip, changed) or
        ``"extend"`` (what comes after a clip, without it).
    output_format
        ``"mp4"`` or ``"mov"``, on 2.5.
    web_search
        Whether the model may search the web, for text alone, on 2.x.
    service_tier
        ``"default"``, or ``"flex"`` for half the price and hours of patience.
    execution_expires_after
        Seconds from creation until an unfinished task expires.
    callback_url, safety_identifier, priority
        Passed on.
    extra
        Further body fields; its ``content`` list is appended to the content items.

    Raises
    ------
    InvalidRequest
        With every fault in ``problems``.
    """

    spec: Model = field(init=False, repr=False, compare=False)
    mode: str = field(init=False, compare=False)
    _sketch: str | None = field(init=False, repr=False, compare=False, default=None)

    def __post_init__(self) -> None:
        self._settle(sketch=None)

    @classmethod
    def sketch(cls, *, mode: str = "", **params: Any) -> TaskRequest:
        """A request whose content is still open, for `estimate`: the prompt and pictures may be missing.

        ``mode`` is what it is meant to become, the model's first one by default.
        """
        request = object.__new__(cls)
        if unknown := params.keys() - FIELDS.keys():
            raise InvalidRequest([unknown_parameter(name, params[name]) for name in sorted(unknown)])
        for name in FIELDS:
            object.__setattr__(request, name, params.get(name))
        request._settle(sketch=mode)
        return request

    @classmethod
    def from_params(cls, prompt: str = "", **params: Any) -> TaskRequest:
        """As the constructor, but an unknown name is one more of the reported problems."""
        unknown = [unknown_parameter(name, value) for name, value in params.items() if name not in FIELDS]
        try:
            request = cls(prompt=prompt, **{k: v for k, v in params.items() if k in FIELDS})
        except InvalidRequest as error:
            raise InvalidRequest([*unknown, *error.problems]) from None
        if unknown:
            raise InvalidRequest(unknown)
        return request

    @classmethod
    def from_flags(cls, prompt: str, **params: Any) -> TaskRequest:
        """Turn ``--rs 720p --dur 5`` suffixes of the prompt into parameters; ``params`` win over them."""
        text, found = convert_flags(prompt)
        return cls.from_params(text, **{**found, **params})

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> TaskRequest:
        """Read a request body back; JSON null counts as absent."""
        params = params_of(body)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", LegacyFlagsWarning)
            return cls(**params)

    def replace(self, **changes: Any) -> TaskRequest:
        """A copy with some fields changed, checked anew; of a sketch, a sketch."""
        changed = {**{name: getattr(self, name) for name in FIELDS}, **changes}
        if self._sketch is None:
            return TaskRequest.from_params(**changed)
        return TaskRequest.sketch(mode=self._sketch, **changed)

    def __repr__(self) -> str:
        values = {name: getattr(self, name) for name in FIELDS}
        given = (f"{name}={value!r}" for name, value in values.items() if value not in (None, "", (), {}))
        return f"TaskRequest({', '.join(given)})"

    @property
    def kind(self) -> str:
        """``draft``, ``final`` (made from a draft) or ``standard``."""
        return "draft" if self.draft else "final" if self.draft_task else "standard"

    @property
    def has_video_input(self) -> bool:
        """Whether a clip is among the inputs, which has a price of its own."""
        return bool(self.reference_videos)

    def parameters(self) -> Mapping[str, Parameter]:
        """What this request's model takes in its mode."""
        return self._parameters

    @cached_property
    def _parameters(self) -> Mapping[str, Parameter]:
        # asked for a dozen times while a request is checked, priced and logged, and always the same
        return parameters_of(self.spec, self.mode, draft=bool(self.draft))

    def effective(self, name: str) -> Any:
        """The value that counts: the one given, else the draft's, else the service's default."""
        value = getattr(self, name)
        if value is None and self.draft_task is not None:
            value = getattr(self.draft_task, name, None)
        if value is None and not (name == "duration" and self.effective("frames") is not None):
            value = self.parameters()[name].default
        return value

    def to_dict(self, *, address: Callable[[Medium], str] = _data_url) -> dict[str, Any]:
        """The request body; only what is set or decides size, length and price is in it.

        ``address`` gives the ``url`` of each picture, clip and sound: its data URL or address by default.
        """
        body = {"model": self.spec.wire_id, "content": list(self._content(address))}
        for name, parameter in self.parameters().items():
            value = getattr(self, name)
            if value is None and PARAMETERS[name].spelled and not (name == "duration" and self.frames):
                value = parameter.default
            if value is None or not parameter.is_offered:
                continue
            if tool := PARAMETERS[name].tool:
                body |= {"tools": [*body.get("tools", ()), {"type": tool}]} if value else {}
            else:
                body[name] = value
        return {**body, **{key: value for key, value in self.extra.items() if key != "content"}}

    def to_json(self) -> str:
        """`to_dict` as JSON text."""
        return json.dumps(self.to_dict(), ensure_ascii=False)

    def _content(self, address: Callable[[Medium], str]) -> Iterator[dict[str, Any]]:
        if self.prompt:
            yield {"type": "text", "text": self.prompt}
        for row, media in self.media():
            for medium in media:
                yield {"type": row.content, row.content: {"url": address(medium)}, "role": row.role}
        if self.draft_task is not None:
            yield {"type": "draft_task", "draft_task": {"id": self.draft_task.id}}
        yield from self.extra.get("content", ())

    # --- settling: types first, then the catalog's rules, then rules across fields -----------------------

    def _settle(self, *, sketch: str | None) -> None:
        """Normalise the fields and check them; ``sketch`` is None for a request meant to be sent."""
        object.__setattr__(self, "_sketch", sketch)
        problems: list[Problem] = []
        extra, moved = move_media(self.extra)
        object.__setattr__(self, "extra", extra)
        for name, row in FIELDS.items():
            given = getattr(self, name)
            if added := moved.get(name):
                given = (*as_several(given), *added)
            object.__setattr__(self, name, read_value(row, given, problems))
        try:
            wanted = self.model or (self.draft_task and self.draft_task.model)
            spec = catalog.find(wanted) if wanted else catalog.default_model()
        except InvalidRequest as error:
            raise InvalidRequest([*problems, *error.problems]) from None
        object.__setattr__(self, "spec", spec)
        open_mode = "text" if sketch is None else sketch or spec.modes[0]
        object.__setattr__(self, "mode", mode_of(vars(self), spec) or open_mode)
        if any(p.parameter.startswith(tuple(row.name for row in CONTENT)) for p in problems):
            # Without its prompt or a picture the request has another mode: what its rules say would mislead.
            raise InvalidRequest(problems)
        refused = {problem.parameter for problem in problems}
        later = request_problems(self, spec, self.mode, self.parameters(), sketch=sketch is not None)
        if problems := [*problems, *(problem for problem in later if problem.parameter not in refused)]:
            raise InvalidRequest(list({(p.parameter, p.reason): p for p in problems}.values()))
        if flags := find_flags(self.prompt):
            names = ", ".join(name for name, _ in flags)
            warn(
                f"the prompt sets {names} by --flags, which the service reads leniently: a wrong value "
                "silently becomes the default, and no estimate sees it. "
                "TaskRequest.from_flags(prompt, ...) turns them into parameters.",
                LegacyFlagsWarning,
            )


def mode_of(fields: Mapping[str, Any], spec: Model) -> str | None:
    """What a request with these fields is made from, None where that is still open."""
    if (wanted := fields.get(TASK_TYPE)) in spec.modes and not fields.get("draft_task"):
        return str(wanted)
    for row in reversed(CONTENT):
        if row.mode and fields.get(row.name):
            return row.mode
    return "text" if fields.get("prompt") else None
