"""deploy/serve.py against the routes of a workspace: what it makes, changes, leaves alone, takes away, and refuses."""

from __future__ import annotations

import importlib.util
import json
import runpy
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner, Result

PROJECT = Path(__file__).resolve().parents[2]
sys.path.append(str(PROJECT / "tests/databricks"))
from emulator.endpoints import Endpoints  # noqa: E402

DEMAND, CHURN = "wanderbricks-demand-predictor", "wanderbricks-churn-predictor"
WHERE = ["--catalog", "main", "--schema", "ml", "--warehouse-id", "w"]


@pytest.fixture(scope="module")
def serve() -> ModuleType:
    spec = importlib.util.spec_from_file_location("serve", PROJECT / "deploy/serve.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["serve"] = module
    spec.loader.exec_module(module)
    return module


class Workspace:
    """Endpoints, and a warehouse with the two relations that are asked."""

    def __init__(self) -> None:
        self.endpoints = Endpoints(lambda name, version: name.startswith("main.ml.") and int(version) < 10)
        self.warehouse = duckdb.connect()
        self.warehouse.execute("create schema ml; use ml")
        self.warehouse.execute("create table model_versions (model_name text, model_version int, alias text)")
        columns = "model_name text, treatment_version int, treatment_share double, status text"
        self.warehouse.execute(f"create table experiment_state ({columns})")
        self.serve("demand_predictor", 3)
        self.serve("churn_predictor", 1)

    def serve(self, model: str, version: int) -> None:
        self.warehouse.execute("delete from model_versions where model_name = ?", [model])
        self.warehouse.execute("insert into model_versions values (?, ?, 'champion')", [model, version])

    def try_out(self, model: str, version: int, share: float, status: str = "running") -> None:
        self.warehouse.execute("insert into experiment_state values (?, ?, ?, ?)", [model, version, share, status])

    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[dict[str, Any], int]:
        answered = self.endpoints.answer(method, path, body)
        if answered:
            return answered
        if path == "/.well-known/databricks-config":
            return {"workspace_id": "1", "oidc_endpoint": ""}, 200
        if (method, path) == ("POST", "/api/2.0/sql/statements"):
            try:
                rows = self.warehouse.execute(body["statement"]).fetchall()
            except duckdb.Error as error:
                failed = {"state": "FAILED", "error": {"message": str(error)}}
                return {"statement_id": "1", "status": failed}, 200
            texts = [[None if value is None else str(value) for value in row] for row in rows]
            return {"statement_id": "1", "status": {"state": "SUCCEEDED"}, "result": {"data_array": texts}}, 200
        return {"error_code": "ENDPOINT_NOT_FOUND", "message": f"no {method} {path}"}, 404

    def routes(self, name: str) -> dict[str, int]:
        config = self.endpoints.answer("GET", f"/api/2.0/serving-endpoints/{name}", {})[0]["config"]  # type: ignore[index]
        return {route["served_model_name"]: route["traffic_percentage"] for route in config["traffic_config"]["routes"]}


@pytest.fixture
def workspace(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Workspace]:
    there = Workspace()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *arguments: Any) -> None:
            """Keep quiet."""

        def handle_request(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
            found, code = there.answer(self.command, self.path.partition("?")[0], body)
            payload = json.dumps(found).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_request

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    monkeypatch.setenv("DATABRICKS_HOST", f"http://127.0.0.1:{server.server_address[1]}")
    monkeypatch.setenv("DATABRICKS_TOKEN", "emulator")
    # of no profile of whoever runs the tests
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(tmp_path / "none"))
    yield there
    server.shutdown()
    server.server_close()


@pytest.fixture
def run(
    serve: ModuleType, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> Any:
    monkeypatch.setattr(serve.time, "sleep", lambda seconds: None)

    def invoke(*arguments: str, code: int = 0) -> str:
        workspace.endpoints.calls.clear()
        caplog.clear()
        with caplog.at_level("INFO", "serve"):
            result: Result = CliRunner().invoke(serve.main, [*WHERE, *arguments])
        said = "\n".join([*caplog.messages, result.output])
        assert result.exit_code == code, f"{said}\n{result.exception!r}"
        return said

    return invoke


def test_endpoints_are_made_once(run: Any, workspace: Workspace) -> None:
    said = run("--group", "readers")
    assert f"{DEMAND}: made, with v3 100 %" in said and "2 of 2 endpoints" in said
    assert workspace.routes(DEMAND) == {"v3": 100}
    told = workspace.endpoints.answer("GET", f"/api/2.0/serving-endpoints/{DEMAND}", {})[0]  # type: ignore[index]
    (entity,) = told["config"]["served_entities"]
    assert entity["entity_name"] == "main.ml.demand_predictor"
    assert (entity["workload_size"], entity["scale_to_zero_enabled"]) == ("Small", True)
    kept = told["ai_gateway"]["inference_table_config"]
    assert kept == {
        "enabled": True,
        "catalog_name": "main",
        "schema_name": "ml",
        "table_name_prefix": "demand_predictor",
    }
    assert workspace.endpoints.permissions[told["id"]] == [{"group_name": "readers", "permission_level": "CAN_QUERY"}]
    again = run()
    assert workspace.endpoints.calls == []
    assert f"{DEMAND}: as it should be, v3 100 %" in again


@pytest.mark.parametrize("deployer", ["someone@example.com", "5f0c2d3e-1a2b-4c3d-9e8f-0123456789ab"])
def test_who_deploys_to_dev_is_no_group(run: Any, workspace: Workspace, deployer: str) -> None:
    run("--group", deployer)
    assert workspace.endpoints.permissions == {}


def test_a_job_sees_an_exit_where_it_fails_alone(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    script = str(PROJECT / "deploy/serve.py")
    monkeypatch.setattr(sys, "argv", [script, *WHERE])
    # as a task runs it: an exit of any code would be its failure
    runpy.run_path(script, run_name="__main__")
    assert workspace.routes(DEMAND) == {"v3": 100}
    workspace.warehouse.execute("delete from model_versions")
    with pytest.raises(SystemExit, match="1"):
        runpy.run_path(script, run_name="__main__")


def test_a_new_version_and_an_experiment_change_the_traffic(run: Any, workspace: Workspace) -> None:
    run()
    workspace.serve("demand_predictor", 4)
    workspace.try_out("churn_predictor", 2, 0.05)
    workspace.try_out("demand_predictor", 5, 0.5, status="ended")
    run()
    assert workspace.endpoints.calls == [f"PUT serving-endpoints/{name}/config" for name in (CHURN, DEMAND)]
    assert workspace.routes(DEMAND) == {"v4": 100}
    assert workspace.routes(CHURN) == {"v1": 95, "v2": 5}


@pytest.mark.parametrize(("share", "percent"), [(0.001, 1), (0.999, 99), (0.125, 12), (0.25, 25)])
def test_a_share_is_whole_percent_and_no_arm_starves(serve: ModuleType, share: float, percent: int) -> None:
    (served,) = serve.shares([["a_model", "1", "2", str(share)]])
    assert served.percent == {1: 100 - percent, 2: percent}


def test_a_version_that_does_not_start_leaves_what_served(run: Any, workspace: Workspace) -> None:
    run()
    workspace.serve("demand_predictor", 4)
    workspace.endpoints.broken.add("main.ml.demand_predictor/4")
    said = run(code=1)
    assert workspace.routes(DEMAND) == {"v3": 100}
    assert f"{DEMAND}: v4: Model server failed to load the model" in said
    assert "what it served before goes on" in said and f"not as they should be: {DEMAND}" in said
    # mended, the same command tries it again
    workspace.endpoints.broken.clear()
    run()
    assert workspace.routes(DEMAND) == {"v4": 100}
    # a version that is withdrawn: what serves is right, and the failed change is taken back all the same
    workspace.serve("demand_predictor", 5)
    workspace.endpoints.broken.add("main.ml.demand_predictor/5")
    run(code=1)
    workspace.serve("demand_predictor", 4)
    run()
    assert workspace.endpoints.calls == [f"PUT serving-endpoints/{DEMAND}/config"]


def test_a_change_that_is_going_on_is_waited_for(run: Any, workspace: Workspace) -> None:
    run()
    workspace.serve("demand_predictor", 4)
    body = {
        "served_entities": [
            {"name": "v9", "entity_name": "main.ml.demand_predictor", "entity_version": "9", "workload_size": "Small"}
        ],
        "traffic_config": {"routes": [{"served_model_name": "v9", "traffic_percentage": 100}]},
    }
    workspace.endpoints.answer("PUT", f"/api/2.0/serving-endpoints/{DEMAND}/config", body)
    said = run()
    assert f"{DEMAND}: changing" in said
    assert workspace.routes(DEMAND) == {"v4": 100}
    workspace.endpoints.answer("PUT", f"/api/2.0/serving-endpoints/{DEMAND}/config", body)
    assert "still changing" in run("--minutes", "-1", code=1)


def test_requests_are_kept_from_now_on_where_they_were_not(run: Any, workspace: Workspace) -> None:
    run()
    limits = [{"calls": 10, "key": "user", "renewal_period": "minute"}]
    theirs = {"rate_limits": limits, "usage_tracking_config": {"enabled": True}}
    workspace.endpoints.answer("PUT", f"/api/2.0/serving-endpoints/{DEMAND}/ai-gateway", theirs)
    said = run()
    assert f"{DEMAND}: requests are kept in main.ml.demand_predictor_payload" in said
    assert workspace.endpoints.calls == [f"PUT serving-endpoints/{DEMAND}/ai-gateway"]
    kept = workspace.endpoints.answer("GET", f"/api/2.0/serving-endpoints/{DEMAND}", {})[0]["ai_gateway"]
    assert kept["inference_table_config"]["enabled"]
    assert {name: kept[name] for name in theirs} == theirs
    assert run() and workspace.endpoints.calls == []


def test_a_plan_changes_nothing(run: Any, workspace: Workspace) -> None:
    said = run("--plan")
    assert f"{DEMAND}: made" in said and workspace.endpoints.calls == []
    run()
    workspace.serve("demand_predictor", 4)
    assert f"{DEMAND}: changed, to v4 100 %" in run("--plan")
    assert f"{DEMAND}: removed" in run("--plan", "--remove")
    assert workspace.endpoints.calls == []


def test_only_its_own_endpoints_are_touched(run: Any, workspace: Workspace, serve: ModuleType) -> None:
    theirs = serve.Served("demand_predictor", {3: 100}).config("main", "ml").as_dict()
    for name in (DEMAND, "somebody-elses"):
        made = workspace.endpoints.answer("POST", "/api/2.0/serving-endpoints", {"name": name, "config": theirs})
        assert made and made[1] == 200
    assert f"endpoint {DEMAND} is there" in run(code=1)
    assert workspace.endpoints.calls == ["POST serving-endpoints"], "churn alone"
    run("--model", "churn_predictor")
    run("--remove")
    assert workspace.endpoints.calls == [f"DELETE serving-endpoints/{CHURN}"]
    assert "main.ml has no endpoint wanderbricks-a-model" in run("--remove", "--model", "a_model", code=1)


def test_what_no_longer_serves_is_told_and_left(run: Any, workspace: Workspace) -> None:
    run()
    workspace.warehouse.execute("delete from model_versions where model_name = 'churn_predictor'")
    assert f"{CHURN}: no version serves any more" in run()
    assert workspace.endpoints.calls == []
    assert "no version of churn_predictor serves in main.ml; these do: demand_predictor" in run(
        "--model", "churn_predictor", code=1
    )
    workspace.warehouse.execute("delete from model_versions")
    assert "no version of any model serves" in run(code=1)
    assert workspace.endpoints.calls == []


def test_two_versions_that_serve_one_model_are_refused(run: Any, workspace: Workspace) -> None:
    workspace.warehouse.execute("insert into model_versions values ('demand_predictor', 4, 'champion')")
    assert "two versions of demand_predictor serve" in run(code=1)
    assert workspace.endpoints.calls == []


def test_a_warehouse_that_refuses_is_told(run: Any, workspace: Workspace) -> None:
    workspace.warehouse.execute("drop table experiment_state")
    assert "Table with name experiment_state does not exist" in run(code=1)
    assert workspace.endpoints.calls == []
