"""Search for a model's parameters with Optuna, on time-ordered folds of the rows that it learns from.

The settings' block `tuning` says what is searched and for how long (docs/tuning.md); the retraining decision says
whether with the full budget. A study is stored after each batch of trials, so that one which was interrupted goes on.
What it found is written into the version's `parameters`, from which later fits take it up again.
"""

from __future__ import annotations

import copy
import hashlib
import itertools
import json
import logging
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from wanderbricks_ml.frames import group_numbers, iso

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)

Floats = NDArray[np.floating[Any]]
Days = NDArray[np.datetime64]
Places = NDArray[np.intp]
Rows = tuple[Floats, Floats]
"""Columns, shape (rows, columns), and labels, shape (rows,)."""

Evaluate = Callable[[dict[str, Any]], Iterator[float]]
"""Losses of an estimator's settings, fold after fold; less is better."""

BATCH = 4
"""Trials that are drawn together. Fixed, so that a seed gives the same study on any number of cores."""

FINALISTS = 3
"""Trials that are fitted again on all rows."""

SHOWN_SECONDS = 5
LEAST_ROWS = 100
"""Rows without which a part of a fold says nothing."""

_SETTINGS = {"budget", "full_budget", "folds", "pruning", "seed", "unit", "space", "algorithms"}
_BUDGET = {"trials", "seconds", "rows"}
_ALGORITHM = "algorithm"


class Fold(NamedTuple):
    """Rows to fit on, rows that stop (and calibrate) the fit, and later rows that judge it."""

    train: Rows
    stop: Rows
    judged: Rows
    groups: tuple[Places, Places, Places] | None = None
    """Number of the group of each row of the three parts, for estimators that compare rows of a group."""


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


def poisson_deviance(actual: Floats, expected: Floats) -> float:
    """Mean Poisson deviance; of labels that are not negative a proper loss for means."""
    expected = np.maximum(np.asarray(expected, dtype=np.float64), 1e-9)
    ratio = np.where(actual > 0, actual, 1.0) / expected
    return float(2 * np.mean(np.where(actual > 0, actual * np.log(ratio), 0.0) - actual + expected))


def log_loss(actual: Floats, probability: Floats) -> float:
    """Mean negative log likelihood of labels of 0 or 1."""
    likely = np.where(actual > 0, probability, 1 - np.asarray(probability, dtype=np.float64))
    return float(-np.mean(np.log(np.maximum(likely, 1e-9))))


LOSSES: dict[str, tuple[str, Callable[..., float]]] = {
    "count": ("Poisson deviance", lambda model, X, y: poisson_deviance(y, model.predict(X))),
    "probability": ("log loss", lambda model, X, y: log_loss(y, model.predict(X))),
    "value": ("Poisson deviance", lambda model, X, y: poisson_deviance(y, model.predict(X)[:, 0])),
    # of expected bookings at the prices asked, which are wrong where the slope or what is expected without it is
    "price_response": ("Poisson deviance", lambda model, X, y: poisson_deviance(y, model.predict(X)[:, 0])),
    "ranking": ("1 - NDCG at 10", lambda model, X, y, groups: 1 - _ndcg(model, X, y, groups)),
}
"""By task of the estimator: name of the loss, and its mean from a fitted estimator, columns, labels and, for a ranking,
groups."""


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
        if name == _ALGORITHM:
            continue
        *path, last = known[name][1]
        place = estimator
        for step in path:
            place = place[step]
        place[last] = value
    if _ALGORITHM in params:
        chosen = params[_ALGORITHM]
        estimator["candidates"] = {chosen: estimator["candidates"][chosen]}
    return estimator


def default_parameters(settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The defaults as points of the space: one, or one for each algorithm."""
    known = space(settings)
    algorithms: Sequence[str | None] = [*settings["tuning"].get("algorithms", {})] or [None]
    points = []
    for algorithm in algorithms:
        point: dict[str, Any] = {} if algorithm is None else {_ALGORITHM: algorithm}
        for name, (owner, path, _) in known.items():
            if owner in (None, algorithm):
                value: Any = settings["estimator"]
                for step in path:
                    value = value[step]
                point[name] = value
        points.append(point)
    return points


def split_in_time(day: Days, seen: Days, known: Days, folds: int) -> list[tuple[Places, Places, Places]]:
    """Rows of each fold: to fit on, to stop by, to judge by; every label of one is known before the next is seen.

    The newest half of the rows by date makes `folds` windows to judge by, equal in rows. A fold fits on what was known
    before the first snapshot of its window, of which the newest fifth of the dates stops it. A fold that has too few
    rows in a part is left out.

    Parameters
    ----------
    day, seen, known
        Date of each row, its snapshot, and the day from which its label is known, shape (rows,).
    """
    ordered = np.sort(day)
    places = [len(day) * (folds + number) // (2 * folds) for number in range(folds)]
    bounds = [*np.unique(ordered[places]), ordered[-1] + np.timedelta64(1, "D")]
    found = []
    for first, end in itertools.pairwise(bounds):
        judged = np.flatnonzero((day >= first) & (day < end))
        before = known < seen[judged].min()
        if not before.any():
            continue
        newest = np.sort(day[before])[int(0.8 * before.sum())]
        stop = np.flatnonzero(before & (day >= newest))
        train = np.flatnonzero(before & (known < seen[stop].min()))
        if min(len(train), len(stop), len(judged)) >= LEAST_ROWS:
            found.append((train, stop, judged))
    return found


def folds_of(
    splits: Mapping[str, tuple[pd.DataFrame, pa.Table]],
    settings: Mapping[str, Any],
    rows: int,
    preprocessing: Callable[[], Any],
) -> list[Fold]:
    """Folds of a sample of the train rows, divided in time.

    Where these cannot be, see `halves_of_validation`. No row of test is ever read.

    Parameters
    ----------
    splits
        Features and `columns` of the splits train and validation.
    rows
        Most rows of the sample.
    preprocessing
        Makes the step that encodes features; each fold fits its own.
    """
    name, tuning = settings["model_name"], settings["tuning"]
    frame, known = _sampled(*splits["train"], settings, rows)
    labels = known[settings["label"]].to_numpy()
    day, seen, label_known = (
        known[column].to_numpy().astype("datetime64[D]")
        for column in (settings["date"], "as_of_date", "label_known_date")
    )
    made = []
    for places in split_in_time(day, seen, label_known, tuning.get("folds", 3)):
        if all(_varies(labels[place]) for place in places):
            fit, stop, judge = _encoded(preprocessing(), [(frame.iloc[place], labels[place]) for place in places])
            groups = None
            if "group" in settings:
                numbers = group_numbers(known, settings)
                groups = (numbers[places[0]], numbers[places[1]], numbers[places[2]])
            made.append(Fold(fit, stop, judge, groups))
    if made:
        logger.info("%s: tuning on %d folds in time, %s rows", name, len(made), f"{len(frame):,}")
        return made
    logger.info("%s: train cannot be divided in time; tuning on train against halves of validation", name)
    return halves_of_validation(splits, settings, rows, preprocessing)


def halves_of_validation(
    splits: Mapping[str, tuple[pd.DataFrame, pa.Table]],
    settings: Mapping[str, Any],
    rows: int | None,
    preprocessing: Callable[[], Any],
) -> list[Fold]:
    """Two folds: a fit on train that one half of validation stops and the other judges, and the other way round.

    Halves are of units, or else of the first key, since the rows of one are alike. No fold where a part is too small.

    Parameters
    ----------
    splits, rows, preprocessing
        See `folds_of`; all rows where `rows` is None.
    """
    import pandas as pd

    (frame, known), (held_out, held_known) = (
        _sampled(*splits[split], settings, rows or len(splits[split][0])) for split in ("train", "validation")
    )
    labels, held_labels = (part[settings["label"]].to_numpy() for part in (known, held_known))
    unit = settings["tuning"].get("unit", settings["keys"][0])
    first = pd.util.hash_array(held_known[unit].to_numpy()) % 2 == 0
    if not all(len(part) >= LEAST_ROWS and _varies(part) for part in (labels, held_labels[first], held_labels[~first])):
        logger.warning("%s: too few rows to tune on; the parameters stay", settings["model_name"])
        return []
    train, one, other = _encoded(
        preprocessing(), [(frame, labels), *((held_out[half], held_labels[half]) for half in (first, ~first))]
    )
    if "group" not in settings:
        return [Fold(train, one, other), Fold(train, other, one)]
    learnt, held = group_numbers(known, settings), group_numbers(held_known, settings)
    return [
        Fold(train, one, other, (learnt, held[first], held[~first])),
        Fold(train, other, one, (learnt, held[~first], held[first])),
    ]


def _sampled(
    frame: pd.DataFrame, known: pa.Table, settings: Mapping[str, Any], rows: int
) -> tuple[pd.DataFrame, pa.Table]:
    """At most `rows` rows, drawn by the seed; whole units where the settings name one."""
    if len(frame) <= rows:
        return frame, known
    random = np.random.default_rng(settings["tuning"].get("seed", 7))
    unit = settings["tuning"].get("unit")
    if unit is None:
        chosen = np.sort(random.choice(len(frame), rows, replace=False))
    else:
        values, place = np.unique(known[unit].to_numpy(), return_inverse=True)
        chosen = np.flatnonzero((random.random(len(values)) < rows / len(frame))[place])
    return frame.iloc[chosen], known.take(pa.array(chosen))


def _ndcg(model: Any, X: Floats, y: Floats, groups: Places) -> float:
    from wanderbricks_ml.ranking import mean_ndcg

    return mean_ndcg(y, model.predict(X), groups)


def _varies(labels: Floats) -> bool:
    return bool(labels.min() < labels.max())


def _encoded(preprocess: Any, parts: Sequence[tuple[pd.DataFrame, Floats]]) -> list[Rows]:
    """Features of all parts as numbers, encoded as the first one has them."""
    preprocess.fit(parts[0][0])
    return [(np.asarray(preprocess.transform(frame), dtype=np.float32), labels) for frame, labels in parts]


def losses_on(folds: Sequence[Fold]) -> Evaluate:
    """Losses of an estimator that is fitted on each fold, with one thread: trials run side by side."""

    def evaluate(estimator: dict[str, Any]) -> Iterator[float]:
        from threadpoolctl import threadpool_limits

        from wanderbricks_ml.estimators import made_from

        for fold in folds:
            model = made_from(_with_one_thread(estimator))
            with threadpool_limits(1, "openmp"):
                together = {} if fold.groups is None else {"groups": fold.groups[:2]}
                model.fit(*fold.train, validation=fold.stop, **together)
                loss = LOSSES[model.task][1](model, *fold.judged, *(fold.groups or ())[2:])
            yield loss

    return evaluate


def _with_one_thread(settings: Any) -> Any:
    if not isinstance(settings, Mapping):
        return settings
    return {
        name: 1 if name in ("nthread", "n_jobs", "threads") else _with_one_thread(value)
        for name, value in settings.items()
    }


def data_digest(folds: Sequence[Fold]) -> str:
    """Digest of the rows of all folds."""
    digest = hashlib.sha256()
    for fold in folds:
        for X, y in fold[:3]:
            digest.update(np.ascontiguousarray(X).tobytes())
            digest.update(np.ascontiguousarray(y).tobytes())
    return digest.hexdigest()


def tuned(
    settings: Mapping[str, Any],
    row: Mapping[str, Any],
    current: Tuned,
    evaluate: Evaluate,
    digest: str,
    loss_name: str = "loss",
    batch: int = BATCH,
    final: Callable[[], Evaluate | None] | None = None,
) -> Tuned:
    """Search the space within this run's budget.

    A study is of one definition and one set of rows: it goes on where it was interrupted, and is searched anew when
    either changes. Its first trials are the defaults and the parameters in use. The best trial replaces them only
    where its mean loss is lower by more than one standard error of the paired difference over the folds. What is best
    for a sample need not be for many times as many rows, which bear larger trees: with `final` the `FINALISTS` best
    trials are compared by that instead.

    Parameters
    ----------
    row
        The retraining decision.
    current
        What is in use; see `in_use`.
    evaluate
        Losses by fold.
    digest
        Of the rows behind them.
    loss_name
        For the log.
    batch
        Trials that run side by side, on at most as many threads as there are cores.
    final
        Makes what gives the losses of a fit on all rows, or None where these are too few.

    Raises
    ------
    RuntimeError
        When a trial fails.
    """
    limits = budget(settings, row)
    tuning, name = settings["tuning"], settings["model_name"]
    seed = tuning.get("seed", 7)
    wanted = definition(settings)
    rows = hashlib.sha256(f"{digest} {seed} {tuning.get('pruning', 'median')}".encode()).hexdigest()
    study_name = f"{name} {iso(row['as_of_date'])} {wanted[:8]} {rows[:8]}"
    study, keep = _opened(study_name, tuning.get("pruning", "median"))
    starts = [("defaults", point) for point in default_parameters(settings)]
    if current.record is not None and current.record["params"]:
        starts.append(("in use", current.record["params"]))
    if not study.trials:
        for origin, point in starts:
            study.enqueue_trial(point, user_attrs={"origin": origin})
    started = shown = time.perf_counter()
    # the starts are what all else is compared with: a study holds at least these
    wanted_trials = max(int(limits["trials"]), len(starts))
    with ThreadPoolExecutor(max_workers=min(batch, os.cpu_count() or 1)) as pool:
        while (done := len(_finished(study))) < wanted_trials:
            if done >= len(starts) and time.perf_counter() - started > limits["seconds"]:
                logger.info("%s: %d of %d trials in %s s, the limit", name, done, wanted_trials, limits["seconds"])
                break
            keep(_run_batch(study, settings, evaluate, pool, min(batch, wanted_trials - done), seed + done))
            if time.perf_counter() - shown > SHOWN_SECONDS:
                shown = time.perf_counter()
                logger.info(
                    "%s: trial %d of %d, best %s %.5g (defaults %.5g)",
                    name,
                    len(_finished(study)),
                    wanted_trials,
                    loss_name,
                    study.best_value,
                    min(trial.value for trial in _of(study, "defaults")),
                )
        seconds = time.perf_counter() - started
        logger.info("%s: %d trials in %.0f s", name, len(_finished(study)), seconds)
        in_full = None if final is None else final()
        if in_full:
            logger.info("%s: the %d best and what is in use are fitted on all rows", name, FINALISTS)
        result = _chosen(study, settings, study_name, in_full, pool)
    record = result.record or {}
    logger.info(
        "%s: %s %.5g, defaults %.5g%s%s",
        name,
        loss_name,
        record["loss"],
        record["default_loss"],
        " on all rows" if in_full else "",
        "" if record["params"] else ": the defaults stay",
    )
    return result


def _opened(study_name: str, pruning: str) -> tuple[Any, Callable[[list[Any]], None]]:
    """A study in memory with the trials stored so far, and a function that stores more.

    Sampling reads all trials again and again, which a database makes slow; it gets each trial once, when finished.
    """
    import optuna

    from wanderbricks_ml import registry

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    stored = optuna.create_study(
        study_name=study_name, storage=registry.study_storage(), direction="minimize", load_if_exists=True
    )
    pruner = (
        optuna.pruners.NopPruner()
        if pruning == "none"
        else optuna.pruners.MedianPruner(n_startup_trials=2 * BATCH, n_warmup_steps=0)
    )
    study = optuna.create_study(direction="minimize", pruner=pruner)
    before = stored.trials
    if before:
        logger.info("study %s goes on after %d trials", study_name, len(before))
    study.add_trials(before)
    return study, stored.add_trials


def _run_batch(
    study: Any, settings: Mapping[str, Any], evaluate: Evaluate, pool: ThreadPoolExecutor, size: int, seed: int
) -> list[Any]:
    """Draw trials together, run them fold by fold, and tell their losses in the order in which they were drawn."""
    import optuna

    study.sampler = optuna.samplers.TPESampler(
        seed=seed,
        n_startup_trials=2 * BATCH,
        # where parameters depend on the algorithm there is no one space to draw from jointly
        multivariate="algorithms" not in settings["tuning"],
    )
    known = space(settings)
    trials = [study.ask() for _ in range(size)]
    points = [_drawn(trial, known, settings) for trial in trials]
    runs = [evaluate(with_parameters(settings, point)) for point in points]
    losses: list[list[float]] = [[] for _ in trials]
    seconds = [0.0] * size
    live = list(range(size))
    pruned: set[int] = set()

    def next_loss(place: int) -> float | None:
        began = time.perf_counter()
        try:
            loss = next(runs[place], None)
        except Exception as error:
            raise RuntimeError(_failure(settings, trials[place].number, points[place], str(error))) from error
        if loss is not None and not math.isfinite(loss):
            raise RuntimeError(_failure(settings, trials[place].number, points[place], f"its loss is {loss}"))
        seconds[place] += time.perf_counter() - began
        return loss

    while live:
        for place, loss in zip(list(live), pool.map(next_loss, list(live)), strict=True):
            if loss is None:
                live.remove(place)
                continue
            losses[place].append(loss)
            # over the first trial's losses: folds differ in how hard they are, and pruning compares across them
            against = losses[0] if trials[0].number == 0 else study.trials[0].user_attrs["losses"]
            trials[place].report(
                float(np.mean(np.divide(losses[place], against[: len(losses[place])]))), len(losses[place])
            )
            if "origin" not in trials[place].user_attrs and trials[place].should_prune():
                pruned.add(place)
                live.remove(place)
    finished = []
    for place, trial in enumerate(trials):
        trial.set_user_attr("losses", losses[place])
        trial.set_user_attr("seconds", seconds[place])
        if place in pruned:
            finished.append(study.tell(trial, state=optuna.trial.TrialState.PRUNED))
        else:
            finished.append(study.tell(trial, float(np.mean(losses[place]))))
    return finished


def _failure(settings: Mapping[str, Any], number: int, point: Mapping[str, Any], why: str) -> str:
    return (
        f"{settings['model_name']}: trial {number} with {json.dumps(dict(point))} failed: {why}. Trials before it are "
        "kept; correct the range under tuning in config.meta, or the estimator"
    )


def _drawn(trial: Any, known: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    algorithms = [*settings["tuning"].get("algorithms", {})]
    chosen = trial.suggest_categorical(_ALGORITHM, algorithms) if algorithms else None
    for name, (owner, _, limits) in known.items():
        if owner not in (None, chosen):
            continue
        if "choices" in limits:
            trial.suggest_categorical(name, limits["choices"])
        elif isinstance(limits["low"], int) and isinstance(limits["high"], int):
            trial.suggest_int(name, limits["low"], limits["high"], log=limits.get("log", False))
        else:
            trial.suggest_float(name, limits["low"], limits["high"], log=limits.get("log", False))
    drawn: dict[str, Any] = trial.params
    return drawn


def _finished(study: Any) -> list[Any]:
    return [trial for trial in study.trials if trial.state.is_finished()]


def _of(study: Any, origin: str) -> list[Any]:
    return [trial for trial in _finished(study) if trial.user_attrs.get("origin") == origin]


def _chosen(
    study: Any, settings: Mapping[str, Any], study_name: str, final: Evaluate | None, pool: ThreadPoolExecutor
) -> Tuned:
    finished = _finished(study)
    starts = [min(_of(study, "defaults"), key=lambda trial: trial.value), *_of(study, "in use")]
    others = sorted(
        (trial for trial in finished if "origin" not in trial.user_attrs and trial.state.name == "COMPLETE"),
        key=lambda trial: (trial.value, trial.number),
    )[: 1 if final is None else FINALISTS]
    # of several candidates none is dropped where none was found to be better
    params = [{} if trial.user_attrs.get("origin") == "defaults" else dict(trial.params) for trial in starts + others]
    seconds = sum(trial.user_attrs["seconds"] for trial in finished)
    losses = [trial.user_attrs["losses"] for trial in starts + others]
    if final is not None:
        rerun = list(
            pool.map(lambda place: _finals(settings, final, starts + others, params, place), range(len(params)))
        )
        losses = [found for found, _ in rerun]
        seconds += sum(spent for _, spent in rerun)
    means = [float(np.mean(found)) for found in losses]
    start, best = int(np.argmin(means[: len(starts)])), int(np.argmin(means))
    gain = np.subtract(losses[start], losses[best])
    uncertain = float(gain.std(ddof=1) / np.sqrt(len(gain))) if len(gain) > 1 else 0.0
    taken = best if gain.mean() > uncertain else start
    record = {
        "definition": definition(settings),
        "study": study_name,
        "trials": len(finished),
        "folds": len(losses[0]),
        "seconds": round(seconds, 1),
        "loss": means[taken],
        "default_loss": means[0],
        "params": params[taken],
    }
    finals = {} if final is None else dict(zip([trial.number for trial in starts + others], means, strict=True))
    return Tuned(with_parameters(settings, params[taken]), record, [_fact(trial, finals) for trial in finished])


def _finals(
    settings: Mapping[str, Any], final: Evaluate, trials: Sequence[Any], params: Sequence[dict[str, Any]], place: int
) -> tuple[list[float], float]:
    """Losses on all rows, and the seconds that they took."""
    began = time.perf_counter()
    try:
        losses = list(final(with_parameters(settings, params[place])))
    except Exception as error:
        raise RuntimeError(_failure(settings, trials[place].number, trials[place].params, str(error))) from error
    return losses, time.perf_counter() - began


def _fact(trial: Any, finals: Mapping[int, float]) -> dict[str, Any]:
    return {
        "number": trial.number,
        "state": trial.state.name.lower(),
        "origin": trial.user_attrs.get("origin", ""),
        "loss": trial.value if trial.state.name == "COMPLETE" else None,
        "losses": trial.user_attrs["losses"],
        "final_loss": finals.get(trial.number),
        "seconds": trial.user_attrs["seconds"],
        "params": dict(trial.params),
        "distributions": dict(trial.distributions),
        "started": trial.datetime_start,
        "ended": trial.datetime_complete,
    }


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

    from wanderbricks_ml import registry

    client = registry.connect()
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
