"""A real JupyterLab (which serves Notebook 7 too), and what a person does with one open notebook in it."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
from nbformat.sign import NotebookNotary

KERNEL_IDLE = """() => {
  const panel = window.jupyterapp?.shell?.currentWidget;
  return panel?.sessionContext?.session?.kernel?.status === 'idle' && panel.content.model !== null;
}"""


class Jupyter:
    """One server, and notebooks opened on it."""

    def __init__(self, folder: Path, url: str, token: str, browser) -> None:
        self.folder = folder
        self.url = url
        self.token = token
        self.browser = browser

    @contextlib.contextmanager
    def opened(
        self, cells, *, front="lab", theme="light", width=1280, height=1300, name=None, listen=lambda _: None
    ):
        """A page on a notebook, its kernel ready; ``listen`` has the page from the start.

        ``cells`` is the code of a new notebook's cells, or the path of a saved one, of which a copy is opened
        as one's own: widgets of somebody else's are not shown.
        """
        name = name or f"nb-{secrets.token_hex(4)}.ipynb"
        if isinstance(cells, Path):
            shutil.copy(cells, self.folder / name)
            notary = NotebookNotary(data_dir=str(self.folder.parent / "data"))
            notary.sign(nbformat.read(cells, as_version=4))
            notary.store.close()
        else:
            notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
            notebook.metadata["kernelspec"] = {
                "name": "python3",
                "display_name": "Python 3",
                "language": "python",
            }
            nbformat.write(notebook, self.folder / name)
        context = self.browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme)
        page = context.new_page()
        listen(page)
        try:
            notebook_page = NotebookPage(page, self, name, front)
            notebook_page.open()
            if theme == "dark":
                page.evaluate(
                    "window.jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})"
                )
            yield notebook_page
        finally:
            with contextlib.suppress(Exception):
                page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
            context.close()


class NotebookPage:
    """What a person does with one open notebook."""

    def __init__(self, page, jupyter, name, front) -> None:
        self.page = page
        self.path = jupyter.folder / name
        path = f"lab/tree/{name}?reset&" if front == "lab" else f"notebooks/{name}?"
        self.address = f"{jupyter.url}/{path}token={jupyter.token}"

    def open(self):
        """Go there, also again, and wait for a kernel."""
        self.page.goto(self.address)
        self.page.wait_for_selector(".jp-NotebookPanel .jp-Cell", timeout=60_000)
        self.page.wait_for_function(KERNEL_IDLE, timeout=60_000)

    def run(self, index):
        """Run one cell and return at once."""
        self.page.evaluate(
            """index => {
                const content = window.jupyterapp.shell.currentWidget.content;
                content.activeCellIndex = index;
                content.deselectAll();
                window.jupyterapp.commands.execute('notebook:run-cell');
            }""",
            index,
        )

    def finish(self, index):
        """Run one cell and wait until it is done."""
        self.page.evaluate(
            """async index => {
                const content = window.jupyterapp.shell.currentWidget.content;
                content.activeCellIndex = index;
                content.deselectAll();
                await window.jupyterapp.commands.execute('notebook:run-cell');
            }""",
            index,
        )

    def text(self, index):
        """What a cell has put out, as text."""
        return self.page.evaluate(
            """index => {
                const outputs = window.jupyterapp.shell.currentWidget.content.widgets[index].model.outputs.toJSON();
                return outputs.map(o => o.text ?? o.data?.['text/plain'] ?? o.evalue ?? '').flat().join('');
            }""",
            index,
        )

    def save(self):
        """Save the notebook."""
        self.page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
        self.page.wait_for_timeout(300)


@contextlib.contextmanager
def served(base: Path):
    """A server with nothing of this machine's settings; gives its folder, its URL and its token."""
    folder = base / "work"
    folder.mkdir()
    for plugin, settings in {
        "notebook-extension/tracker": {"windowingMode": "none"},
        "apputils-extension/notification": {"fetchNews": "false"},
        "docmanager-extension/plugin": {"autosave": False},
        "../@jupyter-widgets/jupyterlab-manager/plugin": {"saveState": True},
    }.items():
        path = base / "settings" / "@jupyterlab" / f"{plugin}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(settings))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = secrets.token_hex(8)
    names = ("CONFIG", "DATA", "RUNTIME")
    environment = {
        **os.environ,
        **{f"JUPYTER_{name}_DIR": str(base / name.lower()) for name in names},
        "JUPYTERLAB_SETTINGS_DIR": str(base / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(base / "workspaces"),
        "IPYTHONDIR": str(base / "ipython"),
    }
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}",
        "--ServerApp.port_retries=0", f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={folder}",
        "--LabApp.news_url=", "--expose-app-in-browser", "--JupyterNotebookApp.expose_app_in_browser=True",
    ]  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    with (
        (base / "log").open("w") as log,
        subprocess.Popen(command, env=environment, stdout=log, stderr=log) as server,
    ):
        deadline = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"{url}/api/status?token={token}")
                break
            except OSError:
                assert time.monotonic() < deadline, (base / "log").read_text()
                time.sleep(0.1)
        try:
            yield folder, url, token
        finally:
            server.terminate()
