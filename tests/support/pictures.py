"""Pictures to send: photographs of any size and format."""

from __future__ import annotations

import io
from functools import cache

import numpy as np
from PIL import Image, ImageDraw


def photo(width=1200, height=800, seed=0):
    """Smooth, with edges: what a photograph is like."""
    x, y = np.meshgrid(np.linspace(0, 4, width), np.linspace(0, 3, height))
    red = 127 + 80 * np.sin(x + seed) + 30 * np.cos(3 * y)
    picture = Image.fromarray(
        np.stack([red, 40 + 50 * y, 90 + 30 * x], axis=-1).clip(0, 255).astype(np.uint8)
    )
    ImageDraw.Draw(picture).rectangle((width // 8, height // 8, width // 3, height // 2), fill="navy")
    return picture


def encoded(picture, kind="JPEG", **options):
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def ramps(width=1920, height=1080):
    """Red grows to the right, green downwards: a pixel says where it comes from."""
    ramp = Image.linear_gradient("L").resize((width, height))
    across = Image.linear_gradient("L").rotate(90).resize((width, height))
    return Image.merge("RGB", (across, ramp, Image.new("L", (width, height), 40)))


@cache
def jpeg(width=1920, height=1080, orientation=1):
    exif = Image.Exif()
    exif[0x0112] = orientation
    out = io.BytesIO()
    ramps(width, height).save(out, "JPEG", quality=92, exif=exif)
    return out.getvalue()
