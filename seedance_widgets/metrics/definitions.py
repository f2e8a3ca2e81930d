"""Which figures of a clip there are: what each says, in what unit, and where its definition is from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["BUILT_IN", "VERSION", "Metric"]

VERSION = "1"
"""Of the definitions: figures of another version are measured anew."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure of a clip.

    Attributes
    ----------
    name
        Of its column, after ``metrics.``.
    unit
        What the figure counts.
    definition
        How it comes about.
    source
        Where the definition is from.
    of
        What it is measured on: the ``pictures`` of the clip, its ``sound``, or its ``first`` picture beside
        the one that was asked for.
    """

    name: str
    unit: str
    definition: str
    source: str
    of: Literal["pictures", "sound", "first"]


BUILT_IN = {
    metric.name: metric
    for metric in (
        Metric(
            "motion",
            "share of full range a frame, 0 to 1",
            "Mean absolute difference in luma between neighbouring frames, over all pixels and frames. "
            "0 is a still.",
            "YDIF of FFmpeg's signalstats, here over the 219 levels from black to white",
            "pictures",
        ),
        Metric(
            "flicker",
            "share of full range, 0 to 1",
            "Mean distance of a frame's mean luma from the middle between those of its two neighbours. "
            "0 is steady light, and a fade of even speed.",
            "second difference of YAVG of FFmpeg's signalstats",
            "pictures",
        ),
        Metric(
            "sharpness",
            "squared levels of 255",
            "Variance of the Laplacian (4 times a pixel less its 4 neighbours) of luma, mean over about four "
            "frames a second. Higher is sharper, or noisier; compare clips of one size.",
            "Pech-Pacheco et al., Diatom autofocusing in brightfield microscopy (ICPR 2000)",
            "pictures",
        ),
        Metric(
            "brightness",
            "share of full range, 0 to 1",
            "Mean luma over all pixels and frames. 0 is black, 1 is white.",
            "YAVG of FFmpeg's signalstats, from the 219 levels above 16, or all 255 in full range",
            "pictures",
        ),
        Metric(
            "frozen",
            "s",
            "Seconds in stretches of at least 0.5 s in which the picture does not change by more than 0.1 %.",
            "FFmpeg's freezedetect, noise 0.001, duration 0.5",
            "pictures",
        ),
        Metric(
            "black",
            "s",
            "Seconds in stretches of at least 0.1 s in which 98 % of the pixels are darker than 10 %.",
            "FFmpeg's blackdetect, picture 0.98, pixel 0.10, duration 0.1",
            "pictures",
        ),
        Metric(
            "loudness",
            "LUFS",
            "Integrated loudness of the whole sound. -70 is the least there is, and silence.",
            "EBU R 128 (ITU-R BS.1770), by FFmpeg's ebur128",
            "sound",
        ),
        Metric(
            "silence",
            "s",
            "Seconds in stretches of at least 0.3 s in which no channel is louder than -60 dB of full scale.",
            "FFmpeg's silencedetect, noise -60 dB, duration 0.3",
            "sound",
        ),
        Metric(
            "first_frame_match",
            "similarity, at most 1",
            "Structural similarity of the clip's first frame and the first frame that was asked for, as the "
            "service crops it around its centre; both grey, at most 480 px wide. 1 is the same picture.",
            "Wang et al., Image quality assessment (IEEE TIP 2004), Gaussian window of 1.5 px",
            "first",
        ),
    )
}
