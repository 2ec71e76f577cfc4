"""deploy/serve.py on what a build has left: the tables are asked on Spark, the versions are those of the registry."""

from __future__ import annotations

import os
import subprocess
import sys

from local_workspace import Workspace
from workspace import PROJECT, Emulator

ENDPOINT = "/api/2.0/serving-endpoints/wanderbricks-demand-predictor"


def test_endpoints_serve_what_the_tables_say(emulator: Emulator, both: Workspace) -> None:
    # a view on what there is, which one product does not bring
    assert emulator.dbt("run", "--select", "model_versions") == 0, emulator.log
    where = ["--catalog", "main", "--warehouse-id", "emulator", "--group", "readers"]
    environment = {"DATABRICKS_HOST": f"http://127.0.0.1:{emulator.port}", "DATABRICKS_TOKEN": "emulator"}
    for told in ("wanderbricks-demand-predictor: made", "wanderbricks-demand-predictor: as it should be"):
        finished = subprocess.run(
            [sys.executable, PROJECT / "deploy/serve.py", *where],
            env=os.environ | environment | {"DATABRICKS_CONFIG_FILE": str(emulator.folder / "none")},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert finished.returncode == 0 and told in finished.stdout, finished.stdout
    query = "select max(model_version) as version from wanderbricks_ml.demand_predictions"
    (published,) = emulator.table(query).to_pylist()
    (entity,) = emulator.request("GET", ENDPOINT)["config"]["served_entities"]
    assert entity["entity_name"] == "main.wanderbricks_ml.demand_predictor"
    assert entity["entity_version"] == str(published["version"])
