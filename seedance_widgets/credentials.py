"""What goes into a call's address and header, checked before it can leak or go astray.

The key travels to the base URL's host and nowhere else; an id is one step in a path, whatever is in it.
"""

from __future__ import annotations

import ipaddress
import json
import re
from typing import Any, Never, TypeGuard

import httpx

from seedance_widgets.errors import InvalidRequest, MissingAPIKey, Problem

__all__ = ["DEFAULT_BASE_URL", "Key", "checked_base", "checked_id", "checked_key", "is_id"]

DEFAULT_BASE_URL = "https://ark.ap-southeast.bytepluses.com/api/v3"
_LONGEST_ID = 128  # characters, what a row has room for; the service's have about 30


class Key:
    """An API key that does not show: a traceback may print it, and nothing can pickle it.

    ``text`` is the key, ``in_json`` what it reads like inside a JSON text where "/" is escaped.
    """

    __slots__ = ("in_json", "text")

    def __init__(self, text: str | None) -> None:
        self.text = (text or "").strip()
        self.in_json = json.dumps(self.text)[1:-1].replace("/", "\\/").encode()

    def __bool__(self) -> bool:
        return bool(self.text)

    def __repr__(self) -> str:
        return "Key(***)"

    def __reduce__(self) -> Never:
        raise TypeError("an API key is not pickled: make the client or studio anew where it is needed")


def checked_key(key: Key) -> Key:
    """The key itself; `MissingAPIKey` or `InvalidRequest` if it cannot be one."""
    if not key:
        raise MissingAPIKey
    if not re.fullmatch("[!-~]+", key.text):
        reason = "holds spaces or characters that no key has; copy it once more"
        refused = "the API key cannot be used; nothing was sent"
        raise InvalidRequest([Problem("api_key", "(not shown)", reason)], refused=refused)
    return key


def checked_base(base_url: str) -> str:
    """The base URL without a slash at its end; `InvalidRequest` if the key must not go there."""
    try:
        url = httpx.URL(base_url.strip())
    except httpx.InvalidURL:
        # The cause would quote the address, which may hold a password.
        raise _unusable("(not shown)", "is not a URL") from None
    if url.scheme not in ("http", "https") or not url.host:
        reason = "must be an https address such as " + DEFAULT_BASE_URL
    elif "%" in url.host or not 0 < (url.port or 443) < 1 << 16:
        # httpx lets these through, and then fails at connecting in ways that do not say "not sent".
        reason = "names no possible host and port"
    elif url.userinfo:
        reason = "must not hold a user name or password; the key belongs in api_key"
    elif url.query or url.fragment:
        reason = "must not hold a query or a fragment"
    elif url.scheme == "http" and not _is_local(url.host):
        reason = "plain http would send the API key in clear over the network; use https"
    else:
        return str(url.copy_with(query=None, fragment=None)).rstrip("/")
    raise _unusable(f"{url.scheme}://{url.host}" if url.host else "(not shown)", reason)


def _unusable(base_url: str, reason: str) -> InvalidRequest:
    refused = "the base URL cannot be used; nothing was sent"
    return InvalidRequest([Problem("base_url", base_url, reason)], refused=refused)


def checked_id(task_id: str, parameter: str) -> str:
    """The task id; `InvalidRequest` if it is none."""
    if not is_id(task_id):
        problem = Problem(parameter, task_id, "is no task id")
        raise InvalidRequest([problem], refused="there is no such task; nothing was sent")
    return task_id


def is_id(task_id: Any) -> TypeGuard[str]:
    """Whether this can be a task's id, given by a person or by the service."""
    # "." and ".." are steps in a path however they are quoted; a DELETE would then aim at something else.
    if not isinstance(task_id, str) or task_id.strip() in ("", ".", "..") or len(task_id) > _LONGEST_ID:
        return False
    if "\ufffd" in task_id:  # stands for what could not be read
        return False
    try:
        task_id.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_local(host: str) -> bool:
    if host in ("localhost", "simulator"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
