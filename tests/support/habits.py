"""How a service may tell its tasks otherwise than it was sent them, drawn at random for one schedule.

Every habit says what it leaves readable, so that a test knows what can be decided.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from raw_account import Task

    Change = Callable[[Any], Any]

GONE = object()
RENAMED = object()

# how a number that was sent is told; those in READABLE can be read back
NUMBERS: dict[str, Change] = {
    "as is": lambda sent: sent,
    "as text": str,
    "as a float": float,
    "missing": lambda sent: GONE,
    "null": lambda sent: None,
    "renamed": lambda sent: RENAMED,
    "one more": lambda sent: sent + 1,
    "to the ten": lambda sent: round(sent, -1),
    "to the minute": lambda sent: sent // 60 * 60,
    "to the hour": lambda sent: sent // 3600 * 3600,
    "of its own": lambda sent: 172_800,
    "as words": lambda sent: f"{sent} s",
}
READABLE = ("as is", "as text", "as a float")
SEEDS = {**NUMBERS, "of its own": lambda sent: (sent * 7 + 3) % (1 << 31), "minus one": lambda sent: -1}
MOMENTS: dict[str, Change] = {
    "in seconds": lambda at: at,
    "in milliseconds": lambda at: at * 1000,
    "in microseconds": lambda at: at * 1_000_000,
    "as text": str,
    "in words": lambda at: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)),
    "east of here": lambda at: at + 8 * 3600,
    "west of here": lambda at: at - 8 * 3600,
    "ten minutes behind": lambda at: at - 600,
    "missing": lambda at: GONE,
    "nothing": lambda at: 0,
}
MODELS: dict[str, Change] = {
    "as is": lambda name: name,
    "of the other house": lambda name: f"doubao-{name}",
    "missing": lambda name: GONE,
    "an endpoint": lambda name: "ep-20261101-abcde",
}


@dataclass
class Habits:
    """One service's, of all answers about tasks; as they are usually, where nothing else is said.

    ``page`` is how many tasks a page holds at most, ``lag`` how many seconds lists are behind, ``skew`` how
    many our clock is ahead.
    """

    expiry: str = "as is"
    seed: str = "as is"
    created: str = "in seconds"
    model: str = "as is"
    date: str | None = None
    total: str = "told"
    page: int = 500
    lag: int = 0
    mixes_tiers: bool = False
    takes_flex: bool = True
    skew: float = 0.0

    @classmethod
    def drawn(cls, chance: random.Random) -> Self:
        """Of a service that deviates at random."""

        def draw(habits: dict[str, Change], usual: str) -> str:
            return usual if chance.random() < 0.4 else chance.choice(list(habits))

        total = chance.choice(["told"] * 5 + ["missing", "as text", "of the page"])
        page = chance.choice([500, 500, 3, 10])
        return cls(
            expiry=draw(NUMBERS, "as is"),
            seed=draw(SEEDS, "as is"),
            created=draw(MOMENTS, "in seconds"),
            model=draw(MODELS, "as is"),
            date=chance.choice([None, None, None, "", "today"]),
            total=total,
            # no service of such pages counts them so
            page=max(page, 10) if total == "of the page" else page,
            lag=chance.choice([0, 0, 0, 30, 100]),
            mixes_tiers=chance.random() < 0.2,
            takes_flex=chance.random() < 0.7,
            skew=chance.choice([0.0, 0.0, 90.0, -90.0, 7200.0, -7200.0, 3 * 86_400.0, -3 * 86_400.0]),
        )

    @property
    def tells_expiry(self) -> bool:
        return self.expiry in READABLE

    @property
    def tells_seed(self) -> bool:
        return self.seed in READABLE

    @property
    def tells_another_seed(self) -> bool:
        """Whether a seed that can be read is not the one that was sent."""
        return self.seed in (
            "one more",
            "to the ten",
            "to the minute",
            "to the hour",
            "of its own",
            "minus one",
        )

    @property
    def tells_all(self) -> bool:
        """Whether a list says how long it is."""
        return self.total == "told"

    def tell(self, task: Task, told: dict[str, Any], _call: str) -> dict[str, Any]:
        """A task as this service tells it."""
        changes = {
            "execution_expires_after": NUMBERS[self.expiry],
            "seed": SEEDS[self.seed],
            "created_at": MOMENTS[self.created],
            "updated_at": MOMENTS[self.created],
            "model": MODELS[self.model],
        }
        for name in changes.keys() & told.keys():
            value = changes[name](told.pop(name))
            if value is RENAMED:
                told[f"{name}_2"] = getattr(task, "expiry" if "expires" in name else "seed")
            elif value is not GONE:
                told[name] = value
        return told

    def page_of(self, body: dict[str, Any]) -> dict[str, Any]:
        """A page as this service tells it."""
        total = body.pop("total")
        if self.total != "missing":
            told = {"as text": str(total), "of the page": len(body["items"])}
            body["total"] = told.get(self.total, total)
        return body
