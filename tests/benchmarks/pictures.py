"""Cropping a photograph for a clip: ``prepare_image`` against the usual few lines of Pillow.

Both take the same 24-megapixel JPEG file of about 7 MB, cut out the same centred 16:9 window and give the bytes
of a JPEG of 1280 x 720 at quality 90. Plain Pillow opens, crops, resizes with LANCZOS and saves; the kit also
checks the picture and the result. Each runs once in a fresh process, with everything imported and the catalog
read before the clock starts, which is as a notebook meets them. Peak memory is what such a process reaches
above one that imports the same and does nothing.

A quicker picture must not be a worse one: the last table shows how far each is from the picture that plain
Pillow has in memory before it saves it, so what the JPEG itself costs is in both.
"""

from __future__ import annotations

import random
from functools import partial
from typing import TYPE_CHECKING

import measure

if TYPE_CHECKING:
    from pathlib import Path

    from PIL import Image as PillowImage

# as powers of two of 6 and 4 noisy pixels; the window is the centred one of 16:9
OCTAVES, WIDTH, HEIGHT, WINDOW = (
    (9, 1500, 1000, (0, 78, 1500, 922)) if measure.SMALL else (11, 6000, 4000, (0, 312, 6000, 3687))
)
FADING = 0.73  # makes a file of about 7 MB
IMPORTS = """
from pathlib import Path
from PIL import Image, JpegImagePlugin
import seedance_widgets as sw
sw.prepare_image, sw.catalog.default_model()
source, target = Path(sys.argv[1]), Path(sys.argv[2])
"""
NOTHING = "pass"
PLAIN = f"""
with Image.open(source) as picture:
    small = picture.crop({WINDOW}).resize((1280, 720), Image.Resampling.LANCZOS)
    small.save(target, "JPEG", quality=90)
"""
KIT = """
prepared = sw.prepare_image(source, "16:9", model="seedance-1-5-pro", resolution="720p")
target.write_bytes(prepared.data)
"""


def photograph(path: Path) -> None:
    """A picture with detail at every scale, as a camera saves it: forms, texture and a little noise."""
    from PIL import Image, ImageChops

    chance = random.Random(1)

    def noise(width: int, height: int) -> PillowImage.Image:
        return Image.frombytes("L", (width, height), chance.randbytes(width * height))

    bands = []
    for contrast in (1.0, 0.4, 0.4):  # brightness, two of colour
        band = Image.new("L", (WIDTH, HEIGHT), 128)
        for octave in range(OCTAVES):
            # the finer, the fainter
            share = contrast * FADING**octave
            fainter = [round((value - 128) * share) + 128 for value in range(256)]
            layer = noise(6 << octave, 4 << octave).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
            band = ImageChops.add(band, layer.point(fainter), offset=-128)
        bands.append(band)
    Image.merge("YCbCr", bands).save(path, "JPEG", quality=92, subsampling="4:2:0")


def difference(one: PillowImage.Image, other: PillowImage.Image) -> float:
    """Mean difference of two pictures' samples, of 255."""
    from PIL import ImageChops, ImageStat

    return sum(ImageStat.Stat(ImageChops.difference(one, other)).mean) / 3


def compare(plain: Path, kit: Path, source: Path) -> None:
    """Show how far each result is from the picture before it became a JPEG again."""
    from PIL import Image

    with Image.open(source) as picture, Image.open(plain) as theirs, Image.open(kit) as ours:
        exact = picture.crop(WINDOW).resize((1280, 720), Image.Resampling.LANCZOS)
        off = {"plain": [difference(theirs, exact)], "kit": [difference(ours, exact)]}
    table = measure.Table("Mean difference from the exact result, of 255")
    table.row("plain Pillow", off["plain"], "")
    table.row("prepare_image", off["kit"], "", against=off["plain"])
    table.print()


def main() -> None:
    rounds = measure.rounds(__doc__, 9)
    with measure.folder() as home:
        source = home / "photograph.jpg"
        photograph(source)
        print(f"picture of {WIDTH} x {HEIGHT}, {source.stat().st_size / 1e6:.1f} MB")
        works = {"nothing": NOTHING, "plain": PLAIN, "kit": KIT}
        runs = measure.alternate(
            rounds,
            {
                name: partial(measure.fresh, work, source, home / f"{name}.jpg", setup=IMPORTS)
                for name, work in works.items()
            },
        )
        table = measure.Table(f"Crop of {WIDTH * HEIGHT / 1e6:g} megapixels to 1280 x 720")
        for name, title in (("wall", "time"), ("cpu", "CPU time")):
            plain = measure.column(runs["plain"], name)
            table.row(f"{title}, plain Pillow", plain, "ms")
            kit = measure.column(runs["kit"], name)
            table.row(f"{title}, prepare_image", kit, "ms", against=plain, at_most=0.45)
        above = {
            name: [run.peak - idle.peak for run, idle in zip(runs[name], runs["nothing"], strict=True)]
            for name in ("plain", "kit")
        }
        table.row("peak memory, plain Pillow", above["plain"], "MiB")
        table.row("peak memory, prepare_image", above["kit"], "MiB", against=above["plain"], at_most=0.25)
        table.print()
        compare(home / "plain.jpg", home / "kit.jpg", source)


if __name__ == "__main__":
    main()
