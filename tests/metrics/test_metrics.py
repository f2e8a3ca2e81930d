"""Each built-in figure on made clips, against ffmpeg's own filters: a program of its own."""

from __future__ import annotations

import re
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

import seedance_widgets as sw

FFMPEG = shutil.which("ffmpeg")
needs_ffmpeg = pytest.mark.skipif(FFMPEG is None, reason="the oracle is Debian's ffmpeg, which is not here")

H264 = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p")
TEN_BITS = ("-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le", "-tag:v", "hvc1",
            "-x265-params", "log-level=error")  # fmt: skip
FULL = ("-vf", "scale=out_range=full", *H264[:-1], "yuvj420p", "-color_range", "pc")
PARTS = "[0:v][1:v][2:v]concat=n=3"


def film(source, seconds=None):
    return ("-f", "lavfi", *(() if seconds is None else ("-t", seconds)), "-i", source)


# name: inputs, how they are joined, how they are written
CLIPS = {
    "test pattern": (film("testsrc2=s=320x180:r=24:d=3"), None, H264),
    "another pattern": (film("testsrc=s=320x240:r=25:d=3"), None, H264),
    "a zoom": (film("mandelbrot=s=320x180:r=24", "2"), None, H264),
    "a still": (film("smptebars=s=320x180:r=24:d=3"), None, H264),
    "grey": (film("color=gray:s=160x90:r=24:d=2"), None, H264),
    "white": (film("color=white:s=160x90:r=24:d=2"), None, H264),
    "black": (film("color=black:s=160x90:r=24:d=2"), None, H264),
    "black in the middle": (
        film("testsrc2=s=320x180:r=24:d=1") + film("color=black:s=320x180:r=24:d=1.5")
        + film("testsrc2=s=320x180:r=24:d=1"), PARTS, H264),
    "black at the end": (
        film("testsrc2=s=320x180:r=24:d=1") + film("mandelbrot=s=320x180:r=24", "1")
        + film("color=black:s=320x180:r=24:d=1.25"), PARTS, H264),
    "frozen in the middle": (
        film("testsrc2=s=320x180:r=24:d=1") + film("smptebars=s=320x180:r=24:d=1.5")
        + film("testsrc2=s=320x180:r=24:d=1"), PARTS, H264),
    "frozen at the end": (
        film("testsrc2=s=320x180:r=24:d=1") + film("mandelbrot=s=320x180:r=24", "0.5")
        + film("smptebars=s=320x180:r=24:d=1.5"), PARTS, H264),
    "a fade": (film("smptebars=s=320x180:r=24:d=3"), "[0:v]fade=in:st=0:d=3", H264),
    "flickering": (
        film("testsrc2=s=320x180:r=24:d=2"), r"[0:v]eq=brightness='0.2*sin(n*1.9)':eval=frame", H264),
    "noise": (film("color=gray:s=320x180:r=24:d=2"), "[0:v]noise=alls=40:allf=t", H264),
    "blurred": (film("testsrc2=s=320x180:r=24:d=2"), "[0:v]gblur=sigma=4", H264),
    "ten bits": (film("testsrc2=s=320x180:r=24:d=2"), None, TEN_BITS),
    "full range": (film("testsrc2=s=320x180:r=24:d=2"), None, FULL),
    "30 a second, portrait": (film("testsrc2=s=180x320:r=30:d=2"), None, H264),
    "odd size": (film("testsrc2=s=322x182:r=24:d=2"), None, H264),
    "12 a second": (film("testsrc2=s=320x180:r=12:d=3"), None, H264),
}  # fmt: skip
SOUNDS = {
    "a tone": "sine=f=1000:d=4,volume=-20dB",
    "a loud tone": "sine=f=440:d=4",
    "hiss": "anoisesrc=d=4:a=0.1:seed=3",
    "nothing": "anullsrc=r=44100:cl=stereo:d=3",
    "a pause": "sine=f=600:d=5,volume=0:enable='between(t,1.5,3)'",
    "quiet at the end": "sine=f=600:d=5,volume=0:enable='gte(t,3.5)'",
    "stereo at 48 kHz": "sine=f=500:d=4:r=48000,volume=-12dB,pan=stereo|c0=c0|c1=0.2*c0",
}


def ffmpeg(*args):
    done = subprocess.run(
        [FFMPEG, "-hide_banner", "-y", *map(str, args)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stderr


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """The clips, each made when first asked for."""
    folder, made = tmp_path_factory.mktemp("clips"), {}

    def make(name):
        if name not in made:
            made[name] = folder / f"{len(made)}.mp4"
            if name in CLIPS:
                inputs, joined, written = CLIPS[name]
                ffmpeg(*inputs, *(("-filter_complex", joined) if joined else ()), *written, made[name])
            else:
                picture = film("color=gray:s=64x64:r=24:d=4")
                ffmpeg(
                    *picture,
                    *film(SOUNDS[name]),
                    "-shortest",
                    *H264,
                    "-c:a",
                    "aac",
                    "-b:a",
                    "192k",
                    made[name],
                )
        return made[name]

    return make


def signals(path):
    """Every frame's YAVG and YDIF, in levels of 255."""
    told = ffmpeg("-i", path, "-vf", "signalstats,metadata=print:file=-", "-f", "null", "-")
    out = subprocess.run([FFMPEG, "-v", "error", "-i", path, "-vf", "signalstats,metadata=print:file=-", "-f", "null", "-"],
                         capture_output=True, text=True, check=True).stdout  # fmt: skip
    levels = 4.0 if "yuv420p10le" in told else 1.0
    found = [
        np.array([float(each) for each in re.findall(rf"{name}=([\d.]+)", out)]) / levels
        for name in ("YAVG", "YDIF")
    ]
    return *found, (255.0, 0.0) if "yuvj420p" in told or "(pc" in told else (219.0, 16.0)


def luma(path, size, ten_bits):
    """Every frame's luma as ffmpeg gives it out."""
    kind = "gray10le" if ten_bits else "gray"
    raw = subprocess.run([FFMPEG, "-v", "error", "-i", path, "-vf", "extractplanes=y", "-pix_fmt", kind, "-f", "rawvideo", "-"],
                         capture_output=True, check=True).stdout  # fmt: skip
    width, height = size
    return np.frombuffer(raw, "<u2" if ten_bits else np.uint8).reshape(-1, height, width)


def stretches(told, start, end, length):
    """Seconds between what a filter calls a beginning and an end; the last one may last to the end."""
    begun = [float(each) for each in re.findall(rf"{start}: ?([\d.]+)", told)]
    ended = [float(each) for each in re.findall(rf"{end}: ?([\d.]+)", told)]
    return sum(b - a for a, b in zip(begun, [*ended, *[length] * (len(begun) - len(ended))], strict=True))


def seconds(path):
    told = ffmpeg("-i", path, "-f", "null", "-")
    hours, minutes, rest = re.search(r"Duration: (\d+):(\d+):([\d.]+)", told).groups()
    return int(hours) * 3600 + int(minutes) * 60 + float(rest)


@needs_ffmpeg
@pytest.mark.parametrize("name", CLIPS)
def test_light_and_motion_are_those_of_signalstats(clips, name):
    found = sw.metrics.measure(clips(name), ["motion", "flicker", "brightness"])
    averages, differences, (span, black) = signals(clips(name))
    assert found["brightness"] == pytest.approx((averages.mean() - black) / span, abs=2e-4)
    assert found["motion"] == pytest.approx(differences[1:].mean() / span, abs=2e-4)
    middle = (averages[:-2] + averages[2:]) / 2
    assert found["flicker"] == pytest.approx(np.abs(averages[1:-1] - middle).mean() / span, abs=2e-4)


@needs_ffmpeg
@pytest.mark.parametrize("name", CLIPS)
def test_sharpness_is_the_variance_of_the_laplacian(clips, name):
    from scipy.ndimage import laplace

    path = clips(name)
    with Image.open(_png(path)) as first:
        size = first.size
    ten_bits = name == "ten bits"
    frames = luma(path, size, ten_bits)
    rate = round(len(frames) / seconds(path))
    some = frames[:: max(1, round(rate / 4))].astype(np.float64) / (4 if ten_bits else 1)
    wanted = np.mean([laplace(frame)[1:-1, 1:-1].var() for frame in some])
    assert sw.metrics.measure(path, "sharpness")["sharpness"] == pytest.approx(wanted, rel=1e-6, abs=1e-9)


def _png(path):
    target = path.with_suffix(".png")
    ffmpeg("-i", path, "-frames:v", "1", target)
    return target


@needs_ffmpeg
@pytest.mark.parametrize("name", CLIPS)
def test_frozen_and_black_seconds_are_those_of_the_detecting_filters(clips, name):
    path = clips(name)
    told = ffmpeg("-i", path, "-vf", "freezedetect=n=0.001:d=0.5", "-f", "null", "-")
    frozen = stretches(told, "freeze_start", "freeze_end", seconds(path))
    black = sum(
        float(each)
        for each in re.findall(r"black_duration:([\d.]+)",
                               ffmpeg("-i", path, "-vf", "blackdetect=d=0.1:pic_th=0.98:pix_th=0.10", "-f", "null", "-"))
    )  # fmt: skip
    found = sw.metrics.measure(path, ["frozen", "black"])
    assert found["frozen"] == pytest.approx(frozen, abs=0.05)
    assert found["black"] == pytest.approx(black, abs=0.05)


@needs_ffmpeg
@pytest.mark.parametrize("name", SOUNDS)
def test_loudness_and_silence_are_those_of_ebur128_and_silencedetect(clips, name):
    path = clips(name)
    told = ffmpeg("-i", path, "-vn", "-af", "ebur128", "-f", "null", "-")
    loudness = float(re.findall(r"I: +(-?[\d.]+) LUFS", told)[-1])
    told = ffmpeg("-i", path, "-vn", "-af", "silencedetect=n=-60dB:d=0.3", "-f", "null", "-")
    silence = sum(float(each) for each in re.findall(r"silence_duration: ([\d.]+)", told))
    found = sw.metrics.measure(path, ["loudness", "silence"])
    assert found["loudness"] == pytest.approx(loudness, abs=0.11)
    assert found["silence"] == pytest.approx(silence, abs=0.06)


@needs_ffmpeg
def test_what_a_figure_shows_is_what_it_is_called(clips):
    def of(name):
        return sw.metrics.measure(clips(name))

    assert of("a still")["motion"] < 1e-4 < of("test pattern")["motion"]
    assert of("a fade")["flicker"] < 0.002
    assert of("flickering")["flicker"] > 0.05
    assert of("blurred")["sharpness"] * 10 < of("test pattern")["sharpness"]
    assert of("black")["brightness"] == pytest.approx(0, abs=0.005)
    assert of("white")["brightness"] == pytest.approx(1, abs=0.005)
    assert of("black")["black"] == pytest.approx(2, abs=0.05)
    assert of("frozen at the end")["frozen"] == pytest.approx(1.5, abs=0.1)
    assert of("test pattern")["loudness"] is None
    assert of("nothing")["loudness"] == -70


def _frame_of(path, picture):
    """A clip whose every frame is the picture."""
    picture.save(path.with_suffix(".png"))
    ffmpeg("-loop", "1", "-i", path.with_suffix(".png"), "-t", "1", "-r", "24", *H264, "-crf", "12", path)
    return path


@needs_ffmpeg
def test_a_first_frame_is_compared_as_the_service_crops_it(tmp_path):
    rng = np.random.default_rng(1)
    coarse = Image.fromarray(rng.integers(0, 256, (12, 24, 3), dtype=np.uint8)).resize(
        (960, 480), Image.Resampling.BICUBIC
    )
    coarse.save(tmp_path / "wide.png")
    middle = coarse.crop((240, 0, 720, 480))  # what a square clip keeps of it
    square = _frame_of(tmp_path / "square.mp4", middle)
    other = _frame_of(tmp_path / "other.mp4", coarse.crop((0, 0, 480, 480)))
    asked = tmp_path / "wide.png"
    name = "first_frame_match"
    assert sw.metrics.measure(square, name, first_frame=asked)[name] > 0.97
    assert sw.metrics.measure(other, name, first_frame=asked)[name] < 0.7
    assert sw.metrics.measure(square, name)[name] is None


@needs_ffmpeg
@pytest.mark.parametrize("blur", [0, 1, 3, 8])
def test_the_match_of_a_first_frame_falls_as_that_of_ffmpegs_ssim(tmp_path, blur):
    from PIL import ImageFilter

    rng = np.random.default_rng(2)
    asked = Image.fromarray(rng.integers(0, 256, (34, 60, 3), dtype=np.uint8)).resize(
        (480, 272), Image.Resampling.BICUBIC
    )
    asked.save(tmp_path / "asked.png")
    clip = _frame_of(tmp_path / "clip.mp4", asked.filter(ImageFilter.GaussianBlur(blur)))
    told = ffmpeg("-i", clip, "-i", tmp_path / "asked.png", "-frames:v", "1", "-lavfi",
                  "[0:v]format=gray[a];[1:v]format=gray[b];[a][b]ssim", "-f", "null", "-")  # fmt: skip
    theirs = float(re.search(r"SSIM Y:([\d.]+)", told)[1])
    ours = sw.metrics.measure(clip, "first_frame_match", first_frame=tmp_path / "asked.png")[
        "first_frame_match"
    ]
    assert ours == pytest.approx(theirs, abs=0.1)  # windows of 8 px against a Gaussian of 1.5


# --- what is no figure, or no clip -----------------------------------------------------------------------


def test_a_name_that_is_none_is_refused_with_the_nearest():
    with pytest.raises(sw.InvalidRequest, match="sharpness") as caught:
        sw.metrics.measure("clip.mp4", ["sharpnes", "motion"])
    assert [problem.nearest for problem in caught.value.problems] == ["sharpness"]


@pytest.mark.parametrize("name", sw.metrics.BUILT_IN)
def test_what_is_no_clip_is_refused(tmp_path, name):
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"no clip at all")
    Image.new("RGB", (64, 64)).save(tmp_path / "asked.png")
    with pytest.raises(sw.MediaError, match=r"clip\.mp4 is not a clip"):
        sw.metrics.measure(path, name, first_frame=tmp_path / "asked.png")


def test_every_figure_says_what_it_is():
    table = sw.metrics.table()
    assert list(table.index) == list(sw.metrics.BUILT_IN)
    assert (table[["unit", "definition", "source"]].map(len) > 0).all(axis=None)
