"""The browser, shared by a whole run, and ``stub_page``: a widget's own files with a stub model.

Playwright's synchronous interface leaves its event loop marked as running in this thread between calls,
which any ``asyncio.run`` of another test would trip over. The mark is taken away after each browser test.
"""

from __future__ import annotations

import asyncio
import os
import shutil

import pytest
from stub import CHROMIUM_ARGS, StubServer, open_stub

_ADVICE = "needs Chromium: apt-get install --no-install-recommends chromium, and pip install playwright"


def chromium_path():
    """Where Chromium is; without one the test is skipped, and fails where CI must have one."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        path = None
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail(_ADVICE)
        pytest.skip(_ADVICE)
    return path


@pytest.fixture(scope="session")
def _playwright_browser():
    path = chromium_path()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        loop = asyncio.get_running_loop()
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGS)
        yield browser, loop
        asyncio._set_running_loop(loop)
        browser.close()


@pytest.fixture
def browser(_playwright_browser):
    """The run's Chromium (playwright's synchronous ``Browser``), for tests that open pages of their own."""
    browser, loop = _playwright_browser
    asyncio._set_running_loop(loop)
    yield browser
    asyncio._set_running_loop(loop)
    for context in browser.contexts:
        context.close()
    asyncio._set_running_loop(None)


@pytest.fixture(scope="session")
def stub_server():
    server = StubServer()
    yield server
    server.close()


@pytest.fixture
def stub_page(browser, stub_server):
    """``stub_page(widget_or_stem, state, theme=, width=, height=, touch=, reduced_motion=)``, see `open_stub`."""
    opened = []

    def open_page(widget, state=None, **options):
        stub = open_stub(browser, stub_server, widget, state, **options)
        opened.append(stub)
        return stub

    yield open_page
    errors = [error for stub in opened for error in stub.errors]
    assert not errors, errors
