"""Generate pressed while a kernel is busy, on the ipykernels that people have.

Where a widget callback runs depends on the kernel's version: on the main thread, or in a subshell's thread
with a loop of its own. Older kernels are installed beside the environment, under ``--soak`` and in CI.
"""

from __future__ import annotations

import os
import queue
import re
import signal
import subprocess
import sys
import time

import pytest
from jupyter_client.manager import KernelManager

NEWEST = "newest"
OLDER = ("6.30.1", "7.3.0")
OPEN = """
import time, asyncio, threading
import seedance_widgets as sw
studio = sw.Studio("HOME", simulate=sw.Simulator(speed=60))
form = sw.ParameterForm(studio)
form._model.value = "seedance-1-0-pro"
form._prompt.value = "a fox"
for name, value in dict(resolution="480p", ratio="1:1", duration="4").items():
    form._controls[name].set(value)
print("button", form._button.model_id)
"""
BAD_WORDS = ("different loop", "SQLite objects created", "never awaited", "Traceback")


class Kernel:
    """A kernel and a client that can press buttons."""

    def __init__(self, folder, extra_path) -> None:
        paths = [str(extra_path)] if extra_path else []
        paths += [os.environ["PYTHONPATH"]] if os.environ.get("PYTHONPATH") else []
        self.manager = KernelManager()
        self.errors = folder / "stderr.txt"
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONFAULTHANDLER": "1"}
        with self.errors.open("w") as errors:
            self.manager.start_kernel(cwd=str(folder), env=environment, stderr=errors)
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)
        self.said = ""

    def start(self, code):
        """Run a cell, do not wait."""
        return self.client.execute(code)

    def next_message(self, timeout):
        """What the kernel says next; one that is silent is ended, and its threads' stacks are shown."""
        try:
            return self.client.get_iopub_msg(timeout=timeout)
        except queue.Empty:
            os.kill(self.manager.provisioner.process.pid, signal.SIGABRT)
            self.manager.provisioner.process.wait(20)
            raise AssertionError(
                f"the kernel said nothing for {timeout} s:\n{self.errors.read_text()}"
            ) from None

    def wait(self, msg_id, timeout=60):
        """The text of a cell's outputs once it is done, errors included."""
        text, deadline = "", time.monotonic() + timeout
        while time.monotonic() < deadline:
            message = self.next_message(timeout)
            content = message["content"]
            if message["msg_type"] == "stream":
                self.said += content["text"] if content["name"] == "stderr" else ""
            if message["parent_header"].get("msg_id") != msg_id:
                continue
            text += content.get("text", "") + content.get("ename", "")
            text += str(content.get("data", {}).get("text/plain", ""))
            if message["msg_type"] == "status" and content["execution_state"] == "idle":
                return text
        raise AssertionError(f"the cell did not end: {text}")

    def wait_for_words(self, words, msg_id, timeout=60):
        """Until a cell that still runs has printed these words."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            message = self.next_message(timeout)
            mine = message["parent_header"].get("msg_id") == msg_id
            if mine and words in message["content"].get("text", ""):
                return
        raise AssertionError(f"{words} was not printed")

    def wait_for_redrawn(self, words, msg_id, timeout=60):
        """Until an output with these words is drawn anew in the name of a cell."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            message = self.next_message(timeout)
            if message["msg_type"] != "update_display_data":
                continue
            if (
                message["parent_header"]["msg_id"] == msg_id
                and words in message["content"]["data"]["text/plain"]
            ):
                return
        raise AssertionError(f"nothing with {words} was drawn anew")

    def run(self, code):
        """Run a cell to its end."""
        return self.wait(self.start(code))

    def press(self, button, subshell=None):
        """What a front end sends for a click."""
        data = {"method": "custom", "content": {"event": "click"}}
        message = self.client.session.msg("comm_msg", {"comm_id": button, "data": data})
        if subshell:
            message["header"]["subshell_id"] = subshell
        self.client.shell_channel.send(message)

    def subshell(self):
        """The id of a new subshell, None where the kernel has none."""
        if "kernel subshells" not in self.client.kernel_info(reply=True)["content"].get(
            "supported_features", ()
        ):
            return None
        request = self.client.session.msg("create_subshell_request", {})
        self.client.control_channel.send(request)
        return self.client.get_control_msg(timeout=20)["content"]["subshell_id"]

    def stop(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture(scope="module", params=[NEWEST, *OLDER])
def version_path(request, tmp_path_factory):
    if request.param == NEWEST:
        return None
    if not (request.config.getoption("--soak") or os.environ.get("CI") == "true"):
        pytest.skip("older kernels: pytest --soak")
    target = tmp_path_factory.mktemp(f"ipykernel-{request.param}")
    # by itself: what it needs is what the newest needs, and stands in the environment
    command = [
        sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(target),
        f"ipykernel=={request.param}",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return target


@pytest.fixture(scope="module")
def living_kernel(version_path, tmp_path_factory):
    """A function that returns the module's kernel, a new one after one that has died."""
    kernels: list[Kernel] = []

    def get():
        if not kernels or not kernels[-1].manager.is_alive():
            kernels.append(Kernel(tmp_path_factory.mktemp("kernel"), version_path))
            if version_path:
                assert str(version_path) in kernels[-1].run("import ipykernel; print(ipykernel.__file__)")
        return kernels[-1]

    yield get
    for kernel in kernels:
        kernel.stop()


@pytest.fixture
def kernel(living_kernel, request):
    """A form on a home of its own; ``button`` is its Generate."""
    kernel = living_kernel()
    kernel.said = ""
    home = re.sub(r"\W", "_", request.node.originalname)
    kernel.button = re.search(r"button (\w+)", kernel.run(OPEN.replace("HOME", home)))[1]
    yield kernel
    kernel.run("studio.close()")


def rows(kernel, count):
    """The statuses of the log's rows, once there are so many and all have ended."""
    code = (
        "deadline = time.monotonic() + 30\n"
        "while time.monotonic() < deadline:\n"
        "    frame = studio.log.to_pandas()\n"
        f"    if len(frame) == {count} and frame['file'].eq('saved').all(): break\n"
        "    time.sleep(0.05)\n"
        "print('rows', list(frame['status']), list(frame['file']), frame['seed'].equals(frame['requested_seed']))"
    )
    return kernel.run(code)


def test_generate_while_the_kernel_is_busy(kernel):
    busy = {
        "idle": "1",
        "awaiting": "await asyncio.sleep(1.5)",
        "sleeping": "time.sleep(1.5)",
    }
    for count, cell in enumerate(busy.values(), start=1):
        running = kernel.start(f"print('it runs', flush=True)\n{cell}")
        kernel.wait_for_words("it runs", running)
        kernel.press(kernel.button)
        kernel.wait(running)
        assert f"rows {['succeeded'] * count} {['saved'] * count} True" in rows(kernel, count)
    if subshell := kernel.subshell():
        running = kernel.start("print('it runs', flush=True)\ntime.sleep(1.5)")
        kernel.wait_for_words("it runs", running)
        kernel.press(kernel.button, subshell)
        kernel.wait(running)
        assert f"rows {['succeeded'] * 4} {['saved'] * 4} True" in rows(kernel, 4)
    assert not [words for words in BAD_WORDS if words in kernel.said], kernel.said


def test_an_error_appears_under_the_form(kernel):
    kernel.run("studio.submit = None")  # what no one expects
    kernel.press(kernel.button)
    # it appears from the engine's thread, soon
    said = kernel.run(
        "for _ in range(600):\n"
        "    if 'TypeError' in form._status.value: break\n"
        "    await asyncio.sleep(0.05)\n"
        "print(form._status.value)"
    )
    assert "TypeError" in said


def test_an_interrupt_ends_the_wait_and_not_the_task(kernel):
    # the service's time stands still until it is moved: the task cannot end before the interrupt
    kernel.run("import time; now = [time.time()]; held = sw.Simulator(speed=200, clock=lambda: now[0])")
    kernel.run("slow = sw.Studio('slow', simulate=held)")
    kernel.run("task = await slow.submit('a fox', resolution='480p', ratio='1:1', duration=4)")
    waiting = kernel.start("print('it waits', flush=True)\nawait task")
    kernel.wait_for_words("it waits", waiting)
    kernel.manager.interrupt_kernel()
    ended = kernel.wait(waiting)
    assert "KeyboardInterrupt" in ended or "CancelledError" in ended
    assert "succeeded" in kernel.run("now[0] += 60\nawait task\nprint(task.status)")


def test_a_card_is_drawn_in_the_name_of_the_cell_that_runs(kernel):
    """A runner without a browser drops what is drawn in another's."""
    fox = "submit('a fox', resolution='480p', ratio='1:1', duration=4)"
    kernel.run(f"task = await studio.{fox}\ntask")
    waiting = kernel.start("await task; print('over')")
    kernel.wait_for_redrawn("succeeded", waiting)
    assert "over" in kernel.wait(waiting)
    kernel.run("live = sw.Studio('live', simulate=sw.Simulator(speed=1))")
    kernel.run(f"task = await live.{fox}\ntask")
    computing = kernel.start("while True: sum(range(100))")
    kernel.wait_for_redrawn(" s so far", computing)
    kernel.manager.interrupt_kernel()
    assert "KeyboardInterrupt" in kernel.wait(computing)
    kernel.run("live.close()")
