"""Bytes that are written as text: data URLs, and base64 alone."""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import unquote_to_bytes

from seedance_widgets.errors import MediaError

__all__ = ["bytes_of_base64", "bytes_of_data_url", "is_base64", "is_data_url"]

_SHORTEST = 100  # characters; no picture has fewer, and few paths have so many without a dot
_ALPHABET = re.compile(r"[A-Za-z0-9+/_\-\s]+=*\s*", re.ASCII)


def is_data_url(text: str) -> bool:
    """Whether a text is a data URL."""
    return text[:5].lower() == "data:"


def is_base64(text: str) -> bool:
    """Whether a text is long enough for base64 of a file and has no other characters."""
    return len(text) >= _SHORTEST and _ALPHABET.fullmatch(text) is not None


def bytes_of_data_url(url: str) -> bytes:
    """What a data URL holds (RFC 2397): its type may be absent or have parameters, its data be in lines.

    Raises
    ------
    MediaError
        It has no comma, or no base64 where it says so.
    """
    head, comma, data = url.partition(",")
    if not comma:
        raise MediaError("the data URL has no comma, and so no data: it starts data:image/<format>;base64,")
    payload = unquote_to_bytes(data)
    return bytes_of_base64(payload) if head.rstrip().lower().endswith(";base64") else payload


def bytes_of_base64(text: str | bytes) -> bytes:
    """What base64 holds, in the usual alphabet or the one for URLs, in lines or not, padded or not.

    Raises
    ------
    MediaError
        It is none.
    """
    raw = text.encode("ascii", "replace") if isinstance(text, str) else text
    plain = b"".join(raw.split()).translate(bytes.maketrans(b"-_", b"+/")).rstrip(b"=")
    try:
        return base64.b64decode(plain + b"=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise MediaError(f"the data is not valid base64: {error}") from error
