"""Truth by property: demand, conversion, revenue and price."""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa

from wanderbricks_ml.arrays import Floats
from wanderbricks_ml.simulator.columns import DAY, dates
from wanderbricks_ml.simulator.engagement import CURIOSITY_SHAPE
from wanderbricks_ml.simulator.truth.ahead import ahead_of
from wanderbricks_ml.simulator.truth.market import Market

HORIZON = 30
"""Days ahead for which demand's truth is written."""

TEST_DAYS = 58
"""Snapshots of demand's truth: each of the last so many days, and the day after the last."""

PRICE_LEVELS = np.round(np.arange(-0.3, 0.31, 0.1), 1)
PRICE_LEADS = (0, 1)
"""Months between a snapshot of pricing's truth and the stay month."""
REVENUE_HORIZON = 90
REVENUE_CUTOFFS = range(REVENUE_HORIZON + 1, REVENUE_HORIZON + 1 + 6 * 30, 30)
"""Days before the day after the last one, of the cut-offs from which revenue's truth looks ahead."""
_NO_REVENUE = pa.schema(
    [
        ("destination_id", pa.int64()),
        ("as_of_date", pa.date32()),
        ("check_in_date", pa.date32()),
        ("expected_revenue", pa.float64()),
    ]
)


def demand_truth(market: Market, last: int) -> pa.Table:
    world = market.world
    first = world.demand.creation_days[0]
    begin = max(last + 1 - TEST_DAYS, first + 30)
    parts = []
    for snapshot in range(begin, last + 2):
        ahead = ahead_of(market, snapshot - first, HORIZON, np.ones((1, len(market.unit))))
        listed = np.flatnonzero(world.properties.listed[: len(market.unit)] < snapshot)
        expected = (ahead.rest[0] + ahead.on_books)[listed, 1:]
        parts.append(
            pa.table(
                {
                    "property_id": np.repeat(listed + 1 + world.shard * world.preset.properties, HORIZON),
                    "as_of_date": dates(np.full(expected.size, snapshot)),
                    "check_in_date": dates(np.tile(snapshot + np.arange(1, HORIZON + 1), len(listed))),
                    "expected_bookings": expected.ravel(),
                }
            )
        )
    return pa.concat_tables(parts)


def conversion_truth(market: Market, last: int) -> pa.Table:
    world, interest = market.world, market.world.interest
    count = len(market.unit)
    first = world.demand.creation_days[0]
    rows = (interest.listing < count) & (interest.day <= last)
    listing, day, idle = interest.listing[rows], interest.day[rows], interest.idle[rows]
    column = day - first
    clicks = world.engagement.clicks[rows]
    shape = world.preset.latent_shape
    latent = (shape + market.booked[listing, column]) / (shape + market.exposure[listing, column])
    attempts = latent * market.unit[listing, column]
    # idle clicks seen before the day, less the attempts expected among them; rows are in order of property and day
    opening = np.searchsorted(listing, np.arange(count))

    def before(values: Floats) -> Floats:
        so_far = np.concatenate([[0.0], np.cumsum(values)])
        return so_far[:-1] - so_far[opening[listing]]

    seen = np.maximum(before(clicks - attempts), 0.0)
    curiosity = (CURIOSITY_SHAPE + seen) / (CURIOSITY_SHAPE + before(idle))
    # a booking of the day itself must not make the day look less likely to convert
    booking = latent * market.open_before[listing, column]
    share = booking / np.maximum(attempts + curiosity * idle, 1e-12)
    shown = (world.engagement.views[rows] > 0) & (day > last - TEST_DAYS - HORIZON)
    return pa.table(
        {
            "property_id": listing[shown] + 1 + world.shard * world.preset.properties,
            "engagement_date": dates(day[shown]),
            "conversion_probability": 1 - (1 - np.clip(share[shown], 0, 1)) ** clicks[shown],
        }
    )


def revenue_truth(market: Market, last: int) -> pa.Table:
    world, count = market.world, len(market.unit)
    first, places = world.demand.creation_days[0], world.preset.destinations
    complete = count == len(world.properties.listed)
    parts = []
    for cutoff in [last + 1 - back for back in REVENUE_CUTOFFS if complete and last + 1 - back - first > 60]:
        ahead = ahead_of(market, cutoff - first, REVENUE_HORIZON, np.ones((1, count)), with_kept=True)
        price = world.prices.price[world.prices.at(np.arange(count), np.full(count, cutoff * DAY))]
        expected = np.zeros((places, REVENUE_HORIZON + 1))
        np.add.at(expected, world.properties.destination, ahead.books_value + ahead.kept_nights * price[:, None])
        parts.append(
            pa.table(
                {
                    "destination_id": np.repeat(np.arange(1, places + 1), REVENUE_HORIZON),
                    "as_of_date": dates(np.full(places * REVENUE_HORIZON, cutoff)),
                    "check_in_date": dates(np.tile(cutoff + np.arange(1, REVENUE_HORIZON + 1), places)),
                    "expected_revenue": expected[:, 1:].ravel(),
                }
            )
        )
    return pa.concat_tables(parts) if parts else _NO_REVENUE.empty_table()


def pricing_truth(market: Market, until: date) -> pa.Table:
    month = np.datetime64(until, "M") + 1
    months = [priced_month(market, month - back, lead) for back in range(5) for lead in PRICE_LEADS]
    return pa.concat_tables([table for table in months if table is not None])


def priced_month(market: Market, stay_month: np.datetime64, lead: int) -> pa.Table | None:
    """Pricing's truth of a stay month, `lead` months before it; nothing where too little or nothing is known then."""
    world, properties = market.world, market.world.properties
    count = len(market.unit)
    begin, snapshot, end = (
        int((stay_month + months).astype("datetime64[D]").astype(np.int64)) for months in (0, -lead, 1)
    )
    column = snapshot - world.demand.creation_days[0]
    if column < 60 or column > market.level.shape[1]:
        return None
    price = world.prices.price[world.prices.at(np.arange(count), np.full(count, snapshot * DAY))]
    relative = price / properties.market_price[:count]
    listed = np.flatnonzero((properties.listed[:count] < snapshot) & (properties.delisted[:count] > snapshot))
    slope = world.demand.price_slope[properties.group[:count]]
    asked = relative * (1 + PRICE_LEVELS[:, None])
    factors = world.laws.price_effect(asked, slope) / world.laws.price_effect(relative, slope)
    ahead = ahead_of(market, column, end - snapshot - 1, factors)
    month_days = slice(begin - snapshot, None)
    cancelled, at_hotel = world.stays.cancelled_after >= 0, properties.is_hotel[world.stays.listing]
    # groups, which are at hotels, cancel more
    of_others, of_hotels = (1 - float(cancelled[rows].mean()) if rows.any() else 1.0 for rows in (~at_hotel, at_hotel))
    kept = np.where(properties.is_hotel[:count], of_hotels, of_others)
    parts = []
    for level, rest in zip(PRICE_LEVELS, ahead.rest, strict=True):
        bookings = rest[:, month_days]
        revenue = (bookings * ahead.nights[:, month_days]).sum(axis=1) * price * (1 + level) * kept
        parts.append(
            pa.table(
                {
                    "property_id": listed + 1 + world.shard * world.preset.properties,
                    "stay_month": dates(np.full(len(listed), begin)),
                    "lead_months": np.full(len(listed), lead),
                    "price_level": np.full(len(listed), level),
                    "price": (price * (1 + level))[listed],
                    "expected_bookings": bookings.sum(axis=1)[listed],
                    "expected_revenue": revenue[listed],
                }
            )
        )
    return pa.concat_tables(parts)
