"""What a run may meet: kills at any moment, bad gold, and machines and people that get in the way.

Each fault strikes a copy of one database that demand's yesterday was built in. It holds where nothing good is lost and
the next `dbt build` makes of the day what an undisturbed run makes of it: the same predictions, no version without a
verdict, no table left over, MLflow in step. Bad gold (tests/bad_gold.py) holds where the run says what is wrong, and
publishes nothing from what it may not.

    python benchmarks/faults.py [--kills 100] [--seed 7] [--only WORD] [--work FOLDER]

Prints what was tried and what held, and every failure with the command that shows it; exits with 1 where one fails.
"""

from __future__ import annotations

import argparse
import functools
import logging
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb

PROJECT = Path(__file__).resolve().parents[1]
sys.path.append(str(PROJECT / "tests"))
from bad_gold import FAULTS, Fault  # noqa: E402
from cut_gold import cut_gold  # noqa: E402
from eased_project import copied_project  # noqa: E402
from forked_dbt import ForkedDbt  # noqa: E402
from local_workspace import Workspace  # noqa: E402

from wanderbricks_ml.simulator import simulate  # noqa: E402

logger = logging.getLogger("faults")

Strike = Callable[[], None]

DEMAND = ("--select", "+demand_predictions")
COMPARED = """
    select property_id, check_in_date, round(predicted_bookings, 9)
    from demand_predictions where scoring_date = date '{day}' order by all
"""
POINTS = {
    "fitting": r"fitting [\d,]+ rows",
    "registering": r"fitted on [\d,]+ rows",
    "between fit and verdict": r"START \w+ \w+ model \S+demand_backtest",
    "measuring": r"START \w+ \w+ model \S+demand_metrics",
    "judging": r"START \w+ \w+ model \S+demand_champion",
    "scoring": r"START \w+ \w+ model \S+demand_scores",
    "publishing": r"START \w+ \w+ model \S+demand_predictions",
    "features": r"START \w+ \w+ model \S+property_features",
}
"""Lines of dbt at which a build is killed, within the second after."""


class FaultFound(Exception):
    """What did not hold."""


@dataclass
class Bench:
    """The undisturbed runs that the others are compared with."""

    work: Path
    gold: Path
    gold_yesterday: Path
    today: date
    project: Path
    forked: ForkedDbt
    before: Workspace
    after: Workspace

    def disturbed(self, name: str) -> Workspace:
        """A database as yesterday's run left it."""
        folder = self.work / "runs" / re.sub(r"\W+", "_", name)
        shutil.rmtree(folder, ignore_errors=True)
        return self.before.copy(folder, gold=self.gold)

    def start(self, workspace: Workspace, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """A dbt command in a process of its own, its output in ``output`` of the workspace's folder."""
        with (workspace.path / "output").open("w") as output:
            return subprocess.Popen(
                [Path(sys.executable).with_name("dbt"), "--no-use-colors", *arguments],
                cwd=workspace.path,
                env={**os.environ, **workspace.environment, **environment},
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
            )

    def recovers(self, workspace: Workspace, versions: int | None = None) -> None:
        """Let the next build finish the day, and compare it with the undisturbed one."""
        if workspace.dbt("build", *DEMAND) != 0:
            raise FaultFound(f"the next build fails:\n{workspace.log[-1500:]}")
        wanted, found = (one.query(COMPARED.format(day=self.today)) for one in (self.after, workspace))
        if len(wanted) == 0 or wanted != found:
            differ = len(set(wanted) - set(found))
            raise FaultFound(f"{len(found)} predictions of {self.today}, {differ} of {len(wanted)} differ")
        earlier = "select * exclude (scored_at) from demand_predictions where scoring_date < date '{}' order by all"
        if workspace.query(earlier.format(self.today)) != self.before.query(earlier.format(self.today)):
            raise FaultFound("predictions of earlier days are not what they were")
        unjudged = """
            select model_version from demand_predictor
            where model_version not in (select model_version from demand_metrics where split = 'test')
                and model_version = (select max(model_version) from demand_predictor)
        """
        if workspace.query(unjudged):
            raise FaultFound("the newest version has no verdict")
        if versions is not None and workspace.query("select count(*) from demand_predictor") != [(versions,)]:
            raise FaultFound(f"not {versions} versions, but {workspace.query('select count(*) from demand_predictor')}")
        left = workspace.query(
            "select schema_name || '.' || table_name from duckdb_tables()"
            " where schema_name <> 'wanderbricks_ml' or table_name like '%\\_\\_dbt%' escape '\\'"
        )
        if left:
            raise FaultFound(f"left behind: {', '.join(name for (name,) in left)}")
        serving = workspace.query("select model_version from demand_champion where serves")
        if [(workspace.aliases("demand_predictor").get("champion"),)] != serving:
            raise FaultFound(f"MLflow says {workspace.aliases('demand_predictor')}, the champion table {serving}")


def prepared(work: Path) -> Bench:
    """Gold of two days, and the undisturbed runs on them."""
    gold = work / "gold"
    simulate(preset="tiny", seed=7, out=gold)
    bookings = gold / "fact_booking_detail.parquet"
    newest = duckdb.execute(f"select cast(max(created_at) as date) from '{bookings}'").fetchall()[0][0]
    today = newest + timedelta(days=1)
    yesterday = cut_gold(gold, today - timedelta(days=1), work / "gold_yesterday")
    project = copied_project(work / "project")
    before = Workspace(work / "before", yesterday, project)
    if before.dbt("build", *DEMAND, as_of=today - timedelta(days=1)) != 0:
        raise RuntimeError(before.log)
    after = before.copy(work / "after", gold=gold)
    if after.dbt("build", *DEMAND) != 0:
        raise RuntimeError(after.log)
    return Bench(work, gold, yesterday, today, project, ForkedDbt(), before, after)


def kills(bench: Bench, count: int, seed: int) -> Iterator[tuple[str, Strike]]:
    """Kills at each named point and at random seconds, with a fit due and without."""
    chance = random.Random(seed)
    forced = ("--vars", "retrain: force")

    def at_point(name: str, pattern: str, wait: float) -> None:
        workspace = bench.disturbed(name)
        process = bench.start(workspace, "build", *DEMAND, *forced)
        output = workspace.path / "output"
        while process.poll() is None and not re.search(pattern, output.read_text(errors="replace")):
            time.sleep(0.02)
        if process.poll() is not None:
            raise FaultFound(f"never came to '{pattern}':\n{output.read_text()[-800:]}")
        time.sleep(wait)
        process.kill()
        process.wait()
        bench.recovers(workspace)

    def at_second(name: str, seconds: float, fit: bool) -> None:
        workspace = bench.disturbed(name)
        process = bench.start(workspace, "build", *DEMAND, *(forced if fit else ()))
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        bench.recovers(workspace)

    for number in range(count):
        if number < 2 * len(POINTS):
            point = list(POINTS)[number % len(POINTS)]
            name = f"kill {number}: {point}"
            wait = chance.uniform(0, 0.8)
            yield name, functools.partial(at_point, name, POINTS[point], wait)
        else:
            fit, seconds = number % 2 == 0, chance.uniform(4, 30)
            name = f"kill {number}: after {seconds:.1f} s, {'a fit due' if fit else 'no fit due'}"
            yield name, functools.partial(at_second, name, seconds, fit)


def surroundings(bench: Bench) -> Iterator[tuple[str, Strike]]:
    """Disks, memory, locks, stores and commands."""
    nowhere = {
        "MLFLOW_TRACKING_URI": "http://127.0.0.1:9",
        "MLFLOW_REGISTRY_URI": "http://127.0.0.1:9",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    }

    def dbt(workspace: Workspace, *arguments: str, environment: Mapping[str, str]) -> int:
        given = {**os.environ, **workspace.environment, **environment}
        finished = bench.forked.run(["--no-use-colors", *arguments], workspace.path, given, timeout=900)
        workspace.log = finished.stdout
        return finished.returncode

    def refused(workspace: Workspace, words: str, environment: Mapping[str, str] = {}) -> None:
        before = workspace.query("select count(*), max(scored_at) from demand_predictions")
        code = dbt(workspace, "build", *DEMAND, environment=environment)
        if code == 0 or words not in workspace.log:
            raise FaultFound(f"exit code {code}, not one word of '{words}':\n{workspace.log[-800:]}")
        if workspace.query("select count(*), max(scored_at) from demand_predictions") != before:
            raise FaultFound("predictions have changed")

    def read_only() -> None:
        workspace = bench.disturbed("read only")
        database = workspace.path / "wanderbricks.duckdb"
        # for root a mode is no hindrance
        commands = ("chattr +i", "chattr -i") if os.geteuid() == 0 else ("chmod a-w", "chmod u+w")
        locked, unlocked = (command.split() for command in commands)
        subprocess.run([*locked, database], check=True)
        try:
            refused(workspace, "wanderbricks.duckdb")
        finally:
            subprocess.run([*unlocked, database], check=True)
        bench.recovers(workspace)

    def disk_full() -> None:
        """A quota on the size of files, which a database grows beyond."""
        workspace = bench.disturbed("disk full")
        limit = (workspace.path / "wanderbricks.duckdb").stat().st_size // 1024 + 256
        shell = (
            f"ulimit -f {limit}; trap '' XFSZ; exec {Path(sys.executable).with_name('dbt')} build {' '.join(DEMAND)}"
        )
        run = subprocess.run(
            ["bash", "-c", shell],
            cwd=workspace.path,
            env={**os.environ, **workspace.environment},
            capture_output=True,
            text=True,
            check=False,
        )
        if run.returncode == 0:
            raise FaultFound("the limit was not met")
        bench.recovers(workspace)

    def held_by_a_notebook() -> None:
        workspace = bench.disturbed("notebook")
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
            code = workspace.dbt("build", *DEMAND)
            if code == 0 or "lock" not in workspace.log:
                raise FaultFound(f"exit code {code}:\n{workspace.log[-800:]}")
        finally:
            notebook.kill()
            notebook.wait()
        bench.recovers(workspace)

    def two_builds() -> None:
        workspace = bench.disturbed("two builds")
        first = bench.start(workspace, "build", *DEMAND)
        time.sleep(6)
        second = Workspace(workspace.path, workspace.gold, workspace.project)
        second.dbt("build", *DEMAND, DBT_TARGET_PATH=str(workspace.path / "target2"))
        first.wait()
        bench.recovers(workspace, versions=1)

    def little_memory() -> None:
        workspace = bench.disturbed("60 MB")
        workspace.dbt("build", *DEMAND, WANDERBRICKS_MEMORY_LIMIT="60MB")
        bench.recovers(workspace, versions=1)

    def mlflow_unreachable() -> None:
        workspace = bench.disturbed("mlflow unreachable")
        refused(workspace, "127.0.0.1", nowhere)
        bench.recovers(workspace, versions=1)

    def artifact(change: Callable[[Path], None]) -> Strike:
        def strike() -> None:
            workspace = bench.disturbed("artifact")
            made = bench.before.path / "mlartifacts"
            kept = bench.work / "kept"
            shutil.rmtree(kept, ignore_errors=True)
            shutil.copytree(made, kept)
            try:
                for file in made.rglob("model.pkl"):
                    change(file)
                refused(workspace, "demand_predictor v1")
            finally:
                shutil.rmtree(made)
                kept.rename(made)
            bench.recovers(workspace, versions=1)

        return strike

    def flipped(file: Path) -> None:
        content = file.read_bytes()
        file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))

    def malicious(file: Path) -> None:
        file.write_bytes(b"cos\nsystem\n(S'touch " + str(bench.work / "owned").encode() + b"'\ntR.")

    def malicious_pickle() -> None:
        artifact(malicious)()
        if (bench.work / "owned").exists():
            raise FaultFound("code of the pickle was run")

    def back_and_forth() -> None:
        workspace = bench.disturbed("back and forth")
        bench.recovers(workspace)
        workspace.dbt("build", *DEMAND, as_of=bench.today - timedelta(days=1))
        bench.recovers(workspace, versions=1)

    def command(*arguments: str) -> Strike:
        def strike() -> None:
            workspace = bench.disturbed(" ".join(arguments))
            workspace.dbt(*arguments)
            bench.recovers(workspace, versions=1)

        return strike

    def retry() -> None:
        workspace = bench.disturbed("retry")
        dbt(workspace, "build", *DEMAND, environment=nowhere)
        if workspace.dbt("retry") != 0:
            raise FaultFound(f"dbt retry fails:\n{workspace.log[-800:]}")
        bench.recovers(workspace, versions=1)

    def seed_edited_midway() -> None:
        workspace = bench.disturbed("seed edited")
        project = copied_project(workspace.path / "project", "error")
        midway = Workspace(workspace.path, workspace.gold, project)
        if midway.dbt("build", *DEMAND) == 0:
            raise FaultFound("a target that nothing meets lets the day be published")
        bench.recovers(Workspace(workspace.path, workspace.gold, bench.project), versions=1)

    def five_days() -> None:
        path = bench.work / "runs/five_days"
        shutil.rmtree(path, ignore_errors=True)
        days = [bench.today - timedelta(days=back) for back in range(4, -1, -1)]
        daily = Workspace(path / "daily", bench.gold, bench.project)
        for day in days:
            gold = bench.gold if day == bench.today else cut_gold(bench.gold, day, path / f"gold_{day}")
            daily.gold = gold
            if daily.dbt("build", *DEMAND, as_of=day) != 0:
                raise FaultFound(daily.log[-800:])
        scratch = Workspace(path / "scratch", bench.gold, bench.project)
        if scratch.dbt("run", "--select", "+property_features", as_of=bench.today) != 0:
            raise FaultFound(scratch.log[-800:])
        rows = "select * from property_features order by all"
        if daily.query(rows) != scratch.query(rows):
            raise FaultFound("features of five days one by one are not those from scratch")

    yield "a database that is read-only", read_only
    yield "a disk that is full", disk_full
    yield "a notebook that holds the file", held_by_a_notebook
    yield "two builds at once", two_builds
    yield "60 MB of memory for DuckDB", little_memory
    yield "MLflow that does not answer", mlflow_unreachable
    yield "an artifact that is gone", artifact(Path.unlink)
    yield "an artifact with a flipped bit", artifact(flipped)
    yield "a pickle that runs a command", malicious_pickle
    yield "as_of back and forth", back_and_forth
    yield "a seed edited midway", seed_edited_midway
    yield "dbt retry", retry
    for given in (
        ("run",),
        ("build", "--empty"),
        ("build", "--full-refresh", *DEMAND),
        ("build", "--select", "demand_spine+"),
        ("build", "--select", "stg_bookings+1"),
        ("compile",),
        ("clone", "--select", "demand_predictions", "--state", "target"),
    ):
        yield f"dbt {' '.join(given)}", command(*given)
    yield "five days one by one", five_days


def bad_gold(bench: Bench) -> Iterator[tuple[str, Strike]]:
    """Every kind of bad gold, over all eight products."""

    def strike(fault: Fault) -> None:
        workspace = bench.disturbed(f"gold {fault.name}")
        shutil.rmtree(bench.work / "bad", ignore_errors=True)
        workspace.gold = fault.write(bench.gold, bench.work / "bad")
        before = workspace.query("select count(*), max(scored_at) from demand_predictions")
        code = workspace.dbt("build", *DEMAND)
        if not any(all(word in line for word in fault.says) for line in workspace.log.splitlines()):
            raise FaultFound(f"exit code {code}, and nothing said of {' '.join(fault.says)}:\n{workspace.log[-800:]}")
        if fault.stops and code == 0:
            raise FaultFound("said, but exit code 0")
        if fault.stops and workspace.query("select count(*), max(scored_at) from demand_predictions") != before:
            raise FaultFound("predictions were published")
        workspace.gold = bench.gold
        bench.recovers(workspace)

    for fault in FAULTS:
        yield f"gold: {fault.name}", functools.partial(strike, fault)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100, help="how many (default %(default)s)")
    parser.add_argument("--seed", type=int, default=7, help="of the kills' moments (default %(default)s)")
    parser.add_argument("--only", default="", metavar="WORD", help="faults whose name holds the word")
    parser.add_argument("--work", type=Path, help="folder to work in; a temporary one without it")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    work = (given.work or Path(tempfile.mkdtemp(prefix="faults-"))).resolve()
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    bench = prepared(work)
    tried, held = Counter[str](), Counter[str]()
    failures = []
    kinds = {
        "kills": kills(bench, given.kills, given.seed),
        "surroundings": surroundings(bench),
        "bad gold": bad_gold(bench),
    }
    for kind, faults in kinds.items():
        for name, strike in faults:
            if given.only not in name:
                continue
            tried[kind] += 1
            try:
                strike()
                held[kind] += 1
                logger.info("held    %s", name)
            except FaultFound as found:
                failures.append(name)
                shown = f"python benchmarks/faults.py --kills {given.kills} --seed {given.seed} --only '{name}'"
                logger.info("FAILED  %s\n        %s\n        %s", name, str(found).replace("\n", "\n        "), shown)
    for kind in kinds:
        logger.info("%-14s %4d tried, %4d held", kind, tried[kind], held[kind])
    if failures:
        sys.exit(1)
    if given.work is None:
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
