"""Versions that were pickled with other names of parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

BOOSTING = {"rounds": "n_estimators", "patience": "early_stopping_rounds"}
"""Parameters of boosted estimators that were called otherwise."""


def renamed(
    state: Mapping[str, Any], names: Mapping[str, str], roles: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The state of a pickled estimator with today's names.

    Parameters
    ----------
    names
        Today's name by the earlier one.
    roles
        Columns by role, as they were fixed before roles had names; for states that know none.
    """
    return {**(roles or {}), **{names.get(name, name): value for name, value in state.items()}}
