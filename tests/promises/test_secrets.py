"""The API key shows nowhere: not in tracebacks that print every variable, not in what is displayed or stored."""

from __future__ import annotations

import asyncio
import copy
import pickle
import subprocess
import sys

import httpx
import nbformat
import pytest
from canary import KEY, Canary
from IPython.core.ultratb import VerboseTB
from nbclient import NotebookClient

import seedance_widgets as sw
from seedance_widgets import errors
from seedance_widgets.modelark.client import Client

SMALL = {"model": "seedance-1-0-pro", "resolution": "480p", "ratio": "1:1", "frames": 29}
BODY = {"model": "m", "content": []}
HIDDEN = Canary(KEY)


def shown(error):
    """All that a notebook with ``%xmode Verbose`` prints of an error, its variables included."""
    # without the frame of the test, which has the key of course
    told = VerboseTB(include_vars=True).text(type(error), error, error.__traceback__.tb_next)
    assert "Traceback" in told
    return f"{told}\n{error}\n{error!r}\n{vars(error)}"


def with_key_in_sight():
    key = KEY
    raise ValueError(key)


def test_the_traceback_would_show_it():
    with pytest.raises(ValueError) as caught:
        with_key_in_sight()
    assert HIDDEN.is_in(shown(caught.value))


def answer(status=200, **options):
    return lambda _: httpx.Response(status, **options)


def raising(error):
    def raise_it(request):
        held = dict(request.headers)
        raise type(error)(f"{error} {held}")

    return raise_it


def echo(status):
    def reply(request):
        told = request.headers["Authorization"]
        headers = {"X-Request-Id": told, "Location": f"https://x.example/?k={KEY}"}
        return httpx.Response(
            status, json={"error": {"code": told, "message": told, "param": told}}, headers=headers
        )

    return reply


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (raising(httpx.ConnectError("no route")), errors.NotSent),
        (raising(httpx.ProxyError("refused")), errors.NotSent),
        (raising(httpx.ReadTimeout("slow")), errors.AnswerLost),
        (raising(httpx.RemoteProtocolError("cut")), errors.AnswerLost),
        (raising(RuntimeError("bug")), errors.AnswerLost),
        (answer(content=b"no json"), errors.AnswerLost),
        (answer(json=[KEY]), errors.AnswerLost),
        (answer(json={"token": KEY}), errors.AnswerLost),
        (echo(200), errors.AnswerLost),
        (echo(302), errors.AnswerLost),
        (echo(400), errors.BadRequest),
        (echo(401), errors.AuthenticationFailed),
        (echo(403), errors.PermissionDenied),
        (echo(404), errors.NotFound),
        (echo(409), errors.Conflict),
        (echo(429), errors.RateLimited),
        (echo(503), errors.ServerFault),
    ],
)
async def test_no_error_of_a_call_shows_it(reply, kind):
    async with Client(KEY, transport=httpx.MockTransport(reply), retries=1) as client:
        with pytest.raises(kind) as caught:
            await client.create(BODY)
        assert not HIDDEN.is_in(shown(caught.value))
        assert not HIDDEN.is_in(pickle.dumps(vars(caught.value)))


async def test_a_good_answer_that_echoes_it_does_not_bring_it_in():
    told = {"id": "cgt-1", "you": f"Bearer {KEY}", "/": KEY.replace("/", "//")}
    raw = httpx.Response(200, json=told).content.replace(KEY.encode(), KEY.replace("/", "\\/").encode())
    headers = {"X-Request-Id": KEY}
    for content in (raw, httpx.Response(200, json=told).content):
        transport = httpx.MockTransport(answer(content=content, headers=headers))
        async with Client(KEY, transport=transport) as client:
            got = await client.create(BODY)
        assert got.data["you"] == "Bearer ***"
        assert not HIDDEN.is_in(repr(got))
        assert not HIDDEN.is_in(got.raw)


async def test_an_interrupted_call_does_not_show_it():
    async def never(_):
        await asyncio.sleep(600)

    async with Client(KEY, transport=httpx.MockTransport(never)) as client:
        call = asyncio.ensure_future(client.get("cgt-1"))
        await asyncio.sleep(0.05)
        call.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await call
    assert not HIDDEN.is_in(shown(caught.value))


async def test_an_environment_that_lets_no_connection_be_made(monkeypatch, tmp_path):
    monkeypatch.setenv("HTTPS_PROXY", "socks9://proxy.example")
    async with Client(KEY, retries=1) as client:
        for call, kind in (
            (client.create(BODY), errors.NotSent),
            (client.download("https://tos.example/a.mp4", tmp_path / "a.mp4"), errors.DownloadError),
        ):
            with pytest.raises(kind) as caught:
                await call
            assert not HIDDEN.is_in(shown(caught.value))


@pytest.mark.parametrize(
    "base_url", ["http://ark.example/api/v3", "nonsense", "https://a:b@ark.example", "https://[x"]
)
@pytest.mark.parametrize("place", [Client, sw.Studio])
def test_a_bad_address_does_not_show_the_key_that_came_with_it(monkeypatch, tmp_path, place, base_url):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ARK_API_KEY", KEY)
    monkeypatch.setenv("ARK_BASE_URL", base_url)
    with pytest.raises(errors.InvalidRequest) as caught:
        sw.Studio() if place is sw.Studio else Client(api_key_of_environment(), base_url)
    assert not HIDDEN.is_in(shown(caught.value))


def api_key_of_environment():
    import os

    return os.environ["ARK_API_KEY"]


@pytest.mark.parametrize("broken", [f"{KEY} {KEY}", f"{KEY}\nx", f"{KEY}é"], ids=["twice", "lines", "accent"])
def test_a_broken_key_is_not_shown_either(monkeypatch, tmp_path, broken):
    monkeypatch.setenv("ARK_API_KEY", broken)
    with pytest.raises(errors.InvalidRequest) as caught:
        sw.Studio(tmp_path)
    assert not HIDDEN.is_in(shown(caught.value))


def test_what_holds_it_neither_shows_nor_pickles_nor_copies_it(tmp_path):
    client = Client(KEY)
    with sw.Studio(tmp_path, api_key=KEY) as studio:
        for held in (client, studio):
            assert not HIDDEN.is_in(f"{held!r} {held} {vars(held)}")
            for taken in (pickle.dumps, copy.deepcopy):
                with pytest.raises(TypeError):
                    taken(held)


def test_a_log_that_cannot_be_opened_does_not_show_it(monkeypatch, tmp_path):
    monkeypatch.setenv("ARK_API_KEY", KEY)
    (tmp_path / "log.sqlite").write_text("no database" * 500)
    with pytest.raises(errors.LogError) as caught:
        sw.Studio(tmp_path)
    assert not HIDDEN.is_in(shown(caught.value))


# a person's notebook: the key in the environment, errors in full, widgets with state, one clip
CELLS = """
%xmode Verbose
import seedance_widgets as sw
studio = sw.Studio("runs")
form = sw.ParameterForm(studio)
board = sw.TaskBoard(studio)
display(studio, form, board)
---
task = await studio.generate("a fox", model="seedance-1-0-pro", resolution="480p", ratio="1:1", frames=29)
---
sw.VideoPlayer(task)
---
await studio.adopt("cgt-none")
---
await studio.submit("a fox", model="seedance-1-0-pro", resolution="480p", ratio="1:1", extra={"seed": "x"})
---
sw.Studio("runs", base_url="http://ark.example/api/v3")
---
studio.log.to_pandas().T
"""


def test_a_notebook_holds_none(tmp_path, monkeypatch):
    monkeypatch.setenv("ARK_API_KEY", KEY)
    with sw.Simulator(speed=200).serve() as base_url:
        monkeypatch.setenv("ARK_BASE_URL", base_url)
        cells = [nbformat.v4.new_code_cell(source.strip()) for source in CELLS.split("---")]
        notebook = nbformat.v4.new_notebook(cells=cells)
        runner = NotebookClient(
            notebook, timeout=120, allow_errors=True, store_widget_state=True,
            resources={"metadata": {"path": str(tmp_path)}},
        )  # fmt: skip
        runner.execute()
    nbformat.write(notebook, tmp_path / "run.ipynb")
    raised = [[each.ename for each in cell.outputs if each.output_type == "error"] for cell in cells]
    assert raised[:3] + raised[6:] == [[]] * 4
    assert all(raised[3:6])
    assert notebook.metadata.widgets
    assert len(list(tmp_path.rglob("video.mp4"))) == 1
    assert HIDDEN.files(tmp_path) == []


def test_the_commands_say_none(tmp_path, monkeypatch):
    monkeypatch.setenv("ARK_API_KEY", KEY)
    with sw.Simulator(speed=200).serve() as base_url:
        monkeypatch.setenv("ARK_BASE_URL", base_url)
        with sw.Studio(tmp_path) as studio:
            task = sw.run(studio.submit("a fox", **SMALL))
        for command in ("resume", "log"):
            done = subprocess.run(
                [sys.executable, "-m", "seedance_widgets.cli", command, tmp_path],
                capture_output=True, text=True, timeout=120,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
            assert task.key in done.stdout
            assert not HIDDEN.is_in(done.stdout + done.stderr)
    assert HIDDEN.files(tmp_path) == []
