"""A task as code: run as it stands, it asks for the same clip."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys

import pytest
from hostile import TEXTS
from pictures import photo

import seedance_widgets as sw

pytestmark = pytest.mark.filterwarnings("ignore::seedance_widgets.errors.RetiredModelWarning")
SMALL = {"model": "seedance-1-5-pro", "resolution": "480p", "ratio": "1:1", "duration": 4}
KEY = "key-of-this-test"
ASKED = {
    "text": {"prompt": "It's a \"fox\" \\ $HOME `id` %s\nat the {sea} 🦊", "seed": 11, "camera_fixed": True, **SMALL},
    "frames": {"prompt": "a fox", "model": "seedance-1-0-pro", "resolution": "480p", "frames": 29},
    "pictures": {"first_frame": photo(640, 640), "last_frame": photo(640, 480), "return_last_frame": True, **SMALL},
    "references": {
        "prompt": "[Image 1] and [Image 2]", "model": "seedance-1-0-lite-i2v", "resolution": "480p",
        "reference_images": [photo(320, 320), "https://example.com/fox.png"],
    },
    "flags": {"prompt": "a fox --ar 9:16 --wm true --v 6", "legacy_flags": "sent", **SMALL},
    "extra": {
        "prompt": "a fox", "execution_expires_after": 7200, "safety_identifier": "u'1", "watermark": True,
        "callback_url": "http://127.0.0.1:9/x?a=1&b=$2", "generate_audio": False, **SMALL,
    },
}  # fmt: skip


@pytest.fixture
def service(tmp_path, monkeypatch):
    """A served simulator, and a working folder of one's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ARK_API_KEY", KEY)
    simulator = sw.Simulator(speed=200)
    with simulator.serve() as url:
        monkeypatch.setenv("ARK_BASE_URL", url)
        yield simulator
    simulator.close()


def request_from(home):
    """The body of every row, oldest first, without the fingerprint."""
    with sqlite3.connect(home / "log.sqlite") as log:
        rows = log.execute("SELECT body, nonce FROM tasks ORDER BY intent_at, key").fetchall()
    bodies = []
    for text, nonce in rows:
        body = json.loads(text)
        if nonce is not None:
            del body["execution_expires_after"]
        bodies.append(body)
    return bodies


def facts_of(simulator):
    """What the service has settled for each task, oldest first."""
    with simulator._service.world.transaction(0) as world:
        facts = [dict(task.facts) for task in world.tasks()]
    for each in facts:
        each.pop("execution_expires_after")
    return facts


@pytest.mark.parametrize("name", ASKED)
def test_the_python_asks_for_the_same(service, tmp_path, capsys, name):
    with sw.Studio("runs") as studio:
        task = sw.run(_submit(studio, ASKED[name]))
        code = task.to_code()
    assert KEY not in repr(code)
    exec(compile(code, "code", "exec"), {})
    assert "succeeded" in capsys.readouterr().out
    first, second = request_from(tmp_path / "runs")
    assert first == second


def test_the_python_needs_nothing_but_the_key(service, tmp_path):
    with sw.Studio("runs") as studio:
        code = sw.run(_submit(studio, ASKED["frames"])).to_code()
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "succeeded" in done.stdout
    first, second = request_from(tmp_path / "runs")
    assert first == second


async def _submit(studio, params):
    params = dict(params)
    return await studio.submit(params.pop("prompt", ""), **params)


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl")
@pytest.mark.parametrize("name", ASKED)
def test_the_curl_asks_for_the_same(service, name):
    with sw.Studio("runs") as studio:
        task = sw.run(_submit(studio, ASKED[name]))
        code = task.to_code()
    assert KEY not in code.curl
    assert "simulated" not in code.curl
    done = subprocess.run(["sh", "-c", code.curl], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["id"].startswith("cgt-")
    second, first = facts_of(service)
    assert first == second


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl")
def test_the_key_is_not_among_the_arguments_of_curl(service, tmp_path, monkeypatch):
    """Every user of a machine can list them."""
    with sw.Studio("runs") as studio:
        code = sw.run(_submit(studio, ASKED["text"])).to_code()
    real, bin_, heard = shutil.which("curl"), tmp_path / "bin", tmp_path / "arguments"
    bin_.mkdir()
    (bin_ / "curl").write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {heard}\nexec {real} "$@"\n')
    (bin_ / "curl").chmod(0o755)
    monkeypatch.setenv("PATH", str(bin_), prepend=os.pathsep)
    done = subprocess.run(["sh", "-c", code.curl], capture_output=True, text=True, timeout=60)
    assert json.loads(done.stdout)["id"].startswith("cgt-")
    assert "contents/generations/tasks" in heard.read_text()
    assert KEY not in heard.read_text()


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl")
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_no_text_breaks_out(service, tmp_path, text):
    with sw.Studio("runs") as studio:
        code = sw.run(_submit(studio, {"prompt": text, **SMALL})).to_code()
    subprocess.run(["sh", "-c", code.curl], check=True, capture_output=True, timeout=60)
    exec(compile(code, "code", "exec"), {})
    first, second = request_from(tmp_path / "runs")
    assert first == second
    assert len({facts["prompt"] for facts in facts_of(service)}) == 1


def test_a_final_and_a_simulated_task(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with sw.Studio("runs", simulate=True) as studio:
        draft = sw.run(studio.generate("a fox", draft=True, **SMALL))
        final = sw.run(studio.promote(draft, resolution="480p"))
        assert final.to_code().curl.startswith(
            "# the task was simulated: this asks a service that bills\n{\n"
        )
        exec(compile(final.to_code(), "code", "exec"), {})
        rows = studio.log.to_pandas()
    assert rows["kind"].tolist() == ["draft", "final", "final"]
    assert rows["parent_key"].tolist()[1:] == [draft.key] * 2
    assert rows["simulated"].all()
    _, first, second = request_from(tmp_path / "runs")
    assert first == second


def test_of_a_task_made_elsewhere_nobody_knows_what_was_asked(studio, simulator):
    task = sw.run(studio.generate("a fox", **SMALL))
    with sw.Studio(studio.home / "other", simulate=simulator) as other:
        adopted = sw.run(other.adopt(task.id))
        with pytest.raises(sw.InvalidRequest, match="made elsewhere"):
            adopted.to_code()


def test_paths_are_relative_below_the_working_folder(studio, monkeypatch):
    task = sw.run(studio.generate("a fox", first_frame=photo(640, 640), **SMALL))
    (kept,) = (studio.home / "inputs").iterdir()
    assert f"first_frame={kept.as_posix()!r}" in task.to_code()
    monkeypatch.chdir(studio.home.parent)
    assert f"first_frame='runs/inputs/{kept.name}'" in task.to_code()
    assert f"base64 < runs/inputs/{kept.name}" in task.to_code().curl
    assert os.fspath(studio.home) not in repr(task.to_code())
