"""Addresses that the service fetches for itself, and which of them it cannot reach."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

__all__ = ["is_address", "is_local", "is_local_literal", "without_query"]

_SCHEMES = ("http://", "https://", "asset://")
# names that no public server answers for: RFC 6762, 8375, and ICANN's reserved "internal"
_LOCAL_NAMES = (".local", ".localdomain", ".home.arpa", ".internal", ".lan")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # IPv4 addresses as IPv6 ones, RFC 6052


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
        host = _plain(urlsplit(address.strip()).hostname or "")
    except ValueError:  # an IPv6 address that is none
        return False
    if is_local_literal(host):
        return True
    # a name without a dot is one of a network of its own, as the names of containers are
    return bool(host) and _literal(host) is None and ("." not in host or host.endswith(_LOCAL_NAMES))


def is_local_literal(host: str) -> bool:
    """Whether a host is spelled as an address of this machine or its network, or as ``localhost``.

    Names are not looked up: behind a proxy every name may have an address of the own network. Addresses that
    are not global count: loopback, private, link-local, shared (RFC 6598), reserved.
    """
    literal = _literal(_plain(host))
    if literal is None:
        return f".{_plain(host)}".endswith(".localhost")  # RFC 6761
    return not literal.is_global or literal.is_multicast


def without_query(address: str) -> str:
    """An address without its query and fragment: a signature may stand there."""
    return address.partition("?")[0].partition("#")[0]


def _plain(host: str) -> str:
    return host.strip("[]").rstrip(".").lower().partition("%")[0]


def _literal(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that a host spells, in any way that a resolver reads; None for a name."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        try:  # 127.1, 2130706433 and 0x7f.1 are addresses too
            return ipaddress.IPv4Address(socket.inet_aton(host)) if host[:1].isdigit() else None
        except OSError:
            return None
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        return address.ipv4_mapped or address.sixtofour or address
    return address
