"""``jupyter``: a real JupyterLab and the run's Chromium, shared by a whole test run."""

from __future__ import annotations

import pytest
from lab import Jupyter, served


@pytest.fixture(scope="session")
def jupyter_server(tmp_path_factory):
    with served(tmp_path_factory.mktemp("jupyter")) as server:
        yield server


@pytest.fixture
def jupyter(browser, jupyter_server):
    return Jupyter(*jupyter_server, browser)
