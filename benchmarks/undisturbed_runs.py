"""The runs that nothing disturbed, which those of benchmarks/faults.py are compared with."""

from __future__ import annotations

import functools
import itertools
import os
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import duckdb

PROJECT = Path(__file__).resolve().parents[1]
sys.path.append(str(PROJECT / "tests"))
from cut_gold import cut_gold  # noqa: E402
from dbt_command import PARSE_FOLDER  # noqa: E402
from eased_project import copied_project  # noqa: E402
from local_workspace import Workspace  # noqa: E402

from wanderbricks_ml.simulator import simulate  # noqa: E402

DEMAND = ("--select", "+demand_predictions", "--exclude-resource-type", "test")
FORCED = ("--vars", "retrain: force")
Predictions = list[tuple[object, ...]]


class FaultFound(Exception):
    """What did not hold."""


@dataclass(frozen=True)
class Start:
    """What a run starts from, what it is asked, and the predictions that may come of it in the end."""

    before: Workspace | None
    arguments: tuple[str, ...]
    wanted: tuple[Predictions, ...]


@dataclass
class Runs:
    """Gold of two days, and runs of demand on them: yesterday's, and from there today's."""

    work: Path
    gold: Path = field(init=False)
    gold_yesterday: Path = field(init=False)
    today: date = field(init=False)
    project: Path = field(init=False)
    _numbers: Iterator[int] = field(init=False, default_factory=itertools.count)

    def __post_init__(self) -> None:
        os.environ[PARSE_FOLDER] = str(self.work / "parsed")
        (self.work / "parsed").mkdir(parents=True, exist_ok=True)
        self.gold, self.gold_yesterday = self.work / "gold", self.work / "gold_yesterday"
        if not self.gold.exists():
            simulate(preset="tiny", seed=7, out=self.gold)
        newest = f"select cast(max(created_at) as date) from '{self.gold}/fact_booking_detail.parquet'"
        self.today = duckdb.execute(newest).fetchall()[0][0] + timedelta(days=1)
        if not self.gold_yesterday.exists():
            cut_gold(self.gold, self.yesterday, self.gold_yesterday)
        self.project = self.work / "project"
        shutil.rmtree(self.project, ignore_errors=True)
        copied_project(self.project)

    @property
    def yesterday(self) -> date:
        return self.today - timedelta(days=1)

    @functools.cached_property
    def before(self) -> Workspace:
        """Demand, as yesterday's run left it."""
        return self._made("before", self.gold_yesterday, *DEMAND, as_of=self.yesterday)

    @functools.cached_property
    def all_before(self) -> Workspace:
        """All eight products, as yesterday's run left them."""
        return self._made("all_before", self.gold_yesterday, "--exclude-resource-type", "test", as_of=self.yesterday)

    @functools.cached_property
    def starts(self) -> dict[str, Start]:
        """A day without a fit, one with a fit, and the first day of all."""
        undisturbed = self._made("after", self.gold, *DEMAND, begun=self.before)
        forced = self._made("forced", self.gold, *DEMAND, *FORCED, begun=self.before)
        first = self._made("first", self.gold, *DEMAND)
        today, fitted, begun = (self.predictions(one) for one in (undisturbed, forced, first))
        return {
            "no fit due": Start(self.before, (), (today,)),
            # a fit that was lost before it was kept was asked for once, and is not made again
            "a fit due": Start(self.before, FORCED, (today, fitted)),
            "the first fit due": Start(None, (), (begun,)),
        }

    def _made(
        self, name: str, gold: Path, *arguments: str, begun: Workspace | None = None, as_of: date | None = None
    ) -> Workspace:
        made = Workspace(self.work / name, gold, self.project)
        done = self.work / f"{name}.done"
        if not done.exists():
            shutil.rmtree(made.path, ignore_errors=True)
            if begun:
                begun.copy(made.path)
            if made.dbt("build", *arguments, as_of=as_of) != 0:
                raise RuntimeError(made.log)
            done.touch()
        return made

    def disturbed(self, name: str, start: Workspace | None) -> Workspace:
        """A database of its own, to be disturbed; that of the fault before is gone."""
        shutil.rmtree(self.work / "runs", ignore_errors=True)
        # never a path twice: MLflow keeps the files of a store open that it has seen in this process
        folder = self.work / "runs" / re.sub(r"\W+", "_", f"{next(self._numbers)} {name}")
        return start.copy(folder, gold=self.gold) if start else Workspace(folder, self.gold, self.project)

    def predictions(self, workspace: Workspace) -> Predictions:
        return workspace.query(
            "select property_id, check_in_date, round(predicted_bookings, 9)"
            f" from demand_predictions where scoring_date = date '{self.today}' order by all"
        )

    def recovers(self, workspace: Workspace, start: Start | None = None, versions: int | None = None) -> None:
        """Let the next build finish the day, and compare it with what an undisturbed one makes of it."""
        start = start or self.starts["no fit due"]
        if workspace.dbt("build", *DEMAND) != 0:
            raise FaultFound(f"the next build fails:\n{workspace.log[-1500:]}")
        found = self.predictions(workspace)
        if not found or found not in start.wanted:
            differ = [len(set(wanted) - set(found)) for wanted in start.wanted]
            raise FaultFound(f"{len(found)} predictions of {self.today}, {differ} of {len(start.wanted[0])} differ")
        if start.before:
            earlier = (
                "select * exclude (scored_at) from demand_predictions"
                f" where scoring_date = date '{self.yesterday}' order by all"
            )
            if workspace.query(earlier) != start.before.query(earlier):
                raise FaultFound("predictions of the day before are not what they were")
        unjudged = """
            select model_version from demand_predictor
            where
                model_version = (select max(model_version) from demand_predictor)
                and model_version not in (select model_version from demand_metrics where split = 'test')
        """
        if workspace.query(unjudged):
            raise FaultFound("the newest version has no verdict")
        fitted = workspace.query("select model_version, reason from demand_predictor order by all")
        if versions is not None and len(fitted) != versions:
            raise FaultFound(f"not {versions} versions, but {fitted}")
        twice = "select 1 from demand_predictions group by scoring_date, property_id, check_in_date having count(*) > 1"
        if workspace.query(twice):
            raise FaultFound("predictions are there twice")
        left = workspace.query(
            "select schema_name || '.' || table_name from duckdb_tables()"
            " where schema_name <> 'wanderbricks_ml' or table_name like '%\\_\\_dbt%' escape '\\'"
        )
        if left:
            raise FaultFound(f"left behind: {', '.join(name for (name,) in left)}")
        serving = workspace.query("select model_version from demand_champion where serves")
        if [(workspace.aliases("demand_predictor").get("champion"),)] != serving:
            raise FaultFound(f"MLflow says {workspace.aliases('demand_predictor')}, the champion table {serving}")
