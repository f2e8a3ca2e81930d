"""What is about to be sent, and what it says as columns of its row."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seedance_widgets.images import Image
    from seedance_widgets.pricing import Estimate

__all__ = ["Order", "columns_of_request"]

_AS_ASKED = (
    "resolution", "ratio", "duration", "camera_fixed", "watermark", "generate_audio", "service_tier",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Order:
    """A request that is to be begun.

    ``estimate`` has the request in it, ``stored`` says where its pictures are (sha256 -> path relative to the
    home), ``extra`` has further columns of its row, such as ``parent_key`` or ``study``. ``instead_of`` is
    the key of a row that was never made, of which this one is sent in place: once at most.
    """

    estimate: Estimate
    stored: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    instead_of: str | None = None


def columns_of_request(
    estimate: Estimate, stored: Mapping[str, str], sent: Mapping[str, Any]
) -> dict[str, Any]:
    """Columns of a request that was estimated.

    Parameters
    ----------
    estimate
        With the request in it.
    stored
        Where each picture's bytes are: sha256 -> path relative to the home. The logged body holds the
        path, and with it the hash, in place of the data.
    sent
        Body fields that are chosen at sending: the seed, and the fingerprint in the expiry.
    """
    request = estimate.request

    def address(image: Image) -> str:
        return stored[image.sha256] if image.sha256 else str(image.url)

    paths = [address(image) for image in request.images]
    by_role = request.mode != "reference"
    return {
        "kind": request.kind,
        "mode": request.mode,
        "model": request.spec.id,
        "wire_model": request.spec.wire_id,
        "prompt": request.prompt or None,
        **{name: request.effective(name) for name in _AS_ASKED},
        "width": estimate.width,
        "height": estimate.height,
        "frames": estimate.frames,
        "requested_seed": sent.get("seed", request.seed),
        "first_frame": paths[0] if by_role and paths else None,
        "last_frame": paths[1] if by_role and paths[1:] else None,
        "reference_images": None if by_role else json.dumps(paths),
        "est_tokens": estimate.tokens,
        "est_usd": estimate.usd,
        "price_id": estimate.price_id,
        "usd_per_million": estimate.price.usd_per_million if estimate.price else None,
        "reserved_usd": estimate.usd_max or 0.0,
        "body": json.dumps({**request.to_dict(address=address), **sent}, ensure_ascii=False),
    }
