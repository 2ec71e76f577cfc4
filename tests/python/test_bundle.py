"""The asset bundle, offline: the classes of its resources, the CLI's schema, and what dbt makes of each command."""

from __future__ import annotations

import gzip
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import jsonschema
import pytest
import regex
from asset_bundle import GIVEN, MOST_COMMANDS, TARGETS, Bundle, all_before, dbt_commands, problems, read_yaml, tasks
from conftest import PRODUCTS
from databricks.sdk.service.jobs import JobsAPI
from dbt.adapters.databricks.python_models.python_config import PythonModelConfig
from eased_project import PROJECT

from wanderbricks_ml.new_model.bundle_tasks import JOBS

FAR_ZONE = "Etc/GMT+12" if datetime.now(UTC).hour < 11 else "Pacific/Kiritimati"
"""A zone where it is another day than in UTC, and stays so for an hour and more."""
SCHEMA = os.environ.get("WANDERBRICKS_BUNDLE_SCHEMA", "")
LISTING = """
import json, sys
from dbt.cli.main import dbtRunner

options, selections, zone = json.loads(sys.argv[1])
parsed = dbtRunner().invoke(["--quiet", "parse", *options])
assert parsed.success, parsed.exception
manifest = parsed.result
listed = {}
for selection in selections:
    found = dbtRunner(manifest=manifest).invoke(
        ["--quiet", "ls", *options, *selection, "--output", "name", "--resource-type", "model", "seed", "test"]
    )
    assert found.success, found.exception
    listed[" ".join(selection)] = found.result
parents = {
    node.name: [manifest.nodes[name].name for name in node.depends_on.nodes if name.startswith("model.")]
    for node in manifest.nodes.values()
    if node.resource_type == "model" and node.config.materialized != "ephemeral"
}
told = [option.replace('time_zone: "UTC"', f'time_zone: "{zone}"') for option in options]
offline = ["--no-introspect", "--no-populate-cache", "--inline", "{{ gold_today() }}"]
found = dbtRunner(manifest=manifest).invoke(["--quiet", "compile", *told, *offline])
assert found.success, found.exception
today = found.result.results[0].node.compiled_code.strip()
jobs = {node.name: node.config.to_dict() for node in manifest.nodes.values() if node.language == "python"}
with open(sys.argv[2], "w") as file:
    json.dump({"listed": listed, "parents": parents, "jobs": jobs, "today": today}, file)
"""

Listing = dict[str, Any]


def selection(words: list[str]) -> list[str]:
    """What a dbt command selects by: its options but for target and vars."""
    assert words[:2] == ["dbt", "build"], words
    rest = iter(words[2:])
    return [word for word in rest if not (word in ("--target", "--vars") and next(rest))]


def selections(bundle: Bundle) -> dict[str, list[str]]:
    """Return the selections of each task of dbt, by the names of job and task."""
    found = {
        name: [" ".join(selection(words)) for words in dbt_commands(job, task)] for name, job, task in tasks(bundle)
    }
    return {name: chosen for name, chosen in found.items() if chosen}


@pytest.mark.parametrize("target", TARGETS)
def test_nothing_is_wrong_with_a_target(target: str) -> None:
    assert problems(PROJECT, target) == []


@pytest.mark.parametrize("target", TARGETS)
def test_who_deploys_is_asked_for_nothing_else(target: str) -> None:
    settings = read_yaml(PROJECT / "databricks.yml")
    own = settings["targets"][target]["variables"].keys()
    asked = {name for name, said in settings["variables"].items() if not {"default", "lookup"} & said.keys()}
    assert asked - own == GIVEN[target]


def test_schedules_run_in_production_alone() -> None:
    for target in TARGETS:
        bundle = Bundle(PROJECT, target)
        scheduled = [job for job in bundle.jobs.values() if "schedule" in job] + [*bundle.resources["alerts"].values()]
        assert len(scheduled) == 4
        wanted = "UNPAUSED" if target == "prod" else "PAUSED"
        assert {one["schedule"]["pause_status"] for one in scheduled} == {wanted}
    assert Bundle(PROJECT, "dev").target["mode"] == "development"


def test_jobs_are_on_time() -> None:
    jobs = Bundle(PROJECT, "prod").jobs
    crons = {key: job["schedule"]["quartz_cron_expression"] for key, job in jobs.items() if "schedule" in job}
    assert crons == {"training": "0 0 2 ? * SUN", "scoring": "0 0 4 * * ?", "refit": "0 0 6 * * ?"}
    limits = {key: job["timeout_seconds"] // 3600 for key, job in jobs.items()}
    assert limits == {"set_up": 4, "training": 4, "scoring": 2, "refit": 5}


@pytest.mark.parametrize("target", ["staging", "prod"])
def test_what_serves_runs_as_a_service_principal_and_is_charged_and_kept(target: str) -> None:
    bundle = Bundle(PROJECT, target)
    assert bundle.target["run_as"] == {"service_principal_name": "given-run_as"}
    assert "given-run_as" in bundle.target["workspace"]["root_path"]
    charged = {key for key, job in bundle.jobs.items() if job.get("budget_policy_id") == "given-budget_policy_id"}
    assert charged == {key for key, job in bundle.jobs.items() if "environments" in job}
    assert bundle.resources["schemas"]["ml"]["lifecycle"] == {"prevent_destroy": True}
    readers = [grant for grant in bundle.resources["schemas"]["ml"]["grants"] if grant["principal"] == "given-readers"]
    assert readers == [{"principal": "given-readers", "privileges": ["USE_SCHEMA", "SELECT"]}]


@pytest.mark.parametrize("target", ["staging", "prod"])
def test_readers_see_all_but_keys(target: str) -> None:
    bundle = Bundle(PROJECT, target)
    for kind, level in {"jobs": "CAN_VIEW", "alerts": "CAN_READ", "dashboards": "CAN_READ"}.items():
        for key, resource in bundle.resources[kind].items():
            assert resource["permissions"] == [{"level": level, "group_name": "given-readers"}], key
    assert "permissions" not in bundle.resources["secret_scopes"]["signing"]
    assert bundle.target["permissions"] == [{"level": "CAN_MANAGE", "service_principal_name": "given-run_as"}]


def test_two_developers_have_two_scopes_of_keys() -> None:
    assert Bundle(PROJECT, "dev").resources["secret_scopes"]["signing"]["name"] == "wanderbricks_ml_signing_dev_someone"


def test_what_dbt_needs_is_synchronised() -> None:
    settings = read_yaml(PROJECT / "databricks.yml")
    project = read_yaml(PROJECT / "dbt_project.yml")
    needed = {PROJECT / "tests/generic", PROJECT / "tests/assertions", PROJECT / "deploy"}
    needed |= {PROJECT / folder for kind in ("model", "macro", "seed", "docs") for folder in project[f"{kind}-paths"]}
    for pattern in settings["sync"]["exclude"]:
        left_out = PROJECT / pattern.removesuffix("/**")
        assert not [path for path in needed if path == left_out or left_out in path.parents], pattern


def test_dbt_is_of_the_version_that_is_tested() -> None:
    locked = (PROJECT / "requirements.lock").read_text(encoding="utf-8")
    for environment in Bundle(PROJECT, "prod").jobs["scoring"]["environments"]:
        for requirement in environment["spec"]["dependencies"]:
            assert re.search(rf"^{re.escape(requirement)} ", locked, flags=re.MULTILINE), requirement


@pytest.mark.skipif(not SCHEMA, reason="WANDERBRICKS_BUNDLE_SCHEMA names no file of `databricks bundle schema`")
@pytest.mark.parametrize(
    "path", ["databricks.yml", *sorted(f"resources/{p.name}" for p in PROJECT.glob("resources/*"))]
)
def test_files_are_as_the_cli_wants_them(path: str) -> None:
    def matches(validator: Any, wanted: str, instance: Any, _: Any) -> Iterator[jsonschema.ValidationError]:
        # ECMAScript has \p{L}, which Python's own does not know
        if validator.is_type(instance, "string") and not regex.search(wanted, instance):
            yield jsonschema.ValidationError(f"{instance!r} does not match {wanted!r}")

    written = Path(SCHEMA).read_bytes()
    schema = json.loads(gzip.decompress(written) if SCHEMA.endswith(".gz") else written)
    known = jsonschema.validators.extend(jsonschema.Draft202012Validator, {"pattern": matches})(schema)
    document = read_yaml(PROJECT / path)
    assert [error.message[:200] for error in known.iter_errors(document)] == []


# What dbt makes of the commands, parsed once with the profile and the vars of a task.


@pytest.fixture(scope="module")
def listing(tmp_path_factory: pytest.TempPathFactory) -> Listing:
    """Names that each selection of the bundle selects, and of each model those that it reads."""
    folder = tmp_path_factory.mktemp("listing")
    bundle = Bundle(PROJECT, "prod")
    chosen = sorted({one for named in selections(bundle).values() for one in named})
    words = next(words for _, job, task in tasks(bundle) for words in dbt_commands(job, task))
    options = [word for place, word in enumerate(words) if {"--target", "--vars"} & {*words[place - 1 : place + 1]}]
    # and who has other machines says so
    options = [re.sub(r"^\{", "{node_type: given-node_type, ", word) for word in options]
    selectors = [f"--selector {name}" for name in ("daily_scoring", "weekly_training", "monthly_training")]
    asked = [one.split() for one in [*chosen, *selectors]]
    # what a task is given, and no more
    kept = {name: value for name, value in os.environ.items() if not re.match("DATABRICKS_|DBT_|WANDERBRICKS_", name)}
    given = {"DBT_HOST": "workspace.example", "DBT_ACCESS_TOKEN": "none"}
    places = {
        "DBT_PROJECT_DIR": str(PROJECT),
        "DBT_PROFILES_DIR": str(PROJECT / "deploy"),
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
    }
    finished = subprocess.run(
        [sys.executable, "-c", LISTING, json.dumps([options, asked, FAR_ZONE]), str(folder / "listing.json")],
        env={**kept, **given, **places},
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout[-2000:] + finished.stderr[-2000:]
    document: Listing = json.loads((folder / "listing.json").read_text(encoding="utf-8"))
    return document


def selected(listing: Listing, job: str) -> dict[str, set[str]]:
    """Names of what each task of a job builds, in production."""
    found = {
        name.removeprefix(f"{job}."): {node for one in chosen for node in listing["listed"][one]}
        for name, chosen in selections(Bundle(PROJECT, "prod")).items()
        if name.startswith(f"{job}.")
    }
    assert found
    return found


@pytest.mark.parametrize("target", TARGETS)
def test_every_command_builds_something(target: str, listing: Listing) -> None:
    for name, chosen in selections(Bundle(PROJECT, target)).items():
        for one in chosen:
            assert len(listing["listed"][one]) > 10, f"{name}: {one}"


def test_scoring_is_what_the_selectors_say(listing: Listing) -> None:
    scoring = selected(listing, "scoring")
    monitoring = scoring.pop("monitoring")
    assert {node for nodes in scoring.values() for node in nodes} == set(listing["listed"]["--selector daily_scoring"])
    assert {"alerts", "model_operations", "no_alert_of_severity_error"} <= monitoring
    assert scoring.keys() == {"shared", *(product.name for product in PRODUCTS)}


def test_training_is_what_the_selectors_say(listing: Listing) -> None:
    training = selected(listing, "training")
    built = {node for nodes in training.values() for node in nodes}
    for name in ("weekly_training", "monthly_training"):
        assert set(listing["listed"][f"--selector {name}"]) <= built
    for product in PRODUCTS:
        assert {product.model_name, product.predictions} <= training[product.name]
    assert training.keys() == {"shared", *(product.name for product in PRODUCTS)}


def test_set_up_is_what_all_products_share(listing: Listing) -> None:
    set_up = selected(listing, "set_up")
    assert {node for nodes in set_up.values() for node in nodes} == set(listing["listed"]["--selector shared"])


@pytest.mark.parametrize("job", ["set_up", "training", "scoring"])
def test_tasks_side_by_side_build_and_read_nothing_of_each_other(job: str, listing: Listing) -> None:
    built = selected(listing, job)
    settings = Bundle(PROJECT, "prod").jobs[job]
    models = {task: nodes & listing["parents"].keys() for task, nodes in built.items()}
    for one, other in combinations(built, 2):
        if one not in all_before(settings, other) and other not in all_before(settings, one):
            assert not models[one] & models[other], (one, other)
    for task, nodes in models.items():
        earlier = all_before(settings, task)
        for node in nodes:
            for parent in set(listing["parents"][node]) - nodes:
                owners = {other for other, theirs in models.items() if parent in theirs}
                assert not owners or owners & earlier, f"{task} builds {node}, which reads {parent} of {owners}"


def test_a_run_is_of_the_day_in_the_zone_of_its_schedule(listing: Listing) -> None:
    there = datetime.now(ZoneInfo(FAR_ZONE)).date().isoformat()
    assert listing["today"] == there != datetime.now(UTC).date().isoformat()
    assert '"Asia/Tokyo"' in Bundle(PROJECT, "prod", {"time_zone": "Asia/Tokyo"}).resolved("${var.dbt_vars}")


def test_jobs_of_python_models_are_charged_and_end_as_tasks_do_and_run_where_asked(listing: Listing) -> None:
    assert {product.model_name for product in PRODUCTS} <= listing["jobs"].keys()
    taken = inspect.signature(JobsAPI.submit).parameters
    limits = {task.get("timeout_seconds") for _, _, task in tasks(Bundle(PROJECT, "prod")) if "dbt_task" in task}
    for name, settings in listing["jobs"].items():
        model = PythonModelConfig(**settings)
        # what the adapter hands to the SDK
        handed = model.python_job_config.dict()
        assert model.job_cluster_config["node_type_id"] == "given-node_type", name
        assert {handed["timeout_seconds"]} == {model.timeout} == limits, name
        assert handed == {"name": None, "timeout_seconds": 3600, "budget_policy_id": "given-budget_policy_id"}, name
        assert {"timeout_seconds", "budget_policy_id"} <= taken.keys()


def test_refit_asks_a_view_that_monitoring_leaves(listing: Listing) -> None:
    query = (PROJECT / "deploy/fits_due.sql").read_text(encoding="utf-8")
    assert re.findall(r"'\.(\w+)'", query) == ["model_operations"]
    assert "model_operations" in selected(listing, "scoring")["monitoring"]
    (described,) = [
        model
        for model in read_yaml(PROJECT / "models/monitoring/operations/_operations.yml")["models"]
        if model["name"] == "model_operations"
    ]
    assert query.split("where ")[1].strip() in {column["name"] for column in described["columns"]}
    condition = next(task["condition_task"] for name, _, task in tasks(Bundle(PROJECT, "prod")) if name == "refit.due")
    assert condition["left"].removeprefix("{{tasks.asked.output.first_row.").removesuffix("}}") in query


# Each break is found, so that the bundle as it is says something.


BREAKS = {
    "a dependency that is missing": (
        "resources/training.yml",
        "{task_key: customer_ltv}]",
        "{task_key: customer_life}]",
        "training.churn: there is no task customer_life",
    ),
    "a cycle": (
        "resources/set_up.yml",
        "        - task_key: gold\n",
        "        - task_key: gold\n          depends_on: [{task_key: features}]\n",
        "set_up: a cycle",
    ),
    "a cron of five fields": (
        "resources/scoring.yml",
        "0 0 4 * * ?",
        "0 4 * * ?",
        "scoring: cron '0 4 * * ?' has 5 fields",
    ),
    "a cron with both days": ("resources/scoring.yml", "0 0 4 * * ?", "0 0 4 * * *", "open"),
    "a cron with an hour that is none": ("resources/alerts.yml", "0 0 7 * * ?", "0 0 27 * * ?", "models: cron"),
    "a cron with a weekday that is none": ("resources/training.yml", "* SUN", "* SUNDAY", "SUNDAY"),
    "a time zone that is none": ("databricks.yml", "default: UTC", "default: Mars/Base", "no time zone Mars/Base"),
    "an unknown field": ("resources/refit.yml", "queue:", "queued:", "jobs.refit"),
    "an unknown field of a task": ("resources/scoring.yml", "run_if: ALL_DONE", "run_when: ALL_DONE", "jobs.scoring"),
    "a value that is none": ("resources/scoring.yml", "ALL_DONE", "ALL_OVER", "jobs.scoring"),
    "a privilege that is none": ("resources/storage.yml", "USE_SCHEMA, SELECT", "USE_SCHEMA, LOOK", "schemas.ml"),
    "a variable without a value": (
        "databricks.yml",
        "      catalog: staging",
        "      cataloge: staging",
        "catalog has no value",
    ),
    "a variable that is not declared": (
        "resources/alerts.yml",
        "${var.mail}",
        "${var.post}",
        "${var.post} has no value",
    ),
    "a resource that is not there": (
        "resources/refit.yml",
        "resources.jobs.training",
        "resources.jobs.fitting",
        "${resources.jobs.fitting.id} has no value",
    ),
    "an environment that is missing": (
        "databricks.yml",
        "environment_key: dbt",
        "environment_key: SQL",
        "no environment dbt",
    ),
    "a file that is missing": (
        "resources/refit.yml",
        "fits_due.sql",
        "fits_asked.sql",
        "no file ../deploy/fits_asked.sql",
    ),
    "a script that is missing": ("resources/scoring.yml", "serve.py", "server.py", "no file ../deploy/server.py"),
    "an option that a script lacks": ("resources/scoring.yml", "--group", "--groups", "has no option --groups"),
    "compute of a script that is missing": (
        "resources/scoring.yml",
        "environment_key: endpoints",
        "environment_key: serving",
        "no environment serving",
    ),
    "a parameter that a query lacks": ("resources/refit.yml", ', schema: "$', ', scheme: "$', "asks for"),
    "profiles that are missing": (
        "resources/set_up.yml",
        "profiles_directory: deploy",
        "profiles_directory: jobs",
        "no profiles",
    ),
    "a warehouse beside a profile": (
        "resources/set_up.yml",
        "profiles_directory: deploy",
        "profiles_directory: deploy\n            warehouse_id: one",
        "exclude each other",
    ),
    "a target without a profile": ("deploy/profiles.yml", "staging:", "stage:", "no target staging"),
    "a var that dbt does not know": ("databricks.yml", 'gold_schema: "$', 'golden_schema: "$', "no var golden_schema"),
    "a var of another type": (
        "databricks.yml",
        'accept_gold, default: "false"',
        'accept_gold, default: "maybe"',
        "var accept_gold is 'maybe'",
    ),
    "a parameter that the job has not": ("databricks.yml", "{name: as_of,", "{name: today,", "no job parameter as_of"),
    "an output that is not waited for": (
        "resources/refit.yml",
        "depends_on: [{task_key: asked}]",
        "depends_on: []",
        "does not wait for asked",
    ),
    "a task that outlasts its token": (
        "resources/scoring.yml",
        "timeout_seconds: 3600",
        "timeout_seconds: 5400",
        "5400",
    ),
    "keys that all readers may read": (
        "databricks.yml",
        "    variables:\n      catalog: staging\n",
        '      - {level: CAN_VIEW, group_name: "${var.readers}"}\n    variables:\n      catalog: staging\n',
        "signing: its keys are permitted to {'level': 'CAN_VIEW', 'group_name': 'given-readers'}",
    ),
    "a failure that is not the job's": (
        "resources/training.yml",
        'email_notifications: {on_failure: ["${var.mail}"]}\n          notification_settings',
        "notification_settings",
        "training.customer_ltv: its failure is not the job's, and nobody is told",
    ),
    "nobody who is told": ("resources/set_up.yml", '["${var.mail}"]', "[]", "nobody is told"),
    "a tag too few": ("resources/refit.yml", ", job_type: training", "", "refit: tags"),
}


def copied_bundle(folder: Path) -> Path:
    for name in ("databricks.yml", "dbt_project.yml", "resources", "deploy"):
        copy = shutil.copytree if (PROJECT / name).is_dir() else shutil.copy
        copy(PROJECT / name, folder / name)
    return folder


@pytest.mark.parametrize("broken", BREAKS)
def test_a_break_is_found(broken: str, tmp_path: Path) -> None:
    name, was, becomes, message = BREAKS[broken]
    path = copied_bundle(tmp_path) / name
    text = path.read_text(encoding="utf-8")
    assert was in text
    path.write_text(text.replace(was, becomes), encoding="utf-8")
    found = problems(tmp_path, "staging")
    assert any(message in problem for problem in found), found


def test_more_commands_than_a_task_may_have_are_found(tmp_path: Path) -> None:
    path = copied_bundle(tmp_path) / "resources/set_up.yml"
    text = path.read_text(encoding="utf-8")
    (command, *_) = re.findall(r"^ +- dbt build .*\n", text, flags=re.MULTILINE)
    path.write_text(text.replace(command, command * MOST_COMMANDS), encoding="utf-8")
    assert problems(tmp_path, "prod") == []
    path.write_text(text.replace(command, command * (MOST_COMMANDS + 1)), encoding="utf-8")
    assert problems(tmp_path, "prod") == ["set_up.gold: 11 commands, and 10 is the most"]


def test_a_further_product_has_its_tasks(tmp_path: Path) -> None:
    folder = copied_bundle(tmp_path)
    for name in ("refunds", "reviews"):
        for path, add in JOBS.items():
            text = (folder / path).read_text(encoding="utf-8")
            (folder / path).write_text(add(folder / path, text, name), encoding="utf-8")
    for target in TARGETS:
        assert problems(folder, target) == []
    bundle = Bundle(folder, "prod")
    for key in ("training", "scoring"):
        job = bundle.jobs[key]
        named = {task["task_key"]: task for task in job["tasks"]}
        for name in ("refunds", "reviews"):
            (words,) = dbt_commands(job, named[name])
            (known,) = dbt_commands(job, named["recommendations"])
            assert words == [word.replace("recommendations", name) for word in known]
            assert {**named[name], "task_key": "", "dbt_task": ""} == {
                **named["recommendations"],
                "task_key": "",
                "dbt_task": "",
            }
    for waiting in ("monitoring", "endpoints"):
        assert {"refunds", "reviews"} <= all_before(bundle.jobs["scoring"], waiting)


@pytest.mark.parametrize("path", JOBS)
def test_a_job_of_another_layout_is_left_to_its_owner(path: Path) -> None:
    with pytest.raises(ValueError, match=rf"{path.name} has no task .*; add one for refunds by hand"):
        JOBS[path](PROJECT / path, "resources:\n  jobs: {}\n", "refunds")
