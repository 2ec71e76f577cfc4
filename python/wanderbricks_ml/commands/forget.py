"""The command ``wanderbricks forget``: a person's rows out of all that was built."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from wanderbricks_ml.commands.local_database import database_file

LOGS = Path("logs")
SAID = "forget: "


@click.command("forget")
@click.option("--user", metavar="ID", required=True, help="user_id of the person.")
@click.option(
    "--booking",
    "bookings",
    metavar="ID",
    multiple=True,
    help="booking_id of a booking of theirs that gold no longer has; repeat it for several.",
)
@click.option(
    "--inference-log",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="WANDERBRICKS_INFERENCE_LOG",
    help="Folder of the log of what was served; by default inference_log/ beside the database.",
)
@click.option(
    "--store",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the online store; by default online/ beside the database.",
)
@click.option("--dry-run", is_flag=True, help="Count what would be removed, and remove nothing.")
@click.option("--target", metavar="NAME", help="Target of profiles.yml, such as prod; its default without it.")
def forget(
    user: str,
    bookings: tuple[str, ...],
    inference_log: Path | None,
    store: Path | None,
    dry_run: bool,
    target: str | None,
) -> None:
    """Remove a person from all tables that dbt has built, from dbt's log files, and from what serving keeps.

    Rows go by user_id, by the bookings that gold has of the person, and by what stands for the person in queries and
    experiments; the online store is written anew from the tables. Views follow gold. What remains is said at the end:
    gold itself, which must forget the person too, or the next build brings them back; aggregates, in which nobody can
    be found; models that have learned from the rows.

    Run it in the folder of the dbt project, with the environment of dbt build, before gold forgets: only there do
    bookings lead to the person. Else name them by --booking.

    \b
    Example:
      wanderbricks forget --user 1234 --dry-run
      wanderbricks forget --user 1234 --target prod
    """
    from wanderbricks_ml.commands import dbt_client

    arguments = {"user_id": user, "booking_ids": list(bookings), "dry_run": dry_run}
    try:
        logged = dbt_client.run_operation("forget_user", arguments, target, leaves_no_trace=True)
    except RuntimeError as error:
        raise click.ClickException(f"dbt could not do it, nothing was removed:\n{error}") from error
    (found,) = [json.loads(line.removeprefix(SAID)) for line in logged if line.startswith(SAID)]
    if not found["tables"]:
        raise click.ClickException(f"no table is built in {found['place']}; are WANDERBRICKS_DB and --target right?")
    folder = Path(os.environ.get("DBT_LOG_PATH", LOGS))
    lines = forget_lines(folder, user, found["bookings"], dry_run)
    beside = database_file().parent
    log = inference_log or beside / "inference_log"
    further = []
    if not log.is_dir():
        further.append(f"what was served: no inference log in {log}; --inference-log names another")
    else:
        from wanderbricks_ml.serving.forgetting import forget_answers

        answers = forget_answers(log, user, found["bookings"], dry_run)
        if answers:
            found["removed"][f"{log}, the log of what was served"] = sum(answers.values())
    for line in report(user, found, {str(path): count for path, count in lines.items()}, dry_run):
        click.echo(line)
        further.append(f"what a running server has yet to write to {log}, every half minute: run this again then")
    place = store or beside / "online"
    if place.is_dir() and found["engine"] != "duckdb":
        further.append(
            f"the online store {place}: it comes from the local database {database_file()}, which this did not touch"
        )
    elif place.is_dir() and not dry_run:
        further.append(renewed(place))
    for line in further:
        click.echo(f"  {line}")


def renewed(store: Path) -> str:
    """Write the online store anew from the tables and remove what served before; says what came of it."""
    from wanderbricks_ml.commands import dbt_client
    from wanderbricks_ml.commands.serve import CLI
    from wanderbricks_ml.serving.forgetting import older_snapshots
    from wanderbricks_ml.serving.snapshot import alone

    dbt_client.release_database()
    command = [sys.executable, *CLI, "online-store", "--without-models", "--store", str(store)]
    made = subprocess.run(command, check=False, capture_output=True, text=True)
    if made.returncode:
        return f"the online store {store}, which could not be written anew: {made.stderr.strip()}"
    with alone(store):
        for file in older_snapshots(store):
            file.unlink(missing_ok=True)
    return f"nothing in the online store {store}, which was written anew"


def forget_lines(folder: Path, user: str, bookings: Sequence[str], dry_run: bool) -> dict[Path, int]:
    """Take the lines that name the person or a booking of theirs out of the log files in a folder.

    Parameters
    ----------
    folder
        Of dbt's logs; it may not exist.
    user, bookings
        Ids.
    dry_run
        Count only.

    Returns
    -------
    dict[Path, int]
        Number of such lines by file.
    """
    names = [("user|query", [user]), ("booking", bookings)]
    # "user_id = '7'", "user 7", '"user_id": 7'; a bare 7 may be anything
    patterns = [
        rf"\b(?:{name})(?:_ids?)?\b(?: as \w+)?[^\w\n]{{1,5}}(?:in\W{{1,4}})?(?:{'|'.join(map(re.escape, ids))})\b"
        for name, ids in names
        if ids
    ]
    person = re.compile("|".join(patterns))
    found = {}
    for path in sorted(folder.rglob("*.log*")):
        kept, gone = [], 0
        with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            for line in file:
                if person.search(line):
                    gone += 1
                else:
                    kept.append(line)
        if gone:
            found[path] = gone
            if not dry_run:
                path.write_text("".join(kept), encoding="utf-8", errors="surrogateescape", newline="")
    return found


def report(user: str, found: dict[str, Any], lines: dict[str, int], dry_run: bool) -> Iterator[str]:
    """What was removed and what remains, in lines."""
    verb = "would be removed" if dry_run else "removed"
    if not found["removed"] and not lines:
        yield f"nothing of user {user} is in the {found['tables']:,} tables of {found['place']} and in the logs"
    for table, rows in found["removed"].items():
        yield f"{verb}: {rows:,} row{'s' * (rows != 1)} of {table}"
    for path, count in lines.items():
        yield f"{verb}: {count:,} line{'s' * (count != 1)} of {path}"
    yield "What remains:"
    in_gold = {table: rows for table, rows in found["in_gold"].items() if rows}
    if in_gold:
        held = ", ".join(f"{table} {rows:,}" for table, rows in in_gold.items())
        yield f"  gold still has user {user} ({held}) and must forget them too, or the next build brings them back"
    elif not found["in_gold"]:
        yield "  gold cannot be read, so that bookings were found by --booking alone"
    else:
        yield f"  gold no longer has user {user}; bookings that it had are found by --booking alone"
    if found["views"]:
        yield f"  views follow gold: {', '.join(found['views'])}"
    yield "  aggregates (metrics, drift, features of properties and destinations), in which nobody can be found"
    if found["model_versions"]:
        yield (
            f"  {found['model_versions']:,} versions of models, which were fitted before, and of each a few rows of "
            "features, without ids, in MLflow: fit anew (--vars 'retrain: force'), archive and delete the others there"
        )
    if found["engine"] == "databricks":
        yield "  Delta keeps what was deleted until VACUUM, by default for seven days"
    yield "  what left the database: backups, exports, messages, target/ of dbt until its next run"
