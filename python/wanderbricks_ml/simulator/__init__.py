"""Gold data for the laptop: a simulated platform with seasons, prices, lead times and lapses."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from wanderbricks_ml.gold import write_gold
from wanderbricks_ml.gold_derived import booking_daily, calendar
from wanderbricks_ml.simulator.bookings import booking_table, draw_arrivals
from wanderbricks_ml.simulator.columns import DAY, day_number
from wanderbricks_ml.simulator.demand import expected_demand
from wanderbricks_ml.simulator.engagement import engagement_table
from wanderbricks_ml.simulator.presets import PRESETS
from wanderbricks_ml.simulator.users import allocate, draw_users, user_table
from wanderbricks_ml.simulator.world import (
    booking_levels,
    destination_table,
    draw_prices,
    draw_properties,
    host_table,
    property_table,
)

_CALENDAR_MARGIN = timedelta(days=400)


def simulate(preset: str, seed: int, out: Path) -> None:
    """Simulate a platform and write its gold tables; same arguments, same bytes.

    Parameters
    ----------
    preset
        A key of `PRESETS`.
    seed
        Not negative. Each component draws from a stream of its own, so that a change in one
        leaves what the others draw alone.
    out
        Folder for the eight ``<table>.parquet`` files.

    Raises
    ------
    KeyError
        When there is no such preset.
    """
    sizes = PRESETS[preset]
    demand = expected_demand(sizes, seed)
    properties = draw_properties(sizes, seed)
    prices = draw_prices(sizes, seed, properties, demand)
    levels = booking_levels(sizes, properties, prices, demand)
    arrivals = draw_arrivals(seed, properties, prices, levels, demand)

    known = arrivals.until((day_number(sizes.last_day) + 1) * DAY)
    destination = properties.destination[known.listing]
    guests = allocate(sizes, seed, destination, known.listing)
    users = draw_users(sizes, seed, known.created, guests, destination)
    detail = booking_table(sizes, seed, known, guests, users, properties)
    write_gold(
        {
            "dim_user": user_table(sizes, seed, users),
            "dim_host": host_table(sizes, seed, properties),
            "dim_property": property_table(seed, properties, prices),
            "dim_destination": destination_table(sizes),
            "dim_date": calendar(sizes.first_day - _CALENDAR_MARGIN, sizes.last_day + _CALENDAR_MARGIN),
            "fact_booking_detail": detail,
            "fact_booking_daily": booking_daily(detail),
            "fact_property_engagement": engagement_table(sizes, seed, properties, prices, levels, demand, arrivals),
        },
        out,
    )
