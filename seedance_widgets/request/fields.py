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
    flags: tuple[str, ...] = ()  # names of its legacy flag in a prompt
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

    prompt: str = _row(Kind.PROMPT, default="")
    model: str | None = _row(Kind.MODEL)
    first_frame: Any = _row(
        Kind.PICTURE, "First frame", content="image_url", role="first_frame", mode="first_frame")
    last_frame: Any = _row(
        Kind.PICTURE, "Last frame", content="image_url", role="last_frame", mode="first_last_frame")
    reference_images: Any = _row(
        Kind.PICTURES, "Reference images", content="image_url", role="reference_image", mode="reference",
        catalog="references", default=())
    reference_videos: Any = _row(
        Kind.VIDEOS, "Reference clips", content="video_url", role="reference_video", mode="reference",
        catalog="videos", default=())
    reference_audios: Any = _row(
        Kind.AUDIOS, "Reference sounds", content="audio_url", role="reference_audio", mode="reference",
        catalog="audios", default=())
    draft_task: Any = _row(Kind.DRAFT, mode=FROM_DRAFT)
    resolution: str | None = _row(
        Kind.CHOICE, "Resolution", main=1, flags=("rs", "resolution"),
        spelled=True, answered=True, logged=True)
    ratio: str | None = _row(
        Kind.CHOICE, "Ratio", main=2, flags=("rt", "ratio"),
        spelled=True, reused=True, answered=True, logged=True)
    duration: int | None = _row(
        Kind.NUMBER, "Seconds", main=3, flags=("dur", "duration"),
        spelled=True, reused=True, answered=True, logged=True)
    frames: int | None = _row(
        Kind.NUMBER, "Frames", main=4, flags=("frames",), reused=True, answered=True,
        lacking="sets its length by duration, not by frames")
    seed: int | None = _row(
        Kind.NUMBER, "Seed", main=5, flags=("seed",), reused=True, answered=True,
        hint="random, and logged")
    camera_fixed: bool | None = _row(
        Kind.FLAG, "Fixed camera", more=2, flags=("cf", "camerafixed", "camera_fixed"),
        reused=True, logged=True, lacking="cannot fix the camera")
    watermark: bool | None = _row(Kind.FLAG, "Watermark", more=3, flags=("wm", "watermark"), logged=True)
    generate_audio: bool | None = _row(
        Kind.FLAG, "Sound", main=6, spelled=True, reused=True, answered=True, logged=True,
        catalog="audio", lacking="makes silent clips")
    draft: bool | None = _row(
        Kind.FLAG, "Draft (cheap 480p preview)", more=1, answered=True, lacking="makes no drafts")
    omni_reference_task_type: str | None = _row(
        Kind.CHOICE, "Task of the references", more=9, lacking="takes no omni_reference_task_type")
    output_format: str | None = _row(Kind.CHOICE, "File format", more=10, answered=True)
    web_search: bool | None = _row(
        Kind.FLAG, "Search the web", more=11, tool="web_search", lacking="searches no web")
    service_tier: str | None = _row(Kind.CHOICE, "Tier", main=7, unseen=True, answered=True, logged=True)
    return_last_frame: bool | None = _row(Kind.FLAG, "Keep the last frame", more=4)
    execution_expires_after: int | None = _row(
        Kind.NUMBER, "Expires after (s)", more=6, unseen=True, answered=True)
    callback_url: str | None = _row(Kind.TEXT, "Callback URL", more=7, unseen=True)
    safety_identifier: str | None = _row(
        Kind.TEXT, "Safety identifier", more=8, unseen=True, answered=True)
    priority: int | None = _row(Kind.NUMBER, "Priority", more=5, unseen=True, answered=True)
    extra: Mapping[str, Any] = field(default_factory=dict, metadata={"row": Field(Kind.EXTRA)})
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
SEVERAL = (Kind.PICTURES, Kind.VIDEOS, Kind.AUDIOS)
MEDIA = [row for row in FIELDS.values() if row.content]
"""Those that hold pictures, clips and sounds."""
PICTURES = [row for row in MEDIA if row.kind in (Kind.PICTURE, Kind.PICTURES)]
CONTENT = [row for row in FIELDS.values() if row.kind in (Kind.PROMPT, Kind.DRAFT) or row in MEDIA]
"""Those that become items of the body's ``content``."""
_PLAIN = (Kind.CHOICE, Kind.NUMBER, Kind.FLAG, Kind.TEXT)
PARAMETERS = {name: row for name, row in FIELDS.items() if row.kind in _PLAIN}
"""Those that are fields of the body under their own name, by name."""
