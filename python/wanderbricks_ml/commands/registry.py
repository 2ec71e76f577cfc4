"""The commands ``wanderbricks registry``: versions, what people decide about them, and whether they are sound."""

from __future__ import annotations

import getpass
import json
import os
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from wanderbricks_ml.commands.shown import show_rows, text

TARGET = click.option("--target", metavar="NAME", help="Target of profiles.yml, such as prod; its default without it.")
FORMAT = click.option(
    "--format",
    "style",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="For people or programs.",
)
REASON = click.option("--reason", required=True, help="Why, for those who read it later.")
MODEL = click.argument("model")


@click.group("registry")
def registry_group() -> None:
    """Versions of the models: list, compare, plot, promote, roll back, verify, rebuild.

    Run it in the folder of the dbt project, with the environment of dbt build (WANDERBRICKS_DB, MLFLOW_TRACKING_URI).

    A decision is a row in table registry_decisions, and the next dbt build obeys it: the version that is promoted or
    rolled back to is pinned and serves, if it passes the gate, until `unpin`. Retraining goes on, but no candidate
    replaces it. Decisions are signed with WANDERBRICKS_USER, else the user of this machine.
    """


@registry_group.command("list")
@click.argument("model", required=False)
@TARGET
@FORMAT
def list_versions(model: str | None, target: str | None, style: str) -> None:
    """List all versions, or those of MODEL, newest first.

    \b
    State, the first that holds:
      canary      in a running experiment beside the version that serves
      production  made the newest predictions
      archived    taken out by decision
      deprecated  served before
      staging     evaluated on test rows, but never served
      registered  logged, never evaluated

    Gate is what the last run said that considered it, the metric that of the newest evaluation on test rows, beside the
    baseline's; `show` has the rest, JSON all of it.
    """
    versions = checked_versions(model, target)
    columns = ["model_name", "model_version", "state", "alias", "gate", "metric_name", "metric_value", "baseline_value"]
    columns += ["age_days", "is_pinned", "as_of_date", "reason", "parent_version", "last_scoring_date", "last_decision"]
    if style == "text":
        # a column that says nothing of any version only makes the lines long
        short = {"as_of_date", "parent_version", "reason", "last_scoring_date"}
        columns = [name for name in columns if name not in short and (name != "last_decision" or _any(versions, name))]
    show_rows([{name: row[name] for name in columns} for row in versions], style)


def _any(rows: Sequence[Mapping[str, Any]], name: str) -> bool:
    return any(row[name] is not None for row in rows)


@registry_group.command()
@MODEL
@click.argument("version", type=int, required=False)
@TARGET
@FORMAT
def show(model: str, version: int | None, target: str | None, style: str) -> None:
    """Show all that is known of a VERSION of MODEL, by default of the one in production, else of the newest."""
    chosen = _one_version(model, version, target)
    row = {**chosen, "artifact_files": json.loads(chosen["artifact_files"] or "{}")}
    if style == "json":
        click.echo(json.dumps(row, default=text, indent=2))
        return
    files = row.pop("artifact_files")
    width = max(map(len, row))
    for name, value in row.items():
        click.echo(f"{name:{width}}  {text(value)}")
    for file, digest in files.items():
        click.echo(f"{'artifact_file':{width}}  {digest}  {file}")


@registry_group.command()
@MODEL
@click.argument("version", type=int, required=False)
@TARGET
def plots(model: str, version: int | None, target: str | None) -> None:
    """Draw the plots of a VERSION of MODEL into its MLflow run; by default the one in production, else the newest.

    A fit logs the tables behind them and draws nothing.
    """
    from wanderbricks_ml.registry import drawing, store

    chosen = _one_version(model, version, target)
    said = f"{model} v{chosen['model_version']}"
    try:
        files = drawing.draw_plots(chosen["run_id"], said)
    except RuntimeError as error:
        raise click.ClickException(store.gone(model, chosen["model_version"])) from error
    click.echo(f"{said}, run {chosen['run_id']}: {', '.join(files) or 'no table that has a plot'}")


@registry_group.command()
@MODEL
@click.argument("version", type=int)
@click.argument("other", type=int)
@click.option("--resamples", type=click.IntRange(min=100), default=2_000, show_default=True, help="Of the bootstrap.")
@click.option("--seed", type=click.IntRange(min=0), default=7, show_default=True, help="Of the bootstrap.")
@TARGET
@FORMAT
def compare(model: str, version: int, other: int, resamples: int, seed: int, target: str | None, style: str) -> None:
    """Compare two versions of MODEL on the same test rows: VERSION and OTHER.

    The primary metric of both in the newest evaluation that both took part in, and OTHER less VERSION with its 95 %
    interval: a paired bootstrap over blocks of rows, such as the label's date, for all rows and by segment. Of the
    pricing model's lift, which is no mean over rows, only the whole is compared.

    Many segments are looked at: one in twenty lies outside of its interval by chance alone.
    """
    from wanderbricks_ml.commands import dbt_client
    from wanderbricks_ml.registry.comparison import differences

    _checked_name(model)
    if version == other:
        raise click.ClickException(f"v{version} is named twice; name two versions of {model}")
    for number in (version, other):
        _one_version(model, number, target)
    query = f"select * from ({{{{ paired_losses('{model}', {version}, {other}) }}}}) as losses"
    losses = through_dbt(lambda: dbt_client.rows(query, target))
    if not losses:
        raise click.ClickException(f"no test rows of {model} are kept for v{version} and v{other}")
    try:
        found = differences(losses, version, other, resamples, seed)
    except ValueError as error:
        raise click.ClickException(f"{model}: {error}") from error
    higher_is_better = losses[0]["comparison"] == "at_least"
    rows = [
        {
            "segment": one.segment,
            f"v{version}": one.value,
            f"v{other}": one.other_value,
            "difference": one.difference,
            "lower_95": one.lower,
            "upper_95": one.upper,
            "better": _better(one.lower, one.upper, higher_is_better, version, other),
            "blocks": one.blocks,
            "rows": one.rows,
        }
        for one in found
    ]
    if style == "text":
        metric, day = losses[0]["metric_name"], text(losses[0]["evaluated_as_of"])
        direction = "higher" if higher_is_better else "lower"
        click.echo(
            f"{model}: {metric} on the test rows of {day}, {direction} is better; difference: v{other} less v{version}"
        )
    show_rows(rows, style)


def _better(lower: float | None, upper: float | None, higher_is_better: bool, version: int, other: int) -> str:
    if lower is None or upper is None:
        return "unknown"
    if lower <= 0 <= upper:
        return "neither, clearly"
    return f"v{other}" if (lower > 0) == higher_is_better else f"v{version}"


@registry_group.command()
@MODEL
@click.argument("version", type=int)
@REASON
@TARGET
def promote(model: str, version: int, reason: str, target: str | None) -> None:
    """Pin VERSION of MODEL: with the next dbt build it serves, if it passes the gate."""
    _decide(model, "promote", reason, target, version)


@registry_group.command()
@MODEL
@click.option(
    "--to", "version", type=int, metavar="VERSION", help="By default the version that served before the present one."
)
@REASON
@TARGET
def rollback(model: str, version: int | None, reason: str, target: str | None) -> None:
    """Go back to an earlier version of MODEL and pin it.

    The next dbt build scores the day again with it; predictions of earlier days stay as they were made.
    """
    if version is None and len(known := checked_versions(model, target)) == 1:
        raise click.ClickException(f"{model} has v{known[0]['model_version']} alone: there is none to roll back to")
    _decide(model, "rollback", reason, target, version)


@registry_group.command()
@MODEL
@click.argument("version", type=int)
@REASON
@TARGET
def archive(model: str, version: int, reason: str, target: str | None) -> None:
    """Take VERSION of MODEL out: it is never considered again, unless it is promoted. Its files stay."""
    _decide(model, "archive", reason, target, version)


@registry_group.command()
@MODEL
@REASON
@TARGET
def unpin(model: str, reason: str, target: str | None) -> None:
    """Take the pin off MODEL: from the next fit on the best version serves again."""
    _decide(model, "unpin", reason, target, None)


@registry_group.command(hidden=True, context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1)
def lift(arguments: tuple[str, ...]) -> None:
    """Say what this command is called now."""
    raise click.UsageError(f"lift is now called unpin: wanderbricks registry unpin {shlex.join(arguments)}")


@registry_group.command()
@click.argument("model", required=False)
@click.argument("version", type=int, required=False)
@TARGET
@FORMAT
@click.pass_context
def verify(context: click.Context, model: str | None, version: int | None, target: str | None, style: str) -> None:
    """Check the files of all versions, of MODEL's, or of one VERSION, as every build does before it loads one.

    Each file is compared with the digest that was recorded when it was logged, and, where WANDERBRICKS_VERIFY_KEY is
    set, the signature with the key. Versions that the MLflow store no longer has are listed as such. A version that was
    registered by a fit which was then killed is in no table of ours: it is listed, and its run closed. Exit code 1 if
    anything is found.
    """
    from wanderbricks_ml.registry import integrity, store

    results = []
    versions = [row for row in checked_versions(model, target) if version is None or row["model_version"] == version]
    if not versions:
        raise click.ClickException(
            f"{model} has no version v{version}; `wanderbricks registry list {model}` shows those it has"
        )
    known = {row["model_uri"] for row in versions}
    for model_name, name in sorted({(row["model_name"], registered_name(row)) for row in versions}):
        for number, run_id in store.unfinished_runs(name):
            if version in (None, number) and f"models:/{name}/{number}" not in known:
                store.end_run(run_id)
                found = f"its fit was stopped while registering; run {run_id} is closed, and no build uses the version"
                which = {"model_name": model_name, "model_version": number, "state": "stopped"}
                results.append(which | {"is_sound": False, "result": found})
    sound = "signature and digests hold" if integrity.key_is_set(integrity.VERIFY_KEY) else "digests hold"
    for row in versions:
        try:
            store.verified(row["model_name"], row)
            result = sound
        except RuntimeError as error:
            result = str(error)
        columns = ("model_name", "model_version", "state")
        results.append({name: row[name] for name in columns} | {"is_sound": result == sound, "result": result})
    show_rows(results, style)
    if not all(row["is_sound"] for row in results):
        context.exit(1)


@registry_group.command()
@click.argument("model", required=False)
@click.option(
    "--artifacts",
    "folders",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    multiple=True,
    help="Folder to look for logged models in, all below it; mlartifacts beside a SQLite store without it.",
)
@TARGET
@FORMAT
@click.pass_context
def rebuild(
    context: click.Context, model: str | None, folders: tuple[Path, ...], target: str | None, style: str
) -> None:
    """Register again, at MLFLOW_TRACKING_URI, the versions that the database knows of all models, or of MODEL.

    For a store that was deleted while its artifacts are there: a model is found by the digest that was recorded when it
    was logged, gets its number back, and the version in production its alias. Runs, with their metrics and plots, went
    with the store. Exit code 1 if a version's files are not found.
    """
    from wanderbricks_ml.registry import rebuilding, store

    beside = rebuilding.artifact_folder()
    models = rebuilding.models_below(folders or ([beside] if beside is not None else []))
    results = []
    versions = checked_versions(model, target)
    for name in sorted({registered_name(row) for row in versions}):
        rows = [row for row in versions if registered_name(row) == name]
        try:
            became = rebuilding.rebuild(name, rows, models)
        except RuntimeError as error:
            raise click.ClickException(str(error)) from error
        for row in rows:
            result = became[row["model_version"]]
            if row["state"] == "production" and not result.startswith("gone"):
                store.point_aliases(name, row["model_version"], None)
            columns = ("model_name", "model_version", "state")
            results.append({column: row[column] for column in columns} | {"result": result})
    show_rows(results, style)
    if any(row["result"].startswith("gone") for row in results):
        context.exit(1)


def registered_name(row: Mapping[str, Any]) -> str:
    """Name of a version's model in the registry, from ``models:/<name>/<version>``."""
    return str(row["model_uri"]).removeprefix("models:/").rsplit("/", 1)[0]


def checked_versions(model: str | None, target: str | None) -> list[dict[str, Any]]:
    """Rows of model_versions, those of `model` if it is given, newest version first."""
    from wanderbricks_ml.commands import dbt_client

    found = through_dbt(lambda: dbt_client.model_rows("model_versions", target))
    chosen = [row for row in found if model in (None, row["model_name"])]
    if not chosen:
        known = ", ".join(sorted({row["model_name"] for row in found})) or "none; run dbt build"
        raise click.ClickException(f"{model or 'the registry'} has no version. Models that have one: {known}")
    return sorted(chosen, key=lambda row: (row["model_name"], -row["model_version"]))


def _one_version(model: str, version: int | None, target: str | None) -> dict[str, Any]:
    """The row of model_versions of a version, by default of the one in production, else of the newest."""
    versions = checked_versions(model, target)
    for row in versions:
        if version == row["model_version"] or (version is None and row["state"] == "production"):
            return row
    if version is None:
        return versions[0]
    there_are = ("there are " if len(versions) > 1 else "there is ") + ", ".join(
        f"v{row['model_version']}" for row in versions
    )
    raise click.ClickException(f"{model} has no version v{version}; {there_are}")


def _decide(model: str, action: str, reason: str, target: str | None, version: int | None) -> None:
    from wanderbricks_ml.commands import dbt_client

    arguments: dict[str, Any] = {"model_name": model, "action": action, "reason": reason, "decided_by": _user()}
    if version is not None:
        arguments["model_version"] = version
    for line in through_dbt(lambda: dbt_client.run_operation("record_registry_decision", arguments, target)):
        click.echo(line)


def _user() -> str:
    named = os.environ.get("WANDERBRICKS_USER")
    if named:
        return named
    try:
        return getpass.getuser()
    except (OSError, KeyError) as error:
        raise click.ClickException("nobody knows who decides; set WANDERBRICKS_USER") from error


def _checked_name(model: str) -> None:
    if not re.fullmatch(r"\w+", model):
        raise click.ClickException(f"'{model}' is no name of a model; `wanderbricks registry list` shows them")


def through_dbt(call: Callable[[], Any]) -> Any:
    """What `call` returns; where dbt refuses, our macro's own words if it said any."""
    try:
        return call()
    except RuntimeError as error:
        own = re.search(r"^\s*registry: (.+)$", str(error), flags=re.MULTILINE)
        raise click.ClickException(own.group(1) if own else f"dbt could not do it:\n{error}") from error
