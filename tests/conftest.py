"""Shared by all tests: temporary homes, a clock that is set by hand, the canary, and ``--soak``."""

from __future__ import annotations

import pytest
from canary import canary  # noqa: F401 - a fixture
from chromium import _playwright_browser, browser, chromium_path  # noqa: F401 - fixtures
from clock import Clock
from notebook import notebook  # noqa: F401 - a fixture
from postgres import postgres, postgres_cluster  # noqa: F401 - fixtures
from two_services import make_service  # noqa: F401 - a fixture

import seedance_widgets as sw


def pytest_addoption(parser):
    parser.addoption("--soak", action="store_true", help="run the large counts too")
    parser.addoption("--both-services", action="store_true", help="run what has a service with each of both")
    parser.addoption("--pictures", action="store_true", help="take the README's pictures anew")


def pytest_collection_modifyitems(config, items):
    if config.getoption("--soak"):
        for item in items:
            item.add_marker(pytest.mark.timeout(0))  # large counts may take hours
        return
    for item in items:
        if item.get_closest_marker("soak"):  # not keywords, which hold the names of folders too
            item.add_marker(pytest.mark.skip(reason="large counts: pytest --soak"))


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(autouse=True)
def _no_key(monkeypatch):
    monkeypatch.delenv("ARK_API_KEY", raising=False)
    monkeypatch.delenv("ARK_BASE_URL", raising=False)


@pytest.fixture
def fresh_catalog():
    """What a test registers is gone after it."""
    from seedance_widgets.catalog import _families, _registry

    before = dict(_registry())
    yield sw.catalog
    _registry().clear()
    _registry().update(before)
    _families.clear()


@pytest.fixture
def simulator():
    with_state = sw.Simulator(speed=200)
    yield with_state
    with_state.close()


@pytest.fixture
def studio(tmp_path, simulator):
    with sw.Studio(tmp_path / "runs", simulate=simulator) as studio:
        yield studio
