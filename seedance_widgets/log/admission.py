"""What a request needs before its intent may be written: room in the budget, and a fingerprint of its own.

Both are settled inside the intent's own transaction, so that two kernels cannot spend the same dollar or
draw the same fingerprint.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, func, select

from seedance_widgets.errors import BudgetExceeded, LogError
from seedance_widgets.log.schema import tasks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from seedance_widgets.pricing import Estimate

__all__ = ["NONCE_DAYS", "check_budget", "free_nonce", "money"]

_SECOND = 1_000_000
_NONCES = 1 << 16
NONCE_DAYS = 8  # records answer for 7 days; one more for clocks that disagree
_NONCE_DRAWS = 16  # so many taken ones in a row, and the free ones are looked up

# Made once: it takes SQLAlchemy longer to build a statement than to run it.
_MONEY = select(
    func.coalesce(func.sum(tasks.c.usd), 0.0), func.coalesce(func.sum(tasks.c.reserved_usd), 0.0)
).where(tasks.c.simulated == bindparam("simulated"))
_NONCES_SINCE = select(tasks.c.nonce).where(
    tasks.c.wire_model == bindparam("wire_model"),
    tasks.c.service_tier == bindparam("tier"),
    tasks.c.nonce.is_not(None),
    tasks.c.intent_at > bindparam("since"),
)
_NONCE_SINCE = _NONCES_SINCE.where(tasks.c.nonce == bindparam("nonce"))


def money(connection: Connection, *, simulated: bool) -> tuple[float, float]:
    """Dollars settled and dollars reserved by rows of one kind."""
    settled, reserved = connection.execute(_MONEY, {"simulated": simulated}).one()
    return float(settled), float(reserved)


def check_budget(
    connection: Connection, estimates: Sequence[Estimate], budget_usd: float | None, *, simulated: bool
) -> None:
    """Refuse requests that together could lead beyond the budget.

    Raises
    ------
    BudgetExceeded
        They would, or the price of one is not known.
    """
    if budget_usd is None or not estimates:
        return
    wanted = 0.0
    for estimate in estimates:
        if estimate.usd_max is None:
            name = estimate.request.spec.name
            raise BudgetExceeded(
                f"a budget is set and the price of this request is not known: {'; '.join(estimate.notes)}. "
                f'Register one: catalog.register("{name}", price=[{{"tier": "default", '
                '"usd_per_million": ...}]). Nothing was sent.',
                short_by=None,
            )
        wanted += estimate.usd_max
    settled, reserved = money(connection, simulated=simulated)
    short_by = settled + reserved + wanted - budget_usd
    # half a millionth of a dollar is rounding, not spending; a budget that is no number covers nothing
    if not short_by <= 5e-7:  # noqa: PLR2004
        what = "this request" if len(estimates) == 1 else f"these {len(estimates)} requests together"
        raise BudgetExceeded(
            f"{what} may cost ${wanted:.4f}; of the budget of ${budget_usd:.2f}, "
            f"${settled:.4f} is spent and ${reserved:.4f} is reserved by unfinished tasks. "
            f"Short by ${short_by:.4f}. Nothing was sent.",
            short_by=short_by,
        )


def free_nonce(connection: Connection, wire_model: str, tier: str, now: int) -> int:
    """16 bits that no other recent intent for this model and tier carries.

    Raises
    ------
    LogError
        All are taken.
    """
    recent = {"wire_model": wire_model, "tier": tier, "since": now - NONCE_DAYS * 86_400 * _SECOND}
    for _ in range(_NONCE_DRAWS):
        nonce = secrets.randbelow(_NONCES)
        if connection.execute(_NONCE_SINCE, {**recent, "nonce": nonce}).first() is None:
            return nonce
    free = set(range(_NONCES)).difference(connection.execute(_NONCES_SINCE, recent).scalars())
    if not free:
        raise LogError(
            f"{_NONCES:,} tasks of {wire_model} in {NONCE_DAYS} days: no free fingerprint is left. "
            "Set execution_expires_after yourself to send without one."
        )
    return secrets.choice(sorted(free))
