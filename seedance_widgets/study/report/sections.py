"""The page of a report, section by section, in plain HTML that reads on a telephone and on paper."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedance_widgets.study.formatting import (
    UNKNOWN,
    moment,
    number,
    p_value,
    plain,
    rate_text,
    record,
    records,
    share,
    span,
    whole,
)
from seedance_widgets.study.report.chart import intervals_svg
from seedance_widgets.study.report.markup import table
from seedance_widgets.study.results.headline import answer_html, leading_first
from seedance_widgets.units import count_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seedance_widgets.study.report.facts import Facts

__all__ = ["page_html"]

_STYLE = Path(__file__).with_name("page.css")
# a page opened from a folder has no origin that 'self' would match
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src data: file: 'self'"
_METHOD = (
    "Raters saw two clips of the same item and seed side by side, without a name, on sides and in an order "
    "that were drawn for each of them. A win rate is the mean over items of an item's share of decisive "
    "votes. Votes on one item are alike, so the interval (95 %) and the p-value count items and not votes; "
    "they come from one procedure. Where several pairs or criteria are compared, p is adjusted for that "
    "(Holm). Catch trials show one clip twice, repeats a pair once more with its sides swapped."
)


def page_html(facts: Facts, clips: str, *, votes_link: str | None) -> str:
    """The whole page.

    Parameters
    ----------
    facts
        What it tells.
    clips
        The clips, as HTML.
    votes_link
        Address of the table of votes, if there is one beside the page.
    """
    results = [leading_first(result) for result in records(facts.results)]
    badge = ' <span class="badge">SIMULATED</span>' if facts.simulated else ""
    sections = [
        f'<header><h1 dir="auto">{escape(facts.name)}{badge}</h1><p>{_question(facts)}</p></header>',
        _section("Result", _result(facts, results)),
        _section("Figures", _figures(results)),
        _section("Design", _design(facts)),
        _section("Clips made, and what they cost", _making(facts)),
        _section("Raters", _raters(facts, votes_link)),
        _section("Clips", clips),
        _section("How to read it", f"<p>{_METHOD}</p>"),
    ]
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(facts.name)}</title><style>{_STYLE.read_text(encoding='utf-8')}</style></head>"
        f"<body><main>{''.join(sections)}</main></body></html>"
    )


def _section(title: str, body: str) -> str:
    return f"<section><h2>{title}</h2>{body}</section>"


def _question(facts: Facts) -> str:
    design = facts.design
    arms = " or ".join(f"<b>{escape(arm)}</b>" for arm in design.arms)
    counts = [
        count_text(len(design.items), "item") if design.items else "One subject",
        count_text(len(design.seeds), "seed"),
        count_text(len(facts.raters), "rater"),
        count_text(len(facts.opened.votes), "vote"),
    ]
    return f"Which do people prefer, {arms}? {', '.join(counts)}."


# --- the result ------------------------------------------------------------------------------------------


def _result(facts: Facts, results: Sequence[Mapping[str, Any]]) -> str:
    several = len({result["criterion"] for result in results}) > 1
    answers = [answer_html(result, several=several) for result in results]
    said = "".join(f'<p class="answer" dir="auto">{answer}</p>' for answer in answers)
    told = "; ".join(str(result["notes"] or "") for result in results)
    notes = dict.fromkeys(note for note in told.split("; ") if note)
    listed = f"<ul>{''.join(f'<li>{escape(note)}</li>' for note in notes)}</ul>" if notes else ""
    return f"{said}{intervals_svg(results, several=several)}{listed}{_looks(facts)}"


def _looks(facts: Facts) -> str:
    said = []
    for look in facts.looks:
        who = f" by {look.by}" if look.by else ""
        what = "Revealed" if look.kind == "reveal" else "Results looked at before the reveal"
        said.append(f"{what}{who}, {moment(look.at)}.")
    return f'<p class="muted">{escape(" ".join(said))}</p>' if said else ""


def _figures(results: Sequence[Mapping[str, Any]]) -> str:
    heads = [f"{result['criterion']}: {result['arm_a']} against {result['arm_b']}" for result in results]
    told = [_figures_of(result) for result in results]
    # without a way of counting that none of the comparisons has
    known = [name for name in told[0] if any(one[name] != UNKNOWN for one in told)]
    return table(["", *heads], [[name, *(one[name] for one in told)] for name in known])


def _figures_of(result: Mapping[str, Any]) -> dict[str, str]:
    """What is behind an answer, by name."""
    return {
        "independent": count_text(result["units"], result["unit"]),
        "votes": f"{whole(result['votes'])}, and {whole(result['skips'])} skipped",
        "won / tied / lost": f"{whole(result['wins'])} / {whole(result['ties'])} / {whole(result['losses'])}",
        "win rate": rate_text(result, "win_rate", "low", "high"),
        "p, adjusted": f"{number(result['p'])}, {number(result['p_adjusted'])}",
        "majorities": f"{whole(result['sign_wins'])} to {whole(result['sign_losses'])}, "
        f"{p_value(result['sign_p'])}",
        "ties as half a win": rate_text(result, "half_win_rate", "half_low", "half_high"),
        "failed clips as lost": rate_text(result, "failed_win_rate", "failed_low", "failed_high"),
        "by Bradley-Terry": rate_text(result, "bt_win_rate", "bt_low", "bt_high"),
        f"one {result['unit']} left out": span(result["unit_out_low"], result["unit_out_high"]),
        "one rater left out": span(result["rater_out_low"], result["rater_out_high"]),
        "left clip won": share(result["left_rate"]),
        "a side's pull": p_value(result["side_p"]),
        "agreement of raters": number(result["agreement"]),
        "catch trials passed": share(result["catch_accuracy"]),
        "repeats answered alike": share(result["repeat_consistency"]),
    }


# --- how it was made -------------------------------------------------------------------------------------


def _design(facts: Facts) -> str:
    terms = []
    for name, params in facts.definition["arms"].items():
        rest = {key: value for key, value in params.items() if key not in ("prompt", "pictures")}
        said = ", ".join(f"{key} {plain(value)}" for key, value in rest.items())
        prompt = f'<q dir="auto">{escape(str(params.get("prompt", "")))}</q>'
        terms.append((name, f"{prompt}<br><small>{escape(said)}</small>"))
    for title, listed in (
        ("Items", [*facts.design.items]),
        ("Seeds", [str(seed) for seed in facts.design.seeds]),
        ("Criteria", [*facts.design.criteria] or ["preference"]),
    ):
        if listed:
            terms.append((title, " · ".join(f"<bdi>{escape(one)}</bdi>" for one in listed)))
    told = "".join(f'<dt dir="auto">{escape(term)}</dt><dd>{body}</dd>' for term, body in terms)
    unseeded = ", ".join(facts.design.arms_without_seed)
    note = (
        f"<p>The model of {escape(unseeded)} may follow no seed: its clips may differ by chance.</p>"
        if unseeded
        else ""
    )
    return f"<dl>{told}</dl>{note}"


def _making(facts: Facts) -> str:
    made, spent = facts.outcome.table, facts.spending
    first = spent.index.get_level_values(0)[0]
    states = ("clips", "made", "refused", "failed", "unfinished", "missing")
    body = []
    for arm in facts.design.arms:
        counts, cost = made.loc[arm], record(spent.loc[(first, arm)])
        failed = rate_text(cost, "failure_rate", "failure_low", "failure_high")
        money = [number(counts["usd"], 4), number(cost["usd_per_win"], 4)]
        body.append([arm, *(whole(counts[name]) for name in states), failed, *money])
    problems = "".join(f"<li>{escape(line)}</li>" for line in facts.outcome.problems)
    prices = table(
        ["price", "USD per million tokens", "source"],
        [[name, number(each, 2), source] for name, each, source in facts.prices()],
    )
    note = " Simulated: nothing was billed." if facts.simulated else ""
    return (
        f"{table(['arm', *states, 'failure rate', 'USD', 'USD a pair won'], body)}"
        f"{f'<ul>{problems}</ul>' if problems else '<p>Every clip was made.</p>'}"
        f'<h3>Prices used</h3>{prices}<p class="muted">List prices at the time of sending.{note}</p>'
    )


def _raters(facts: Facts, votes_link: str | None) -> str:
    heads = ["rater", "votes", "skipped", "ties", "left", "catches passed", "repeats alike", "seconds a vote"]
    body = []
    for name, row in zip(facts.raters.index, records(facts.raters), strict=True):
        checks = [
            f"{share(row['catch_accuracy'])} of {whole(row['catches'])}" if row["catches"] else UNKNOWN,
            f"{share(row['repeat_consistency'])} of {whole(row['repeats'])}" if row["repeats"] else UNKNOWN,
        ]
        counts = [whole(row["votes"]), whole(row["skips"]), share(row["tie_rate"]), share(row["left_rate"])]
        body.append([str(name), *counts, *checks, number(row["seconds"], 1)])
    link = f'<p><a href="{escape(votes_link)}">All votes as a table</a></p>' if votes_link else ""
    return table(heads, body) + link
