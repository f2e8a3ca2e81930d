"""The simulator's MP4 files are what they say: size, frames, sound, and the pictures they were given."""

import io
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter
from PIL.PngImagePlugin import PngInfo

from seedance_widgets.simulator.render import Scene, last_frame_png, render_mp4, stand_in_png

TALL, WIDE, EQUAL = (180, 320), (448, 168), (288, 160)
SIZES = [(864, 496), (1470, 630), (834, 1112), (2206, 946), (1112, 834), (1920, 1088)]
PROMPTS = [
    "night city",
    "a field of white daisies",
    "a fox by the sea",
    "snowy forest",
    "hills at sunset",
    "",
]


def photo(size: tuple[int, int], seed: int = 0) -> Image.Image:
    """Gradients, texture and shapes: what a codec finds in a photograph."""
    width, height = size
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    base = [120 + 100 * np.sin(x / width * 3 + seed), 90 + 100 * y / height, 180 - 120 * y / height]
    grain = rng.normal(0, 10, (height, width))
    image = Image.fromarray((np.stack(base, -1) + grain[..., None]).clip(0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(12):
        left, top = int(rng.integers(0, width)), int(rng.integers(0, height))
        reach = int(rng.integers(8, 90))
        draw.ellipse((left, top, left + reach, top + reach), fill=tuple(rng.integers(30, 230, 3).tolist()))
    return image.filter(ImageFilter.GaussianBlur(0.8))


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def frames_of(mp4: bytes) -> list[np.ndarray]:
    with av.open(io.BytesIO(mp4)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def error(one: np.ndarray | Image.Image, other: np.ndarray | Image.Image) -> float:
    return float(np.abs(np.asarray(one, np.int16) - np.asarray(other, np.int16)).mean())


def cropped(image: Image.Image, size: tuple[int, int], ratio: tuple[int, int]) -> Image.Image:
    """The service's rule, step by step and to whole pixels."""
    width, height = image.size
    across, down = ratio
    if width / height < across / down:
        kept = width * down / across
        top = (height - kept) / 2
        image = image.crop((0, round(top), width, round(top + kept)))
    elif width / height > across / down:
        kept = height * across / down
        left = (width - kept) / 2
        image = image.crop((round(left), 0, round(left + kept), height))
    return image.resize(size, Image.Resampling.BICUBIC)


@pytest.mark.parametrize("size", SIZES)
def test_a_clip_has_the_size_the_frames_and_the_rate_it_was_ordered_with(size):
    mp4 = render_mp4(Scene(*size, frames=3, seed=1, prompt="a fox by the sea"))
    with av.open(io.BytesIO(mp4)) as container:
        video = container.streams.video[0]
        assert (video.width, video.height) == size
        assert video.codec_context.name == "h264"
        assert video.codec_context.pix_fmt == "yuv420p"
        assert video.average_rate == 24
        assert video.frames == 3
        assert video.start_time == 0
        times = [frame.pts * frame.time_base for frame in container.decode(video)]
    assert times == [Fraction(i, 24) for i in range(3)]
    assert mp4.index(b"moov") < mp4.index(b"mdat"), "a player must not need the whole file to begin"


@pytest.mark.parametrize("frames", [1, 2, 29, 121])
def test_every_length_has_exactly_its_frames(frames):
    mp4 = render_mp4(Scene(*EQUAL, frames=frames, seed=1, prompt="forest", audio=True))
    assert len(frames_of(mp4)) == frames


@pytest.mark.parametrize("frames", [24, 121])
def test_the_sound_is_mono_aac_as_long_as_the_video_and_gentle(frames):
    mp4 = render_mp4(Scene(*EQUAL, frames=frames, seed=1, audio=True))
    with av.open(io.BytesIO(mp4)) as container:
        audio = container.streams.audio[0]
        assert audio.codec_context.name == "aac"
        assert audio.layout.name == "mono"
        assert abs(audio.duration * audio.time_base - Fraction(frames, 24)) < Fraction(1024, audio.rate)
        heard = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio)])
    assert 0.005 < np.sqrt((heard**2).mean()) < 0.2
    assert np.abs(heard).max() < 0.5
    assert np.abs(heard[-200:]).max() < 0.02, "it must not end with a click"


def test_no_sound_track_where_none_was_asked():
    with av.open(io.BytesIO(render_mp4(Scene(*EQUAL, frames=3, seed=1)))) as container:
        assert not container.streams.audio


@pytest.mark.parametrize("size", [TALL, WIDE, EQUAL], ids=["tall", "wide", "equal"])
@pytest.mark.parametrize("given", [(400, 700), (900, 420), (600, 600)], ids=str)
def test_the_first_frame_is_the_picture_cropped_as_the_service_does(size, given):
    picture = photo(given)
    scene = Scene(*size, frames=9, seed=4, first_frame=encoded(picture), watermark=True)
    frames = frames_of(render_mp4(scene))
    assert error(frames[0], cropped(picture, size, size)) < 8


def test_the_crop_follows_the_ordered_ratio_and_not_the_size():
    picture = photo((900, 420))
    mp4 = render_mp4(Scene(*EQUAL, frames=2, seed=4, first_frame=encoded(picture), ratio="1:1"))
    first = frames_of(mp4)[0]
    assert error(first, cropped(picture, EQUAL, (1, 1))) < 8
    assert error(first, cropped(picture, EQUAL, EQUAL)) > 10


@pytest.mark.parametrize("still", [False, True])
def test_the_last_frame_is_the_last_picture(still):
    first, last = photo((700, 500), 1), photo((500, 700), 2)
    scene = Scene(
        *EQUAL, frames=30, seed=4, first_frame=encoded(first), last_frame=encoded(last), camera_fixed=still
    )
    frames = frames_of(render_mp4(scene))
    assert error(frames[0], cropped(first, EQUAL, EQUAL)) < 8
    assert error(frames[-1], cropped(last, EQUAL, EQUAL)) < 8
    assert error(frames[15], frames[0]) > 8
    assert error(frames[15], frames[-1]) > 8


def test_the_camera_moves_unless_it_is_fixed():
    picture = encoded(photo((700, 500)))
    moving = frames_of(render_mp4(Scene(*EQUAL, frames=24, seed=4, first_frame=picture)))
    fixed = frames_of(render_mp4(Scene(*EQUAL, frames=24, seed=4, first_frame=picture, camera_fixed=True)))
    assert error(moving[0][:-8], moving[-1][:-8]) > 1.5 * error(fixed[0][:-8], fixed[-1][:-8])
    assert error(fixed[0][:-8], fixed[12][:-8]) < 1, "a fixed picture stands still"


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "BMP", "GIF", "TIFF", "PNG"])
def test_pictures_of_every_kind_are_read(kind):
    picture = photo((300, 200))
    mp4 = render_mp4(Scene(*EQUAL, frames=1, seed=1, first_frame=encoded(picture, kind)))
    assert error(frames_of(mp4)[0], cropped(picture, EQUAL, EQUAL)) < 8


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "1", "I;16", "CMYK"])
def test_pictures_of_every_mode_are_read(mode):
    picture = (
        Image.fromarray(np.full((80, 120), 40000, np.uint16))
        if mode == "I;16"
        else Image.new(mode, (120, 80))
    )
    mp4 = render_mp4(Scene(*EQUAL, frames=1, seed=1, first_frame=encoded(picture, "TIFF")))
    assert len(frames_of(mp4)) == 1


def test_sixteen_bit_pictures_keep_their_light():
    picture = encoded(Image.fromarray(np.full((80, 120), 40000, np.uint16)))
    frame = frames_of(render_mp4(Scene(*EQUAL, frames=1, seed=1, first_frame=picture)))[0]
    assert abs(float(np.median(frame)) - 40000 / 257) < 4


def test_a_picture_lying_on_its_side_is_turned_upright():
    picture = photo((400, 600))
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = encoded(picture.transpose(Image.Transpose.ROTATE_90), "JPEG", exif=exif, quality=95)
    frame = frames_of(render_mp4(Scene(*TALL, frames=1, seed=1, first_frame=turned)))[0]
    assert error(frame, cropped(picture, TALL, TALL)) < 8


def test_a_broken_picture_is_an_error_of_reading():
    with pytest.raises(OSError, match="cannot identify"):
        render_mp4(Scene(*EQUAL, frames=1, seed=1, first_frame=b"no picture"))


@pytest.mark.parametrize("count", [1, 5, 9])
@pytest.mark.parametrize("size", [TALL, WIDE], ids=["tall", "wide"])
def test_every_reference_appears(size, count):
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (0, 255, 255), (255, 0, 255)]
    colours += [(255, 128, 0), (0, 0, 0), (128, 0, 255)]
    cards = tuple(encoded(Image.new("RGB", (90, 60), colour)) for colour in colours[:count])
    frames = frames_of(render_mp4(Scene(*size, frames=6, seed=3, prompt="snow", references=cards)))
    for frame in (frames[0], frames[-1]):
        for colour in colours[:count]:
            near = np.abs(frame.astype(np.int16) - np.array(colour)).max(axis=2) < 40
            assert near.mean() > 0.004, f"no card of {colour}"


@pytest.mark.parametrize("prompt", PROMPTS)
def test_the_same_scene_gives_the_same_bytes_and_another_seed_another_film(prompt):
    scene = Scene(*EQUAL, frames=8, seed=7, prompt=prompt, audio=True, watermark=True)
    other = Scene(*EQUAL, frames=8, seed=8, prompt=prompt, audio=True, watermark=True)
    mp4 = render_mp4(scene)
    assert render_mp4(scene) == mp4
    assert error(frames_of(mp4)[-1], frames_of(render_mp4(other))[-1]) > 4


@pytest.mark.parametrize("prompt", PROMPTS[:4])
def test_a_final_shows_what_its_draft_showed(prompt):
    draft = frames_of(render_mp4(Scene(432, 248, frames=1, seed=7, prompt=prompt, draft=True)))[0]
    final = frames_of(render_mp4(Scene(624, 352, frames=1, seed=7, prompt=prompt)))[0]
    other = frames_of(render_mp4(Scene(624, 352, frames=1, seed=8, prompt=prompt)))[0]
    draft, final, other = (Image.fromarray(frame).resize((108, 62)) for frame in (draft, final, other))
    assert error(draft, final) < 0.6 * error(draft, other)


@pytest.mark.parametrize("prompt", PROMPTS[:3])
def test_landscapes_move_and_a_fixed_camera_only_watches(prompt):
    moving = frames_of(render_mp4(Scene(*WIDE, frames=24, seed=7, prompt=prompt)))
    fixed = frames_of(render_mp4(Scene(*WIDE, frames=24, seed=7, prompt=prompt, camera_fixed=True)))
    assert error(moving[0], moving[-1]) > error(fixed[0], fixed[-1]) > 0.05


@pytest.mark.parametrize(
    "prompt",
    [
        "A girl holding a fox, her dog and a cat in a city at night",
        "海边的狐狸",
        "naïve café “quotes” – 日",
        "\ud800 lone surrogate",
        "word" * 200,
        "x\n\n" * 40,
        "A boy in the snowy mountains " * 30,
    ],
)
def test_any_prompt_gives_a_picture(prompt):
    assert len(frames_of(render_mp4(Scene(*TALL, frames=1, seed=-1, prompt=prompt)))) == 1


def test_the_mark_is_small_and_on_every_frame():
    black = encoded(Image.new("RGB", EQUAL))
    plain = Scene(*EQUAL, frames=10, seed=123456, first_frame=black, camera_fixed=True)
    frames = frames_of(render_mp4(plain))
    for frame in frames:
        lit = (frame > 150).any(axis=2)
        assert lit[-40:-8, :160].any(), "SIMULATED stands bottom left"
        assert lit.mean() < 0.02
    done = [(frame[-2:] > 150).all(axis=2).mean() for frame in frames]
    assert done[0] < 0.05
    assert done == sorted(done)
    assert done[-1] > 0.95


def test_a_watermark_and_a_draft_are_seen():
    black = encoded(Image.new("RGB", EQUAL))
    plain, draft, marked = (
        frames_of(render_mp4(Scene(*EQUAL, frames=1, seed=1, first_frame=black, **options)))[0]
        for options in ({}, {"draft": True}, {"watermark": True})
    )
    assert not (plain[-30:-4, -110:] > 150).any()
    assert (marked[-30:-4, -110:] > 150).any()
    assert (draft > 150).sum() > (plain > 150).sum() * 1.2


def test_the_last_frame_is_the_true_last_one_without_loss():
    mp4 = render_mp4(Scene(*EQUAL, frames=60, seed=1, prompt="forest", audio=True))
    png = Image.open(io.BytesIO(last_frame_png(mp4)))
    assert png.size == EQUAL
    assert np.array_equal(np.asarray(png), frames_of(mp4)[-1])


def test_a_chain_carries_no_marks_along():
    grey = encoded(Image.new("RGB", EQUAL, (90, 90, 90)))
    first = render_mp4(Scene(*EQUAL, frames=12, seed=1, first_frame=grey, watermark=True))
    second = Scene(*EQUAL, frames=12, seed=2, first_frame=last_frame_png(first))
    frame = frames_of(render_mp4(second))[-1]
    right = frame[:-6, 200:].astype(np.int16)
    assert np.abs(right - 90).max() < 12, "the first clip's watermark is gone"


def test_a_forged_note_about_marks_is_ignored():
    for note in ("1,2,3", "x", "99999,99999,99999,99999", "0,0,288,160", "0,0,1,1;287,159,5,5"):
        info = Image.new("RGB", EQUAL)
        text = PngInfo()
        text.add_text("seedance_widgets simulated marks", note)
        mp4 = render_mp4(Scene(*EQUAL, frames=1, seed=1, first_frame=encoded(info, pnginfo=text)))
        assert len(frames_of(mp4)) == 1


def test_clips_rendered_at_the_same_time_do_not_mix():
    scenes = [Scene(*EQUAL, frames=12, seed=seed, prompt="sea") for seed in (1, 2, 1, 2)]
    with ThreadPoolExecutor(4) as pool:
        one, two, *again = pool.map(render_mp4, scenes)
    assert again == [one, two]
    assert one == render_mp4(scenes[0])


def test_a_stand_in_is_made_of_its_url():
    one, same, other = (stand_in_png(f"https://example.com/{name}.png") for name in ("a", "a", "b"))
    assert one == same
    assert one != other
    assert Image.open(io.BytesIO(one)).size == (1024, 768)
    assert Image.open(io.BytesIO(stand_in_png("https://example.com/fox", (333, 501)))).size == (333, 501)


@pytest.mark.parametrize(
    ("width", "height", "frames"), [(433, 248, 5), (432, 249, 5), (0, 248, 5), (432, 248, 0)]
)
def test_what_cannot_be_encoded_is_refused(width, height, frames):
    with pytest.raises(ValueError, match=r"must be even|at least one frame"):
        Scene(width, height, frames, seed=1)
