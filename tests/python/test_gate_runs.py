"""Whole runs of `dbt build` on tiny gold in which no version may serve, or none can be fitted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import duckdb
from conftest import FEATURES, PRODUCTS, assert_kept, keep
from cut_gold import cut_gold
from local_workspace import Workspace


def test_a_target_that_is_missed_stops_the_predictions(
    yesterday: Workspace, gold: Path, tmp_path: Path, impossible: Callable[[str], Path]
) -> None:
    red = yesterday.copy(tmp_path, gold=gold, project=impossible("error"))
    before = keep(red)

    def assert_red(code: int) -> None:
        assert code != 0
        for product in PRODUCTS:
            said = red.summary()[product.name]
            assert said.startswith("red v1: ") and "000000" in said and " of 2025-" in said, (product.name, said)
        assert_kept(red, before)

    assert_red(red.dbt("build"))
    red.dbt("build", "--empty")
    assert_kept(red, before)
    # no tests run here: the gate is data too
    assert_red(red.dbt("run", "--full-refresh"))


def test_a_missed_target_of_severity_warn_lets_it_serve(
    yesterday: Workspace, gold: Path, today: date, tmp_path: Path, impossible: Callable[[str], Path]
) -> None:
    amber = yesterday.copy(tmp_path, gold=gold, project=impossible("warn"))
    amber.build()
    for product in PRODUCTS:
        said = amber.summary()[product.name]
        assert said.startswith("amber v1: ") and "000000" in said and f" rows for {today}"[:14] in said, said
        scored = f"select count(*) > 0 from {product.predictions} where scoring_date = date '{today}'"
        assert amber.query(scored) == [(True,)], product.name


def test_data_that_cannot_teach_the_models(gold: Path, project: Path, tmp_path: Path) -> None:
    oldest = f"select cast(min(created_at) as date) from '{gold}/fact_booking_detail.parquet'"
    (row,) = duckdb.execute(oldest).fetchall()
    young = cut_gold(gold, row[0] + timedelta(days=40), tmp_path / "gold")
    first = Workspace(tmp_path, young, project).build()
    for product in PRODUCTS:
        assert first.summary()[product.name].startswith("not learnable "), first.log
        assert first.query(f"select count(*) from {product.predictions}") == [(0,)], product.name
        assert first.query(f"select count(*) from {product.model_name}") == [(0,)], product.name
    for name in FEATURES:
        if name != "engagement_features":
            assert first.query(f"select count(*) > 0 from {name}") == [(True,)], name
