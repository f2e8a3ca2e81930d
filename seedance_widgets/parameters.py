"""What a model takes, parameter by parameter, derived from the catalog.

`offered` is the one place that turns catalog data into choices, ranges and reasons. `TaskRequest` checks
values against it, the form draws its controls from it, and the simulator answers 400 by it.
"""

from __future__ import annotations

import difflib
import math
import re
from dataclasses import dataclass
from typing import Any

from seedance_widgets import catalog
from seedance_widgets.errors import Problem
from seedance_widgets.model import ADAPTIVE, Model, Range

__all__ = ["FROM_DRAFT", "MODE_TITLES", "Parameter", "offered"]

FROM_DRAFT = "from_draft"
MODE_TITLES = {
    "text": "text",
    "first_frame": "first frame",
    "first_last_frame": "first + last frame",
    "reference": "reference images",
    FROM_DRAFT: "final from draft",
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter as one model takes it in one mode.

    ``kind`` is "choice", "number", "flag" or "text". ``why_not`` is empty where the parameter is offered.
    ``where`` says what narrows the values. ``default`` is what the service takes when it is left open.
    ``ignored`` marks a flag that the service passes over where the model lacks it, instead of refusing it.
    """

    name: str
    kind: str
    default: Any = None
    choices: tuple[str, ...] = ()
    range: Range | None = None
    max_length: int | None = None
    why_not: str = ""
    where: str = ""
    ignored: bool = False

    @property
    def is_offered(self) -> bool:
        """Whether a value may be given at all."""
        return not self.why_not

    @property
    def takes(self) -> str:
        """The legal values in words."""
        if self.kind == "choice":
            return _listed(self.choices)
        if self.range is not None:
            step = f" in steps of {self.range.step}" if self.range.step > 1 else ""
            auto = ", or -1 (the model chooses)" if self.range.auto else ""
            return f"{self.range.min} to {self.range.max}{step}{auto}"
        return {"flag": "true or false"}.get(self.kind, f"text of at most {self.max_length} characters")

    def fault(self, value: Any, model: str) -> Problem | None:
        """What is wrong with a value of the right type, None if nothing is."""
        if not self.is_offered:
            # A flag that says what happens anyway asks for nothing.
            if self.kind == "flag" and value is False:
                return None
            return Problem(self.name, value, self.why_not, client_only=self.ignored)
        if self.kind == "choice" and value not in self.choices:
            reason = f"{model} takes {self.takes}{self.where}"
            return Problem(self.name, value, reason, nearest=self._nearest(value))
        if self.range is not None and value not in self.range:
            return Problem(self.name, value, f"{model} takes {self.takes}", nearest=self.range.nearest(value))
        if self.max_length is not None and len(value) > self.max_length:
            return Problem(self.name, value, f"takes {self.takes}", nearest=value[: self.max_length])
        return None

    def _nearest(self, value: str) -> str:
        """The choice whose number is nearest, or whose spelling is."""
        if value == ADAPTIVE:
            return str(self.default)
        wanted = _as_number(value)
        if wanted is not None:
            numbered = {choice: _as_number(choice) for choice in self.choices}
            near = {choice: abs(math.log(wanted / n)) for choice, n in numbered.items() if n}
            if near:
                return min(near, key=lambda choice: near[choice])
        close = difflib.get_close_matches(value, self.choices, n=1, cutoff=0.0)
        return close[0] if close else self.choices[0]


def offered(model: Model, mode: str, *, draft: bool = False) -> dict[str, Parameter]:
    """Every parameter of a request, for one model in one mode, by name.

    Parameters
    ----------
    model
        From the catalog.
    mode
        One of the model's modes, or `FROM_DRAFT`.
    draft
        Whether the request asks for a draft, which narrows the choice.
    """
    rules = catalog.rules()
    final = mode == FROM_DRAFT
    resolutions = (model.draft.resolution,) if draft and model.draft else model.resolutions_in(mode)
    default_resolution = str(model.defaults["resolution"])
    ratios = (*model.ratios, ADAPTIVE) if final else model.ratios_in(mode)

    def lacks(what: str) -> str:
        return f"{model.name} {what}"

    def without(condition: Any, reason: str) -> str:
        return "" if condition else reason

    reused = "reused from the draft and cannot be changed" if final else ""
    with_mode = f" with {MODE_TITLES[mode]}"
    with_draft = " with draft=True" if draft and model.draft else ""
    listed = [
        Parameter(
            "resolution",
            "choice",
            default=default_resolution if default_resolution in resolutions else resolutions[-1],
            choices=resolutions,
            where=with_draft or (with_mode if mode in model.resolutions_by_mode else ""),
        ),
        Parameter(
            "ratio",
            "choice",
            default=None if final else model.default_ratio(mode),
            choices=ratios,
            why_not=reused,
            where=with_mode,
        ),
        Parameter(
            "duration",
            "number",
            default=None if final else model.defaults["duration"],
            range=model.duration,
            why_not=reused,
        ),
        Parameter(
            "frames",
            "number",
            range=model.frames,
            why_not=reused or without(model.frames, lacks("sets its length by duration, not by frames")),
        ),
        Parameter(
            "seed", "number", range=model.seed, why_not=reused or without(model.seed, lacks("takes no seed"))
        ),
        Parameter(
            "camera_fixed",
            "flag",
            default=False,
            why_not=reused or _no_fixed_camera(model, mode),
            ignored=not final,
        ),
        Parameter("watermark", "flag", default=False),
        Parameter(
            "generate_audio",
            "flag",
            default=None if final else model.audio,
            why_not=reused or without(model.audio, lacks("makes silent clips")),
            ignored=not final,
        ),
        Parameter(
            "draft",
            "flag",
            default=False,
            why_not=("a final is no draft" if final else without(model.draft, lacks("makes no drafts"))),
            ignored=not final,
        ),
        Parameter(
            "service_tier",
            "choice",
            default="default",
            choices=("default",) if with_draft else model.tiers,
            where=with_draft,
        ),
        Parameter("return_last_frame", "flag", default=False, why_not=with_draft and f"not{with_draft}"),
        Parameter(
            "execution_expires_after",
            "number",
            default=rules.expires_after_default,
            range=rules.execution_expires_after,
        ),
        Parameter("callback_url", "text", max_length=2048),
        Parameter("safety_identifier", "text", max_length=rules.safety_identifier_max_length),
        Parameter(
            "priority", "number", default=0 if model.priority else None, range=model.priority,
            why_not=without(model.priority, lacks("takes no priority")),
        ),
    ]  # fmt: skip
    return {parameter.name: parameter for parameter in listed}


def _no_fixed_camera(model: Model, mode: str) -> str:
    if not model.camera_fixed:
        return f"{model.name} cannot fix the camera"
    if mode not in model.camera_fixed:
        return f"{model.name} cannot fix the camera with {MODE_TITLES[mode]}"
    return ""


def _as_number(text: str) -> float | None:
    """480 of "480p", 4096 / 1.78 of "4k", 1.78 of "16:9"; None of anything else."""
    if match := re.fullmatch(r"(\d+)p", text):
        return float(match[1]) or None
    if match := re.fullmatch(r"(\d+)k", text):
        return float(match[1]) * 540 or None
    if match := re.fullmatch(r"(\d+(?:\.\d+)?):(\d+(?:\.\d+)?)", text):
        return (float(match[1]) / float(match[2]) if float(match[2]) else 0.0) or None
    return None


def _listed(values: tuple[str, ...]) -> str:
    return values[0] if len(values) == 1 else ", ".join(values[:-1]) + " or " + values[-1]
