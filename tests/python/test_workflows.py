"""Workflows of GitHub, and the commands that deploy: what they call is there, and they call the CLI as it wants it."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from asset_bundle import GIVEN, Bundle, read_yaml
from eased_project import PROJECT

WORKFLOWS = sorted((PROJECT / ".github/workflows").glob("*.yml"))
TARGETS = {"staging": "staging.yml", "prod": "production.yml"}
CLI = """#!/bin/sh
# stands in for the CLI: notes how it is called, and answers as it would
echo "wheel=$BUNDLE_VAR_wheel $*" >>"$CLI_CALLS"
if [ -e "$(dirname "$0")/fails" ]; then exit 1; fi
if [ "$2" = validate ]; then cat "$CLI_ANSWER"; fi
"""
RESOLVED = {
    "resources": {
        "schemas": {"ml": {"catalog_name": "dev", "name": "dev_someone_wanderbricks_ml"}},
        "volumes": {"packages": {"name": "packages"}},
    }
}


def steps(name: str) -> list[dict[str, Any]]:
    (job,) = read_yaml(PROJECT / ".github/workflows" / name)["jobs"].values()
    found: list[dict[str, Any]] = job["steps"]
    return found


def test_workflows_are_those_of_github() -> None:
    command = [Path(sys.executable).with_name("check-jsonschema"), "--builtin-schema", "vendor.github-workflows"]
    checked = subprocess.run([*command, *WORKFLOWS], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


def test_the_cli_is_of_the_version_whose_classes_are_tested() -> None:
    locked = re.search(
        r"^databricks-bundles==(\S+)", (PROJECT / "requirements-dev.lock").read_text(), flags=re.MULTILINE
    )
    assert locked
    used = [step["uses"] for path in WORKFLOWS for step in steps(path.name) if "setup-cli" in step.get("uses", "")]
    assert used == [f"databricks/setup-cli@v{locked[1]}"] * 3


@pytest.mark.parametrize("target", TARGETS)
def test_a_workflow_gives_what_the_bundle_asks_for(target: str) -> None:
    (job,) = read_yaml(PROJECT / ".github/workflows" / TARGETS[target])["jobs"].values()
    given = {name.removeprefix("BUNDLE_VAR_") for name in job["env"] if name.startswith("BUNDLE_VAR_")}
    # the wheel is the Makefile's
    assert given | {"wheel"} == GIVEN[target]


@pytest.mark.parametrize("target", TARGETS)
def test_a_workflow_deploys_to_its_target_and_runs_jobs_that_there_are(target: str) -> None:
    commands = [step["run"] for step in steps(TARGETS[target]) if "run" in step]
    assert commands[0] == f"make deploy TARGET={target}"
    jobs = {
        key for path in (PROJECT / "resources").glob("*.yml") for key in read_yaml(path)["resources"].get("jobs", {})
    }
    for command in commands[1:]:
        found = re.fullmatch(rf"make job TARGET={target} JOB=(\w+)", command)
        assert found and found[1] in jobs, command


def run_make(folder: Path, *words: str) -> list[str]:
    """What the CLI is called with by a command of make, of a wheel that is there already."""
    return run(folder, ["make", *words, f"DIST={folder}", f"BIN={Path(sys.executable).parent}"])


def run(folder: Path, command: list[str]) -> list[str]:
    """What the CLI is called with by a command in the project's folder."""
    (folder / "databricks").write_text(CLI)
    (folder / "databricks").chmod(0o755)
    (folder / "answer.json").write_text(json.dumps(RESOLVED))
    calls = folder / "calls"
    environment = {
        **os.environ,
        "PATH": f"{folder}:{os.environ['PATH']}",
        "CLI_CALLS": str(calls),
        "CLI_ANSWER": str(folder / "answer.json"),
    }
    finished = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return calls.read_text().splitlines()


def test_make_deploy_deploys_and_brings_the_wheel_to_the_volume_of_its_target(tmp_path: Path) -> None:
    calls = run_make(tmp_path, "deploy", "TARGET=dev")
    (wheel,) = tmp_path.glob("*.whl")
    assert re.fullmatch(r"wanderbricks_ml-0\.1\.0\+[0-9a-f]{12}-py3-none-any\.whl", wheel.name)
    volume = "/Volumes/dev/dev_someone_wanderbricks_ml/packages"
    assert calls == [
        f"wheel={wheel.name} bundle deploy --target dev",
        f"wheel={wheel.name} bundle validate --target dev --output json",
        f"wheel={wheel.name} fs cp --overwrite {wheel} dbfs:{volume}",
    ]
    # where it lies is where dbt is told that it lies
    bundle = Bundle(PROJECT, "dev")
    bundle.variables["wheel"] = {"default": wheel.name}
    assert f'wheel: "{volume}/{wheel.name}"' in bundle.resolved("${var.dbt_vars}")


def test_make_deploy_stops_where_the_bundle_is_not_deployed(tmp_path: Path) -> None:
    (tmp_path / "fails").touch()
    with pytest.raises(AssertionError):
        run_make(tmp_path, "deploy", "TARGET=dev")
    assert [call.split()[1:3] for call in (tmp_path / "calls").read_text().splitlines()] == [["bundle", "deploy"]]


def test_make_job_runs_one_with_its_parameters(tmp_path: Path) -> None:
    assert run_make(tmp_path, "job", "TARGET=prod", "JOB=scoring", "PARAMS=as_of=2025-06-01") == [
        "wheel=none bundle run scoring --target prod --params as_of=2025-06-01"
    ]


PAGE = (PROJECT / "docs/production.md").read_text(encoding="utf-8")


def test_what_the_page_names_is_in_the_bundle() -> None:
    bundle = Bundle(PROJECT, "prod")
    jobs = set(re.findall(r"JOB=(\w+)", PAGE))
    assert jobs == {"set_up", "training", "scoring"} <= bundle.jobs.keys()
    given = {name for list_ in re.findall(r"PARAMS=([^\s`]+)", PAGE) for name in re.findall(r"(\w+)=", list_)}
    assert given == {"as_of", "retrain", "accept_gold", "rescore"}
    for job in jobs:
        assert given <= {parameter["name"] for parameter in bundle.jobs[job]["parameters"]}
    variables = set(re.findall(r"BUNDLE_VAR_(\w+)", PAGE))
    assert {"run_as", "signing_scope", "endpoints"} <= variables <= bundle.variables.keys()
    (scope,) = set(re.findall(r"secrets put-secret (\S+)", PAGE))
    assert scope in {known["name"] for known in bundle.resources["secret_scopes"].values()}


def test_each_alert_and_job_has_a_remedy() -> None:
    with (PROJECT / "seeds/alert_policy.csv").open(encoding="utf-8") as file:
        kinds = {row["kind"] for row in csv.DictReader(file)}
    remedies = PAGE.split("| alert | remedy |")[1].split("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)` \| \S", remedies, flags=re.MULTILINE)) == kinds
    mails = PAGE.split("| mail | what it says | remedy |")[1].split("\n\n")[0]
    assert set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\|([^|]*)\|", mails, flags=re.MULTILINE)))) == {
        *Bundle(PROJECT, "prod").jobs,
        *("shared", "monitoring", "endpoints"),
    }


def test_the_cli_by_hand_is_given_what_make_gives_it() -> None:
    called = re.findall(r"`([^`]*databricks bundle [^`]*)`", PAGE)
    assert len(called) == 2
    for command in called:
        assert command.startswith("BUNDLE_VAR_wheel=none databricks bundle "), command
        assert re.search(r" --target (dev|staging|prod)$", command), command


def test_a_year_by_hand_is_played_day_by_day(tmp_path: Path) -> None:
    (loop,) = re.findall(r"^    day=.*?^    done$", PAGE, flags=re.DOTALL | re.MULTILINE)
    days = loop.replace("= 2025-08-01 ]", "= 2024-08-06 ]")
    assert days != loop
    calls = run(tmp_path, ["bash", "-euc", days])
    played = [re.fullmatch(r"wheel=none bundle run (\w+) --target prod --params as_of=(\S+)", call) for call in calls]
    scored = [("scoring", f"2024-08-0{day}") for day in range(1, 6)]
    # the fourth is a Sunday
    assert [found and found.groups() for found in played] == [
        ("training", "2024-08-01"),
        *scored[:3],
        ("training", "2024-08-04"),
        *scored[3:],
    ]
