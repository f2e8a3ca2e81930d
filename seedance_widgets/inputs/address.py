"""Addresses that the service fetches for itself, and which of them it cannot reach."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

__all__ = ["is_address", "is_local", "without_query"]

_SCHEMES = ("http://", "https://", "asset://")
# names that no public server answers for: RFC 6761, 6762, 8375, and ICANN's reserved "internal"
_LOCAL_NAMES = (".localhost", ".local", ".localdomain", ".home.arpa", ".internal", ".lan")


def is_address(text: str) -> bool:
    """Whether a text is an address that the service may fetch: http(s), or an ``asset://`` id."""
    return text[:8].lower().startswith(_SCHEMES)


def is_local(address: str) -> bool:
    """Whether only this machine or its network can reach an http(s) address, as far as its host says it.

    No name is looked up: what it stands for here need not be what it stands for elsewhere.
    """
    if address.strip()[:4].lower() != "http":
        return False
    try:
        host = (urlsplit(address.strip()).hostname or "").rstrip(".").partition("%")[0]
    except ValueError:  # an IPv6 address that is none
        return False
    try:
        # 127.1, 0x7f.1 and 2130706433 are read by everybody who fetches, and by ipaddress not
        ip = ipaddress.ip_address(socket.inet_aton(host) if host[:1].isdigit() and ":" not in host else host)
    except (OSError, ValueError):
        # a name without a dot is one of a network of its own, as the names of containers are
        return bool(host) and ("." not in host or host.endswith(_LOCAL_NAMES))
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return not (mapped or ip).is_global


def without_query(address: str) -> str:
    """An address without its query and fragment: a signature may stand there."""
    return address.partition("?")[0].partition("#")[0]
