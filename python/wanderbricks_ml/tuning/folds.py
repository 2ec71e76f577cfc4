"""Rows to fit on, to stop by and to judge by, divided in time."""

from __future__ import annotations

import hashlib
import itertools
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from wanderbricks_ml.arrays import Days, Floats, Ints
from wanderbricks_ml.features import group_numbers, preprocessing
from wanderbricks_ml.settings import Features, RowSettings, Tuning
from wanderbricks_ml.tuning.losses import LOSSES

if TYPE_CHECKING:
    import pandas as pd


logger = logging.getLogger(__name__)

Rows = tuple[Floats, Floats]
"""Columns, shape (rows, columns), and labels, shape (rows,)."""

Evaluate = Callable[[dict[str, Any]], Iterator[float]]
"""Losses of an estimator's settings, fold after fold; less is better."""
MIN_ROWS = 100
"""Rows without which a part of a fold says nothing."""


class Fold(NamedTuple):
    """Rows to fit on, rows that stop (and calibrate) the fit, and later rows that judge it."""

    train: Rows
    stop: Rows
    judged: Rows
    groups: tuple[Ints, Ints, Ints] | None = None
    """Number of the group of each row of the three parts, for estimators that compare rows of a group."""


def split_in_time(day: Days, seen: Days, known: Days, folds: int) -> list[tuple[Ints, Ints, Ints]]:
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
    found: list[tuple[Ints, Ints, Ints]] = []
    for first, end in itertools.pairwise(bounds):
        judged = np.flatnonzero((day >= first) & (day < end))
        before = known < seen[judged].min()
        if not before.any():
            continue
        newest = np.sort(day[before])[int(0.8 * before.sum())]
        stop = np.flatnonzero(before & (day >= newest))
        train = np.flatnonzero(before & (known < seen[stop].min()))
        if min(len(train), len(stop), len(judged)) >= MIN_ROWS:
            found.append((train, stop, judged))
    return found


def folds_of(
    splits: Mapping[str, tuple[pd.DataFrame, pa.Table]],
    product: RowSettings,
    rows: int,
) -> list[Fold]:
    """Folds of a sample of the train rows, divided in time.

    Where these cannot be, see `halves_of_validation`. No row of test is ever read.

    Parameters
    ----------
    splits
        Features and `columns` of the splits train and validation.
    rows
        Most rows of the sample.
    """
    name, plan = product.model_name, _plan(product)
    frame, known = _sampled(*splits["train"], plan, rows)
    labels = known[product.label].to_numpy()
    day, seen, label_known = (
        known[column].to_numpy().astype("datetime64[D]") for column in (product.date, "as_of_date", "label_known_date")
    )
    made = []
    for places in split_in_time(day, seen, label_known, plan.folds):
        if all(_varies(labels[place]) for place in places):
            fit, stop, judge = _encoded(product.features, [(frame.iloc[place], labels[place]) for place in places])
            groups = None
            if product.group:
                numbers = group_numbers(known, product.group)
                groups = (numbers[places[0]], numbers[places[1]], numbers[places[2]])
            made.append(Fold(fit, stop, judge, groups))
    if made:
        logger.info("%s: tuning on %d folds in time, %s rows", name, len(made), f"{len(frame):,}")
        return made
    logger.info("%s: train cannot be divided in time; tuning on train against halves of validation", name)
    return halves_of_validation(splits, product, rows)


def halves_of_validation(
    splits: Mapping[str, tuple[pd.DataFrame, pa.Table]],
    product: RowSettings,
    rows: int | None,
) -> list[Fold]:
    """Two folds: a fit on train that one half of validation stops and the other judges, and the other way round.

    Halves are of units, or else of the first key, since the rows of one are alike. No fold where a part is too small.

    Parameters
    ----------
    splits, rows
        See `folds_of`; all rows where `rows` is None.
    """
    import pandas as pd

    plan = _plan(product)
    (frame, known), (held_out, held_known) = (
        _sampled(*splits[split], plan, rows or len(splits[split][0])) for split in ("train", "validation")
    )
    labels, held_labels = (part[product.label].to_numpy() for part in (known, held_known))
    unit = plan.unit or product.keys[0]
    first = pd.util.hash_array(held_known[unit].to_numpy()) % 2 == 0
    if not all(len(part) >= MIN_ROWS and _varies(part) for part in (labels, held_labels[first], held_labels[~first])):
        logger.warning("%s: too few rows to tune on; the parameters stay", product.model_name)
        return []
    train, one, other = _encoded(
        product.features, [(frame, labels), *((held_out[half], held_labels[half]) for half in (first, ~first))]
    )
    if not product.group:
        return [Fold(train, one, other), Fold(train, other, one)]
    learnt, held = group_numbers(known, product.group), group_numbers(held_known, product.group)
    return [
        Fold(train, one, other, (learnt, held[first], held[~first])),
        Fold(train, other, one, (learnt, held[~first], held[first])),
    ]


def study_columns(product: RowSettings) -> list[str]:
    """Columns of the examples, beyond date and label, that folds are made by."""
    unit = _plan(product).unit
    return list(dict.fromkeys(["as_of_date", "label_known_date", product.keys[0], *([unit] if unit else [])]))


def _plan(product: RowSettings) -> Tuning:
    if product.tuning is None:
        raise ValueError(f"{product.model_name}: config.meta lacks tuning, by which to search")
    return product.tuning


def _sampled(frame: pd.DataFrame, known: pa.Table, plan: Tuning, rows: int) -> tuple[pd.DataFrame, pa.Table]:
    """At most `rows` rows, drawn by the seed; whole units where the settings name one."""
    if len(frame) <= rows:
        return frame, known
    random = np.random.default_rng(plan.seed)
    if plan.unit is None:
        chosen = np.sort(random.choice(len(frame), rows, replace=False))
    else:
        values, place = np.unique(known[plan.unit].to_numpy(), return_inverse=True)
        chosen = np.flatnonzero((random.random(len(values)) < rows / len(frame))[place])
    return frame.iloc[chosen], known.take(pa.array(chosen))


def _varies(labels: Floats) -> bool:
    return bool(labels.min() < labels.max())


def _encoded(features: Features, parts: Sequence[tuple[pd.DataFrame, Floats]]) -> list[Rows]:
    """Features of all parts as numbers, encoded as the first one has them."""
    preprocess = preprocessing(features).fit(parts[0][0])
    return [(np.asarray(preprocess.transform(frame), dtype=np.float32), labels) for frame, labels in parts]


def losses_on(folds: Sequence[Fold], roles: Mapping[str, Any]) -> Evaluate:
    """Losses of an estimator that is fitted on each fold, with one thread: trials run side by side.

    Parameters
    ----------
    roles
        Positions of its columns; see `RowSettings.role_positions`.
    """

    def evaluate(estimator: dict[str, Any]) -> Iterator[float]:
        from threadpoolctl import threadpool_limits

        from wanderbricks_ml.estimators import made_from

        for fold in folds:
            model = made_from(_with_one_thread(estimator), roles)
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
