"""Truth against many simulated platforms: unbiased, calibrated, and blind to what could not be seen.

Each row's truth is an expectation given what is known at its snapshot. Over platforms drawn anew, what happens must
agree with it on average, and within every group of rows that the truth tells apart. Standard errors are over
platforms, so that rows of one platform need not be independent.
"""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from truth_checks import (
    LAST,
    TINY,
    Compared,
    assert_as_expected,
    assert_calibrated,
    compared_cancellation,
    compared_conversion,
    compared_demand,
    compared_revenue,
    compared_users,
    days,
    repriced_outcome,
)

from wanderbricks_ml.simulator import World, draw_world
from wanderbricks_ml.simulator.columns import DAY
from wanderbricks_ml.simulator.demand import expected_demand
from wanderbricks_ml.simulator.truth import truth_tables
from wanderbricks_ml.simulator.truth.ahead import ahead_of
from wanderbricks_ml.simulator.truth.market import Market
from wanderbricks_ml.simulator.truth.users import user_truth

PLATFORMS = range(1_000, 1_014)


def compare(world: World) -> dict[str, Compared]:
    tables = truth_tables(world, TINY.last_day)
    return {
        **compared_demand(world, tables["demand"]),
        **compared_conversion(world, tables["conversion"]),
        **compared_revenue(world, tables["revenue"]),
        **compared_cancellation(world, tables["cancellation"]),
        **compared_users(world, tables["users"]),
    }


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
    assert_calibrated([platform[name] for platform in platforms], tolerance)


@pytest.mark.parametrize("name", ["demand", "conversion", "cancellation", "churn"])
def test_truth_beats_what_everybody_knows(platforms: list[dict[str, Compared]], name: str) -> None:
    truth = np.concatenate([platform[name].truth for platform in platforms])
    outcome = np.concatenate([platform[name].outcome for platform in platforms])
    assert np.mean((truth - outcome) ** 2) < 0.97 * np.var(outcome)


def test_the_platform_s_last_month_is_as_busy_by_the_day_as_the_one_before() -> None:
    """It has 16 days of 30: taken for a whole one, snapshots with it ahead expected 5 to 8 % less than the newest."""
    world = draw_world(TINY, 3, 0, expected_demand(TINY, 3))
    users = user_truth(world, LAST)
    snapshot, expected = days(users["as_of_date"]), users["expected_bookings_365d"].to_numpy()
    assert (LAST + 1 - world.choice.first_day) % 30 == 16
    newest, before = (expected[snapshot == LAST + 1 - back].sum() for back in (0, 30))
    assert 0.98 < newest / before < 1.03


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


CHANGES = ((-0.3, 0), (0.0, 1), (0.3, 0))
"""Of all prices, a fraction, and how many months before `MONTH`."""


@pytest.fixture(scope="module")
def repriced_months() -> dict[tuple[float, int], list[tuple[float, float, float, float]]]:
    markets = (Market.of(draw_world(TINY, seed, 0, expected_demand(TINY, seed))) for seed in range(2_000, 2_030))
    rows = [[repriced_outcome(market, *change) for change in CHANGES] for market in markets]
    return {change: [row[at] for row in rows] for at, change in enumerate(CHANGES)}


@pytest.mark.parametrize("change", CHANGES)
def test_truth_of_prices_is_what_comes_of_them(
    repriced_months: dict[tuple[float, int], list[tuple[float, float, float, float]]], change: tuple[float, int]
) -> None:
    """Bookings and revenue of a month whose prices are changed on a snapshot, over platforms drawn anew."""
    assert_as_expected(repriced_months[change])


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
