"""The report page: whole, of one product, of nothing, and in a browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest
from conftest import PRODUCTS
from local_workspace import Workspace

from wanderbricks_ml.reports.page import words, write_page
from wanderbricks_ml.reports.page.people import reasons
from wanderbricks_ml.reports.page.products import Product
from wanderbricks_ml.reports.page.sections import missed
from wanderbricks_ml.reports.page.writing import gained

CHROMIUM = shutil.which("chromium")


@pytest.fixture(scope="session")
def products(fresh: Workspace) -> list[Product]:
    """As the project that was built declares them, some of which is eased."""
    nodes = json.loads((fresh.path / "target/manifest.json").read_text(encoding="utf-8"))["nodes"].values()
    metas = [node["config"].get("meta", {}) for node in nodes]
    return [Product.of(meta["declaration"]) for meta in metas if "declaration" in meta]


@pytest.fixture(scope="session")
def page(fresh: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a first build, written by the command."""
    out = tmp_path_factory.mktemp("report")
    said = fresh.wanderbricks("report", "--out", str(out))
    assert said.returncode == 0, said.stderr
    assert "8 products" in said.stderr
    return out / "index.html"


def part(database: Path, source: Workspace, names: Sequence[str], changes: Sequence[str] = ()) -> Path:
    """A database that has some tables of another one, as after a build of less."""
    with duckdb.connect(str(database)) as connection:
        connection.execute("create schema wanderbricks_ml")
        connection.execute(f"attach '{source.path}/wanderbricks.duckdb' as source (read_only)")
        for name in names:
            connection.execute(f"create table wanderbricks_ml.{name} as from source.wanderbricks_ml.{name}")
        for change in changes:
            connection.execute(change)
    return database


def without_script(page: Path) -> str:
    return re.sub(r"<script\b.*?</script>", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)


def specs(page: Path) -> list[dict[str, Any]]:
    [found] = re.findall(r'<script type="application/json" id="specs">(.*?)</script>', page.read_text(encoding="utf-8"))
    return json.loads(found)


def test_every_product_has_its_section(page: Path) -> None:
    html = without_script(page)
    for product in PRODUCTS:
        assert f'<section id="{product.name}"' in html
    for shown in (
        "What came true",
        "Calibration",
        "What a threshold does",
        "Price response",
        "Deciles",
        "Gate history",
    ):
        assert f"<h3>{shown}</h3>" in html, shown
    assert html.count("Guest ") >= 3
    assert html.count("<h3>Why these rows</h3>") >= 3
    assert "raises the chance of staying away" in html


def test_it_is_one_small_file_that_asks_for_nothing(page: Path) -> None:
    assert [path.name for path in page.parent.iterdir()] == ["index.html"]
    assert page.stat().st_size < 5_000_000
    html = without_script(page)
    assert not re.search(r"""(?:src|href|action)=["'](?!#)""", html)
    assert "default-src 'none'" in html


def test_charts_tell_what_they_show_without_being_seen(page: Path) -> None:
    alternatives = re.findall(r'role="img" aria-label="([^"]*)"', without_script(page))
    assert len(alternatives) == len(specs(page)) > 10
    assert all(len(text) > 40 for text in alternatives)


def test_no_column_of_a_person_is_on_it(page: Path, fresh: Workspace) -> None:
    html = page.read_text(encoding="utf-8")
    named = fresh.query(f"select distinct email, name from '{fresh.gold}/dim_user.parquet' limit 50")
    assert [text for row in named for text in row if text and text in html] == []


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: apt-get install chromium")
def test_a_browser_draws_every_chart(page: Path, tmp_path: Path) -> None:
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}"]
    flags += ["--virtual-time-budget=60000", "--window-size=500,900", "--dump-dom"]
    dumped = subprocess.run([CHROMIUM, *flags, page.as_uri()], capture_output=True, text=True, timeout=300, check=True)
    states = re.findall(r'data-ready="(\w+)"', dumped.stdout)
    assert states == ["yes"] * len(specs(page))
    assert dumped.stdout.count("<svg") >= len(states)


def test_one_product_alone(fresh: Workspace, products: list[Product], tmp_path: Path) -> None:
    names = ["demand_champion", "demand_metrics", "demand_predictor", "demand_backtest", "demand_retraining"]
    database = part(tmp_path / "one.duckdb", fresh, [*names, "demand_predictions", "performance_targets"])
    html = without_script(write_page(database, tmp_path, products))
    assert "<strong>1</strong> " in html
    assert "<strong>7</strong> " in html
    assert "dbt build --select +churn_predictions makes it" in html
    assert "Monitoring has not run yet" in html
    assert "What it would have said" in html


def test_nothing_built(products: list[Product], tmp_path: Path) -> None:
    duckdb.connect(str(tmp_path / "empty.duckdb")).close()
    html = without_script(write_page(tmp_path / "empty.duckdb", tmp_path, products))
    assert html.count("Not built yet") == len(products)


def test_what_a_database_holds_is_text(fresh: Workspace, products: list[Product], tmp_path: Path) -> None:
    evil = "</script><script>alert(1)</script>"
    changes = [
        f"update wanderbricks_ml.demand_champion set is_learnable = false, serves = false, verdict = '{evil}'",
        f"update wanderbricks_ml.stg_destinations set destination = '{evil}' where destination_id = 1",
        f"update wanderbricks_ml.churn_champion set missed_targets = '{evil}'",
    ]
    names = ["demand_champion", "demand_backtest", "stg_destinations", "churn_champion", "conversion_champion"]
    database = part(tmp_path / "evil.duckdb", fresh, [*names, "conversion_backtest"], changes)
    html = write_page(database, tmp_path, products).read_text(encoding="utf-8")
    assert "alert(1)" in html
    assert evil not in html


def test_a_version_that_no_table_serves_is_held_back(fresh: Workspace, products: list[Product], tmp_path: Path) -> None:
    changes = ["update wanderbricks_ml.churn_champion set serves = false, passes = false"]
    database = part(tmp_path / "red.duckdb", fresh, ["churn_champion", "churn_predictions"], changes)
    html = without_script(write_page(database, tmp_path, products))
    assert "It does not serve; predictions of" in html
    assert "held back" in html


def test_a_product_that_cannot_be_learned_says_why(fresh: Workspace, products: list[Product], tmp_path: Path) -> None:
    changes = [
        "update wanderbricks_ml.churn_champion set serves = false, model_version = null, is_learnable = false",
        "update wanderbricks_ml.churn_retraining set not_learnable = 'too few users'",
    ]
    database = part(tmp_path / "small.duckdb", fresh, ["churn_champion", "churn_retraining"], changes)
    html = without_script(write_page(database, tmp_path, products))
    assert "The data cannot teach this model: too few users." in html


def test_weeks_of_live_quality_and_drift_are_drawn(fresh: Workspace, products: list[Product], tmp_path: Path) -> None:
    changes = [
        "insert into wanderbricks_ml.prediction_quality by name select 'churn_predictor' as model_name, "
        "date '2025-06-02' + cast(7 * i as int) as week_start, 'brier' as metric_name, 0.1 as metric_value, "
        "0.2 as baseline_value, true as is_primary from range(3) as weeks (i)",
        "insert into wanderbricks_ml.drift by name select * replace (scoring_date - 1 as scoring_date) "
        "from wanderbricks_ml.drift",
    ]
    names = ["churn_champion", "churn_predictor", "prediction_quality", "drift"]
    database = part(tmp_path / "life.duckdb", fresh, names, changes)
    html = without_script(write_page(database, tmp_path, products))
    assert "<h3>Live quality</h3>" in html
    assert "<h3>Drift</h3>" in html


def test_a_database_that_is_not_there_is_named(tmp_path: Path, products: list[Product]) -> None:
    with pytest.raises(FileNotFoundError, match="dbt build makes it"):
        write_page(tmp_path / "none.duckdb", tmp_path, products)


@pytest.mark.parametrize(
    ("number", "said"),
    [(None, words.NOTHING), (2_714_534.2, "2.71 M"), (81_214, "81.2 k"), (529_821, "530 k"), (12.3, "12")],
)
def test_amounts_are_short(number: float | None, said: str) -> None:
    assert words.short_money(number) == said


def test_better_than_the_rule_is_by_the_numbers_beside_it() -> None:
    champion = {"metric_value": 0.4, "baseline_value": 0.5, "comparison": "at_most", "improvement": -0.01}
    assert gained(champion) == "+20.0%"
    assert gained(champion | {"comparison": "at_least"}) == "-20.0%"
    assert gained(champion | {"comparison": "at_least", "baseline_value": 0}) == "+40.0%"
    assert gained(champion | {"baseline_value": None}) == words.NOTHING


def test_a_target_that_was_not_measured_is_missed_in_words() -> None:
    assert missed("f1 could not be measured and so misses the target of 0.2") == (
        "F1 could not be measured and so misses the target of 0.2"
    )
    assert missed("f1 0.45 misses at least 0.75, auc 0.6 is below the target of 0.7") == (
        "F1 0.45, wanted at least 0.75; AUC 0.6 is below the target of 0.7"
    )


def test_reasons_are_the_most_personal_that_hold() -> None:
    row = {"bookings_here": 2.0, "co_booking": 0.0, "destination_share": 0.5, "market_rank": 1.0, "popularity": 9.0}
    assert reasons(row) == "booked it 2 times before; 50% of their bookings go to this destination"
    assert reasons({}) == "close to what they book"
