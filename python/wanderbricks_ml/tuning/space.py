"""What is searched: budget, ranges of parameters, and what an earlier search found."""

from __future__ import annotations

import copy
import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

logger = logging.getLogger(__name__)

_SETTINGS = {"budget", "full_budget", "folds", "pruning", "seed", "unit", "space", "algorithms"}
_BUDGET = {"trials", "seconds", "rows"}
ALGORITHM = "algorithm"


@dataclass(frozen=True)
class Tuned:
    """What to fit with, and where that comes from.

    Attributes
    ----------
    estimator
        Settings of the estimator, for `estimators.made_from`.
    record
        What `parameters` of the version holds under `tuning`: definition, study, trials, folds, seconds (wall time of
        all trials and finalists, added up), loss and default_loss by which it was chosen, and the params found (none
        where the defaults stayed); None where nothing was ever searched.
    trials
        Finished trials of this run's study, in order: number, state, origin, loss, losses, final_loss, seconds,
        params, distributions, started, ended.
    """

    estimator: dict[str, Any]
    record: dict[str, Any] | None = None
    trials: list[dict[str, Any]] = field(default_factory=list)

    @property
    def parameters(self) -> str:
        """JSON for the column `parameters` of the predictor's table."""
        found = self.estimator if self.record is None else self.estimator | {"tuning": self.record}
        return json.dumps(found, sort_keys=True)


def budget(settings: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, float]:
    """Trials, seconds and rows of this run's study: the full budget where the decision says `tune`.

    Raises
    ------
    ValueError
        When the settings' block `tuning` holds what it cannot.
    """
    if "tuning" not in settings:
        return {"trials": 0, "seconds": 0, "rows": 0}
    found = settings["tuning"]
    where = f"{settings['model_name']}: tuning in config.meta"
    if unknown := sorted(set(found) - _SETTINGS):
        raise ValueError(f"{where} has {unknown[0]}; it takes {', '.join(sorted(_SETTINGS))}")
    if found.get("pruning", "median") not in ("median", "none"):
        raise ValueError(f"{where} has pruning {found['pruning']}; it takes median or none")
    for name in ("budget", "full_budget"):
        if set(found.get(name, {})) != _BUDGET:
            raise ValueError(f"{where} needs trials, seconds and rows under {name}")
    if not (found.get("space") or found.get("algorithms")):
        raise ValueError(f"{where} has neither space nor algorithms to search")
    return dict(found["full_budget" if row.get("tune") else "budget"])


def columns(settings: Mapping[str, Any], row: Mapping[str, Any]) -> list[str]:
    """Columns of the examples, beyond date and label, that a study needs; none where this run has no study."""
    if budget(settings, row)["trials"] < 1:
        return []
    unit = settings["tuning"].get("unit")
    return list(dict.fromkeys(["as_of_date", "label_known_date", settings["keys"][0], *([unit] if unit else [])]))


def definition(settings: Mapping[str, Any]) -> str:
    """Digest of all that a set of parameters belongs to: defaults, space, features and label."""
    tuning = settings.get("tuning", {})
    names = ("model_name", "estimator", "numeric", "categorical", "label")
    parts = [settings.get(name) for name in names] + [tuning.get("space"), tuning.get("algorithms")]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


def in_use(settings: Mapping[str, Any], row: Mapping[str, Any], versions: pa.Table | None) -> Tuned:
    """What the newest version fitted so far was tuned to, where that still fits the settings; else the defaults.

    Parameters
    ----------
    versions
        The predictor's table as the last run left it: model_version, as_of_date, parameters; None before the first.
    """
    estimator = copy.deepcopy(dict(settings["estimator"]))
    if "tuning" not in settings or versions is None:
        return Tuned(estimator)
    wanted = definition(settings)
    for version in sorted(versions.to_pylist(), key=lambda version: -version["model_version"]):
        record = json.loads(version["parameters"]).get("tuning")
        if version["as_of_date"] <= row["as_of_date"] and record is not None and record["definition"] == wanted:
            logger.info("%s: parameters of study %s", settings["model_name"], record["study"])
            return Tuned(with_parameters(settings, record["params"]), record)
    return Tuned(estimator)


def space(settings: Mapping[str, Any]) -> dict[str, tuple[str | None, list[str], dict[str, Any]]]:
    """The search space: by name of the parameter the algorithm it belongs to, its path and its range.

    Raises
    ------
    ValueError
        When a name is no setting of the estimator, or its range is none or does not hold the default.
    """
    tuning = settings["tuning"]
    found: dict[str, tuple[str | None, list[str], dict[str, Any]]] = {}
    for name, limits in tuning.get("space", {}).items():
        found[name] = (None, name.split("."), limits)
    for algorithm, own in tuning.get("algorithms", {}).items():
        if algorithm not in settings["estimator"].get("candidates", {}):
            raise ValueError(
                f"{settings['model_name']}: {algorithm} under tuning in config.meta is no candidate of the estimator"
            )
        for name, limits in (own or {}).items():
            found[f"{algorithm}.{name}"] = (algorithm, ["candidates", algorithm, *name.split(".")], limits)
    for name, (_, path, limits) in found.items():
        where = f"{settings['model_name']}: {name} under tuning in config.meta"
        default: Any = settings["estimator"]
        for step in path:
            if not isinstance(default, Mapping) or step not in default:
                raise ValueError(f"{where} is no setting of the estimator; give it a default there")
            default = default[step]
        if "choices" in limits:
            if default not in limits["choices"]:
                raise ValueError(f"{where} leaves out the default, {default}")
        elif not {"low", "high"} <= set(limits) <= {"low", "high", "log"} or limits["low"] >= limits["high"]:
            raise ValueError(f"{where} needs choices, or low below high, and perhaps log")
        elif not limits["low"] <= default <= limits["high"]:
            raise ValueError(f"{where} leaves out the default, {default}: it runs {limits['low']} to {limits['high']}")
    return found


def with_parameters(settings: Mapping[str, Any], params: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of the estimator with the parameters of a trial; with its algorithm as the only candidate."""
    estimator: dict[str, Any] = copy.deepcopy(dict(settings["estimator"]))
    known = space(settings) if params else {}
    for name, value in params.items():
        if name == ALGORITHM:
            continue
        *path, last = known[name][1]
        place = estimator
        for step in path:
            place = place[step]
        place[last] = value
    if ALGORITHM in params:
        chosen = params[ALGORITHM]
        estimator["candidates"] = {chosen: estimator["candidates"][chosen]}
    return estimator


def default_parameters(settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The defaults as points of the space: one, or one for each algorithm."""
    known = space(settings)
    algorithms: Sequence[str | None] = [*settings["tuning"].get("algorithms", {})] or [None]
    points = []
    for algorithm in algorithms:
        point: dict[str, Any] = {} if algorithm is None else {ALGORITHM: algorithm}
        for name, (owner, path, _) in known.items():
            if owner in (None, algorithm):
                value: Any = settings["estimator"]
                for step in path:
                    value = value[step]
                point[name] = value
        points.append(point)
    return points
