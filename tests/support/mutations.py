"""Good clips and good answers, spoiled in every way that bytes and JSON can be; each way has a number.

    python mutations.py CLIP FOLDER COUNT

saves so many spoiled copies of a clip as a studio would, in a process of its own: a decoder that crashes,
hangs or takes all memory must not take the tests with it. It prints one JSON object: how each ended, and the
growth of its memory.
"""

from __future__ import annotations

import asyncio
import copy
import json
import random
import resource
import struct
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from seedance_widgets.errors import SeedanceError
from seedance_widgets.media.store import Media
from seedance_widgets.media.video_file import last_picture, poster_jpeg, probe
from seedance_widgets.modelark.client import Client

if TYPE_CHECKING:
    from collections.abc import Iterator

_ODD = (
    None, True, False, 0, -1, 1 << 31, 1 << 63, -(10**400), 10**400, 1e308, -0.0, float("nan"), float("inf"), "",
    "0", "null", " ", "\ud800", "a\0b", "x" * 100_000, "../../../etc/passwd", "\u202e", [], {}, [[]], [None],
    {"id": {}}, {"": None},
)  # fmt: skip
_BOXES = (b"moov", b"trak", b"mdia", b"minf", b"stbl")
_TABLES = (b"stsz", b"stco", b"stsc", b"stts", b"ctts", b"stss", b"mvhd", b"tkhd", b"mdhd", b"elst", b"avcC",
           b"avc1", b"stsd", b"hdlr", b"mp4a", b"esds", b"ftyp", b"mdat", b"free")  # fmt: skip


# --- clips -----------------------------------------------------------------------------------------------


def spoiled_clip(good: bytes, number: int) -> bytes:
    """The clip in its numbered way of being wrong."""
    rng = random.Random(number)
    ways = (_cut, _flipped, _flipped_index, _swapped, _renamed, _resized, _huge_table, _mixed)
    return ways[number % len(ways)](bytearray(good), rng)


def _cut(clip: bytearray, rng: random.Random) -> bytes:
    return bytes(clip[: rng.choice((1, 7, 8, 40, rng.randrange(1, len(clip)), len(clip) - 1))])


def _flipped(clip: bytearray, rng: random.Random) -> bytes:
    for _ in range(rng.choice((1, 8, 200))):
        clip[rng.randrange(len(clip))] ^= 1 << rng.randrange(8)
    return bytes(clip)


def _flipped_index(clip: bytearray, rng: random.Random) -> bytes:
    start, size = next(box for box in _boxes(clip) if clip[box[0] + 4 : box[0] + 8] == b"moov")
    for _ in range(rng.choice((1, 4, 40))):
        clip[rng.randrange(start + 8, start + size)] = rng.randrange(256)
    return bytes(clip)


def _swapped(clip: bytearray, rng: random.Random) -> bytes:
    boxes = [bytes(clip[start : start + size]) for start, size in _boxes(clip)]
    rng.shuffle(boxes)
    return b"".join(boxes[rng.randrange(2) :]) + rng.choice((b"", boxes[0]))


def _renamed(clip: bytearray, rng: random.Random) -> bytes:
    at = _place(clip, rng)
    clip[at : at + 4] = rng.choice((b"free", b"hev1", b"av01", b"\0\0\0\0", b"moov", b"mp4v", b"uuid"))
    return bytes(clip)


def _resized(clip: bytearray, rng: random.Random) -> bytes:
    at = _place(clip, rng)
    size = rng.choice((0, 1, 2, 7, 8, 0x7FFFFFFF, 0xFFFFFFFF, rng.randrange(1 << 16)))
    clip[at - 4 : at] = struct.pack(">I", size)
    return bytes(clip)


def _huge_table(clip: bytearray, rng: random.Random) -> bytes:
    at = clip.find(rng.choice(_TABLES[:11]))
    field = at + 8 + 4 * rng.randrange(6)
    clip[field : field + 4] = struct.pack(
        ">I", rng.choice((0, 1, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 0x10000000))
    )
    return bytes(clip)


def _mixed(clip: bytearray, rng: random.Random) -> bytes:
    if rng.random() < 0.2:
        return rng.choice(
            (b"\0" * 5000, b"<html>no</html>", b"RIFF" + bytes(clip), bytes(clip[::-1]), b"[1, 2")
        )
    return _flipped(bytearray(_renamed(bytearray(_resized(clip, rng)), rng)), rng)


def _boxes(clip: bytearray) -> Iterator[tuple[int, int]]:
    start = 0
    while start < len(clip):
        size = int.from_bytes(clip[start : start + 4])
        yield start, size
        start += size


def _place(clip: bytearray, rng: random.Random) -> int:
    kinds = [kind for kind in (*_BOXES, *_TABLES) if clip.find(kind) > 0]
    return clip.find(rng.choice(kinds))


# --- answers ---------------------------------------------------------------------------------------------


def spoiled_answer(good: dict[str, Any], number: int) -> bytes:
    """The JSON object in its numbered way of being wrong, as bytes."""
    rng = random.Random(number)
    if number % 4:
        value = copy.deepcopy(good)
        for _ in range(rng.choice((1, 1, 1, 2, 5))):
            value = _spoil(value, rng)
        return _encoded(value, rng)
    text = json.dumps(good)
    ways = (
        text[: rng.randrange(len(text))].encode(),
        _flipped(bytearray(text.encode()), rng),
        b"[" * 100_000 + text.encode(),
        b'{"a":' * (depth := rng.choice((40, 90, 900, 30_000))) + text.encode() + b"}" * depth,
        text.replace("{", '{"id": 7, "status": [], ', 1).encode(),
        (text[:-1] + ', "id": "cgt-other", "status": "running"}').encode(),
        text.encode("utf-16"),
        text.encode("utf-32"),
        b"\xff\xfe" + text.encode(),
        b"\xef\xbb\xbf" + text.encode(),
        json.dumps([good]).encode(),
        json.dumps(text).encode(),
        rng.choice((b"", b" ", b"null", b"0", b"NaN", b"<html>", b"\0" * 99, b"9" * 5000, b'"')),
        text.encode().replace(b'"', b"'"),
    )
    return ways[number // 4 % len(ways)]


def _encoded(value: Any, rng: random.Random) -> bytes:
    text = json.dumps(value, ensure_ascii=rng.random() < 0.7)
    return text.encode(errors="surrogatepass")


def _spoil(value: Any, rng: random.Random) -> Any:
    """One place of a value made odd: another type, gone, or grown."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        name = rng.choice(list(value))
        if rng.random() < 0.1:
            del value[name]
        else:
            value[name] = _spoil(value[name], rng)
        return value
    if isinstance(value, list) and value and rng.random() < 0.7:
        value[rng.randrange(len(value))] = _spoil(rng.choice(value), rng)
        return value
    return copy.deepcopy(rng.choice(_ODD))


# --- a process of its own --------------------------------------------------------------------------------


async def _save_all(good: bytes, folder: Path, count: int) -> dict[str, Any]:
    now = b""
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=now))
    media, ended = Media(folder), Counter[str]()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    async with Client("any", transport=transport) as client:
        for number in range(count):
            now = spoiled_clip(good, number)
            try:
                _, whole = await media.save(client, f"{number}", "https://tos.example/a.mp4", None)
                ended["saved" if whole else "failed"] += 1
            except SeedanceError as error:
                ended[type(error).__name__] += 1
            for look in (probe, poster_jpeg, last_picture):
                try:
                    look(folder / "media" / f"{number}" / "video.mp4")
                    ended[f"{look.__name__} reads"] += 1
                except SeedanceError as error:
                    ended[f"{look.__name__} {type(error).__name__}"] += 1
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return {"ended": ended, "grown_kib": grown}


if __name__ == "__main__":
    clip, where, how_many = sys.argv[1:]
    print(json.dumps(asyncio.run(_save_all(Path(clip).read_bytes(), Path(where), int(how_many)))))
