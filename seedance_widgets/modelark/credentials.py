"""The API key, the base URL and task ids, checked before the key can leak or a call go astray.

The key travels to the base URL's host and nowhere else; an id is one step in a path, whatever is in it.
"""

from __future__ import annotations

import ipaddress
import json
import re
from typing import Never

import httpx

from seedance_widgets.errors import InvalidRequest, MissingAPIKey, Problem

__all__ = ["DEFAULT_BASE_URL", "Key", "check_base_url", "check_key", "is_byteplus", "is_this_machine"]

DEFAULT_BASE_URL = "https://ark.ap-southeast.bytepluses.com/api/v3"
_BYTEPLUS = ".bytepluses.com"


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


def check_key(key: Key) -> Key:
    """Refuse what cannot be a key, with a `MissingAPIKey` or an `InvalidRequest`; returns the key."""
    if not key:
        raise MissingAPIKey
    if not re.fullmatch("[!-~]+", key.text):
        reason = "holds spaces or characters that no key has; copy it once more"
        refused = "the API key cannot be used; nothing was sent"
        raise InvalidRequest([Problem("api_key", "(not shown)", reason)], refused=refused)
    return key


def is_byteplus(base_url: str | None) -> bool:
    """Whether a base URL, the default one for None, is one of BytePlus, in whatever region."""
    try:
        host = httpx.URL((base_url or DEFAULT_BASE_URL).strip()).host
    except httpx.InvalidURL:
        return False
    return f".{host}".endswith(_BYTEPLUS)


def check_base_url(base_url: str) -> str:
    """Refuse a base URL that the key must not go to; returns it without a slash at its end."""
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
    elif url.scheme == "http" and not is_this_machine(url.host):
        reason = "plain http would send the API key in clear over the network; use https"
    else:
        return str(url.copy_with(query=None, fragment=None)).rstrip("/")
    raise _unusable(f"{url.scheme}://{url.host}" if url.host else "(not shown)", reason)


def _unusable(base_url: str, reason: str) -> InvalidRequest:
    refused = "the base URL cannot be used; nothing was sent"
    return InvalidRequest([Problem("base_url", base_url, reason)], refused=refused)


def is_this_machine(host: str) -> bool:
    """Whether a host is this machine, by its name or address, or the embedded simulator."""
    if host in ("localhost", "simulator"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
