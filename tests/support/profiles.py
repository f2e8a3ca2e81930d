"""Colour profiles that move every colour far: nobody can miss that one was dropped."""

from __future__ import annotations

import io
import struct
from functools import cache

import numpy as np
from PIL import Image, ImageCms

SRGB = ImageCms.createProfile("sRGB")


@cache
def swapped(*tags):
    """The sRGB profile with two of its primaries swapped, by their tags."""
    p = bytearray(ImageCms.ImageCmsProfile(SRGB).tobytes())
    at = {}
    for i in range(struct.unpack(">I", p[128:132])[0]):
        at[bytes(p[132 + 12 * i : 136 + 12 * i])] = int.from_bytes(p[136 + 12 * i : 140 + 12 * i])
    one, two = (slice(at[tag] + 8, at[tag] + 20) for tag in tags)
    p[one], p[two] = p[two], p[one]
    return bytes(p)


SWAPPED = swapped(b"rXYZ", b"gXYZ")


def _profile(kind, space, pcs, tags):
    """An ICC profile of version 2 of these tags."""
    table, body, at = b"", b"", 132 + 12 * len(tags)
    for name, data in tags.items():
        table += name + struct.pack(">II", at + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    size = at + len(body)
    head = struct.pack(">I4xI4s4s4s12x4s", size, 0x02400000, kind, space, pcs, b"acsp")
    head = head + bytes(68 - len(head)) + struct.pack(">iii", 63190, 65536, 54061)
    return head + bytes(128 - len(head)) + struct.pack(">I", len(tags)) + table + body


def _text(text):
    return b"desc\0\0\0\0" + struct.pack(">I", len(text) + 1) + text + b"\0" + bytes(78)


_WHITE = b"XYZ \0\0\0\0" + struct.pack(">iii", 63190, 65536, 54061)


@cache
def grey(gamma=1.0):
    """A profile of greys of one gamma."""
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))
    return _profile(b"mntr", b"GRAY", b"XYZ ", {b"desc": _text(b"greys"), b"wtpt": _WHITE, b"kTRC": curve})


@cache
def inks():
    """A CMYK profile in which ink is thin: Lab of a table of 2 x 2 x 2 x 2, so all is linear between its corners."""
    straight = struct.pack(">HH", 0, 65535)
    cells = b""
    for c, m, y, k in np.ndindex(2, 2, 2, 2):
        rgb = np.array([255 - 130 * c, 255 - 130 * m, 255 - 130 * y]) * (1 - 0.6 * k)
        cells += struct.pack(">HHH", *(round(v * 65280 / 65535) for v in _lab(rgb)))
    identity = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    table = (
        b"mft2\0\0\0\0"
        + bytes([4, 3, 2, 0])
        + identity
        + struct.pack(">HH", 2, 2)
        + straight * 4
        + cells
        + straight * 3
    )
    return _profile(b"prtr", b"CMYK", b"Lab ", {b"desc": _text(b"inks"), b"wtpt": _WHITE, b"A2B0": table})


def _lab(rgb):
    lab = ImageCms.createProfile("LAB")
    pixel = Image.new("RGB", (1, 1), tuple(round(v) for v in rgb))
    seen = ImageCms.profileToProfile(pixel, SRGB, lab, outputMode="LAB").tobytes()
    # a and b have a sign in Pillow, and half of the range added in a profile
    return seen[0] * 257, (seen[1] ^ 128) * 257, (seen[2] ^ 128) * 257


def in_srgb(picture, icc):
    """A picture that was made in a profile, in sRGB."""
    return ImageCms.profileToProfile(picture, io.BytesIO(icc), SRGB, outputMode="RGB")
