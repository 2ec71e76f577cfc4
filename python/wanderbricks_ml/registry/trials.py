"""The trials of a study, as runs and as tables of MLflow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from wanderbricks_ml.registry.store import connect
from wanderbricks_ml.tuning.space import Tuned

if TYPE_CHECKING:
    import pandas as pd


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


def trial_table(trials: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """One row a finished trial: trial, state, origin, loss, best_loss so far, final_loss, seconds, and its parameters.

    A pruned trial's loss is missing: it is the mean over all folds.
    """
    import pandas as pd

    rows = [
        {
            "trial": trial["number"],
            "state": trial["state"],
            "origin": trial["origin"],
            "loss": np.nan if trial["loss"] is None else trial["loss"],
            "final_loss": np.nan if trial["final_loss"] is None else trial["final_loss"],
            "seconds": trial["seconds"],
            **trial["params"],
        }
        for trial in trials
    ]
    table = pd.DataFrame(rows)
    table.insert(4, "best_loss", table["loss"].cummin().ffill())
    return table


def parameter_importance(trials: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Share of each parameter in how the loss of finished trials varies, largest first: columns feature, share.

    By functional ANOVA on a random forest (Hutter, Hoos and Leyton-Brown 2014), of the parameters that all trials
    have. No rows for fewer than ten trials, which tell nothing.
    """
    import optuna
    import pandas as pd

    complete = [trial for trial in trials if trial["state"] == "complete"]
    shared = set.intersection(*(set(trial["params"]) for trial in complete)) if complete else set()
    if len(complete) < 10 or not shared or len({trial["loss"] for trial in complete}) < 2:
        return pd.DataFrame({"feature": pd.Series(dtype=str), "share": pd.Series(dtype=float)})
    study = optuna.create_study(direction="minimize")
    for trial in complete:
        study.add_trial(
            optuna.trial.create_trial(
                params={name: trial["params"][name] for name in sorted(shared)},
                distributions={name: trial["distributions"][name] for name in sorted(shared)},
                value=trial["loss"],
            )
        )
    found = optuna.importance.get_param_importances(
        study, evaluator=optuna.importance.FanovaImportanceEvaluator(n_trees=32, max_depth=16, seed=0)
    )
    table = pd.DataFrame({"feature": list(found), "share": list(found.values())})
    return table.sort_values(["share", "feature"], ascending=[False, True], ignore_index=True)
