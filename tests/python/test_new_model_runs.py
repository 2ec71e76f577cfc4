"""`wanderbricks new-model` on tables of other platforms: what it writes builds, gates, documents and watches itself."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from eased_project import PROJECT, copied_project
from local_workspace import Workspace
from other_platforms import write

from wanderbricks_ml.commands.cli import main
from wanderbricks_ml.new_model.specification import Specification
from wanderbricks_ml.new_model.writing import rendered

SALES = """select
    country,
    session_date,
    sum(basket) as sales
from {{ ref('shop_sessions') }}
group by country, session_date"""

PRODUCTS = [
    # features and the type of keys as the table has them
    {"name": "telecom_churn", "task": "classification", "labels": "telecom_customers", "label": "churned"}
    | {"date": "snapshot_date", "keys": ["customer_id"], "days": 30, "schedule": "monthly", "owner": "Retention"},
    {"name": "shop_items", "task": "count", "labels": "shop_sessions", "label": "items_bought", "days": 1}
    | {"date": "session_date", "keys": "session_id:string", "numeric": ["pages", "cart_items"]}
    | {"categorical": ["device", "country"]},
    {"name": "shop_basket", "task": "regression", "labels": "shop_sessions", "label": "basket", "days": 1}
    | {"date": "session_date", "keys": "session_id:string", "numeric": "pages, cart_items", "baseline": "cart_items"},
    {"name": "shop_next", "task": "ranking", "labels": "shop_rankings", "label": "bought", "date": "shown_date"}
    | {"keys": ["query_number", "item_id"], "days": 1},
    {"name": "shop_sales", "task": "forecast", "labels": SALES, "label": "sales", "date": "session_date"}
    | {"keys": "country:string", "days": 14},
]
NAMES = [product["name"] for product in PRODUCTS]
PRIMARY = {"telecom_churn": "log_loss", "shop_items": "poisson_deviance", "shop_basket": "mse"} | {
    "shop_next": "ndcg_at_10",
    "shop_sales": "mse",
}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, gold: Path) -> Workspace:
    """A copy of the project with five further products, built."""
    folder = tmp_path_factory.mktemp("new_model")
    project = copied_project(folder / "project")
    (project / "models/labels").mkdir()
    for name, path in write(folder / "data").items():
        (project / f"models/labels/{name}.sql").write_text(f"select * from read_parquet('{path}')\n", encoding="utf-8")
    made = Workspace(folder / "work", gold, project)
    assert made.dbt("run", "--select", "path:models/labels") == 0, made.log
    inventory = folder / "products.yml"
    inventory.write_text(yaml.safe_dump(PRODUCTS, sort_keys=False), encoding="utf-8")
    said = new_model(made, "--inventory", str(inventory))
    assert said.returncode == 0, said.stderr
    # what other tests' projects have parsed does not know these products
    with (project / "dbt_project.yml").open("a", encoding="utf-8") as settings:
        settings.write("\n# with further products\n")
    chosen = [*[f"+{name}_predictions" for name in NAMES], "resource_type:seed"]
    code = made.dbt("build", "--select", *chosen, WANDERBRICKS_UNIT_TESTS="true")
    assert code == 0, made.log
    return made


def new_model(workspace: Workspace, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a person does."""
    command = [sys.executable, "-c", "from wanderbricks_ml.commands.cli import main; main()", "new-model", *arguments]
    environment = os.environ | workspace.environment
    return subprocess.run(command, cwd=workspace.project, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", NAMES)
def test_it_serves_a_version_that_beats_its_baseline(workspace: Workspace, name: str) -> None:
    ((version, passes, metric),) = workspace.query(
        f"select model_version, passes, metric_name from wanderbricks_ml.{name}_champion where serves"
    )
    assert (version, passes, metric) == (1, True, PRIMARY[name])
    ((rows, days, nothing),) = workspace.query(
        f"select count(*), count(distinct scoring_date), count(*) filter (where model_version is null) "
        f"from wanderbricks_ml.{name}_predictions"
    )
    assert rows > 0
    assert (days, nothing) == (1, 0)


def test_its_unit_test_knows_no_label_early(workspace: Workspace) -> None:
    assert "PASS telecom_churn_examples::telecom_churn_examples_know_no_label_early" in workspace.log


def test_a_forecast_looks_ahead_of_the_point_in_time(workspace: Workspace) -> None:
    ((first, last, series),) = workspace.query(
        "select min(forecast_date - as_of_date), max(forecast_date - as_of_date), count(distinct country) "
        "from wanderbricks_ml.shop_sales_predictions"
    )
    assert (first, last, series) == (1, 14, 3)


def test_it_is_watched_with_the_others(workspace: Workspace) -> None:
    """The monitoring of a day on which only the new products were built."""
    assert workspace.dbt("build", "--selector", "monitoring", "--exclude-resource-type", "test") == 0, workspace.log
    found = workspace.query(
        "select product, serving_version, gate_state from wanderbricks_ml.model_operations "
        f"where product in {tuple(NAMES)} order by product"
    )
    assert found == [(name, 1, "passes") for name in sorted(NAMES)]
    drifting = workspace.query("select distinct model_name from wanderbricks_ml.drift_reference order by all")
    assert [model for (model,) in drifting] == [f"{name}_predictor" for name in sorted(NAMES)]


def test_a_next_day_scores_with_the_version_that_serves(workspace: Workspace, tmp_path: Path) -> None:
    later = workspace.copy(tmp_path / "later", project=workspace.project)
    assert later.dbt("build", "--select", "+shop_sales_predictions", as_of=date(2025, 8, 2)) == 0, later.log
    assert later.query(
        "select scoring_date, max(model_version), min(forecast_date) from wanderbricks_ml.shop_sales_predictions "
        "group by scoring_date order by scoring_date"
    ) == [(date(2025, 8, 1), 1, date(2025, 8, 2)), (date(2025, 8, 2), 1, date(2025, 8, 3))]


def test_what_it_writes_is_clean_to_the_linters(workspace: Workspace) -> None:
    files = [f"models/{name}" for name in NAMES]
    yamllint = [sys.executable, "-m", "yamllint", "--strict", "-c", str(PROJECT / ".yamllint"), *files]
    linted = subprocess.run(yamllint, cwd=workspace.project, capture_output=True, text=True, check=False)
    assert linted.returncode == 0, linted.stdout
    (workspace.project / "pyproject.toml").write_bytes((PROJECT / "pyproject.toml").read_bytes())
    # each template once
    written = ["models/telecom_churn", "models/shop_sales/shop_sales_spine.sql"]
    written += [f"models/shop_next/shop_next_{file}.sql" for file in ("catalogue", "predictions", "outcomes")]
    sqlfluff = [sys.executable, "-m", "sqlfluff", "lint", *written]
    environment = os.environ | workspace.environment
    linted = subprocess.run(
        sqlfluff, cwd=workspace.project, env=environment, capture_output=True, text=True, check=False
    )
    assert linted.returncode == 0, linted.stdout


def test_what_exists_is_left_as_it_is(workspace: Workspace) -> None:
    before = {path: path.read_bytes() for path in workspace.project.rglob("*") if path.is_file()}
    options = ["--task", "count", "--labels", "shop_sessions", "--label", "items_bought", "--date", "session_date"]
    options += ["--key", "session_id:string", "--days", "1", "--numeric", "pages"]
    said = new_model(workspace, "shop_items", *options)
    assert said.returncode == 1
    assert "models/shop_items exists" in said.stderr
    said = new_model(workspace, "shop_more", *options[:-2])
    assert said.returncode == 0, said.stderr
    said = new_model(workspace, "shop_lost", *options[:2], "--labels", "no_such_table", *options[4:-2])
    assert said.returncode == 1
    assert "Build what they come from" in said.stderr
    assert not (workspace.project / "models/shop_lost").exists()
    changed = {path for path, content in before.items() if path.read_bytes() != content}
    seeds = ("model_inventory", "performance_targets", "quality_policy", "drift_policy")
    assert changed == {workspace.project / f"seeds/{seed}.csv" for seed in seeds}


GIVEN = PRODUCTS[0] | {"numeric": ["monthly_fee"]}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"task": "clasification"}, "did you mean classification"),
        ({"lable": "churned"}, "did you mean label"),
        ({"label": ""}, "lacks label; fill it in"),
        ({"days": 0}, "days is 0"),
        ({"days": "soon"}, "takes a whole number"),
        ({"keys": {"customer_id": "uuid"}}, "key customer_id is of type uuid"),
        ({"date": "Snapshot Date"}, "'Snapshot Date' is no name"),
        ({"numeric": ["split"]}, "split is a column that a product's tables have themselves"),
        ({"numeric": ["churned"]}, "churned is named twice"),
        ({"numeric": []}, "no feature is named"),
        ({"task": "ranking"}, "a ranking has two keys"),
        ({"task": "forecast"}, "leave out features and baseline"),
        ({"schedule": "daily"}, "takes weekly or monthly"),
        ({"name": "a_name_of_more_than_24_letters"}, "24 letters are the most"),
    ],
)
def test_a_mistake_is_named(change: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        rendered_from(GIVEN | change)


def rendered_from(given: dict[str, object]) -> dict[Path, str]:
    product = Specification.of(given, "products.yml, entry 1")
    product.check()
    return rendered(product)


@pytest.fixture
def seeds_alone(tmp_path: Path) -> Path:
    """As much of a project as new products are written into."""
    project = tmp_path / "project"
    shutil.copytree(PROJECT / "seeds", project / "seeds")
    return project


@pytest.mark.parametrize("second", ["shop_taken", "telecom_churn"])
def test_an_inventory_is_made_whole_or_not_at_all(second: str, seeds_alone: Path) -> None:
    (seeds_alone / "models/shop_taken").mkdir(parents=True)
    inventory = seeds_alone / "products.yml"
    inventory.write_text(yaml.safe_dump([GIVEN, GIVEN | {"name": second}]), encoding="utf-8")
    before = {path: path.is_file() and path.read_bytes() for path in seeds_alone.rglob("*")}
    said = CliRunner(env={"DBT_PROJECT_DIR": str(seeds_alone)}).invoke(
        main, ["new-model", "--inventory", str(inventory)]
    )
    assert said.exit_code == 1
    assert second in said.output
    assert {path: path.is_file() and path.read_bytes() for path in seeds_alone.rglob("*")} == before


def test_dbt_forgets_its_parse_of_the_project_that_has_grown(
    seeds_alone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DBT_TARGET_PATH", raising=False)
    parses = [folder / "target/partial_parse.msgpack" for folder in (tmp_path, seeds_alone)]
    for parse in parses:
        parse.parent.mkdir()
        parse.touch()
    inventory = tmp_path / "products.yml"
    inventory.write_text(yaml.safe_dump([GIVEN, GIVEN | {"name": "telecom_more"}]), encoding="utf-8")
    said = CliRunner(env={"DBT_PROJECT_DIR": str(seeds_alone)}).invoke(
        main, ["new-model", "--inventory", str(inventory)]
    )
    assert said.exit_code == 0, said.output
    assert [parse.exists() for parse in parses] == [True, False]
    targets = (seeds_alone / "seeds/performance_targets.csv").read_text(encoding="utf-8")
    assert all(f"\n{name}_predictor," in targets for name in ("telecom_churn", "telecom_more"))


def test_nothing_outside_its_folder_and_declaration_is_new() -> None:
    assert {path.parts[:3][:-1] if path.parts[0] == "models" else path.parts for path in rendered_from(GIVEN)} == {
        ("models", "telecom_churn"),
        ("macros", "products", "telecom_churn.sql"),
    }


def test_an_inventory_and_options_exclude_each_other(tmp_path: Path) -> None:
    (tmp_path / "products.yml").write_text("[]", encoding="utf-8")
    said = CliRunner().invoke(main, ["new-model", "churn", "--inventory", str(tmp_path / "products.yml")])
    assert said.exit_code == 1
    assert "--inventory says everything" in said.output
