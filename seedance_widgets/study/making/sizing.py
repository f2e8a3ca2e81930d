"""The size a study needs to find a difference, and its cost: pairs, clips, tokens, dollars, hours."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from seedance_widgets.errors import InvalidRequest
from seedance_widgets.following.pace import Life
from seedance_widgets.request.pricing import Estimate, estimate
from seedance_widgets.study.formatting import UNKNOWN
from seedance_widgets.study.making.power import Plan, plan
from seedance_widgets.study.results.win_rates import FEWEST
from seedance_widgets.task.card import as_text
from seedance_widgets.units import DAY, HOUR, amount_text, duration_text, is_absent

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from seedance_widgets.following.pace import Paces
    from seedance_widgets.request.task_request import TaskRequest
    from seedance_widgets.sending.limits import Limits
    from seedance_widgets.study.making.design import Design

__all__ = ["StudyPlan", "beyond_budget", "plan_of"]

_TIERS = ("default", "flex")
_SAID: dict[str, Callable[[float], str]] = {
    "tokens": "{:,.0f}".format,
    "usd": "{:,.2f}".format,
    "hours": lambda hours: duration_text(HOUR * hours),
}
# hours are told with their unit, as in "2 min"
_HEADS = {"hours": "time"}
_THIS = "as defined"
_NEEDED = "needed"


@dataclass(frozen=True, repr=False)
class StudyPlan:
    """What a study needs to find a win rate, beside what it has.

    ``needed`` is the plan that meets the power asked for, ``defined`` what the study as it is comes to.
    ``table`` has one row a way to make the clips, that of the study first, and the columns tokens, usd (at
    most) and hours for both. Hours are those under the studio's limits, at the pace of this log's latest
    tasks and with nothing else at work; what is not known is absent.
    """

    needed: Plan
    defined: Plan
    unit: str
    table: pd.DataFrame
    notes: tuple[str, ...]

    @property
    def power(self) -> float:
        """The chance of a significant result for the study as it is defined."""
        return self.defined.power

    def __repr__(self) -> str:
        shown = self.table.astype(object)
        for name in shown.columns:
            text = _SAID[name[1]]
            shown[name] = [UNKNOWN if is_absent(value) else text(value) for value in shown[name]]
        shown = shown.rename(columns=_HEADS, level=1)
        head = [
            f"A win rate of {self.needed.win_rate:.0%} among decisive votes:",
            f"  needed      {self._sentence(self.needed)}",
            f"  as defined  {self._sentence(self.defined)}",
        ]
        return "\n".join([*head, *(f"  note: {note}" for note in self.notes), shown.to_string()])

    def _sentence(self, plan: Plan) -> str:
        return f"{plan.size}: found with a chance of {plan.power:.0%}"

    def _repr_html_(self) -> str:
        return f'<pre style="margin:0;overflow-x:auto">{as_text(repr(self))}</pre>'


def plan_of(
    design: Design,
    paces: Paces,
    limits: Limits,
    win_rate: float,
    wanted: float,
    *,
    ties: float,
    icc: float,
    raters: int,
) -> StudyPlan:
    """Plan a study; see `Study.plan`."""
    by_item = bool(design.items)
    units, seeds = (len(design.items), len(design.seeds)) if by_item else (len(design.seeds), 1)
    asked: dict[str, Any] = {
        "ties": ties,
        "icc": icc,
        "seeds": seeds,
        "raters": raters,
        "arms": len(design.arms),
        "criteria": max(1, len(design.criteria)),
        "unit": "item" if by_item else "seed",
    }
    needed = plan(win_rate, wanted, **asked)
    defined = plan(win_rate, wanted, **asked, items=units)
    return StudyPlan(
        needed=needed,
        defined=defined,
        unit=defined.unit,
        table=_table(design, partial(_seconds, paces, limits), defined, needed),
        notes=tuple(_notes(design, defined, by_item=by_item)),
    )


def beyond_budget(missing: Sequence[TaskRequest], left: float | None) -> Iterator[str]:
    """A note where the clips that are still to be made may cost more than the ``left`` USD of a budget."""
    most = sum(estimate(request).usd_max or 0.0 for request in missing)
    if left is not None and most > left:
        yield f"the budget leaves {amount_text(max(left, 0.0))}, and the missing clips may take {most:,.2f}"


def _notes(design: Design, defined: Plan, *, by_item: bool) -> Iterator[str]:
    yield from defined.notes
    if not by_item:
        yield "without items the seed is what counts, and results hold for these prompts only"
        if defined.items < FEWEST:
            yield "more seeds make a study of one prompt, more items one of prompts"
    elif len(design.seeds) == 1:
        yield "one seed an item: what the seed does cannot be told from what the item does"
    if unseeded := design.arms_without_seed:
        yield f"{', '.join(unseeded)}: the model may follow no seed, so its clips are not matched by seed"


# --- what it costs ---------------------------------------------------------------------------------------


def _table(design: Design, seconds: Seconds, defined: Plan, needed: Plan) -> pd.DataFrame:
    import pandas as pd

    ways = dict(_ways(design))

    def costs(sized: Plan) -> pd.DataFrame:
        return pd.DataFrame({way: _cost(requests, sized, seconds) for way, requests in ways.items()}).T

    return pd.concat({_THIS: costs(defined), _NEEDED: costs(needed)}, axis=1)


Requests = dict[str, list["TaskRequest"]]
# how many of each clip pass one gate, and how long that takes
Clips = Sequence[tuple[float, Estimate]]
Seconds = Callable[[Clips], float]


def _ways(design: Design) -> Iterator[tuple[str, Requests]]:
    """Ways to make the study: as defined, and as drafts or finals on either tier where that is offered."""
    own: Requests = {arm: [design.requests[arm, item] for item in design.item_names] for arm in design.arms}
    yield f"{_label(own)} (this study)", own
    for draft in (True, False):
        for tier in _TIERS:
            try:
                requests = {
                    arm: [_variant(request, draft=draft, tier=tier) for request in each]
                    for arm, each in own.items()
                }
            except InvalidRequest:  # an arm's model or mode has no such way
                continue
            if requests != own:
                yield _label(requests), requests


def _label(requests: Requests) -> str:
    made = [request for each in requests.values() for request in each]
    kinds = "/".join(sorted({"drafts" if request.draft else "finals" for request in made}))
    sizes = "/".join(sorted({str(request.effective("resolution")) for request in made}))
    tiers = "/".join(sorted({str(request.effective("service_tier")) for request in made}))
    return f"{kinds} {sizes}, {tiers}"


def _variant(request: TaskRequest, *, draft: bool, tier: str) -> TaskRequest:
    own_tier = request.effective("service_tier")
    change: dict[str, Any] = {} if tier == own_tier else {"service_tier": tier}
    if draft and not request.draft:
        rule = request.spec.draft
        change |= {"draft": True, "return_last_frame": None, "resolution": rule.resolution if rule else None}
    if not draft and request.draft:
        change |= {"draft": None, "resolution": None}
    return request.replace(**change) if change else request


def _cost(requests: Requests, sized: Plan, seconds: Seconds) -> dict[str, float]:
    """The cost of a plan's clips: each arm's mean clip times the number of its clips."""
    each = sized.items * sized.seeds
    tokens = usd = 0.0
    by_gate: dict[tuple[str, str], list[tuple[float, Estimate]]] = defaultdict(list)
    for made in requests.values():
        estimates = [estimate(request) for request in made]
        tokens += each * _mean([guess.tokens_max for guess in estimates])
        usd += each * _mean([guess.usd_max for guess in estimates])
        for guess in estimates:
            gate = (guess.request.spec.wire_id, guess.request.effective("service_tier"))
            by_gate[gate].append((each / len(estimates), guess))
    hours = max(seconds(clips) for clips in by_gate.values()) / HOUR
    return {"tokens": tokens, "usd": usd, "hours": hours}


def _mean(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if len(known) == len(values) else float("nan")


def _seconds(paces: Paces, studio: Limits, clips: Clips) -> float:
    """How long one gate's clips take: as many at once as the studio lets go, or as a day's tokens do."""
    _, first = clips[0]
    limits = studio.of(first.request.spec)
    count = sum(share for share, _ in clips)
    times = [(share, paces.of(_life_of(guess)).usual) for share, guess in clips]
    if first.request.effective("service_tier") == "flex":
        day = limits.tokens_per_day or float("inf")
        tokens = sum(share * (guess.tokens_max or 0) for share, guess in clips)
        return max(*(usual for _, usual in times), tokens / day * DAY)
    at_once = min(limits.concurrency or count, count)
    longest = sum(share * usual for share, usual in times) / at_once
    return max(longest, 60 * count / limits.rpm if limits.rpm else 0.0)


def _life_of(guess: Estimate) -> Life:
    """A request as the log's pace knows it."""
    request = guess.request
    return Life(
        model=request.spec.id,
        service_tier=request.effective("service_tier"),
        resolution=request.effective("resolution"),
        duration=request.effective("duration"),
        frames=guess.frames,
        kind=request.kind,
    )
