"""Addresses that the service fetches for itself."""

from __future__ import annotations

__all__ = ["is_address", "without_query"]

_SCHEMES = ("http://", "https://", "asset://")


def is_address(text: str) -> bool:
    """Whether a text is an address that the service may fetch: http(s), or an ``asset://`` id."""
    return text[:8].lower().startswith(_SCHEMES)


def without_query(address: str) -> str:
    """An address without its query and fragment: a signature may stand there."""
    return address.partition("?")[0].partition("#")[0]
