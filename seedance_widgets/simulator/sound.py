"""Music for simulated clips: soft chords and a few bells, written by the seed.

A clip with sound must be told from one without, and people will play it often: so it is quiet, consonant
and never ends abruptly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seedance_widgets.simulator.picture.landscape import stream

if TYPE_CHECKING:
    from seedance_widgets.simulator.picture.yuv import Floats

RATE = 48_000
"""Samples a second: a whole number of them to every frame at 24 fps."""

_CHORDS = ((0, 7, 16, 23), (-3, 4, 12, 19), (-7, 5, 9, 16), (-5, 7, 11, 14), (2, 9, 14, 17), (4, 11, 14, 19))
_SCALE = (0, 2, 4, 7, 9, 12, 14, 16)
_CHORD_SECONDS = 2.5
_BEAT_SECONDS = 0.625
_NOTES = 0.7


def _tone(semitones: float, seconds: Floats) -> Floats:
    """A note above A3, its overtones weaker the higher they are."""
    turn = np.float32(2 * np.pi * 220 * 2 ** (semitones / 12)) * seconds
    return np.asarray(np.sin(turn) + 0.28 * np.sin(2 * turn) + 0.07 * np.sin(3 * turn), np.float32)


def melody(samples: int, seed: int) -> Floats:
    """That many samples, mono, within -0.35..0.35."""
    rng = stream("melody", seed)
    key = int(rng.integers(-4, 4))
    order = rng.permutation(len(_CHORDS))
    track = np.zeros(samples + RATE * 4, np.float32)
    chord_length, beat_length = int(_CHORD_SECONDS * RATE), int(_BEAT_SECONDS * RATE)
    pad = np.arange(int(chord_length * 1.3), dtype=np.float32) / np.float32(RATE)
    swell = np.sqrt(np.clip(np.sin(np.linspace(0, np.pi, pad.size, dtype=np.float32)), 0, 1))
    for number, start in enumerate(range(0, samples, chord_length)):
        chord = _CHORDS[order[number % len(order)]]
        voices = sum((_tone(note + key - 12, pad) for note in chord), np.zeros_like(pad))
        track[start : start + pad.size] += 0.045 * swell * voices
    bell = np.arange(2 * RATE, dtype=np.float32) / np.float32(RATE)
    decay = np.exp(-bell * 3.2) * np.minimum(1, bell * 120)
    step = int(rng.integers(len(_SCALE)))
    for start in range(beat_length // 2, samples, beat_length):
        step = int(np.clip(step + rng.integers(-2, 3), 0, len(_SCALE) - 1))
        if rng.random() < _NOTES:
            track[start : start + bell.size] += 0.1 * decay * _tone(_SCALE[step] + key + 12, bell)
    track = track[:samples]
    fade = min(samples // 2, RATE // 2)
    if fade:
        track[:fade] *= np.linspace(0, 1, fade, dtype=np.float32)
        track[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    return np.clip(track, -0.35, 0.35)
