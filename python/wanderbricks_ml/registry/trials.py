"""The trials of a study, logged as runs of MLflow."""

from __future__ import annotations

from typing import Any

from wanderbricks_ml.registry.store import connect
from wanderbricks_ml.tuning.space import Tuned
from wanderbricks_ml.tuning.trials import parameter_importance, trial_table


def log_trials(tuning: Tuned, run: Any) -> None:
    """Log each trial as a run nested in the version's run, and what the study shows as tables.

    Parameters
    ----------
    run
        The version's run, which is active.
    """
    if tuning.record is not None:
        import mlflow

        mlflow.set_tag("study", tuning.record["study"])
    if not tuning.trials:
        return
    from mlflow.entities import Metric, Param, RunTag

    client = connect()
    for trial in tuning.trials:
        began, ended = (int(1000 * trial[name].timestamp()) for name in ("started", "ended"))
        nested = client.create_run(
            run.info.experiment_id,
            start_time=began,
            tags={"mlflow.parentRunId": run.info.run_id},
            run_name=f"trial {trial['number']}",
        ).info.run_id
        metrics = [Metric("fold_loss", loss, ended, fold) for fold, loss in enumerate(trial["losses"], 1)]
        if trial["loss"] is not None:
            metrics.append(Metric("loss", trial["loss"], ended, 0))
        if trial["final_loss"] is not None:
            metrics.append(Metric("final_loss", trial["final_loss"], ended, 0))
        tags = [RunTag("state", trial["state"]), RunTag("origin", trial["origin"])]
        client.log_batch(nested, metrics, [Param(name, str(value)) for name, value in trial["params"].items()], tags)
        client.set_terminated(nested, "FINISHED", end_time=ended)
    mlflow.log_text(trial_table(tuning.trials).to_csv(index=False), "tuning/trials.csv")
    importance = parameter_importance(tuning.trials)
    if not importance.empty:
        mlflow.log_text(importance.to_csv(index=False), "tuning/importance.csv")
