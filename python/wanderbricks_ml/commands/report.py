"""``wanderbricks report``: what the models say, on one page."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder for index.html; made if it is not there.",
)
@click.option(
    "--database",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The DuckDB file; by default WANDERBRICKS_DB, or data/wanderbricks.duckdb.",
)
def report(out: Path, database: Path | None) -> None:
    """Write one page of what the models achieved and say, which opens anywhere without a server or network.

    It reads the database and changes nothing: what was judged, forecasts and what came true, calibration, prices,
    segments, recommendations, drift, live quality, gate history, alerts and experiments of whatever has been built.

    \b
    Example:
      wanderbricks report --out site/report
    """
    import duckdb

    from wanderbricks_ml.commands.local_database import database_file, why_closed
    from wanderbricks_ml.reports.page import write_page

    found = database or database_file()
    try:
        write_page(found, out)
    except FileNotFoundError as error:
        raise click.ClickException(str(error)) from error
    except duckdb.IOException as error:
        raise click.ClickException(why_closed(found, error)) from error
    except RuntimeError as error:
        raise click.ClickException(str(error)) from error
