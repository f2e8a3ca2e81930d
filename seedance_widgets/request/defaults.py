"""What a studio fills into requests that leave it open: its model first of all.

The model is the studio's own, or the catalog's at the moment of asking: one that is retired is followed by
its successor. Whatever a request names itself stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seedance_widgets import catalog
from seedance_widgets.errors import InvalidRequest, Problem
from seedance_widgets.request.fields import FIELDS, PARAMETERS, Kind
from seedance_widgets.request.legacy_flags import take_flags
from seedance_widgets.request.model_options import parameters_of
from seedance_widgets.request.task_request import TaskRequest, mode_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from seedance_widgets.catalog.model import Model

__all__ = ["Defaults"]

_OF_ONE_CLIP = ("seed", "draft")
_FILLED = ["model", *(name for name in PARAMETERS if name not in _OF_ONE_CLIP)]
_LENGTHS = {"duration": "frames", "frames": "duration"}
_REFUSED = "the studio cannot have these defaults"
_OTHER_SERVICE = "doubao-"  # so the same models are called where BytePlus does not sell them


class Defaults:
    """Values for open fields of requests.

    Parameters
    ----------
    own
        Fields of `TaskRequest` by name, ``model`` among them or not. What differs from clip to clip is not
        among them: prompt, pictures, draft and seed.
    clock
        Seconds since 1970 UTC.
    is_byteplus
        Whether requests go to BytePlus, which calls the models ``doubao-...`` by other names.

    Raises
    ------
    InvalidRequest
        The values are not those of one legal request; every fault is in ``problems``.
    """

    def __init__(
        self, own: Mapping[str, Any] | None, *, clock: Callable[[], float], is_byteplus: bool = True
    ) -> None:
        self._clock = clock
        self._is_byteplus = is_byteplus
        self.own: dict[str, Any] = _check(own)
        try:
            TaskRequest.sketch(**self.fill({}))
        except InvalidRequest as error:
            raise InvalidRequest(error.problems, refused=_REFUSED) from None

    @property
    def model(self) -> str:
        """Name of the model that is taken where none is named."""
        return str(self.own.get("model") or self._live().name)

    def fill(self, params: Mapping[str, Any], prompt: str = "") -> dict[str, Any]:
        """A request's fields with what they leave open, as far as its model takes that in its mode.

        A final has all of it from its draft. What a flag in the prompt says is not left open.
        """
        given = {name: value for name, value in params.items() if value is not None}
        if "model" in given:
            given["model"] = self.name_of(given["model"])
        if "draft_task" in given:
            return {**params, **given}
        said = {*given, *take_flags(str(prompt or given.get("prompt") or "")).params}
        ours = {
            name: value
            for name, value in self.own.items()
            if name not in said and _LENGTHS.get(name) not in said
        }
        filled = {**params, **ours, "model": self.name_of(self.model), **given}
        return {name: value for name, value in filled.items() if name in given or _fits(name, value, filled)}

    def earlier(self, params: Mapping[str, Any], prompt: str = "") -> Iterator[dict[str, Any]]:
        """The fields as they may have been filled in before, by each default model; none if they name one.

        What is stored keeps its identity: it may have been made when another model was the default.
        """
        if _leaves_model_open(params):
            for model in reversed(catalog.default_models()):
                yield self.fill_as_then(model.name, params, prompt)

    def fill_as_then(self, model: str, params: Mapping[str, Any], prompt: str = "") -> dict[str, Any]:
        """As `fill`, at a time when this model was the default."""
        filled = self.fill(params, prompt)
        return {**filled, "model": model} if _leaves_model_open(params) else filled

    def name_of(self, model: Any) -> Any:
        """A model's name as it goes out from here: that of another service goes there as it is."""
        is_foreign = isinstance(model, str) and model.strip().lower().startswith(_OTHER_SERVICE)
        if not is_foreign or self._is_byteplus or "@" in model:
            return model
        return f"{model.strip()}@{catalog.find(model).name}"

    def _live(self) -> Model:
        return catalog.default_model(self._clock())


def _leaves_model_open(params: Mapping[str, Any]) -> bool:
    return params.get("model") is None and params.get("draft_task") is None


def _fits(name: str, value: Any, fields: Mapping[str, Any]) -> bool:
    """Whether a default goes with a request: its model, and what it is made from, may not take it."""
    if name not in PARAMETERS or value is None:
        return True
    try:
        spec = catalog.find(str(fields["model"]))
    except InvalidRequest:
        return True  # that is what it will be refused for
    mode = mode_of(fields, spec)
    if mode is None or mode not in spec.modes:
        return True
    offered = parameters_of(spec, mode, draft=fields.get("draft") is True)[name]
    return offered.fault(value, spec.name) is None


def _check(own: Mapping[str, Any] | None) -> dict[str, Any]:
    try:
        given = dict(own or {})
    except (TypeError, ValueError):
        problem = Problem("defaults", f"<{type(own).__name__}>", "must be a dict of a request's fields")
        raise InvalidRequest([problem], refused=_REFUSED) from None
    problems = [
        Problem(f"defaults: {name}", value, "is of one clip: give it with the request")
        if name in FIELDS
        else Problem(f"defaults: {name}", value, "no such parameter")
        for name, value in given.items()
        if name not in _FILLED or FIELDS[name].kind is Kind.EXTRA
    ]
    if problems:
        raise InvalidRequest(problems, refused=_REFUSED)
    return {name: value for name, value in given.items() if value is not None}
