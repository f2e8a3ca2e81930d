"""What a model takes, parameter by parameter, derived from the catalog.

`parameters_of` is the one place that turns catalog data into choices, ranges and reasons. `TaskRequest`
checks values against it, the form draws its controls from it, and the simulator answers 400 by it.
"""

from __future__ import annotations

import difflib
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seedance_widgets import catalog
from seedance_widgets.catalog.model import ADAPTIVE, Model, Range
from seedance_widgets.errors import Problem
from seedance_widgets.request.fields import FROM_DRAFT, MODE_TITLES, PARAMETERS, TASK_MODES, TASK_TYPE, Kind

if TYPE_CHECKING:
    from seedance_widgets.request.fields import Field

__all__ = ["Parameter", "parameters_of"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter as one model takes it in one mode.

    ``why_not`` is empty where the parameter is offered. ``where`` says what narrows the values. ``default``
    is what the service takes when it is left open. ``ignored`` marks a flag that the service passes over
    where the model lacks it, instead of refusing it.
    """

    name: str
    kind: Kind
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
        if self.kind is Kind.CHOICE:
            return _join_words(self.choices)
        if self.range is not None:
            step = f" in steps of {self.range.step}" if self.range.step > 1 else ""
            auto = ", or -1 (the model chooses)" if self.range.auto else ""
            if self.range.min == self.range.max:
                return f"{self.range.min} only"
            return f"{self.range.min} to {self.range.max}{step}{auto}"
        return {Kind.FLAG: "true or false"}.get(self.kind, f"text of at most {self.max_length} characters")

    def fault(self, value: Any, model: str) -> Problem | None:
        """What is wrong with a value of the right type, None if nothing is."""
        if not self.is_offered:
            # A flag that says what happens anyway asks for nothing.
            if self.kind is Kind.FLAG and value is False:
                return None
            return Problem(self.name, value, self.why_not, client_only=self.ignored)
        if self.kind is Kind.CHOICE and value not in self.choices:
            reason = f"{model} takes {self.takes}{self.where}"
            return Problem(self.name, value, reason, nearest=self._nearest(value))
        if self.range is not None and value not in self.range:
            reason = f"{model} takes {self.takes}{self.where}"
            return Problem(self.name, value, reason, nearest=self.range.nearest(value))
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


def parameters_of(model: Model, mode: str, *, draft: bool = False) -> dict[str, Parameter]:
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
    with_draft = " with draft=True" if draft and model.draft else ""
    with_mode = f" with {MODE_TITLES[mode]}"
    tiers = ("default",) if with_draft else model.tiers
    ratios = (*model.ratios, ADAPTIVE) if final else model.ratios_in(mode)
    resolutions = _resolutions(model, mode, draft=draft)
    usual = str(model.defaults["resolution"])
    resolution = usual if usual in resolutions else resolutions[-1]
    is_narrowed = resolutions != model.resolutions
    where = with_draft or (with_mode if is_narrowed else "")
    ratio = None if final else model.default_ratio(mode)
    own: dict[str, dict[str, Any]] = {
        "resolution": {"default": resolution, "choices": resolutions, "where": where},
        "ratio": {"default": ratio, "choices": ratios, "where": with_mode},
        "duration": {
            "default": None if final else model.default_duration(mode),
            "range": model.durations_in(mode),
            "where": with_mode if mode in model.length_of_input else "",
        },
        "generate_audio": {"default": None if final else model.audio},
        "service_tier": {"default": "default", "choices": tiers, "where": with_draft},
        "return_last_frame": {"why_not": with_draft and f"not{with_draft}"},
        "execution_expires_after": {"default": rules.expires_after_default},
        "callback_url": {"max_length": 2048},
        "safety_identifier": {"max_length": rules.safety_identifier_max_length},
        "priority": {"default": 0 if model.priority else None},
    }
    if mode in TASK_MODES:
        own[TASK_TYPE] = {"choices": (mode,), "default": mode, "where": with_mode}
    elif types := model.omni_reference_task_type:
        # a type that is a mode makes the request one of that mode
        fitting = tuple(each for each in types if each not in model.modes or each == mode)
        own[TASK_TYPE] = {"choices": fitting, "where": with_mode}
    if final:
        reused = [name for name, row in PARAMETERS.items() if row.reused]
        refused = dict.fromkeys(reused, "reused from the draft and cannot be changed")
        others = {"draft": "a final is no draft", TASK_TYPE: "a final has no references of its own"}
        for name, why_not in {**refused, **others}.items():
            own[name] = {**own.get(name, {}), "why_not": why_not, "ignored": False}
    return {
        name: Parameter(name, row.kind, **{**_from_catalog(row, model, mode), **own.get(name, {})})
        for name, row in PARAMETERS.items()
    }


def _resolutions(model: Model, mode: str, *, draft: bool) -> tuple[str, ...]:
    if model.draft and draft:
        return (model.draft.resolution,)
    if model.draft and model.draft.finals and mode == FROM_DRAFT:
        return model.draft.finals
    return model.resolutions_in(mode)


def _from_catalog(row: Field, model: Model, mode: str) -> dict[str, Any]:
    """What a model, or the rules of all, say of a parameter by name: a range, choices, or a flag's modes.

    A parameter of which nothing is said is taken by all models.
    """
    takes = getattr(model, row.catalog or row.name, getattr(catalog.rules(), row.name, True))
    lacking = f"{model.name} {row.lacking or 'takes no ' + row.name.replace('_', ' ')}"
    if row.kind is Kind.FLAG:
        if takes and isinstance(takes, tuple):
            lacking, takes = f"{lacking} with {MODE_TITLES[mode]}", mode in takes
        # the service passes over a switch that the model lacks, but not a tool
        return {"default": False, "why_not": "" if takes else lacking, "ignored": not takes and not row.tool}
    if not takes:
        return {"why_not": lacking}
    if isinstance(takes, Range):
        return {"range": takes}
    return {"choices": takes, "default": takes[0]} if isinstance(takes, tuple) else {}


def _as_number(text: str) -> float | None:
    """480 of "480p", 4096 / 1.78 of "4k", 1.78 of "16:9"; None of anything else."""
    if match := re.fullmatch(r"(\d+)p", text):
        return float(match[1]) or None
    if match := re.fullmatch(r"(\d+)k", text):
        return float(match[1]) * 540 or None
    if match := re.fullmatch(r"(\d+(?:\.\d+)?):(\d+(?:\.\d+)?)", text):
        return (float(match[1]) / float(match[2]) if float(match[2]) else 0.0) or None
    return None


def _join_words(values: tuple[str, ...]) -> str:
    return values[0] if len(values) == 1 else ", ".join(values[:-1]) + " or " + values[-1]
