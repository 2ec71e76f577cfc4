"""The emulator's environment and process, and dbt runs against it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import pyarrow as pa

HERE = Path(__file__).parent
PROJECT = HERE.parents[1]
"""What an emulator runs unless its `project` is another."""

sys.path.append(str(HERE.parent))
from dbt_command import run_dbt  # noqa: E402

ENVIRONMENT = Path(os.environ.get("WANDERBRICKS_EMULATOR_VENV", PROJECT / ".venv-emulator"))
START_SECONDS = 180


@dataclass
class Emulator:
    """A running emulator, and dbt with everything else that it needs.

    With a date as `as_of` a run that looks at gold takes what the last one found of it for that day, as the tasks of a
    job take it from the first.
    """

    folder: Path
    port: int
    wheel: Path
    process: int
    project: Path = PROJECT
    # gold of the tests stands still, and today is long after it
    as_of: str = "newest"
    log: str = field(default="", init=False)

    def dbt(self, *arguments: str, project: Path | None = None, environment: Mapping[str, str] = {}) -> int:
        """Run a dbt command with target emulator, keep its output in `log` and return its exit code."""
        project = project or self.project
        places = {
            "DBT_PROJECT_DIR": str(project),
            "DBT_PROFILES_DIR": str(project),
            "DBT_TARGET_PATH": str(self.folder / "target"),
            "DBT_LOG_PATH": str(self.folder / "logs"),
        }
        reached = {
            "EMULATOR_PORT": str(self.port),
            "WANDERBRICKS_WHEEL": str(self.wheel),
            "WANDERBRICKS_AS_OF": self.as_of,
        }
        given = [] if "--vars" in arguments else ["--vars", json.dumps({"job_repairs": 0})]
        finished = run_dbt(
            [*arguments, *given, "--target", "emulator"],
            self.folder,
            {**places, **reached, **environment},
            timeout=3_600,
        )
        self.log = finished.stdout
        return finished.returncode

    def is_of_newest_day(self) -> None:
        """Have later runs be of the day that the last one was of, whose gold it has looked at."""
        (day,) = self.table("select cast(as_of_date as string) as day from wanderbricks_ml.point_in_time").to_pylist()
        self.as_of = day["day"]

    def request(self, method: str, path: str, body: Any = None, token: str = "emulator") -> dict[str, Any]:
        """Call an endpoint and return what it answers, errors included."""
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        data = json.dumps(body or {}).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=600) as response:
                answer: dict[str, Any] = json.load(response)
        except urllib.error.HTTPError as error:
            answer = json.load(error)
        return answer

    def control(self, **body: Any) -> dict[str, Any]:
        """Call the emulator's own endpoint."""
        return self.request("POST", "/emulator", body)

    def table(self, query: str) -> pa.Table:
        """Rows of a query, through the connector that dbt uses."""
        from databricks import sql

        connection = sql.connect(
            server_hostname=f"http://127.0.0.1:{self.port}/ws",
            http_path="/sql/1.0/warehouses/emulator",
            access_token="emulator",
            use_sea=True,
            use_hybrid_disposition=True,
            enable_telemetry=False,
        )
        with connection, connection.cursor() as cursor:
            return cursor.execute(query).fetchall_arrow()


def python_of_environment() -> Path:
    """Python of the emulator's own environment, which is made when its lock file has changed.

    Raises
    ------
    RuntimeError
        When Java is not there.
    """
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        raise RuntimeError("Spark needs Java 17 or 21: install it, such as Debian's openjdk-17-jre-headless")
    lock = (HERE / "requirements.lock").read_bytes()
    digest = hashlib.sha256(lock).hexdigest()
    marker = ENVIRONMENT / "lock.sha256"
    if not marker.exists() or marker.read_text() != digest:
        shutil.rmtree(ENVIRONMENT, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", ENVIRONMENT], check=True)
        locked = ["--quiet", "--no-deps", "--require-hashes", "-r", str(HERE / "requirements.lock")]
        uv = Path(sys.executable).with_name("uv")
        # seconds, where pip takes a minute
        quick = [str(uv), "pip", "install", "--python", str(ENVIRONMENT / "bin/python"), *locked]
        if not uv.exists() or subprocess.run(quick, check=False).returncode:
            subprocess.run([ENVIRONMENT / "bin/pip", "install", "--disable-pip-version-check", *locked], check=True)
        marker.write_text(digest)
    return ENVIRONMENT / "bin/python"


def build_wheel(folder: Path) -> Path:
    """Our package as it is uploaded to a volume."""
    build = [sys.executable, str(PROJECT / "deploy/wheel.py"), str(folder)]
    return Path(subprocess.run(build, check=True, stdout=subprocess.PIPE, text=True).stdout.strip())


@contextlib.contextmanager
def running(folder: Path, *options: str) -> Iterator[Emulator]:
    """An emulator without any table on a free port, until the block ends.

    Raises
    ------
    RuntimeError
        When it does not start.
    """
    python, wheel = python_of_environment(), build_wheel(folder)
    with (folder / "emulator.log").open("w") as log:
        process = subprocess.Popen(
            [python, "-m", "emulator", "--folder", folder, *options],
            cwd=HERE,
            env=os.environ
            | {
                "PYSPARK_PYTHON": str(python),
                "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db",
                "MLFLOW_REGISTRY_URI": f"sqlite:///{folder}/mlflow.db",
                # workers import the package from where the driver found it
                "PYTHONPATH": str(wheel),
            },
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        try:
            assert process.stdout is not None
            ready = ""
            started = time.monotonic()
            while not ready.startswith("ready on port"):
                ready = process.stdout.readline()
                if process.poll() is not None or time.monotonic() - started > START_SECONDS:
                    told = (folder / "emulator.log").read_text()[-4_000:]
                    raise RuntimeError(f"the emulator did not start:\n{told}")
            yield Emulator(folder, int(ready.split()[-1]), wheel, process.pid)
        finally:
            process.terminate()
            process.wait(30)


@click.command()
@click.argument("gold", type=click.Path(exists=True, file_okay=False, path_type=Path))
def main(gold: Path) -> None:
    """Start an emulator without any table on the folder GOLD, say how dbt reaches it, and keep it until Ctrl-C."""
    with tempfile.TemporaryDirectory() as folder, running(Path(folder), "--gold", str(gold.resolve())) as emulator:
        click.echo("Ready; Ctrl-C ends it. In another shell, in the project's folder:\n")
        click.echo(f"    export EMULATOR_PORT={emulator.port} WANDERBRICKS_WHEEL={emulator.wheel}")
        click.echo("    export WANDERBRICKS_AS_OF=newest")
        click.echo("    .venv/bin/dbt build --target emulator --select +demand_predictions")
        with contextlib.suppress(KeyboardInterrupt):
            os.waitpid(emulator.process, 0)


if __name__ == "__main__":
    main()
