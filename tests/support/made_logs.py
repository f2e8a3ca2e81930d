"""Logs made up row by row, with what they cost kept beside them in whole millionths of a cent.

Sizes and prices are written out here (tutorial and price page), so that nothing of the package decides what is
true.
"""

from __future__ import annotations

import datetime as dt
import random

import pandas as pd

_PRO, _OLD = "seedance-1-5-pro-251215", "seedance-1-0-pro-250528"
_SIZES = {
    _PRO: {
        "480p": {"16:9": (864, 496), "1:1": (640, 640)},
        "720p": {"16:9": (1280, 720), "1:1": (960, 960)},
        "1080p": {"16:9": (1920, 1080), "1:1": (1440, 1440)},
    },
    _OLD: {
        "480p": {"16:9": (864, 480), "1:1": (640, 640)},
        "720p": {"16:9": (1248, 704), "1:1": (960, 960)},
        "1080p": {"16:9": (1920, 1088), "1:1": (1440, 1440)},
    },
}
# USD per million tokens times a hundred: model, sound, tier
_PRICES = {
    (_PRO, True, "default"): 240, (_PRO, False, "default"): 120,
    (_PRO, True, "flex"): 120, (_PRO, False, "flex"): 60,
    (_OLD, None, "default"): 250, (_OLD, None, "flex"): 125,
}  # fmt: skip
_START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def clip(
    key,
    *,
    kind="standard",
    model=_PRO,
    resolution="720p",
    ratio="16:9",
    duration=5,
    audio=True,
    tier="default",
    status="succeeded",
    parent=None,
    verdict=None,
    study=None,
    at=0.0,
    simulated=False,
):
    """One row of a log, as a dict; ``at`` is in seconds from the start of 2026. ``cost`` is in 1e-8 USD."""
    audio = audio if model == _PRO else None
    width, height = _SIZES[model][resolution][ratio]
    tokens = width * height * (24 * duration + 1) // 1024
    if kind == "draft":
        tokens = tokens * (6 if audio else 7) // 10
    price = _PRICES[model, audio, tier]
    billed = status == "succeeded"
    settled = status not in {"queued", "running", "unknown"}
    return {
        "key": key, "task_id": f"cgt-{key}", "status": status, "kind": kind, "model": model,
        "resolution": resolution, "ratio": ratio, "width": width, "height": height, "duration": duration,
        "frames": 24 * duration + 1, "generate_audio": audio, "service_tier": tier,
        "tokens": tokens if billed else None,
        "usd": tokens * price / 1e8 if billed else 0.0 if settled else None,
        "est_tokens": tokens, "est_usd": tokens * price / 1e8,
        "price_id": f"{model}/{tier}", "created_at": _START + dt.timedelta(seconds=at),
        "parent_key": parent, "verdict": verdict, "study": study, "simulated": simulated,
        "cost": tokens * price if billed else 0 if settled else None,
    }  # fmt: skip


def year(count=5_000, seed=2026):
    """A year of so many tasks: drafts, their finals, and silent clips of an older model."""
    chance = random.Random(seed)
    rows = []
    while len(rows) < count:
        at = 31_536_000 * len(rows) / count
        key = f"t{len(rows):05d}"
        status = chance.choices(("succeeded", "failed", "expired"), (96, 3, 1))[0]
        ratio = chance.choices(("16:9", "1:1"), (4, 1))[0]
        duration = chance.choice((5, 5, 5, 10))
        if chance.random() < 0.2:
            tier = chance.choice(("default", "flex"))
            resolution = chance.choice(("480p", "720p", "1080p"))
            rows.append(
                clip(key, model=_OLD, resolution=resolution, ratio=ratio, duration=duration,
                     tier=tier, status=status, at=at)
            )  # fmt: skip
            continue
        audio = chance.random() < 0.8
        of_draft = {"ratio": ratio, "duration": duration, "audio": audio}
        draft = clip(key, kind="draft", resolution="480p", status=status, at=at, **of_draft)
        rows.append(draft)
        if status != "succeeded":
            continue
        accepted = chance.random() < (0.45 if audio else 0.25)
        if accepted and chance.random() < 0.9 and len(rows) < count:
            tier = chance.choices(("default", "flex"), (4, 1))[0]
            rows.append(
                clip(f"t{len(rows):05d}", kind="final", parent=key, tier=tier, at=at + 3_600,
                     resolution=chance.choice(("480p", "720p", "1080p")),
                     status=chance.choices(("succeeded", "failed"), (98, 2))[0], **of_draft)
            )  # fmt: skip
        # some people promote without a verdict, and forget to reject
        draft["verdict"] = chance.choices(("accept" if accepted else "reject", None), (8, 2))[0]
    return rows


def as_log(rows):
    """The rows as `Log.to_pandas` types them, without their ``cost``."""
    names = [name for name in clip("") if name != "cost"]
    frame = pd.DataFrame({name: pd.Series([row[name] for row in rows], dtype="object") for name in names})
    types = {
        **dict.fromkeys(("width", "height", "duration", "frames", "tokens", "est_tokens"), "Int64"),
        **dict.fromkeys(("usd", "est_usd"), "Float64"),
        **dict.fromkeys(("generate_audio", "simulated"), "boolean"),
        "created_at": "datetime64[us, UTC]",
    }
    return frame.astype({name: types.get(name, "string") for name in names}).set_index("key")
