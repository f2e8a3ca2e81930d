"""What a mode of a form asks for (pictures, clips, sounds, a draft), and the cropper of a first frame."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import ipywidgets as w

from seedance_widgets.catalog.model import ADAPTIVE
from seedance_widgets.inputs.crop import center_crop
from seedance_widgets.inputs.prepare import prepare_image
from seedance_widgets.inputs.video import TASK
from seedance_widgets.request.fields import CONTENT, FIELDS, FROM_DRAFT, TASK_MODES, TASK_TYPE
from seedance_widgets.request.legacy_flags import SENT
from seedance_widgets.request.task_request import TaskRequest
from seedance_widgets.widgets.controls import STYLE, Words, say
from seedance_widgets.widgets.cropper import ImageCropper
from seedance_widgets.widgets.input_picker import ClipPicker, ImagePicker, InputPicker, SoundPicker

if TYPE_CHECKING:
    from collections.abc import Callable

    from seedance_widgets.catalog.model import Model
    from seedance_widgets.inputs.image import Image
    from seedance_widgets.studio import Studio

__all__ = ["Inputs"]

_REFERENCES = ("reference_images", "reference_videos", "reference_audios")
_CALLED = dict(zip(_REFERENCES, ("Image", "Video", "Audio"), strict=True))
_CHIPS = 4  # for pictures that are not chosen yet, so that a prompt can be written first

_DRAFTS_SHOWN = 30


class Inputs:
    """Input pictures, clips, sounds and drafts.

    Parameters
    ----------
    studio
        Its log has the drafts.
    words
        Makes the lines under the inputs.
    changed
        Called when an input or a draft was chosen, removed, moved or cropped.
    """

    def __init__(self, studio: Studio, words: Words, changed: Callable[[], None]) -> None:
        self._studio = studio
        self._words = words
        self._changed = changed
        self._cropper: ImageCropper | None = None
        self._cropper_box = w.VBox()
        self._model: Model | None = None
        self._lines = {row.name: words.line() for row in CONTENT if row.mode}
        self.box = w.VBox()

    # Each is made when a mode first asks for it: what is never shown is not saved with the notebook.

    @cached_property
    def _first(self) -> ImagePicker:
        picker = ImagePicker(label=FIELDS["first_frame"].label)
        picker.on_change(self._on_first)
        return picker

    @cached_property
    def _last(self) -> ImagePicker:
        picker = ImagePicker(label=FIELDS["last_frame"].label)
        picker.on_change(self._changed)
        return picker

    @cached_property
    def _references(self) -> ImagePicker:
        picker = ImagePicker(label=FIELDS["reference_images"].label, multiple=True)
        picker.on_change(self._changed)
        return picker

    @cached_property
    def _videos(self) -> ClipPicker:
        picker = ClipPicker(label=FIELDS["reference_videos"].label, find=self._find_clip)
        picker.on_change(self._changed)
        return picker

    @cached_property
    def _audios(self) -> SoundPicker:
        picker = SoundPicker(label=FIELDS["reference_audios"].label)
        picker.on_change(self._changed)
        return picker

    def _find_clip(self, source: Any) -> Any:
        """The task of its key or id, whatever else is named as it is."""
        if not isinstance(source, str):
            return source
        row = self._studio.runtime.journal.by_name(source.removeprefix(TASK))
        return self._studio.runtime.registry.task_of(row) if row else source

    def _pickers(self, mode: str) -> dict[str, InputPicker[Any]]:
        """Those of the references that a mode asks for and the model takes, by field."""
        found: dict[str, InputPicker[Any]] = {}
        if self._model is None or mode not in ("reference", *TASK_MODES):
            return found
        if self._model.videos and mode in TASK_MODES:
            found["reference_videos"] = self._videos
        if self._model.references:
            found["reference_images"] = self._references
        if self._model.videos:
            found["reference_videos"] = self._videos
        if self._model.audios:
            found["reference_audios"] = self._audios
        return found

    @cached_property
    def _draft(self) -> w.Dropdown:
        layout = w.Layout(width="auto", max_width="540px")
        draft = w.Dropdown(options=[("no draft yet", "")], description="Draft", style=STYLE, layout=layout)
        draft.observe(lambda _: self._changed(), "value")
        return draft

    def _parts(self, mode: str) -> list[w.Widget]:
        if mode == "text":
            return []
        if mode == FROM_DRAFT:
            return [self._draft, self._lines["draft_task"]]
        if pickers := self._pickers(mode):
            return [part for name, picker in pickers.items() for part in (picker, self._lines[name])]
        first = [self._first, self._cropper_box, self._lines["first_frame"]]
        return first if mode == "first_frame" else [*first, self._last, self._lines["last_frame"]]

    def offer(self, model: Model, mode: str) -> None:
        """Show what a mode asks for."""
        self._model = model
        for picker in self._parts(mode):
            if isinstance(picker, InputPicker):
                picker.model = model.name
                if picker.multiple:
                    picker.limit = picker.most_references(model.name)
        if mode == FROM_DRAFT:
            self._list_drafts()
        self.box.children = self._parts(mode)

    def aim(self, model: Model, resolution: str | None, ratio: str) -> None:
        """Point the cropper at the clip that is asked for now."""
        cropper = self._cropper
        if cropper is not None:
            cropper.model, cropper.resolution = model.name, resolution
            if cropper.ratio != ratio:
                cropper.ratio = ratio

    def names(self, mode: str) -> list[str]:
        """What the prompt may call the references by, in their order."""
        names = []
        for field, picker in self._pickers(mode).items():
            count = len(picker.media)
            if field == "reference_images" and mode == "reference":
                count = max(count, min(_CHIPS, picker.limit))
            names += [f"[{_CALLED[field]} {number}]" for number in range(1, count + 1)]
        return names

    def params(self, mode: str) -> dict[str, Any]:
        """Inputs and draft as fields of a request, not yet cropped."""
        if mode == FROM_DRAFT:
            return {"draft_task": self._draft.value or None}
        found: dict[str, Any] = {name: tuple(picker.media) for name, picker in self._pickers(mode).items()}
        if mode in TASK_MODES:
            found[TASK_TYPE] = mode
        if mode in ("first_frame", "first_last_frame") and self._first.images:
            found["first_frame"] = self._first.images[0]
        if mode == "first_last_frame" and self._last.images:
            found["last_frame"] = self._last.images[0]
        return found

    def missing(self, mode: str) -> str | None:
        """The first input that a mode still lacks, None if it has all."""
        wanted = {
            "first_frame": ("first_frame",),
            "first_last_frame": ("first_frame", "last_frame"),
            **dict.fromkeys(TASK_MODES, ("reference_videos",)),
            FROM_DRAFT: ("draft_task",),
        }.get(mode, ())
        given = self.params(mode)
        if mode == "reference" and not any(given.values()):
            return next(iter(given), None)
        return next((name for name in wanted if not given.get(name)), None)

    def cropped(self, mode: str, params: dict[str, Any]) -> dict[str, Any]:
        """The same fields with the first frame cut as the cropper shows."""
        return self._cut(params, self._cut_of(mode, params))

    def snapshot(self, mode: str, params: dict[str, Any]) -> Callable[[], TaskRequest]:
        """A request to be made later, elsewhere, from what is chosen now."""
        cut = self._cut_of(mode, params)
        # the form has said what it takes from the prompt
        return lambda: TaskRequest(**self._cut(params, cut), legacy_flags=SENT)

    def load(self, request: TaskRequest) -> None:
        """Take the inputs and the draft of a request."""
        if request.first_frame is not None:
            self._first.add(request.first_frame)
        if request.last_frame is not None:
            self._last.add(request.last_frame)
        self._model = request.spec
        for name, picker in self._pickers(request.mode).items():
            picker.clear()
            for medium in getattr(request, name):
                picker.add(medium)
        if request.draft_task is not None:
            self._list_drafts(request.draft_task.id)

    def explain(self, texts: dict[str, list[str]]) -> None:
        """Write problems under the input they are about; takes them out of ``texts``."""
        for name, line in self._lines.items():
            say(line, " ".join(texts.pop(name, [])))

    def _on_first(self) -> None:
        picture, before = self._first.image, self._cropper
        # a picture that cannot be seen here is cropped by the service, around its centre
        seen = picture is not None and picture.data is not None and picture.size is not None
        self._cropper = ImageCropper(picture, ratio=ADAPTIVE) if seen else None
        self._cropper_box.children = () if self._cropper is None else (self._cropper,)
        if before is not None:
            before.close()
        self._changed()

    def _cut_of(self, mode: str, params: dict[str, Any]) -> Callable[[], Image] | None:
        """How to cut the first frame; None where the service's own crop is what is wanted."""
        cropper = self._cropper
        if cropper is None or "first_frame" not in params or mode not in ("first_frame", "first_last_frame"):
            return None
        picture, ratio, window = self._first.images[0], cropper.ratio, cropper.crop
        if window is None or picture.size is None or window == center_crop(*picture.size, ratio):
            return None
        model, resolution = cropper.model, cropper.resolution
        return lambda: prepare_image(picture, ratio, model=model, resolution=resolution, crop=window)

    def _cut(self, params: dict[str, Any], cut: Callable[[], Image] | None) -> dict[str, Any]:
        return params if cut is None else {**params, "first_frame": cut()}

    def _list_drafts(self, wanted: str | None = None) -> None:
        rows = [row for row in self._studio.runtime.journal.drafts() if row.task_id][:_DRAFTS_SHOWN]
        options = [(f"{row.key} · {(row.prompt or '')[:60]}", row.task_id) for row in rows]
        if wanted is not None and wanted not in dict(options).values():
            options.insert(0, (wanted, wanted))
        before = wanted or self._draft.value
        self._draft.options = options or [("no draft yet", "")]
        known = [value for _, value in self._draft.options]
        self._draft.value = before if before in known else known[0]
