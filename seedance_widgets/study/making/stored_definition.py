"""A study's definition as JSON, by which the log recognises the study when a cell is run again.

The first one is kept in the log. A later one of the same name must say the same, in whatever order; it is
refused with what differs. Pictures are told by the hash of their bytes, so a file that has changed is seen.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from seedance_widgets.errors import InvalidStudy
from seedance_widgets.inputs.audio import Audio
from seedance_widgets.inputs.image import Image
from seedance_widgets.inputs.video import VideoInput
from seedance_widgets.request.fields import PICTURES
from seedance_widgets.request.rules import DraftTask

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from seedance_widgets.study.making.design import Design

__all__ = ["as_json", "match_stored", "stored_fill"]

_DRAWN = "drawn"


def as_json(design: Design) -> str:
    """The definition of a design."""
    parts: dict[str, Any] = {
        "arms": {name: _arm(design, name) for name in design.arms},
        "items": {name: _plain(values) for name, values in design.items.items()},
        "seeds": list(design.seeds),
        _DRAWN: design.drawn,
        "criteria": list(design.criteria),
    }
    return json.dumps(parts, ensure_ascii=False)


def stored_fill(stored: str, arm: str, given: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """An arm's parameters with what they leave open as the definition in the log has it.

    Parameters
    ----------
    stored
        The definition.
    arm
        Name of the arm; one that the definition lacks stays as it is given.
    given
        Its parameters.
    names
        Of the parameters that may have been filled in when the study was first made.
    """
    known = json.loads(stored)["arms"].get(arm, {})
    return {**{name: known[name] for name in names if known.get(name) is not None}, **given}


def match_stored(name: str, stored: str, design: Design) -> Design:
    """Check a design against the definition in the log; returns it with the seeds that were drawn first.

    Raises
    ------
    InvalidStudy
        The two differ; the message says where.
    """
    old = json.loads(stored)
    if design.drawn and old[_DRAWN] and len(old["seeds"]) == len(design.seeds):
        design = design.with_seeds(old["seeds"])
    new = json.loads(as_json(design))
    if new["seeds"] == old["seeds"]:
        new[_DRAWN] = old[_DRAWN]
    lines = list(_differences(old, new))
    if lines:
        raise InvalidStudy(
            f"this log has another study {name!r}; nothing was made or changed. What differs:\n"
            + "\n".join(f"  {line}" for line in lines)
            + "\nGive the new one a name of its own."
        )
    return design


def _arm(design: Design, name: str) -> dict[str, Any]:
    requests = {item or "": request for (arm, item), request in design.requests.items() if arm == name}
    pictures = {
        item: [image.sha256 or image.url for image in request.images] for item, request in requests.items()
    }
    others = {
        item: [
            medium.sha256 or medium.label
            for row, media in request.media()
            if row not in PICTURES
            for medium in media
        ]
        for item, request in requests.items()
    }
    return {
        **{key: _plain(value) for key, value in design.arms[name].items()},
        # the default may be another one tomorrow
        "model": ", ".join(sorted({request.spec.wire_id for request in requests.values()})),
        **({"pictures": pictures} if any(pictures.values()) else {}),
        **({"clips and sounds": others} if any(others.values()) else {}),
    }


def _plain(value: Any) -> Any:
    """A value as JSON can hold it; of any other kind of value its name."""
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, Image | Audio):
        return value.url or value.name
    if isinstance(value, VideoInput):
        return value.label
    if isinstance(value, DraftTask):
        return value.id
    if value is None or isinstance(value, str | int | float):
        return value
    return str(getattr(value, "id", None) or getattr(value, "name", value))


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """One line for each entry that only one of them has, or that differs."""
    for part, one in (("arms", "arm"), ("items", "item")):
        for name in old[part].keys() - new[part].keys():
            yield f"{one} {name!r} is missing"
        for name in new[part].keys() - old[part].keys():
            yield f"{one} {name!r} is new"
        for name in old[part].keys() & new[part].keys():
            before, after = _flat(old[part][name]), _flat(new[part][name])
            for path in sorted(before.keys() | after.keys()):
                if before.get(path) != after.get(path):
                    yield f"{one} {name!r}, {path}: {_text(before, path)} -> {_text(after, path)}"
    if old["seeds"] != new["seeds"]:
        drawn = f"{len(new['seeds'])} to be drawn" if new[_DRAWN] else new["seeds"]
        yield f"seeds: {old['seeds']} -> {drawn}"
    if old["criteria"] != new["criteria"]:
        yield f"criteria: {old['criteria']} -> {new['criteria']}"


def _flat(tree: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        path = f"{above}{key}"
        flat |= _flat(value, f"{path}.") if isinstance(value, dict) else {path: value}
    return flat


def _text(flat: Mapping[str, Any], path: str) -> str:
    return json.dumps(flat[path], ensure_ascii=False) if path in flat else "(not set)"
