"""TaskRequest: everything one asks of the service for one clip, checked before anything is sent.

A request is immutable. Fields left None are open: the service's default applies, and `TaskRequest.to_dict`
spells the ones that decide size, length and price, so that what was estimated is what is asked for. All
faults are reported at once. `from_dict` reads a body back, which is how tasks made elsewhere, the log and
the simulator get a request.
"""

from __future__ import annotations

import json
from dataclasses import InitVar, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from seedance_widgets import catalog
from seedance_widgets.callsite import warn
from seedance_widgets.errors import InvalidRequest, LegacyFlagsWarning, Problem
from seedance_widgets.request.fields import ARGUMENTS, CONTENT, FIELDS, PARAMETERS, TASK_TYPE, RequestFields
from seedance_widgets.request.from_body import params_of
from seedance_widgets.request.legacy_flags import (
    CONVERT,
    LEGACY_FLAGS,
    LENGTHS,
    REFUSE,
    SEND,
    SENT,
    read_flags,
    refused_flags,
    sent_flags,
    service_flags,
    take_flags,
)
from seedance_widgets.request.model_options import Parameter, parameters_of
from seedance_widgets.request.names import unknown_in_extra, unknown_parameter
from seedance_widgets.request.rules import DraftTask, as_several, move_media, read_value, request_problems

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
    legacy_flags
        What becomes of settings that the prompt spells as flags, as in ``--rs 720p --dur 5``. ``"convert"``
        moves them into the fields, where a field that is given wins, and warns once of all that it did.
        ``"send"`` leaves the prompt as it is, and sets the fields to what the service reads in it.
        ``"refuse"`` raises. ``"sent"`` is for a prompt that was sent before: it stays, and nothing is said.

    Raises
    ------
    InvalidRequest
        With every fault in ``problems``.
    """

    spec: Model = field(init=False, repr=False, compare=False)
    mode: str = field(init=False, compare=False)
    legacy_flags: InitVar[str] = field(default=CONVERT, kw_only=True)
    _sketch: str | None = field(init=False, repr=False, compare=False, default=None)
    _flags: str = field(init=False, repr=False, compare=False, default=CONVERT)

    def __post_init__(self, legacy_flags: str) -> None:
        self._settle(sketch=None, flags=legacy_flags)

    @classmethod
    def sketch(cls, *, mode: str = "", **params: Any) -> TaskRequest:
        """A request whose content is still open, for `estimate`: the prompt and pictures may be missing.

        ``mode`` is what it is meant to become, the model's first one by default.
        """
        request = object.__new__(cls)
        flags = params.pop("legacy_flags", CONVERT)
        if unknown := params.keys() - FIELDS.keys():
            raise InvalidRequest([unknown_parameter(name, params[name]) for name in sorted(unknown)])
        for name in FIELDS:
            object.__setattr__(request, name, params.get(name))
        request._settle(sketch=mode, flags=flags)
        return request

    @classmethod
    def from_params(cls, prompt: str = "", **params: Any) -> TaskRequest:
        """As the constructor, but an unknown name is one more of the reported problems."""
        unknown = [unknown_parameter(name, value) for name, value in params.items() if name not in ARGUMENTS]
        try:
            request = cls(prompt=prompt, **{k: v for k, v in params.items() if k in ARGUMENTS})
        except InvalidRequest as error:
            raise InvalidRequest([*unknown, *error.problems]) from None
        if unknown:
            raise InvalidRequest(unknown)
        return request

    @classmethod
    def from_flags(cls, prompt: str, **params: Any) -> TaskRequest:
        """Turn ``--rs 720p --dur 5`` suffixes of the prompt into parameters, unsaid; ``params`` win."""
        taken = take_flags(prompt, {name for name, value in params.items() if value is not None})
        if taken.problems:
            raise InvalidRequest(taken.problems)
        return cls.from_params(taken.prompt, **{**params, **taken.params})

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> TaskRequest:
        """Read a request body back as it is, flags in its prompt included; JSON null counts as absent."""
        return cls(**params_of(body), legacy_flags=SENT)

    def replace(self, **changes: Any) -> TaskRequest:
        """A copy with some fields changed, checked anew; of a sketch, a sketch.

        A prompt that stays is not read for flags again. Those of a new one win over the fields that stay, and
        a field that is changed wins over them.
        """
        anew = changes.get("prompt", self.prompt) != self.prompt or "legacy_flags" in changes
        flags = changes.pop("legacy_flags", self._flags)
        kept = {name: getattr(self, name) for name in FIELDS}
        if anew and flags != SENT:
            asked = take_flags(str(changes.get("prompt", self.prompt))).params
            kept |= dict.fromkeys(LENGTHS if asked.keys() & set(LENGTHS) else ())
            kept |= dict.fromkeys(asked)
        changed = {**kept, **changes, "legacy_flags": flags if anew else SENT}
        if self._sketch is None:
            request = TaskRequest.from_params(**changed)
        else:
            request = TaskRequest.sketch(mode=self._sketch, **changed)
        # of a request that was sent before only what is new is looked at
        extra = changes.get("extra") or {}
        if problems := list(unknown_in_extra(extra)):
            raise InvalidRequest(problems)
        object.__setattr__(request, "_flags", CONVERT if flags == SENT else flags)
        return request

    def __repr__(self) -> str:
        values = {name: getattr(self, name) for name in FIELDS}
        given = [f"{name}={value!r}" for name, value in values.items() if value not in (None, "", (), {})]
        if read_flags(self.prompt):
            given.append(f"legacy_flags={SENT!r}")
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
        """The value that counts: the one given, else the prompt's, the draft's, or the service's default."""
        value = getattr(self, name)
        if value is None:
            value = self._told.get(name)
        if value is None and self.draft_task is not None:
            value = getattr(self.draft_task, name, None)
        if value is None and not (name == "duration" and self.effective("frames") is not None):
            value = self.parameters()[name].default
        return value

    @cached_property
    def _told(self) -> Mapping[str, Any]:
        """What flags in the prompt ask for where no field does; a wrong one asks for the default."""
        told: dict[str, Any] = {}
        for name, said in service_flags(self.prompt)[1].items():
            problems: list[Problem] = []
            value, parameter = read_value(FIELDS[name], said, problems), self.parameters()[name]
            same = LENGTHS if name in LENGTHS else (name,)
            given = any(getattr(self, each) is not None or each in told for each in same)
            legal = parameter.is_offered and not problems and value is not None
            if legal and not given and parameter.fault(value, self.spec.name) is None:
                told[name] = value
        return told

    def to_dict(self, *, address: Callable[[Medium], str] = _data_url) -> dict[str, Any]:
        """The request body; only what is set or decides size, length and price is in it.

        ``address`` gives the ``url`` of each picture, clip and sound: its data URL or address by default.
        """
        body = {"model": self.spec.wire_id, "content": list(self._content(address))}
        # a default beside them would contradict flags of the prompt
        told = {*self._told, *(("duration",) if self.frames or "frames" in self._told else ())}
        for name, parameter in self.parameters().items():
            value = getattr(self, name)
            if value is None and PARAMETERS[name].spelled and name not in told:
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

    def _settle(self, *, sketch: str | None, flags: str) -> None:
        """Normalise the fields and check them; ``sketch`` is None for a request meant to be sent."""
        object.__setattr__(self, "_sketch", sketch)
        object.__setattr__(self, "_flags", CONVERT if flags == SENT else flags)
        problems: list[Problem] = []
        if flags not in (*LEGACY_FLAGS, SENT):
            problems.append(Problem("legacy_flags", flags, f"takes {', '.join(LEGACY_FLAGS)}"))
        # as given: a seed of -1 is read as none, and yet somebody has spoken
        given = {name for name in (*PARAMETERS, "model") if getattr(self, name) is not None}
        self._read_fields(problems)
        if flags == REFUSE:
            problems += refused_flags(self.prompt)
        taken = take_flags(self.prompt if flags == CONVERT else "", given)
        if flags == CONVERT:
            object.__setattr__(self, "prompt", taken.prompt)
        for name, value in taken.params.items():
            object.__setattr__(self, name, read_value(FIELDS[name], value, problems))
        problems += taken.problems
        try:
            self._check(problems, sketch=sketch, sent=flags == SENT)
        except InvalidRequest as error:
            raise InvalidRequest([taken.named(problem) for problem in error.problems]) from None
        said = taken.said
        if flags == SEND:
            said = sent_flags(self.prompt, self._told, given)
            for name, value in self._told.items():
                object.__setattr__(self, name, value)
        if said:
            warn(
                f"the prompt has --flags: {said}. "
                'legacy_flags="send" sends a prompt as it is, "refuse" lets no flag through.',
                LegacyFlagsWarning,
            )

    def _read_fields(self, problems: list[Problem]) -> None:
        """Bring each field into its plain type; clips and sounds in ``extra`` into the fields they have."""
        extra, moved = move_media(self.extra)
        object.__setattr__(self, "extra", extra)
        for name, row in FIELDS.items():
            value = getattr(self, name)
            if added := moved.get(name):
                value = (*as_several(value), *added)
            object.__setattr__(self, name, read_value(row, value, problems))

    def _check(self, problems: list[Problem], *, sketch: str | None, sent: bool) -> None:
        """Find the model and the mode, and raise for all that is wrong."""
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
        later = request_problems(
            self, spec, self.mode, self.parameters(), sketch=sketch is not None, sent=sent
        )
        if problems := [*problems, *(problem for problem in later if problem.parameter not in refused)]:
            raise InvalidRequest(list({(p.parameter, p.reason): p for p in problems}.values()))


def mode_of(fields: Mapping[str, Any], spec: Model) -> str | None:
    """What a request with these fields is made from, None where that is still open."""
    if (wanted := fields.get(TASK_TYPE)) in spec.modes and not fields.get("draft_task"):
        return str(wanted)
    for row in reversed(CONTENT):
        if row.mode and fields.get(row.name):
            return row.mode
    return "text" if fields.get("prompt") else None
