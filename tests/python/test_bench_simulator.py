"""The comparison of simulated with real gold: its distances, on folders made by hand."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp, wasserstein_distance

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "simulator.py"
START = date(2018, 1, 1)
# property_id, host_id, bedrooms, log price
HOMES = [(1, 1, 1, 4.0), (2, 1, 2, 4.5), (3, 2, 3, 5.0)]


def load_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bench_simulator", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Annotations of NamedTuple are looked up there.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


bench = load_script()


def booking(day: int, lead: int = 0, **changes: object) -> dict[str, object]:
    """A booking with check-in `day` days after START, made `lead` days before."""
    check_in = START + timedelta(days=day)
    return {
        "user_id": 1,
        "property_id": 1,
        "destination_id": 1,
        "check_in_date": check_in,
        "check_out_date": check_in + timedelta(days=2),
        "nights_booked": 2,
        "guests_count": 2,
        "total_amount": 100.0,
        "created_at": pd.Timestamp(check_in - timedelta(days=lead)),
        "updated_at": pd.Timestamp(check_in),
        "is_cancelled": False,
        "days_between_booking_and_checkin": lead,
        **changes,
    }


def write_gold(
    folder: Path,
    bookings: Sequence[dict[str, object]],
    homes: Sequence[tuple[int, int, int, float]] = HOMES,
) -> Path:
    folder.mkdir()
    detail = pd.DataFrame(bookings)
    detail.insert(0, "booking_id", range(1, len(detail) + 1))
    for column in ("check_in_date", "check_out_date"):
        detail[column] = pd.to_datetime(detail[column]).dt.date
    detail.to_parquet(folder / "fact_booking_detail.parquet")
    properties = pd.DataFrame(
        {
            "property_id": [home[0] for home in homes],
            "host_id": [home[1] for home in homes],
            "destination_id": 1,
            "property_type": "House",
            "bedrooms": [home[2] for home in homes],
            "base_price": np.exp([home[3] for home in homes]),
            "created_at": START - timedelta(days=400),
            "is_current": True,
        }
    )
    properties.to_parquet(folder / "dim_property.parquet")
    pd.DataFrame({"destination_id": [1], "destination": ["Here"]}).to_parquet(folder / "dim_destination.parquet")
    return folder


def row(findings: tuple[list[bench.Row], str], statistic: str) -> bench.Row:  # type: ignore[name-defined]
    return next(each for each in findings[0] if each.statistic == statistic)


def mixed(days: Iterable[int], shift: int = 0) -> list[dict[str, object]]:
    rng = np.random.default_rng(3)
    return [
        booking(
            day,
            lead=int(rng.integers(0, 30)) + shift,
            user_id=int(rng.integers(50)),
            property_id=int(rng.integers(1, 4)),
            is_cancelled=bool(rng.random() < 0.2),
            nights_booked=int(rng.integers(1, 8)),
        )
        for day in days
        for _ in range(int(rng.poisson(4)))
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_gold(tmp_path_factory.mktemp("bench") / "gold", mixed(range(900)))


def test_gold_is_at_no_distance_from_itself(folder: Path) -> None:
    simulated = bench.Gold(folder, "simulated")
    sections = bench.compare(simulated, [bench.Gold(folder, "hotels")])
    compared = [row for section in sections for row in section.rows]
    assert {row.source for row in compared} == {"hotels"}
    # Seven sections are about the hotels; a season needs whole years.
    assert sum(bool(section.rows) for section in sections) == 7
    assert all(row.distance == pytest.approx(0, abs=1e-9) for row in compared)


def test_transport_agrees_with_scipy() -> None:
    rng = np.random.default_rng(1)
    first, second = rng.geometric(0.1, 300), rng.geometric(0.05, 500)
    counts = [
        {float(value): float(count) for value, count in zip(*np.unique(each, return_counts=True), strict=True)}
        for each in (first, second)
    ]
    area, gap, day = bench.transport(*counts)
    assert area == pytest.approx(wasserstein_distance(first, second))
    assert gap == pytest.approx(ks_2samp(first, second).statistic)
    assert gap == pytest.approx(abs((first <= day).mean() - (second <= day).mean()))


def test_later_bookings_shift_the_lead_time(tmp_path: Path) -> None:
    # Lead times repeat every ten days, and both are known over the same days of arrival.
    days = range(400)
    early = write_gold(tmp_path / "early", [booking(day, lead=day % 10 + 5) for day in days])
    late = write_gold(tmp_path / "late", [booking(day, lead=day % 10) for day in days])
    found = bench.lead_time((bench.Gold(early, "simulated"), bench.Gold(late, "hotels")))
    shift = row(found, "lead time, days")
    assert shift.distance == pytest.approx(5, abs=0.2)
    assert (shift.simulated["p50"], shift.real["p50"]) == (9, 4)
    assert row(found, "booked on the day").real[""] == pytest.approx(0.1, abs=0.01)


def test_days_with_unknown_bookings_do_not_count(tmp_path: Path) -> None:
    """Bookings made before the data begin are not seen, nor those that will be made after they end."""
    data_begin, data_end = START, START + timedelta(days=299)
    made = [booking(day, lead=lead) for day in range(-100, 500) for lead in (0, 50)]
    seen = [each for each in made if data_begin <= each["created_at"].date() <= data_end]  # type: ignore[attr-defined]
    gold = bench.Gold(write_gold(tmp_path / "gold", seen), "simulated")
    assert gold.rows("select min(day), max(day) from arrival") == [(START + timedelta(days=50), data_end)]
    assert gold.counts("select lead_days, count(*) from arrival group by all") == {0: 250, 50: 250}


def test_cancellations_by_lead_time(tmp_path: Path) -> None:
    def gold(name: str, share: int) -> bench.Gold:  # type: ignore[name-defined]
        return bench.Gold(
            write_gold(
                tmp_path / name,
                [
                    booking(day, lead=20, is_cancelled=day % 10 < share, updated_at=pd.Timestamp(START) + cancelled)
                    for day in range(200)
                    for cancelled in [timedelta(days=day - 15)]
                ],
            ),
            name,
        )

    found = bench.cancellation((gold("simulated", 2), gold("hotels", 5)))
    by_lead = row(found, "cancelled by days of lead time")
    assert (by_lead.simulated, by_lead.real) == ({"8-30": pytest.approx(0.2)}, {"8-30": pytest.approx(0.5)})
    assert by_lead.distance == pytest.approx(0.3)
    # Five days after the booking, of twenty.
    assert row(found, "cancelled after so much of the lead time").real["p50"] == 0.25


def test_concentration_of_bookings(tmp_path: Path) -> None:
    bookings = [booking(day, property_id=1 if day == 0 else 2) for day in range(4)]
    bookings.append(booking(4, property_id=3, is_cancelled=True))
    gold = bench.Gold(write_gold(tmp_path / "gold", bookings), "airbnb")
    # 0, 1 and 3 bookings: mean difference over all pairs 4/3, twice the mean 8/3.
    found = bench.popularity((gold, gold))
    assert row(found, "bookings per property, Gini").real[""] == pytest.approx(0.5)
    assert row(found, "bookings per booked property, Gini").real[""] == pytest.approx(0.25)
    assert row(found, "properties never booked").real[""] == pytest.approx(1 / 3)


def test_returning_guests(tmp_path: Path) -> None:
    # User 1 stays three times, twice in a row at property 1; user 2 once; user 3 cancels.
    stays = [(1, 1), (2, 1), (1, 1), (1, 2), (3, 1)]
    bookings = [
        booking(day, user_id=user, property_id=home, is_cancelled=user == 3) for day, (user, home) in enumerate(stays)
    ]
    gold = bench.Gold(write_gold(tmp_path / "gold", bookings), "airbnb")
    found = bench.returning((gold, gold))
    assert row(found, "users by stays").real == {"2+": 0.5, "3+": 0.5}
    assert row(found, "stays by returning users").real[""] == pytest.approx(3 / 4)
    assert row(found, "next stay at the same property").real[""] == pytest.approx(1 / 2)


def test_noise_of_a_poisson_process_and_of_pairs(tmp_path: Path) -> None:
    """A Poisson process has dispersion 1, at any volume; where bookings come in pairs it is 2."""
    rng = np.random.default_rng(5)
    weekday = np.array([1, 1, 1, 1, 2, 2, 1])
    counts = [int(rng.poisson(6 * weekday[day % 7])) for day in range(1_000)]
    single = [booking(day) for day, count in enumerate(counts) for _ in range(count)]
    double = [each for each in single for _ in range(2)]
    sides = (
        bench.Gold(write_gold(tmp_path / "double", double), "simulated"),
        bench.Gold(write_gold(tmp_path / "single", single), "hotels"),
    )
    found = bench.noise(sides)
    index = row(found, "daily dispersion index, a destination")
    assert index.real[""] == pytest.approx(1, abs=0.1)
    assert index.simulated[""] == pytest.approx(2, abs=0.2)
    # Half of each pair is left: half of the excess.
    thinned = row(found, "daily dispersion index, a destination, same volume")
    assert thinned.simulated["bookings a day"] == pytest.approx(thinned.real["bookings a day"], rel=0.05)
    assert thinned.simulated[""] == pytest.approx(1.5, abs=0.15)
    assert row(found, "daily variation beyond chance, a destination").real[""] < 0.12


def test_season_without_its_trend(tmp_path: Path) -> None:
    def gold(name: str, growth: float) -> bench.Gold:  # type: ignore[name-defined]
        profile = 1 + 0.5 * np.cos(2 * np.pi * np.arange(12) / 12)
        months = [date(2015 + number // 12, number % 12 + 1, 1) for number in range(36)]
        bookings = [
            booking((month - START).days + count % 28)
            for number, month in enumerate(months)
            for count in range(round(200 * profile[number % 12] * growth**number))
        ]
        # The day before makes the first month a whole one, that after the last.
        edges = [booking((date(2014, 12, 31) - START).days), booking((date(2018, 1, 1) - START).days)]
        return bench.Gold(write_gold(tmp_path / name, [*edges, *bookings]), name)

    found = bench.seasons((gold("simulated", 1.03), gold("hotels", 1.0)))
    assert row(found, "check-ins by month, Here").distance < 0.005
    assert row(found, "season, highest / lowest month").real["Here"] == pytest.approx(3, rel=0.02)
    assert row(found, "season, highest / lowest month").simulated["median"] == pytest.approx(3, rel=0.02)


def test_prices_by_size(tmp_path: Path) -> None:
    # Two homes of each size, 0.1 above and below 0.5 per bedroom.
    homes = [(size * 2 + sign, 1, size, 0.5 * size + 0.1 * (2 * sign - 1)) for size in (1, 2, 3) for sign in (0, 1)]
    gold = bench.Gold(write_gold(tmp_path / "gold", [booking(0), booking(5)], homes), "airbnb")
    found = bench.prices((gold, gold))
    assert row(found, "log price per bedroom, slope").real[""] == pytest.approx(0.5)
    # Of two values, the standard deviation is their distance from the mean times the root of 2.
    assert row(found, "log price of like properties, sd").real[""] == pytest.approx(0.1 * 2**0.5)


def test_hosts_by_their_properties(tmp_path: Path) -> None:
    gold = bench.Gold(write_gold(tmp_path / "gold", [booking(0), booking(5)]), "airbnb")
    found = bench.portfolios((gold, gold))
    assert row(found, "hosts by properties").real == {"1": 0.5, "2-5": 0.5, "6+": 0}
    assert row(found, "properties by those of their host").real["1"] == pytest.approx(1 / 3)


def test_excused_statistics_stay_out_of_the_summary(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [bench.share_row(name, "hotels", 0.1, other) for name, other in (("a", 0.2), ("b", 0.9), ("c", 0.5))]
    sections = [bench.Section("Title", rows, "Reading.")]
    monkeypatch.setattr(bench, "REASONS", {"b": "on purpose", "c (airbnb)": "not this source"})
    assert [each.statistic for each in bench.largest(sections)] == ["c", "a"]
    monkeypatch.setattr(bench, "REASONS", {"c (hotels)": "this source"})
    assert [each.statistic for each in bench.largest(sections)] == ["b", "a"]


def test_command_line(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["simulator.py", *arguments])
        bench.main()
        return capsys.readouterr().out

    printed = run("--simulated", str(folder), "--hotels", str(folder))
    assert "| booked on the day | hotels |" in printed
    assert "Skipped: no --airbnb." in printed and "no --hotels" not in printed
    assert printed.splitlines()[-1].startswith("Furthest apart without a reason: ")

    found = json.loads(run("--simulated", str(folder), "--hotels", str(folder), "--json"))
    assert [group["title"] for group in found["groups"]] == list(bench.SECTIONS)
    assert found["groups"][0]["rows"][0]["distance"] == 0

    with pytest.raises(SystemExit):
        run("--simulated", str(folder / "nowhere"))
    assert "no such file" in capsys.readouterr().err
