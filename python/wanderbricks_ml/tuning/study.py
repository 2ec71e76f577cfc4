"""A study: trials drawn, run, pruned, compared, and stored after each batch."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from wanderbricks_ml.tuning.folds import Evaluate
from wanderbricks_ml.tuning.space import ALGORITHM, Ranges, Search, Tuned

logger = logging.getLogger(__name__)

BATCH = 4
"""Trials that are drawn together. Fixed, so that a seed gives the same study on any number of cores."""

FINALISTS = 3
"""Trials that are fitted again on all rows."""

SHOWN_SECONDS = 5


def tuned(
    search: Search,
    current: Tuned,
    evaluate: Evaluate,
    digest: str,
    storage: str,
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
    search
        What may be searched in this run.
    current
        What is in use; see `Search.in_use`.
    evaluate
        Losses by fold.
    digest
        Of the rows behind them.
    storage
        Database of studies, as a URL of SQLAlchemy; or a folder with a file for each model, such as a volume's.
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
    name, limits, plan = search.name, search.limits, search.plan
    assert plan is not None
    rows = hashlib.sha256(f"{digest} {plan.seed} {plan.pruning}".encode()).hexdigest()
    study_name = f"{name} {search.as_of.isoformat()} {search.definition[:8]} {rows[:8]}"
    study, keep = _opened(study_name, storage, plan.pruning, name)
    starts = [("defaults", point) for point in search.defaults()]
    if current.record is not None and current.record["params"]:
        starts.append(("in use", current.record["params"]))
    if not study.trials:
        for origin, point in starts:
            study.enqueue_trial(point, user_attrs={"origin": origin})
    started = shown = time.perf_counter()
    # the starts are what all else is compared with: a study holds at least these
    wanted_trials = max(limits.trials, len(starts))
    from wanderbricks_ml.progress import name_thread

    workers = min(batch, os.cpu_count() or 1)
    with ThreadPoolExecutor(max_workers=workers, initializer=name_thread, initargs=(name,)) as pool:
        while (done := len(_finished(study))) < wanted_trials:
            if done >= len(starts) and time.perf_counter() - started > limits.seconds:
                logger.info("%s: %d of %d trials in %s s, the limit", name, done, wanted_trials, limits.seconds)
                break
            keep(_run_batch(study, search, evaluate, pool, min(batch, wanted_trials - done), plan.seed + done))
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
        result = _chosen(study, search, study_name, in_full, pool)
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


def _opened(study_name: str, storage: str, pruning: str, name: str) -> tuple[Any, Callable[[list[Any]], None]]:
    """A study in memory with the trials stored so far, and a function that stores more.

    Sampling reads all trials again and again, which a database makes slow; it gets each trial once, when finished.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage, put_back = (storage, None) if "://" in storage else _local_copy(Path(storage) / f"{name}.db")
    stored = optuna.create_study(study_name=study_name, storage=storage, direction="minimize", load_if_exists=True)
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

    def keep(trials: list[Any]) -> None:
        stored.add_trials(trials)
        if put_back:
            put_back()

    return study, keep


def _local_copy(file: Path) -> tuple[str, Callable[[], None]]:
    """A database's copy among temporary files, as a URL, and what puts it back.

    A volume of a workspace takes files that are written from begin to end, which SQLite's are not.
    """
    copy = Path(tempfile.mkdtemp(prefix="studies-")) / file.name
    if file.exists():
        shutil.copyfile(file, copy)
    file.parent.mkdir(parents=True, exist_ok=True)

    def put_back() -> None:
        # whole at once: a job that is ended meanwhile leaves the file of before
        part = file.with_suffix(".part")
        shutil.copyfile(copy, part)
        part.replace(file)

    return f"sqlite:///{copy}", put_back


def _run_batch(
    study: Any, search: Search, evaluate: Evaluate, pool: ThreadPoolExecutor, size: int, seed: int
) -> list[Any]:
    """Draw trials together, run them fold by fold, and tell their losses in the order in which they were drawn."""
    import optuna

    study.sampler = optuna.samplers.TPESampler(
        seed=seed,
        n_startup_trials=2 * BATCH,
        # where parameters depend on the algorithm there is no one space to draw from jointly
        multivariate=not (search.plan and search.plan.algorithms),
    )
    known = search.ranges
    trials = [study.ask() for _ in range(size)]
    points = [_drawn(trial, search, known) for trial in trials]
    runs = [evaluate(search.with_parameters(point)) for point in points]
    losses: list[list[float]] = [[] for _ in trials]
    seconds = [0.0] * size
    live = list(range(size))
    pruned: set[int] = set()

    def next_loss(place: int) -> float | None:
        began = time.perf_counter()
        try:
            loss = next(runs[place], None)
        except Exception as error:
            raise RuntimeError(_failure(search.name, trials[place].number, points[place], str(error))) from error
        if loss is not None and not math.isfinite(loss):
            raise RuntimeError(_failure(search.name, trials[place].number, points[place], f"its loss is {loss}"))
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


def _failure(name: str, number: int, point: Mapping[str, Any], why: str) -> str:
    return (
        f"{name}: trial {number} with {json.dumps(dict(point))} failed: {why}. Trials before it are "
        "kept; correct the range in config.meta.tuning, or the estimator"
    )


def _drawn(trial: Any, search: Search, known: Ranges) -> dict[str, Any]:
    algorithms = [*search.plan.algorithms] if search.plan else []
    chosen = trial.suggest_categorical(ALGORITHM, algorithms) if algorithms else None
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


def _chosen(study: Any, search: Search, study_name: str, final: Evaluate | None, pool: ThreadPoolExecutor) -> Tuned:
    finished = _finished(study)
    starts = [min(_of(study, "defaults"), key=lambda trial: trial.value), *_of(study, "in use")]
    others = sorted(
        (trial for trial in finished if "origin" not in trial.user_attrs and trial.state.name == "COMPLETE"),
        key=lambda trial: (trial.value, trial.number),
    )[: 1 if final is None else FINALISTS]
    # of several algorithms none is dropped where none was found to be better
    params = [{} if trial.user_attrs.get("origin") == "defaults" else dict(trial.params) for trial in starts + others]
    seconds = sum(trial.user_attrs["seconds"] for trial in finished)
    losses = [trial.user_attrs["losses"] for trial in starts + others]
    if final is not None:
        rerun = list(pool.map(lambda place: _finals(search, final, starts + others, params, place), range(len(params))))
        losses = [found for found, _ in rerun]
        seconds += sum(spent for _, spent in rerun)
    means = [float(np.mean(found)) for found in losses]
    start, best = int(np.argmin(means[: len(starts)])), int(np.argmin(means))
    gain = np.subtract(losses[start], losses[best])
    uncertain = float(gain.std(ddof=1) / np.sqrt(len(gain))) if len(gain) > 1 else 0.0
    taken = best if gain.mean() > uncertain else start
    record = {
        "definition": search.definition,
        "study": study_name,
        "trials": len(finished),
        "folds": len(losses[0]),
        "seconds": round(seconds, 1),
        "loss": means[taken],
        "default_loss": means[0],
        "params": params[taken],
    }
    finals = {} if final is None else dict(zip([trial.number for trial in starts + others], means, strict=True))
    return Tuned(search.with_parameters(params[taken]), record, [_fact(trial, finals) for trial in finished])


def _finals(
    search: Search, final: Evaluate, trials: Sequence[Any], params: Sequence[dict[str, Any]], place: int
) -> tuple[list[float], float]:
    """Losses on all rows, and the seconds that they took."""
    began = time.perf_counter()
    try:
        losses = list(final(search.with_parameters(params[place])))
    except Exception as error:
        raise RuntimeError(_failure(search.name, trials[place].number, trials[place].params, str(error))) from error
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
