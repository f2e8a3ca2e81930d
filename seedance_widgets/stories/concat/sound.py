"""The story's sound: packets copied as they are, or samples encoded anew, in step with the video.

AAC comes in packets of 1,024 samples, and many players count samples and heed no times: so copied sound is
one gapless row of packets. Every clip begins at the place in that row which is nearest to its first frame;
what is too much at its end is cut, what is lacking is filled with silence. So sound is off by half a packet
at most (10.7 ms at 48 kHz), and no more at the end of many clips than after one. Each clip after the first
leaves out the packets before its time zero, with which encoders prime decoders: at a joint, one packet of
sound (21 ms) is blended with the one before.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import numpy as np

from seedance_widgets.stories.concat.clips import decode, is_end

if TYPE_CHECKING:
    from collections.abc import Sequence

    from av.container import OutputContainer
    from numpy.typing import NDArray

    from seedance_widgets.stories.concat.clips import Place, Sound

__all__ = ["CopiedSound", "EncodedSound"]

_BITS_A_CHANNEL = 96_000
_RATES = (16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
_HALF = Fraction(1, 2)
_PRIMING = -2  # the earliest packet that an encoder's delay asks for; what is before it was cut off


class CopiedSound:
    """AAC packets as they were encoded, in one gapless row."""

    def __init__(self, out: OutputContainer, like: av.AudioStream, sound: Sound) -> None:
        self._out = out
        self._length = sound.packet
        self._packet_seconds = Fraction(sound.packet, sound.rate)
        self._base = Fraction(1, sound.rate)
        self._silence = _silent_packet(sound)
        self._stream = out.add_stream_from_template(like)
        self._stream.time_base = self._base
        self._next: int | None = None

    def begin(self, place: Place) -> None:
        """The packets that follow are of this clip."""
        self._place = place
        self._stop = self._slot(place.end)

    def take(self, packet: av.Packet[av.AudioStream]) -> None:
        """One packet of the clip."""
        if is_end(packet):
            return
        place = self._place
        at = packet.dts if packet.pts is None else packet.pts
        assert at is not None  # a clip is read through before
        heard = at * packet.time_base
        slot = self._slot(place.start + heard - place.clip.video.start)
        if packet.is_discard and slot >= _PRIMING:  # cut off by the file itself
            return
        if self._next is None and not place.start:
            self._next = max(_PRIMING, min(slot, 0))  # only the first clip can prime the decoder
        if slot < (self._next or 0) or slot >= self._stop:
            return
        self._fill(slot)
        self._put(packet)

    def end(self) -> None:
        """The clip has no more packets."""
        self._fill(self._stop)

    def finish(self) -> None:
        """There are no more clips."""

    def _slot(self, seconds: Fraction) -> int:
        return math.floor(seconds / self._packet_seconds + _HALF)

    def _fill(self, slot: int) -> None:
        self._next = self._next or 0
        while self._next < slot:
            self._put(av.Packet(self._silence))

    def _put(self, packet: av.Packet[Any]) -> None:
        assert self._next is not None
        packet.pts = packet.dts = self._next * self._length
        packet.duration = self._length
        packet.time_base = self._base
        packet.stream = self._stream
        self._out.mux(packet)
        self._next += 1


class EncodedSound:
    """Sound decoded, resampled and encoded as AAC. It lies to the sample where its clip does."""

    def __init__(self, out: OutputContainer, sounds: Sequence[Sound]) -> None:
        self._out = out
        # the best that one of them has, so that none loses by it
        rate = max(sound.rate for sound in sounds)
        self._rate = rate if rate in _RATES else _RATES[-1]
        self._channels = min(2, max(sound.channels for sound in sounds))
        self._layout = "mono" if self._channels == 1 else "stereo"
        self._stream = out.add_stream(
            "aac", rate=self._rate, layout=self._layout, bit_rate=_BITS_A_CHANNEL * self._channels
        )
        self._at = 0

    def begin(self, place: Place) -> None:
        """The packets that follow are of this clip."""
        self._place = place
        self._stop = round(place.end * self._rate)
        self._resampler = av.AudioResampler("fltp", self._layout, self._rate)
        self._begun = False

    def take(self, packet: av.Packet[av.AudioStream]) -> None:
        """One packet of the clip; an empty packet returns what its decoder still holds."""
        for frame in decode(packet, self._place.clip):
            if not self._begun:
                self._begun = True
                heard = (frame.pts or 0) * Fraction(frame.time_base) - self._place.clip.video.start
                begin = round((self._place.start + heard) * self._rate)
                self._skip = max(0, self._at - begin)
                self._pad(min(begin, self._stop))
            for part in self._resampler.resample(frame):
                self._put(part.to_ndarray())

    def end(self) -> None:
        """The clip has no more packets."""
        if self._begun:
            for part in self._resampler.resample(None):
                self._put(part.to_ndarray())
        self._pad(self._stop)

    def finish(self) -> None:
        """There are no more clips."""
        self._out.mux(self._stream.encode(None))

    def _put(self, samples: NDArray[Any]) -> None:
        skipped = min(self._skip, samples.shape[1])
        self._skip -= skipped
        room = max(0, self._stop - self._at)
        samples = samples[:, skipped : skipped + room]
        if not samples.shape[1]:
            return
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), "fltp", self._layout)
        frame.sample_rate, frame.pts, frame.time_base = self._rate, self._at, Fraction(1, self._rate)
        self._out.mux(self._stream.encode(frame))
        self._at += samples.shape[1]

    def _pad(self, until: int) -> None:
        self._skip = 0 if self._at < until else self._skip
        while self._at < until:
            self._put(np.zeros((self._channels, min(self._rate, until - self._at)), np.float32))


def _silent_packet(sound: Sound) -> bytes:
    """A packet of nothing, as any decoder that is set up for this sound reads it."""
    encoder = av.CodecContext.create("aac", "w")
    encoder.sample_rate, encoder.layout, encoder.format = sound.rate, sound.layout, "fltp"
    encoder.time_base = Fraction(1, sound.rate)
    packets = []
    for number in range(4):
        frame = av.AudioFrame("fltp", sound.layout, sound.packet)
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.sample_rate, frame.pts = sound.rate, number * sound.packet
        packets += encoder.encode(frame)
    return bytes(packets[-1])  # the first one carries the encoder's name
