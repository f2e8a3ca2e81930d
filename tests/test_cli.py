from __future__ import annotations

import contextlib
import json
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from canary import KEY

import seedance_widgets as sw
from seedance_widgets.cli import main

SMALL = {"resolution": "480p", "ratio": "1:1", "duration": 4}
COMMAND = [sys.executable, "-m", "seedance_widgets.cli"]


def run(*args, cwd=None):
    return subprocess.run([*COMMAND, *args], capture_output=True, text=True, cwd=cwd, timeout=300)


def test_simulate_says_its_address_first_and_keeps_state(tmp_path):
    for known in (0, 1):
        with subprocess.Popen(
            [*COMMAND, "simulate", "--speed", "500", "--state", str(tmp_path)],
            stdout=subprocess.PIPE,
            text=True,
        ) as server:
            try:
                base_url = server.stdout.readline().strip()
                assert re.fullmatch(r"http://127\.0\.0\.1:\d+/api/v3", base_url)
                url = f"{base_url}/contents/generations/tasks"
                key = {"Authorization": "Bearer any"}
                assert httpx.get(url, headers=key, timeout=60).json()["total"] == known
                body = {"model": "seedance-1-5-pro", "content": [{"type": "text", "text": "a fox"}]}
                assert httpx.post(url, headers=key, json=body, timeout=60).status_code == 200
            finally:  # or its end would be waited for in vain
                server.send_signal(signal.SIGTERM)
        assert server.returncode == 0


HAND_TO_ANOTHER_THREAD = """
import signal, sys, threading
from seedance_widgets.cli import main

def hand_over():
    sys.stdin.readline()
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

threading.Thread(target=hand_over, daemon=True).start()
raise SystemExit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("command", ["simulate", "webhook"])
def test_it_ends_whichever_thread_is_handed_the_signal(command, tmp_path):
    sw.Studio(tmp_path, simulate=True).close()
    arguments = {"simulate": [], "webhook": [str(tmp_path), "--simulate"]}[command]
    with subprocess.Popen(
        [sys.executable, "-c", HAND_TO_ANOTHER_THREAD, command, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        try:
            assert server.stdout.readline().startswith("http")
            server.communicate("now\n", timeout=60)
        finally:
            server.kill()
    assert server.returncode == 0


def test_simulate_on_a_taken_port_is_a_clear_error():
    with sw.Simulator().serve() as base_url:
        done = run("simulate", "--port", base_url.split(":")[2].split("/")[0])
    assert done.returncode == 1
    assert "is the port taken" in done.stderr


@pytest.fixture
def home(tmp_path):
    with sw.Studio(tmp_path / "runs", simulate=True) as studio:
        sw.run(studio.submit("a fox", **SMALL))
    return tmp_path / "runs"


def test_resume_finishes_what_was_left(home, capsys):
    done = run("resume", str(home), "--simulate")
    assert done.returncode == 0, done.stderr
    assert "succeeded" in done.stdout
    assert "1 unfinished, 1 done now, 0 with an error" in done.stdout
    assert list(home.glob("media/*/video.mp4"))
    assert main(["resume", str(home), "--simulate"]) == 0
    assert "0 unfinished" in capsys.readouterr().out


def test_log_prints_and_exports(home, tmp_path, capsys):
    assert main(["log", str(home)]) == 0
    assert "1 task," in capsys.readouterr().out
    assert main(["log", str(home), "--csv", str(tmp_path / "log.csv")]) == 0
    assert (tmp_path / "log.csv").read_text().startswith("key,task_id,status")
    assert main(["log", str(home), "--csv", str(tmp_path / "none" / "log.csv")]) == 1
    assert "non-existent directory" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [["--port", "99999"], ["--port", "-1"], ["--speed", "0"], ["--speed", "nan"], ["--speed", "fast"]],
)
def test_what_cannot_be_meant_is_told_before_anything_starts(arguments, capsys):
    with pytest.raises(SystemExit):
        main(["simulate", *arguments])
    assert arguments[1] in capsys.readouterr().err


def test_whoever_reads_may_stop_reading(home):
    shown = f"{shlex.join([*COMMAND, 'log', str(home)])} | head -0"
    done = subprocess.run(["sh", "-c", shown], capture_output=True, text=True, timeout=300)
    assert done.stderr == ""


@pytest.mark.parametrize("command", ["resume", "log", "webhook"])
def test_a_folder_that_is_no_studio_is_a_clear_error_and_stays_none(tmp_path, command, capsys):
    for folder in (tmp_path, tmp_path / "mistyped"):
        assert main([command, str(folder)]) == 1
        assert "no studio" in (said := capsys.readouterr().err)
        assert str(folder) in said
    assert list(tmp_path.iterdir()) == []


def test_a_log_elsewhere_is_found(tmp_path, capsys):
    with sw.Studio(tmp_path / "runs", log=tmp_path / "team.sqlite", simulate=True) as studio:
        sw.run(studio.submit("a fox", **SMALL))
    for where in (tmp_path / "team.sqlite", f"sqlite:///{tmp_path / 'team.sqlite'}"):
        assert main(["log", str(tmp_path / "runs"), "--log", str(where)]) == 0
        assert "1 task," in capsys.readouterr().out
    assert main(["log", str(tmp_path / "runs"), "--log", str(tmp_path / "other.sqlite")]) == 1
    assert not (tmp_path / "runs" / "log.sqlite").exists()


def test_the_demo_without_a_browser(tmp_path):
    done = run("demo", "--headless", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    *rows, notebook = done.stdout.splitlines()
    assert notebook == str(tmp_path / "seedance-demo" / "01_quickstart.ipynb")
    assert len(rows) == 4
    for row in rows:
        key, status, size, tokens, usd, path = row.split(" ", 5)
        assert status == "succeeded"
        assert re.fullmatch(r"\d+x\d+", size)
        assert int(tokens) > 0
        assert usd.startswith("$0.")
        assert Path(path).read_bytes()[4:8] == b"ftyp"
        assert key in path
    executed = json.loads((tmp_path / "seedance-demo" / "01_quickstart.ipynb").read_text())
    pages = [
        "".join(output["data"]["text/html"])
        for cell in executed["cells"]
        for output in cell.get("outputs", ())
        if "text/html" in output.get("data", {})
    ]
    assert sum("<video" in page for page in pages) >= 4
    assert len(json.dumps(executed)) < 120_000
    # a second demo leaves the first alone
    assert not (tmp_path / "seedance-demo-2").exists()


@contextlib.contextmanager
def webhook(home):
    """The command as a process of its own; yields the address it says, and ends it by a signal."""
    with subprocess.Popen(
        [*COMMAND, "webhook", str(home)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        url = server.stdout.readline().strip()
        yield url
        server.send_signal(signal.SIGTERM)
        said, troubles = server.communicate(timeout=60)
    assert (server.returncode, troubles) == (0, "")
    assert url not in said


def test_webhook_says_its_address_first_and_sees_to_tasks_left_behind(tmp_path, clock, monkeypatch):
    simulator = sw.Simulator(clock=clock)
    with simulator.serve() as base_url:
        monkeypatch.setenv("ARK_API_KEY", KEY)
        monkeypatch.setenv("ARK_BASE_URL", base_url)
        sw.Studio(tmp_path).close()
        with webhook(tmp_path) as url:
            assert re.fullmatch(r"http://127\.0\.0\.1:\d+/webhook/[\w-]{43}/callback", url)
            with sw.Studio(tmp_path, clock=clock) as studio:
                task = sw.run(studio.submit("a fox", model="seedance-1-0-pro", callback_url=url, **SMALL))
            clock.pass_(1000)
            deadline = time.monotonic() + 60
            while not (found := list(tmp_path.glob(f"media/{task.key}/video.mp4"))):
                assert time.monotonic() < deadline
                time.sleep(0.05)
            assert found[0].read_bytes()[4:8] == b"ftyp"
            state = httpx.get(url.replace("callback", f"tasks/{task.id}"), timeout=60).json()["data"]
            assert state["status"] == "succeeded"
        with sw.Studio(tmp_path) as studio:
            assert urlsplit(studio.webhook().url).path == urlsplit(url).path
    simulator.close()


def test_webhook_on_a_taken_port_is_a_clear_error(tmp_path):
    sw.Studio(tmp_path, simulate=True).close()
    with sw.Simulator().serve() as base_url:
        done = run("webhook", str(tmp_path), "--simulate", "--port", base_url.split(":")[2].split("/")[0])
    assert done.returncode == 1
    assert "the webhook cannot listen" in done.stderr
