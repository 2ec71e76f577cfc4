"""What a user sees when something breaks, and that nothing already good is lost."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from conftest import PROJECT, Emulator

from wanderbricks_ml.simulator import simulate

PREDICTIONS = "select * from wanderbricks_ml.demand_predictions order by scoring_date, property_id, check_in_date"


@pytest.fixture(scope="module")
def gold(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("faults") / "gold"
    simulate("tiny", 7, folder)
    return folder


@pytest.fixture(scope="module")
def built(emulator: Emulator, gold: Path) -> Emulator:
    """The demand product, built."""
    emulator.control(gold=str(gold))
    assert emulator.dbt("seed") == 0, emulator.log
    assert emulator.dbt("run") == 0, emulator.log
    return emulator


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project to break."""
    for name in ("docs", "models", "macros", "seeds", "tests", "dbt_project.yml", "profiles.yml"):
        if (PROJECT / name).is_dir():
            shutil.copytree(PROJECT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(PROJECT / name, tmp_path / name)
    return tmp_path


def break_file(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_token_that_is_refused(built: Emulator) -> None:
    assert built.dbt("run", "--select", "point_in_time", environment={"EMULATOR_TOKEN": "wrong"}) != 0
    assert "failed with status 403" in built.log


def test_a_catalog_that_is_absent(built: Emulator) -> None:
    assert built.dbt("run", "--select", "point_in_time", environment={"EMULATOR_CATALOG": "nowhere"}) != 0
    assert "failed with status 404" in built.log


def test_a_wheel_that_is_absent(built: Emulator) -> None:
    before = built.table(PREDICTIONS)
    missing = "/Volumes/main/wanderbricks_ml/packages/absent.whl"
    assert built.dbt("run", "--select", "demand_scores+", environment={"WANDERBRICKS_WHEEL": missing}) != 0
    assert f"environment dependency {missing}: no such file in the volume" in built.log
    assert built.table(PREDICTIONS).equals(before)


def test_a_job_that_dies(built: Emulator, project: Path) -> None:
    before = built.table(PREDICTIONS)
    break_file(
        project / "models/demand/demand_scores.py",
        "    return score(",
        "    raise MemoryError('driver')\n    return score(",
    )
    assert built.dbt("run", "--select", "demand_scores+", project=project) != 0
    assert "MemoryError: driver" in built.log
    assert built.table(PREDICTIONS).equals(before)


def test_a_statement_that_fails_midway(built: Emulator, project: Path) -> None:
    before = built.table(PREDICTIONS)
    # the last rows of the statement fail when others have been computed already
    break_file(
        project / "models/demand/demand_predictions.sql",
        "        scores.predicted_bookings,",
        "        case when scores.property_id = 90 then raise_error('midway') else scores.predicted_bookings + 1 end\n"
        "            as predicted_bookings,",
    )
    break_file(project / "models/demand/demand_predictions.sql", "where written.scoring_date is null", "where true")
    assert built.dbt("run", "--select", "demand_predictions", project=project) != 0
    assert "midway" in built.log
    assert built.table(PREDICTIONS).equals(before)


def test_a_column_that_vanished(built: Emulator, gold: Path, tmp_path: Path) -> None:
    before = built.table(PREDICTIONS)
    broken = tmp_path / "gold"
    shutil.copytree(gold, broken)
    duckdb.sql(
        f"copy (select * exclude (base_price) from '{gold}/dim_property.parquet') to '{broken}/dim_property.parquet'"
    )
    built.control(gold=str(broken))
    assert built.dbt("run") != 0
    built.control(gold=str(gold))
    assert "dim_property.base_price: expected FLOAT, found no such column" in built.log
    assert built.table(PREDICTIONS).equals(before)


@pytest.fixture
def unanswering(built: Emulator) -> Iterator[Emulator]:
    built.control(down=True)
    yield built
    built.control(down=False)


def test_a_warehouse_that_stops_answering(unanswering: Emulator) -> None:
    assert unanswering.dbt("run", "--select", "point_in_time") != 0
    assert "503" in unanswering.log or "does not answer" in unanswering.log, unanswering.log


def test_only_known_endpoints_are_called(built: Emulator) -> None:
    assert "ENDPOINT_NOT_FOUND" not in built.log
