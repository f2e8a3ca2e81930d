"""What people give as a picture, in all its forms: taken apart into bytes, a Pillow image or an address."""

from __future__ import annotations

import contextlib
import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from seedance_widgets import catalog
from seedance_widgets.errors import MediaError
from seedance_widgets.inputs.address import is_address, without_query
from seedance_widgets.inputs.base64_text import bytes_of_base64, bytes_of_data_url, is_base64, is_data_url
from seedance_widgets.inputs.depth import picture_of_array

if TYPE_CHECKING:
    from PIL import Image as PillowImage

__all__ = [
    "Given",
    "is_one_input",
    "is_picture_object",
    "names_path",
    "path_of_text",
    "read_given",
    "shorten_name",
]

_LONGEST_NAME = 400  # characters of a path or an address in a message: a folder and a file's longest name


@dataclass(frozen=True, slots=True)
class Given:
    """A picture as it was given: one of ``data``, ``picture`` and ``url`` is there."""

    name: str
    data: bytes | None = None
    picture: PillowImage.Image | None = None
    url: str | None = None


def read_given(source: Any) -> Given:
    """Take apart what was given as a picture; nothing is fetched from a network, and nothing decoded.

    Raises
    ------
    MediaError
        It cannot be read, or is nothing that could be a picture.
    """
    if isinstance(source, bytes | bytearray | memoryview):
        return Given("bytes", data=bytes(source))
    if isinstance(source, str):
        return _of_text(source)
    if isinstance(source, os.PathLike):
        return _of_path(Path(source))
    if hasattr(source, "read"):
        return _of_file(source)
    if _is_pillow(source):
        return Given("PIL image", picture=source)
    if _is_notebook_image(source):
        return _of_notebook_image(source)
    figure: Any = source if hasattr(source, "savefig") else getattr(source, "figure", None)
    if hasattr(figure, "savefig"):
        out = io.BytesIO()
        figure.savefig(out, format="png")
        return Given("figure", data=out.getvalue())
    if hasattr(source, "__array__"):
        return Given("array", picture=picture_of_array(source))
    raise MediaError(
        f"cannot read a picture from {type(source).__name__}: give a path, URL, data URL, bytes, open file, "
        "PIL image, numpy array or figure"
    )


def is_picture_object(value: Any) -> bool:
    """Whether a value holds a picture itself, rather than naming one."""
    return (
        isinstance(value, bytes | bytearray | memoryview)
        or _is_pillow(value)
        or _is_array(value)
        or _is_notebook_image(value)
        or hasattr(value, "savefig")
        or (hasattr(value, "read") and not isinstance(value, os.PathLike))
    )


def is_one_input(value: Any) -> bool:
    """Whether a value is one input, even if it can be looped over."""
    return isinstance(value, str | os.PathLike) or is_picture_object(value) or not hasattr(value, "__iter__")


def shorten_name(name: str) -> str:
    """A path or an address as a message can have it."""
    half = _LONGEST_NAME // 2
    return (
        name if len(name) <= _LONGEST_NAME else f"{name[:half]}...{name[-half:]} ({len(name):,} characters)"
    )


def names_path(text: str) -> bool:
    """Whether a text can be the path of a file, or a ``file:`` address: no other address, and no base64."""
    plain = text.strip()
    return not (is_address(plain) or is_data_url(plain) or (is_base64(plain) and not _is_there(Path(text))))


def path_of_text(text: str) -> Path:
    """The file that a text names, by its path or a ``file:`` address.

    Raises
    ------
    MediaError
        The address names a file of another machine.
    """
    if text.strip()[:5].lower() != "file:":
        try:
            return Path(text).expanduser()
        except RuntimeError as error:  # ~name, of nobody here
            raise MediaError(f"cannot read the file {shorten_name(text)}: {error}") from error
    parts = urlsplit(text.strip())
    if parts.netloc.lower() not in ("", "localhost"):
        raise MediaError(f"{shorten_name(text)} names a file of another machine; give a path of this one")
    return Path(url2pathname(parts.path))


def _of_text(source: str) -> Given:
    text = source.strip()
    if not text:
        raise MediaError("an empty path names no picture")
    if is_address(text):
        return Given(without_query(text).rsplit("/", 1)[-1] or text, url=text)
    if is_data_url(text):
        return Given("data URL", data=bytes_of_data_url(text))
    if not names_path(source):
        return Given("base64 text", data=bytes_of_base64(text))
    return _of_path(path_of_text(source))


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # longer than a path may be
        return False


def _of_path(path: Path) -> Given:
    limit = 4 * catalog.rules().body_max_bytes
    try:
        if path.stat().st_size > limit:
            name = shorten_name(path.name)
            raise MediaError(f"{name} has {path.stat().st_size:,} bytes, too large for a picture")
        return Given(path.name, data=path.read_bytes())
    except (OSError, ValueError) as error:
        # whole: a relative path is most often looked for in another folder than one thinks
        where, why = shorten_name(str(path.absolute())), getattr(error, "strerror", None) or error
        raise MediaError(f"cannot read the picture {where}: {why}") from error


def _of_file(file: Any) -> Given:
    """All of an open file, wherever it stands; it is put back there."""
    name = getattr(file, "name", None)
    name = Path(name).name if isinstance(name, str) and name else "open file"
    place = None
    try:
        with contextlib.suppress(OSError, AttributeError):  # a pipe is read on from where it is
            place = file.tell()
            file.seek(0)
        data = file.read()
        if place is not None:
            file.seek(place)
    except (OSError, ValueError) as error:
        raise MediaError(f"cannot read the picture from {shorten_name(name)}: {error}") from error
    if not isinstance(data, bytes | bytearray | memoryview):
        raise MediaError(f'{shorten_name(name)} is open as text; open it with "rb"')
    return Given(name, data=bytes(data))


def _is_pillow(source: Any) -> bool:
    return hasattr(source, "save") and hasattr(source, "mode") and hasattr(source, "size")


def _is_array(value: Any) -> bool:
    """Whether a value is an array of one picture; one of four axes holds several."""
    return hasattr(value, "__array__") and getattr(value, "ndim", 0) in (2, 3) and hasattr(value, "dtype")


def _is_notebook_image(source: Any) -> bool:
    return type(source).__module__.startswith("IPython.") and hasattr(source, "data")


def _of_notebook_image(source: Any) -> Given:
    if isinstance(source.data, bytes):
        return Given("notebook picture", data=source.data)
    return read_given(source.data or getattr(source, "url", None) or getattr(source, "filename", None) or "")
