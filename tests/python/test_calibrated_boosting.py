"""CalibratedBoostingClassifier: boosted probabilities, stopped and calibrated on validation rows."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import log_loss, precision_recall_curve, roc_auc_score, roc_curve

from wanderbricks_ml.estimators import made_from
from wanderbricks_ml.estimators.calibrated_boosting import CalibratedBoostingClassifier
from wanderbricks_ml.estimators.calibration import CALIBRATIONS
from wanderbricks_ml.reports import plots
from wanderbricks_ml.reports.report import CURVE_POINTS, probability_report, reliability, report, thresholds

PARAMS = {"eta": 0.1, "max_depth": 3, "min_child_weight": 10, "seed": 7, "nthread": 1}

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray]


def made(rows: int, seed: int, start_power: float = 1.0) -> Arrays:
    """Return X (a probability, two free features), labels y and their true probability."""
    random = np.random.default_rng(seed)
    start = random.uniform(0.01, 0.6, rows)
    free = random.uniform(-1, 1, (rows, 2))
    odds = start / (1 - start) * np.where(np.abs(free[:, 0]) > 0.5, 2.0, 0.5)
    truth = odds / (1 + odds)
    X = np.column_stack([start**start_power, free]).astype(np.float32)
    return X, (random.random(rows) < truth).astype(np.float64), truth


def fitted(train: Arrays, validation: Arrays | None = None, **settings: Any) -> CalibratedBoostingClassifier:
    held_out = None if validation is None else validation[:2]
    return CalibratedBoostingClassifier(params=PARAMS, **settings).fit(*train[:2], validation=held_out)


@pytest.mark.parametrize("starts", [False, True])
def test_recovers_a_known_probability(starts: bool) -> None:
    X, y, truth = made(20_000, seed=3)
    predicted = fitted(made(40_000, seed=1), made(10_000, seed=2), start=0 if starts else None).predict(X)
    base = np.full(len(y), y.mean())
    skill = (log_loss(y, base) - log_loss(y, predicted)) / (log_loss(y, base) - log_loss(y, truth))
    assert predicted.shape == (20_000,)
    assert skill > 0.97
    assert np.mean(predicted) == pytest.approx(np.mean(truth), abs=0.01)


def test_starting_from_a_good_probability_needs_fewer_rounds() -> None:
    sets = made(40_000, seed=1), made(10_000, seed=2)
    from_nothing, from_first = (fitted(*sets, start=0 if starts else None) for starts in (False, True))
    assert from_first.booster_.num_boosted_rounds() < from_nothing.booster_.num_boosted_rounds()


def overconfident(labels: np.ndarray) -> np.ndarray:
    """Return labels of training rows from which the trees learn probabilities that are far too high."""
    random = np.random.default_rng(5)
    return np.where(random.random(len(labels)) < 0.4, 1.0, labels)


def test_calibration_repairs_probabilities_that_are_off() -> None:
    rounds = 60
    X, y, _ = made(40_000, seed=1)
    test_X, test_y, truth = made(20_000, seed=3)
    off = fitted((X, overconfident(y), y), n_estimators=rounds)
    repaired = fitted((X, overconfident(y), y), made(20_000, seed=2), n_estimators=rounds, early_stopping_rounds=rounds)
    assert np.mean(off.predict(test_X)) > np.mean(truth) + 0.15
    assert repaired.calibration_ in ("platt", "isotonic")
    assert np.mean(repaired.predict(test_X)) == pytest.approx(np.mean(truth), abs=0.01)
    assert log_loss(test_y, repaired.predict(test_X)) < log_loss(test_y, off.predict(test_X)) - 0.05


def test_probabilities_that_are_right_stay_as_they_are() -> None:
    model = fitted(made(60_000, seed=1), made(20_000, seed=2), start=0)
    assert model.calibration_ == "none"
    assert set(model.calibration_losses_) == {"none", "platt", "isotonic"}


def test_calibration_keeps_the_order_of_the_rows() -> None:
    X, y, _ = made(40_000, seed=1)
    test_X, test_y, _ = made(20_000, seed=3)
    model = fitted((X, overconfident(y), y), made(5_000, seed=2))
    assert model.calibration_ != "none"
    before = model._boosted(test_X)
    for kind in ("platt", "isotonic"):
        calibration = CALIBRATIONS[kind]().fit(before, test_y)
        assert roc_auc_score(test_y, calibration(before)) == pytest.approx(roc_auc_score(test_y, before), abs=1e-12)


def test_never_quite_certain() -> None:
    random = np.random.default_rng(1)
    X = random.uniform(0, 1, (5_000, 2)).astype(np.float32)
    y = (X[:, 0] > 0.5).astype(np.float64)
    model = CalibratedBoostingClassifier(params=PARAMS | {"eta": 1.0}).fit(X, y, validation=(X, y))
    predicted = model.predict(X)
    assert ((predicted > 0) & (predicted < 1)).all()


def test_one_class_is_an_error() -> None:
    X, y, _ = made(100, seed=1)
    with pytest.raises(ValueError, match="the training rows hold no label of 1"):
        CalibratedBoostingClassifier().fit(X, np.zeros(100))
    with pytest.raises(ValueError, match="the validation rows hold no label of 0"):
        CalibratedBoostingClassifier().fit(X, y, validation=(X, np.ones(100)))


def test_labels_other_than_0_and_1_are_an_error() -> None:
    X, y, _ = made(100, seed=1)
    with pytest.raises(ValueError, match=r"0 or 1, not 2\.0"):
        CalibratedBoostingClassifier().fit(X, y + (np.arange(100) == 7) * (2 - y))


@pytest.mark.parametrize("start", [-1.0, 1.2, np.nan])
def test_a_start_that_is_no_probability_is_an_error(start: float) -> None:
    X, y, _ = made(100, seed=1)
    X[7, 0] = start
    with pytest.raises(ValueError, match="a start is no probability"):
        CalibratedBoostingClassifier(start=0).fit(X, y)


def test_the_same_rows_give_the_same_predictions() -> None:
    X, _, _ = made(1_000, seed=3)
    first, second = (fitted(made(5_000, seed=1), made(2_000, seed=2)).predict(X) for _ in range(2))
    assert (first == second).all()


def test_survives_pickling() -> None:
    X, y, _ = made(5_000, seed=1)
    model = fitted((X, overconfident(y), y), made(2_000, seed=2))
    copied = pickle.loads(pickle.dumps(model))
    assert (copied.predict(X) == model.predict(X)).all()
    assert copied.get_params() == model.get_params()


def test_is_made_from_settings_and_reported() -> None:
    model = made_from({"class": "CalibratedBoostingClassifier", "n_estimators": 20, "params": PARAMS})
    X, y, _ = made(5_000, seed=1)
    held_out = made(3_000, seed=2)
    model.fit(X, y, validation=held_out[:2])
    found = report(model, *held_out[:2], ["start", "first", "second"])
    assert found.metrics["validation_auc"] == pytest.approx(roc_auc_score(held_out[1], model.predict(held_out[0])))
    curves = {"reliability", "probabilities", "roc_and_precision_recall", "feature_importance"}
    assert set(found.tables) == {f"{name}.csv" for name in curves}
    assert set(plots.drawn(found.tables)) == {f"{name}.png" for name in curves}


def test_curves_are_those_of_scikit_learn() -> None:
    draw = np.random.default_rng(4)
    actual, predicted = draw.integers(0, 2, 5_000), draw.integers(0, 1_000, 5_000) / 1_000
    table = thresholds(actual, predicted)
    false_rate, true_rate, at_least = roc_curve(actual, predicted, drop_intermediate=False)
    at = np.searchsorted(-at_least, -table["threshold"])
    assert 150 < len(table) <= CURVE_POINTS
    assert table["false_positive_rate"].to_numpy() == pytest.approx(false_rate[at])
    assert table["recall"].to_numpy() == pytest.approx(true_rate[at])
    precision, _, at_least = precision_recall_curve(actual, predicted)
    at = np.searchsorted(at_least, table["threshold"])
    assert table["precision"].to_numpy() == pytest.approx(precision[at])
    assert table["precision"].iloc[-1] == pytest.approx(actual.mean())


def test_every_prediction_is_in_the_histogram() -> None:
    draw = np.random.default_rng(4)
    found = probability_report(draw.random(1_000) ** 4, draw.integers(0, 2, 1_000))
    assert found.tables["probabilities.csv"]["rows"].sum() == 1_000


def test_reliability_of_two_bins_by_hand() -> None:
    table = reliability(np.array([1.0, 0, 1, 1]), np.array([0.4, 0.2, 0.8, 0.6]), bins=2)
    assert table["rows"].tolist() == [2, 2]
    assert table["predicted"].tolist() == pytest.approx([0.3, 0.7])
    assert table["observed"].tolist() == [0.5, 1.0]
    # Wilson's interval of 2 in 2: lower end n / (n + z^2)
    assert table["lower"].tolist()[1] == pytest.approx(2 / (2 + 1.96**2))
    assert table["upper"].tolist()[1] == pytest.approx(1.0)
