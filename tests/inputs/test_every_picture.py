"""What is sent, prepared, shown and simulated is the picture that an independent reader sees, or it is refused.

Each case is made from known pixels by plain Pillow and numpy, and so what it shows is known without a decoder of
ours. What goes out is read back by Pillow alone, as a reader without manners does: no turn, no profile, no alpha.
"""

from __future__ import annotations

import base64
import io
import random
import struct
import subprocess
from functools import cache

import numpy as np
import pytest
from pictures import encoded, photo
from PIL import Image, ImageFile, PngImagePlugin
from profiles import SWAPPED, grey, in_srgb, inks

import seedance_widgets as sw
from seedance_widgets.inputs.image import load_image
from seedance_widgets.simulator.picture.stills import open_picture
from seedance_widgets.widgets.previews import look

CLOSE = 4  # of 255, mean absolute error
KINDS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")
CUTS = [(kind, cut) for kind in KINDS for cut in (1, 13, 0.1, 0.5, 0.9)]  # bytes, or a share of the file
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")


@cache
def scene(width=420, height=340):
    return photo(width, height)


@cache
def seen():
    return np.asarray(scene(), float)


@cache
def greys():
    """A smooth ramp from 0 to 1, with a step: white is where it is 1."""
    values = np.linspace(0, 1, 420)[None, :] * np.linspace(0.5, 1, 340)[:, None]
    values[100:200, 50:150] = 1.0
    return values


def grey_seen():
    return np.repeat(greys()[..., None] * 255, 3, axis=2)


@cache
def alpha():
    return Image.fromarray(np.tile(np.linspace(0, 255, 420).astype(np.uint8), (340, 1)))


def on_white(picture, alpha):
    share = np.asarray(alpha, float)[..., None] / 255
    return np.asarray(picture, float) * share + 255 * (1 - share)


def turned_back(pixels, orientation):
    """The pixels that a camera held like that has stored: turned upright by numpy's rules, these are ``pixels``."""
    return {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
        8: lambda a: np.rot90(a, -1),
    }[orientation](pixels)


def exif_of(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def file_of(kind, picture, **options):
    lossy = {"JPEG": {"quality": 95}, "WEBP": {"lossless": True}}.get(kind, {})
    return encoded(picture, kind, **lossy, **options)


CASES = {}
for _kind in KINDS:
    CASES[f"{_kind} plain"] = lambda kind=_kind: (
        file_of(kind, scene().quantize(256) if kind == "GIF" else scene()),
        np.asarray(scene().quantize(256).convert("RGB"), float) if kind == "GIF" else seen(),
    )
    CASES[f"{_kind} grey"] = lambda kind=_kind: (
        file_of(kind, scene().convert("L")),
        np.asarray(scene().convert("L").convert("RGB"), float),
    )
for _kind in ("JPEG", "PNG", "WEBP", "TIFF"):
    for _way in range(2, 9):
        CASES[f"{_kind} held as {_way}"] = lambda kind=_kind, way=_way: (
            file_of(
                kind,
                Image.fromarray(np.ascontiguousarray(turned_back(np.asarray(scene()), way))),
                exif=exif_of(way),
            ),
            seen(),
        )
    CASES[f"{_kind} with a profile"] = lambda kind=_kind: (
        file_of(kind, scene(), icc_profile=SWAPPED),
        np.asarray(in_srgb(scene(), SWAPPED), float),
    )
    CASES[f"{_kind} with a profile, held as 6"] = lambda kind=_kind: (
        file_of(kind, scene().rotate(90, expand=True), icc_profile=SWAPPED, exif=exif_of(6)),
        np.asarray(in_srgb(scene(), SWAPPED), float),
    )
    CASES[f"{_kind} greys with a profile"] = lambda kind=_kind: (
        file_of(kind, scene().convert("L"), icc_profile=grey()),
        np.asarray(in_srgb(scene().convert("L"), grey()), float),
    )
    CASES[f"{_kind} with a profile that is none"] = lambda kind=_kind: (
        file_of(kind, scene(), icc_profile=b"no profile" * 30),
        seen(),
    )
for _kind in ("PNG", "WEBP", "TIFF"):
    CASES[f"{_kind} with alpha"] = lambda kind=_kind: (
        file_of(kind, with_alpha(scene())),
        on_white(scene(), alpha()),
    )
    CASES[f"{_kind} with alpha and a profile"] = lambda kind=_kind: (
        file_of(kind, with_alpha(scene()), icc_profile=SWAPPED),
        on_white(in_srgb(scene(), SWAPPED), alpha()),
    )
CASES |= {
    "PNG greys with alpha": lambda: (
        encoded(with_alpha(scene().convert("L")), "PNG"),
        on_white(scene().convert("L").convert("RGB"), alpha()),
    ),
    "PNG of 16 bits": lambda: (encoded(Image.fromarray(sixteen()), "PNG"), grey_seen()),
    "TIFF of 16 bits": lambda: (encoded(Image.fromarray(sixteen()), "TIFF"), grey_seen()),
    "TIFF of 16 bits, the other end first": lambda: (big_ended_tiff(), grey_seen()),
    "TIFF of 32 bits": lambda: (
        encoded(Image.fromarray((greys() * (2**31 - 1)).astype(np.int32)), "TIFF"),
        grey_seen(),
    ),
    "TIFF of fractions": lambda: (encoded(Image.fromarray(greys().astype(np.float32)), "TIFF"), grey_seen()),
    "TIFF of floats to 255": lambda: (
        encoded(Image.fromarray((greys() * 255).astype(np.float32)), "TIFF"),
        grey_seen(),
    ),
    "PNG with a palette": lambda: (
        encoded(scene().quantize(64), "PNG"),
        np.asarray(scene().quantize(64).convert("RGB"), float),
    ),
    "PNG with a palette, a colour of it transparent": lambda: (
        encoded(scene().quantize(64), "PNG", transparency=3),
        np.where(
            (np.asarray(scene().quantize(64)) == 3)[..., None],
            255.0,
            np.asarray(scene().quantize(64).convert("RGB"), float),
        ),
    ),
    "GIF with a transparent colour": lambda: (
        encoded(scene().quantize(64), "GIF", transparency=3),
        np.where(
            (np.asarray(scene().quantize(64)) == 3)[..., None],
            255.0,
            np.asarray(scene().quantize(64).convert("RGB"), float),
        ),
    ),
    "GIF that moves": lambda: (animation("GIF"), np.asarray(scene().quantize(256).convert("RGB"), float)),
    "WEBP that moves": lambda: (animation("WEBP"), seen()),
    "JPEG of inks": lambda: (encoded(scene().convert("CMYK"), "JPEG", quality=95), seen()),
    "JPEG of inks with a profile": lambda: (
        encoded(scene().convert("CMYK"), "JPEG", quality=95, icc_profile=inks()),
        np.asarray(in_srgb(scene().convert("CMYK"), inks()), float),
    ),
    "TIFF of inks with a profile": lambda: (
        encoded(scene().convert("CMYK"), "TIFF", icc_profile=inks()),
        np.asarray(in_srgb(scene().convert("CMYK"), inks()), float),
    ),
    "JPEG in steps": lambda: (encoded(scene(), "JPEG", quality=95, progressive=True), seen()),
    "PNG whose EXIF lies behind its pixels": lambda: (late_exif(), seen()),
}


def with_alpha(picture):
    picture = picture.copy()
    picture.putalpha(alpha())
    return picture


def sixteen():
    return np.rint(greys() * 65535).astype(np.uint16)


def big_ended_tiff():
    """A TIFF of 16 bits, written by hand: one strip, the most significant byte first."""
    data, (height, width) = sixteen().astype(">u2").tobytes(), greys().shape
    tags = [
        (256, 4, width),
        (257, 4, height),
        (258, 3, 16),
        (259, 3, 1),
        (262, 3, 1),
        (273, 4, 8),
        (277, 3, 1),
    ]
    tags += [(278, 4, height), (279, 4, len(data))]
    entries = b"".join(
        struct.pack(">HHI", tag, kind, 1)
        + (struct.pack(">I", value) if kind == 4 else struct.pack(">HH", value, 0))
        for tag, kind, value in tags
    )
    return (
        b"MM\0*" + struct.pack(">I", 8 + len(data)) + data + struct.pack(">H", len(tags)) + entries + bytes(4)
    )


def animation(kind):
    first = scene().quantize(256) if kind == "GIF" else scene()
    options = {"lossless": True} if kind == "WEBP" else {}
    return encoded(
        first, kind, save_all=True, append_images=[Image.new("RGB", scene().size, "red")], **options
    )


def late_exif():
    """ImageMagick and cameras put it there: a reader that looks at the head of the file misses it."""
    whole = encoded(scene().rotate(90, expand=True), "PNG", exif=exif_of(6))
    at = whole.index(b"eXIf") - 4
    end = at + 12 + int.from_bytes(whole[at : at + 4])
    rest = whole[:at] + whole[end:]
    return rest[:-12] + whole[at:end] + rest[-12:]


def difference(data, expected):
    picture = Image.open(io.BytesIO(data))
    assert picture.getexif().get(0x0112, 1) == 1
    got = np.asarray(picture.convert("RGB"), float)
    want = Image.fromarray(np.rint(expected).astype(np.uint8))
    if want.size != picture.size:
        want = want.resize(picture.size, Image.Resampling.LANCZOS)
    return np.abs(got - np.asarray(want, float)).mean()


@pytest.mark.parametrize("name", CASES)
def test_what_goes_out_is_the_picture(name):
    data, expected = CASES[name]()
    sent = sw.TaskRequest("x", first_frame=data).first_frame
    assert sent.size == expected.shape[1::-1]
    shown = look(data, 400)
    assert shown.size == sent.size
    simulated = io.BytesIO()
    open_picture(data).save(simulated, "PNG")
    ways = {
        "sent": sent.data,
        "prepared": sw.prepare_image(data, quality=95).data,
        "shown": shown.jpeg,
        "simulated": simulated.getvalue(),
        "sent again": load_image(sent.data).data,
    }
    assert {
        way: difference(each, expected) for way, each in ways.items() if difference(each, expected) >= CLOSE
    } == {}
    assert load_image(sent.data).data == sent.data  # what was sent once is a file that needs no change


def test_the_table_is_as_long_as_it_is_said_to_be():
    assert len(CASES) + len(CUTS) >= 60


@pytest.mark.parametrize("careless", [False, True])
@pytest.mark.parametrize(("kind", "cut"), CUTS)
def test_a_part_of_a_file_is_refused(kind, cut, careless, monkeypatch):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", careless)  # many notebooks set it
    whole = file_of(kind, scene().quantize(256) if kind == "GIF" else scene())
    part = whole[: len(whole) - (cut if cut >= 1 else round(cut * len(whole)))]
    with pytest.raises(sw.InvalidRequest, match="damaged|not a picture that can be read"):
        sw.TaskRequest("x", first_frame=part)
    with pytest.raises(sw.MediaError):
        sw.prepare_image(part)
    assert ImageFile.LOAD_TRUNCATED_IMAGES is careless


PLAIN = {
    "JPEG": lambda: file_of("JPEG", scene()),
    "JPEG in another profile of the same name": lambda: file_of(
        "JPEG", scene(), icc_profile=srgb_by_another_hand()
    ),
    "PNG": lambda: file_of("PNG", scene()),
    "PNG whose alpha is opaque": lambda: file_of("PNG", scene().convert("RGBA")),
    "WEBP": lambda: encoded(scene(), "WEBP"),
    "BMP": lambda: file_of("BMP", scene()),
    "TIFF": lambda: file_of("TIFF", scene()),
    "GIF": lambda: file_of("GIF", scene().quantize(256)),
    "JPEG with bytes behind its end": lambda: file_of("JPEG", scene()) + bytes(40),
}


def srgb_by_another_hand():
    from PIL import ImageCms

    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.mark.parametrize("name", PLAIN)
def test_a_file_that_every_reader_sees_alike_goes_out_byte_for_byte(name):
    data = PLAIN[name]()
    image = sw.TaskRequest("x", first_frame=data).first_frame
    assert image.data == data
    assert image.notes == ()


def test_what_was_fine_before_has_the_same_bytes():
    """Rows of the log know a request by them: a turned photograph, and a picture of Pillow's."""
    held = file_of("JPEG", scene(), exif=exif_of(6))
    assert load_image(held).data == encoded(
        Image.open(io.BytesIO(held)).transpose(Image.Transpose.ROTATE_270), quality=95
    )
    assert load_image(scene()).data == encoded(scene(), "PNG")
    few = Image.fromarray(np.asarray(scene().convert("L"), np.int32))
    assert load_image(few).data == encoded(few.convert("RGB"), "PNG")


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("PNG with alpha", "transparent parts lie on white"),
        ("JPEG with a profile", "to sRGB"),
        ("GIF that moves", "only its frame 1 of 2"),
        ("WEBP that moves", "only its frame 1 of 2"),
    ],
)
def test_a_change_is_said_where_it_is_priced(name, word):
    data, _ = CASES[name]()
    assert any(word in note for note in sw.prepare_image(data).notes)
    priced = sw.estimate(prompt="x", first_frame=data, ratio="16:9", model="seedance-1-5-pro")
    assert any(word in note and "first_frame" in note for note in priced.notes)
    assert priced.exact  # none of it moves the price


def test_odd_exif_is_no_damage(pytestconfig):
    rng = random.Random(9)
    whole = {kind: encoded(photo(320, 310), kind) for kind in ("JPEG", "PNG", "WEBP")}
    good = exif_of(6).tobytes()
    seen = np.asarray(photo(320, 310), float)
    for index in range(3000 if pytestconfig.getoption("--soak") else 120):
        block = bytearray(
            rng.randbytes(rng.randrange(1, 400))
            if index % 3 == 0
            else good + rng.randbytes(rng.randrange(90))
        )
        for _ in range(rng.randrange(9)):
            block[rng.randrange(len(block))] = rng.randrange(256)
        kind = ("JPEG", "PNG", "WEBP")[index % 3 if index % 2 else rng.randrange(3)]
        data = with_exif(whole[kind], kind, bytes(block))
        image = load_image(data)
        # whichever way it was held, all of the picture is there
        got = np.asarray(Image.open(io.BytesIO(image.data)).convert("RGB"), float)
        ways = (turned_back(got, way) for way in range(1, 9))
        assert any(way.shape == seen.shape and np.abs(way - seen).mean() < CLOSE for way in ways), (
            index,
            kind,
        )
        if image.data == data:
            assert image.size == (320, 310)


def with_exif(data, kind, block):
    if kind == "JPEG":
        marked = b"Exif\0\0" + block
        return data[:2] + b"\xff\xe1" + struct.pack(">H", len(marked) + 2) + marked + data[2:]
    if kind == "PNG":
        info = PngImagePlugin.PngInfo()
        info.add(b"eXIf", block)
        return encoded(Image.open(io.BytesIO(data)), "PNG", pnginfo=info)
    head, body = b"VP8X" + struct.pack("<IB3x", 10, 8), data[12:]
    size = struct.pack("<I", 319)[:3] + struct.pack("<I", 309)[:3]
    chunk = b"EXIF" + struct.pack("<I", len(block)) + block + bytes(len(block) % 2)
    riff = b"WEBP" + head + size + body + chunk
    return b"RIFF" + struct.pack("<I", len(riff)) + riff


@pytest.mark.parametrize(("number", "upright"), [(0, True), (9, True), (60000, True), (3, False)])
def test_the_number_alone_says_how_it_was_held(number, upright):
    data = file_of("JPEG", scene(), exif=exif_of(number))
    assert (load_image(data).data == data) is upright


@pytest.mark.parametrize("mode", ["RGBA", "RGBa", "LA", "La", "PA"])
def test_every_mode_with_alpha_lies_on_white(mode):
    given = with_alpha(scene().convert("L")) if mode in ("LA", "La") else with_alpha(scene())
    if mode == "PA":
        given = scene().quantize(64).convert("PA")
        given.putalpha(alpha())
        expected = on_white(scene().quantize(64).convert("RGB"), alpha())
    else:
        expected = on_white(given.convert("RGB"), alpha())
        given = given.convert(mode)
    assert given.mode == mode
    image = load_image(given)
    assert difference(image.data, expected) < CLOSE
    assert "transparent parts lie on white" in image.notes
    assert difference(sw.prepare_image(given, quality=95).data, expected) < CLOSE


def test_a_picture_whose_transparency_is_lost_already_is_refused():
    with pytest.raises(sw.MediaError, match="PA without a transparent pixel"):
        load_image(with_alpha(scene().convert("L")).convert("PA"))


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: np.asarray(scene()), seen),
        (lambda: np.asarray(scene()) / 255.0, seen),
        (lambda: (np.asarray(scene()) / 255.0).astype(np.float16), seen),
        (lambda: np.asarray(scene()).astype(np.int64), seen),
        (lambda: np.asarray(scene()).astype(np.uint16) * 257, seen),
        (lambda: np.asarray(scene())[::-1], lambda: seen()[::-1]),
        (greys, grey_seen),
        (lambda: greys()[..., None], grey_seen),
        (sixteen, grey_seen),
        (lambda: greys() > 0.5, lambda: np.where(grey_seen() > 127.5, 255.0, 0.0)),
        (lambda: np.asarray(with_alpha(scene())), lambda: on_white(scene(), alpha())),
        (lambda: np.asarray(with_alpha(scene())) / 255.0, lambda: on_white(scene(), alpha())),
    ],
)
def test_an_array_is_a_picture(make, expected):
    request = sw.TaskRequest("x", first_frame=make(), last_frame=make(), model="seedance-1-5-pro")
    assert difference(request.first_frame.data, expected()) < CLOSE
    assert difference(sw.prepare_image(make(), quality=95).data, expected()) < CLOSE
    assert len(sw.TaskRequest("x", reference_images=make(), model="seedance-2-0").reference_images) == 1


@pytest.mark.parametrize(
    ("array", "word"),
    [
        (np.zeros((3, 400, 400)), "moveaxis"),
        (np.zeros((400, 400, 7)), "channels"),
        (np.zeros(400), "height x width"),
        (np.zeros((0, 400)), "height x width"),
        (np.array(["a"]), "no plain numbers"),
        (np.zeros((400, 400), complex), "no plain numbers"),
    ],
)
def test_an_array_that_is_no_picture(array, word):
    with pytest.raises(sw.MediaError, match=word):
        load_image(array)


def test_every_way_to_give_a_picture(tmp_path):
    data = file_of("JPEG", scene())
    path = tmp_path / "a fox.jpg"
    path.write_bytes(data)
    text = base64.b64encode(data).decode()
    lines = "\n".join(text[at : at + 76] for at in range(0, len(text), 76))
    import IPython.display

    written = io.BytesIO()
    written.write(data)  # it stands at its end, as after a picture was saved into it
    forms = {
        "open file": path.open("rb"),
        "memory": written,
        "memory view": memoryview(data),
        "file address": path.as_uri(),
        "spaces around a path": f"file://localhost{path}",
        "base64": text,
        "base64 in lines": lines,
        "data URL": f"data:image/jpeg;base64,{text}",
        "in lines": f"data:image/jpeg;base64,{lines}",
        "charset": f"data:image/jpeg;charset=utf-8;BASE64,{text}",
        "no type": f"data:;base64,{text}",
        "octets": f"data:application/octet-stream;base64,{text}",
        "other alphabet": "data:image/jpeg;base64," + base64.urlsafe_b64encode(data).decode(),
        "not padded": "data:image/jpeg;base64," + text.rstrip("="),
        "escaped": "data:image/jpeg;base64,"
        + text.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D"),
        "octets escaped": "data:image/jpeg," + "".join(f"%{byte:02X}" for byte in data),
        "notebook picture": IPython.display.Image(data=data),
        "notebook file": IPython.display.Image(filename=str(path)),
    }
    for name, form in forms.items():
        assert load_image(form).data == data, name
        assert sw.prepare_image(form).size == scene().size, name
        assert look(form, 100).size == scene().size, name
        request = sw.TaskRequest("x", model="seedance-2-0", reference_images=form)
        assert [each.data for each in request.reference_images] == [data], name
    forms["open file"].close()
    assert written.tell() == len(data)  # as it was
    assert load_image("  https://example.com/a.png\n").url == "https://example.com/a.png"
    link = IPython.display.Image(url="https://example.com/a.png")
    assert load_image(link).url == "https://example.com/a.png"


def test_a_figure_is_the_picture_that_a_notebook_shows():
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), dpi=100)
    axes = figure.subplots()
    shown = axes.imshow(np.asarray(scene()))
    out = io.BytesIO()
    figure.savefig(out, format="png")
    expected = np.asarray(Image.open(out).convert("RGB"), float)
    for given in (figure, axes, shown):
        assert difference(load_image(given).data, expected) < 0.01


@pytest.mark.parametrize(
    "given",
    [
        "A" * 5_000,
        "x" * 5_000 + ".png",
        "/9j/" + "A" * 90_000,
        "data:image/png;base64," + "@" * 5_000,
        "data:" + "x" * 5_000,
        "file://elsewhere/" + "x" * 5_000,
        "https://example.com/" + "x" * 5_000,
        "~nobody-of-that-name/a.png",
        "a\0b.png",
        io.StringIO("no picture"),
        object(),
    ],
)
def test_messages_are_short(given):
    for use in (
        load_image,
        sw.prepare_image,
        sw.ImageCropper,
        lambda given: sw.TaskRequest("x", first_frame=given),
    ):
        try:
            use(given)
        except sw.SeedanceError as error:
            assert len(str(error)) < 900  # noqa: PT017
        else:
            assert str(given).startswith("https://")


def test_a_photograph_of_200_megapixels_is_made_smaller():
    out = io.BytesIO()
    Image.linear_gradient("L").resize((16_320, 12_240)).save(out, "JPEG", quality=50)
    prepared = sw.prepare_image(out.getvalue(), "16:9")
    assert prepared.size == (1280, 720)
    middle = Image.open(io.BytesIO(prepared.data)).convert("L").getpixel((640, 360))
    assert abs(middle - 127) < 4
    with pytest.raises(sw.InvalidRequest, match="prepare_image makes it smaller"):
        sw.TaskRequest("x", first_frame=out.getvalue())
    assert Image.MAX_IMAGE_PIXELS is not None


HEADS = [b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"]


@pytest.mark.parametrize("brand", HEADS)
def test_a_picture_of_a_phone_goes_to_models_that_take_it(brand):
    data = b"\0\0\0\x18ftyp" + brand + b"\0\0\0\0mif1heic" + bytes(300)
    assert sw.TaskRequest("x", model="seedance-1-5-pro", first_frame=data).first_frame.data == data
    with pytest.raises(sw.InvalidRequest, match="pip install pillow-heif"):
        sw.TaskRequest("x", model="seedance-1-0-pro", first_frame=data)


def phone_picture(**options):
    import pillow_heif

    out = io.BytesIO()
    pillow_heif.from_pillow(scene()).save(out, quality=95, **options)
    return out.getvalue()


def test_a_picture_of_a_phone_is_read_where_its_reader_is_installed():
    data = phone_picture()
    image = load_image(data)
    assert (image.data, image.size, image.format) == (data, scene().size, "heic")
    assert difference(sw.prepare_image(data, quality=95).data, seen()) < CLOSE
    assert look(data, 300).size == scene().size
    for cut in (1, 500, len(data) // 2):
        with pytest.raises(sw.MediaError, match="its end is missing"):
            load_image(data[:-cut])


def test_without_its_reader_the_way_out_is_said(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pillow_heif", None)
    data = phone_picture.__wrapped__() if hasattr(phone_picture, "__wrapped__") else HEIC
    assert load_image(data).data == data
    with pytest.raises(sw.MediaError, match="pip install pillow-heif"):
        sw.prepare_image(data)
    assert "pip install pillow-heif" in look(data, 300).why_not


HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(300)


def test_an_independent_program_reads_the_same(tmp_path):
    """ImageMagick, where it is there: the turn and 16 bits are not Pillow's reading alone."""
    import shutil

    if not shutil.which("convert"):
        pytest.skip("ImageMagick is not installed")
    for name in ("JPEG held as 6", "JPEG held as 7", "PNG of 16 bits", "TIFF of 16 bits"):
        data, _ = CASES[name]()
        path = tmp_path / f"a.{name.split()[0].lower()}"
        path.write_bytes(data)
        out = tmp_path / "out.ppm"
        subprocess.run(
            ["convert", path, "-auto-orient", "-depth", "8", "-type", "TrueColor", out], check=True
        )
        assert difference(load_image(data).data, np.asarray(Image.open(out), float)) < CLOSE
