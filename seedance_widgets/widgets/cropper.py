"""Choose by hand which part of a picture a clip is made from, starting at what the service would choose.

The browser has a reduced preview, sent once when a view asks for it, and moves a window over it. What
crosses back is the rectangle alone, once a gesture: ``rect`` is x, y, width and height in whole pixels of
the upright picture. Pillow crops at full size when `ImageCropper.image` is asked for. A rectangle that is
set in Python becomes the nearest window that the ratio allows.
"""

from __future__ import annotations

import math
import pathlib
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets as t

from seedance_widgets import catalog
from seedance_widgets.errors import MediaError, error_text
from seedance_widgets.inputs.crop import Crop, center_crop, nearest_ratio, offset_crop, ratio_parts
from seedance_widgets.inputs.prepare import prepare_image
from seedance_widgets.widgets.front_end import join_stylesheet, pack_module
from seedance_widgets.widgets.previews import look

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from seedance_widgets.inputs.image import Image

__all__ = ["ImageCropper"]

_PREVIEW_SIDE = 1000


class ImageCropper(anywidget.AnyWidget):
    """A picture with the window of a ratio over it, to drag, resize, nudge by key or type.

    Parameters
    ----------
    source
        Anything `inputs.image.load_image` takes. An address is not fetched: it is passed on uncropped.
    ratio
        ``"A:B"``, or ``"adaptive"``, which cuts nothing. Setting it later centres the window anew.
    model, resolution
        Give the clip's size in pixels; by default the default model and its default resolution.

    Attributes
    ----------
    rect : list of int
        x, y, width and height of the window in pixels of the upright picture; empty for a picture that
        cannot be seen here.
    size : list of int
        Width and height of the upright picture in pixels, or empty.
    target : list of int
        Width and height of the clip in pixels; empty where the catalog does not know them.

    Raises
    ------
    MediaError
        The picture cannot be read.
    InvalidRequest
        The ratio is none, or the catalog has no such model.
    """

    _esm = pack_module(pathlib.Path(__file__).with_suffix(".js"))
    _css = join_stylesheet(pathlib.Path(__file__).with_suffix(".css"))

    ratio = t.Unicode("16:9").tag(sync=True)
    rect = t.List(t.Int()).tag(sync=True)
    size = t.List(t.Int()).tag(sync=True)
    target = t.List(t.Int()).tag(sync=True)
    facts = t.Dict().tag(sync=True)
    picture = t.Int(0).tag(sync=True)  # counts pictures, so that a preview of the last one is not shown
    error = t.Unicode("").tag(sync=True)
    model = t.Unicode(None, allow_none=True)
    resolution = t.Unicode(None, allow_none=True)

    def __init__(
        self, source: Any, ratio: str = "16:9", *, model: str | None = None, resolution: str | None = None
    ) -> None:
        self._shown = look(source, _PREVIEW_SIDE)
        self._source = source
        super().__init__(ratio=ratio, model=model, resolution=resolution)
        self._recentre()
        self.observe(lambda _: self._recentre(), "ratio")
        self.observe(lambda _: self._describe(), ["model", "resolution"])
        self.on_msg(self._answer)

    # --- the picture and its window ----------------------------------------------------------------------

    @property
    def source(self) -> Any:
        """The picture as it was given. A new one is centred; one that cannot be read changes nothing.

        Raises
        ------
        MediaError
            The picture cannot be read; the reason is shown under the widget too.
        """
        return self._source

    @source.setter
    def source(self, source: Any) -> None:
        try:
            shown = look(source, _PREVIEW_SIDE)
        except MediaError as error:
            self.error = str(error)
            raise
        with self.hold_sync():
            self._shown, self._source, self.error = shown, source, ""
            self._recentre()
            self.picture += 1

    @property
    def crop(self) -> Crop | None:
        """The window in pixels of the upright picture; None for a picture that cannot be seen here."""
        return Crop(*self.rect) if self.rect else None

    def center(self) -> None:
        """Put the window back to where the service itself would crop."""
        self._recentre()

    def image(self) -> Image:
        """The picture cut to the window at full size and shrunk to what the clip needs.

        A picture that cannot be seen here comes back as it is.

        Raises
        ------
        MediaError
            The picture is damaged.
        InvalidRequest
            The window is too small for the service.
        """
        shown = self._shown
        if shown.size is None:
            return shown.image
        return prepare_image(
            shown.image, self.ratio, model=self.model, resolution=self.resolution, crop=self.crop
        )

    def observe_crop(self, callback: Callable[[Crop | None], Any]) -> Callable[[], None]:
        """Call back with the new window whenever it changes.

        An error of the callback is shown under the widget.

        Returns
        -------
        callable
            Ends the calls.
        """

        def call_back(_: Any) -> None:
            try:
                callback(self.crop)
            except Exception as error:  # noqa: BLE001 - an error in a widget callback is otherwise lost
                self.error = error_text(error)

        self.observe(call_back, "rect")
        return lambda: self.unobserve(call_back, "rect")

    # --- keeping the traits together ---------------------------------------------------------------------

    @t.validate("ratio")
    def _valid_ratio(self, proposal: Any) -> str:
        ratio = str(proposal["value"])
        if ratio != catalog.ADAPTIVE:
            ratio_parts(ratio)
        return ratio

    @t.validate("rect")
    def _valid_rect(self, proposal: Any) -> list[int]:
        return self._legal(proposal["value"])

    @t.validate("model")
    def _valid_model(self, proposal: Any) -> str | None:
        if proposal["value"] is not None:
            catalog.find(proposal["value"])
        return proposal["value"]  # type: ignore[no-any-return]  # traitlets are not typed

    def _legal(self, rect: Sequence[int]) -> list[int]:
        """The nearest window that the ratio allows: the service's own, or one of the exact ratio."""
        size = self._shown.size
        if size is None:
            return []
        centre = center_crop(*size, self.ratio)
        if len(rect) != 4 or Crop(*rect) == centre or not self._movable:  # noqa: PLR2004
            return _sides_of(centre)
        a, b = ratio_parts(self.ratio)
        largest = min(size[0] // a, size[1] // b)
        units = min(max(1, round(rect[2] / a)), largest)
        return _sides_of(offset_crop(*size, self.ratio, x=rect[0], y=rect[1], scale=units / largest))

    @property
    def _movable(self) -> bool:
        size = self._shown.size
        if size is None or self.ratio == catalog.ADAPTIVE:
            return False
        a, b = ratio_parts(self.ratio)
        return size[0] >= a and size[1] >= b

    def _recentre(self) -> None:
        size = self._shown.size
        with self.hold_sync():
            self.size = list(size or ())
            self.rect = [] if size is None else _sides_of(center_crop(*size, self.ratio))
            self._describe()

    def _describe(self) -> None:
        shown, size = self._shown, self._shown.size
        spec = catalog.find(self.model) if self.model else catalog.default_model()
        resolution = self.resolution or str(spec.defaults["resolution"])
        side = catalog.rules().image.side_min_exclusive + 1
        whole = self.ratio == catalog.ADAPTIVE
        taken = nearest_ratio(*size) if whole and size else self.ratio
        target = spec.size(resolution, taken)
        least = 1
        if size is not None and self._movable:
            a, b = ratio_parts(self.ratio)
            least = min(math.ceil(side / min(a, b)), size[0] // a, size[1] // b)
        about = f"{spec.name}, {resolution}" + (f", {taken} as the nearest ratio" if whole else "")
        notice = shown.why_not
        if not notice:
            notice = (
                "adaptive: nothing is cut, the clip takes a shape near the picture's own."
                if whole
                else "Drag the window or its handles. Keys: arrows move it by 1 px, + and − resize it; "
                "with shift by 10."
            )
        notice = " ".join((notice, *(f"{note[:1].upper()}{note[1:]}." for note in shown.image.notes)))
        self.target = list(target or ())
        self.facts = {
            "name": shown.image.name,
            "clip": f"{f'{target[0]} × {target[1]} px' if target else 'size not known'} ({about})",
            "movable": self._movable,
            "notice": notice,
            "least": side,
            "units": least,
        }

    def _answer(self, _: Any, content: Any, __: Any) -> None:
        """Send the preview to a view that asks for it."""
        if not isinstance(content, dict) or content.get("kind") != "load":
            return
        asked = content.get("id")
        if asked != self.picture or self._shown.jpeg is None:
            return  # a later picture is on its way, or there is nothing to see
        self.send({"kind": "loaded", "id": asked, "type": "image/jpeg"}, buffers=[self._shown.jpeg])


def _sides_of(crop: Crop) -> list[int]:
    return [crop.x, crop.y, crop.width, crop.height]
