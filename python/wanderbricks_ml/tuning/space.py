"""What may be searched: ranges of parameters, the defaults in them, and what an earlier search found."""

from __future__ import annotations

import copy
import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pyarrow as pa

from wanderbricks_ml.settings import Budget, ProductSettings, Tuning
from wanderbricks_ml.tuning.earlier import Earlier, earlier

logger = logging.getLogger(__name__)

ALGORITHM = "algorithm"

Ranges = Mapping[str, tuple[str | None, list[str], dict[str, Any]]]
"""By name of a parameter: the algorithm it belongs to, its path in the estimator's settings, and its range."""


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


@dataclass(frozen=True)
class Search:
    """What may be searched in a run, and for how long.

    Attributes
    ----------
    name
        The model.
    as_of
        Point in time of the run.
    estimator
        Its settings, the defaults.
    plan
        Ranges, folds, seed; None where nothing is ever searched.
    limits
        Of this run: the full budget where the retraining decision says `tune`.
    definition
        Digest of all that a set of parameters belongs to: defaults, space, features, roles and label.
    earlier
        The same settings as an earlier release had them, and the digest that its studies have.
    """

    name: str
    as_of: date
    estimator: Mapping[str, Any]
    plan: Tuning | None
    limits: Budget
    definition: str
    earlier: tuple[Earlier, str] | None

    @classmethod
    def of(cls, product: ProductSettings, decision: Mapping[str, Any]) -> Search:
        """The search of a run, given the retraining decision, one row."""
        plan = product.tuning
        limits = Budget(trials=0, seconds=0, rows=0)
        if plan is not None:
            limits = plan.full_budget if decision.get("tune") else plan.budget
        before = earlier(product)
        return cls(
            product.model_name,
            decision["as_of_date"],
            product.estimator,
            plan,
            limits,
            definition(product),
            None if before is None else (before, definition(before.product)),
        )

    @property
    def is_due(self) -> bool:
        """Whether this run searches."""
        return self.limits.trials >= 1

    @property
    def ranges(self) -> Ranges:
        """The search space.

        Raises
        ------
        ValueError
            When a name is no setting of the estimator, or its range is none or does not hold the default.
        """
        assert self.plan is not None
        found: dict[str, tuple[str | None, list[str], dict[str, Any]]] = {}
        for name, limits in self.plan.space.items():
            found[name] = (None, name.split("."), limits)
        for algorithm, own in self.plan.algorithms.items():
            if algorithm not in self.estimator.get("algorithms", {}):
                raise ValueError(
                    f"{self.name}: config.meta.tuning.algorithms has {algorithm}, which is none of the estimator's"
                )
            for name, limits in (own or {}).items():
                found[f"{algorithm}.{name}"] = (algorithm, ["algorithms", algorithm, *name.split(".")], limits)
        for name, (_, path, limits) in found.items():
            self._check_range(name, path, limits)
        return found

    def in_use(self, versions: pa.Table | None) -> Tuned:
        """What the newest version fitted so far was tuned to, where that still fits the settings; else the defaults.

        Parameters
        ----------
        versions
            The predictor's table as the last run left it: model_version, as_of_date, parameters; None before the
            first.
        """
        if self.plan is None or versions is None:
            return Tuned(copy.deepcopy(dict(self.estimator)))
        for version in sorted(versions.to_pylist(), key=lambda version: -version["model_version"]):
            record = self._of_today(json.loads(version["parameters"]).get("tuning"))
            if version["as_of_date"] <= self.as_of and record is not None:
                logger.info("%s: parameters of study %s", self.name, record["study"])
                return Tuned(self.with_parameters(record["params"]), record)
        return Tuned(copy.deepcopy(dict(self.estimator)))

    def _of_today(self, record: dict[str, Any] | None) -> dict[str, Any] | None:
        """What a study found, where it belongs to these settings, by whatever names it has them."""
        if record is None or record["definition"] == self.definition:
            return record
        if self.earlier is None or record["definition"] != self.earlier[1]:
            return None
        return record | {"definition": self.definition, "params": self.earlier[0].params(record["params"])}

    def with_parameters(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Settings of the estimator with the parameters of a trial; with its algorithm as the only one."""
        estimator: dict[str, Any] = copy.deepcopy(dict(self.estimator))
        known = self.ranges if params else {}
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
            estimator["algorithms"] = {chosen: estimator["algorithms"][chosen]}
        return estimator

    def defaults(self) -> list[dict[str, Any]]:
        """The defaults as points of the space: one, or one for each algorithm."""
        assert self.plan is not None
        known = self.ranges
        algorithms: Sequence[str | None] = [*self.plan.algorithms] or [None]
        points = []
        for algorithm in algorithms:
            point: dict[str, Any] = {} if algorithm is None else {ALGORITHM: algorithm}
            for name, (owner, path, _) in known.items():
                if owner in (None, algorithm):
                    value: Any = self.estimator
                    for step in path:
                        value = value[step]
                    point[name] = value
            points.append(point)
        return points

    def _check_range(self, name: str, path: Sequence[str], limits: Mapping[str, Any]) -> None:
        where = f"{self.name}: {name} in config.meta.tuning"
        default: Any = self.estimator
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


def definition(product: ProductSettings) -> str:
    """Digest of all that a set of parameters belongs to: defaults, space, features, roles and label."""
    plan = product.tuning
    parts: list[Any] = [product.model_name, product.estimator, product.numeric, product.categorical]
    parts += [getattr(product, "label", None)]
    # None where there is none, as in the settings that wrote the digests of stored versions
    parts += [(plan.space or None) if plan else None, (plan.algorithms or None) if plan else None]
    if roles := getattr(product, "roles", None):
        parts.append(roles)
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]
