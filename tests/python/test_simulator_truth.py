"""Truth against many simulated platforms: unbiased, calibrated, and blind to what could not be seen.

Each row's truth is an expectation given what is known at its snapshot. Over platforms drawn anew, what happens must
agree with it on average, and within every group of rows that the truth tells apart. Standard errors are over
platforms, so that rows of one platform need not be independent.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import pyarrow as pa
import pytest

from wanderbricks_ml.arrays import Bools, Floats, Ints
from wanderbricks_ml.simulator import World, draw_world
from wanderbricks_ml.simulator.bookings import draw_stays
from wanderbricks_ml.simulator.columns import DAY, day_number
from wanderbricks_ml.simulator.demand import expected_demand, price_effect
from wanderbricks_ml.simulator.presets import PRESETS
from wanderbricks_ml.simulator.prices import Prices, booking_levels
from wanderbricks_ml.simulator.stays import draw_attempts
from wanderbricks_ml.simulator.truth import truth_tables
from wanderbricks_ml.simulator.truth.ahead import ahead_of
from wanderbricks_ml.simulator.truth.market import Market
from wanderbricks_ml.simulator.truth.properties import PRICE_LEVELS, pricing_truth
from wanderbricks_ml.simulator.users import choose_users, draw_choice

TINY = PRESETS["tiny"]
PLATFORMS = range(1_000, 1_014)
LAST = day_number(TINY.last_day)
SPAN = 100_000
GROUPS = 6


@dataclass(frozen=True)
class Compared:
    """Truth and outcome, row by row, of one platform."""

    truth: Floats
    outcome: Floats


def days(column: pa.ChunkedArray) -> Ints:
    return column.cast(pa.int32()).to_numpy().astype(np.int64)


def compare(world: World) -> dict[str, Compared]:
    tables, stays = truth_tables(world, TINY.last_day), world.stays
    made = stays.created // DAY
    found = {}

    demand = tables["demand"]
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

    conversion = tables["conversion"]
    key = (conversion["property_id"].to_numpy() - 1) * SPAN + days(conversion["engagement_date"])
    booked = np.isin(key, stays.listing * SPAN + made).astype(float)
    found["conversion"] = Compared(conversion["conversion_probability"].to_numpy(), booked)

    revenue = tables["revenue"]
    amounts = np.zeros((TINY.destinations, SPAN))
    kept = stays.cancelled_after < 0
    destination = world.properties.destination[stays.listing[kept]]
    np.add.at(amounts, (destination, stays.check_in[kept]), stays.cents[kept] / 100)
    earned = amounts[revenue["destination_id"].to_numpy() - 1, days(revenue["check_in_date"])]
    found["revenue"] = Compared(revenue["expected_revenue"].to_numpy(), earned)

    cancelled = (stays.cancelled_after >= 0).astype(float)
    found["cancellation"] = Compared(tables["cancellation"]["cancellation_probability"].to_numpy(), cancelled)
    still = tables["cancellation"]["open_probability"].to_numpy(zero_copy_only=False)
    is_open = ~np.isnan(still)
    found["cancellation of open bookings"] = Compared(still[is_open], cancelled[is_open])

    users = tables["users"]
    snapshot = days(users["as_of_date"])
    order = np.lexsort((made, stays.user))
    booking = stays.user[order] * SPAN + made[order]
    user = users["user_id"].to_numpy() - 1

    def bookings(first: Ints, end: Ints) -> Ints:
        return np.searchsorted(booking, user * SPAN + end) - np.searchsorted(booking, user * SPAN + first)

    silent = (bookings(snapshot, snapshot + 180) == 0).astype(float)
    judged: Bools = snapshot + 180 <= LAST + 1
    found["users"] = Compared(users["no_booking_probability_180d"].to_numpy()[judged], silent[judged])
    active = judged & (bookings(snapshot - 365, snapshot) > 0)
    found["churn"] = Compared(users["no_booking_probability_180d"].to_numpy()[active], silent[active])
    return found


@pytest.fixture(scope="module")
def platforms() -> list[dict[str, Compared]]:
    return [compare(draw_world(TINY, seed, 0, expected_demand(TINY, seed))) for seed in PLATFORMS]


@pytest.mark.parametrize(
    ("name", "tolerance"),
    [
        ("demand", 0.01),
        ("demand, nothing on the books", 0.03),
        ("conversion", 0.02),
        # listings and prices to come are left out
        ("revenue", 0.03),
        ("cancellation", 0.03),
        ("cancellation of open bookings", 0.03),
        ("users", 0.01),
        ("churn", 0.01),
    ],
)
def test_truth_is_unbiased_and_calibrated(platforms: list[dict[str, Compared]], name: str, tolerance: float) -> None:
    """Differences lie within 3.5 standard errors of `tolerance`, a fraction of the truth, overall and in each group."""
    parts = [platform[name] for platform in platforms]
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


@pytest.mark.parametrize("name", ["demand", "conversion", "cancellation", "churn"])
def test_truth_beats_what_everybody_knows(platforms: list[dict[str, Compared]], name: str) -> None:
    truth = np.concatenate([platform[name].truth for platform in platforms])
    outcome = np.concatenate([platform[name].outcome for platform in platforms])
    assert np.mean((truth - outcome) ** 2) < 0.97 * np.var(outcome)


def test_truth_does_not_see_the_future() -> None:
    """The truth of an earlier day is the same whatever happens afterwards."""
    calm = draw_world(TINY, 3, 0, expected_demand(TINY, 3))
    snapshot = LAST - 40
    told = ahead_of(Market.of(calm), snapshot - calm.demand.creation_days[0], 30, np.ones((1, TINY.properties)), True)
    cut = calm.stays.created < snapshot * DAY
    stays = type(calm.stays)(**{field.name: getattr(calm.stays, field.name)[cut] for field in fields(calm.stays)})
    # cancellations that are still to come have not happened yet
    unknown = stays.cancelled_at >= snapshot * DAY
    stays = replace(stays, cancelled_after=np.where(unknown, -1, stays.cancelled_after))
    blind = replace(calm, stays=stays)
    again = ahead_of(Market.of(blind), snapshot - calm.demand.creation_days[0], 30, np.ones((1, TINY.properties)), True)
    assert (again.on_books == told.on_books).all()
    np.testing.assert_allclose(again.books_value, told.books_value)
    # only platform-wide shares (business stays, cancellations) are taken from the whole period
    for seen, blindly in ((told.rest, again.rest), (told.kept_nights, again.kept_nights)):
        np.testing.assert_allclose(blindly.sum(), seen.sum(), rtol=0.03)
        assert np.corrcoef(blindly.ravel(), seen.ravel())[0, 1] > 0.999


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
    preset, seed, demand, properties = world.preset, world.seed, world.demand, world.properties
    relative = changed.price / properties.market_price[owner]
    before = unchanged.price / properties.market_price[owner]
    slope = demand.price_slope[properties.group[owner]]
    levels = booking_levels(preset, properties, unchanged, demand)
    levels = levels * price_effect(relative, slope) / price_effect(before, slope)
    attempts = draw_attempts(preset, seed, 0, properties, changed, levels, demand)
    choice = draw_choice(preset, seed, world.users, attempts, changed)
    user, returned = choose_users(seed, 0, world.users, choice, attempts, properties, changed)
    stays = draw_stays(seed, 0, attempts, user, world.users, properties, world.hosts, changed)
    return replace(world, prices=changed, levels=levels, attempts=attempts, returned=returned, stays=stays)


CHANGES = ((-0.3, 0), (0.0, 1), (0.3, 0))
"""Of all prices, a fraction, and how many months before `MONTH`."""


@pytest.fixture(scope="module")
def repriced_months() -> dict[tuple[float, int], Floats]:
    """Of each change: bookings expected and made, revenue expected and earned, a row a platform."""
    first = int(MONTH.astype("datetime64[D]").astype(np.int64))
    end = int((MONTH + 1).astype("datetime64[D]").astype(np.int64))
    found: dict[tuple[float, int], list[tuple[float, ...]]] = {change: [] for change in CHANGES}
    for seed in range(2_000, 2_030):
        world = draw_world(TINY, seed, 0, expected_demand(TINY, seed))
        told = pricing_truth(Market.of(world), TINY.last_day)
        this_month = days(told["stay_month"]) == first
        for (level, lead), rows in found.items():
            snapshot = int((MONTH - lead).astype("datetime64[D]").astype(np.int64))
            at = int(np.argmin(np.abs(PRICE_LEVELS - level)))
            asked = this_month & np.isclose(told["price_level"].to_numpy(), PRICE_LEVELS[at])
            asked &= told["lead_months"].to_numpy() == lead
            stays = repriced(world, level, lead).stays
            new = (stays.created >= snapshot * DAY) & (stays.check_in >= first) & (stays.check_in < end)
            kept = new & (stays.cancelled_after < 0)
            rows.append(
                (
                    told["expected_bookings"].to_numpy()[asked].sum(),
                    new.sum(),
                    told["expected_revenue"].to_numpy()[asked].sum(),
                    stays.cents[kept].sum() / 100,
                )
            )
    return {change: np.array(rows) for change, rows in found.items()}


@pytest.mark.parametrize("change", CHANGES)
def test_truth_of_prices_is_what_comes_of_them(
    repriced_months: dict[tuple[float, int], Floats], change: tuple[float, int]
) -> None:
    """Bookings and revenue of a month whose prices are changed on a snapshot, over platforms drawn anew."""
    bookings, made, revenue, earned = repriced_months[change].T
    for truth, outcome, tolerance in ((bookings, made, 0.04), (revenue, earned, 0.06)):
        error = (outcome - truth).std(ddof=1) * len(truth) ** 0.5
        assert abs(outcome.sum() - truth.sum()) < tolerance * truth.sum() + 2.5 * error, (truth.sum(), outcome.sum())


def test_shocks_are_inferred_from_the_books(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is on a destination's books tells of its days: a truth that ignores it predicts worse."""
    markets = [Market.of(draw_world(TINY, seed, 0, expected_demand(TINY, seed))) for seed in range(3_000, 3_006)]

    def loss() -> float:
        total = 0.0
        for market in markets:
            stays, first = market.world.stays, market.world.demand.creation_days[0]
            for snapshot in range(LAST - 60, LAST - 29, 10):
                rest = ahead_of(market, snapshot - first, 30, np.ones((1, TINY.properties))).rest
                new = (stays.created >= snapshot * DAY) & (stays.check_in <= snapshot + 30)
                made = np.zeros(rest[0].shape)
                np.add.at(made, (stays.listing[new], stays.check_in[new] - snapshot), 1)
                expected = np.maximum(rest[0], 1e-9)
                total += float((expected - made * np.log(expected)).sum())
        return total

    with_books = loss()
    monkeypatch.setattr(
        "wanderbricks_ml.simulator.truth.ahead.expected_shock",
        lambda market, column, horizon: np.ones((TINY.destinations, horizon + 1)),
    )
    assert with_books < loss()
