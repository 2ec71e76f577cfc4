"""Worlds with hotels, which take several bookings a day, some of them a group's, and a truth that knows of both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import duckdb
import numpy as np
import pytest
from truth_checks import (
    LAST,
    TINY,
    Compared,
    Outcome,
    assert_as_expected,
    assert_calibrated,
    compared_cancellation,
    compared_users,
    judged_markets,
)

from wanderbricks_ml.simulator import World, draw_world, simulate
from wanderbricks_ml.simulator.columns import DAY
from wanderbricks_ml.simulator.demand import expected_demand
from wanderbricks_ml.simulator.laws import LUMPY_FROM, Laws, draw_laws
from wanderbricks_ml.simulator.truth import properties as truth_of_properties
from wanderbricks_ml.simulator.truth import users as truth_of_users
from wanderbricks_ml.simulator.truth.cancellation import cancellation_truth
from wanderbricks_ml.simulator.truth.market import Market
from wanderbricks_ml.simulator.truth.properties import HORIZON, demand_truth
from wanderbricks_ml.simulator.truth.users import user_truth

LAWS = draw_laws(LUMPY_FROM)


def draw(seed: int, laws: Laws = LAWS) -> World:
    return draw_world(TINY, seed, 0, expected_demand(TINY, seed), laws)


@pytest.fixture(scope="module")
def gold(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    out = tmp_path_factory.mktemp("lumps")
    simulate("tiny", 4, out, world=LUMPY_FROM)
    with duckdb.connect() as connection:
        connection.execute(
            f"""
            create view bookings as
            select *
            from '{out}/fact_booking_detail.parquet'
            inner join (
                select property_id, contains(description, 'in a hotel') as is_hotel
                from '{out}/dim_property.parquet'
                where is_current
            ) using (property_id);

            create view parties as
            select
                is_hotel,
                count(*) as rooms,
                count(distinct (check_in_date, check_out_date, total_amount, status, updated_at)) as kinds,
                any_value(is_cancelled) as is_cancelled
            from bookings
            group by is_hotel, property_id, user_id, created_at
            """
        )
        yield connection


def numbers(gold: duckdb.DuckDBPyConnection, query: str) -> tuple[float, ...]:
    return tuple(float(number) for number in gold.execute(query).fetchall()[0])


def test_only_worlds_from_the_sixth_on_have_hotels() -> None:
    for world in range(30):
        laws = draw_laws(world)
        assert (laws.hotel_share > 0) == (laws.group_share > 0) == (laws.group_effect > 0) == (world >= 6)
    assert draw_laws(6) != draw_laws(7)


def test_a_hotel_has_a_room_for_everybody_and_nothing_else_has_two(gold: duckdb.DuckDBPyConnection) -> None:
    """Stays of two parties that share a night, at hotels and elsewhere."""
    shared = """
        select
            count(*) filter (earlier.is_hotel),
            count(*) filter (not earlier.is_hotel)
        from bookings as earlier
        inner join bookings as later
            on earlier.property_id = later.property_id
            and earlier.booking_id < later.booking_id
            and earlier.created_at < later.created_at
            and earlier.check_in_date < later.check_out_date
            and later.check_in_date < earlier.check_out_date
        where not (earlier.is_cancelled and earlier.updated_at <= later.created_at)
    """
    at_hotels, elsewhere = numbers(gold, shared)
    assert at_hotels > 1_000
    assert elsewhere == 0
    hotels, a_day, others = numbers(
        gold,
        """
        select
            count(distinct property_id) filter (is_hotel),
            avg(bookings) filter (is_hotel),
            avg(bookings) filter (not is_hotel)
        from (
            select is_hotel, property_id, cast(created_at as date), count(*) as bookings
            from bookings
            group by all
        )
        """,
    )
    assert hotels == round(LAWS.hotel_share * TINY.properties)
    assert a_day > 2
    assert others < 1.1


def test_a_group_is_one_guest_s_bookings_alike_and_cancelled_as_a_whole(gold: duckdb.DuckDBPyConnection) -> None:
    elsewhere, unlike = numbers(
        gold, "select count(*) filter (not is_hotel), count(*) filter (kinds > 1) from parties where rooms > 1"
    )
    assert elsewhere == unlike == 0
    share, size, cancelled, usual = numbers(
        gold,
        """
        select
            avg(cast(rooms > 1 as int)),
            avg(rooms) filter (rooms > 1),
            avg(cast(is_cancelled as int)) filter (rooms > 4),
            avg(cast(is_cancelled as int)) filter (rooms = 1)
        from parties
        where is_hotel
        """,
    )
    assert share == pytest.approx(LAWS.group_share, abs=0.02)
    assert size == pytest.approx(LAWS.group_size, rel=0.15)
    assert cancelled > usual + 0.05


def test_rooms_are_as_many_as_the_law_says() -> None:
    is_hotel = np.arange(400_000) % 2 == 0
    rooms = LAWS.draw_rooms(np.random.default_rng(5), is_hotel)
    assert (rooms[~is_hotel] == 1).all()
    assert rooms[is_hotel].mean() == pytest.approx(LAWS.mean_rooms(is_hotel)[0], rel=0.02)
    groups = rooms[rooms > 1]
    assert groups.mean() == pytest.approx(LAWS.group_size, rel=0.02)
    # as of real hotels, lumps are mostly of two or three rooms and now and then of twenty
    assert np.median(groups) <= 3
    assert 0.01 < (groups >= 20).mean() < 0.06


@pytest.fixture(scope="module")
def markets() -> list[Market]:
    return [Market.of(draw(7_000 + place)) for place in range(7)]


@pytest.fixture(scope="module")
def judged(markets: list[Market]) -> tuple[list[dict[str, Compared]], list[Outcome]]:
    parts, changes = judged_markets(markets)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(truth_of_users, "_MONTHS_OF_USERS", 7)
        users = [compared_users(market.world, user_truth(market.world, LAST)) for market in markets]
    return [part | found for part, found in zip(parts, users, strict=True)], changes


@pytest.mark.parametrize(
    ("name", "tolerance"),
    [
        ("demand", 0.01),
        ("demand, nothing on the books", 0.03),
        ("conversion", 0.02),
        ("revenue", 0.03),
        ("cancellation", 0.03),
        ("cancellation of open bookings", 0.03),
        ("users", 0.01),
        ("churn", 0.01),
    ],
)
def test_truth_knows_of_hotels_and_groups(
    judged: tuple[list[dict[str, Compared]], list[Outcome]], name: str, tolerance: float
) -> None:
    assert_calibrated([part[name] for part in judged[0]], tolerance)


def test_truth_of_a_year_s_revenue_adds_up_with_groups(judged: tuple[list[dict[str, Compared]], list[Outcome]]) -> None:
    ratio = np.array([part["customer_ltv"].outcome.sum() / part["customer_ltv"].truth.sum() for part in judged[0]])
    assert abs(ratio.mean() - 1) < 0.02 + 3 * ratio.std(ddof=1) / len(ratio) ** 0.5


def test_truth_of_prices_is_what_comes_of_them_at_hotels(
    judged: tuple[list[dict[str, Compared]], list[Outcome]],
) -> None:
    assert_as_expected(judged[1])


def test_a_truth_of_cancellations_that_ignores_groups_is_wrong(markets: list[Market]) -> None:
    blind = [replace(market.world, laws=replace(LAWS, group_effect=0.0)) for market in markets]
    with pytest.raises(AssertionError):
        assert_calibrated(
            [compared_cancellation(drawn, cancellation_truth(drawn, LAST))["cancellation"] for drawn in blind], 0.03
        )


def test_truth_of_demand_counts_the_rooms_of_groups(markets: list[Market], monkeypatch: pytest.MonkeyPatch) -> None:
    """Bookings at hotels still to come; a law for which each attempt is one room expects too few of them."""
    monkeypatch.setattr(truth_of_properties, "TEST_DAYS", 0)
    told, without, came = 0.0, 0.0, 0
    for market in markets:
        drawn, snapshot = market.world, LAST - 29
        stays, is_hotel = drawn.stays, drawn.properties.is_hotel
        ahead = is_hotel[stays.listing] & (stays.check_in > snapshot) & (stays.check_in <= snapshot + HORIZON)
        on_books = int((ahead & (stays.created < snapshot * DAY)).sum())
        came += int(ahead.sum()) - on_books
        alone = replace(market, world=replace(drawn, laws=replace(LAWS, group_share=0.0)))
        for place, judge in enumerate((market, alone)):
            table = demand_truth(judge, snapshot - 1)
            at_hotels = is_hotel[table["property_id"].to_numpy() - 1]
            rest = table["expected_bookings"].to_numpy()[at_hotels].sum() - on_books
            told, without = (told + rest, without) if place == 0 else (told, without + rest)
    assert without < 0.75 * told
    assert abs(told - came) < 0.5 * abs(without - came)
