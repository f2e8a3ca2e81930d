"""Settings that a prompt spells as flags, as in ``a fox --rs 720p --dur 5``.

The service knows a few of them, and reads them leniently: a wrong value becomes the default in silence
(`service_flags`). People type more: names of other services, other spellings of a value, and the long dash
that a word processor makes of two (`read_flags`). `take_flags` turns what has one meaning into parameters. A
long dash may be a pause, so it counts only before a known name with a value that the name can have.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from seedance_widgets import catalog
from seedance_widgets.errors import Problem
from seedance_widgets.request.fields import FIELDS, Kind
from seedance_widgets.request.names import field_named, nearest_field, plain_name
from seedance_widgets.request.typed_values import is_number_for, typed_params

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from seedance_widgets.request.fields import Field

__all__ = [
    "CONVERT",
    "LEGACY_FLAGS",
    "LENGTHS",
    "REFUSE",
    "SEND",
    "SENT",
    "Flag",
    "Taken",
    "read_flags",
    "refused_flags",
    "sent_flags",
    "service_flags",
    "service_value",
    "take_flags",
]

CONVERT, SEND, REFUSE, SENT = "convert", "send", "refuse", "sent"
LEGACY_FLAGS = (CONVERT, SEND, REFUSE)
"""What may be done with them. `SENT` is of a prompt that was sent before: nothing of it is read or said."""
LENGTHS = ("duration", "frames")
"""Either says how long a clip is."""

_RATE = "framespersecond"
_SERVICE = {flag: name for name, row in FIELDS.items() for flag in row.flags} | {"fps": _RATE, _RATE: _RATE}
_SERVICE_FLAG = re.compile(
    r"(?:(?<=\s)|^)--("
    + "|".join(sorted(_SERVICE, key=len, reverse=True))
    + r")(?:[ \t=]+|\s+)(?!--)(\S+)\s*",
    re.IGNORECASE,
)
_LONG = "–—―"
_DASHES = f"-‐‑‒{_LONG}−﹘﹣－"
# what may stand before a flag that is meant as one
_APART = r"\s,.;:!?)\](\[，。；：！？）（"
# in a quotation, an address or a longer row dashes are something else
_HEAD = re.compile(
    rf"(?:(?<![^{_APART}])(?P<long>[{_LONG}])|(?<![{_DASHES}\"'`“‘/])(?P<dashes>[{_DASHES}]{{2,3}}))"
    r"(?P<name>[a-z][a-z0-9]*(?:[_-][a-z0-9]+)*)",
    re.IGNORECASE,
)
_VALUE = re.compile(
    rf"(?P<gap>[ \t]*[=:][ \t]*|\s+)(?![{_LONG}])(?P<text>(?:(?![{_DASHES}]{{2}})[^\s)\]）])+)[ \t]*"
)
_BRACKETS = re.compile(r"[ \t]*(?:\(\s*\)|\[\s*\]|（\s*）)")
_UNIT = re.compile(r"(?:s|secs?|seconds?)\b[.,;]?[ \t]*", re.IGNORECASE)
_TRUE, _FALSE = ("true", "1", "yes", "on"), ("false", "0", "no", "off")
# a value that no sentence has behind a word
_MACHINE = re.compile(r"-?\d+(\.\d+)?s?|\d+[:x/]\d+|\d+[pk]|true|false|https?://\S+", re.IGNORECASE)
# flags of other services that take words too
_FOREIGN = frozenset({
    "c", "camera", "cfg", "cfgscale", "chaos", "cref", "cw", "gs", "guidance", "guidancescale", "iw",
    "motion", "neg", "negative", "negativeprompt", "niji", "no", "oref", "ow", "p", "profile", "q", "r",
    "repeat", "s", "sref", "steps", "stop", "strength", "style", "stylize", "sw", "v", "version", "w",
    "weird",
})  # fmt: skip
_ROOM = re.compile(r"[ \t]*")
# behind a number: a word, which may be what is counted
_HAS_MORE = re.compile(rf"[^{_DASHES}\s]")
_LONGEST_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag of a prompt.

    Parameters
    ----------
    written
        As it is typed.
    start, end
        Its part of the prompt, with the space after it.
    params
        What it asks for, by parameter. None where it has no meaning here: it stays in the prompt.
    name
        As it is typed, without dashes.
    """

    written: str
    start: int
    end: int
    params: Mapping[str, Any] | None
    name: str

    @property
    def in_words(self) -> str:
        """Short enough for a message."""
        text = " ".join(self.written.split()).rstrip(",;.，。；")
        return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


@dataclass(frozen=True, slots=True)
class Taken:
    """A prompt without its flags.

    ``params`` are those that count, ``written`` says how the prompt spells each, ``said`` is all of it in
    words ("" where there are no flags), ``problems`` has what no parameter can say.
    """

    prompt: str
    params: Mapping[str, Any]
    written: Mapping[str, str]
    said: str
    problems: Sequence[Problem]

    def named(self, problem: Problem) -> Problem:
        """The same problem, with the flag that it comes from."""
        flag = self.written.get(problem.parameter)
        return replace(problem, reason=f"{problem.reason} (the prompt says {flag})") if flag else problem


def service_flags(prompt: str) -> tuple[str, dict[str, Any]]:
    """The prompt without the flags that the service reads, and what they say as body parameters.

    Values that read as numbers or booleans become such, others stay text. The frame rate is left out: every
    clip has the same, and the body has no field for it.
    """
    found = [(_SERVICE[match[1].lower()], match[2]) for match in _SERVICE_FLAG.finditer(prompt)]
    params = {name: service_value(FIELDS[name], text) for name, text in found if name != _RATE}
    return (_SERVICE_FLAG.sub("", prompt).strip() if found else prompt), params


def service_value(row: Field, text: str) -> Any:
    """A value as the service reads it: what is none of the parameter's stays text, for a check to name."""
    if row.kind is Kind.FLAG:
        return {"true": True, "false": False, "1": True, "0": False}.get(text.lower(), text)
    if row.kind is Kind.NUMBER:
        return int(text) if re.fullmatch(r"-?\d+", text, re.ASCII) else text
    return text.lower()


def read_flags(prompt: str) -> list[Flag]:
    """Every flag of a prompt as people type it, in order: those with a meaning here, and those of others."""
    flags: list[Flag] = []
    at = 0
    while match := _HEAD.search(prompt, at):
        flag = _flag(prompt, match)
        at = flag.end if flag else match.end()
        if flag:
            flags.append(flag)
    return flags


def take_flags(prompt: str, given: Collection[str] = ()) -> Taken:
    """Turn the flags of a prompt into parameters.

    Parameters
    ----------
    prompt
        As typed.
    given
        Parameters that are given beside the prompt, and win over it.
    """
    text, taken = prompt, list[Flag]()
    # without one flag the words around it may be another
    while meant := [flag for flag in read_flags(text) if flag.params is not None]:
        taken += meant
        for flag in reversed(meant):
            text = _without(text, flag)
        text = text.strip()
    params: dict[str, Any] = {}
    source: dict[str, Flag] = {}
    for flag in taken:
        params |= flag.params or {}
        source |= dict.fromkeys(flag.params or (), flag)
    passed = []
    for flag in taken:
        for name in flag.params or ():
            what = flag.in_words if len(flag.params or ()) == 1 else f"the {name} of {flag.in_words}"
            if winner := _given_instead(name, given):
                params.pop(name, None)
                passed.append(f"{what} is passed over, since {winner}= is given too")
            elif source[name] is not flag:
                passed.append(f"{what} is passed over, since {source[name].in_words} follows")
    return Taken(
        prompt=text,
        params={name: value for name, value in params.items() if name != _RATE},
        written={name: source[name].in_words for name in params},
        said="; ".join([*_taken_in_words(taken, params, source), *passed, *_left_in_words(text)]),
        problems=_rate_problems(params),
    )


def _without(prompt: str, flag: Flag) -> str:
    """The prompt without one flag; a line or a bracket that has nothing else goes with it."""
    before, after = prompt[: flag.start], prompt[flag.end :]
    if after.startswith("\n"):
        before = before.rstrip(" \t")
        after = after[1:] if before.endswith("\n") or not before else after
    return _BRACKETS.sub("", before + after) if before.endswith(tuple("([（")) else before + after


def refused_flags(prompt: str) -> list[Problem]:
    """Each flag of a prompt as a problem, with the parameter to be given instead."""
    problems = []
    for flag in read_flags(prompt):
        wanted = ", ".join(_spelled(name, value) for name, value in (flag.params or {}).items())
        instead = f"pass {wanted}" if wanted else "write the prompt without it"
        problems.append(Problem("prompt", flag.in_words, f"is a flag: {instead}"))
    return problems


def sent_flags(prompt: str, told: Mapping[str, Any], given: Collection[str]) -> str:
    """In words, what the service makes of the flags of a prompt that is sent as it is; "" without any.

    Parameters
    ----------
    prompt
        As typed.
    told
        Parameters that it takes from the prompt.
    given
        Those that are given beside the prompt.
    """
    said = []
    for flag in read_flags(prompt):
        name = _SERVICE.get(flag.name.lower()) if flag.written.startswith("--") else None
        if name is None:
            what = "part of the text to the service"
        elif name == _RATE:
            what = "what every clip has" if flag.params == {} else "passed over by the service"
        elif name in told:
            what = f"read by the service as {_spelled(name, told[name])}"
        elif winner := _given_instead(name, given):
            what = f"passed over, since {winner}= is given too"
        else:
            what = "not legal, so that the service takes its default"
        said.append(f"{flag.in_words} is {what}")
    return "; ".join(said)


# --- one flag ---------------------------------------------------------------------------------------------


def _flag(prompt: str, match: re.Match[str]) -> Flag | None:
    """The flag that begins here, None where the dashes are part of a sentence."""
    name, value = match["name"], _VALUE.match(prompt, match.end())
    text = _trimmed(value["text"]) if value else ""
    end = value.end() if value else match.end()
    # a single long dash may be a pause in a sentence, and so may two that stand close to a word
    meant = bool(match["dashes"]) and not re.match(rf"[^{_APART}]", prompt[match.start() - 1 : match.start()])
    strict = meant and match["dashes"] == "--" and name.lower() in _SERVICE
    row, turned = _row_of(name)
    params: dict[str, Any] | None
    if plain_name(name) in ("fps", "framerate", _RATE):
        params = _rate_params(text)
    elif row is None:
        meant = meant and bool(value) and (plain_name(name) in _FOREIGN or bool(_MACHINE.fullmatch(text)))
        params = None
    elif row.kind is Kind.FLAG:
        alone = value is None or "\n" in value["gap"]
        params, used = _switch_params(row, text, alone=alone and meant, turned=turned, strict=strict)
        if params is not None and not used:
            end = _ROOM.match(prompt, match.end()).end()  # type: ignore[union-attr]  # it may be none
    else:
        params = typed_params(row, text)
        if row.name == "duration" and params and (unit := _UNIT.match(prompt, end)) and text.isdecimal():
            end = unit.end()
        # the strict check names what is wrong with it, and nothing is lost
        if params is None and value and (strict or (meant and is_number_for(row, text))):
            params = {row.name: service_value(row, text)}
    if not meant and (params is None or (text.isdecimal() and _HAS_MORE.match(prompt, end))):
        return None
    return Flag(prompt[match.start() : end].strip(), match.start(), end, params, name)


def _row_of(name: str) -> tuple[Field | None, bool]:
    """The parameter that a flag's name means, and whether it is turned round, as in ``--no-audio``."""
    field = field_named(name)
    if field is None and plain_name(name).startswith("no"):
        field = field_named(plain_name(name)[2:])
        return (FIELDS[field], True) if field and FIELDS[field].kind is Kind.FLAG else (None, False)
    row = FIELDS[field] if field else None
    if row is None or row.kind in (Kind.CHOICE, Kind.NUMBER, Kind.FLAG, Kind.MODEL):
        return row, False
    return (row, False) if row.kind is Kind.TEXT and row.name == name.lower() else (None, False)


def _trimmed(text: str) -> str:
    """A value without the quotation marks and the punctuation around it."""
    return text.rstrip(",;.!?，。；！？").strip("\"'`“”‘’") or text


def _switch_params(
    row: Field, text: str, *, alone: bool, turned: bool, strict: bool
) -> tuple[dict[str, Any] | None, bool]:
    """What a switch asks for, and whether it uses the word behind it."""
    if text.lower() in (*_TRUE, *_FALSE) and not (alone and turned):
        return {row.name: (text.lower() in _TRUE) is not turned}, True
    if alone or turned:
        return {row.name: not turned}, False
    return ({row.name: text}, True) if strict and text else (None, False)


def _rate_params(text: str) -> dict[str, Any] | None:
    """Nothing is asked for by the rate that every clip has; another cannot be had."""
    if not re.fullmatch(r"\d+(\.\d+)?", text, re.ASCII):
        return None
    return {} if float(text) == catalog.frames_per_second() else {_RATE: text}


def _rate_problems(params: Mapping[str, Any]) -> list[Problem]:
    if _RATE not in params:
        return []
    rate = catalog.frames_per_second()
    return [Problem(_RATE, params[_RATE], f"every clip has {rate} frames a second", nearest=rate)]


# --- in words ---------------------------------------------------------------------------------------------


def _given_instead(name: str, given: Collection[str]) -> str | None:
    """What is given beside the prompt and says the same: of the two ways to say a length, either."""
    same = (name, *LENGTHS) if name in LENGTHS else (name,)
    return next((each for each in same if each in given), None)


def _spelled(name: str, value: Any) -> str:
    return f"{name}={value!r}"


def _taken_in_words(
    taken: Sequence[Flag], params: Mapping[str, Any], source: Mapping[str, Flag]
) -> Iterator[str]:
    spelled = [
        f"{_spelled(name, params[name])} ({flag.in_words})"
        for flag in taken
        for name in flag.params or ()
        if name in params and source[name] is flag
    ]
    if spelled:
        yield f"taken from it: {', '.join(spelled)}"
    for flag in taken:
        if flag.params == {}:
            yield f"{flag.in_words} is left out, since every clip has that {_RATE}"


def _left_in_words(prompt: str) -> Iterator[str]:
    for flag in read_flags(prompt):
        field = field_named(flag.name)
        row, _ = _row_of(flag.name)
        what, hint = "is not known here", ""
        if row is not None:
            what = f"says no {row.name}"
        elif field:
            hint = f" ({field}= is a parameter)"
        elif plain_name(flag.name) not in _FOREIGN and (near := nearest_field(flag.name)):
            hint = f" (is --{near} meant?)"
        yield f"{flag.in_words} {what} and stays in the prompt{hint}"
