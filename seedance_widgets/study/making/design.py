"""What a study compares: arms, items and seeds, and the request of every clip.

A template holds ``{item}``, or the ``{key}`` of items that are dicts (see `request.templates`). Items may be
the rows of a DataFrame, of which the columns that a template uses count.
"""

from __future__ import annotations

import operator
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from seedance_widgets.errors import InvalidRequest, InvalidStudy
from seedance_widgets.inputs.audio import load_audio
from seedance_widgets.inputs.given import is_picture_object
from seedance_widgets.inputs.image import Image, load_image
from seedance_widgets.inputs.video import load_video
from seedance_widgets.request.rules import as_several
from seedance_widgets.request.tables import is_frame, several
from seedance_widgets.request.task_request import TaskRequest
from seedance_widgets.request.templates import fill_in, names_in

__all__ = ["Clip", "Design", "Slot", "design_of"]

# arm, item (None without items), seed: what a clip stands for
Slot = tuple[str, str | None, int]

_ITEM = "item"
_NAME = "name"
_SEEDS = 1 << 31
_LONGEST = 128
_ARMS = 2


@dataclass(frozen=True)
class Clip:
    """One clip of a study: its arm, item (None without items) and seed, and what is asked of the service.

    A model that takes no seed is not sent one, and a model that may not follow seeds is sent none that was
    drawn; the clip stands for it all the same.
    """

    arm: str
    item: str | None
    seed: int
    request: TaskRequest = field(repr=False, compare=False)

    @property
    def slot(self) -> Slot:
        """Arm, item and seed."""
        return (self.arm, self.item, self.seed)


@dataclass(frozen=True)
class Design:
    """Arms by name with all their parameters, items by name with their values, seeds and criteria.

    ``drawn`` says that the seeds were drawn, and not given. ``items`` is empty for a study of seeds alone.
    """

    arms: Mapping[str, Mapping[str, Any]]
    items: Mapping[str, Mapping[str, Any]]
    seeds: tuple[int, ...]
    drawn: bool
    criteria: tuple[str, ...] = ()

    def with_seeds(self, seeds: Sequence[int]) -> Design:
        """The same design with seeds that were drawn before."""
        return replace(self, seeds=tuple(seeds))

    @property
    def item_names(self) -> list[str | None]:
        """The items' names, or one None."""
        return [*self.items] or [None]

    @property
    def cells(self) -> list[tuple[str | None, int]]:
        """Every item and seed; all arms are made on each."""
        return [(item, seed) for seed in self.seeds for item in self.item_names]

    @cached_property
    def requests(self) -> Mapping[tuple[str, str | None], TaskRequest]:
        """The request of each arm and item, without a seed.

        Raises
        ------
        InvalidRequest
            A request of an arm has a fault; ``problems`` has all faults of all arms.
        """
        made, problems = {}, []
        for arm, params in self.arms.items():
            for item in self.item_names:
                values = self.items[item] if item is not None else {}
                try:
                    made[arm, item] = TaskRequest.from_params(**fill_in(params, values, InvalidStudy))
                except InvalidRequest as error:
                    problems += [
                        replace(problem, parameter=f"{arm}: {problem.parameter}")
                        for problem in error.problems
                    ]
        if problems:
            raise InvalidRequest(list({(p.parameter, p.reason): p for p in problems}.values()))
        return made

    @cached_property
    def clips(self) -> tuple[Clip, ...]:
        """Every clip, all arms of an item and seed in a row: a run that ends early leaves whole pairs."""
        return tuple(
            Clip(arm, item, seed, _with_seed(self.requests[arm, item], seed, drawn=self.drawn))
            for item, seed in self.cells
            for arm in self.arms
        )

    @property
    def arms_without_seed(self) -> tuple[str, ...]:
        """Arms whose model takes no seed, or may not follow it: their clips may differ by chance."""
        return tuple(
            arm
            for arm in self.arms
            if not any(_follows_seed(self.requests[arm, item]) for item in self.item_names)
        )


def design_of(
    arms: Mapping[str, str | Mapping[str, Any]],
    items: Sequence[str | Mapping[str, Any]] | None,
    seeds: int | Sequence[int],
    criteria: Sequence[str],
    params: Mapping[str, Any],
    *,
    fill: Callable[[str, dict[str, Any]], dict[str, Any]] = lambda _, given: given,
) -> Design:
    """A design from what `Studio.study` is given.

    ``fill`` is given an arm's name and parameters, and returns them with what they leave open.

    Raises
    ------
    InvalidStudy
        The study makes no sense: fewer than two arms, items that no arm uses, arms that are the same...
    InvalidRequest
        The service would refuse an arm's requests; every fault is in ``problems``.
    """
    if not isinstance(arms, Mapping):
        raise InvalidStudy(f"arms is a dict of names to templates, not a {type(arms).__name__}")
    whole = {_name("arm", name): fill(name, _params(name, arm, params)) for name, arm in arms.items()}
    if len(whole) < _ARMS:
        raise InvalidStudy(f"a study compares two arms or more, not {len(whole)}")
    values = _items(_given_items(items, whole))
    _refuse_unused(whole, values)
    drawn = isinstance(seeds, int)
    asked = tuple(
        _name("criterion", each) for each in ([criteria] if isinstance(criteria, str) else criteria)
    )
    if len(set(asked)) < len(asked):
        raise InvalidStudy("a criterion is given twice")
    design = Design(whole, values, _seeds(seeds), drawn=drawn, criteria=asked)
    _refuse_same(design)
    # a name in the log is taken only by a study whose every clip can be asked for
    for request in design.requests.values():
        _with_seed(request, max(design.seeds), drawn=drawn)
    return design


def _params(name: str, arm: str | Mapping[str, Any], shared: Mapping[str, Any]) -> dict[str, Any]:
    own = {"prompt": arm} if isinstance(arm, str) else arm
    if not isinstance(own, Mapping):
        raise InvalidStudy(f"arm {name!r} is a template or a dict of parameters, not {type(arm).__name__}")
    params = {**shared, **own}
    if "seed" in params:
        raise InvalidStudy("seeds= gives the seeds of a study: all arms have the same")
    return {key: _read_media(key, value) for key, value in params.items()}


def _given_items(items: Any, arms: Mapping[str, Any]) -> list[Any] | None:
    """The items as a list; of a table the columns that an arm uses, and the name."""
    if items is None:
        return None
    try:
        given = several(items, "items")
    except InvalidRequest as error:
        what = error.problems[0]
        raise InvalidStudy(
            f"items is a list of texts or of dicts, or None: {what.value} {what.reason}"
        ) from None
    if not is_frame(items):
        return given
    columns = [str(name) for name in items.columns]
    used = {_NAME}.union(*(names_in(params, columns) for params in arms.values()))
    if used == {_NAME}:
        return given  # which is refused by name
    return [{key: value for key, value in row.items() if key in used} for row in given]


def _items(items: Sequence[str | Mapping[str, Any]] | None) -> dict[str, dict[str, Any]]:
    if items is None:
        return {}
    if isinstance(items, str) or not len(items):
        raise InvalidStudy("items is a list of texts or of dicts, or None")
    kinds = {isinstance(item, Mapping) for item in items}
    if len(kinds) > 1:
        raise InvalidStudy("items are all texts or all dicts")
    named: dict[str, dict[str, Any]] = {}
    for item in items:
        values = (
            {str(k): _load_unnamed(v) for k, v in item.items()}
            if isinstance(item, Mapping)
            else {_ITEM: item}
        )
        name = str(values.get(_NAME) or _name_of_item(values))
        if name in named:
            raise InvalidStudy(f"the item {name!r} is given twice")
        named[name] = values
    every = {key for values in named.values() for key in values}
    lacking = sorted(key for key in every if any(key not in values for values in named.values()))
    if lacking:
        raise InvalidStudy(f"some items have no {', '.join(map(repr, lacking))}, which others have")
    return named


def _name_of_item(values: Mapping[str, Any]) -> str:
    """A name for an item that has none, made from its values."""
    if set(values) == {_ITEM}:
        if not isinstance(values[_ITEM], str) or not values[_ITEM].strip():
            raise InvalidStudy(f"an item is a text or a dict, not {values[_ITEM]!r}")
        return str(values[_ITEM])
    return "; ".join(f"{key}: {_value_text(value)}" for key, value in values.items())


def _value_text(value: Any) -> str:
    if isinstance(value, Image):
        return f"{value.name} {(value.sha256 or '')[:8]}".strip()
    return value.name if isinstance(value, Path) else str(value)


def _read_media(key: str, value: Any) -> Any:
    """A parameter whose bytes and tasks are read once, here: all clips of an arm are made from the same."""
    if key == "reference_audios":
        sounds = as_several(value)
        return [load_audio(each) if isinstance(each, bytes | bytearray) else each for each in sounds]
    if key == "reference_videos":
        return [load_video(each) if hasattr(each, "as_video") else each for each in as_several(value)]
    return _load_unnamed(value)


def _load_unnamed(value: Any) -> Any:
    """A picture given as an object or as bytes, read once, here; any other value as it is."""
    return load_image(value) if is_picture_object(value) else value


def _seeds(seeds: int | Sequence[int]) -> tuple[int, ...]:
    if isinstance(seeds, int) and not isinstance(seeds, bool):
        if seeds < 1:
            raise InvalidStudy(f"seeds={seeds}: at least 1")
        drawn: dict[int, None] = {}
        while len(drawn) < seeds:
            drawn[secrets.randbelow(_SEEDS)] = None
        return tuple(drawn)
    try:
        given = tuple(operator.index(seed) for seed in seeds)  # type: ignore[union-attr]  # or it is refused
    except TypeError:
        given = ()
    if not given or min(given) < 0:
        raise InvalidStudy(f"seeds={seeds!r}: how many are to be drawn, or a list of whole numbers from 0 on")
    if len(set(given)) < len(given):
        raise InvalidStudy("a seed is given twice")
    return given


def _name(what: str, name: Any) -> str:
    if not isinstance(name, str) or not name.strip() or len(name) > _LONGEST:
        raise InvalidStudy(f"{what} {name!r}: a name is a text of at most {_LONGEST} characters")
    return name


def _with_seed(request: TaskRequest, seed: int, *, drawn: bool) -> TaskRequest:
    is_sent = request.parameters()["seed"].is_offered and (request.spec.draws_seed or not drawn)
    return request.replace(seed=seed) if is_sent else request


def _follows_seed(request: TaskRequest) -> bool:
    return request.parameters()["seed"].is_offered and request.spec.draws_seed


# --- what makes no sense --------------------------------------------------------------------------------


def _refuse_unused(arms: Mapping[str, Any], items: Mapping[str, Mapping[str, Any]]) -> None:
    if not items:
        if waiting := [name for name, params in arms.items() if names_in(params, [_ITEM])]:
            raise InvalidStudy(f"{{item}} in {', '.join(waiting)} waits for items, and there are none")
        return
    keys = list(next(iter(items.values())))
    used = {name: names_in(params, keys) for name, params in arms.items()}
    wanted = " or ".join(f"{{{key}}}" for key in keys)
    if without := [name for name, found in used.items() if not found]:
        raise InvalidStudy(
            f"the items are used by no template of {', '.join(without)}: write {wanted} where they belong"
        )
    unused = set(keys) - {_NAME} - {key for found in used.values() for key in found}
    if unused:
        raise InvalidStudy(f"no arm uses {', '.join(f'{{{key}}}' for key in sorted(unused))}")


def _refuse_same(design: Design) -> None:
    names = list(design.arms)
    for at, one in enumerate(names):
        for other in names[at + 1 :]:
            if all(design.requests[one, item] == design.requests[other, item] for item in design.item_names):
                raise InvalidStudy(f"{one} and {other} ask for the same: their clips would not differ")
