"""dbt-duckdb plugin that opens the database file and the gold folder, and simulates gold where there is none.

What varies by run (file, folder, memory) comes from the environment when the first connection opens, not from the
profile: dbt parses the whole project anew whenever a profile renders to something else.
"""

from __future__ import annotations

import atexit
import gc
import os
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbt.adapters.duckdb.plugins import BasePlugin
from dbt.adapters.events.logging import AdapterLogger
from dbt.flags import get_flags
from dbt_common.exceptions import DbtRuntimeError

from wanderbricks_ml.gold import files
from wanderbricks_ml.gold.dbt_log import show_among_dbts_lines

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# Not wanderbricks_ml.gold: that imports pyarrow, which a run with its gold in place does not need.
GOLD_TABLES = (
    "dim_user",
    "dim_host",
    "dim_property",
    "dim_destination",
    "dim_date",
    "fact_booking_detail",
    "fact_booking_daily",
    "fact_property_engagement",
)

RAW_TABLES = (
    "bookings",
    "booking_updates",
    "payments",
    "page_views",
    "clickstream",
    "users",
    "hosts",
    "properties",
    "destinations",
)
"""Those of the raw sample schema that gold can be made of."""

DEFAULT_FOLDER = Path("data/gold")
MEMORY_LIMIT = "20%"
"""Of the machine's memory, for DuckDB before it spills to disk: a fit takes about as much again."""

WAIT_SECONDS = 60
"""For another process to let go of the database file."""

TIME_ZONE = "UTC"
"""In which gold's moments with a time zone are read."""

PRESET = "dev"
SEED = 7

logger = AdapterLogger("wanderbricks")


class Plugin(BasePlugin):
    """Prepares the files that dbt is about to open.

    dbt-duckdb makes the plugin when it opens its first connection, before it attaches the database file.
    """

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        """Say where the database file is and make its folder, and gold data when the default folder has none.

        Nothing is simulated when the environment has ``WANDERBRICKS_GOLD``: who names a folder
        wants that folder's data, and ``check_gold`` says what it lacks.
        """
        show_among_dbts_lines()
        # What dbt has parsed lives as long as the run: collections that go through it take a tenth of a short build.
        gc.freeze()
        # DuckDB complains of objects that the interpreter does not collect in the end.
        atexit.register(gc.unfreeze)
        if self.creds is not None:
            (database,) = self.creds.attach
            database.path = setting("WANDERBRICKS_DB", database.path)
            # DuckDB does not make the folder of its database file.
            try:
                Path(database.path).parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise DbtRuntimeError(
                    f"the folder of {database.path} cannot be made ({error.strerror}); point WANDERBRICKS_DB elsewhere"
                ) from error
            _say_where_models_are_lost(Path(database.path))
        if setting("WANDERBRICKS_GOLD", "") or from_samples() or has_gold(DEFAULT_FOLDER):
            return
        logger.info(f"No gold data in {DEFAULT_FOLDER}: simulating preset {PRESET}, seed {SEED}")
        # Most runs have their gold and do without numpy and pyarrow.
        from wanderbricks_ml.simulator import simulate

        simulate(preset=PRESET, seed=SEED, out=DEFAULT_FOLDER)

    def configure_connection(self, conn: DuckDBPyConnection) -> None:
        """Limit memory, spill beside the database file, and make a view ``gold.<table>`` of each file there is.

        Where gold is made of the raw sample schema, ``raw.<table>`` of each of its files instead.
        """
        (database,) = self.creds.attach
        attach(conn, database.path, database.alias)
        folder = Path(setting("WANDERBRICKS_GOLD", str(DEFAULT_FOLDER)))
        take(conn, "set memory_limit = {}", "WANDERBRICKS_MEMORY_LIMIT", MEMORY_LIMIT, "an amount such as 4GB or 20%")
        take(conn, "select now() at time zone {}", "WANDERBRICKS_TIME_ZONE", TIME_ZONE, "a zone such as Europe/Berlin")
        conn.execute(f"set temp_directory = {files.quoted(f'{database.path}.tmp')}")
        # not that of the machine: of every cursor to come
        conn.execute("set global TimeZone = 'UTC'")
        conn.execute("create schema gold")
        made_here = from_samples()
        if made_here:
            folder = Path(setting("WANDERBRICKS_RAW", str(folder / "raw")))
            conn.execute("create schema raw")
        in_colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        conn.execute("create table gold.terminal as select cast(? as boolean) as is_terminal", [in_colour])
        conn.execute("create table gold.unreadable (table_name varchar, found varchar)")
        if not folder.is_dir():
            found = f"{folder} is {'a file' if folder.exists() else 'not there'}"
            conn.execute("insert into gold.unreadable values ('*', ?)", [found])
            return
        builds = getattr(get_flags(), "WHICH", "") in ("build", "run")
        for name in RAW_TABLES if made_here else GOLD_TABLES:
            try:
                show(conn, name, folder, whole=builds, schema="raw" if made_here else "gold")
            except files.Unreadable as error:
                conn.execute("insert into gold.unreadable values (?, ?)", [name, str(error)])

    def configure_cursor(self, cursor: DuckDBPyConnection) -> None:
        """Let a name without a database mean ours, too: `from wanderbricks_ml.demand_predictions`.

        What dbt creates without naming a database, such as a Python model's intermediate table, stays in memory. On the
        first run there is no schema to look in yet.
        """
        (database,) = self.creds.attach
        place = [database.alias, self.creds.schema]
        known = "select true from duckdb_schemas() where database_name = ? and schema_name = ?"
        if cursor.execute(known, place).fetchall():
            cursor.execute(f"set search_path = 'memory.main,{'.'.join(place)}'")


def setting(name: str, default: str) -> str:
    """Return a variable of the environment; an empty one, as compose and CI pass what nobody has set, counts as unset.

    DuckDB would take an empty name of a file for a database in memory, and all that was built would be gone.
    """
    return os.environ.get(name) or default


def take(conn: DuckDBPyConnection, statement: str, name: str, default: str, wanted: str) -> None:
    """Execute a statement with a variable of the environment in place of ``{}``.

    Raises
    ------
    DbtRuntimeError
        When DuckDB refuses the value: names the variable, the value and what is `wanted`.
    """
    import duckdb

    value = setting(name, default)
    try:
        conn.execute(statement.format(files.quoted(value)))
    except duckdb.Error as error:
        raise DbtRuntimeError(f"{name} is '{value}'; it takes {wanted}") from error


def _patience(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not seconds >= 0:
        raise DbtRuntimeError(f"WANDERBRICKS_WAIT_SECONDS is '{text}'; it takes a number of seconds, 0 or more")
    return seconds


def _say_where_models_are_lost(database: Path) -> None:
    """Say that MLflow's file is gone while what it knew is there: a day without a fit or a score would not notice."""
    file = Path(setting("MLFLOW_TRACKING_URI", "sqlite:///data/mlflow.db").removeprefix("sqlite:///"))
    artifacts = file.parent / "mlartifacts"
    if database.exists() and file.suffix == ".db" and not file.exists() and artifacts.is_dir():
        logger.warning(
            f"MLflow's store {file} is gone, but {artifacts} has models of earlier fits: restore it, or let `"
            "wanderbricks registry rebuild` register them again; until then no version can be loaded"
        )


def attach(conn: DuckDBPyConnection, path: str, alias: str) -> None:
    """Attach the database file, and wait a while for a process that writes to it; dbt then finds it attached.

    Raises
    ------
    DbtRuntimeError
        When the other process has not ended after `WANDERBRICKS_WAIT_SECONDS`, by default `WAIT_SECONDS`, or something
        else lies there.
    """
    import duckdb

    if found := files.no_database(Path(path)):
        raise DbtRuntimeError(
            f"{path} {found}; point WANDERBRICKS_DB at a file of DuckDB's, or at one that is yet to be made"
        )
    patience = _patience(setting("WANDERBRICKS_WAIT_SECONDS", str(WAIT_SECONDS)))
    until = time.monotonic() + patience
    said = False
    while True:
        try:
            conn.execute(f"attach if not exists {files.quoted(path)} as {alias}")
            return
        except duckdb.IOException as error:
            holder = re.search(r"Could not set lock on file.*\((PID \d+)\)", str(error))
            if holder is None:
                raise DbtRuntimeError(
                    f"{path} cannot be opened ({_first_line(error)}); restore it, or point WANDERBRICKS_DB elsewhere"
                ) from error
            if time.monotonic() >= until:
                raise DbtRuntimeError(
                    f"{path} is in use by another process ({holder[1]}), such as a second build; start again when it "
                    "is done, or wait longer by WANDERBRICKS_WAIT_SECONDS"
                ) from None
        if not said:
            logger.info(f"{path} is in use by another process ({holder[1]}): waiting for up to {patience:.0f} s")
            said = True
        time.sleep(min(1.0, patience))


def show(conn: DuckDBPyConnection, name: str, folder: Path, whole: bool, schema: str = "gold") -> None:
    """Make the view ``<schema>.<name>`` of the table in `folder`, if there is one; with `whole` once all of it is read.

    A moment with a time zone is shown as that of ``WANDERBRICKS_TIME_ZONE``, by default UTC, so that it falls on the
    same day wherever it is read.

    Raises
    ------
    wanderbricks_ml.gold.files.Unreadable
        When there is a table, and it cannot be read.
    """
    # dbt has imported it when there is a connection
    import duckdb

    scan = files.scan(folder, name)
    if scan is None:
        return
    zone = files.quoted(setting("WANDERBRICKS_TIME_ZONE", TIME_ZONE))
    try:
        columns = conn.execute(f"describe from {scan.sql}").fetchall()
    except duckdb.Error as error:
        raise files.Unreadable(
            f"found {files.place(folder, name)}, which cannot be read ({_first_line(error)}); copy or write it again"
        ) from error
    if whole:
        _read(conn, scan)
    recast = []
    for column, kind in ((row[0], row[1]) for row in columns):
        named = _named(column)
        if kind == "TIMESTAMP WITH TIME ZONE":
            recast.append(f"{named} at time zone {zone} as {named}")
        elif kind.startswith("TIMESTAMP_"):
            recast.append(f"cast({named} as timestamp) as {named}")
        elif column in scan.flags:
            recast.append(f"cast({named} as boolean) as {named}")
    replaced = f" replace ({', '.join(recast)})" if recast else ""
    conn.execute(f"create view {schema}.{name} as select *{replaced} from {scan.sql}")


def _read(conn: DuckDBPyConnection, scan: files.Scan) -> None:
    """Read every page once, as a file may be damaged behind a footer that is whole: a second for ten million rows.

    Raises
    ------
    wanderbricks_ml.gold.files.Unreadable
        When there is a page that cannot be read; it names the file and its columns.
    """
    import duckdb

    def damage(sql: str, what: str) -> str:
        try:
            conn.execute(f"select bit_xor(hash({what})) from {sql} as pages").fetchall()
        except duckdb.Error as error:
            return _first_line(error)
        return ""

    if not damage(scan.sql, "pages"):
        return
    for file in scan.files:
        alone = files.Scan((file,)).sql
        if said := damage(alone, "pages"):
            names = [row[0] for row in conn.execute(f"describe from {alone}").fetchall()]
            torn = ", ".join(name for name in names if damage(alone, _named(name))) or "some rows"
            raise files.Unreadable(f"found {file}, of which {torn} cannot be read ({said}); copy or write it again")


def from_samples() -> bool:
    """Whether this run makes gold of the raw sample schema."""
    given = getattr(get_flags(), "VARS", None) or {}
    return bool(given.get("gold") == "samples")


def _named(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].strip()


def has_gold(folder: Path) -> bool:
    """Whether `folder` holds at least one gold table: then it is somebody's, and is left alone."""
    return any(files.place(folder, name) for name in GOLD_TABLES)
