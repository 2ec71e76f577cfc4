"""The simulated platform over time: earlier days, planted shocks, and invariants for any seed."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from wanderbricks_ml.arrays import Floats
from wanderbricks_ml.commands.cli import main
from wanderbricks_ml.simulator import draw_world, simulate
from wanderbricks_ml.simulator.demand import expected_demand
from wanderbricks_ml.simulator.presets import PRESETS
from wanderbricks_ml.simulator.shocks import DATED_BY, Shock
from wanderbricks_ml.simulator.stays import Attempts, fit_calendar

TINY = PRESETS["tiny"]
DAY = 86_400
FOREVER = np.iinfo(np.int64).max

KEYS = {
    "dim_user": "user_key",
    "dim_host": "host_key",
    "dim_property": "property_key",
    "dim_destination": "destination_id",
    "dim_date": "date",
    "fact_booking_detail": "booking_id",
    "fact_booking_daily": "(property_id, check_in_date)",
    "fact_property_engagement": "(property_id, engagement_date)",
}

INVARIANTS = {
    "a stay begins before its booking": "from fact_booking_detail where check_in_date < cast(created_at as date)",
    "a stay has no night": "from fact_booking_detail where check_out_date <= check_in_date",
    "a night is booked twice": """
        from fact_booking_detail as earlier
        inner join fact_booking_detail as later using (property_id)
        where
            earlier.booking_id < later.booking_id
            and earlier.check_in_date < later.check_out_date
            and later.check_in_date < earlier.check_out_date
            and not (earlier.is_cancelled and earlier.updated_at <= later.created_at)
    """,
    "a guest books before registering": """
        from fact_booking_detail
        inner join dim_user using (user_id)
        where dim_user.is_current and cast(fact_booking_detail.created_at as date) < dim_user.created_at
    """,
    "a property is booked before it is listed": """
        from fact_booking_detail
        inner join dim_property using (property_id)
        where dim_property.is_current and cast(fact_booking_detail.created_at as date) < dim_property.created_at
    """,
    "daily facts are not the detail's sums": """
        from fact_booking_daily
        full join (
            select property_id, check_in_date, count(*) as bookings, sum(total_amount) as amount
            from fact_booking_detail
            group by all
        ) as detail using (property_id, check_in_date)
        where booking_count is distinct from bookings or total_booking_value is distinct from amount
    """,
}
for table, entity in {"dim_user": "user_id", "dim_host": "host_id", "dim_property": "property_id"}.items():
    INVARIANTS[f"versions of {table} do not tile"] = f"""
        from (
            select *, lead(effective_from) over (partition by {entity} order by effective_from) as next_from
            from {table}
        )
        where effective_to is distinct from next_from or is_current <> (effective_to is null)
    """
for table, key in KEYS.items():
    INVARIANTS[f"{table} repeats a key"] = (
        f"from (select count(*) as times from {table} group by {key}) where times > 1"
    )


def opened(folder: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    for name in KEYS:
        connection.execute(f"create view {name} as from '{folder / name}.parquet'")
    return connection


@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    until=st.dates(TINY.first_day + timedelta(days=5), TINY.last_day),
)
def test_invariants_hold_for_any_seed_and_day(seed: int, until: date) -> None:
    with TemporaryDirectory() as folder:
        simulate("tiny", seed, Path(folder) / "gold", until=until)
        with opened(Path(folder) / "gold") as gold:
            broken = {
                name: gold.execute(f"select count(*) {query}").fetchall()[0][0] for name, query in INVARIANTS.items()
            }
    assert broken == dict.fromkeys(INVARIANTS, 0)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_calendar_lets_nobody_share_a_night(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 30))
    days = st.lists(st.integers(0, 12), min_size=count, max_size=count)
    made = np.sort(np.array(data.draw(days))) * DAY
    check_in = made // DAY + np.array(data.draw(days))
    listing = np.array(data.draw(st.lists(st.integers(0, 1), min_size=count, max_size=count)))
    wished = 1 + np.array(data.draw(days)) % 14
    after = np.array(data.draw(days))
    cancelled = np.where(after > 8, FOREVER, made + after * DAY)
    attempts = Attempts(listing, check_in, made, np.zeros(count, np.int64))
    got = fit_calendar(attempts, wished, cancelled, 2)

    # one night and one guest at a time, by the definition
    taken: dict[tuple[int, int], int] = {}
    for row in range(count):
        nights = 0
        for night in range(check_in[row], check_in[row] + wished[row]):
            if taken.get((listing[row], night), -1) > made[row]:
                break
            nights += 1
        for night in range(check_in[row], check_in[row] + nights):
            taken[listing[row], night] = cancelled[row]
        assert got[row] == nights


def test_an_earlier_day_is_what_was_known_then(tmp_path: Path) -> None:
    until = date(2025, 3, 10)
    simulate("tiny", 5, tmp_path / "then", until=until)
    simulate("tiny", 5, tmp_path / "now")
    end = f"timestamp '{until + timedelta(days=1)}'"
    with duckdb.connect() as connection:

        def rows(query: str) -> list[tuple[object, ...]]:
            return connection.execute(query).fetchall()

        then, now = (f"'{tmp_path}/{name}/{{}}.parquet'" for name in ("then", "now"))
        for table, key in (("dim_user", "user_key"), ("dim_host", "host_key"), ("dim_property", "property_key")):
            versions = "* exclude (effective_to, is_current, record_updated_timestamp)"
            assert rows(f"select {versions} from {then.format(table)} order by {key}") == rows(
                f"select {versions} from {now.format(table)} where effective_from < {end} order by {key}"
            )
            closed = f"select {key}, case when effective_to < {end} then effective_to end from"
            assert rows(f"select {key}, effective_to from {then.format(table)} order by 1") == rows(
                f"{closed} {now.format(table)} where effective_from < {end} order by 1"
            )
        assert rows(f"select * from {then.format('fact_property_engagement')}") == rows(
            f"select * from {now.format('fact_property_engagement')} where engagement_date <= date '{until}'"
        )
        detail = "fact_booking_detail"
        fixed = """booking_id, user_id, host_id, property_id, destination_id, check_in_date, check_out_date,
            guests_count, nights_booked, total_amount, created_at"""
        assert rows(f"select {fixed} from {then.format(detail)}") == rows(
            f"select {fixed} from {now.format(detail)} where created_at < {end}"
        )
        # cancelled by then, in both; and what was cancelled later stood then
        cancelled = "select booking_id, updated_at from {} where is_cancelled{}"
        early = rows(cancelled.format(then.format(detail), ""))
        assert early == rows(cancelled.format(now.format(detail), f" and updated_at < {end} and created_at < {end}"))
        assert len(early) < len(rows(cancelled.format(now.format(detail), f" and created_at < {end}")))
        assert not rows(f"select 1 from {then.format(detail)} where updated_at >= {end}")


@pytest.mark.parametrize("until", [TINY.first_day, TINY.last_day + timedelta(days=1)])
def test_a_day_outside_the_period_is_refused(tmp_path: Path, until: date) -> None:
    with pytest.raises(ValueError, match=f"{until} lies outside the period of tiny"):
        simulate("tiny", 5, tmp_path / "gold", until=until)


def test_shards_share_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wanderbricks_ml.simulator.PRESETS", {"tiny": replace(TINY, shards=3)})
    simulate("tiny", 5, tmp_path / "gold")
    with opened(tmp_path / "gold") as gold:
        for name, query in INVARIANTS.items():
            assert gold.execute(f"select count(*) {query}").fetchall() == [(0,)], name
        users = gold.execute("select count(distinct user_id) from dim_user").fetchall()
    assert users == [(3 * TINY.users,)]


SHOCK_DAY = date(2025, 6, 1)


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("shocks") / "calm"
    simulate("tiny", 5, out)
    return out


def shocked(calm: Path, *texts: str) -> Path:
    out = calm.with_name(f"shock{len(list(calm.parent.iterdir()))}")
    simulate("tiny", 5, out, shocks=[Shock.parse(text) for text in texts])
    return out


def by_side(folder: Path, table: str, measure: str) -> tuple[float, float]:
    """`measure` before the shock's day and from it on."""
    stamp, path = f"cast({DATED_BY[table]} as date)", folder / f"{table}.parquet"
    before, after = (
        duckdb.sql(f"select {measure} from '{path}' where {stamp} {side} date '{SHOCK_DAY}'").fetchall()[0][0]
        for side in ("<", ">=")
    )
    return float(before), float(after)


def test_a_demand_shock_doubles_attempts(calm: Path) -> None:
    table = "fact_property_engagement"
    out = shocked(calm, f"demand:{SHOCK_DAY}:2")
    before, after = (
        new / old
        for new, old in zip(
            by_side(out, table, "sum(click_count)"), by_side(calm, table, "sum(click_count)"), strict=True
        )
    )
    assert 0.9 < before < 1.1
    assert 1.8 < after < 2.2
    assert json.loads((out / "shocks.json").read_text()) == [f"demand:{SHOCK_DAY}:2"]
    simulate("tiny", 5, out)
    assert not (out / "shocks.json").exists()


def test_a_drift_shifts_a_column_from_its_day_on(calm: Path) -> None:
    table = "fact_property_engagement"
    out = shocked(calm, f"drift:{table}.view_count:{SHOCK_DAY}:7", f"drift:dim_property.base_price:{SHOCK_DAY}:-9999")
    old, new = (by_side(folder, table, "avg(view_count)") for folder in (calm, out))
    assert new[0] == old[0]
    assert new[1] == pytest.approx(old[1] + 7)
    prices = by_side(out, "dim_property", "max(base_price)")
    assert prices[0] > 0
    assert prices[1] == 0


def test_quality_shocks(calm: Path) -> None:
    engagement, bookings = "fact_property_engagement", "fact_booking_detail"
    out = shocked(
        calm,
        f"quality:nulls:{engagement}.avg_time_on_page:{SHOCK_DAY}:0.25",
        f"quality:duplicates:{bookings}:{SHOCK_DAY}:0.5",
        f"quality:late:{engagement}:{SHOCK_DAY}:3",
    )
    nulls = by_side(out, engagement, "avg((avg_time_on_page is null)::int)")
    assert nulls[0] == 0
    assert nulls[1] == pytest.approx(0.25, abs=0.03)
    repeated = by_side(out, bookings, "count(*) / count(distinct booking_id)")
    assert repeated[0] == 1
    assert repeated[1] == pytest.approx(1.5, abs=0.08)
    newest = duckdb.sql(f"select max(engagement_date) from '{out / engagement}.parquet'").fetchall()
    assert newest == [(TINY.last_day - timedelta(days=3),)]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("storm:2025-06-01:2", "is no shock"),
        ("demand:2025-06-01", "is no shock"),
        ("demand:2025-06-31:2", "day is out of range"),
        ("demand:2025-06-01:-1", "must not be negative"),
        ("demand:2025-06-01:nan", "is no finite number"),
        ("drift:dim_property.base_price:2025-06-01:inf", "is no finite number"),
        ("drift:dim_date.year:2025-06-01:1", "no table that a shock can hit"),
        ("drift:dim_property.price:2025-06-01:1", "has no column 'price'"),
        ("drift:dim_property.title:2025-06-01:1", "which cannot shift"),
        ("quality:nulls:dim_property.title:2025-06-01:1.5", "a share lies above 0"),
        ("quality:storm:dim_property:2025-06-01:1", "is no shock"),
    ],
)
def test_what_is_wrong_with_a_shock(tmp_path: Path, text: str, says: str) -> None:
    out = tmp_path / "gold"
    result = CliRunner().invoke(main, ["simulate", "--preset", "tiny", "--shock", text, "--out", str(out)])
    assert result.exit_code == 1
    assert says in result.output
    assert not out.exists()


def poisson_slope(attempts: Floats, exposure: Floats, price: Floats) -> float:
    """Maximum likelihood of b in attempts ~ Poisson(exposure * exp(a - b * price))."""
    features = np.stack([np.ones(len(price)), -price], axis=1)
    found = np.zeros(2)
    for _ in range(50):
        rate = exposure * np.exp(features @ found)
        found += np.linalg.solve((features * rate[:, None]).T @ features, features.T @ (attempts - rate))
    return float(found[1])


def test_prices_confound_a_careless_model_but_trials_tell() -> None:
    """Hosts raise prices where and when demand is high; random trials show what guests really do."""
    preset = replace(TINY, properties=3_000, hosts=1_200, hosts_with_property=900, expected_attempts=200_000)
    world = draw_world(preset, 11, 0, expected_demand(preset, 11))
    prices, properties, demand = world.prices, world.properties, world.demand
    group = properties.group[prices.owner]
    relative = prices.price / properties.market_price[prices.owner] - 1
    slope = demand.price_slope[group]
    per_price = world.levels * np.exp(slope * relative)
    first, days = demand.creation_days[0], len(demand.creation_days)
    so_far = np.concatenate([np.zeros((len(demand.creations), 1)), np.cumsum(demand.creations, axis=1)], axis=1)
    begin = np.clip(-(-prices.starts // DAY) - first, 0, days)
    end = np.clip(np.minimum(-(-prices.ends // DAY), properties.delisted[prices.owner]) - first, begin, days)
    exposure = per_price * (so_far[group, end] - so_far[group, begin])
    attempts = np.bincount(world.attempts.version, minlength=len(prices.owner)).astype(float)
    whole = exposure > 0
    truth = np.average(slope[whole], weights=attempts[whole])

    careless = poisson_slope(attempts[whole], exposure[whole], relative[whole])
    assert careless < truth - 0.2

    ratio = prices.price[1:] / prices.price[:-1]
    levels = np.array([0.7, 0.8, 0.9, 1.1, 1.2, 1.3])
    is_trial = (prices.owner[1:] == prices.owner[:-1]) & (np.abs(ratio[:, None] - levels) < 2e-4).any(axis=1)
    tried = np.flatnonzero(is_trial) + 1
    tried = tried[whole[tried] & whole[tried - 1]]
    for level in levels:
        assert (np.abs(ratio[tried - 1] - level) < 2e-4).sum() > 100
    # given the attempts of both versions, those of the trial are binomial: the property itself cancels out
    total = attempts[tried] + attempts[tried - 1]
    step = relative[tried] - relative[tried - 1]
    odds = exposure[tried] / exposure[tried - 1]
    estimate = 0.0
    for _ in range(50):
        share = odds * np.exp(-estimate * step) / (1 + odds * np.exp(-estimate * step))
        estimate -= ((attempts[tried] - total * share) * step).sum() / (total * share * (1 - share) * step**2).sum()
    assert abs(estimate - truth) < 0.15
