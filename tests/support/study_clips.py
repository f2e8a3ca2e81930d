"""Studies to test on: small clips, quickly drawn."""

from __future__ import annotations

SMALL = {"model": "seedance-1-0-pro", "resolution": "480p", "ratio": "1:1", "frames": 29}
ARMS = {"plain": "{item}", "camera": "{item}, slow dolly in"}
ANIMALS = ("a fox", "an owl", "a hare", "a crane", "a lynx", "a toad")
