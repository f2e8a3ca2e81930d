"""A PostgreSQL server of the test run's own, in a temporary folder, reached by a socket file in it.

`postgres` gives a test the address of an empty database. Where no server is installed such tests are skipped;
in CI they fail, so that none goes unrun unseen.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

_INSTALLED = Path("/usr/lib/postgresql")  # Debian keeps a server's programs off the PATH


def programs() -> Path | None:
    """The folder of the newest server's programs, None where there is none."""
    found = sorted(_INSTALLED.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3].split(".")[0]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


class Cluster:
    """One server; it says nothing over the network, and no disk is waited for.

    Parameters
    ----------
    bin_folder
        Of the server's programs.
    folder
        Empty, and reachable by the user that the server runs as.
    """

    def __init__(self, bin_folder: Path, folder: Path) -> None:
        self._bin = bin_folder
        self.folder = folder
        # the server refuses to run as root
        self._user = None
        if os.geteuid() == 0:
            names = {entry.pw_name for entry in pwd.getpwall()}
            self._user = "postgres" if "postgres" in names else "nobody"
            shutil.chown(folder, self._user)
        data = folder / "data"
        self.run("initdb", f"--pgdata={data}", "--username=postgres", "--auth=trust", "--encoding=UTF8",
                 "--no-locale", "--no-sync", "--no-instructions")  # fmt: skip
        options = {"listen_addresses": "", "unix_socket_directories": str(folder), "fsync": "off"}
        flags = [f"--{name}={value}" for name, value in options.items()]
        with (folder / "log").open("w") as log:
            self._server = subprocess.Popen(
                [bin_folder / "postgres", "-D", data, *flags],
                cwd=folder, user=self._user, stdout=log, stderr=log,
            )  # fmt: skip
        deadline = time.monotonic() + 60
        while self.run("pg_isready", f"--host={folder}", check=False).returncode:
            stuck = self._server.poll() is not None or time.monotonic() > deadline
            assert not stuck, (folder / "log").read_text()
            time.sleep(0.05)

    def run(self, program: str, *args: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run one of the server's programs as the server's user."""
        command = [self._bin / program, *args]
        done = subprocess.run(command, cwd=self.folder, user=self._user, capture_output=True, text=True)
        assert not check or done.returncode == 0, done.stderr
        return done

    def make_database(self) -> str:
        """An empty database: its name."""
        name = f"log_{secrets.token_hex(6)}"
        self.run("createdb", f"--host={self.folder}", "--username=postgres", name)
        return name

    def address(self, database: str) -> str:
        """A database's address for `Studio(log=...)`."""
        return f"postgresql+psycopg://postgres@/{database}?host={self.folder}"

    def stop(self) -> None:
        """End the server and whoever is connected to it."""
        self._server.send_signal(signal.SIGINT)
        try:
            self._server.wait(30)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()


@contextlib.contextmanager
def cluster() -> Iterator[Cluster]:
    """A server for as long as the context lasts."""
    bin_folder = programs()
    assert bin_folder is not None
    # not pytest's own folder: that is closed to the user that the server runs as, and a socket's path is short
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        server = Cluster(bin_folder, Path(folder))
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[Cluster]:
    """The run's server, begun by the first test that needs it."""
    missing = None
    if programs() is None:
        missing = "no PostgreSQL server is installed (Debian: apt install postgresql)"
    elif find_spec("psycopg") is None:
        missing = 'no PostgreSQL driver is installed (pip install -e ".[team]")'
    if missing is not None:
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    with cluster() as server:
        yield server


@pytest.fixture
def postgres(postgres_cluster: Cluster) -> str:
    """The address of an empty database."""
    return postgres_cluster.address(postgres_cluster.make_database())
