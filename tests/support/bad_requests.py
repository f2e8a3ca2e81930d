"""Bad requests generated from the catalog file: every parameter's nearest illegal value, and each cross rule.

The file is read here anew, not through the package, and bodies are built by hand.
"""

from __future__ import annotations

import base64
import io
import tomllib
import wave
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
from PIL import Image

import seedance_widgets as sw

CATALOG = Path(__file__).parents[2] / "seedance_widgets" / "catalog" / "catalog.toml"
PICTURE = "https://example.com/fox.png"
CLIP = "https://example.com/fox.mp4"
SOUND = "https://example.com/fox.mp3"
RATIOS = ["16:9", "4:3", "1:1", "3:4", "9:16", "21:9"]


@dataclass
class Bad:
    """A request with one fault: the parameter to be named, and a word of what is legal."""

    label: str
    model: str
    params: dict[str, Any]
    parameter: str
    legal: str
    mode: str = "text"
    client_only: bool = False
    raw: dict[str, Any] = field(default_factory=dict)

    def fields(self) -> dict[str, Any]:
        given = {"model": self.model, **inputs(self.mode), **self.params}
        return {name: value for name, value in given.items() if value is not None}

    def body(self) -> dict[str, Any]:
        given = self.fields()
        content = []
        if given.get("prompt"):
            content.append({"type": "text", "text": given.pop("prompt")})
        given.pop("prompt", None)
        for name, role in (("first_frame", "first_frame"), ("last_frame", "last_frame")):
            if name in given:
                content.append(picture(given.pop(name), role))
        content += [picture(each, "reference_image") for each in given.pop("reference_images", ())]
        for name, kind in (("reference_videos", "video"), ("reference_audios", "audio")):
            for each in given.pop(name, ()):
                url = getattr(each, "address", each)
                url = url if isinstance(url, str) else sound_url(url)
                content.append(
                    {"type": f"{kind}_url", f"{kind}_url": {"url": url}, "role": f"reference_{kind}"}
                )
        if given.pop("web_search", False):
            given["tools"] = [{"type": "web_search"}]
        if "draft_task" in given:
            content.append({"type": "draft_task", "draft_task": {"id": given.pop("draft_task")}})
        return {"content": content, **given}


def inputs(mode: str) -> dict[str, Any]:
    return {
        "text": {"prompt": "a fox"},
        "first_frame": {"prompt": "a fox", "first_frame": PICTURE},
        "first_last_frame": {"prompt": "a fox", "first_frame": PICTURE, "last_frame": PICTURE},
        "reference": {"prompt": "a fox", "reference_images": [PICTURE]},
        "edit": {"prompt": "a fox", "reference_videos": [CLIP], "omni_reference_task_type": "edit"},
        "extend": {"prompt": "a fox", "reference_videos": [CLIP], "omni_reference_task_type": "extend"},
        "from_draft": {"draft_task": "cgt-20260101000000-aaaa"},
    }[mode]


def picture(url: Any, role: str) -> dict[str, Any]:
    if isinstance(url, bytes):
        url = f"data:image/{image_kind(url)};base64," + base64.b64encode(url).decode()
    return {"type": "image_url", "image_url": {"url": url}, "role": role}


def sound_url(data: bytes) -> str:
    kind = "wav" if data[:4] == b"RIFF" else "flac"
    return f"data:audio/{kind};base64," + base64.b64encode(data).decode()


def sound(seconds: float, kind: str = "wav", rate: int = 8000) -> bytes:
    """Silence, as a file."""
    if kind == "wav":
        out = io.BytesIO()
        with wave.open(out, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(rate)
            file.writeframes(bytes(2 * round(seconds * rate)))
        return out.getvalue()
    out = io.BytesIO()
    with av.open(out, "w", format=kind) as container:
        stream = container.add_stream(kind, rate=rate, layout="mono")
        frame = av.AudioFrame(format="s16", layout="mono", samples=round(seconds * rate))
        frame.sample_rate = rate
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    return out.getvalue()


def image_kind(data: bytes) -> str:
    return Image.open(io.BytesIO(data)).format.lower()


def encoded(width: int, height: int, kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(out, kind)
    return out.getvalue()


def all_bad() -> list[Bad]:
    document = tomllib.loads(CATALOG.read_text("utf-8"))
    cases: list[Bad] = []
    for model in document["model"]:
        cases += of_model(model, document["rules"])
    return cases


def of_model(model: dict[str, Any], rules: dict[str, Any]) -> list[Bad]:
    name, base = model["name"], model["modes"][0]
    cases: list[Bad] = []

    def bad(parameter: str, value: Any, legal: str, **more: Any) -> None:
        mode = more.pop("mode", base)
        extra = more.pop("extra", {})
        label = f"{name}-{mode}-{parameter}={str(value)[:20]}" + "".join(f"-{key}" for key in extra)
        cases.append(Bad(label, name, {parameter: value, **extra}, parameter, legal, mode, **more))

    for value in ("479p", "2161p", "hd"):
        bad("resolution", value, "480p")
    for value in ("15:9", "22:9", "wide"):
        bad("ratio", value, "16:9")
    low, high = model["duration"]["min"], model["duration"]["max"]
    for value in (low - 1, high + 1, 0, -2) + (() if model["duration"].get("auto") else (-1,)):
        bad("duration", value, f"{low} to {high}")
    if "frames" in model:
        for value in (25, 28, 30, 288, 290, 293):
            bad("frames", value, "29 to 289 in steps of 4")
        bad("frames", 57, "not together", extra={"duration": 5}, client_only=True)
    else:
        bad("frames", 57, "duration")
    if "seed" in model:
        bad("seed", model["seed"]["min"] - 1, "-1 to 4294967295")
        bad("seed", model["seed"]["max"] + 1, "-1 to 4294967295")
    else:
        bad("seed", 5, "takes no seed")
    if "priority" in model:
        bad("priority", -1, "0 to 9")
        bad("priority", 10, "0 to 9")
    else:
        bad("priority", 1, "takes no priority")
    bad("execution_expires_after", rules["execution_expires_after"]["min"] - 1, "3600 to 259200")
    bad("execution_expires_after", rules["execution_expires_after"]["max"] + 1, "3600 to 259200")
    bad("safety_identifier", "x" * 65, "64")
    bad("callback_url", "ftp://example.com/a", "http")
    bad("service_tier", "batch", "default")
    if "flex" not in model["tiers"]:
        bad("service_tier", "flex", "default")
    for flag in ("watermark", "return_last_frame", "camera_fixed", "generate_audio", "draft"):
        bad(flag, "yes", "true or false")
    bad("duration", 5.5, "whole number")
    # switches that a model lacks: the service passes them over
    for mode in model["modes"]:
        if mode not in model["camera_fixed"]:
            bad("camera_fixed", True, "cannot fix the camera", mode=mode, client_only=True)
        if "adaptive_only" in model and mode in model["adaptive_only"]:
            bad("ratio", "16:9", "adaptive", mode=mode)
        elif mode not in model["adaptive"]:
            bad("ratio", "adaptive", "16:9", mode=mode)
        for resolution in model["resolutions"]:
            if resolution not in model.get("resolutions_by_mode", {}).get(mode, model["resolutions"]):
                bad("resolution", resolution, "480p or 720p", mode=mode)
    if not model.get("audio"):
        bad("generate_audio", True, "silent", client_only=True)
    if "draft" not in model:
        bad("draft", True, "makes no drafts", client_only=True)
    else:
        cases += of_drafts(model)
    for flag, modes in (("web_search", model.get("web_search", [])),):
        for mode in model["modes"]:
            if mode not in modes:
                bad(flag, True, "searches no web", mode=mode)
    for name_, legal in (("output_format", "mp4"), ("omni_reference_task_type", "auto")):
        values = model.get(name_)
        bad(name_, "other", legal if values else "takes no")
    cases += of_content(model)
    cases += of_references(model, rules)
    return cases


def of_references(model: dict[str, Any], rules: dict[str, Any]) -> list[Bad]:
    """Clips and sounds: on both sides of how many, how long, how large, of what kind, and with what they go."""
    name = model["name"]
    cases: list[Bad] = []

    def bad(label: str, parameter: str, legal: str, mode: str = "reference", **params: Any) -> None:
        raw = params.pop("client_only", False)
        cases.append(Bad(f"{name}-{label}", name, params, parameter, legal, mode, client_only=raw))

    if "videos" not in model:
        bad("no-clips", "reference_videos", "takes no clips", model["modes"][0], reference_videos=[CLIP])
        bad("no-sounds", "reference_audios", "takes no sounds", model["modes"][0], reference_audios=[SOUND])
        return cases
    for parameter, kind, address in (
        ("reference_videos", "videos", CLIP),
        ("reference_audios", "audios", SOUND),
    ):
        most = model[kind]["max"]
        bad(f"{kind}-too-many", parameter, f"at most {most}", **{parameter: [address] * (most + 1)})
        bad(f"{kind}-mixed", parameter, "not together", "first_frame", **{parameter: [address]})
    low, high = model["videos"]["seconds_min"], model["videos"]["seconds_max"]
    for seconds in (low - 0.1, high + 0.1):
        clip = sw.VideoInput(CLIP, seconds=seconds)
        bad(
            f"clip-{seconds}",
            "reference_videos[0]",
            f"{low} to {high} s",
            reference_videos=[clip],
            client_only=True,
        )
        bad(
            f"sound-{seconds}", "reference_audios[0]", f"{low} to {high} s", reference_audios=[sound(seconds)]
        )
    halves = [high / 2 + 0.1] * 2
    clips = [sw.VideoInput(CLIP, seconds=each) for each in halves]
    bad("clips-together", "reference_videos", f"at most {high} s", reference_videos=clips, client_only=True)
    bad(
        "sounds-together",
        "reference_audios",
        f"at most {high} s",
        reference_audios=[sound(each) for each in halves],
    )
    bad("clip-kind", "reference_videos[0]", "mp4 or mov", reference_videos=["https://example.com/fox.avi"])
    large = sw.VideoInput(CLIP, size_bytes=rules["video"]["max_bytes"] + 1)
    bad("clip-bytes", "reference_videos[0]", "200.0 MB", reference_videos=[large], client_only=True)
    for pixels in (rules["video"]["pixels_min"] - 1, rules["video"]["pixels_max"] + 1):
        sized = sw.VideoInput(CLIP, width=pixels, height=1)
        legal = f"{rules['video']['pixels_min']:,}"
        bad(f"clip-{pixels}", "reference_videos[0]", legal, reference_videos=[sized], client_only=True)
    bad("sound-kind", "reference_audios[0]", "wav or mp3", reference_audios=[sound(3, "flac")])
    heavy = sound(4, rate=2_000_000)
    bad("sound-bytes", "reference_audios[0]", "15.0 MB", reference_audios=[heavy])
    if not model["audios"].get("alone", True):
        only = {"reference_images": (), "reference_audios": [SOUND]}
        bad("sounds-alone", "reference_audios", "only together", **only)
    if "edit" in model["modes"]:
        none = {"reference_videos": ()}
        bad("edit-none", "omni_reference_task_type", "reference_videos", "edit", **none)
        bad("extend-none", "omni_reference_task_type", "reference_videos", "extend", **none)
        least = rules["video"]["edit_seconds_min"]
        short = [sw.VideoInput(CLIP, seconds=least - 0.1)]
        bad(
            "edit-short",
            "reference_videos[0]",
            f"{least} s or more",
            "edit",
            reference_videos=short,
            client_only=True,
        )
        bad("edit-length", "duration", "-1 only", "edit", duration=5)
        bad("edit-frames", "frames", "duration", "edit", frames=57)
        bad("edit-frame", "reference_videos", "not together", "edit", first_frame=PICTURE)
        bad(
            "task-alone",
            "omni_reference_task_type",
            "needs a reference",
            "text",
            omni_reference_task_type="reference",
        )
    return cases


def of_drafts(model: dict[str, Any]) -> list[Bad]:
    name = model["name"]

    def bad(parameter: str, value: Any, legal: str, mode: str = "text", **params: Any) -> Bad:
        label = f"{name}-{mode}-{parameter}={str(value)[:20]}-draft"
        return Bad(label, name, {parameter: value, **params}, parameter, legal, mode)

    cases = [
        bad("resolution", "720p", "480p", draft=True),
        bad("return_last_frame", True, "not with draft", draft=True),
        bad("service_tier", "flex", "default", draft=True),
    ]
    fixed = {
        "prompt": "another fox", "first_frame": PICTURE, "generate_audio": True, "ratio": "1:1",
        "duration": 5, "camera_fixed": True,
    }  # fmt: skip
    if "seed" in model:
        fixed["seed"] = 3
    cases += [bad(key, value, "reused from the draft", "from_draft") for key, value in fixed.items()]
    return cases


def of_content(model: dict[str, Any]) -> list[Bad]:
    name, modes = model["name"], model["modes"]
    cases: list[Bad] = []

    def bad(label: str, parameter: str, legal: str, mode: str, **params: Any) -> None:
        cases.append(Bad(f"{name}-{label}", name, params, parameter, legal, mode))

    for mode, parameter in (
        ("text", "model"),
        ("first_frame", "first_frame"),
        ("first_last_frame", "last_frame"),
        ("reference", "reference_images"),
    ):
        if mode not in modes:
            bad(f"no-{mode}", parameter, "takes", mode)
    if "text" in modes:
        bad("empty", "prompt", "say what to show", "text", prompt=" ")
    if "first_last_frame" in modes:
        bad("last-alone", "last_frame", "needs a first_frame", "text", last_frame=PICTURE)
    if "reference" in modes:
        most = model["references"]["max"]
        bad(
            "too-many",
            "reference_images",
            f"at most {most}",
            "reference",
            reference_images=[PICTURE] * (most + 1),
        )
        bad("mixed", "reference_images", "not together", "reference", first_frame=PICTURE)
    if "first_frame" in modes:
        for label, data, legal in (
            ("small", encoded(300, 400), "301"),
            ("large", encoded(6000, 3000), "5999"),
            ("narrow", encoded(400, 1000), "0.4"),
            ("wide", encoded(1000, 400), "2.5"),
            ("format", encoded(400, 400, "PPM"), "jpeg"),
        ):
            bad(f"image-{label}", "first_frame", legal, "first_frame", first_frame=data)
    return cases
