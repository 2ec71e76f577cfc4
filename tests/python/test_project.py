"""What holds for the files of the dbt project."""

from __future__ import annotations

import csv
import json
import re
import shutil
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from dbt_command import PARSE_FOLDER
from eased_project import PROJECT, copied_project
from jinja2 import Environment
from local_workspace import Workspace

MODEL_FILES = sorted(path for path in (PROJECT / "models").rglob("*") if path.suffix in (".sql", ".py"))
PROVEN_BY = {
    "allow_dropping": "databricks/test_faults.py::test_columns_come_to_a_table_that_keeps_history_and_go",
    "ref_if_built": "databricks/test_parity.py::test_a_first_build_agrees",
    "inference_log": "databricks/test_parity.py::test_a_first_build_agrees",
    "delete_older": "databricks/test_parity.py::test_one_more_day_agrees",
    "built_table": "databricks/test_parity.py::test_one_more_day_agrees",
    "previous_run": "databricks/test_parity.py::test_one_more_day_agrees",
    "is_built": "databricks/test_parity.py::test_a_first_build_agrees",
    "persist_docs": "databricks/test_parity.py::test_one_more_day_agrees",
}
"""Platform macros that act on tables, which no query can assert: tests that run them on both engines."""


@pytest.fixture(scope="session")
def on_databricks(gold: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The project's models by name, as target prod has them, which needs no credentials to be parsed.

    Variables are empty, as a workflow has those that nobody gave it: as good as unset.
    """
    workspace = Workspace(tmp_path_factory.mktemp("on_databricks"), gold)
    files = ("dbt_project.yml", "profiles.yml", "models/gold/_gold.yml")
    named = {name for file in files for name in re.findall(r"env_var\('(\w+)'", (PROJECT / file).read_text("utf-8"))}
    assert {"DATABRICKS_CATALOG", "DATABRICKS_JOB_CLUSTER", "WANDERBRICKS_WHEEL"} < named
    with pytest.MonkeyPatch.context() as patch:
        for name in named:
            if name.startswith(("DATABRICKS_", "WANDERBRICKS_WHEEL")):
                patch.setenv(name, "")
        assert workspace.dbt("parse", "--target", "prod") == 0, workspace.log
    assert "deprecat" not in workspace.log.lower(), workspace.log
    nodes = json.loads((workspace.path / "target/manifest.json").read_text(encoding="utf-8"))["nodes"].values()
    return {node["name"]: node for node in nodes if node["resource_type"] == "model"}


def test_parsing_survives_another_database_gold_folder_and_point_in_time(
    manifest: dict[str, Any], gold: Path, tmp_path: Path
) -> None:
    """A full parse takes dbt longer than most that is built after it. `manifest` has left its parse behind."""
    elsewhere = shutil.copytree(gold, tmp_path / "other_gold")
    workspace = Workspace(tmp_path / "other", elsewhere)
    code = workspace.dbt("parse", as_of=date(2025, 7, 1), WANDERBRICKS_MEMORY_LIMIT="2GB")
    assert code == 0, workspace.log
    assert "partial pars" not in workspace.log.lower(), workspace.log


def downstream_of(name: str, manifest: dict[str, Any]) -> set[str]:
    """Return the names of the nodes that depend on a model, itself not among them."""
    found: set[str] = set()
    waiting = [f"model.wanderbricks_ml.{name}"]
    while waiting:
        for child in manifest["child_map"][waiting.pop()]:
            if child not in found:
                found.add(child)
                waiting.append(child)
    return {identity.split(".")[2] for identity in found}


def test_only_model_state_looks_back_at_our_own_tables(models: dict[str, dict[str, Any]]) -> None:
    # it may call the macro, or hand it to another one
    assert {name for name, node in models.items() if "previous_run" in node["raw_code"]} == {"model_state"}


def test_what_model_state_looks_back_at_is_built_after_it(manifest: dict[str, Any]) -> None:
    products = {row["model_name"]: row["predictions_table"] for row in inventory()}
    looked_at = {*products, *products.values(), "drift", "prediction_quality"}
    assert looked_at <= downstream_of("model_state", manifest)


def test_every_product_hangs_its_gate_on_the_champion(manifest: dict[str, Any]) -> None:
    tests: dict[str, set[str]] = {}
    for node in manifest["nodes"].values():
        if node["resource_type"] == "test" and node.get("attached_node"):
            kind = node["test_metadata"]["name"]
            tests.setdefault(node["attached_node"].split(".")[-1], set()).add(kind)
    products = [row["product"] for row in inventory()]
    assert len(products) == 8
    for product in products:
        gate = {"valid_verdicts", "serves_a_version_that_passes", "serves_without_warning"}
        assert gate <= tests[f"{product}_champion"], product
        for table in ("examples", "backtest", "scores"):
            assert "valid_rows" in tests[f"{product}_{table}"], (product, table)
        assert "valid_decision" in tests[f"{product}_retraining"], product
        assert "valid_metrics" in tests[f"{product}_metrics"], product


def test_lint_renders_every_macro_that_yields_sql_of_a_model(manifest: dict[str, Any]) -> None:
    """`make lint` renders a few files, as each macro is enough once: which they are stands in the Makefile."""
    macros = {name: macro for name, macro in manifest["macros"].items() if macro["package_name"] == "wanderbricks_ml"}

    def called(names: set[str]) -> set[str]:
        """These macros of ours and those that they call, without what returns a value."""
        found: set[str] = set()
        waiting = names & set(macros)
        while waiting:
            found |= waiting
            waiting = {
                name for macro in waiting for name in macros[macro]["depends_on"]["macros"] if name in macros
            } - found
        return {macros[name]["name"] for name in found if "return(" not in macros[name]["macro_sql"]}

    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
    [listed] = re.findall(r"^RENDERED := (.*)$", makefile, flags=re.MULTILINE)
    paths = [PROJECT / name for name in listed.split()]
    files = [file for path in paths for file in ([path] if path.is_file() else path.rglob("*.sql"))]
    words = {word for file in files for word in re.findall(r"\b(\w+)\(", file.read_text(encoding="utf-8"))}
    rendered = called({f"macro.wanderbricks_ml.{word}" for word in words})
    nodes = [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]
    of_models = called({name for node in nodes for name in node["depends_on"]["macros"]})
    # statements of hooks, which no query holds
    of_models -= {"delete_older", "delete_rescored"}
    assert of_models <= rendered, of_models - rendered


def test_only_staging_reads_gold(models: dict[str, dict[str, Any]]) -> None:
    """And point_in_time and gold_checks, which say what may pass: the rule of no leakage has one home."""
    readers = {name: node["fqn"][1] for name, node in models.items() if node["sources"]}
    assert {name for name, folder in readers.items() if folder != "staging"} == {"gold_checks", "point_in_time"}
    assert {"stg_bookings", "stg_engagement", "property_versions"} <= set(readers)


def inventory() -> list[dict[str, str]]:
    """The rows of seed model_inventory."""
    with (PROJECT / "seeds/model_inventory.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="session")
def declared(models: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The products' declarations by name, as public tables carry them."""
    found = [
        node["config"]["meta"]["declaration"] for node in models.values() if "declaration" in node["config"]["meta"]
    ]
    return {product["product"]: product for product in found}


def test_products_are_declared_as_the_inventory_has_them(declared: dict[str, dict[str, Any]]) -> None:
    named = {
        (product["product"], product["model_name"], product["predictions"], product["cadence"])
        for product in declared.values()
    }
    assert named == {
        (row["product"], row["model_name"], row["predictions_table"], row["schedule"]) for row in inventory()
    }


def test_loops_over_products_reach_each(declared: dict[str, dict[str, Any]], models: dict[str, dict[str, Any]]) -> None:
    for name in ("drift_reference", "model_versions", "model_operations", "prediction_quality"):
        read = {identity.split(".")[-1] for identity in models[name]["depends_on"]["nodes"]}
        for product in declared.values():
            assert {product["model_name"], f"{product['product']}_metrics"} & read, (name, product["product"])


def add_product(project: Path) -> None:
    """Add a twin of demand: its folder, its declaration and its rows in the policy seeds."""
    declaration = (project / "macros/products/demand.sql").read_text(encoding="utf-8")
    for name in ("product_demand", "'demand'", "demand_predictor", "demand_predictions"):
        declaration = declaration.replace(name, name.replace("demand", "twin"))
    (project / "macros/products/twin.sql").write_text(declaration, encoding="utf-8")
    (project / "models/twin").mkdir()
    for file in (project / "models/demand").iterdir():
        if "unit_tests" not in file.name and file.suffix != ".md":
            text = re.sub(
                r"demand(?!_horizon|_training_rows|_evaluation_rows)", "twin", file.read_text(encoding="utf-8")
            )
            text = text.replace("doc('twin_", "doc('demand_")
            (project / "models/twin" / file.name.replace("demand", "twin")).write_text(text, encoding="utf-8")
    for name in ("model_inventory", "performance_targets", "drift_policy", "quality_policy"):
        seed = project / f"seeds/{name}.csv"
        rows = seed.read_text(encoding="utf-8").splitlines()
        twins = [row.replace("demand", "twin") for row in rows if row.startswith("demand_predictor")]
        seed.write_text("\n".join([*rows, *twins, ""]), encoding="utf-8")


def test_a_further_product_is_found_by_its_declaration(
    gold: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # what dbt has parsed says where seeds lie: no other test may read the twin's
    monkeypatch.delenv(PARSE_FOLDER)
    workspace = Workspace(tmp_path / "work", gold, copied_project(tmp_path / "project"))
    assert workspace.dbt("parse") == 0, workspace.log
    add_product(workspace.project)
    # dbt parses what has changed, and does not know that loops read more now
    assert workspace.dbt("compile", "--select", "model_versions") != 0
    assert "product twin was declared since dbt parsed this project whole; run dbt parse" in workspace.log
    assert workspace.dbt("parse", "--no-partial-parse") == 0, workspace.log
    nodes = json.loads((workspace.path / "target/manifest.json").read_text(encoding="utf-8"))["nodes"]
    for reader, read in (
        ("model_operations", {"twin_predictor", "twin_retraining", "twin_champion", "twin_predictions"}),
        ("served_outcomes", {"twin_outcomes"}),
        ("prediction_quality", {"twin_metrics"}),
        ("drift", {"twin_examples", "twin_scores"}),
    ):
        parents = {name.split(".")[-1] for name in nodes[f"model.wanderbricks_ml.{reader}"]["depends_on"]["nodes"]}
        assert read <= parents, reader


def test_a_declaration_names_columns_that_there_are(
    declared: dict[str, dict[str, Any]], models: dict[str, dict[str, Any]]
) -> None:
    for name, product in declared.items():
        examples = set(models[f"{name}_examples"]["columns"])
        wanted = {product["label"], product["baseline"], product["date"]}
        assert wanted | {*product.get("keys", []), *product.get("keep", [])} <= examples, name
        predicted = product["prediction"]
        backtest = set(models[f"{name}_backtest"]["columns"])
        assert {*([predicted] if isinstance(predicted, str) else predicted), *product["segments"]} <= backtest, name
        public = set(models[product["predictions"]]["columns"])
        assert {*product["public_key"], *product["units"], *product["served"]} <= public, name


def test_every_data_test_has_a_short_name_of_its_own(manifest: dict[str, Any]) -> None:
    tests = [node for node in manifest["nodes"].values() if node["resource_type"] == "test"]
    assert tests
    assert [node["name"] for node in tests if len(node["name"]) > 60] == []
    # dbt begins a name of its own with that of the generic test, and goes on with every argument
    kinds = {node["name"]: node["test_metadata"]["name"] for node in tests if node.get("test_metadata")}
    assert [name for name, kind in kinds.items() if name.removeprefix("source_").startswith(f"{kind}_")] == []


def test_every_model_has_a_description(models: dict[str, dict[str, Any]]) -> None:
    assert [name for name, node in sorted(models.items()) if not node["description"].strip()] == []


def test_every_column_of_a_public_table_has_a_description(models: dict[str, dict[str, Any]]) -> None:
    public = sorted({row["predictions_table"] for row in inventory()})
    assert public
    for name in public:
        assert models[name]["contract"]["enforced"], f"{name}: no contract, so its columns may not be all"
        columns = models[name]["columns"].values()
        assert [column["name"] for column in columns if not column["description"].strip()] == [], name


@pytest.mark.parametrize("path", MODEL_FILES, ids=lambda path: path.stem)
def test_a_model_does_not_name_an_engine(path: Path) -> None:
    found = re.findall(r"duckdb|databricks|spark", path.read_text(encoding="utf-8"), flags=re.IGNORECASE)
    assert found == []


SQL_FILES = sorted(
    path
    for folder in ("models", "macros", "tests/assertions", "tests/generic")
    for path in (PROJECT / folder).rglob("*.sql")
)


def own_sql(path: Path) -> str:
    """The SQL of a file without its Jinja, comments and texts."""
    words = [value for _, kind, value in Environment().lex(path.read_text(encoding="utf-8")) if kind == "data"]
    return re.sub(r"--[^\n]*|'[^']*'", "", "".join(words))


@pytest.mark.parametrize("path", SQL_FILES, ids=lambda path: path.stem)
def test_no_name_is_quoted(path: Path) -> None:
    # what one engine takes for a name in double quotes, the other takes for a text
    assert '"' not in own_sql(path)


@pytest.mark.parametrize("path", [path for path in SQL_FILES if "macros" not in path.parts], ids=lambda path: path.stem)
def test_what_is_joined_has_a_name(path: Path) -> None:
    assert not re.search(r"\bjoin\s*\(\s*select", own_sql(path))


def test_every_feature_table_is_unity_catalogs_on_databricks(on_databricks: dict[str, dict[str, Any]]) -> None:
    features = {
        name: node
        for name, node in on_databricks.items()
        if node["fqn"][1] == "features" and node["config"]["contract"]["enforced"]
    }
    assert len(features) == 6
    for name, node in features.items():
        config = node["config"]
        keys = config.get("unique_key") or ["country", "calendar_date"]
        assert config["liquid_clustered_by"] == keys, name
        assert config["persist_docs"] == {"relation": True, "columns": True}, name
        assert set(config["databricks_tags"]) == {"owner", "layer", "contains_pii"}, name
        assert config["databricks_tags"]["contains_pii"] == "no", name
        (key,) = node["constraints"]
        assert key["name"] == f"{name}_key"
        assert key["expression"] == f"primary key ({', '.join(keys)} timeseries)", name
        not_null = {
            column["name"]
            for column in node["columns"].values()
            if "not_null" in [constraint["type"] for constraint in column["constraints"]]
        }
        assert not_null == set(keys), name


def test_an_empty_variable_counts_as_unset(on_databricks: dict[str, dict[str, Any]]) -> None:
    fit = on_databricks["demand_predictor"]
    assert (fit["database"], fit["schema"]) == ("main", "wanderbricks_ml")
    assert fit["config"]["submission_method"] == "serverless_cluster"
    assert fit["config"]["job_cluster_config"]["node_type_id"] == "i3.xlarge"


def test_python_models_run_with_what_the_lock_file_has(on_databricks: dict[str, dict[str, Any]]) -> None:
    wheel, *pins = on_databricks["demand_predictor"]["config"]["environment_dependencies"]
    locked = (PROJECT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    found = {line.split(" ")[0] for line in locked if "==" in line}
    assert set(pins) <= found
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert Path(wheel).name == f"wanderbricks_ml-{project['version']}-py3-none-any.whl"
    needed = {re.split(r"[<>=]", dependency)[0] for dependency in project["dependencies"]}
    # the first two stay those of the runtime's Spark, the last two, which keys need, come with the wheel
    assert {pin.split("==")[0] for pin in pins} == needed - {"numpy", "pyarrow", "model-signing", "pyopenssl"}


def test_nothing_goes_by_the_name_of_a_target() -> None:
    """A workspace's dbt task may have any: the profile that the platform makes calls it databricks_sql_warehouse."""
    below = [path for folder in ("models", "macros", "seeds", "tests") for path in (PROJECT / folder).rglob("*")]
    read = [PROJECT / "dbt_project.yml", *(path for path in below if path.suffix in (".sql", ".yml"))]
    assert len(read) > 300
    assert not [path for path in read if re.search(r"\btarget\.(name|profile_name)\b", path.read_text("utf-8"))]


@pytest.mark.parametrize("path", sorted((PROJECT / "macros/platform").glob("*.sql")), ids=lambda path: path.stem)
def test_a_platform_macro_is_proven_on_both_engines(path: Path) -> None:
    if (PROJECT / f"tests/assertions/macros/assert_{path.stem}.sql").exists():
        assert path.stem not in PROVEN_BY
        return
    file, test = PROVEN_BY[path.stem].split("::")
    assert f"def {test}(" in (PROJECT / "tests" / file).read_text(encoding="utf-8")
