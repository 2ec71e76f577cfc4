"""What is wrong with gold is said before anything is built from it, and gold that is imperfect still runs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
import yaml
from bad_gold import FAULTS, Fault
from eased_project import PROJECT
from local_workspace import Workspace

# A second each. benchmarks/faults.py has time for all of them, and for what the products make of them.
TRIED = [fault for place, fault in enumerate(FAULTS) if fault.after or not fault.stops or place % 5 == 0]


@pytest.fixture(scope="module")
def reports(
    gold: Path, manifest: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, Any]]:
    """What a run says of each kind of bad gold; `manifest` has left its parse behind."""
    assert manifest
    workspace = Workspace(tmp_path_factory.mktemp("bad_gold"), gold)
    assert workspace.dbt("parse") == 0, workspace.log
    finished = subprocess.run(
        [sys.executable, PROJECT / "tests/gold_check_runs.py", gold, workspace.path, *[fault.name for fault in TRIED]],
        env={**os.environ, **workspace.environment},
        cwd=workspace.path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    found = [json.loads(line) for line in finished.stdout.splitlines()]
    return {report["name"]: report for report in found}


def says(report: dict[str, Any], words: tuple[str, ...]) -> bool:
    return any(all(word in line for word in words) for line in report["lines"])


def test_simulated_gold_keeps_every_rule(reports: dict[str, dict[str, Any]]) -> None:
    report = reports["good gold"]
    assert report["success"], report["lines"]
    assert [line for line in report["lines"] if "warn: " in line] == []


@pytest.mark.parametrize("fault", TRIED, ids=lambda fault: fault.name)
def test_what_is_wrong_is_said(fault: Fault, reports: dict[str, dict[str, Any]]) -> None:
    report = reports[fault.name]
    assert says(report, fault.says), report["lines"]
    assert report["success"] != fault.stops, report["lines"]


@pytest.mark.parametrize("fault", [fault for fault in TRIED if fault.after], ids=lambda fault: fault.name)
def test_what_was_lost_is_not_forgotten_by_the_run_that_said_so(
    fault: Fault, reports: dict[str, dict[str, Any]]
) -> None:
    assert says(reports[f"{fault.name}, once more"], fault.says)
    assert reports[f"{fault.name}, mended"]["success"]


def test_fewer_rows_are_accepted_where_they_are_right(reports: dict[str, dict[str, Any]]) -> None:
    assert reports["fewer, empty"]["success"]
    assert not reports["fewer, after empty"]["success"], "an empty run forgets"
    assert reports["fewer, accepted"]["success"]
    assert reports["fewer, built anew"]["success"]


def test_a_run_without_the_checks_is_held_against_them_before_it_starts(reports: dict[str, dict[str, Any]]) -> None:
    report = reports["fewer, without the checks"]
    assert not report["success"]
    assert says(report, ("fact_property_engagement", "last good build"))
    assert not says(report, ("START sql",))


def test_in_a_job_what_its_first_task_has_found_counts(reports: dict[str, dict[str, Any]]) -> None:
    assert reports["the job's checks"]["success"]
    same, repaired, another_day = (report for name, report in reports.items() if name.startswith("a task after them"))
    assert same["success"], same["lines"]
    assert not says(same, ("last good build",))
    for report in (repaired, another_day):
        assert not report["success"]
        assert says(report, ("fact_property_engagement", "last good build"))
    red = reports["a task after red ones"]
    assert not red["success"] and says(red, ("as shared found it",))


def test_only_what_is_asked_moves_the_point_in_time(reports: dict[str, dict[str, Any]], today: date) -> None:
    alone = ("one booking of 2099", "one booking half a year after all others")
    assert {reports[name]["as_of"] for name in ("good gold", *alone)} == {today.isoformat()}
    assert reports["slid back as asked"]["success"]
    assert reports["slid back as asked"]["as_of"] == "2025-06-01"


def test_the_policy_says_what_it_does_not_know(reports: dict[str, dict[str, Any]]) -> None:
    report = reports["another policy"]
    assert not report["success"]
    for words in ("no gold table dim_guest", "has no column age", "no rule loved", "low is 'one'"):
        assert says(report, (words,)), report["lines"]


def test_every_rule_is_described() -> None:
    kinds = (PROJECT / "macros/gold/gold_rule_kinds.sql").read_text(encoding="utf-8")
    page = (PROJECT / "docs/gold.md").read_text(encoding="utf-8")
    rules = re.findall(r"^        '(\w+)': \{", kinds, flags=re.MULTILINE)
    assert len(rules) > 20
    assert [rule for rule in rules if f"| `{rule}` |" not in page] == []


def test_keys_are_columns() -> None:
    document = yaml.safe_load((PROJECT / "models/gold/_gold.yml").read_text(encoding="utf-8"))
    for table in document["sources"][0]["tables"]:
        columns = {column["name"] for column in table["columns"]}
        meta = table["config"]["meta"]
        assert {*meta["key"], *([meta["entity"], meta["since"]] if "entity" in meta else [])} <= columns


def as_spark_writes(gold: Path, folder: Path) -> Path:
    """Copy gold into folders of files, two of them by partition."""
    folder.mkdir(parents=True)
    with duckdb.connect() as connection:
        for file in gold.glob("*.parquet"):
            partitions = {"fact_property_engagement": "year(engagement_date) as year", "dim_host": "is_active"}
            if by := partitions.get(file.stem):
                rows = f"select *, {by} from '{file}'" if " as " in by else f"select * from '{file}'"
                place = str(folder / file.name).replace("'", "''")
                connection.execute(f"copy ({rows}) to '{place}' (format parquet, partition_by ({by.split()[-1]}))")
                continue
            (folder / file.name).mkdir()
            shutil.copy(file, folder / file.name / "part-00000.snappy.parquet")
            (folder / file.name / "_SUCCESS").touch()
    return folder


def test_folders_and_odd_names_are_read(gold: Path, tmp_path: Path, today: date) -> None:
    folder = as_spark_writes(gold, tmp_path / "o'brien [x]*? (1)")
    workspace = Workspace(tmp_path / "workspace", folder)
    assert workspace.dbt("build", "--select", "+point_in_time") == 0, workspace.log
    assert workspace.query("select as_of_date from point_in_time") == [(today,)]
    assert workspace.query(
        "select row_count from gold_checks where table_name = 'fact_property_engagement' limit 1"
    ) == [duckdb.execute(f"select count(*) from '{gold}/fact_property_engagement.parquet'").fetchone()]


def test_moments_with_a_time_zone_fall_on_the_same_day_anywhere(gold: Path, tmp_path: Path, today: date) -> None:
    moment = "created_at at time zone 'UTC' as created_at"
    zoned = Fault("zones", {"fact_booking_detail": f"select * replace ({moment}) from fact_booking_detail"}, ())
    workspace = Workspace(tmp_path / "workspace", zoned.write(gold, tmp_path / "zoned"))
    for environment, day in (
        ({"TZ": "America/Los_Angeles"}, today),
        # twelve hours ahead of UTC
        ({"WANDERBRICKS_TIME_ZONE": "Pacific/Auckland"}, today + timedelta(days=1)),
        ({"WANDERBRICKS_AS_OF": "newest"}, today),
    ):
        assert workspace.dbt("run", "--select", "point_in_time", **environment) == 0, workspace.log
        assert workspace.query("select as_of_date from point_in_time") == [(day,)]


def test_files_that_cannot_be_read_are_named_at_once(gold: Path, tmp_path: Path) -> None:
    folder = tmp_path / "gold"
    shutil.copytree(gold, folder)
    (folder / "dim_host.parquet").write_bytes(b"")
    whole = (folder / "dim_date.parquet").read_bytes()
    (folder / "dim_date.parquet").write_bytes(whole[: len(whole) // 2])
    (folder / "fact_booking_daily.parquet").write_text("property_id,check_in_date\n1,2025-01-01\n", encoding="utf-8")
    (folder / "dim_user.parquet").rename(folder / "dim_user.csv")
    (folder / "dim_destination.parquet").unlink()
    (folder / "dim_destination.parquet").mkdir()
    with duckdb.connect() as connection:
        source = f"'{gold}/fact_booking_detail.parquet'"
        day = "strftime(check_in_date, '%d/%m/%y') as check_in_date"
        connection.execute(
            f"copy (select * replace (md5(user_id::varchar) as user_id, {day}) from {source}) "
            f"to '{folder}/fact_booking_detail.parquet' (format parquet)"
        )
    # a page in the middle of a file that begins and ends as it should
    rows = pq.ParquetFile(folder / "dim_property.parquet").metadata.row_group(0)
    (chunk,) = (one for one in map(rows.column, range(rows.num_columns)) if one.path_in_schema == "base_price")
    start = chunk.dictionary_page_offset or chunk.data_page_offset
    torn = bytearray((folder / "dim_property.parquet").read_bytes())
    torn[start : start + chunk.total_compressed_size] = bytes(chunk.total_compressed_size)
    (folder / "dim_property.parquet").write_bytes(torn)
    workspace = Workspace(tmp_path / "workspace", folder)
    assert workspace.dbt("run", "--select", "point_in_time") == 2
    lines = workspace.log.splitlines()
    for table, words in {
        "dim_user:": "read_csv(",
        "dim_host:": "is empty",
        "dim_destination:": "a folder without a *.parquet file",
        "dim_date:": "ends in the middle",
        "dim_property:": "dim_property.parquet, of which base_price cannot be read (",
        "fact_booking_daily:": "holds text",
        "fact_booking_detail.user_id:": "substr(md5(user_id), 1, 15)",
        "fact_booking_detail.check_in_date:": "are no DATE: parse them",
    }.items():
        assert [line for line in lines if table in line and words in line], (table, workspace.log)


@pytest.mark.parametrize("made", [False, True])
def test_a_wrong_folder_is_one_message(made: bool, tmp_path: Path) -> None:
    folder = tmp_path / "gold"
    if made:
        folder.mkdir()
    workspace = Workspace(tmp_path / "workspace", folder)
    assert workspace.dbt("run", "--select", "point_in_time") == 2
    (line,) = (line for line in workspace.log.splitlines() if "dim_" in line)
    assert str(folder) in line
    assert "WANDERBRICKS_GOLD" in line
