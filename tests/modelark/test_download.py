"""Downloads: whole or not at all, and without the key."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import hashlib
import os
import resource
import signal
import socket
import struct
import traceback

import httpx
import pytest
from canary import KEY

from seedance_widgets import errors
from seedance_widgets.modelark.client import Client
from seedance_widgets.modelark.download import Download, _Sink

URL = "https://tos.example/clips/a.mp4?X-Tos-Signature=sesame"
CLIP = bytes(range(256)) * 11


class Chunks(httpx.AsyncByteStream):
    def __init__(self, *chunks):
        self.chunks = chunks

    async def __aiter__(self):
        for chunk in self.chunks:
            if isinstance(chunk, Exception):
                raise chunk
            yield chunk


@pytest.fixture
def target(tmp_path):
    """Where a file stands already, which no failure may touch."""
    path = tmp_path / "video.mp4"
    path.write_bytes(b"old")
    return path


def near_client(**options):
    """A client of a service on this machine, whose files may be here too."""
    return Client(KEY, "http://127.0.0.1:9/api/v3", **options)


def client(*script):
    """A client, and the requests that its transport got."""
    requests, replies = [], list(script)

    async def serve(request):
        requests.append(request)
        reply = replies.pop(0) if len(replies) > 1 else replies[0]
        if isinstance(reply, Exception):
            raise reply
        return reply(request) if callable(reply) else reply

    return Client(KEY, transport=httpx.MockTransport(serve)), requests


def clip(content=CLIP, kind="video/mp4", **headers):
    names = {"Content-Type": kind} | {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: httpx.Response(200, content=content, headers=names)


def moved(location, status=302):
    return lambda _: httpx.Response(status, headers={"Location": location})


async def refused(studio, target, url=URL):
    """The error of a download that must leave everything as it was."""
    before = {path: path.read_bytes() for path in target.parent.iterdir()}
    async with studio:
        with pytest.raises(errors.DownloadError) as info:
            await studio.download(url, target)
    assert {path: path.read_bytes() for path in target.parent.iterdir()} == before
    told = "".join(traceback.format_exception(info.value)) + repr(info.value)
    assert "sesame" not in told
    assert KEY not in told
    return info.value


@pytest.mark.parametrize("size", [1, 65_536, (1 << 20) - 1, 1 << 20, (5 << 20) + 17])
async def test_a_clip_arrives_whole(target, size):
    content = os.urandom(size)
    chunks = [content[start : start + 65_536] for start in range(0, size, 65_536)]
    studio, requests = client(
        lambda _: httpx.Response(
            200,
            stream=Chunks(*chunks),
            headers={"Content-Length": str(size), "Content-Type": "Video/MP4; codecs=avc1"},
        )
    )
    async with studio:
        got = await studio.download(URL, target)
    assert got == Download(target, hashlib.sha256(content).hexdigest(), size, "video/mp4")
    assert target.read_bytes() == content
    assert list(target.parent.iterdir()) == [target]
    (request,) = requests
    assert str(request.url) == URL
    assert request.headers["Accept-Encoding"] == "identity"


async def test_the_key_does_not_travel_with_a_download(target):
    studio, requests = client(
        lambda request: httpx.Response(200, json={}) if "tasks" in request.url.path else clip()(request)
    )
    async with studio:
        await studio.get("cgt-1")
        await studio.download(URL, target)
        await studio.download("https://ark.ap-southeast.bytepluses.com/files/a.mp4", target)
    assert [KEY in str(request.headers.raw) for request in requests] == [True, False, False]
    assert all("authorization" not in request.headers for request in requests[1:])


async def test_size_and_kind_may_be_missing(target):
    studio, _ = client(lambda _: httpx.Response(200, stream=Chunks(CLIP[:9], CLIP[9:])))
    async with studio:
        got = await studio.download(URL, target)
    assert got.content_type is None
    assert target.read_bytes() == CLIP


@pytest.mark.parametrize("status", [403, 404])
async def test_an_expired_link(target, status):
    studio, requests = client(lambda _: httpx.Response(status, text="<Error>AccessDenied</Error>"))
    error = await refused(studio, target)
    assert isinstance(error, errors.DownloadError)
    assert error.status_code == status
    assert "expired" in str(error)
    assert "24 hours" in str(error)
    assert len(requests) == 1


@pytest.mark.parametrize("status", [204, 206, 304, 400, 416, 429, 500, 503])
async def test_any_other_status_is_no_clip(target, status):
    studio, requests = client(lambda _: httpx.Response(status, content=b"x" if status != 204 else b""))
    error = await refused(studio, target)
    assert isinstance(error, errors.DownloadError)
    assert error.status_code == status
    assert len(requests) == 1


@pytest.mark.parametrize(
    "kind",
    ["text/html", "Text/HTML; charset=utf-8", "application/json", "application/xml", "text/xml", "x/a+json"],
)
async def test_a_page_is_no_clip(target, kind):
    studio, _ = client(clip(kind=kind))
    assert "page" in str(await refused(studio, target))


@pytest.mark.parametrize(
    "kind", ["video/mp4", "image/png", "application/octet-stream", "binary/octet-stream"]
)
async def test_kinds_that_are_files(target, kind):
    studio, _ = client(clip(kind=kind))
    async with studio:
        assert (await studio.download(URL, target)).content_type == kind


async def test_an_encoded_file_is_refused(target):
    studio, _ = client(
        lambda _: httpx.Response(200, stream=Chunks(CLIP), headers={"Content-Encoding": "gzip"})
    )
    assert "gzip" in str(await refused(studio, target))


async def test_an_empty_file_is_refused(target):
    studio, _ = client(clip(b""))
    assert "empty" in str(await refused(studio, target))


@pytest.mark.parametrize("announced", [len(CLIP) - 1, len(CLIP) + 1])
async def test_a_wrong_length_is_refused(target, announced):
    studio, _ = client(clip(Content_Length=str(announced)))
    error = await refused(studio, target)
    assert str(announced) in str(error)
    assert str(len(CLIP)) in str(error)


@pytest.mark.parametrize(
    "fault",
    [
        httpx.ConnectError("no route"),
        httpx.ReadTimeout("slow"),
        lambda _: httpx.Response(200, stream=Chunks(CLIP, httpx.ReadError("reset"))),
        lambda _: httpx.Response(200, stream=Chunks(*[bytes(1 << 20)] * 3, httpx.RemoteProtocolError("cut"))),
        lambda _: httpx.Response(200, stream=Chunks(RuntimeError("boom"))),
    ],
)
async def test_a_broken_stream_leaves_nothing(target, fault):
    studio, requests = client(fault)
    assert "broke off" in str(await refused(studio, target))
    assert len(requests) == 1


# --- redirects -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_within_the_host_are_followed(target, status):
    studio, requests = client(
        moved("/b?X-Tos-Signature=sesame", status), moved("https://TOS.example:443/c"), moved("d"), clip()
    )
    async with studio:
        await studio.download(URL, target)
    assert [request.url.path for request in requests] == ["/clips/a.mp4", "/b", "/c", "/d"]
    assert all("authorization" not in request.headers for request in requests)


async def test_not_more_than_three(target):
    studio, requests = client(moved("/again"))
    assert "redirected" in str(await refused(studio, target))
    assert len(requests) == 4


@pytest.mark.parametrize(
    "location", ["https://cdn.example/a?sesame", "//cdn.example/a", "https://tos.example:8443/a"]
)
async def test_redirects_from_https_to_https_are_followed_without_the_key(target, location):
    studio, requests = client(moved(location), clip())
    async with studio:
        await studio.download(URL, target)
    assert target.read_bytes() == CLIP
    assert [str(request.url) for request in requests] == [URL, str(httpx.URL(URL).join(location))]
    assert all("authorization" not in request.headers for request in requests)


@pytest.mark.parametrize(
    ("location", "told"),
    [
        ("http://evil.example/a?sesame", "http://evil.example;"),
        ("http://tos.example/clips/a.mp4", "http://tos.example;"),
        ("https://user:sesame@tos.example/a", "user name"),
        ("file:///etc/passwd", "file://"),
        ("https://127.0.0.1/a?sesame", "said to be at 127.0.0.1"),
        ("https://localhost/a", "said to be at localhost"),
    ],
)
async def test_redirects_elsewhere_are_refused(target, location, told):
    studio, requests = client(moved(location), clip())
    assert told in str(await refused(studio, target))
    assert len(requests) == 1


LOCAL = [
    "127.0.0.1", "127.1", "2130706433", "0x7f000001", "localhost", "LOCALHOST", "localhost.",
    "a.localhost", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.4", "169.254.169.254", "100.100.100.200",
    "[::1]", "[::]", "[fe80::1]", "[fd00::1]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "224.0.0.1",
]  # fmt: skip


@pytest.mark.parametrize("host", LOCAL)
async def test_a_link_into_this_machines_network_is_not_followed(target, host):
    studio, requests = client(clip())
    error = await refused(studio, target, f"http://{host}/a?sesame")
    assert "address of this machine or its network" in str(error)
    assert "file_hosts=[" in str(error)
    assert requests == []


@pytest.mark.parametrize("host", ["tos.example", "8.8.8.8", "minio.local", "nas.internal", "[2606:4700::1]"])
async def test_other_hosts_are_asked_and_names_are_not_looked_up(target, host):
    studio, requests = client(clip())
    async with studio:
        await studio.download(f"http://{host}/a", target)
    assert len(requests) == 1


async def send_clip(request):
    return clip()(request)


async def test_a_host_that_is_allowed_or_a_neighbour_of_the_service_is_asked(target):
    studio, requests = client(clip())
    studio.file_hosts.add("10.1.2.3")
    async with studio:
        await studio.download("http://10.1.2.3/a", target)
    assert "10.1.2.4" in str(await refused(studio, target, "http://10.1.2.4/a"))
    for base in ("http://127.0.0.1:9/api/v3", "https://10.1.1.1/api/v3", "http://simulator/api/v3"):
        async with Client(KEY, base, transport=httpx.MockTransport(send_clip)) as near:
            await near.download("http://192.168.1.4/a", target)
    assert len(requests) == 1


@pytest.mark.parametrize(
    "url",
    [
        "",
        "clip.mp4",
        "file:///etc/passwd",
        "ftp://tos.example/a",
        "data:video/mp4;base64,AA",
        "https:///a",
        None,
        "https://user:sesame@tos.example/a",
        "https://tos.example/\nsesame",
    ],
)
async def test_links_that_are_not_asked(target, url):
    studio, requests = client(clip())
    await refused(studio, target, url)
    assert requests == []


# --- the disk --------------------------------------------------------------------------------------------


@contextlib.contextmanager
def files_no_larger_than(nbytes):
    """A full disk without a disk: the kernel refuses to let any file grow further."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (nbytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("megabytes", [1, 4])
async def test_a_full_disk(target, megabytes):
    studio, _ = client(lambda _: httpx.Response(200, stream=Chunks(*[bytes(1 << 16)] * 16 * megabytes)))
    with files_no_larger_than(100_000):
        error = await refused(studio, target)
    assert "EFBIG" in str(error)
    assert "Nothing is lost" in str(error)
    assert error.__cause__.errno == errno.EFBIG


async def test_a_disk_that_fails_at_the_last_moment(target, monkeypatch):
    def fsync(_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fsync)
    studio, _ = client(clip())
    assert "EIO" in str(await refused(studio, target))


async def test_disk_and_connection_failing_together_are_one_error(target, caplog):
    class Both(httpx.AsyncByteStream):
        async def __aiter__(self):
            yield bytes(1 << 20)
            await asyncio.sleep(0.05)  # the write of it fails meanwhile
            raise httpx.ReadError("reset")

    studio, _ = client(lambda _: httpx.Response(200, stream=Both()))
    with files_no_larger_than(100_000):
        assert "broke off" in str(await refused(studio, target))
    gc.collect()
    assert "never retrieved" not in caplog.text


def test_a_write_that_comes_after_the_end_is_refused(target):
    sink = _Sink(target)
    sink.discard()
    with pytest.raises(errors.DownloadError):
        sink.write([CLIP])
    assert list(target.parent.iterdir()) == [target]


async def test_a_folder_that_is_not_there(tmp_path, target):
    studio, _ = client(clip())
    async with studio:
        with pytest.raises(errors.DownloadError, match="ENOENT"):
            await studio.download(URL, tmp_path / "none" / "video.mp4")
    assert list(tmp_path.iterdir()) == [target]


async def test_a_folder_in_place_of_the_file(tmp_path):
    (tmp_path / "video.mp4").mkdir()
    studio, _ = client(clip())
    async with studio:
        with pytest.raises(errors.DownloadError, match="EISDIR"):
            await studio.download(URL, tmp_path / "video.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["video.mp4"]


async def test_the_final_name_appears_only_with_the_whole_file(tmp_path):
    path = tmp_path / "video.mp4"
    seen = []

    class Watched(httpx.AsyncByteStream):
        async def __aiter__(self):
            for _ in range(40):
                yield bytes(1 << 16)
                await asyncio.sleep(0)
                seen.append({entry.name: entry.stat().st_size for entry in tmp_path.iterdir()})

    studio, _ = client(lambda _: httpx.Response(200, stream=Watched()))
    async with studio:
        await studio.download(URL, path)
    names = {name for step in seen for name in step}
    (part,) = names
    assert part.startswith("video.mp4.")
    assert part.endswith(".part")
    assert {entry.name: entry.stat().st_size for entry in tmp_path.iterdir()} == {"video.mp4": 40 << 16}


async def test_two_downloads_to_one_name_do_not_mix(tmp_path):
    first, second = os.urandom(3 << 20), os.urandom(3 << 20)
    studio, _ = client(clip(first), clip(second))
    async with studio:
        got = await asyncio.gather(*(studio.download(URL, tmp_path / "a.mp4") for _ in range(2)))
    assert {entry.sha256 for entry in got} == {hashlib.sha256(each).hexdigest() for each in (first, second)}
    assert (tmp_path / "a.mp4").read_bytes() in (first, second)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


@pytest.mark.parametrize("steps", [*range(12), 30, 60])
async def test_cancelling_leaves_nothing(target, steps):
    class Slow(httpx.AsyncByteStream):
        async def __aiter__(self):
            while True:
                yield bytes(1 << 18)
                await asyncio.sleep(0)

    studio, _ = client(lambda _: httpx.Response(200, stream=Slow()))
    async with studio:
        task = asyncio.create_task(studio.download(URL, target))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert list(target.parent.iterdir()) == [target]
    assert target.read_bytes() == b"old"


# --- real connections ------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def sending(head, body, *, reset=False):
    """A server on loopback that sends this and closes, after each request. Yields a link to it."""
    handlers = set()

    async def handle(reader, writer):
        handlers.add(asyncio.current_task())
        with contextlib.suppress(OSError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\n" + head + b"\r\n\r\n" + body)
            await writer.drain()
            if reset:
                linger = struct.pack("ii", 1, 0)
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/a.mp4"
        await asyncio.gather(*handlers)


BIG = os.urandom(3_000_000)


@pytest.mark.parametrize("framing", ["length", "chunked", "until closed"])
async def test_over_a_socket(tmp_path, framing):
    head = {
        "length": b"Content-Length: %d" % len(BIG),
        "chunked": b"Transfer-Encoding: chunked",
        "until closed": b"Connection: close",
    }[framing]
    body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BIG), BIG) if framing == "chunked" else BIG
    async with sending(head, body) as url, near_client() as studio:
        got = await studio.download(url, tmp_path / "a.mp4")
    assert (got.nbytes, got.sha256) == (len(BIG), hashlib.sha256(BIG).hexdigest())
    assert (tmp_path / "a.mp4").read_bytes() == BIG


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize(
    ("head", "body"),
    [
        (b"Content-Length: %d" % (len(BIG) + 1), BIG),
        (b"Transfer-Encoding: chunked", b"%x\r\n%b\r\n" % (len(BIG), BIG)),
        (b"Content-Length: 100", b""),
    ],
)
async def test_half_a_body(target, head, body, reset):
    async with sending(head, body, reset=reset) as url:
        assert "broke off" in str(await refused(near_client(), target, url))


async def test_a_server_that_stops_sending(target):
    async def stall(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
        await reader.read()
        writer.close()

    server = await asyncio.start_server(stall, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/a.mp4"
        error = await refused(near_client(timeout=httpx.Timeout(0.2)), target, url)
        await asyncio.sleep(0.02)
    assert "ReadTimeout" in str(error)
