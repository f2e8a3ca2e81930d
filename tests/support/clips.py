"""Small clips of any codec."""

from __future__ import annotations

import functools

import av
import numpy as np
from PIL import Image

from seedance_widgets.simulator.render import Scene, render_mp4

SMALL = {"model": "seedance-1-5-pro", "resolution": "480p", "ratio": "1:1", "duration": 4}


@functools.cache
def mp4(frames=25, audio=True, width=160, height=96):
    return render_mp4(Scene(width, height, frames, seed=1, prompt="a fox", audio=audio))


def noisy_clip(path, width=640, height=360):
    """A clip that no JPEG makes small."""
    noise = np.random.default_rng(1)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=24, options={"crf": "10"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for _ in range(3):
            picture = Image.fromarray(noise.integers(0, 255, (height, width, 3), dtype=np.uint8))
            out.mux(stream.encode(av.VideoFrame.from_image(picture)))
        out.mux(stream.encode())
    return path


def hevc_clip(path):
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx265", rate=24, options={"x265-params": "log-level=none"})
        stream.width, stream.height, stream.pix_fmt = 320, 192, "yuv420p10le"
        for _ in range(5):
            out.mux(stream.encode(av.VideoFrame(320, 192, "yuv420p10le")))
        out.mux(stream.encode())
    return path
