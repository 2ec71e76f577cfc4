"""Worlds: other laws than the calibrated ones, the same for every seed, and a truth that knows them."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from truth_checks import (
    LAST,
    MONTH,
    SPAN,
    TINY,
    Compared,
    Outcome,
    assert_as_expected,
    assert_calibrated,
    compared_cancellation,
    compared_users,
    judged_markets,
)

from wanderbricks_ml.arrays import Floats
from wanderbricks_ml.commands.cli import main
from wanderbricks_ml.gold.contract import GOLD_SCHEMAS
from wanderbricks_ml.simulator import World, draw_world, simulate
from wanderbricks_ml.simulator.demand import expected_demand
from wanderbricks_ml.simulator.laws import CALIBRATED, PRICE_FORMS, RETURN_FORMS, TRIP_FORMS, Laws, draw_laws
from wanderbricks_ml.simulator.prices import booking_levels
from wanderbricks_ml.simulator.stays import Attempts
from wanderbricks_ml.simulator.truth import properties as truth_of_properties
from wanderbricks_ml.simulator.truth import users as truth_of_users
from wanderbricks_ml.simulator.truth.ahead import Ahead, ahead_of
from wanderbricks_ml.simulator.truth.cancellation import cancellation_truth
from wanderbricks_ml.simulator.truth.market import Market
from wanderbricks_ml.simulator.truth.properties import (
    PRICE_LEVELS,
    priced_month,
)
from wanderbricks_ml.simulator.truth.users import STEPS, Returns, user_truth
from wanderbricks_ml.simulator.users import earlier_attempts

WORLDS = (1, 2, 3)
"""As many in a row as most laws have forms, so that each form is among them."""

OF_USERS = (1, 2)
"""Those that have a truth of users: in the others guests of late return."""


def draw(seed: int, laws: Laws) -> World:
    return draw_world(TINY, seed, 0, expected_demand(TINY, seed), laws)


def written(folder: Path) -> dict[str, bytes]:
    return {name: (folder / f"{name}.parquet").read_bytes() for name in GOLD_SCHEMAS}


def test_world_0_is_the_one_without_an_option(tmp_path: Path) -> None:
    simulate("tiny", 4, tmp_path / "plain")
    arguments = ["simulate", "--preset", "tiny", "--seed", "4", "--out"]
    runner = CliRunner()
    other = runner.invoke(main, [*arguments, str(tmp_path / "other"), "--world", "2"])
    assert other.exit_code == 0, other.output
    assert json.loads((tmp_path / "other/world.json").read_text()) == asdict(draw_laws(2))
    same = {name for name, told in written(tmp_path / "plain").items() if told == written(tmp_path / "other")[name]}
    assert "fact_booking_detail" not in same
    # guests, hosts and destinations are the seed's, whatever the world
    assert {"dim_user", "dim_host", "dim_destination", "dim_property"} <= same
    simulate("tiny", 4, tmp_path / "other", world=2)
    again = written(tmp_path / "other")
    assert runner.invoke(main, [*arguments, str(tmp_path / "twice"), "--world", "2"]).exit_code == 0
    assert written(tmp_path / "twice") == again
    result = runner.invoke(main, [*arguments, str(tmp_path / "other"), "--world", "0"])
    assert result.exit_code == 0, result.output
    assert written(tmp_path / "other") == written(tmp_path / "plain")
    assert not (tmp_path / "other/world.json").exists()


def test_laws_are_drawn_by_the_number_alone() -> None:
    assert draw_laws(0) == CALIBRATED == Laws()
    worlds = [draw_laws(world) for world in range(1, 31)]
    assert worlds == [draw_laws(world) for world in range(1, 31)]
    assert len({replace(laws, world=0) for laws in worlds}) > 20
    for begin in range(0, 30, len(PRICE_FORMS)):
        assert {laws.price_form for laws in worlds[begin : begin + len(PRICE_FORMS)]} == set(PRICE_FORMS)
    with pytest.raises(ValueError, match="world -1"):
        draw_laws(-1)


def test_the_page_says_what_worlds_draw() -> None:
    page = (Path(__file__).parents[2] / "docs/measured.md").read_text()
    for world in range(1, 8):
        laws = draw_laws(world)
        truth = "all but `users`" if laws.return_form == "recent" else "all"
        trips = f"{laws.tentative_share:.1%} {laws.trip_form}"
        hotels = f"{laws.hotel_share:.1%} of size {laws.hotel_size:.0f}, groups {laws.group_share:.0%}"
        drawn = [laws.price_form, trips, laws.tastes, laws.return_form, hotels if laws.hotel_share else "none", truth]
        assert f"| {world} | {' | '.join(map(str, drawn))} |" in page


@pytest.mark.parametrize(
    ("laws", "expected"),
    [
        (CALIBRATED, [np.e**0.75, 1, np.e**-0.75, np.e**-1.5]),
        (Laws(price_form="power"), [2**1.5, 1, 1.5**-1.5, 2**-1.5]),
        (Laws(price_form="saturating", price_bend=2.0), [2 / (1 + np.e**s) for s in (-1.5, 0, 1.5, 3.0)]),
        (Laws(price_form="kinked", price_bend=0.4), [np.e**0.45, 1, np.e**-1.05, np.e**-2.1]),
    ],
)
def test_forms_of_the_price_effect(laws: Laws, expected: list[float]) -> None:
    """At half the market's price, at it, half above and twice it, of slope 1.5; all but the kinked one have it at 1."""
    slope = np.full(4, 1.5)
    np.testing.assert_allclose(laws.price_effect(np.array([0.5, 1.0, 1.5, 2.0]), slope), expected)
    if laws.price_form != "kinked":
        below, above = laws.price_effect(np.array([1 - 1e-6, 1 + 1e-6]), slope[:2])
        assert (np.log(above) - np.log(below)) / 2e-6 == pytest.approx(-1.5, rel=1e-4)
    prices = np.linspace(0.1, 5, 200)
    assert (np.diff(laws.price_effect(prices, np.full(200, 1.5))) < 0).all()


@pytest.mark.parametrize("world", WORLDS)
def test_truth_of_prices_has_the_world_s_form(world: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its factors on demand are the ratios of the levels by which attempts are drawn."""
    drawn = draw(6, draw_laws(world))
    asked: list[Floats] = []

    def remembered(market: Market, column: int, horizon: int, factors: Floats) -> Ahead:
        asked.append(factors)
        return ahead_of(market, column, 1, factors)

    monkeypatch.setattr(truth_of_properties, "ahead_of", remembered)
    priced_month(Market.of(drawn), MONTH, 0)
    factors = asked[0]
    day = int(MONTH.astype("datetime64[D]").astype(np.int64))
    version = drawn.prices.at(np.arange(TINY.properties), np.full(TINY.properties, day * 86_400))
    for level, factor in zip(PRICE_LEVELS, factors, strict=True):
        changed = replace(drawn.prices, price=drawn.prices.price * (1 + level))
        levels = booking_levels(TINY, drawn.properties, changed, drawn.demand, drawn.laws)
        ratio = levels[version] / drawn.levels[version] / factor
        # up to what keeps the whole period's number of attempts
        np.testing.assert_allclose(ratio, ratio[0])


@pytest.fixture(scope="module")
def bookings() -> dict[int, list[World]]:
    return {world: [draw(seed, draw_laws(world)) for seed in range(4_000, 4_010)] for world in (0, *WORLDS)}


def compared(platforms: list[World], laws: Laws) -> list[Compared]:
    """Cancellations beside a truth that goes by some laws."""
    told = (replace(world, laws=laws) for world in platforms)
    return [compared_cancellation(world, cancellation_truth(world, LAST))["cancellation"] for world in told]


@pytest.mark.parametrize("world", WORLDS)
def test_truth_of_cancellations_mixes_over_hidden_trips(bookings: dict[int, list[World]], world: int) -> None:
    parts = compared(bookings[world], draw_laws(world))
    assert_calibrated(parts, 0.03)
    # by laws without such trips it is not
    with pytest.raises(AssertionError):
        assert_calibrated(compared(bookings[world], replace(draw_laws(world), tentative_share=0.0)), 0.03)


def test_hidden_trips_leave_less_to_be_told(bookings: dict[int, list[World]]) -> None:
    """About as much is cancelled in every world, and none lets its columns tell as much as the calibrated one."""
    assert {draw_laws(world).trip_form for world in WORLDS} == set(TRIP_FORMS)
    explained, shares = {}, {}
    for world, platforms in bookings.items():
        parts = compared(platforms, draw_laws(world))
        truth, outcome = (np.concatenate([getattr(part, of) for part in parts]) for of in ("truth", "outcome"))
        explained[world] = 1 - np.mean((truth - outcome) ** 2) / outcome.var()
        shares[world] = outcome.mean()
    for world in WORLDS:
        assert 0 < explained[world] < 0.9 * explained[0]
        assert shares[world] == pytest.approx(shares[0], rel=0.15)


@pytest.mark.parametrize("world", WORLDS)
def test_users_book_what_is_to_their_taste(bookings: dict[int, list[World]], world: int) -> None:
    """Two properties that one user has booked are of one cluster more often than two of anybody."""
    laws = draw_laws(world)
    same, usual, to_taste = 0.0, 0.0, []
    for drawn in bookings[world]:
        stays, cluster = drawn.stays, drawn.properties.cluster
        first_hand = ~drawn.returned[stays.attempt]
        user, booked = stays.user[first_hand], cluster[stays.listing[first_hand]]
        to_taste.append((drawn.users.taste[user] == booked).mean())
        by_user = np.zeros((len(drawn.users.taste), laws.tastes))
        np.add.at(by_user, (user, booked), 1)
        pairs = (by_user.sum(axis=1) * (by_user.sum(axis=1) - 1)).sum()
        same += (by_user * (by_user - 1)).sum() / pairs
        usual += ((np.bincount(booked) / len(booked)) ** 2).sum()
    assert np.mean(to_taste) == pytest.approx(1 / (1 + (laws.tastes - 1) * laws.dislike), abs=0.03)
    assert same > 1.5 * usual
    plain = bookings[0][0]
    assert not plain.properties.cluster.any()
    assert not plain.users.taste.any()


def test_no_column_tells_of_a_cluster_and_none_has_more_demand() -> None:
    preset = replace(TINY, properties=3_000, hosts=1_200, hosts_with_property=900)
    laws = draw_laws(2)
    drawn = draw_world(preset, 9, 0, expected_demand(preset, 9), laws)
    properties, cluster = drawn.properties, drawn.properties.cluster
    for column in (
        properties.bedrooms,
        properties.property_type,
        np.log(properties.market_price),
        np.log(properties.appeal),
        drawn.hosts.standing[properties.host],
    ):
        means = [column[cluster == kind].mean() for kind in range(laws.tastes)]
        # standard errors of some thousand properties in a few clusters
        assert np.ptp(means) < 5 * column.std() * (laws.tastes / len(cluster)) ** 0.5
    for place in range(preset.destinations):
        attempts = np.bincount(cluster[drawn.attempts.listing[properties.destination[drawn.attempts.listing] == place]])
        assert attempts.min() > 0.8 * attempts.max()


@pytest.fixture(scope="module")
def judged() -> tuple[list[dict[str, Compared]], list[Outcome]]:
    """Truth and what came of it on platforms of each world."""
    return judged_markets(Market.of(draw(5_000 + place, draw_laws(world))) for place, world in enumerate(WORLDS * 2))


@pytest.mark.parametrize(
    ("name", "tolerance"),
    [
        ("demand", 0.01),
        ("demand, nothing on the books", 0.03),
        ("conversion", 0.02),
        ("revenue", 0.03),
        ("cancellation", 0.03),
        ("cancellation of open bookings", 0.03),
    ],
)
def test_truth_is_calibrated_in_worlds(
    judged: tuple[list[dict[str, Compared]], list[Outcome]], name: str, tolerance: float
) -> None:
    assert_calibrated([part[name] for part in judged[0]], tolerance)


def test_truth_of_prices_is_what_comes_of_them_in_worlds(
    judged: tuple[list[dict[str, Compared]], list[Outcome]],
) -> None:
    assert_as_expected(judged[1])


@pytest.fixture(scope="module")
def people() -> list[dict[str, Compared]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(truth_of_users, "_MONTHS_OF_USERS", 7)
        drawn = [draw(6_000 + place, draw_laws(world)) for place, world in enumerate(OF_USERS * 4)]
        return [compared_users(world, user_truth(world, LAST)) for world in drawn]


@pytest.mark.parametrize("name", ["users", "churn"])
def test_truth_of_users_is_calibrated_in_worlds(people: list[dict[str, Compared]], name: str) -> None:
    assert_calibrated([part[name] for part in people], 0.01)


def test_truth_of_a_year_s_revenue_adds_up_in_worlds(people: list[dict[str, Compared]]) -> None:
    """A year's revenue of a user is known of few: the sums of platforms agree in the mean."""
    ratio = np.array([part["customer_ltv"].outcome.sum() / part["customer_ltv"].truth.sum() for part in people])
    assert abs(ratio.mean() - 1) < 0.02 + 3 * ratio.std(ddof=1) / len(ratio) ** 0.5


@pytest.mark.parametrize(
    ("laws", "age", "of_first", "of_last"),
    [
        (CALIBRATED, None, 0.25, 0.25),
        (Laws(return_form="growing", return_share=0.4, return_scale=500.0), None, 0.018, 0.29),
        (Laws(return_form="recent", return_share=0.3, return_scale=100.0), 100, 0.3, 0.3),
    ],
)
def test_forms_of_returns(laws: Laws, age: float | None, of_first: float, of_last: float) -> None:
    """Of attempts a day apart at many properties: how old those are whose guests return, and how many return."""
    days, places = 2_000, 60
    listing, day = np.tile(np.arange(places), days), np.repeat(np.arange(days), places)
    attempts = Attempts(listing, day, day * 86_400, np.zeros(len(day), np.int64))
    parent = earlier_attempts(np.random.default_rng(3), attempts, laws)
    returns = np.flatnonzero(parent >= 0)
    assert (parent[returns] < returns).all()
    assert (listing[parent[returns]] == listing[returns]).all()
    late = returns[day[returns] >= days - 300]
    # the mean of what is alike is half of what there was
    assert (day[late] - day[parent[late]]).mean() == pytest.approx(age or (days - 150) / 2, rel=0.05)
    assert (parent[(day > 0) & (day < 50)] >= 0).mean() == pytest.approx(of_first, abs=0.02)
    assert (parent[day >= days - 500] >= 0).mean() == pytest.approx(of_last, abs=0.03)


def test_truth_of_returns_knows_that_their_share_grows(bookings: dict[int, list[World]]) -> None:
    """Of the returns to come, the share at properties that have had few bookings; that of a law that ignores it."""
    assert draw_laws(1).return_form == "growing"
    half_year = int(np.searchsorted(STEPS, 180))
    told, told_without, came = np.zeros(2), np.zeros(2), np.zeros(2)
    for drawn in bookings[1]:
        stays, day = drawn.stays, drawn.stays.created // 86_400
        returned = drawn.returned[stays.attempt]
        returns = Returns.of(drawn, drawn.choice.weight.shape[1], returned)
        pair = stays.user * SPAN + stays.listing
        for snapshot in (LAST - 600, LAST - 400, LAST - 200):
            known = day < snapshot
            few = np.bincount(stays.listing[known], minlength=TINY.properties) < 30
            unlapsed = drawn.users.lapsed[stays.user[known]] > snapshot
            side = np.where(unlapsed, few[stays.listing[known]], 2)
            for law, total in ((returns, told), (replace(returns, scale=0.0), told_without)):
                total += law.ahead(snapshot, stays.listing[known], side, 3)[half_year][:2]
            soon = returned & ~known & (day < snapshot + 180) & np.isin(pair, pair[known])
            came += np.bincount(few[stays.listing[soon]].astype(int), minlength=2)
    share, without, outcome = (total[1] / total.sum() for total in (told, told_without, came))
    assert abs(share - outcome) < 0.5 * abs(without - outcome)


def test_a_world_without_a_truth_of_users_writes_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert [draw_laws(world).return_form for world in WORLDS].count("recent") == 1
    assert {draw_laws(world).return_form for world in WORLDS} == set(RETURN_FORMS)
    for name, few in (("TEST_DAYS", 0), ("REVENUE_CUTOFFS", (91,)), ("PRICE_LEADS", (0,))):
        monkeypatch.setattr(truth_of_properties, name, few)
    out = tmp_path / "gold"
    (out / "truth").mkdir(parents=True)
    (out / "truth/users.parquet").write_text("of another world")
    with caplog.at_level(logging.INFO):
        simulate("tiny", 4, out, truth=True, world=3)
    assert {path.stem for path in (out / "truth").iterdir()} == {
        "demand",
        "conversion",
        "cancellation",
        "revenue",
        "pricing",
    }
    assert "truth: none of users" in caplog.text
    assert pq.read_metadata(out / "truth/demand.parquet").num_rows > 0
