"""ModelSelectionClassifier: several kinds of classifier that compete on validation rows."""

from __future__ import annotations

import json
import pickle
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import log_loss

from wanderbricks_ml.estimators import made_from
from wanderbricks_ml.estimators.model_selection import ALGORITHMS, ModelSelectionClassifier
from wanderbricks_ml.reports.plots import drawn
from wanderbricks_ml.reports.report import permuted_importance, report

PARAMETERS: dict[str, dict[str, Any]] = {
    "logistic_regression": {"C": 1.0},
    "random_forest": {"n_estimators": 40, "max_depth": 8, "min_samples_leaf": 20},
    "gradient_boosting": {"max_iter": 60, "max_leaf_nodes": 8},
    "xgboost": {"n_estimators": 60, "max_depth": 3, "learning_rate": 0.1},
}

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray]


def made(rows: int, seed: int, curved: bool = False) -> Arrays:
    """Return X (three columns of which two matter), rare labels y and their true probability."""
    random = np.random.default_rng(seed)
    X = random.gamma(2.0, 1.0, (rows, 3))
    score = (
        np.where((X[:, 0] > 1) ^ (X[:, 1] > 1.5), 1.5, -1.5) if curved else 3 * np.log(X[:, 0] + 2) - X[:, 1] / 2 - 3
    )
    truth = 1 / (1 + np.exp(-(score - 2)))
    return X.astype(np.float32), (random.random(rows) < truth).astype(np.float64), truth


def fitted(kinds: tuple[str, ...] = tuple(PARAMETERS), curved: bool = False) -> ModelSelectionClassifier:
    model = ModelSelectionClassifier({kind: PARAMETERS[kind] for kind in kinds}, seed=7, threads=1)
    return model.fit(*made(8_000, 1, curved)[:2], validation=made(4_000, 2, curved)[:2])


@pytest.mark.parametrize("kind", PARAMETERS)
def test_each_algorithm_recovers_a_known_probability(kind: str) -> None:
    X, y, truth = made(20_000, seed=3)
    predicted = fitted((kind,)).predict(X)
    base = np.full(len(y), y.mean())
    skill = (log_loss(y, base) - log_loss(y, predicted)) / (log_loss(y, base) - log_loss(y, truth))
    assert predicted.shape == (20_000,)
    assert skill > 0.85
    # class weights alone would put it near a half
    assert np.mean(predicted) == pytest.approx(np.mean(truth), abs=0.015)


def test_the_smallest_loss_on_validation_rows_wins() -> None:
    for curved in (False, True):
        model = fitted(curved=curved)
        assert list(model.algorithm_losses_) == list(PARAMETERS)
        assert model.chosen_ == min(model.algorithm_losses_, key=lambda kind: model.algorithm_losses_[kind])
        alone = fitted((model.chosen_,), curved)
        assert (alone.predict(made(500, 3)[0]) == model.predict(made(500, 3)[0])).all()
        # what is linear in the logarithms suits the regression, what is not suits trees
        assert (model.chosen_ == "logistic_regression") is not curved


def test_the_loss_is_that_of_rows_a_calibration_was_not_fitted_on() -> None:
    model = fitted()
    X, y, _ = made(4_000, 2)
    assert model.calibration_ == "platt"
    assert model.algorithm_losses_[model.chosen_] == model.calibration_losses_["platt"]
    assert model.calibration_losses_["platt"] > log_loss(y, model.predict(X))
    assert model.calibration_losses_["none"] > model.calibration_losses_["platt"] + 0.05


def test_the_calibration_is_the_chosen_algorithms_own() -> None:
    """A loser that is fitted later must not leave its calibration behind."""
    X, _, truth = made(5_000, 3)
    first = fitted(("logistic_regression", "random_forest"))
    last = fitted(("random_forest", "logistic_regression"))
    assert first.chosen_ == last.chosen_ == "logistic_regression"
    assert (first.predict(X) == last.predict(X)).all()
    assert np.mean(first.predict(X)) == pytest.approx(np.mean(truth), abs=0.015)


def test_one_algorithm_needs_no_validation_rows() -> None:
    X, y, truth = made(8_000, 1)
    model = ModelSelectionClassifier({"xgboost": PARAMETERS["xgboost"]}).fit(X, y)
    assert model.chosen_ == "xgboost"
    assert model.algorithm_losses_ == {}
    # nothing would calibrate what class weights distort, so there are none
    assert np.mean(model.predict(X)) == pytest.approx(np.mean(truth), abs=0.02)
    with pytest.raises(ValueError, match="4 algorithms cannot be compared without validation rows"):
        ModelSelectionClassifier().fit(X, y)


@pytest.mark.parametrize("algorithms", [{}, {"perceptron": {}, "xgboost": {}}])
def test_no_algorithm_or_an_unknown_one_is_an_error(algorithms: dict[str, dict[str, Any]]) -> None:
    X, y, _ = made(100, 1)
    named = "perceptron" if algorithms else "none"
    with pytest.raises(ValueError, match=f"some of {', '.join(ALGORITHMS)}, not {named}"):
        ModelSelectionClassifier(algorithms).fit(X, y, validation=(X, y))


def test_one_class_is_an_error() -> None:
    X, y, _ = made(100, 1)
    with pytest.raises(ValueError, match="the training rows hold no label of 1"):
        ModelSelectionClassifier(PARAMETERS).fit(X, 0 * y, validation=(X, y))
    with pytest.raises(ValueError, match="the validation rows hold no label of 0"):
        ModelSelectionClassifier(PARAMETERS).fit(X, y, validation=(X, y * 0 + 1))


def test_the_same_rows_give_the_same_predictions_on_any_number_of_threads() -> None:
    X = made(500, 3)[0]
    train, validation = made(3_000, 1)[:2], made(2_000, 2)[:2]
    for kind in ("random_forest", "xgboost"):
        algorithm = {kind: PARAMETERS[kind]}
        one, two = (
            ModelSelectionClassifier(algorithm, seed=7, threads=threads).fit(*train, validation=validation)
            for threads in (1, 2)
        )
        assert one.predict(X) == pytest.approx(two.predict(X), abs=1e-12)


def test_survives_pickling_and_settings_of_json() -> None:
    X = made(500, 3)[0]
    settings = json.loads(
        json.dumps({"class": "ModelSelectionClassifier", "algorithms": PARAMETERS, "seed": 7, "threads": 1})
    )
    model = made_from(settings).fit(*made(3_000, 1)[:2], validation=made(2_000, 2)[:2])
    copied = pickle.loads(pickle.dumps(model))
    assert (copied.predict(X) == model.predict(X)).all()
    assert copied.algorithm_losses_ == model.algorithm_losses_
    assert copied.predict_proba(X).sum(axis=1) == pytest.approx(np.ones(500))


def test_the_report_holds_every_algorithms_loss() -> None:
    model = fitted()
    X, y, _ = made(4_000, 2)
    found = report(model, X, y, ["rises", "falls", "idle"])
    for kind, loss in model.algorithm_losses_.items():
        assert found.metrics[f"validation_log_loss_{kind}"] == loss
    assert found.tables["algorithms.csv"].query("chosen")["algorithm"].tolist() == [model.chosen_]
    assert {"algorithms.png", "permuted_importance.png", "reliability.png"} <= set(drawn(found.tables))


def test_shuffling_a_column_without_use_adds_nothing() -> None:
    X, y, _ = made(4_000, 2)

    def rising_only(rows: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-(3 * np.log(rows[:, 0] + 2) - 6)))

    table = permuted_importance(rising_only, X, y, ["rises", "falls", "idle"])
    assert table["feature"].tolist() == ["rises", "falls", "idle"]
    assert table["share"].tolist() == [1.0, 0.0, 0.0]
