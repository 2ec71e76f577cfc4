"""Plots of a version, drawn from the tables that its run holds."""

from __future__ import annotations

import tempfile

from wanderbricks_ml.registry.store import connect


def draw_plots(run_id: str, said: str) -> list[str]:
    """Draw the plots of a version from the tables in its run; they become artifacts there. Returns their names.

    Parameters
    ----------
    run_id
        The version's run.
    said
        Model and version, which stand above each plot with the dates of the run.

    Raises
    ------
    RuntimeError
        When MLflow no longer has the run or its tables.
    """
    client = connect()
    import pandas as pd
    from mlflow.exceptions import MlflowException

    from wanderbricks_ml.reports import plots

    try:
        known = client.get_run(run_id).data.params
        dates = "as of {}\ntrain rows of {} to {}".format(
            *(known.get(name, "?") for name in ("as_of_date", "train_first_date", "train_last_date"))
        )
        logged = {file.path for folder in (None, "tuning") for file in client.list_artifacts(run_id, folder)}
        with tempfile.TemporaryDirectory() as folder:
            tables = {
                file: pd.read_csv(client.download_artifacts(run_id, file, folder))
                for file in sorted(logged & {*plots.FIGURES})
            }
    except (MlflowException, OSError) as error:
        raise RuntimeError(f"the tables of run {run_id} cannot be read ({error})") from error
    figures = plots.drawn(tables, f"{said}, {dates}")
    for file, figure in figures.items():
        client.log_figure(run_id, figure, file)
    return list(figures)
