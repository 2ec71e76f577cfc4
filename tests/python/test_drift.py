"""Drift as SQL measures it: against SciPy, and what is made of it."""

from __future__ import annotations

import csv
import importlib.util
import sys
from datetime import date, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from conftest import PRODUCTS
from eased_project import PROJECT
from local_workspace import Workspace
from scipy.spatial.distance import jensenshannon
from scipy.stats import ks_2samp

ROWS = 4000


def load_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bench_drift", PROJECT / "benchmarks" / "drift.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def frames() -> tuple[pd.DataFrame, pd.DataFrame]:
    """A reference and rows to compare with it: a column for every shape that features have."""
    draw = np.random.default_rng(5)
    with_gaps = [np.where(draw.random(ROWS) < share, np.nan, draw.normal(size=ROWS)) for share in (0.1, 0.4)]
    sides = (
        {
            "same": draw.normal(size=ROWS),
            "shifted": draw.normal(size=ROWS),
            "wider": draw.normal(size=ROWS),
            "mostly_zero": draw.poisson(0.2, ROWS),
            "few_values": draw.integers(1, 8, ROWS),
            "heavy_middle": np.where(draw.random(ROWS) < 0.4, 0.5, draw.random(ROWS)),
            "with_gaps": with_gaps[0],
            "constant": np.ones(ROWS),
            "apart": draw.random(ROWS),
            "kind": draw.choice(["a", "b", "c"], ROWS, p=[0.5, 0.3, 0.2]),
        },
        {
            "same": draw.normal(size=ROWS // 2),
            "shifted": draw.normal(0.5, size=ROWS // 2),
            "wider": draw.normal(0, 2, size=ROWS // 2),
            "mostly_zero": draw.poisson(0.6, ROWS // 2),
            "few_values": draw.integers(2, 10, ROWS // 2),
            "heavy_middle": np.where(draw.random(ROWS // 2) < 0.2, 0.5, draw.random(ROWS // 2)),
            "with_gaps": with_gaps[1][: ROWS // 2],
            "constant": np.where(draw.random(ROWS // 2) < 0.3, 2.0, 1.0),
            "apart": draw.random(ROWS // 2) + 5,
            "kind": draw.choice(["a", "b", "new"], ROWS // 2, p=[0.6, 0.2, 0.2]),
        },
    )
    return pd.DataFrame(sides[0]), pd.DataFrame(sides[1])


def measures(reference: pd.DataFrame, current: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """What the macros make of two frames, by column."""
    if "kind" not in reference:
        reference, current = reference.assign(kind="a"), current.assign(kind="a")
    sql = load_script().statements([name for name in reference if name != "kind"], ["kind"])
    with duckdb.connect() as connection:
        for name, frame in (("reference_rows", reference), ("current_rows", current)):
            connection.register("frame", frame)
            connection.execute(f"create table {name} as from frame")
        connection.execute(f"create table bins as {sql.bins}")
        rows = connection.sql(sql.measures).df().to_dict("records")
    return {row["feature_name"]: row for row in rows}


@pytest.fixture(scope="module")
def measured() -> dict[str, dict[str, Any]]:
    """What the macros make of `frames`, by column."""
    return measures(*frames())


def group_counts(reference: pd.Series, current: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Rows by group of PSI, made another way: deciles of the reference by rank, or levels, and the missing."""
    counts = []
    if reference.dtype == object:
        levels = sorted(reference.unique())
        for side in (reference, current):
            known = [int((side == level).sum()) for level in levels]
            counts.append([0, *known, len(side) - sum(known)])
        # without new levels there is no group for them
        return np.array(counts[0]), np.array(counts[1])
    values = np.sort(reference.dropna().to_numpy(dtype=float))
    share_at_or_below = np.searchsorted(values, values, side="right") / len(values)
    decile = np.ceil(np.round(10 * share_at_or_below, 9))
    deciles = [values[decile == number] for number in np.unique(decile)]
    # a decile ends with its quantile, or where that belongs to the next one, just below it
    quantiles = [values[np.searchsorted(share_at_or_below, tenth / 10 - 1e-9)] for tenth in range(1, 10)]
    edges = [
        value if abs((values <= value).mean() - tenth / 10) < 1e-9 else np.nextafter(value, -np.inf)
        for tenth, value in enumerate(quantiles, 1)
    ]
    edges = [edge for edge in np.unique(edges) if edge >= values[0] and edge < values[-1]]
    # what lies beyond the first and the last decile counts with them, unless they are a single value
    if deciles[0].min() == deciles[0].max():
        edges = [np.nextafter(deciles[0].min(), -np.inf), *edges]
    if deciles[-1].min() == deciles[-1].max():
        edges = [*edges, deciles[-1].max()]
    for side in (reference, current):
        known = side.dropna().to_numpy(dtype=float)
        inside = np.bincount(np.searchsorted(edges, known, side="left"), minlength=len(edges) + 1)
        counts.append([len(side) - len(known), *inside])
    return np.array(counts[0]), np.array(counts[1])


@pytest.mark.parametrize("column", list(frames()[0]))
def test_psi_and_jensen_shannon_agree_with_scipy(column: str, measured: dict[str, dict[str, Any]]) -> None:
    reference, current = (frame[column] for frame in frames())
    expected, found = group_counts(reference, current)
    smoothed = [(side + 0.5) / (side.sum() + 0.5 * len(side)) for side in (expected, found)]
    psi = ((smoothed[1] - smoothed[0]) * np.log(smoothed[1] / smoothed[0])).sum()
    assert measured[column]["psi"] == pytest.approx(psi, rel=1e-9)
    distance = jensenshannon(expected / expected.sum(), found / found.sum(), base=2)
    # its square is rounded to 12 decimals
    assert measured[column]["js_distance"] == pytest.approx(distance, abs=2e-6 if distance < 1e-3 else 1e-9)
    assert (measured[column]["reference_row_count"], measured[column]["row_count"]) == (ROWS, ROWS // 2)


@pytest.mark.parametrize("column", [name for name in frames()[0] if name != "kind"])
def test_ks_is_that_of_scipy_or_little_below(column: str, measured: dict[str, dict[str, Any]]) -> None:
    # the missing count as the smallest value
    reference, current = (frame[column].fillna(-1e9) for frame in frames())
    exact = ks_2samp(reference, current).statistic
    binned = measured[column]["ks"]
    assert binned <= exact + 1e-9
    assert binned >= exact - (0 if reference.nunique() < 10 else 0.05) - 1e-9


def heap(draw: np.random.Generator, count: int) -> np.ndarray:
    """Values of which a few, drawn at random, are shared by 1 to 50 % of the rows."""
    values = draw.random(count)
    for _ in range(draw.integers(1, 6)):
        values[draw.random(count) < draw.choice([0.01, 0.04, 0.06, 0.2, 0.5])] = draw.integers(0, 9) / 9
    return values


def test_ks_is_little_below_whatever_the_values() -> None:
    """Heaps of equal rows move a hair up or down, apart and together."""
    draw = np.random.default_rng(11)
    reference, current = {}, {}
    for number in range(60):
        values = heap(draw, 2_000)
        moved = np.where(draw.random(2_000) < draw.random(), values + draw.choice([-1e-4, 1e-4, -0.02, 0.03]), values)
        reference[f"column_{number:02d}"] = values
        current[f"column_{number:02d}"] = moved if number % 3 else heap(draw, 2_000)
    found = measures(pd.DataFrame(reference), pd.DataFrame(current))
    exact = {name: ks_2samp(values, current[name]).statistic for name, values in reference.items()}
    below = np.array([exact[name] - found[name]["ks"] for name in reference])
    assert below.min() >= -1e-9
    assert below.max() < 0.05
    assert max(exact.values()) > 0.3


def test_categories_have_no_ks(measured: dict[str, dict[str, Any]]) -> None:
    assert np.isnan(measured["kind"]["ks"])


def test_the_policy_names_models_and_their_columns(models: dict[str, dict[str, Any]]) -> None:
    with (PROJECT / "seeds/drift_policy.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    known: dict[str, set[str]] = {}
    for product in PRODUCTS:
        predicted = models[product.predictions]["config"]["meta"]["declaration"]["prediction"]
        predictions = [predicted] if isinstance(predicted, str) else predicted
        meta = models[product.model_name]["config"]["meta"]
        known[product.model_name] = {*meta["numeric"], *meta["categorical"], *predictions}
    assert {row["model_name"] for row in rows if row["feature_name"] == "*"} == set(known)
    for row in rows:
        assert row["feature_name"] == "*" or row["feature_name"] in known[row["model_name"]], row
        assert row["is_monitored"] == "true" or row["reason"], f"say why {row} does not count"


def test_every_version_that_serves_is_compared(fresh: Workspace, today: date) -> None:
    compared = fresh.query("select model_name, max(model_version), max(scoring_date) from drift group by 1 order by 1")
    assert compared == sorted((product.model_name, 1, today) for product in PRODUCTS)
    assert fresh.query("select count(*) from drift where is_drifted") == [(0,)]
    # the weeks before the fit, where the examples have rows of that shape
    before = fresh.query("select distinct model_name from drift_reference where reference_split <> 'score' order by 1")
    first_day_only = {"cancellation_predictor", "property_recommender"}
    assert before == sorted((product.model_name,) for product in PRODUCTS if product.model_name not in first_day_only)


def test_drift_that_lasts_is_a_reason_to_fit(fresh: Workspace, today: date, tmp_path: Path) -> None:
    """Demand was fitted before the drift began, conversion in its midst; churn drifted in a version that is gone."""
    drifted = fresh.copy(tmp_path)
    days = [today - timedelta(days=days) for days in (2, 1, 0)]
    with duckdb.connect(str(tmp_path / "wanderbricks.duckdb")) as connection:
        connection.execute("use wanderbricks_ml")
        for product, fitted, version in (("demand", 5, 1), ("conversion", 1, 1), ("churn", 5, 7)):
            model = f"{product}_predictor"
            connection.execute(f"update {model} set as_of_date = date '{today - timedelta(days=fitted)}'")
            connection.execute(f"delete from drift where model_name = '{model}'")
            for number, day in enumerate(days, 1):
                for name, psi in (("base_price", 0.31), ("max_guests", 0.25)):
                    connection.execute(
                        f"""
                        insert into drift by name
                        select '{model}' as model_name, '{name}' as feature_name, date '{day}' as scoring_date,
                            {version} as model_version, 'feature' as kind, {psi} as psi, 0.2 as psi_act, 'act' as state,
                            true as is_monitored, {number} as days_in_row, 3 as act_days, {number} >= 3 as is_drifted,
                            date '{day}' as as_of_date
                        """
                    )
    selection = [f"{product}_retraining" for product in ("demand", "conversion", "churn")]
    assert drifted.dbt("run", "--select", "model_state", *selection) == 0, drifted.log
    decided = [drifted.query(f"select fit_due, reason, evidence from {name}") for name in selection]
    evidence = "base_price: PSI 0.31, at least 0.2 for 3 days; and 1 more"
    assert decided == [[(True, "drift", evidence)], [(False, "not_due", None)], [(False, "not_due", None)]]
