"""``stub_page``: a widget's own files in the run's Chromium, with a stub model and no kernel."""

from __future__ import annotations

import pytest
from stub import StubServer, open_stub


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
