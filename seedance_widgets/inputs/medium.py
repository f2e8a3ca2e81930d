"""What pictures, clips and sounds among the inputs of a request have in common."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Medium"]


class Medium(Protocol):
    """One input: bytes at hand, or an address that the service fetches."""

    @property
    def name(self) -> str:
        """What to call it."""

    @property
    def label(self) -> str:
        """How tables tell one that is an address."""

    @property
    def sha256(self) -> str | None:
        """Hash of its bytes, None for an address."""

    @property
    def data_url(self) -> str:
        """What the request's ``url`` field carries."""

    @property
    def encoded_bytes(self) -> int:
        """Length of `data_url` in bytes."""
