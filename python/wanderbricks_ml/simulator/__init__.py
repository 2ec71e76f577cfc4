"""Gold data for the laptop: a simulated platform with seasons, prices, lead times, full calendars and lapses."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa

from wanderbricks_ml.arrays import Bools, Floats, Ints
from wanderbricks_ml.gold.contract import folder_writer, gold_writer
from wanderbricks_ml.gold.derived import booking_daily, calendar
from wanderbricks_ml.simulator.bookings import Stays, booking_table, draw_stays
from wanderbricks_ml.simulator.columns import DAY, day_number
from wanderbricks_ml.simulator.demand import Demand, expected_demand
from wanderbricks_ml.simulator.dimensions import destination_table, host_table, property_table
from wanderbricks_ml.simulator.engagement import (
    Engagement,
    Interest,
    draw_curiosity,
    draw_engagement,
    engagement_table,
    expected_interest,
)
from wanderbricks_ml.simulator.laws import CALIBRATED, Laws, draw_laws
from wanderbricks_ml.simulator.presets import PRESETS, Preset
from wanderbricks_ml.simulator.prices import Prices, booking_levels, draw_prices
from wanderbricks_ml.simulator.shocks import Shock
from wanderbricks_ml.simulator.stays import Attempts, draw_attempts
from wanderbricks_ml.simulator.users import Choice, Users, choose_users, draw_choice, draw_users, user_table
from wanderbricks_ml.simulator.versions import as_known
from wanderbricks_ml.simulator.world import Hosts, Properties, draw_hosts, draw_properties

logger = logging.getLogger(__name__)

_CALENDAR_MARGIN = timedelta(days=400)


@dataclass(frozen=True)
class World:
    """All that happens in one shard of a platform, hidden causes included; rows are numbered within the shard."""

    preset: Preset
    seed: int
    shard: int
    laws: Laws
    demand: Demand
    hosts: Hosts
    properties: Properties
    prices: Prices
    levels: Floats
    users: Users
    attempts: Attempts
    choice: Choice
    user: Ints
    returned: Bools
    stays: Stays
    interest: Interest
    engagement: Engagement


def draw_world(preset: Preset, seed: int, shard: int, demand: Demand, laws: Laws = CALIBRATED) -> World:
    """Draw one shard of a platform, over the whole period of its preset."""
    hosts = draw_hosts(preset, seed, shard)
    properties = draw_properties(preset, seed, shard, hosts, laws)
    prices = draw_prices(preset, seed, shard, properties, hosts, demand)
    levels = booking_levels(preset, properties, prices, demand, laws)
    attempts = draw_attempts(preset, seed, shard, properties, prices, levels, demand)
    users = draw_users(preset, seed, shard, laws)
    choice = draw_choice(preset, seed, users, attempts, prices, laws)
    user, returned = choose_users(seed, shard, users, choice, attempts, properties, prices, laws)
    stays = draw_stays(seed, shard, attempts, user, users, properties, hosts, prices, laws)
    interest = expected_interest(preset, properties, prices, levels, demand)
    curiosity = draw_curiosity(preset, seed, shard)
    return World(
        preset=preset,
        seed=seed,
        shard=shard,
        laws=laws,
        demand=demand,
        hosts=hosts,
        properties=properties,
        prices=prices,
        levels=levels,
        users=users,
        attempts=attempts,
        choice=choice,
        user=user,
        returned=returned,
        stays=stays,
        interest=interest,
        engagement=draw_engagement(seed, shard, interest, curiosity, attempts, stays.attempt),
    )


def gold_tables(world: World, until: date) -> dict[str, pa.Table]:
    """The gold tables of one shard as known at the end of day `until`, but for fact_booking_daily."""
    preset, seed, shard = world.preset, world.seed, world.shard
    end = (day_number(until) + 1) * DAY
    properties = world.properties
    return {
        "dim_user": as_known(user_table(preset, seed, shard, world.users), end),
        "dim_host": as_known(host_table(preset, seed, shard, world.hosts, properties), end),
        "dim_property": as_known(property_table(preset, seed, shard, properties, world.prices), end),
        "fact_booking_detail": booking_table(preset, shard, world.stays, properties, end),
        "fact_property_engagement": engagement_table(preset, seed, shard, world.interest, world.engagement, end),
    }


def simulate(
    preset: str,
    seed: int,
    out: Path,
    until: date | None = None,
    shocks: Sequence[Shock] = (),
    truth: bool = False,
    world: int = 0,
) -> None:
    """Simulate a platform and write its gold tables; same arguments, same bytes.

    Parameters
    ----------
    preset
        A key of `PRESETS`.
    seed
        Not negative. Each component draws from a stream of its own, so that a change in one
        leaves what the others draw alone.
    out
        Folder for the eight ``<table>.parquet`` files; planted shocks are listed in ``shocks.json``.
    until
        Last day that is known, by default the preset's last one. The files of an earlier day are what the
        later ones were then.
    shocks
        Shocks to plant.
    truth
        Write ``truth/*.parquet`` as well, see `wanderbricks_ml.simulator.truth`; of the first shard.
    world
        Number of the laws by which guests behave, see `wanderbricks_ml.simulator.laws`; those of another than 0, the
        calibrated one, are listed in ``world.json``.

    Raises
    ------
    KeyError
        When there is no such preset.
    ValueError
        When `until` lies outside the preset's period, or `world` is negative.
    """
    sizes = PRESETS[preset]
    until = until or sizes.last_day
    if not sizes.first_day < until <= sizes.last_day:
        raise ValueError(f"{until} lies outside the period of {preset}, {sizes.first_day} to {sizes.last_day}")
    laws = draw_laws(world)
    surges = [(day_number(shock.day), shock.amount) for shock in shocks if shock.kind == "demand"]
    demand = expected_demand(sizes, seed, surges)
    with gold_writer(out) as write:
        write(
            {
                "dim_destination": destination_table(sizes),
                "dim_date": calendar(sizes.first_day - _CALENDAR_MARGIN, sizes.last_day + _CALENDAR_MARGIN),
            }
        )
        for shard in range(sizes.shards):
            drawn = draw_world(sizes, seed, shard, demand, laws)
            tables = gold_tables(drawn, until)
            for shock in shocks:
                tables = shock.apply(tables, seed, shard, until)
            write(tables | {"fact_booking_daily": booking_daily(tables["fact_booking_detail"])})
            if sizes.shards > 1:
                logger.info("part %s of %s", shard + 1, sizes.shards)
            if truth and shard == 0:
                _write_truth(drawn, until, out / "truth")
    (out / "shocks.json").unlink(missing_ok=True)
    if shocks:
        (out / "shocks.json").write_text(json.dumps([shock.text for shock in shocks], indent=2) + "\n")
    (out / "world.json").unlink(missing_ok=True)
    if world:
        logger.info("world %s", laws.text)
        (out / "world.json").write_text(json.dumps(asdict(laws), indent=2) + "\n")


def _write_truth(world: World, until: date, out: Path) -> None:
    # scipy is slow to import, and gold does without it
    from wanderbricks_ml.simulator.truth import truth_tables

    logger.info("truth: what the best possible model would say")
    tables = truth_tables(world, until)
    for stale in out.glob("*.parquet"):
        # of a world that had more of it
        if stale.stem not in tables:
            stale.unlink()
    if "users" not in tables:
        logger.info("truth: none of users, whose law of returns in world %s it does not cover", world.laws.world)
    with folder_writer(out, tuple(tables)) as write:
        write(tables)
