"""databricks.yml and resources/ read as the CLI reads them, and what would be wrong with them on a workspace."""

from __future__ import annotations

import copy
import graphlib
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

import yaml
from databricks.bundles.alerts import Alert
from databricks.bundles.dashboards import Dashboard
from databricks.bundles.jobs import Job
from databricks.bundles.schemas import Schema
from databricks.bundles.secret_scopes import SecretScope
from databricks.bundles.volumes import Volume

CLASSES = {
    "jobs": Job,
    "schemas": Schema,
    "volumes": Volume,
    "alerts": Alert,
    "dashboards": Dashboard,
    "secret_scopes": SecretScope,
}
REFERENCE = re.compile(r"\$\{([\w.-]+)\}")
PARAMETER = re.compile(r"\{\{job\.parameters\.(\w+)\}\}")
TARGETS = ("dev", "staging", "prod")
GIVEN = {
    "dev": {"wheel"},
    "staging": {"wheel", "run_as", "readers", "mail", "budget_policy_id"},
    "prod": {"wheel", "run_as", "readers", "mail", "budget_policy_id"},
}
"""Variables without a value of their own, which who deploys has to give."""
SHORT_NAME = "workspace.current_user.short_name"
SURROUNDINGS = {
    "bundle.git.commit": "0123456789abcdef",
    "workspace.current_user.userName": "someone@example.com",
    SHORT_NAME: "someone",
    "workspace.file_path": "/Workspace/files",
    "workspace.root_path": "/Workspace/root",
}
MOST_COMMANDS = 10
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


def read_yaml(path: Path) -> Any:
    """Return what a file of YAML says, read by libyaml where it is there."""
    return yaml.load(path.read_text(encoding="utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def merged(below: Any, above: Any) -> Any:
    """Return `below` with what `above` says instead: mappings key by key, all else whole."""
    if isinstance(below, Mapping) and isinstance(above, Mapping):
        return {
            key: merged(below[key], above[key]) if key in below and key in above else {**below, **above}[key]
            for key in {**below, **above}
        }
    return above


class Bundle:
    """A bundle's resources for one target and given variables; `problems` has what could not be resolved."""

    def __init__(self, root: Path, target: str, given: Mapping[str, str] | None = None) -> None:
        self.root = root
        self.problems: list[str] = []
        settings = read_yaml(root / "databricks.yml")
        own = settings["targets"][target]
        self.target = {**own, "name": target}
        self.variables: dict[str, Any] = copy.deepcopy(settings["variables"])
        for name, value in own.get("variables", {}).items():
            if name not in self.variables:
                self.problems.append(f"target {target} sets variable {name}, which is not declared")
            self.variables[name] = {"default": value}
        for name, value in ({name: f"given-{name}" for name in GIVEN[target]} | dict(given or {})).items():
            self.variables[name] = {"default": value}
        self.known = {**SURROUNDINGS, "bundle.name": settings["bundle"]["name"], "bundle.target": target}
        self.used: set[str] = set()
        raw: dict[str, Any] = {}
        self.files: dict[tuple[str, str], Path] = {}
        for pattern in settings["include"]:
            for path in sorted(root.glob(pattern)):
                resources = read_yaml(path)["resources"]
                for kind, named in resources.items():
                    for key in named:
                        if (kind, key) in self.files:
                            self.problems.append(f"{kind}.{key} is in two files")
                        self.files[kind, key] = path
                raw = merged(raw, resources)
        self._raw = merged(raw, own.get("resources", {}))
        if own.get("mode") == "development":
            for schema in self._raw.get("schemas", {}).values():
                schema["name"] = f"dev_someone_{schema['name']}"
        self.resources: dict[str, dict[str, Any]] = self.resolved(self._raw)
        # what says who runs it, too
        self.target = self.resolved({key: value for key, value in self.target.items() if key != "resources"})

    @property
    def jobs(self) -> dict[str, dict[str, Any]]:
        return self.resources["jobs"]

    def resolved(self, value: Any) -> Any:
        """Return a value with all that it refers to put in."""
        if isinstance(value, dict):
            return {key: self.resolved(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.resolved(inner) for inner in value]
        if not isinstance(value, str):
            return value
        whole = REFERENCE.fullmatch(value)
        if whole:
            return self._look_up(whole[1])
        return REFERENCE.sub(lambda found: str(self._look_up(found[1])), value)

    def _look_up(self, name: str) -> Any:
        kind, _, rest = name.partition(".")
        if name in self.known:
            return self.known[name]
        if kind == "var" and rest in self.variables:
            self.used.add(rest)
            variable = self.variables[rest]
            if "lookup" in variable:
                return f"id-of-{rest}"
            if "default" in variable:
                return self.resolved(variable["default"])
        if kind == "resources":
            of, key, field = rest.split(".")
            resource = self._raw.get(of, {}).get(key)
            if resource and field == "id":
                return 7
            if resource and field in resource:
                return self.resolved(resource[field])
        self.problems.append(f"${{{name}}} has no value")
        return ""


def tasks(bundle: Bundle) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Yield each task with its job and a name for both."""
    for key, job in bundle.jobs.items():
        for task in job["tasks"]:
            yield f"{key}.{task['task_key']}", job, task


def before(job: dict[str, Any]) -> dict[str, set[str]]:
    """Return for each task of a job those that it directly waits for."""
    return {task["task_key"]: {on["task_key"] for on in task.get("depends_on", [])} for task in job["tasks"]}


def all_before(job: dict[str, Any], key: str) -> set[str]:
    """Return the tasks of a job that are over when a task begins."""
    found: set[str] = set()
    waiting = [key]
    while waiting:
        for name in before(job)[waiting.pop()] - found:
            found.add(name)
            waiting.append(name)
    return found


def dbt_commands(job: dict[str, Any], task: dict[str, Any]) -> list[list[str]]:
    """Return the words of a task's dbt commands, the parameters of a run as they are by default."""
    defaults = {parameter["name"]: parameter["default"] for parameter in job.get("parameters", [])}
    commands = task.get("dbt_task", {}).get("commands", [])
    return [shlex.split(PARAMETER.sub(lambda found: defaults.get(found[1], ""), command)) for command in commands]


def of_unknown_fields(bundle: Bundle) -> Iterator[str]:
    for kind, named in bundle.resources.items():
        for key, resource in named.items():
            try:
                CLASSES[kind].from_dict(resource)  # type: ignore[attr-defined]
            except (ValueError, TypeError, KeyError) as error:
                yield f"{kind}.{key}: {error}"


def of_references(bundle: Bundle) -> Iterator[str]:
    yield from bundle.problems
    for name, variable in bundle.variables.items():
        if not {"default", "lookup"} & variable.keys():
            # the CLI asks for it, whether it is used or not
            yield f"variable {name} has no value"
    for name, job, task in tasks(bundle):
        parameters = {parameter["name"] for parameter in job.get("parameters", [])}
        text = yaml.safe_dump(task, width=10**6)
        for asked in PARAMETER.findall(text):
            if asked not in parameters:
                yield f"{name}: no job parameter {asked}"
        for asked in re.findall(r"\{\{tasks\.(\w+)\.", text):
            if asked not in all_before(job, task["task_key"]):
                yield f"{name}: does not wait for {asked}, whose output it reads"


def of_order(bundle: Bundle) -> Iterator[str]:
    for key, job in bundle.jobs.items():
        names = [task["task_key"] for task in job["tasks"]]
        yield from (f"{key}: two tasks {name}" for name in sorted({name for name in names if names.count(name) > 1}))
        for name, needed in before(job).items():
            yield from (f"{key}.{name}: there is no task {other}" for other in sorted(needed - set(names)))
        try:
            graphlib.TopologicalSorter(before(job)).prepare()
        except graphlib.CycleError as error:
            yield f"{key}: a cycle: {error.args[1]}"


def of_dbt(bundle: Bundle) -> Iterator[str]:
    for name, job, task in tasks(bundle):
        if "dbt_task" not in task:
            continue
        dbt = task["dbt_task"]
        environments = {environment["environment_key"] for environment in job.get("environments", [])}
        if task.get("environment_key") not in environments:
            yield f"{name}: no environment {task.get('environment_key')}"
        if not 1 <= len(dbt["commands"]) <= MOST_COMMANDS:
            yield f"{name}: {len(dbt['commands'])} commands, and {MOST_COMMANDS} is the most"
        if "warehouse_id" in dbt and "profiles_directory" in dbt:
            yield f"{name}: a profile of its own and a warehouse exclude each other"
        # relative paths are those of the file
        project = (bundle.root / "resources" / dbt["project_directory"]).resolve()
        if not (project / "dbt_project.yml").exists():
            yield f"{name}: no dbt project in {dbt['project_directory']}"
            continue
        profiles = project / dbt["profiles_directory"] / "profiles.yml"
        if not profiles.exists():
            yield f"{name}: no profiles in {dbt['profiles_directory']}"
            continue
        (profile,) = read_yaml(profiles).values()
        declared = read_yaml(project / "dbt_project.yml")["vars"]
        for words in dbt_commands(job, task):
            if words[0] != "dbt":
                yield f"{name}: {words[0]} is not dbt"
            if words[words.index("--target") + 1] not in profile["outputs"]:
                yield f"{name}: the profile has no target {words[words.index('--target') + 1]}"
            given = yaml.safe_load(words[words.index("--vars") + 1])
            yield from (f"{name}: no var {var} in dbt_project.yml" for var in given.keys() - declared.keys())
            for var, value in given.items():
                if var in declared and type(value) is not type(declared[var]):
                    yield f"{name}: var {var} is {value!r}, and by default {declared[var]!r}"


def of_scripts(bundle: Bundle) -> Iterator[str]:
    for name, job, task in tasks(bundle):
        if "spark_python_task" not in task:
            continue
        script = task["spark_python_task"]
        path = bundle.root / "resources" / script["python_file"]
        if task.get("environment_key") not in {known["environment_key"] for known in job.get("environments", [])}:
            yield f"{name}: no environment {task.get('environment_key')}"
        if not path.exists():
            yield f"{name}: no file {script['python_file']}"
            continue
        options = set(re.findall(r'"(--[a-z-]+)"', path.read_text(encoding="utf-8")))
        asked = {word for word in script["parameters"] if word.startswith("--")}
        yield from (f"{name}: {path.name} has no option {option}" for option in sorted(asked - options))


def of_files(bundle: Bundle) -> Iterator[str]:
    for name, _, task in tasks(bundle):
        sql = task.get("sql_task", {})
        if "file" not in sql:
            continue
        path = bundle.root / "resources" / sql["file"]["path"]
        if not path.exists():
            yield f"{name}: no file {sql['file']['path']}"
            continue
        asked = set(re.findall(r"(?<!:):(\w+)", path.read_text(encoding="utf-8")))
        if asked != sql.get("parameters", {}).keys():
            yield f"{name}: the query asks for {sorted(asked)} and is given {sorted(sql.get('parameters', {}))}"


def of_schedules(bundle: Bundle) -> Iterator[str]:
    scheduled = {**bundle.jobs, **bundle.resources.get("alerts", {})}
    for key, resource in scheduled.items():
        schedule = resource.get("schedule")
        if schedule is None:
            continue
        cron = schedule.get("quartz_cron_expression", schedule.get("quartz_cron_schedule", ""))
        yield from (f"{key}: {problem}" for problem in of_cron(cron))
        if schedule["timezone_id"] not in available_timezones():
            yield f"{key}: no time zone {schedule['timezone_id']}"


def of_cron(expression: str) -> Iterator[str]:
    """What Quartz would refuse: six or seven fields of values, ranges and steps, and one day left open by `?`."""
    fields = expression.split()
    bounds = [(0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (1, 7), (1970, 2099)]
    if len(fields) not in (6, 7):
        yield f"cron {expression!r} has {len(fields)} fields"
        return
    if [fields[3], fields[5]].count("?") != 1:
        yield f"cron {expression!r} has to leave the day of the month or that of the week open"
    for place, (field, (low, high)) in enumerate(zip(fields, bounds, strict=False)):
        if field == "?" and place in (3, 5):
            continue
        for part in field.split(","):
            values, _, step = part.partition("/")
            ends = [] if values == "*" else values.split("-")
            if place == 5:
                ends = [str(WEEKDAYS.index(end) + 1) if end in WEEKDAYS else end for end in ends]
            if len(ends) > 2 or not all(end.isdecimal() and low <= int(end) <= high for end in ends):
                yield f"cron {expression!r}: {part}"
            if "/" in part and not (step.isdecimal() and int(step) > 0):
                yield f"cron {expression!r}: {part}"


def fails_with(job: dict[str, Any], key: str) -> set[str]:
    """Return the tasks of a job that fail, or never run, when one fails and all others succeed."""
    failed: set[str] = set()
    found = {key}
    while found - failed:
        failed |= found
        for task in job["tasks"]:
            needed = {on["task_key"] for on in task.get("depends_on", [])}
            kind = task.get("run_if", "ALL_SUCCESS")
            is_stopped = (
                needed <= failed if kind == "AT_LEAST_ONE_SUCCESS" else kind == "ALL_SUCCESS" and needed & failed
            )
            if needed and is_stopped:
                found.add(task["task_key"])
    return failed


def of_failures(bundle: Bundle) -> Iterator[str]:
    """Tasks whose failure nobody hears of: a job fails when one of its last tasks does, and no other counts."""
    for name, job, task in tasks(bundle):
        last = {other["task_key"] for other in job["tasks"]} - set().union(*before(job).values())
        if not last & fails_with(job, task["task_key"]) and not task.get("email_notifications", {}).get("on_failure"):
            yield f"{name}: its failure is not the job's, and nobody is told"


def of_secrets(bundle: Bundle) -> Iterator[str]:
    """Scopes that others can read: a permission on all of a bundle is one on its scopes, CAN_VIEW as READ."""
    run_as = bundle.target.get("run_as", {}).get("service_principal_name")
    for key, scope in bundle.resources.get("secret_scopes", {}).items():
        for given in [*bundle.target.get("permissions", []), *scope.get("permissions", [])]:
            if run_as is None or given.get("service_principal_name") != run_as:
                yield f"{key}: its keys are permitted to {given}"
        # unlike a schema, a scope gets no developer's name before its own
        if bundle.target.get("mode") == "development" and SURROUNDINGS[SHORT_NAME] not in scope["name"]:
            yield f"{key}: two developers would make one scope {scope['name']}"


def of_house_rules(bundle: Bundle) -> Iterator[str]:
    for key, job in bundle.jobs.items():
        if job.get("tags", {}).keys() != {"environment", "project", "layer", "job_type"}:
            yield f"{key}: tags {sorted(job.get('tags', {}))}"
        if not job.get("email_notifications", {}).get("on_failure"):
            yield f"{key}: nobody is told of a failure"
        if not job.get("timeout_seconds"):
            yield f"{key}: no limit of time"
        if job.get("max_concurrent_runs") != 1:
            yield f"{key}: two runs at once would write the same tables"
    for name, _, task in tasks(bundle):
        # the token of a dbt task lasts about an hour
        if "dbt_task" in task and not 0 < task.get("timeout_seconds", 0) <= 3600:
            yield f"{name}: a limit of {task.get('timeout_seconds')} seconds"


CHECKS: tuple[Callable[[Bundle], Iterator[str]], ...] = (
    of_unknown_fields,
    of_references,
    of_order,
    of_dbt,
    of_scripts,
    of_files,
    of_schedules,
    of_failures,
    of_secrets,
    of_house_rules,
)


def problems(root: Path, target: str) -> list[str]:
    """Return what is wrong with the bundle in folder `root` for one target."""
    bundle = Bundle(root, target)
    found: list[str] = []
    for check in CHECKS:
        found += check(bundle)
    return found
