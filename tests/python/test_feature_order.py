"""The order of a feature list means nothing: columns that mean something have a role by name.

Two things do depend on it, and are left out here: which columns a tree may use is drawn by position (so no columns are
drawn), and of two splits of equal gain the one of the earlier column is taken (so a few rows may differ).
"""

from __future__ import annotations

import copy
import json
import lzma
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from product_settings import product_metas

from wanderbricks_ml.estimators import made_from
from wanderbricks_ml.features import preprocessing
from wanderbricks_ml.settings import ProductSettings, RowSettings

ROWS = 3_000
ALIKE = 0.99
"""Share of the rows whose predictions have to be the same, to a millionth."""

METAS = {meta["product"]: meta for meta in product_metas()}
BY_ROW = sorted(product for product, meta in METAS.items() if "class" in meta["estimator"])


def without_drawn_columns(estimator: dict[str, Any]) -> dict[str, Any]:
    """The estimator's settings, few and shallow trees, with all columns for each."""
    made = copy.deepcopy(estimator)
    made |= {name: 20 for name in ("n_estimators", "max_iter") if name in made}
    for params in [made.get("params", {}), *made.get("algorithms", {}).values()]:
        params |= {name: 1.0 for name in ("colsample_bytree",) if name in params}
        params |= {name: None for name in ("max_features",) if name in params}
        # deep nodes hold few rows, which many columns part alike
        params |= {name: 3 for name in ("max_depth",) if name in params}
        params |= {name: 20 for name in ("n_estimators", "max_iter") if name in params}
    return made


def examples(product: RowSettings) -> tuple[pd.DataFrame, np.ndarray]:
    """Features that suit their roles, and labels that depend on them."""
    draw = np.random.default_rng(7)
    frame = pd.DataFrame({name: draw.gamma(2, 0.5, ROWS) + 0.01 for name in sorted(product.numeric)})
    whole = {"known_count": 3, "horizon": 30, "time": 8, "has_booked": 2, "property": 300, "market": 4, "window": 6}
    for role, named in product.roles.items():
        if role in whole:
            frame[named] = draw.integers(0, whole[role], ROWS)
        elif role == "start":
            frame[named] = draw.beta(2, 5, ROWS)
    frame = frame.astype(np.float32)
    for name in product.categorical:
        frame[name] = pd.Categorical(draw.choice(["one", "two", "three"], ROWS))
    score = frame[sorted(product.numeric)[::3]].sum(axis=1).to_numpy()
    chance = 1 / (1 + np.exp(score.mean() - score))
    if product.product == "demand":
        return frame, frame[product.roles["known_count"]].to_numpy() + draw.poisson(chance)
    if product.product == "pricing":
        return frame, draw.poisson(chance)
    if product.product == "customer_ltv":
        return frame, np.where(draw.random(ROWS) < chance, 100 * draw.gamma(3, chance), 0.0)
    if product.group:
        places = score.reshape(-1, 10)
        return frame, (places == places.max(axis=1, keepdims=True)).ravel().astype(float)
    return frame, (draw.random(ROWS) < chance).astype(float)


def predicted(product: RowSettings, frame: pd.DataFrame, y: np.ndarray) -> np.ndarray:
    """What a fit predicts of the rows that stopped it."""
    preprocess, cut = preprocessing(product.features), ROWS * 2 // 3
    columns = frame[list(product.features.names)]
    train, held_out = preprocess.fit_transform(columns[:cut]), preprocess.transform(columns[cut:])
    query = np.arange(ROWS) // 10
    together = {"groups": (query[:cut], query[cut:])} if product.group else {}
    estimator = made_from(without_drawn_columns(dict(product.estimator)), product.role_positions)
    estimator.fit(train, y[:cut], validation=(held_out, y[cut:]), **together)
    return np.asarray(estimator.predict(held_out))


@pytest.mark.parametrize("name", BY_ROW)
def test_features_in_any_order_give_the_same_predictions(name: str) -> None:
    product = RowSettings.of(METAS[name])
    frame, y = examples(product)
    draw = np.random.default_rng(1)
    shuffled = replace(
        product,
        numeric=tuple(draw.permutation(product.numeric).tolist()),
        categorical=tuple(draw.permutation(product.categorical).tolist()),
    )
    assert shuffled.numeric != product.numeric
    one, other = predicted(product, frame, y), predicted(shuffled, frame, y)
    assert one.std() > 0
    alike = np.isclose(one, other, rtol=1e-6, atol=1e-9).reshape(len(one), -1).all(axis=1)
    assert alike.mean() >= ALIKE


def test_a_forecaster_takes_its_columns_by_name() -> None:
    stored = Path(__file__).parent / "data/versions"
    kept = json.loads((stored / "forecaster.json").read_text())
    rows = pd.DataFrame(kept["rows"]).astype(dict.fromkeys(kept["numeric"], "float64"))
    rows["forecast_date"] = pd.to_datetime(rows["forecast_date"])
    model = pickle.loads(lzma.decompress((stored / "forecaster.pkl.xz").read_bytes()))
    assert ProductSettings.of(METAS["revenue"]).features.names
    np.testing.assert_array_equal(model.predict(rows), model.predict(rows[rows.columns[::-1]]))
