"""Certificates that the environment names and that are not there: said by name, before anything is sent."""

from __future__ import annotations

import httpx
import pytest

from seedance_widgets import errors
from seedance_widgets.modelark.client import Client


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
async def test_the_variable_is_named(tmp_path, monkeypatch, name):
    gone = tmp_path / "gone.pem"
    if name == "SSL_CERT_DIR":
        gone.write_text("a file where a folder should be")
    monkeypatch.setenv(name, str(gone))
    try:
        httpx.create_ssl_context()
    except OSError:
        pass
    else:
        pytest.skip(f"this OpenSSL does not mind {name}")
    client = Client("k" * 36, "https://localhost:9/api/v3")
    with pytest.raises(
        errors.NotSent, match=f"certificates of {name}={gone} cannot be read.*mend or unset it"
    ):
        await client.create({"model": "m"})
    with pytest.raises(errors.DownloadError, match=f"{name}={gone}"):
        await client.download("https://localhost:9/a.mp4", tmp_path / "a.mp4")
