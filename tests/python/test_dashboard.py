"""The dashboard of a workspace: its queries run on what a build leaves, and its widgets show what these return."""

from __future__ import annotations

import copy
import itertools
import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
from local_workspace import Workspace

PROJECT = Path(__file__).resolve().parents[2]
DASHBOARD = PROJECT / "deploy/operations.lvdash.json"
VERSIONS = {"counter": 2, "table": 1, "line": 3, "bar": 3}
"""Of each kind of widget, as the platform exports it."""
COLUMNS = 6


def read() -> Any:
    return json.loads(DASHBOARD.read_text(encoding="utf-8"))


def queries(dashboard: Any) -> dict[str, str]:
    return {dataset["name"]: "".join(dataset["queryLines"]) for dataset in dashboard["datasets"]}


def named(encodings: Any) -> set[str]:
    """The fields that a widget shows."""
    if isinstance(encodings, list):
        return set().union(*map(named, encodings))
    if not isinstance(encodings, dict):
        return set()
    own = {encodings["fieldName"]} if "fieldName" in encodings else set()
    return own.union(*map(named, encodings.values()))


def problems(dashboard: Any, columns: dict[str, set[str]]) -> list[str]:
    """What is wrong with the widgets, where datasets have these columns."""
    found = []
    used = set()
    names = [page["name"] for page in dashboard["pages"]]
    for page in dashboard["pages"]:
        places = []
        for entry in page["layout"]:
            widget, place = entry["widget"], entry["position"]
            names.append(widget["name"])
            places.append((widget["name"], place))
            if place["x"] + place["width"] > COLUMNS:
                found.append(f"{widget['name']} is wider than the page")
            (query,) = (item["query"] for item in widget["queries"])
            spec, dataset = widget["spec"], query["datasetName"]
            used.add(dataset)
            if VERSIONS.get(spec["widgetType"]) != spec["version"]:
                found.append(f"{widget['name']}: no {spec['widgetType']} of version {spec['version']}")
            if not spec["frame"].get("title"):
                found.append(f"{widget['name']} has no title")
            asked = {field["name"] for field in query["fields"]}
            if any(field["expression"] != f"`{field['name']}`" for field in query["fields"]):
                found.append(f"{widget['name']} reads something else than its fields are called")
            if asked != named(spec["encodings"]):
                found.append(f"{widget['name']} asks for {sorted(asked)} and shows {sorted(named(spec['encodings']))}")
            missing = sorted(asked - columns.get(dataset, set()))
            if missing:
                found.append(f"{widget['name']}: dataset {dataset} has no {', '.join(missing)}")
        for (one, a), (other, b) in itertools.combinations(places, 2):
            is_beside = a["x"] + a["width"] <= b["x"] or b["x"] + b["width"] <= a["x"]
            is_below = a["y"] + a["height"] <= b["y"] or b["y"] + b["height"] <= a["y"]
            if not (is_beside or is_below):
                found.append(f"{one} and {other} lie on one another")
    found += [f"two things are called {name}" for name in sorted({name for name in names if names.count(name) > 1})]
    found += [f"nothing shows {name}" for name in sorted(columns.keys() - used)]
    return found


@pytest.fixture(scope="module")
def columns(fresh: Workspace) -> dict[str, set[str]]:
    """Columns of each dataset; a query that a first build does not bear fails here."""
    with duckdb.connect(str(fresh.path / "wanderbricks.duckdb"), read_only=True) as connection:
        connection.execute("use wanderbricks_ml")
        return {name: set(connection.sql(query).columns) for name, query in queries(read()).items()}


def test_widgets_show_what_the_queries_return(columns: dict[str, set[str]]) -> None:
    assert problems(read(), columns) == []


def test_the_queries_say_what_serves_and_what_is_predicted(fresh: Workspace) -> None:
    asked = queries(read())
    with duckdb.connect(str(fresh.path / "wanderbricks.duckdb"), read_only=True) as connection:
        connection.execute("use wanderbricks_ml")
        told = connection.execute("select count(distinct model_name) from model_versions where alias = 'champion'")
        (serving,) = told.fetchone() or (0,)
        assert serving > 0
        assert connection.execute(asked["state"]).fetchall()[0][0] == serving
        for name in ("products", "drift", "demand", "revenue", "outlook", "guests", "cancellations"):
            assert connection.execute(asked[name]).fetchall(), name


BREAKS = {
    "a column that is not there": (("spec", "encodings", "value", "fieldName"), "served", "shows"),
    "a widget that is too wide": (("position", "width"), 7, "wider than the page"),
    "two widgets in one place": (("position", "height"), 5, "lie on one another"),
    "a version that is none": (("spec", "version"), 9, "no counter of version 9"),
    "a dataset that is none": (("queries", 0, "query", "datasetName"), "status", "dataset status has no serving"),
    "a title that is missing": (("spec", "frame", "title"), "", "has no title"),
    "a name twice": (("name",), "errors", "two things are called errors"),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_break_is_found(name: str, columns: dict[str, set[str]]) -> None:
    path, value, told = BREAKS[name]
    dashboard = copy.deepcopy(read())
    entry = dashboard["pages"][0]["layout"][0]
    at = entry if path[0] == "position" else entry["widget"]
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    assert any(told in problem for problem in problems(dashboard, columns))
