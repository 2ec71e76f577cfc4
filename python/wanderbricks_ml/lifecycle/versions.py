"""Which versions a run judges, which one serves, and where their files are."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import pyarrow as pa

from wanderbricks_ml.lifecycle.engines import Engine
from wanderbricks_ml.registry import store
from wanderbricks_ml.settings import ProductSettings

logger = logging.getLogger(__name__)

Loaded = TypeVar("Loaded")


def one_row(table: pa.Table) -> dict[str, Any] | None:
    """The only row of a decision, or None when it is empty.

    Raises
    ------
    ValueError
        When there is more than one row.
    """
    rows: list[dict[str, Any]] = table.to_pylist()
    if len(rows) > 1:
        raise ValueError(f"a decision has one row, this one has {len(rows)}")
    return rows[0] if rows else None


def treatments(engine: Engine, experiments: Any, model_name: str) -> list[int]:
    """The version under treatment in the product's running experiment, by the table experiment_state."""
    running = f"status = 'running' and model_name = '{model_name}'"
    return [row["treatment_version"] for row in engine.rows(experiments.filter(running)).to_pylist()]


def treated_versions(champion: pa.Table) -> list[int]:
    """The version that scores the treatment arm of an experiment by the champion table, if there is one."""
    return [row["model_version"] for row in champion.to_pylist() if row["experiment_name"] is not None]


def considered_versions(row: dict[str, Any] | None, versions: pa.Table, treated: Sequence[int] = ()) -> list[int]:
    """Versions to judge in the run of a retraining decision, its candidate first; none where no fit is due.

    The others are the version that reigns, the one that is pinned and those under treatment.

    Parameters
    ----------
    row
        The decision.
    versions
        Rows of the predictor's table.
    treated
        Versions under treatment in a running experiment.
    """
    if row is None or not row["fit_due"]:
        return []
    candidate = fitted_since(row, versions) or row["candidate_version"]
    others = {row["reigning_version"], row["pinned_version"], *treated} - {candidate, None}
    return [*([] if candidate is None else [candidate]), *sorted(others)]


def fitted_since(row: Mapping[str, Any], versions: pa.Table) -> int | None:
    """The version that was fitted by a retraining decision; None before it was."""
    fitted = [
        version["model_version"]
        for version in versions.to_pylist()
        if version["as_of_date"] == row["as_of_date"] and version["model_version"] > (row["last_version"] or 0)
    ]
    return max(fitted, default=None)


def judged(product_name: str, numbers: Sequence[int], load: Callable[[int], Loaded]) -> dict[int, Loaded]:
    """What `load` makes of each version that a run judges, the candidate first.

    One that cannot be loaded is left out and said: a reigning version that is damaged does not keep a new one from
    being judged. The candidate has to load.

    Raises
    ------
    RuntimeError
        When the candidate cannot be loaded.
    """
    loaded: dict[int, Loaded] = {}
    for place, number in enumerate(numbers):
        try:
            loaded[number] = load(number)
        except RuntimeError as error:
            if place == 0:
                raise
            logger.warning("%s v%d is not judged in this run: %s", product_name, number, error)
    return loaded


def is_left_over(row: Mapping[str, Any], versions: pa.Table | None, model_name: str) -> bool:
    """Whether there is a candidate that only has to be judged; one whose files cannot be proven is fitted anew.

    A run has left it, or the predictor was built a second time by one decision.
    """
    if versions is None:
        return False
    number = fitted_since(row, versions)
    if number is None and row["reason"] == "unfinished":
        number = row["candidate_version"]
    if number is None:
        return False
    try:
        version_uris(versions, [number], model_name)
    except RuntimeError as error:
        logger.warning("%s v%d, which no run has judged, is replaced by a new fit: %s", model_name, number, error)
        return False
    return True


def version_to_score(engine: Engine, examples: Any, champion: pa.Table, registered_name: str) -> int | None:
    """The version that serves by the champion table's rows; where there are rows to score, MLflow's aliases follow it.

    Returns
    -------
    int or None
        None when there is nothing to score: the data cannot teach the product, or the day is scored already.

    Raises
    ------
    RuntimeError
        When no version passes the gate; quotes the verdicts.
    """
    considered = champion.to_pylist()
    serving = [row["model_version"] for row in considered if row["serves"]]
    if not serving and any(row["is_learnable"] for row in considered):
        verdicts = "; ".join(row["verdict"] for row in considered)
        raise RuntimeError(f"no version passes the gate, nothing is scored: {verdicts}")
    if not serving or not engine.rows(examples.filter("split = 'score'").limit(1)).num_rows:
        return None
    number: int = serving[0]
    others = treated_versions(champion) or [
        row["model_version"] for row in considered if row["role"] == "candidate" and not row["serves"]
    ]
    store.point_aliases(registered_name, number, max(others, default=None))
    return number


def tell_registry(
    engine: Engine,
    product: ProductSettings,
    considered: Sequence[Mapping[str, Any]],
    versions: pa.Table,
    told: Mapping[str, Any],
) -> None:
    """Let MLflow say of each version that was considered what SQL found of it.

    Parameters
    ----------
    considered
        Rows of the champion table.
    versions
        Rows of the predictor's table.
    told
        Relations metrics, targets and inventory; none by a product that was written before any were asked for, of which
        nothing is told.
    """
    if not told:
        return
    from wanderbricks_ml.registry.describing import describe
    from wanderbricks_ml.registry.model_card import judged_versions

    name = product.model_name
    of_model = f"model_name = '{name}'"
    metrics = engine.rows(told["metrics"].filter("split = 'test'")).to_pylist()
    targets = engine.rows(told["targets"].filter(of_model)).to_pylist()
    inventory = engine.rows(told["inventory"].filter(of_model)).to_pylist()
    for judged in judged_versions(considered, versions.to_pylist(), metrics, targets, inventory):
        if describe(product, judged):
            logger.info("%s v%d: MLflow has its verdict, test metrics and card", name, judged.version["model_version"])


def version_uris(versions: pa.Table, numbers: list[int], name: str) -> dict[int | None, str]:
    """Where to load each version from: the folder of its files, proven to be those that were logged.

    Raises
    ------
    RuntimeError
        When the predictor's table does not know a version, MLflow has it no longer, or a file of it was changed.
    """
    known = {row["model_version"]: row for row in versions.to_pylist()}
    absent = [number for number in numbers if number not in known]
    if absent:
        raise RuntimeError(
            f"{name} v{absent[0]} serves, but the predictor's table does not know it; "
            "restore that table, or drop the predictions to start again"
        )
    return {number: str(store.verified(name, known[number])) for number in numbers}
