"""What bills teach: the ratio of billed tokens to the formula's, for requests of the same kind.

Some factors are not published, and some change. Where the last bills of a model, mode and kind agree, what is
expected follows them. What is reserved stays at the formula's bound, or goes above it where a bill did.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import replace
from typing import TYPE_CHECKING

from seedance_widgets import catalog
from seedance_widgets.errors import InvalidRequest
from seedance_widgets.request.pricing import cost_usd, draft_factor, tokens_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seedance_widgets.log.row import TaskRow
    from seedance_widgets.request.pricing import Estimate

__all__ = ["BILLS", "expect_as_billed", "raise_bound"]

BILLS = 20
"""So many of the last bills count."""
_FEWEST = 5
_SPREAD = 1.02
_AS_EXPECTED = 0.001  # bills that agree with the formula teach nothing


def expect_as_billed(estimate: Estimate, billed: Sequence[TaskRow]) -> Estimate:
    """An estimate whose expected cost follows the bills, where these agree within 2 %.

    Parameters
    ----------
    estimate
        By the formula.
    billed
        Succeeded tasks of the same model, mode and kind, the newest ones.
    """
    ratios = _ratios(billed)
    bounded = raise_bound(estimate, billed)
    if len(ratios) < _FEWEST or max(ratios) > min(ratios) * _SPREAD or estimate.formula_tokens is None:
        return bounded
    ratio = statistics.fmean(ratios)
    if estimate.tokens is not None and math.isclose(ratio, 1.0, abs_tol=_AS_EXPECTED):
        return bounded
    tokens = round(estimate.formula_tokens * ratio)
    return replace(
        bounded,
        tokens=tokens,
        usd=cost_usd(tokens, estimate.price),
        exact=False,
        notes=(*bounded.notes, f"learned from {len(ratios)} bills: x {ratio:.2f}"),
    )


def raise_bound(estimate: Estimate, billed: Sequence[TaskRow]) -> Estimate:
    """An estimate whose bound is no lower than the highest of those bills would make it; as above."""
    # what was made otherwise than asked for may be so again, at the price that it had
    dearer = [row.usd / row.est_usd for row in billed if row.remark and row.usd and row.est_usd]
    highest = max([*_ratios(billed), *dearer], default=1.0)
    if estimate.formula_tokens_max is None or estimate.tokens_max is None:
        return estimate
    tokens_max = round(estimate.formula_tokens_max * highest)
    if tokens_max <= estimate.tokens_max:
        return estimate
    return replace(estimate, tokens_max=tokens_max, usd_max=cost_usd(tokens_max, estimate.price))


def _ratios(billed: Sequence[TaskRow]) -> list[float]:
    ratios = []
    for row in billed:
        formula = _formula_tokens(row)
        if formula and row.tokens is not None:
            ratios.append(row.tokens / formula)
    return ratios


def _formula_tokens(row: TaskRow) -> int | None:
    """Tokens of the formula for what was answered; None where that cannot be known."""
    if row.reference_videos is not None:
        return row.est_tokens  # the row does not tell how long the clips were that it was made from
    if not (row.width and row.height and row.frames):
        return None
    try:
        spec = catalog.find(str(row.model))
    except InvalidRequest:
        return None
    top, bottom = draft_factor(spec, audio=bool(row.generate_audio)) if row.kind == "draft" else (1, 1)
    return tokens_of(row.width, row.height, row.frames) * top // bottom
