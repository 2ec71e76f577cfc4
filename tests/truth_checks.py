"""Truth of a simulated platform beside what comes of it, and whether the two agree over platforms drawn anew."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pytest

from wanderbricks_ml.arrays import Bools, Floats, Ints
from wanderbricks_ml.simulator import World
from wanderbricks_ml.simulator.bookings import draw_stays
from wanderbricks_ml.simulator.columns import DAY, day_number
from wanderbricks_ml.simulator.presets import PRESETS
from wanderbricks_ml.simulator.prices import Prices, booking_levels
from wanderbricks_ml.simulator.stays import draw_attempts
from wanderbricks_ml.simulator.truth import properties as truth_of_properties
from wanderbricks_ml.simulator.truth.cancellation import cancellation_truth
from wanderbricks_ml.simulator.truth.market import Market
from wanderbricks_ml.simulator.truth.properties import (
    PRICE_LEVELS,
    conversion_truth,
    demand_truth,
    priced_month,
    revenue_truth,
)
from wanderbricks_ml.simulator.users import choose_users, draw_choice

TINY = PRESETS["tiny"]
LAST = day_number(TINY.last_day)
SPAN = 100_000
GROUPS = 6
Outcome = tuple[float, float, float, float]
"""What `repriced_outcome` has of a platform."""


@dataclass(frozen=True)
class Compared:
    """Truth and outcome, row by row, of one platform."""

    truth: Floats
    outcome: Floats


def days(column: pa.ChunkedArray) -> Ints:
    return column.cast(pa.int32()).to_numpy().astype(np.int64)


def compared_demand(world: World, demand: pa.Table) -> dict[str, Compared]:
    stays, found = world.stays, {}
    check_in = days(demand["check_in_date"])
    closed = check_in <= LAST
    key = (demand["property_id"].to_numpy() - 1) * SPAN + check_in
    arrivals, times = np.unique(stays.listing * SPAN + stays.check_in, return_counts=True)
    at = np.minimum(np.searchsorted(arrivals, key), len(arrivals) - 1)
    outcome = np.where(arrivals[at] == key, times[at], 0)
    found["demand"] = Compared(demand["expected_bookings"].to_numpy()[closed], outcome[closed])
    uncertain = closed & (demand["expected_bookings"].to_numpy() < 0.5)
    found["demand, nothing on the books"] = Compared(
        demand["expected_bookings"].to_numpy()[uncertain], outcome[uncertain]
    )
    assert (days(demand["as_of_date"]) < check_in).all()
    return found


def compared_conversion(world: World, conversion: pa.Table) -> dict[str, Compared]:
    made, stays = world.stays.created // DAY, world.stays
    key = (conversion["property_id"].to_numpy() - 1) * SPAN + days(conversion["engagement_date"])
    booked = np.isin(key, stays.listing * SPAN + made).astype(float)
    return {"conversion": Compared(conversion["conversion_probability"].to_numpy(), booked)}


def compared_revenue(world: World, revenue: pa.Table) -> dict[str, Compared]:
    stays = world.stays
    amounts = np.zeros((TINY.destinations, SPAN))
    kept = stays.cancelled_after < 0
    destination = world.properties.destination[stays.listing[kept]]
    np.add.at(amounts, (destination, stays.check_in[kept]), stays.cents[kept] / 100)
    earned = amounts[revenue["destination_id"].to_numpy() - 1, days(revenue["check_in_date"])]
    return {"revenue": Compared(revenue["expected_revenue"].to_numpy(), earned)}


def compared_cancellation(world: World, cancellation: pa.Table) -> dict[str, Compared]:
    cancelled = (world.stays.cancelled_after >= 0).astype(float)
    still = cancellation["open_probability"].to_numpy(zero_copy_only=False)
    is_open = ~np.isnan(still)
    return {
        "cancellation": Compared(cancellation["cancellation_probability"].to_numpy(), cancelled),
        "cancellation of open bookings": Compared(still[is_open], cancelled[is_open]),
    }


def compared_users(world: World, users: pa.Table) -> dict[str, Compared]:
    made, stays = world.stays.created // DAY, world.stays
    snapshot = days(users["as_of_date"])
    order = np.lexsort((made, stays.user))
    booking = stays.user[order] * SPAN + made[order]
    user = users["user_id"].to_numpy() - 1

    def bookings(first: Ints, end: Ints) -> Ints:
        return np.searchsorted(booking, user * SPAN + end) - np.searchsorted(booking, user * SPAN + first)

    silent = (bookings(snapshot, snapshot + 180) == 0).astype(float)
    judged: Bools = snapshot + 180 <= LAST + 1
    active = judged & (bookings(snapshot - 365, snapshot) > 0)
    year: Bools = snapshot + 365 <= LAST + 1
    kept = np.where(stays.cancelled_after[order] < 0, stays.cents[order] / 100, 0.0)
    so_far = np.concatenate([[0.0], np.cumsum(kept)])
    first, end = (np.searchsorted(booking, user * SPAN + snapshot + ahead) for ahead in (0, 365))
    return {
        "users": Compared(users["no_booking_probability_180d"].to_numpy()[judged], silent[judged]),
        "churn": Compared(users["no_booking_probability_180d"].to_numpy()[active], silent[active]),
        "customer_ltv": Compared(users["expected_revenue_365d"].to_numpy()[year], (so_far[end] - so_far[first])[year]),
    }


def assert_calibrated(parts: list[Compared], tolerance: float) -> None:
    """Differences lie within 3.5 standard errors of `tolerance`, a fraction of the truth, overall and in each group."""
    pooled = np.concatenate([part.truth for part in parts])
    bounds = np.quantile(pooled, np.linspace(0, 1, GROUPS + 1)[1:-1])
    for group in [None, *range(len(np.unique(bounds)) + 1)]:
        truth, outcome = [], []
        for part in parts:
            rows = slice(None) if group is None else np.searchsorted(np.unique(bounds), part.truth) == group
            truth.append(part.truth[rows].sum())
            outcome.append(part.outcome[rows].sum())
        difference = np.array(outcome) - np.array(truth)
        error = difference.std(ddof=1) * len(parts) ** 0.5
        slack = tolerance * (1 if group is None else 2) * sum(truth) + 1
        assert abs(difference.sum()) < slack + 3.5 * error, (group, sum(truth), sum(outcome), error)


MONTH = np.datetime64("2025-06")


def repriced(world: World, level: float, lead: int) -> World:
    """The same hosts, properties and users, had all prices changed on the first day of a month up to `MONTH`."""
    begin = int((MONTH - lead).astype("datetime64[D]").astype(np.int64)) * DAY
    prices = world.prices
    spanning = (prices.starts < begin) & (prices.ends > begin)
    order = np.lexsort(
        (
            np.concatenate([prices.starts, np.full(spanning.sum(), begin)]),
            np.concatenate([prices.owner, prices.owner[spanning]]),
        )
    )
    owner = np.concatenate([prices.owner, prices.owner[spanning]])[order]
    starts = np.concatenate([prices.starts, np.full(spanning.sum(), begin)])[order]
    ends = np.concatenate([np.where(spanning, begin, prices.ends), prices.ends[spanning]])[order]
    price = np.concatenate([prices.price, prices.price[spanning]])[order]
    price = np.where(starts >= begin, price * (1 + level), price)
    changed = Prices(owner, starts, ends, price)
    unchanged = replace(changed, price=np.concatenate([prices.price, prices.price[spanning]])[order])
    preset, seed, demand, properties, laws = world.preset, world.seed, world.demand, world.properties, world.laws
    relative = changed.price / properties.market_price[owner]
    before = unchanged.price / properties.market_price[owner]
    slope = demand.price_slope[properties.group[owner]]
    levels = booking_levels(preset, properties, unchanged, demand, laws)
    levels = levels * laws.price_effect(relative, slope) / laws.price_effect(before, slope)
    attempts = draw_attempts(preset, seed, 0, properties, changed, levels, demand)
    choice = draw_choice(preset, seed, world.users, attempts, changed, laws)
    user, returned = choose_users(seed, 0, world.users, choice, attempts, properties, changed, laws)
    stays = draw_stays(seed, 0, attempts, user, world.users, properties, world.hosts, changed, laws)
    return replace(world, prices=changed, levels=levels, attempts=attempts, returned=returned, stays=stays)


def repriced_outcome(market: Market, level: float, lead: int) -> Outcome:
    """Of `MONTH`, were all prices changed `lead` months before: bookings expected and made, revenue likewise."""
    begin, snapshot, end = (int((MONTH + months).astype("datetime64[D]").astype(np.int64)) for months in (0, -lead, 1))
    told = priced_month(market, MONTH, lead)
    assert told is not None
    asked = told["price_level"].to_numpy() == PRICE_LEVELS[np.argmin(np.abs(PRICE_LEVELS - level))]
    stays = repriced(market.world, level, lead).stays
    new = (stays.created >= snapshot * DAY) & (stays.check_in >= begin) & (stays.check_in < end)
    kept = new & (stays.cancelled_after < 0)
    return (
        told["expected_bookings"].to_numpy()[asked].sum(),
        new.sum(),
        told["expected_revenue"].to_numpy()[asked].sum(),
        stays.cents[kept].sum() / 100,
    )


def judged_markets(markets: Iterable[Market]) -> tuple[list[dict[str, Compared]], list[Outcome]]:
    """Truth and what came of it on platforms, users left out; the second part is of prices that were changed."""
    parts, changes = [], []
    with pytest.MonkeyPatch.context() as patch:
        # a few snapshots for each platform
        patch.setattr(truth_of_properties, "TEST_DAYS", 0)
        patch.setattr(truth_of_properties, "REVENUE_CUTOFFS", (91,))
        for place, market in enumerate(markets):
            drawn = market.world
            parts.append(
                {
                    **compared_demand(drawn, demand_truth(market, LAST - 30)),
                    **compared_conversion(drawn, conversion_truth(market, LAST)),
                    **compared_revenue(drawn, revenue_truth(market, LAST)),
                    **compared_cancellation(drawn, cancellation_truth(drawn, LAST)),
                }
            )
            changes.append(repriced_outcome(market, (-0.3, 0.3)[place % 2], 0))
    return parts, changes


def assert_as_expected(rows: list[Outcome]) -> None:
    """What `repriced_outcome` has of many platforms: expected and made agree in the mean."""
    bookings, made, revenue, earned = np.array(rows).T
    for truth, outcome, tolerance in ((bookings, made, 0.04), (revenue, earned, 0.06)):
        error = (outcome - truth).std(ddof=1) * len(truth) ** 0.5
        assert abs(outcome.sum() - truth.sum()) < tolerance * truth.sum() + 2.5 * error, (truth.sum(), outcome.sum())
