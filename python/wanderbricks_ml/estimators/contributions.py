"""What each column adds to a prediction: exact Shapley values of trees and of linear models."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
import xgboost as xgb

from wanderbricks_ml.arrays import Floats

MOST = 3
"""Features that are named of each row."""

LOG_ODDS, LOG, PROBABILITY, NUMBER = "log-odds", "log", "probability", "number"


class Contributions(NamedTuple):
    """Predictions taken apart, before what is done to the margin: a link, a calibration, a known count.

    Attributes
    ----------
    values
        Of shape (rows, columns): what each column adds to the margin of each row.
    base
        Of shape (rows,): the margin without any of them, of an average row; with the sum of `values` it is the margin.
    unit
        Of the margin: ``log-odds``, ``log`` (of a number), ``probability`` or ``number``.
    """

    values: Floats
    base: Floats
    unit: str

    @property
    def margin(self) -> Floats:
        """What is taken apart, shape (rows,)."""
        margin: Floats = self.base + self.values.sum(axis=1)
        return margin


def strongest_features(values: Floats, begins: Any, most: int = MOST) -> tuple[Floats, Any]:
    """Contributions by feature, and of each row the places of those that moved it most.

    Parameters
    ----------
    values
        By encoded column, shape (rows, columns).
    begins
        Where the columns of each feature begin, as `encoded_features` gives it.
    most
        Places that are wanted of each row.

    Returns
    -------
    values, places
        Of shapes (rows, features) and (rows, at most `most`), strongest first, of equal ones the first.
    """
    # what was encoded as several columns is one feature to its reader
    summed: Floats = np.add.reduceat(values, begins, axis=1)
    return summed, np.argsort(-np.abs(summed), axis=1, kind="stable")[:, :most]


def of_trees(booster: xgb.Booster, X: Floats, margin: Floats | None = None) -> tuple[Floats, Floats]:
    """Exact tree SHAP [1]_, as XGBoost computes it itself: contributions by column, and the base of each row.

    A tree's expectation is over the rows that it was grown on, along the paths that it has.

    Parameters
    ----------
    margin
        Where boosting started for each row; it is part of the base.

    References
    ----------
    .. [1] S. Lundberg et al., "From local explanations to global understanding with explainable AI for trees", Nature
       Machine Intelligence 2, 2020.
    """
    found = booster.predict(xgb.DMatrix(X, base_margin=margin), pred_contribs=True).astype(np.float64)
    return found[:, :-1], found[:, -1]


def credit(values: Floats, base: Floats, column: int, term: Floats, mean: float | None) -> None:
    """Move a term that follows from one column alone from the base to that column, but for its mean.

    Parameters
    ----------
    mean
        Of the term over the rows that were learnt from. A version that was fitted before it was kept has None: then the
        term stays in the base.
    """
    if mean is not None:
        values[:, column] += term - mean
        base -= term - mean


def of_started(
    booster: xgb.Booster, X: Floats, margin: Floats | None, column: int | None, mean: float | None
) -> tuple[Floats, Floats]:
    """As `of_trees`, of boosting that starts from a column, which gets the credit of the base margin, or from none."""
    values, base = of_trees(booster, X, margin)
    if column is not None and margin is not None:
        credit(values, base, column, margin, mean)
    return values, base


def of_classifier(model: Any, X: Floats) -> Contributions:
    """Contributions to what a binary classifier of scikit-learn or XGBoost says before it is calibrated.

    Raises
    ------
    TypeError
        When there is no exact way for this kind.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.pipeline import Pipeline

    if isinstance(model, Pipeline):
        scaled = model[:-1].transform(X)
        # scaled columns have a mean of 0 over the rows that were learnt from
        linear = model[-1]
        return Contributions(scaled * linear.coef_[0], np.full(len(X), float(linear.intercept_[0])), LOG_ODDS)
    if isinstance(model, xgb.XGBClassifier):
        return Contributions(*of_trees(model.get_booster(), X), LOG_ODDS)
    if isinstance(model, HistGradientBoostingClassifier):
        booster = _booster_of(model, X.shape[1], lambda: [_grown(nodes.nodes) for (nodes,) in model._predictors])
        values, base = of_trees(booster, X)
        return Contributions(values, base + float(model._baseline_prediction.item()), LOG_ODDS)
    if isinstance(model, RandomForestClassifier):
        count = len(model.estimators_)
        booster = _booster_of(model, X.shape[1], lambda: [_voting(tree.tree_, count) for tree in model.estimators_])
        return Contributions(*of_trees(booster, X), PROBABILITY)
    raise TypeError(f"no exact contributions of a {type(model).__name__}")


class Tree(NamedTuple):
    """Nodes of a tree, the root first; a leaf has no child on the left (-1). Rows go left up to the threshold."""

    left: Any
    right: Any
    column: Any
    threshold: Any
    value: Any
    cover: Any


_BOOSTERS: WeakKeyDictionary[Any, xgb.Booster] = WeakKeyDictionary()
"""By the model of another library, as real-time explanations ask for row after row."""


def _booster_of(model: Any, columns: int, trees: Callable[[], list[Tree]]) -> xgb.Booster:
    booster = _BOOSTERS.get(model)
    if booster is None:
        booster = _BOOSTERS[model] = as_booster(trees(), columns)
    return booster


def as_booster(trees: list[Tree], columns: int) -> xgb.Booster:
    """Trees of another library as a booster of the same sums, to the precision of float32."""
    # the form of a model's file is XGBoost's own: an empty one is filled
    matrix = xgb.DMatrix(np.zeros((2, columns), dtype=np.float32), label=np.zeros(2))
    empty = xgb.train({"base_score": 0.0, "objective": "reg:squarederror"}, matrix, num_boost_round=0)
    document = json.loads(empty.save_raw("json"))
    model = document["learner"]["gradient_booster"]["model"]
    model["trees"] = [dict(_nodes(tree, columns), id=number) for number, tree in enumerate(trees)]
    model["tree_info"] = [0] * len(trees)
    model["iteration_indptr"] = list(range(len(trees) + 1))
    model["gbtree_model_param"]["num_trees"] = str(len(trees))
    return xgb.Booster(model_file=bytearray(json.dumps(document), "utf-8"))


def _nodes(tree: Tree, columns: int) -> Mapping[str, Any]:
    tree = _siblings_adjacent(tree)
    count = len(tree.left)
    leaf = tree.left < 0
    parents = np.full(count, 2**31 - 1)
    for children in (tree.left, tree.right):
        parents[children[~leaf]] = np.flatnonzero(~leaf)
    # at most this much is less than the next larger float
    limit = tree.threshold.astype(np.float32)
    limit = np.where(limit > tree.threshold, limit, np.nextafter(limit, np.float32(np.inf)))
    conditions = np.where(leaf, tree.value, np.minimum(limit, np.finfo(np.float32).max))
    return {
        "tree_param": {
            "num_deleted": "0",
            "num_feature": str(columns),
            "num_nodes": str(count),
            "size_leaf_vector": "1",
        },
        "left_children": np.where(leaf, -1, tree.left).tolist(),
        "right_children": np.where(leaf, -1, tree.right).tolist(),
        "parents": parents.tolist(),
        "split_indices": np.where(leaf, 0, tree.column).tolist(),
        "split_conditions": conditions.astype(np.float64).tolist(),
        "split_type": [0] * count,
        "default_left": [0] * count,
        "sum_hessian": tree.cover.astype(np.float64).tolist(),
        "base_weights": np.where(leaf, tree.value, 0).astype(np.float64).tolist(),
        "loss_changes": [0.0] * count,
        **{f"categories{what}": [] for what in ("", "_nodes", "_segments", "_sizes")},
    }


def _siblings_adjacent(tree: Tree) -> Tree:
    """The same tree in an order in which the right child follows the left one, as XGBoost takes for granted."""
    order = [0]
    for node in order:
        if tree.left[node] >= 0:
            order += [tree.left[node], tree.right[node]]
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    left, right, *rest = (column[order] for column in tree)
    left, right = (np.where(left < 0, -1, place[children]) for children in (left, right))
    return Tree(left, right, *rest)


def _grown(nodes: Any) -> Tree:
    """A tree of histogram gradient boosting."""
    leaf = nodes["is_leaf"].astype(bool)
    left, right = (np.where(leaf, -1, nodes[side].astype(np.int64)) for side in ("left", "right"))
    return Tree(left, right, nodes["feature_idx"], nodes["num_threshold"], nodes["value"], nodes["count"])


def _voting(tree: Any, trees: int) -> Tree:
    """A tree of a forest, whose vote is the share of the second class in the leaf."""
    votes = tree.value[:, 0, :]
    share = votes[:, 1] / votes.sum(axis=1) / trees
    cover = tree.weighted_n_node_samples
    return Tree(tree.children_left, tree.children_right, tree.feature, tree.threshold, share, cover)
