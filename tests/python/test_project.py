"""What holds for the files of the dbt project."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest
from conftest import PROJECT, Workspace

MODEL_FILES = sorted(path for path in (PROJECT / "models").rglob("*") if path.suffix in (".sql", ".py"))
EARLIER = re.compile(r"\bearlier\(")


@pytest.fixture(scope="session")
def manifest(gold: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What dbt knows of the project, from `dbt parse`."""
    workspace = Workspace(tmp_path_factory.mktemp("manifest"), gold)
    assert workspace.dbt("parse") == 0, workspace.log
    document: dict[str, Any] = json.loads((workspace.path / "target/manifest.json").read_text(encoding="utf-8"))
    return document


@pytest.fixture(scope="session")
def models(manifest: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The project's models by name."""
    nodes = manifest["nodes"].values()
    return {node["name"]: node for node in nodes if node["resource_type"] == "model"}


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


def test_only_model_state_looks_back_at_our_own_tables() -> None:
    callers = {path.stem for path in MODEL_FILES if EARLIER.search(path.read_text(encoding="utf-8"))}
    assert callers == {"model_state"}


def test_what_model_state_looks_back_at_is_built_after_it(manifest: dict[str, Any]) -> None:
    text = (PROJECT / "models/monitoring/model_state.sql").read_text(encoding="utf-8")
    products = dict(re.findall(r"'(\w+)': '(\w+)'", text))
    with (PROJECT / "seeds/model_inventory.csv").open(encoding="utf-8") as file:
        assert products == {row["model_name"]: row["predictions_table"] for row in csv.DictReader(file)}
    looked_at = {*products, *products.values()}
    assert looked_at <= downstream_of("model_state", manifest)


def test_every_model_has_a_description(models: dict[str, dict[str, Any]]) -> None:
    assert [name for name, node in sorted(models.items()) if not node["description"].strip()] == []


def test_every_column_of_a_public_table_has_a_description(models: dict[str, dict[str, Any]]) -> None:
    with (PROJECT / "seeds/model_inventory.csv").open(encoding="utf-8") as file:
        public = sorted({row["predictions_table"] for row in csv.DictReader(file)})
    assert public
    for name in public:
        assert models[name]["contract"]["enforced"], f"{name}: no contract, so its columns may not be all"
        columns = models[name]["columns"].values()
        assert [column["name"] for column in columns if not column["description"].strip()] == [], name


@pytest.mark.parametrize("path", MODEL_FILES, ids=lambda path: path.stem)
def test_a_model_does_not_name_an_engine(path: Path) -> None:
    found = re.findall(r"duckdb|databricks|spark", path.read_text(encoding="utf-8"), flags=re.IGNORECASE)
    assert found == []
