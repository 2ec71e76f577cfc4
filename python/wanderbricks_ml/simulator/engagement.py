"""Page views and what follows from them, by property and day."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from wanderbricks_ml.simulator.bookings import Arrivals
from wanderbricks_ml.simulator.columns import (
    DAY,
    Floats,
    Ints,
    dates,
    day_number,
    decimals,
    moments,
    ragged_arange,
    stream,
)
from wanderbricks_ml.simulator.demand import Demand
from wanderbricks_ml.simulator.presets import Preset
from wanderbricks_ml.simulator.world import Prices, Properties

_VISITS_BEFORE_BOOKING = (2.0, 1.2, 0.8, 0.5)


def expected_interest(
    preset: Preset, properties: Properties, prices: Prices, levels: Floats, demand: Demand
) -> tuple[Ints, Ints, Floats]:
    """Expect bookings by property and the day they are made, while the property is listed.

    Returns
    -------
    listing, day, expected
        Rows in order of property and day, within the days that engagement is kept for.
    """
    last = day_number(preset.last_day)
    first = max(last - preset.engagement_days + 1, day_number(preset.first_day))
    # A day belongs to the version in force at its start, the listing day to the first version.
    starts = np.clip(-(-prices.starts // DAY), first, last + 1)
    ends = np.minimum(-(-prices.ends // DAY), properties.delisted[prices.owner])
    days = np.maximum(np.clip(ends, first, last + 1) - starts, 0)
    day, version = ragged_arange(starts, days)
    listing = prices.owner[version]
    column = day - demand.creation_days[0]
    return listing, day, levels[version] * demand.creations[properties.group[listing], column]


def engagement_table(
    preset: Preset,
    seed: int,
    properties: Properties,
    prices: Prices,
    levels: Floats,
    demand: Demand,
    arrivals: Arrivals,
) -> pa.Table:
    """fact_property_engagement, for days with views; `arrivals` run on after the last day."""
    rng = stream(seed, "engagement")
    listing, day, expected = expected_interest(preset, properties, prices, levels, demand)
    ahead = [_booked(arrivals, listing, day + lag) for lag in range(len(_VISITS_BEFORE_BOOKING))]
    visits = np.zeros(len(day))
    for weight, booked in zip(_VISITS_BEFORE_BOOKING, ahead, strict=True):
        visits += weight * booked
    attention = rng.gamma(3.0, 1 / 3, len(day))
    views = rng.poisson(preset.views_per_booking * expected * attention + visits)
    bookings = ahead[0]
    views = np.maximum(views, bookings)
    seen = views > 0
    listing, day, views, bookings = listing[seen], day[seen], views[seen], bookings[seen]

    count = len(day)
    unique = 1 + rng.binomial(views - 1, 0.75)
    appeal = rng.beta(6, 18, len(properties.listed))
    clicks = np.maximum(rng.binomial(views, appeal[listing]), bookings)
    searches = views + rng.poisson(1.5 * views)
    rate = np.minimum(np.round(10_000 * bookings / views), 10_000).astype(np.int64)
    seconds = np.round(100 * rng.gamma(4.0, 15.0, count) * (1 + 0.4 * (bookings > 0)))
    day_end = moments(day * DAY + DAY - 1)
    return pa.table(
        {
            "property_id": listing + 1,
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


def _booked(arrivals: Arrivals, listing: Ints, day: Ints) -> Ints:
    """Count the bookings of each property made on each day."""
    made = arrivals.created // DAY
    span = int(max(made.max(), day.max())) + 1
    booked, count = np.unique(arrivals.listing * span + made, return_counts=True)
    wanted = listing * span + day
    at = np.minimum(np.searchsorted(booked, wanted), len(booked) - 1)
    return np.where(booked[at] == wanted, count[at], 0)
