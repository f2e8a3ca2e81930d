"""The fields of a request: one table, a row a field, that every other part derives its lists from.

`RequestFields` is the table and the typed class at once: `TaskRequest` inherits its attributes, and `FIELDS`
has the row of each by name. So a parameter that is added here is read and checked, sent and read back,
answered by the simulator, logged, told apart in captions, written as code, and has its control and its option
in ``%%seedance``. Two things are said elsewhere: which models take it, by the attribute of its name in
`catalog.model.Model`, and its column in the log, by the one in `log.row.TaskRow`, with a migration.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from enum import StrEnum, auto
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from seedance_widgets.inputs.image import Image
    from seedance_widgets.inputs.medium import Medium

__all__ = [
    "ARGUMENTS",
    "CONTENT",
    "FIELDS",
    "FROM_DRAFT",
    "MEDIA",
    "MODE_TITLES",
    "PARAMETERS",
    "PICTURES",
    "SEVERAL",
    "TASK_MODES",
    "TASK_TYPE",
    "Field",
    "Kind",
    "RequestFields",
]

FROM_DRAFT = "from_draft"
TASK_TYPE = "omni_reference_task_type"
TASK_MODES = ("edit", "extend")
"""Tasks of references that are modes of their own: one of them is what a request of that mode says."""
MODE_TITLES = {
    "text": "text",
    "first_frame": "first frame",
    "first_last_frame": "first + last frame",
    "reference": "references",
    "edit": "edit of a clip",
    "extend": "extension of a clip",
    FROM_DRAFT: "final from draft",
}


class Kind(StrEnum):
    """What a field holds, and with that how it is read, sent and shown."""

    MODEL = auto()
    EXTRA = auto()  # body fields that have no row here
    PROMPT = auto()
    PICTURE = auto()
    PICTURES = auto()
    VIDEOS = auto()
    AUDIOS = auto()
    DRAFT = auto()  # the task id of a draft
    CHOICE = auto()  # one of some words, in small letters
    NUMBER = auto()  # a whole number
    FLAG = auto()
    TEXT = auto()


@dataclass(frozen=True, slots=True)
class Field:
    """One row: what is known of a field by its name alone."""

    kind: Kind
    label: str = ""  # before its control
    name: str = ""  # set by the table
    main: int = 0  # place of its control, from 1, among those that are always shown
    more: int = 0  # the same, among "More parameters"
    hint: str = ""  # in its control while that is empty; the values that are taken by default
    content: str = ""  # type of its items in the body's content
    role: str = ""  # of such an item
    tool: str = ""  # type of the body's tool that it stands for
    mode: str = ""  # of a request that has it
    flags: tuple[str, ...] = ()  # names of its legacy flag in a prompt, as the service reads it
    aliases: str = ""  # what people and other services call it, with spaces between
    spelled: bool = False  # the service's default is sent too: it decides size, length or price
    unseen: bool = False  # it changes only how and when a clip is made
    reused: bool = False  # a final has it from its draft
    catalog: str = ""  # attribute of `Model` that says which models take it; that of its name by default
    lacking: str = ""  # after the name of a model that does not take it; "takes no <name>" by default
    answered: bool = False  # answers about a task tell it
    logged: bool = False  # what was asked for is in the log's column of its name


def _row(kind: Kind, label: str = "", *, default: Any = None, **says: Any) -> Any:
    """An attribute of the class, with its row of the table."""
    return field(default=default, metadata={"row": Field(kind, label, **says)})


# fmt: off
@dataclass(frozen=True)
class RequestFields:
    """The table. The order is that of `TaskRequest`'s arguments, and of the body."""

    prompt: str = _row(Kind.PROMPT, default="", aliases="prompt_text text_prompt text")
    model: str | None = _row(Kind.MODEL, aliases="model_name model_id engine endpoint endpoint_id")
    first_frame: Any = _row(
        Kind.PICTURE, "First frame", content="image_url", role="first_frame", mode="first_frame",
        aliases="image image_url image_path img input_image init_image prompt_image source_image picture "
        "start_image start_image_url start_frame first_image first_frame_image first_frame_url "
        "first_frame_image_url input_reference")
    last_frame: Any = _row(
        Kind.PICTURE, "Last frame", content="image_url", role="last_frame", mode="first_last_frame",
        aliases="end_image end_image_url end_frame image_tail tail_image tail_image_url last_image "
        "last_image_url last_frame_image last_frame_url last_frame_image_url final_frame")
    reference_images: Any = _row(
        Kind.PICTURES, "Reference images", content="image_url", role="reference_image", mode="reference",
        catalog="references", default=(),
        aliases="reference_image references reference_image_urls ref_images ref_image images image_urls "
        "image_list input_images subject_reference")
    reference_videos: Any = _row(
        Kind.VIDEOS, "Reference clips", content="video_url", role="reference_video", mode="reference",
        catalog="videos", default=(),
        aliases="reference_video reference_video_urls ref_videos ref_video video videos video_url video_urls "
        "input_video source_video")
    reference_audios: Any = _row(
        Kind.AUDIOS, "Reference sounds", content="audio_url", role="reference_audio", mode="reference",
        catalog="audios", default=(),
        aliases="reference_audio reference_audio_urls ref_audios ref_audio audios audio_url audio_urls "
        "input_audio")
    draft_task: Any = _row(Kind.DRAFT, mode=FROM_DRAFT, aliases="draft_task_id draft_id")
    resolution: str | None = _row(
        Kind.CHOICE, "Resolution", main=1, flags=("rs", "resolution"),
        aliases="res size quality video_size video_resolution video_quality output_resolution",
        spelled=True, answered=True, logged=True)
    ratio: str | None = _row(
        Kind.CHOICE, "Ratio", main=2, flags=("rt", "ratio"),
        aliases="ar aspect aspect_ratio video_aspect_ratio video_ratio",
        spelled=True, reused=True, answered=True, logged=True)
    duration: int | None = _row(
        Kind.NUMBER, "Seconds", main=3, flags=("dur", "duration"),
        aliases="seconds second secs sec length duration_seconds duration_sec duration_s num_seconds "
        "n_seconds video_length video_duration clip_length",
        spelled=True, reused=True, answered=True, logged=True)
    frames: int | None = _row(
        Kind.NUMBER, "Frames", main=4, flags=("frames",), reused=True, answered=True,
        aliases="num_frames n_frames number_of_frames frame_count video_frames frames_number",
        lacking="sets its length by duration, not by frames")
    seed: int | None = _row(
        Kind.NUMBER, "Seed", main=5, flags=("seed",), reused=True, answered=True,
        aliases="random_seed rng_seed noise_seed",
        hint="random, and logged")
    camera_fixed: bool | None = _row(
        Kind.FLAG, "Fixed camera", more=2, flags=("cf", "camerafixed", "camera_fixed"),
        aliases="fixed_camera fix_camera static_camera camera_lock lock_camera",
        reused=True, logged=True, lacking="cannot fix the camera")
    watermark: bool | None = _row(
        Kind.FLAG, "Watermark", more=3, flags=("wm", "watermark"), logged=True,
        aliases="add_watermark enable_watermark with_watermark has_watermark")
    generate_audio: bool | None = _row(
        Kind.FLAG, "Sound", main=6, spelled=True, reused=True, answered=True, logged=True,
        aliases="audio sound with_audio with_sound enable_audio enable_sound generate_sound has_audio "
        "add_audio",
        catalog="audio", lacking="makes silent clips")
    draft: bool | None = _row(
        Kind.FLAG, "Draft (cheap 480p preview)", more=1, answered=True, lacking="makes no drafts",
        aliases="draft_mode is_draft")
    omni_reference_task_type: str | None = _row(
        Kind.CHOICE, "Task of the references", more=9, lacking="takes no omni_reference_task_type",
        aliases="task_type reference_task_type")
    output_format: str | None = _row(
        Kind.CHOICE, "File format", more=10, answered=True, aliases="format video_format file_format")
    web_search: bool | None = _row(
        Kind.FLAG, "Search the web", more=11, tool="web_search", lacking="searches no web",
        aliases="enable_web_search search")
    service_tier: str | None = _row(
        Kind.CHOICE, "Tier", main=7, unseen=True, answered=True, logged=True, aliases="tier")
    return_last_frame: bool | None = _row(
        Kind.FLAG, "Keep the last frame", more=4, aliases="keep_last_frame with_last_frame")
    execution_expires_after: int | None = _row(
        Kind.NUMBER, "Expires after (s)", more=6, unseen=True, answered=True,
        aliases="expires_after expires_in")
    callback_url: str | None = _row(
        Kind.TEXT, "Callback URL", more=7, unseen=True, aliases="callback webhook webhook_url notify_url")
    safety_identifier: str | None = _row(
        Kind.TEXT, "Safety identifier", more=8, unseen=True, answered=True, aliases="end_user end_user_id")
    priority: int | None = _row(
        Kind.NUMBER, "Priority", more=5, unseen=True, answered=True, aliases="queue_priority")
    extra: Mapping[str, Any] = field(
        default_factory=dict, metadata={"row": Field(Kind.EXTRA, aliases="extra_body extra_params")})
# fmt: on

    @property
    def images(self) -> tuple[Image, ...]:
        """Every input picture in content order."""
        return tuple(image for _, images in self.pictures() for image in images)

    def pictures(self) -> Iterator[tuple[Field, tuple[Image, ...]]]:
        """The pictures of each field that takes some, in content order."""
        for row in PICTURES:
            yield row, self._given(row)

    def media(self) -> Iterator[tuple[Field, tuple[Medium, ...]]]:
        """Pictures, clips and sounds of each field that takes some, in content order."""
        for row in MEDIA:
            yield row, self._given(row)

    def _given(self, row: Field) -> tuple[Any, ...]:
        given = getattr(self, row.name)
        return tuple(given) if row.kind in SEVERAL else () if given is None else (given,)


FIELDS: dict[str, Field] = {
    each.name: replace(each.metadata["row"], name=each.name) for each in fields(RequestFields)
}
"""Every row by name, in order."""
ARGUMENTS = (*FIELDS, "legacy_flags")
"""The names that `TaskRequest` takes."""
SEVERAL = (Kind.PICTURES, Kind.VIDEOS, Kind.AUDIOS)
MEDIA = [row for row in FIELDS.values() if row.content]
"""Those that hold pictures, clips and sounds."""
PICTURES = [row for row in MEDIA if row.kind in (Kind.PICTURE, Kind.PICTURES)]
CONTENT = [row for row in FIELDS.values() if row.kind in (Kind.PROMPT, Kind.DRAFT) or row in MEDIA]
"""Those that become items of the body's ``content``."""
_PLAIN = (Kind.CHOICE, Kind.NUMBER, Kind.FLAG, Kind.TEXT)
PARAMETERS = {name: row for name, row in FIELDS.items() if row.kind in _PLAIN}
"""Those that are fields of the body under their own name, by name."""
