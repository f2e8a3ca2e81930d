"""Input sounds: read once, measured, checked against the service's limits, and sent as data URLs.

As pictures, they are snapshotted when a request is made. The service fetches what is given as an address.
"""

from __future__ import annotations

import hashlib
import io
import math
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedance_widgets import catalog
from seedance_widgets.errors import MediaError, Problem
from seedance_widgets.inputs.address import is_address, without_query
from seedance_widgets.inputs.base64_text import bytes_of_data_url
from seedance_widgets.inputs.given import path_of_text, shorten_name
from seedance_widgets.units import bytes_text, data_url

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Audio", "audio_problems", "load_audio"]

_DATA_URL = re.compile(r"(?i)data:(audio/|application/octet-stream|[;,])")
_MEDIA_TYPES = {"mp3": "mpeg"}


@dataclass(frozen=True)
class Audio:
    """One input sound: bytes at hand (``data``), or an address that the service fetches (``url``).

    ``seconds`` is its length, None where it cannot be known here; ``format`` is ``wav`` or ``mp3``.
    """

    name: str
    url: str | None = None
    data: bytes | None = field(default=None, repr=False)
    format: str | None = None
    seconds: float | None = None

    @cached_property
    def sha256(self) -> str | None:
        """Hash of the bytes, None for an address."""
        return None if self.data is None else hashlib.sha256(self.data).hexdigest()

    @property
    def data_url(self) -> str:
        """What the request's ``url`` field carries: the address, or the bytes as a data URL."""
        return self.url or "" if self.data is None else data_url(self.data, self._media_type)

    @property
    def encoded_bytes(self) -> int:
        """Length of `data_url` in bytes, without building it."""
        if self.data is None:
            return len(self.url or "")
        return len(f"data:{self._media_type};base64,") + 4 * math.ceil(len(self.data) / 3)

    @property
    def label(self) -> str:
        """How tables tell it where its bytes are not kept: the address without its query."""
        return without_query(self.url or self.name)

    @property
    def _media_type(self) -> str:
        return f"audio/{_MEDIA_TYPES.get(str(self.format), self.format)}"


def load_audio(source: Any) -> Audio:
    """Read a sound from a path, address, data URL, ``asset://`` id, bytes or `Audio`; nothing is fetched.

    Raises
    ------
    MediaError
        The source cannot be read or is no sound.
    """
    if isinstance(source, Audio):
        return source
    if isinstance(source, bytes | bytearray | memoryview):
        return _from_bytes(bytes(source), "bytes")
    if isinstance(source, str) and is_address(source.strip()):
        address = source.strip()
        name = without_query(address).rstrip("/").rsplit("/", 1)[-1]
        return Audio(name or address, url=address)
    if isinstance(source, str) and source[:5].lower() == "data:":
        return _from_data_url(source)
    if isinstance(source, str | Path) and str(source).strip():
        return _from_path(path_of_text(str(source)))
    raise MediaError(
        f"cannot read a sound from {type(source).__name__}: give a path, address, data URL or bytes"
    )


def audio_problems(parameter: str, sound: Audio) -> Iterator[Problem]:
    """Yield what the service would refuse about one sound; an address cannot be checked here."""
    rule = catalog.rules().audio
    if sound.data is None:
        return
    if sound.format not in rule.formats:
        takes = " or ".join(rule.formats)
        yield Problem(
            parameter, sound.name, f"format {sound.format}; sounds are {takes}", nearest=rule.formats[0]
        )
    if len(sound.data) > rule.max_bytes:
        yield Problem(
            parameter, sound.name, f"{bytes_text(len(sound.data))}; at most {bytes_text(rule.max_bytes)}"
        )


def _from_path(path: Path) -> Audio:
    limit = catalog.rules().body_max_bytes
    try:
        if path.stat().st_size > limit:
            raise MediaError(
                f"{shorten_name(path.name)} has {bytes_text(path.stat().st_size)}, too large for a sound"
            )
        return _from_bytes(path.read_bytes(), path.name)
    except (OSError, ValueError) as error:
        where, why = shorten_name(str(path.absolute())), getattr(error, "strerror", None) or error
        raise MediaError(f"cannot read the sound {where}: {why}") from error


def _from_data_url(url: str) -> Audio:
    if not _DATA_URL.match(url):
        raise MediaError("not the data URL of a sound: it starts data:audio/<format>;base64,")
    return _from_bytes(bytes_of_data_url(url), "data URL")


def _from_bytes(data: bytes, name: str) -> Audio:
    import av

    try:
        with av.open(io.BytesIO(data), mode="r") as container:
            stream = container.streams.audio[0] if container.streams.audio else None
            if stream is None:
                raise MediaError(f"{name} has no sound")
            packets = container.demux(stream)
            seconds = sum(float((packet.duration or 0) * (packet.time_base or 0)) for packet in packets)
            return Audio(name, data=data, format=container.format.name, seconds=round(seconds, 3) or None)
    except MediaError:
        raise
    except Exception as error:  # whatever a decoder makes of bytes that are no sound
        raise MediaError(f"{name} is no sound that can be read") from error
