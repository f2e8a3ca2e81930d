"""The models, their sizes, limits and prices, as data read from ``catalog.toml``.

Models are retired and new ones arrive, so what a model takes is never written in code. The file is read
once, when first asked; `register` adds a model or overrides one for this process. Names resolve from the
dated id (``seedance-1-5-pro-251215``), the short name (``seedance-1-5-pro``), an alias, or an endpoint
id with its family (``ep-20260101-abcde@seedance-1-5-pro``). ``seedance-2.0`` and ``doubao-seedance-2-0``
are read as people write them.

>>> find("seedance-1-0-pro").size("1080p", "16:9")
(1920, 1088)
"""

from __future__ import annotations

import difflib
import time
import tomllib
from dataclasses import fields, is_dataclass, replace
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, get_args, get_origin, get_type_hints

from seedance_widgets.catalog.model import (
    ADAPTIVE,
    AudioRule,
    ImageRule,
    MinimumRule,
    Model,
    Price,
    Range,
    Rules,
    Source,
    VideoRule,
)
from seedance_widgets.errors import InvalidCatalogEntry, InvalidRequest, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd

__all__ = [
    "ADAPTIVE",
    "default_model",
    "default_models",
    "find",
    "frames_per_second",
    "models",
    "names_of",
    "price_of",
    "ratios",
    "register",
    "rules",
    "short_name",
    "sources",
    "to_pandas",
]

_INPUT_RULES: dict[str, type[Any]] = {"image": ImageRule, "video": VideoRule, "audio": AudioRule}
_families: dict[str, str] = {}  # endpoint id -> dated id, as named in this process

# --- asking ----------------------------------------------------------------------------------------------


def find(name: str) -> Model:
    """The model of that dated id, short name, alias, or ``endpoint@name``.

    Raises
    ------
    InvalidRequest
        The catalog has no such model; the message offers the nearest name.
    """
    known = _registry()
    endpoint, at, family = name.partition("@")
    wanted = (family if at else name).strip().lower() or "(none)"
    if not at:
        wanted = _families.get(wanted, wanted)
    plain = _plain_name(wanted)
    for model in known.values():
        own = (model.id, model.name, *model.aliases)
        if wanted == (model.endpoint or "").lower() or plain in map(_plain_name, own):
            if not at:
                return model
            # the service's answers, and the simulator, name the endpoint alone
            _families[endpoint.strip().lower()] = model.id.lower()
            return replace(model, endpoint=endpoint.strip())
    labels = {
        _plain_name(label): model.name
        for model in known.values()
        for label in (model.name, model.id, *model.aliases)
    }
    # a name cut short is not to be taken for a newer model of about that length, which costs more
    like = [label for label in labels if plain and label.startswith(plain)]
    like += difflib.get_close_matches(plain, labels, n=1, cutoff=0.3)
    close = [labels[label] for label in like]
    if wanted.startswith("ep-") and not at:
        reason, close = f'an endpoint id needs its model: "{name}@{default_model().name}"', []
    else:
        reason = "not in the catalog; it has " + ", ".join(model.name for model in known.values())
    problem = Problem("model", name, reason, nearest=close[0] if close else None)
    raise InvalidRequest([problem], refused="there is no such model")


def short_name(name: str) -> str:
    """A model's short name; a name that the catalog does not know stays as it is."""
    try:
        return find(name).name
    except InvalidRequest:
        return name


def models() -> tuple[Model, ...]:
    """Every known model, in catalog order."""
    return tuple(_registry().values())


def names_of(which: Callable[[Model], object]) -> list[str]:
    """Names of the models of which something is so, those that are live before those that are retired."""
    now = time.time()

    def is_retired(model: Model) -> bool:
        return model.retirement is not None and model.retirement.is_past(now)

    return [model.name for model in sorted(filter(which, models()), key=is_retired)]


def default_models() -> tuple[Model, ...]:
    """The model that the catalog prefers, and those that took its place one after the other."""
    followed: dict[str, Model] = {}
    model: Model | None = find(str(_document()["default_model"]))
    while model is not None and model.id not in followed:
        followed[model.id] = model
        successor = model.retirement and model.retirement.replacement
        model = find(successor) if successor else None
    return tuple(followed.values())


def default_model(at: float | None = None) -> Model:
    """The model taken when none is named: the preferred one, or its successor where it is retired.

    Parameters
    ----------
    at
        Seconds since 1970 UTC; now by default.
    """
    now = time.time() if at is None else at
    candidates = default_models()
    live = (model for model in candidates if model.retirement is None or not model.retirement.is_past(now))
    return next(live, candidates[-1])


def ratios() -> tuple[str, ...]:
    """The six aspect ratios with pixel sizes of their own."""
    return tuple(_document()["ratios"])


def frames_per_second() -> int:
    """Frames a second of every clip (24)."""
    return int(_document()["frames_per_second"])


@cache
def sources() -> dict[str, Source]:
    """The documents that the facts were read from, by short name."""
    return {name: Source(**entry) for name, entry in _document()["sources"].items()}


@cache
def rules() -> Rules:
    """Rules that all models share."""
    raw = dict(_document()["rules"])
    expires = raw.pop("execution_expires_after")
    parts = {name: _build(kind, raw.pop(name)) for name, kind in _INPUT_RULES.items()}
    return Rules(
        execution_expires_after=Range(expires["min"], expires["max"]),
        expires_after_default=expires["default"],
        **parts,
        **raw,
    )


def to_pandas() -> pd.DataFrame:
    """One row a model, resolution and ratio: pixels, tokens a second, and the default tier's price."""
    import pandas as pd

    rows = [
        {
            "model": model.name,
            "resolution": resolution,
            "ratio": ratio,
            "width": width,
            "height": height,
            "tokens_per_second": width * height * frames_per_second() / 1024,
            **{
                f"usd_per_million_{label}": getattr(
                    model.price_for(tier="default", resolution=resolution, audio=audio),
                    "usd_per_million",
                    None,
                )
                for label, audio in (("audio", True), ("silent", False))
            },
        }
        for model in models()
        for resolution, by_ratio in model.sizes.items()
        if resolution in model.resolutions
        for ratio, (width, height) in by_ratio.items()
    ]
    return pd.DataFrame(rows)


def _plain_name(name: str) -> str:
    """A name without what people leave out or write otherwise: the vendor's prefix, dots, case."""
    plain = name.strip().lower().replace(".", "-").replace("_", "-")
    return plain.removeprefix("doubao-").removeprefix("dreamina-")


# --- adding ----------------------------------------------------------------------------------------------


def register(name: str, /, *, like: str | None = None, **changes: Any) -> Model:
    """Add a model, or override parts of a known one, for this process.

    Parameters
    ----------
    name
        Of a known model: override it. Otherwise the new model's dated id (or ``ep-...`` endpoint id).
    like
        The known model that a new one starts from; without it every required field has to be given.
    **changes
        Fields of `Model` in ``catalog.toml``'s shape, e.g. ``price=[{"tier": "default",
        "usd_per_million": 1.8}]`` or ``duration={"min": 2, "max": 20}``.

    Raises
    ------
    InvalidCatalogEntry
        A field is unknown, missing or of the wrong shape. The catalog is unchanged.
    """
    known = _registry()
    try:
        base = find(like or name)
    except InvalidRequest:
        if like is not None:
            raise
        base = None
    if base is not None and like is None:
        entry = {**_entry(base), **changes}
    elif base is not None:
        id_key = {"endpoint": name, "id": base.id} if name.startswith("ep-") else {"id": name}
        entry = {**_entry(base), "name": name, "aliases": (), "retirement": None, **id_key, **changes}
    else:
        entry = {"id": name, "name": name, "title": name, "version": "", **changes}
    model = _model(entry)
    key = base.id if base is not None and like is None else (model.endpoint or model.id)
    known[key] = model
    return model


# --- reading ---------------------------------------------------------------------------------------------


@cache
def _document() -> dict[str, Any]:
    return tomllib.loads(resources.files(__name__).joinpath("catalog.toml").read_text("utf-8"))


@cache
def _registry() -> dict[str, Model]:
    return {entry["id"]: _model(entry) for entry in _document()["model"]}


def _entry(model: Model) -> dict[str, Any]:
    return {item.name: getattr(model, item.name) for item in fields(Model)}


def _model(entry: Mapping[str, Any]) -> Model:
    """Build a model from a table of catalog.toml, from keyword arguments, or from both."""
    raw = {"ratios": ratios(), **entry}
    try:
        if isinstance(raw["sizes"], str):
            family = dict(_document()["sizes"][raw["sizes"]])
            family.pop("source")
            raw["doubtful_sizes"] = family.pop("doubtful", ())
            raw["sizes"] = family
        raw["sizes"] = {
            resolution: {ratio: (int(w), int(h)) for ratio, (w, h) in by_ratio.items()}
            for resolution, by_ratio in raw["sizes"].items()
        }
        for key, kind in _PARTS.items():
            if key in raw:
                raw[key] = _build(kind, raw[key])
        raw["price"] = tuple(price_of(raw["name"], price) for price in raw.get("price", ()))
        raw["minimum_with_video"] = {
            resolution: _build(MinimumRule, rule)
            for resolution, rule in raw.get("minimum_with_video", {}).items()
        }
        raw["resolutions_by_mode"] = {
            mode: tuple(values) for mode, values in raw.get("resolutions_by_mode", {}).items()
        }
        return Model(**_tuples(raw))
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise InvalidCatalogEntry(
            f"{raw.get('id', 'the model')}: {error}. Fields are those of catalog.Model, "
            "in the shape of catalog.toml; the catalog is unchanged."
        ) from error


# fields of a model that are tables of their own, as a Range is
_PARTS: dict[str, type[Any]] = {
    name: kind
    for name, hint in get_type_hints(Model).items()
    for kind in (hint, *get_args(hint))
    if isinstance(kind, type) and is_dataclass(kind) and get_origin(hint) not in (tuple, dict)
}


def _build(kind: type[Any], value: Any) -> Any:
    return value if value is None or isinstance(value, kind) else kind(**_tuples(value))


def _tuples(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in raw.items()}


def price_of(model: str, value: Price | Mapping[str, Any]) -> Price:
    """A price of a model from a table in ``catalog.toml``'s shape, with its id.

    Raises
    ------
    ValueError, TypeError
        ``usd_per_million`` is no number of at least 0, or a field is not one of `Price`.
    """
    if isinstance(value, Price):
        return value
    raw: dict[str, Any] = {"tier": "default", **_tuples(value)}
    usd = raw.get("usd_per_million")
    if isinstance(usd, bool) or not isinstance(usd, int | float) or not usd >= 0:
        raise ValueError(f"usd_per_million is a number of at least 0, not {usd!r}")
    if raw.get("source") in sources():
        raw.setdefault("date", sources()[raw["source"]].date)
    sound = {None: "", True: "audio", False: "silent"}[raw.get("audio")]
    video = "video-in" if raw.get("video_input") else ""
    label = "/".join(filter(None, (model, raw["tier"], sound, video, "+".join(raw.get("resolutions") or ()))))
    raw.setdefault("id", f"{label}@{raw['date']}" if "date" in raw else f"{label}@registered:{usd:g}")
    return Price(**raw)
