"""Debian's Chromium under Playwright, shared by a whole test run.

Playwright's synchronous interface leaves its event loop marked as running in this thread between calls,
which any ``asyncio.run`` of another test would trip over. The mark is taken away after each browser test.
"""

from __future__ import annotations

import asyncio
import os
import shutil

import pytest

__all__ = ["_playwright_browser", "browser", "chromium_path"]

ARGS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run", "--mute-audio", "--autoplay-policy=no-user-gesture-required",
)  # fmt: skip
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
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGS))
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
