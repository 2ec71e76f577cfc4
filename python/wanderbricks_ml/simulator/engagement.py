"""Searches, views and clicks, by property and day; an attempt to book is one of the clicks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from wanderbricks_ml.arrays import Floats, Ints
from wanderbricks_ml.simulator.columns import DAY, dates, day_number, decimals, moments, ragged_arange, stream
from wanderbricks_ml.simulator.demand import Demand
from wanderbricks_ml.simulator.presets import Preset
from wanderbricks_ml.simulator.prices import Prices
from wanderbricks_ml.simulator.stays import Attempts
from wanderbricks_ml.simulator.world import Properties

CURIOSITY_SHAPE = 3.0
"""Shape of the gamma distribution, of mean 1, of the clicks that a property draws without a booking in mind."""


@dataclass(frozen=True)
class Interest:
    """Rates by property and day on which it is listed, within the days that engagement is kept for.

    Attributes
    ----------
    listing, day
        In this order; days since 1970.
    attempts
        Expected attempts to book of a property with a latent of 1.
    idle
        Expected further clicks of a property with a curiosity of 1.
    """

    listing: Ints
    day: Ints
    attempts: Floats
    idle: Floats


def expected_interest(
    preset: Preset, properties: Properties, prices: Prices, levels: Floats, demand: Demand
) -> Interest:
    """Expect what each property draws on each day; a day belongs to the version in force at its start."""
    last = day_number(preset.last_day)
    first = max(last - preset.engagement_days + 1, day_number(preset.first_day))
    starts = np.clip(-(-prices.starts // DAY), first, last + 1)
    ends = np.minimum(-(-prices.ends // DAY), properties.delisted[prices.owner])
    days = np.maximum(np.clip(ends, first, last + 1) - starts, 0)
    day, version = ragged_arange(starts, days)
    listing = prices.owner[version]
    attempts = levels[version] * demand.creations[properties.group[listing], day - demand.creation_days[0]]
    return Interest(listing, day, attempts, (preset.clicks_per_booking - 1) * attempts)


def draw_curiosity(preset: Preset, seed: int, shard: int) -> Floats:
    """Hidden factor of each property on idle clicks."""
    rng = stream(seed, "curiosity", shard)
    return rng.gamma(CURIOSITY_SHAPE, 1 / CURIOSITY_SHAPE, preset.properties)


@dataclass(frozen=True)
class Engagement:
    """What properties drew, in the order of `Interest`: views, clicks, and bookings made on the day."""

    views: Ints
    clicks: Ints
    bookings: Ints


def draw_engagement(
    seed: int, shard: int, interest: Interest, curiosity: Floats, attempts: Attempts, booked: Ints
) -> Engagement:
    """Draw idle clicks and views; `booked` are the rows of the attempts that succeeded."""
    rng = stream(seed, "engagement", shard)
    listing, day = interest.listing, interest.day
    idle = curiosity[listing] * interest.idle
    clicks = _per_day(attempts.listing, attempts.created // DAY, listing, day) + rng.poisson(idle)
    views = clicks + rng.poisson(2.5 * (clicks + idle))
    return Engagement(views, clicks, _per_day(attempts.listing[booked], attempts.created[booked] // DAY, listing, day))


def engagement_table(
    preset: Preset, seed: int, shard: int, interest: Interest, engagement: Engagement, end: int
) -> pa.Table:
    """fact_property_engagement up to second `end`, for days with views."""
    rng = stream(seed, "engagement_attributes", shard)
    seen = engagement.views > 0
    listing, day = interest.listing[seen], interest.day[seen]
    views, clicks, bookings = engagement.views[seen], engagement.clicks[seen], engagement.bookings[seen]
    count = len(day)
    unique = 1 + rng.binomial(views - 1, 0.75)
    searches = views + rng.poisson(1.5 * views)
    rate = np.minimum(np.round(10_000 * bookings / views), 10_000).astype(np.int64)
    seconds = np.round(100 * rng.gamma(4.0, 15.0, count) * (1 + 0.4 * clicks / views))
    day_end = moments(day * DAY + DAY - 1)
    table = pa.table(
        {
            "property_id": listing + 1 + shard * preset.properties,
            "engagement_date": dates(day),
            "view_count": views,
            "unique_user_views": unique,
            "click_count": clicks,
            "search_count": searches,
            "conversion_rate": decimals(rate, 5),
            "avg_time_on_page": decimals(seconds.astype(np.int64), 10),
            "record_created_timestamp": day_end,
            "record_updated_timestamp": day_end,
        }
    )
    return table.filter(pa.array(day * DAY < end))


def _per_day(made_listing: Ints, made_day: Ints, listing: Ints, day: Ints) -> Ints:
    """Count what was made of each property on each day."""
    if not len(made_day):
        return np.zeros(len(day), np.int64)
    span = int(max(made_day.max(), day.max(initial=0))) + 1
    key, count = np.unique(made_listing * span + made_day, return_counts=True)
    wanted = listing * span + day
    at = np.minimum(np.searchsorted(key, wanted), len(key) - 1)
    return np.where(key[at] == wanted, count[at], 0)
