"""Clips that another tool has cut without encoding them: film and sound have the lengths that play."""

from __future__ import annotations

import shutil
import subprocess
from fractions import Fraction

import av
import pytest

import seedance_widgets as sw
from seedance_widgets.errors import MediaError

pytestmark = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="no ffmpeg to cut clips with")
# what a person types, between the source and the name of the cut
CUTS = {
    "before a key frame.mp4": ["-ss", "1.3", "-i", "SOURCE", "-t", "2", "-c", "copy"],
    "after the source.mp4": ["-i", "SOURCE", "-ss", "1.3", "-t", "2", "-c", "copy"],
    "to the end.mp4": ["-ss", "2.5", "-i", "SOURCE", "-c", "copy"],
    "the beginning.mp4": ["-i", "SOURCE", "-t", "2.1", "-c", "copy"],
    "times from below zero.mp4": [
        "-ss", "2.5", "-t", "1", "-i", "SOURCE", "-c", "copy", "-avoid_negative_ts", "disabled",
    ],
    "sound cut alone.mp4": [
        "-i", "SOURCE", "-ss", "1.013", "-i", "SOURCE", "-map", "0:v", "-map", "1:a", "-t", "3", "-c", "copy",
    ],
    "film alone.mp4": ["-ss", "3", "-i", "SOURCE", "-c", "copy", "-an"],
    "quicktime.mov": ["-ss", "1.3", "-i", "SOURCE", "-t", "2", "-c", "copy"],
    "matroska.mkv": ["-ss", "1.3", "-i", "SOURCE", "-t", "2", "-c", "copy"],
    "h265 and mp3.mp4": ["-i", "SOURCE", "-t", "2", "-c:v", "libx265", "-preset", "ultrafast", "-c:a", "libmp3lame"],
    "vp8 and opus.webm": ["-i", "SOURCE", "-t", "2", "-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus"],
}  # fmt: skip
FRAME = 1 / 24


def ffmpeg(*arguments):
    subprocess.run(["ffmpeg", "-v", "error", "-y", *map(str, arguments)], check=True, capture_output=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a source, a clip that was not cut, and every cut of the source."""
    folder = tmp_path_factory.mktemp("cuts")
    for name, seconds, tone in (("source.mp4", 6, 440), ("whole.mp4", 2, 880)):
        ffmpeg(
            "-f", "lavfi", "-i", f"testsrc2=size=320x240:rate=24:duration={seconds}",
            "-f", "lavfi", "-i", f"sine=frequency={tone}:sample_rate=48000:duration={seconds}",
            "-c:v", "libx264", "-g", "48", "-bf", "2", "-c:a", "aac", "-shortest", folder / name,
        )  # fmt: skip
    for name, arguments in CUTS.items():
        ffmpeg(*[folder / "source.mp4" if each == "SOURCE" else each for each in arguments], folder / name)
    # a cut of a cut, with a codec whose first frames need others
    ffmpeg("-ss", "0.7", "-i", folder / "h265 and mp3.mp4", "-t", "1", "-c", "copy", folder / "h265 cut.mp4")
    return folder


def played(path):
    """Frames that a player shows, how long they take, and where film and sound begin and end, in seconds."""
    with av.open(str(path)) as container:
        rate = container.streams.video[0].average_rate
        times = [frame.pts * frame.time_base for frame in container.decode(video=0)]
    sound = (None, None)
    with av.open(str(path)) as container:
        if container.streams.audio:
            heard = [(frame.pts * frame.time_base, Fraction(frame.samples, frame.sample_rate))
                     for frame in container.decode(audio=0)]  # fmt: skip
            sound = float(heard[0][0]), float(sum(heard[-1]))
    return len(times), float(times[-1] - times[0] + 1 / rate), float(times[0]), sound


@pytest.mark.parametrize("name", [*CUTS, "h265 cut.mp4"])
@pytest.mark.parametrize("order", ["cut first", "cut last", "cut twice"])
def test_what_plays_of_each_clip_plays_in_the_story(made, tmp_path, name, order):
    clips = {"cut first": (name, "whole.mp4"), "cut last": ("whole.mp4", name), "cut twice": (name, name)}[
        order
    ]
    story = sw.concat([made / clip for clip in clips], tmp_path / "story.mp4")
    alone = [played(made / clip) for clip in clips]
    frames, seconds, begins, (heard_from, heard_to) = played(story.path)
    assert frames == story.frames == sum(each[0] for each in alone)
    assert seconds == pytest.approx(sum(each[1] for each in alone), abs=FRAME)
    assert story.seconds == pytest.approx(seconds, abs=FRAME)
    assert begins == pytest.approx(0, abs=FRAME / 2)
    if heard_to is not None:
        assert heard_from == pytest.approx(0, abs=0.03)
        assert heard_to == pytest.approx(seconds, abs=0.06)


def test_a_clip_that_breaks_off_is_still_told_from_one_that_was_cut(made, tmp_path):
    whole = (made / "before a key frame.mp4").read_bytes()
    ffmpeg("-i", made / "source.mp4", "-c", "copy", "-movflags", "+faststart", tmp_path / "index first.mp4")
    half = (tmp_path / "index first.mp4").read_bytes()
    (tmp_path / "broken.mp4").write_bytes(half[: len(half) // 2])
    with pytest.raises(MediaError, match=r"broken.mp4.*(breaks off|cannot be read|is damaged)"):
        sw.concat([tmp_path / "broken.mp4", made / "whole.mp4"], tmp_path / "story.mp4")
    assert not (tmp_path / "story.mp4").exists()
    assert (made / "before a key frame.mp4").read_bytes() == whole
