"""What the same tokens would have cost at other prices, or on the other tier.

Tokens are what the service counted; dollars follow from a price. So a log can be priced anew at any time,
without a guess, as long as its rows say model, resolution, sound and tier.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from seedance_widgets import catalog
from seedance_widgets.catalog.model import Price
from seedance_widgets.drafts.economics.rows import read_rows
from seedance_widgets.errors import InvalidCatalogEntry, InvalidRequest

__all__ = ["Prices", "flex_against_default", "per_million", "reprice"]

# of each model by id, short name or alias: USD per million tokens for every clip, or prices in
# catalog.toml's shape, of which the first that fits counts
Prices = Mapping[str, float | Sequence[Price | Mapping[str, Any]]]

_DECIDES = ["model", "resolution", "generate_audio", "service_tier", "price_id"]


def reprice(df: pd.DataFrame, prices: Prices | None = None) -> pd.DataFrame:
    """Copy of a log with ``usd`` and ``est_usd`` at other prices; tokens stay.

    Parameters
    ----------
    df
        A table in the log's shape, as for `draft_economics`.
    prices
        ``{"seedance-1-5-pro": 2.0}`` for one price in USD per million tokens, or
        ``{"seedance-1-5-pro": [{"tier": "flex", "audio": True, "usd_per_million": 1.0}, ...]}`` in the shape
        of `catalog.register`. Models that are not named keep their dollars. Without it, the catalog's prices.

    Returns
    -------
    DataFrame
        What was not billed stays at 0.0. A billed row for which none of its model's prices fits, or whose
        tokens are not known, has ``<NA>``. ``price_id`` says which price was taken.

    Raises
    ------
    InvalidRequest
        A model is neither in the catalog nor in the table.
    InvalidCatalogEntry
        A price is malformed.
    TypeError
        ``df`` is no DataFrame.
    ValueError
        The table lacks columns or cannot be read.
    """
    rows = read_rows(df)
    offered = _prices_by_model(rows, prices)
    price, ids = _price_rows(rows, offered)
    changed = rows["model"].isin(list(offered)).to_numpy()
    billed = (rows["status"] == "succeeded").fillna(value=False).astype(bool) & (rows["tokens"] > 0)
    free = ((rows["usd"] == 0) & ~billed).to_numpy()
    again = df.copy()
    for usd, tokens, kept in (("usd", "tokens", free | ~changed), ("est_usd", "est_tokens", ~changed)):
        if usd in df.columns:
            new = rows[tokens].to_numpy() * price / 1e6
            again[usd] = pd.array(np.where(kept, rows[usd], new), dtype="Float64")
    if "price_id" in df.columns:
        again["price_id"] = pd.array(np.where(changed, ids, rows["price_id"].array), dtype="string")
    return again


def per_million(rows: pd.DataFrame, prices: Prices | None = None, *, tier: str | None = None) -> np.ndarray:
    """USD per million tokens of each row, NaN where none is known.

    Parameters
    ----------
    rows
        As `read_rows` gives them.
    prices
        As for `reprice`; models that are not named have the catalog's.
    tier
        As if they had all been sent on it; by default each row's own.
    """
    offered = {
        **_prices_by_model(rows, None),
        **(_prices_by_model(rows, prices) if prices is not None else {}),
    }
    return _price_rows(rows if tier is None else rows.assign(service_tier=tier), offered)[0]


def flex_against_default(rows: pd.DataFrame, prices: Prices | None) -> pd.DataFrame:
    """Per model: what its billed clips cost, and would have cost all on one tier or all on the other.

    Drafts are left out, because the service makes them on the default tier only, and so are models without
    a flex price.
    """
    billed = rows[(rows["kind"] != "draft") & (rows["usd"] > 0) & (rows["tokens"] > 0)]
    billed = billed.assign(
        on_flex=(billed["service_tier"] == "flex").fillna(value=False).astype(bool),
        usd_default=billed["tokens"] * per_million(billed, prices, tier="default") / 1e6,
        usd_flex=billed["tokens"] * per_million(billed, prices, tier="flex") / 1e6,
    )
    both = billed[billed["usd_default"].notna() & billed["usd_flex"].notna()]
    table = both.groupby("model").agg(
        tasks=("usd", "size"),
        on_flex=("on_flex", "sum"),
        usd=("usd", "sum"),
        usd_default=("usd_default", "sum"),
        usd_flex=("usd_flex", "sum"),
    )
    table["could_save"] = table["usd"] - table["usd_flex"]
    return table


def _prices_by_model(rows: pd.DataFrame, prices: Prices | None) -> dict[str, tuple[Price, ...]]:
    """Prices by model as the rows spell it, for the models that have any to offer."""
    if not isinstance(prices, Mapping | None):
        raise InvalidCatalogEntry(f"prices go by model, as in {{'seedance-1-5-pro': 2.0}}, not {prices!r}")
    found: dict[str, tuple[Price, ...]] = {}
    given = {_id(name): _read(name, price) for name, price in (prices or {}).items()}
    for name in given.keys() - {_id(model) for model in rows["model"].dropna().unique()}:
        catalog.find(name)  # a misspelt name would change nothing, and nobody would notice
    for model in rows["model"].dropna().unique():
        if prices is not None:
            if _id(model) in given:
                found[model] = given[_id(model)]
        else:
            try:
                found[model] = catalog.find(model).price
            except InvalidRequest:  # a model of which the catalog knows nothing keeps its dollars
                continue
    return found


def _id(name: str) -> str:
    try:
        return catalog.find(name).id
    except InvalidRequest:
        return name.strip().lower()


def _read(model: str, value: float | Sequence[Price | Mapping[str, Any]]) -> tuple[Price, ...]:
    try:
        if isinstance(value, Sequence) and not isinstance(value, str):
            return tuple(catalog.price_of(model, each) for each in value)
        entry = {"usd_per_million": value}
        return tuple(catalog.price_of(model, {**entry, "tier": tier}) for tier in ("default", "flex"))
    except (TypeError, ValueError) as error:
        raise InvalidCatalogEntry(f"{model}: {error}") from error


def _price_rows(
    rows: pd.DataFrame, offered: Mapping[str, tuple[Price, ...]]
) -> tuple[np.ndarray, np.ndarray]:
    """Price and its id of each row; looked up once for each kind of clip, of which there are few."""
    kinds = rows.groupby(_DECIDES, dropna=False, sort=False)
    number = kinds.ngroup().to_numpy()
    firsts = rows[_DECIDES].iloc[np.unique(number, return_index=True)[1]]
    fitting = [_fitting(offered.get(model, ()), *of) for model, *of in firsts.itertuples(index=False)]
    price = np.array([np.nan if each is None else each.usd_per_million for each in fitting], dtype="float64")
    ids = np.array([pd.NA if each is None else each.id for each in fitting], dtype="object")
    return price[number], ids[number]


def _fitting(
    prices: tuple[Price, ...], resolution: Any, audio: Any, tier: Any, price_id: Any
) -> Price | None:
    for price in prices:
        if price.fits(
            tier="default" if pd.isna(tier) else tier,
            resolution="" if pd.isna(resolution) else resolution,
            # a model with sound that does not say made sound: that is the service's default
            audio=True if pd.isna(audio) else bool(audio),
            # the price it was billed at is all that a row says of a clip among its inputs
            video_input=not pd.isna(price_id) and "/video-in" in price_id,
        ):
            return price
    return None
