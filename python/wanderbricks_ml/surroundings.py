"""What an operator settles for all models, in a job of a workspace: no variable of their environment reaches it.

So dbt hands it over in ``config.meta`` when it compiles (macros/products/surroundings.sql). A job is a process of its
own for one model: here it becomes the environment that the rest of the package reads. Keys come from a secret scope,
which the job alone may read.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from wanderbricks_ml.settings import ProductSettings

    Product = TypeVar("Product", bound=ProductSettings)

VARIABLES: Mapping[str, str] = {
    "revision": "WANDERBRICKS_REVISION",
    "experiments": "MLFLOW_EXPERIMENT_FOLDER",
    "studies": "WANDERBRICKS_STUDIES",
    "registry_uri": "MLFLOW_REGISTRY_URI",
    "score_on": "WANDERBRICKS_SCORE_ON",
}

SIGNING, VERIFYING = ("signing_key", "WANDERBRICKS_SIGNING_KEY"), ("verify_key", "WANDERBRICKS_VERIFY_KEY")
"""Key in the secret scope, and the variable that holds it where there is an environment."""


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """Empty texts leave what the environment says.

    Attributes
    ----------
    revision
        Of the code, as a version records it.
    experiments
        Folder of MLflow's experiments in the workspace.
    studies
        Database of studies, or a folder of such that outlives the job.
    registry_uri
        MLflow's registry.
    score_on
        ``workers`` or ``driver``: where rows are predicted.
    signing_scope
        Secret scope with keys ``signing_key`` and ``verify_key``, PEM texts: all models are signed, and none is loaded
        that is not.
    """

    revision: str = ""
    experiments: str = ""
    studies: str = ""
    registry_uri: str = ""
    score_on: str = ""
    signing_scope: str = ""


def entered(product: Product, fits: bool = False) -> Product:
    """The product, once what its settings say of the surroundings holds in this process; one that fits signs, too.

    Raises
    ------
    RuntimeError
        When models are to be signed and a key cannot be had: then nothing is fitted, and nothing loaded.
    """
    told = product.surroundings
    for name, variable in VARIABLES.items():
        if value := getattr(told, name):
            os.environ[variable] = value
    if told.signing_scope:
        for key, variable in [VERIFYING, *([SIGNING] if fits else [])]:
            os.environ[variable] = _secret(told.signing_scope, key, product.model_name)
    return product


def _secret(scope: str, key: str, name: str) -> str:
    why: object = "it is empty"
    try:
        value = _dbutils().secrets.get(scope, key)
    except Exception as error:
        value, why = "", error
    if not value:
        raise RuntimeError(
            f"{name}: models are signed by secret scope {scope}, but its key {key} cannot be had: {why}. "
            f"Nothing is fitted or loaded; put a PEM text there (databricks secrets put-secret {scope} {key}), "
            "let the job's user read the scope, or leave var signing_scope out"
        ) from None
    return str(value)


def _dbutils() -> Any:
    from databricks.sdk.runtime import dbutils

    return dbutils
