"""Moments, money, bytes, counts and durations, as they are stored and as they are written."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from seedance_widgets.units import (
    bytes_text,
    cost_text,
    count_text,
    data_url,
    duration_text,
    is_absent,
    micros_of,
    moment_of,
    relative_path,
    seconds_of,
    usd_text,
)


def test_moments():
    assert micros_of(1.9999999) == 1_999_999
    assert micros_of(3) == 3_000_000
    assert seconds_of(1_500_000) == 1.5
    assert moment_of(1_800_000_000_250_000) == datetime(2027, 1, 15, 8, 0, 0, 250_000, UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (59.6, "1 min"),
        (125, "2 min 5 s"),
        (3600, "1 h"),
        (4200, "1 h 10 min"),
        (532_800, "6 d 4 h"),
    ],
)
def test_durations(seconds, words):
    assert duration_text(seconds) == words


def test_money():
    assert usd_text(0.0617) == "$0.0617"
    assert cost_text(0.5, 0.7, 0.9) == "$0.5000"
    assert cost_text(None, 0.7, 0.9) == "about $0.7000"
    assert cost_text(None, None, 0.9) == "at most $0.9000"
    assert cost_text(None) == "price not known"


def test_bytes():
    sizes = (0, 12, 12_345, 52_754, 100_000, 1_234_567)
    assert [bytes_text(size) for size in sizes] == ["1 kB", "1 kB", "12 kB", "53 kB", "0.1 MB", "1.2 MB"]


def test_counts():
    assert [count_text(number, "pair") for number in (0, 1, 1_234)] == ["0 pairs", "1 pair", "1,234 pairs"]


def test_bytes_as_an_address():
    assert data_url(b"\x00clip", "video/mp4") == "data:video/mp4;base64,AGNsaXA="


def test_relative_paths(tmp_path, monkeypatch):
    clip = tmp_path / "runs" / "media" / "a b" / "video.mp4"
    assert relative_path(clip, tmp_path / "runs") == "media/a b/video.mp4"
    assert relative_path(clip, tmp_path / "pages") == "../runs/media/a b/video.mp4"
    monkeypatch.chdir(tmp_path)
    assert relative_path(clip) == "runs/media/a b/video.mp4"


def test_what_is_absent():
    assert all(map(is_absent, (None, float("nan"), np.float64("nan"), np.float32("nan"), pd.NA, pd.NaT)))
    assert not any(map(is_absent, (0, 0.0, False, "", "nan", "<NA>", [], np.float64(1))))
