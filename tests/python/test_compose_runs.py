"""What compose starts, as processes by its own commands, and used: PostgreSQL, MLflow, build, server, Prometheus."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from conftest import PRODUCTS
from eased_project import PROJECT
from local_workspace import Workspace

from wanderbricks_ml.serving.keys import new_key, write_keys

COMPOSE = yaml.safe_load((PROJECT / "deploy/compose.yml").read_text(encoding="utf-8"))["services"]
BIN = Path(sys.executable).parent
CLUSTERS = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))

BUILT = "cancellation"
"""The product that is built: it stands on features alone, and is fitted in a second."""

pytestmark = [
    pytest.mark.skipif(not CLUSTERS, reason="no PostgreSQL: apt-get install postgresql"),
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="no Prometheus: apt-get install prometheus"),
]


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def asked(url: str, **headers: str) -> Any:
    """The JSON of an address, or its text."""
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as response:
        body = response.read().decode()
    return json.loads(body) if body.startswith(("{", "[")) else body


class Processes:
    """Processes that are ended at the end, the last one first, and what they said."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: list[tuple[str, subprocess.Popen[bytes]]] = []

    def start(self, name: str, command: list[str], ready: Callable[[], object], **environment: str) -> None:
        """Start one, and wait until asking whether it is ready raises no error."""
        with (self._folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                command, stdout=log, stderr=log, env={**os.environ, **environment}, start_new_session=True
            )
        self._running.append((name, process))
        while process.poll() is None:
            try:
                ready()
                return
            except OSError:
                time.sleep(0.1)
        pytest.fail(f"{name} ended: {(self._folder / f'{name}.log').read_text()}")

    def end(self) -> None:
        for _, process in reversed(self._running):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            process.wait(60)


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    found = Processes(tmp_path)
    yield found
    found.end()


@pytest.fixture
def postgres(tmp_path: Path, processes: Processes) -> Iterator[tuple[int, Path]]:
    """A PostgreSQL as that of compose: its port, and the file of its password."""
    settings = COMPOSE["postgres"]["environment"]
    # not below a folder of root's alone: PostgreSQL does not run as root
    folder = Path(tempfile.mkdtemp(prefix="wanderbricks-postgres-"))
    password = tmp_path / "postgres_password"
    password.write_text(secrets.token_hex(24))
    shutil.copy(password, folder / "password")
    as_postgres: list[str] = []
    if os.geteuid() == 0:
        as_postgres = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--pdeathsig=TERM"]
        for path in (folder, folder / "password"):
            shutil.chown(path, "postgres", "postgres")
    bin_folder, data, port = CLUSTERS[-1].parent, folder / "data", free_port()
    made = ["--pgdata", str(data), "--username", settings["POSTGRES_USER"], "--auth", "scram-sha-256"]
    subprocess.run(
        [*as_postgres, str(bin_folder / "initdb"), *made, "--pwfile", str(folder / "password"), "--no-sync"],
        check=True,
        capture_output=True,
    )

    def ready() -> None:
        url = f"postgresql://{settings['POSTGRES_USER']}:{password.read_text()}@127.0.0.1:{port}"
        made = subprocess.run(
            [str(bin_folder / "psql"), f"{url}/postgres", "-c", f"create database {settings['POSTGRES_DB']}"],
            check=False,
            capture_output=True,
        )
        if made.returncode:
            raise OSError(made.stderr)

    options = ["-D", str(data), "-k", str(folder), "-h", "127.0.0.1", "-p", str(port), "-c", "fsync=off"]
    processes.start("postgres", [*as_postgres, str(bin_folder / "postgres"), *options], ready)
    yield port, password
    processes.end()
    shutil.rmtree(folder)


def with_nothing_of(fresh: Workspace, folder: Path) -> Workspace:
    """A copy of a build in which one product was never built, and no other has published anything."""
    copy = Workspace(folder, fresh.gold, fresh.project)
    copy.path.mkdir()
    for name in ("target", "wanderbricks.duckdb"):
        (shutil.copytree if name == "target" else shutil.copy)(fresh.path / name, folder / name)
    with duckdb.connect(str(folder / "wanderbricks.duckdb")) as connection:
        tables = connection.execute(
            "select table_name, table_type from information_schema.tables where table_schema = 'wanderbricks_ml'"
        ).fetchall()
        gone = {product.predictions for product in PRODUCTS}
        for name, kind in tables:
            if name in gone or name.startswith(f"{BUILT}_"):
                connection.execute(f"drop {'view' if kind == 'VIEW' else 'table'} wanderbricks_ml.{name}")
    return copy


def test_what_compose_starts_builds_serves_and_is_watched(
    fresh: Workspace, tmp_path: Path, postgres: tuple[int, Path], processes: Processes
) -> None:
    port, password = postgres
    mlflow, server, prometheus = free_port(), free_port(), free_port()
    (shell,) = [word for word in COMPOSE["mlflow"]["command"] if "mlflow server" in word]
    for there, here in {
        "$$": "$",
        "/run/secrets/postgres_password": str(password),
        "@postgres/": f"@127.0.0.1:{port}/",
        "/artifacts": str(tmp_path / "artifacts"),
        "0.0.0.0 --port 5000": f"127.0.0.1 --port {mlflow}",
        "127.0.0.1:5000": f"127.0.0.1:{mlflow}",
    }.items():
        assert there in shell
        shell = shell.replace(there, here)
    uri = f"http://127.0.0.1:{mlflow}"
    path = {"PATH": f"{BIN}:{os.environ['PATH']}"}
    processes.start("mlflow", ["sh", "-c", shell], lambda: asked(f"{uri}/health"), **path)

    # the build of one product, and its store
    workspace = with_nothing_of(fresh, tmp_path / "work")
    on_mlflow = {"MLFLOW_TRACKING_URI": uri, "MLFLOW_REGISTRY_URI": uri}
    selected = ("--exclude-resource-type", "test", "--select", "model_state", f"path:models/{BUILT}")
    assert workspace.dbt("build", *selected, own_process=True, **on_mlflow) == 0, workspace.log
    store = tmp_path / "online"
    exported = subprocess.run(
        [str(BIN / "wanderbricks"), "online-store", "--store", str(store)],
        env={**os.environ, **workspace.environment, **on_mlflow},
        capture_output=True,
        text=True,
        check=False,
    )
    assert exported.returncode == 0 and "by key alone" not in exported.stderr, exported.stderr
    versions = asked(f"{uri}/api/2.0/mlflow/registered-models/get?name={BUILT}_predictor")
    assert versions["registered_model"]["latest_versions"][0]["version"] == "1"

    text, key = new_key("first caller")
    write_keys(tmp_path / "keys.json", [key])
    command = list(COMPOSE["serving"]["command"])
    for there, here in {
        "0.0.0.0": "127.0.0.1",
        "/data/online": str(store),
        "/keys/api_keys.json": str(tmp_path / "keys.json"),
        "/inference_log": str(tmp_path / "inference_log"),
    }.items():
        command[command.index(there)] = here
    url = f"http://127.0.0.1:{server}"
    processes.start(
        "serving", [*command, "--port", str(server)], lambda: asked(f"{url}/ready"), **workspace.environment, **path
    )
    ((booking, probability),) = workspace.query(
        "select booking_id, cancellation_probability from cancellation_predictions order by 1 limit 1"
    )
    request = urllib.request.Request(
        f"{url}/predict/wanderbricks-cancellation-predictor",
        json.dumps({"booking_id": booking}).encode(),
        {"X-API-Key": text, "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as response:
        assert json.load(response)["cancellation_probability"] == probability

    # the same configuration and rules, which look sooner
    watch = tmp_path / "prometheus"
    shutil.copytree(PROJECT / "deploy/prometheus", watch)
    (settings,) = watch.glob("prometheus.yml")
    written = settings.read_text(encoding="utf-8")
    assert "serving:8000" in written and "15s" in written
    settings.write_text(written.replace("serving:8000", f"127.0.0.1:{server}").replace("15s", "1s"), encoding="utf-8")
    api = f"http://127.0.0.1:{prometheus}/api/v1"
    listen = [f"--web.listen-address=127.0.0.1:{prometheus}", f"--storage.tsdb.path={tmp_path / 'tsdb'}"]
    processes.start(
        "prometheus", ["prometheus", f"--config.file={settings}", *listen], lambda: asked(f"{api}/status/buildinfo")
    )
    query = urllib.parse.urlencode({"query": 'wanderbricks_requests_total{route="/predict/{model}",status="200"}'})
    found: list[Any] = []
    while not found:
        time.sleep(0.2)
        found = asked(f"{api}/query?{query}")["data"]["result"]
    assert [(one["metric"]["model"], one["value"][1]) for one in found] == [(f"{BUILT}_predictor", "1")]
    rules = asked(f"{api}/rules")["data"]["groups"][0]["rules"]
    assert len(rules) == 5 and all(not rule.get("lastError") for rule in rules)
