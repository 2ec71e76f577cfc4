"""What machines, other processes, stores and people do to a run of demand; benchmarks/faults.py strikes with them."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import duckdb
from undisturbed_runs import DEMAND, FORCED, FaultFound, Runs

from cut_gold import cut_gold  # isort: skip
from eased_project import copied_project  # isort: skip
from local_workspace import Workspace  # isort: skip

Strike = Callable[[], None]


class WithoutMLflow(Workspace):
    """A workspace whose MLflow does not answer."""

    @property
    def mlflow_uri(self) -> str:
        return "http://127.0.0.1:9"

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}


def surroundings(runs: Runs) -> Iterator[tuple[str, Strike]]:
    """Each by its name."""
    for kind in (_machine, _stores, _people):
        yield from kind(runs)


def _refused(workspace: Workspace, words: str) -> None:
    """Build, and hold that it fails with these words and publishes nothing."""
    published = "select count(*), max(scored_at) from demand_predictions"
    before = workspace.query(published)
    code = workspace.dbt("build", *DEMAND)
    if code == 0 or words not in workspace.log:
        raise FaultFound(f"exit code {code}, not one word of '{words}':\n{workspace.log[-1500:]}")
    if workspace.query(published) != before:
        raise FaultFound("predictions have changed")


@contextlib.contextmanager
def _done(command: str, undo: str, path: Path) -> Iterator[None]:
    subprocess.run([*command.split(), path], check=True)
    try:
        yield
    finally:
        subprocess.run([*undo.split(), path], check=True)


def _machine(runs: Runs) -> Iterator[tuple[str, Strike]]:
    is_root = os.geteuid() == 0
    before = runs.before

    def read_only() -> None:
        workspace = runs.disturbed("read only", before)
        # for root a mode is no hindrance
        locks = ("chattr +i", "chattr -i") if is_root else ("chmod a-w", "chmod u+w")
        with _done(*locks, workspace.path / "wanderbricks.duckdb"):
            _refused(workspace, "wanderbricks.duckdb")
        runs.recovers(workspace, versions=1)

    def disk_full(spare: int, *arguments: str) -> None:
        """A file system of its own with so many bytes to spare, where that is permitted; else a quota on the files."""
        workspace = runs.disturbed("disk full", before)
        kept = workspace.copy(workspace.path / "kept")
        database = workspace.path / "wanderbricks.duckdb"
        if is_root:
            size = sum(file.stat().st_size for file in workspace.path.glob("*.d*b")) + spare
            disk = workspace.path / "disk"
            disk.mkdir()
            with _done(f"mount -t tmpfs -o size={size} tmpfs", "umount", disk):
                full = kept.copy(disk)
                code = full.dbt("build", *DEMAND, *arguments, DBT_TARGET_PATH=str(workspace.path / "target"))
                # what the disk has left of it
                full.copy(workspace.path)
        else:
            limit = database.stat().st_size // 1024 + spare // 1024
            dbt = Path(sys.executable).with_name("dbt")
            command = f"ulimit -f {limit}; trap '' XFSZ; exec {dbt} build {' '.join(DEMAND)} {' '.join(arguments)}"
            code = subprocess.run(
                ["bash", "-c", command], cwd=workspace.path, env={**os.environ, **workspace.environment}, check=False
            ).returncode
        if code == 0:
            raise FaultFound("the limit was not met")
        start = runs.starts["a fit due" if arguments else "no fit due"]
        runs.recovers(workspace, start)

    def held_by_a_notebook() -> None:
        workspace = runs.disturbed("notebook", before)
        holding = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print(1, flush=True); sys.stdin.read()"
        notebook = subprocess.Popen(
            [sys.executable, "-c", holding, workspace.path / "wanderbricks.duckdb"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert notebook.stdout is not None
        notebook.stdout.readline()
        try:
            code = workspace.dbt("build", *DEMAND, WANDERBRICKS_WAIT_SECONDS="5")
            if code == 0 or "is in use by another process" not in workspace.log:
                raise FaultFound(f"exit code {code}:\n{workspace.log[-800:]}")
        finally:
            notebook.kill()
            notebook.wait()
        runs.recovers(workspace, versions=1)

    def two_builds(wait: float) -> None:
        workspace = runs.disturbed("two builds", before)
        dbt = Path(sys.executable).with_name("dbt")
        first = subprocess.Popen(
            [dbt, "build", *DEMAND],
            cwd=workspace.path,
            env={**os.environ, **workspace.environment},
            stdout=subprocess.DEVNULL,
        )
        time.sleep(wait)
        workspace.dbt("build", *DEMAND, DBT_TARGET_PATH=str(workspace.path / "target2"))
        first.wait()
        runs.recovers(workspace, versions=1)

    def little_memory() -> None:
        workspace = runs.disturbed("60 MB", before)
        workspace.dbt("build", *DEMAND, WANDERBRICKS_MEMORY_LIMIT="60MB")
        runs.recovers(workspace, versions=1)

    def clock_backwards(*arguments: str) -> None:
        """What yesterday's run has written is dated three days from now."""
        workspace = runs.disturbed("clock backwards", before)
        with duckdb.connect(str(workspace.path / "wanderbricks.duckdb")) as connection:
            for table, column in connection.execute(
                "select table_name, column_name from duckdb_columns()"
                " where data_type like 'TIMESTAMP%' and not internal and column_name in"
                " ('scored_at', 'fitted_at', 'decided_at', 'evaluated_at', 'recorded_at', 'measured_at')"
                " and table_name in (select table_name from duckdb_tables())"
            ).fetchall():
                connection.execute(f"update wanderbricks_ml.{table} set {column} = {column} + interval 3 day")
        with sqlite3.connect(workspace.path / "mlflow.db") as store:
            store.execute("update runs set start_time = start_time + 259200000, end_time = end_time + 259200000")
            store.execute("update model_versions set creation_time = creation_time + 259200000")
        workspace.dbt("build", *DEMAND, *arguments)
        with duckdb.connect(str(workspace.path / "wanderbricks.duckdb")) as connection:
            # the scorings of earlier days are compared without it
            if (
                connection.execute(
                    f"select 1 from wanderbricks_ml.demand_predictions where scoring_date = date '{runs.today}'"
                ).fetchone()
                is None
            ):
                raise FaultFound(f"nothing is scored for {runs.today}:\n{workspace.log[-800:]}")
        runs.recovers(workspace, runs.starts["a fit due" if arguments else "no fit due"])

    yield "a database that is read-only", read_only
    for spare in (100_000, 2_000_000, 4_000_000):
        yield f"a disk with {spare} bytes left", lambda spare=spare: disk_full(spare)  # type: ignore[misc]
        yield f"a disk with {spare} bytes left, a fit due", lambda spare=spare: disk_full(spare, *FORCED)  # type: ignore[misc]
    yield "a notebook that holds the file", held_by_a_notebook
    yield "two builds at once", lambda: two_builds(0)
    yield "two builds, one a little later", lambda: two_builds(9)
    yield "60 MB of memory for DuckDB", little_memory
    yield "a clock that went back", clock_backwards
    yield "a clock that went back, a fit due", lambda: clock_backwards(*FORCED)


def _stores(runs: Runs) -> Iterator[tuple[str, Strike]]:
    def mlflow_unreachable() -> None:
        workspace = runs.disturbed("mlflow unreachable", runs.before)
        _refused(WithoutMLflow(workspace.path, workspace.gold, workspace.project), "127.0.0.1")
        runs.recovers(workspace, versions=1)

    def mlflow_deleted() -> None:
        workspace = runs.disturbed("mlflow deleted", runs.before)
        store = workspace.path / "mlflow.db"
        kept = store.rename(workspace.path / "kept.db")
        workspace.dbt("build", *DEMAND, *FORCED)
        if "registry rebuild" not in workspace.log:
            raise FaultFound(f"no way out is named:\n{workspace.log[-800:]}")
        kept.replace(store)
        runs.recovers(workspace, versions=1)

    def artifact(change: Callable[[Path], object]) -> None:
        workspace = runs.disturbed("artifact", runs.before)
        made, kept = runs.before.path / "mlartifacts", runs.work / "kept"
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(made, kept)
        try:
            for file in made.rglob("model.pkl"):
                change(file)
            _refused(workspace, "demand_predictor v1")
        finally:
            shutil.rmtree(made)
            kept.rename(made)
        runs.recovers(workspace, versions=1)

    def flipped(file: Path) -> None:
        content = file.read_bytes()
        file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))

    def malicious() -> None:
        owned = runs.work / "owned"
        artifact(lambda file: file.write_bytes(f"cos\nsystem\n(S'touch {owned}'\ntR.".encode()))
        if owned.exists():
            raise FaultFound("code of the pickle was run")

    yield "MLflow that does not answer", mlflow_unreachable
    yield "MLflow whose store is gone", mlflow_deleted
    yield "an artifact that is gone", lambda: artifact(Path.unlink)
    yield "an artifact with a flipped bit", lambda: artifact(flipped)
    yield "a pickle that runs a command", malicious


def _people(runs: Runs) -> Iterator[tuple[str, Strike]]:
    def back_and_forth() -> None:
        workspace = runs.disturbed("back and forth", runs.before)
        runs.recovers(workspace)
        workspace.dbt("build", *DEMAND, as_of=runs.yesterday)
        runs.recovers(workspace, versions=1)

    def far_back() -> None:
        workspace = runs.disturbed("far back", runs.before)
        workspace.dbt("build", *DEMAND, as_of=runs.today - timedelta(days=40))
        runs.recovers(workspace)

    def command(*arguments: str) -> None:
        workspace = runs.disturbed(" ".join(arguments), runs.before)
        workspace.dbt(*arguments)
        runs.recovers(workspace, versions=1)

    def retry() -> None:
        workspace = runs.disturbed("retry", runs.before)
        WithoutMLflow(workspace.path, workspace.gold, workspace.project).dbt("build", *DEMAND)
        if workspace.dbt("retry") != 0:
            raise FaultFound(f"dbt retry fails:\n{workspace.log[-800:]}")
        runs.recovers(workspace, versions=1)

    def cloned() -> None:
        """A clone to a schema of its own, after which ours goes on."""
        workspace = runs.disturbed("clone", runs.before)
        workspace.dbt("parse")
        shutil.copytree(workspace.path / "target", workspace.path / "state")
        if workspace.dbt("clone", "--select", "demand_predictions", "--state", str(workspace.path / "state")) != 0:
            raise FaultFound(f"dbt clone fails:\n{workspace.log[-800:]}")
        runs.recovers(workspace, versions=1)

    def seed_edited_midway() -> None:
        workspace = runs.disturbed("seed edited", runs.before)
        project = copied_project(workspace.path / "project", "error")
        midway = Workspace(workspace.path, workspace.gold, project)
        if midway.dbt("build", *DEMAND) == 0:
            raise FaultFound("a target that nothing meets lets the day be published")
        runs.recovers(workspace, versions=1)

    def five_days() -> None:
        path = runs.work / "runs/five_days"
        daily = Workspace(path / "daily", runs.gold, runs.project)
        for day in [runs.today - timedelta(days=back) for back in range(4, -1, -1)]:
            daily.gold = runs.gold if day == runs.today else cut_gold(runs.gold, day, path / f"gold_{day}")
            if daily.dbt("build", *DEMAND, as_of=day) != 0:
                raise FaultFound(daily.log[-800:])
        scratch = Workspace(path / "scratch", runs.gold, runs.project)
        if scratch.dbt("build", "--select", "+property_features", as_of=runs.today) != 0:
            raise FaultFound(scratch.log[-800:])
        rows = "select * from property_features order by all"
        if daily.query(rows) != scratch.query(rows):
            raise FaultFound("features of five days one by one are not those from scratch")

    yield "as_of back and forth", back_and_forth
    yield "as_of forty days back", far_back
    yield "a seed edited midway", seed_edited_midway
    yield "dbt retry", retry
    yield "dbt clone", cloned
    for given in (
        ("run", "--select", "+demand_predictions"),
        ("build", "--empty"),
        ("run", "--empty", *DEMAND[:2]),
        ("build", "--full-refresh", *DEMAND),
        ("build", "--full-refresh", "--empty", *DEMAND),
        ("build", "--select", "demand_spine+"),
        ("build", "--select", "stg_bookings+1"),
        ("build", "--select", "demand_predictions"),
        ("build", "--select", "demand_predictor"),
        ("test", "--select", "path:models/demand"),
        ("seed",),
        ("seed", "--full-refresh"),
        ("compile",),
    ):
        yield f"dbt {' '.join(given)}", lambda given=given: command(*given)  # type: ignore[misc]
    yield "five days one by one", five_days
