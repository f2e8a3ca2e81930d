"""A model whose clips are drawn in no time: for tests that make thousands of tasks."""

from __future__ import annotations


def register_tiny(catalog, *, tiers=("default",), usd_per_million=1.0):
    """Take the model "tiny" into a catalog: 64 px clips of 2 s, no limits, one price for each tier."""
    return catalog.register(
        "tiny",
        like="seedance-1-0-pro-fast",
        sizes={"480p": {"1:1": (64, 64)}},
        resolutions=("480p",),
        ratios=("1:1",),
        defaults={"resolution": "480p", "ratio": {}, "duration": 2},
        limits={},
        price=[{"tier": tier, "usd_per_million": usd_per_million} for tier in tiers],
    )
