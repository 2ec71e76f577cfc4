"""What reaches a Python model where no environment of the operator's does: vars, a secret scope, a folder."""

from __future__ import annotations

import json
import os
import sys
import types
from pathlib import Path
from typing import Any, ClassVar

import mlflow
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from local_workspace import Workspace
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import ALREADY_EXISTS, NOT_FOUND, RESOURCE_DOES_NOT_EXIST
from mlflow.store.entities import PagedList
from product_settings import product_metas

from wanderbricks_ml import surroundings
from wanderbricks_ml.lifecycle import fitting, predicting
from wanderbricks_ml.registry import describing, integrity, lineage, store
from wanderbricks_ml.settings import RowSettings
from wanderbricks_ml.tuning import study

DEMAND = next(meta for meta in product_metas() if meta["product"] == "demand")
TOLD = {
    "revision": "abc123",
    "experiments": "/Workspace/ours",
    "studies": "/Volumes/main/ours/studies",
    "registry_uri": "databricks-uc",
    "score_on": "driver",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Variables that are put back, however a test leaves them."""
    for variable in [*surroundings.VARIABLES.values(), integrity.SIGNING_KEY, integrity.VERIFY_KEY]:
        monkeypatch.setenv(variable, "")
    return monkeypatch


def scope(monkeypatch: pytest.MonkeyPatch, **secrets: str) -> None:
    """Let the workspace have a secret scope `ml`."""

    def secret(scope: str, key: str) -> str:
        if scope != "ml" or key not in secrets:
            raise ValueError(f"Secret does not exist with scope: {scope} and key: {key}")
        return secrets[key]

    runtime = types.ModuleType("databricks.sdk.runtime")
    runtime.dbutils = types.SimpleNamespace(secrets=types.SimpleNamespace(get=secret))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "databricks.sdk.runtime", runtime)


def test_dbt_hands_over_what_the_operator_settles(gold: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("DATABRICKS_")]:
        monkeypatch.delenv(name)
    workspace = Workspace(tmp_path, gold)
    asked = "{{ tojson(settings_of(declared_product('demand')), sort_keys=true) }}"
    compile = ("compile", "--quiet", "--no-introspect", "--no-populate-cache", "--target", "prod", "--inline", asked)
    given = {surroundings.VARIABLES[name]: value for name, value in TOLD.items()}
    assert workspace.dbt(*compile, **given, WANDERBRICKS_SIGNING_SCOPE="ml") == 0, workspace.log
    found = json.loads(workspace.log[workspace.log.index("{") :])
    assert found["surroundings"] == TOLD | {"signing_scope": "ml"}
    assert found["registry_prefix"] == "main.wanderbricks_ml."
    assert found["driver_rows"] == 1_500_000
    assert workspace.dbt(*compile, WANDERBRICKS_SCORE_ON="gpu") != 0
    assert "var score_on is 'gpu'; it takes workers or driver" in workspace.log
    # no job could read it
    assert workspace.dbt(*compile, WANDERBRICKS_SIGNING_KEY="key.pem") != 0
    assert "WANDERBRICKS_SIGNING_KEY is set, but it reaches no job of a workspace" in workspace.log


def test_what_is_told_holds_in_the_job(environment: pytest.MonkeyPatch) -> None:
    meta = DEMAND | {"surroundings": TOLD}
    surroundings.entered(RowSettings.of(meta))
    assert lineage.code_revision() == "abc123"
    assert store.study_storage() == TOLD["studies"]
    environment.setattr(store, "connect", Experiments)
    environment.setattr(mlflow, "get_tracking_uri", lambda: "databricks")
    environment.setattr("databricks.sdk.WorkspaceClient", Workspaces)
    Experiments.folders.clear()
    # the workspace makes no folder by itself
    assert store.experiment_id("demand_predictor") == "/Workspace/ours/demand_predictor"


class Experiments:
    """MLflow of a workspace, which refuses an experiment in a folder that is not there."""

    folders: ClassVar[set[str]] = set()

    def get_experiment_by_name(self, name: str) -> None:
        return None

    def create_experiment(self, name: str, artifact_location: Any, tags: Any) -> str:
        if name.rpartition("/")[0] not in self.folders:
            raise MlflowException("Parent directory does not exist", RESOURCE_DOES_NOT_EXIST)
        return name


class Workspaces:
    """The SDK's client, as far as folders go."""

    def __init__(self) -> None:
        self.workspace = types.SimpleNamespace(mkdirs=Experiments.folders.add)


def test_a_second_version_is_registered_in_unity_catalog_and_linked(monkeypatch: pytest.MonkeyPatch) -> None:
    made: dict[str, Any] = {}

    def exists(name: str) -> None:
        raise MlflowException("Function or model already exists", ALREADY_EXISTS)

    def version(name: str, source: str, **given: Any) -> Any:
        made.update(given)
        return types.SimpleNamespace(version="2")

    catalog = types.SimpleNamespace(create_registered_model=exists, create_model_version=version)
    monkeypatch.setattr(store, "connect", lambda: catalog)
    assert store.register("main.ours.demand_predictor", "models:/m-1", "run", None, "m-1") == 2
    assert made == {"run_id": "run", "model_id": "m-1"}


def test_versions_beyond_a_page_of_unity_catalog_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    def page(filter_string: str, page_token: str | None = None) -> Any:
        assert filter_string == "name = 'main.ours.demand_predictor'"
        numbers, token = (["1", "2"], "next") if page_token is None else (["3"], None)
        return PagedList([types.SimpleNamespace(version=number) for number in numbers], token)

    catalog = types.SimpleNamespace(
        search_model_versions=page,
        create_registered_model=lambda name: None,
        create_model_version=lambda *given, **named: types.SimpleNamespace(version="4"),
    )
    monkeypatch.setattr(store, "connect", lambda: catalog)
    assert store.register("main.ours.demand_predictor", "models:/m-4", "run", 3) == 4
    with pytest.raises(RuntimeError, match=r"knows main.ours.demand_predictor v4, but the newest version .* is v3"):
        store.register("main.ours.demand_predictor", "models:/m-4", "run", 4)


def test_what_unity_catalog_has_no_longer_is_left_out() -> None:
    def refused(code: int) -> Any:
        def get(name: str) -> None:
            raise MlflowException("no such model", code)

        return get

    for code in (RESOURCE_DOES_NOT_EXIST, NOT_FOUND):
        assert describing._known(refused(code), "main.ours.demand_predictor") is None
    with pytest.raises(MlflowException):
        describing._known(refused(ALREADY_EXISTS), "main.ours.demand_predictor")


@pytest.fixture
def pems() -> tuple[str, str]:
    """A key to sign with and the one to verify with, as texts."""
    private = ec.generate_private_key(ec.SECP256R1())
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    secret = private.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    public = private.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    return secret.decode(), public.decode()


def test_keys_come_from_the_secret_scope(
    environment: pytest.MonkeyPatch, pems: tuple[str, str], tmp_path: Path
) -> None:
    scope(environment, signing_key=pems[0], verify_key=pems[1])
    product = RowSettings.of(DEMAND | {"surroundings": {"signing_scope": "ml"}})
    surroundings.entered(product)
    assert not integrity.key_is_set(integrity.SIGNING_KEY), "who loads alone needs no private key"
    surroundings.entered(product, fits=True)
    model = tmp_path / "model"
    model.mkdir()
    (model / "model.pkl").write_bytes(b"fit")
    integrity.sign(model, tmp_path / "model.sig")
    # as Python leaves it beside code that a model carries
    (model / "code/__pycache__").mkdir(parents=True)
    (model / "code/__pycache__/ours.pyc").write_bytes(b"compiled")
    assert integrity.signature_problem(model, tmp_path / "model.sig") is None


@pytest.mark.parametrize("secrets", [{}, {"verify_key": "a"}, {"verify_key": "a", "signing_key": ""}])
def test_a_model_that_is_to_be_signed_is_not_fitted_without_a_key(
    secrets: dict[str, str], environment: pytest.MonkeyPatch
) -> None:
    scope(environment, **secrets)
    settings = DEMAND | {"surroundings": {"signing_scope": "ml"}}
    nothing: Any = types.SimpleNamespace()
    with pytest.raises(RuntimeError, match="demand_predictor: models are signed by secret scope ml, but its key"):
        fitting.fit_when_due(nothing, nothing, nothing, settings)
    if "verify_key" not in secrets:
        with pytest.raises(RuntimeError, match="its key verify_key cannot be had"):
            predicting.score(nothing, nothing, nothing, nothing, settings)


def test_studies_in_a_folder_go_on_in_the_next_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of a volume takes whole files alone: SQLite's is worked on elsewhere and put back after each batch."""
    import optuna

    def finished(number: int) -> Any:
        return optuna.trial.create_trial(value=float(number))

    volume = tmp_path / "volume"
    for number in range(2):
        opened, keep = study._opened("s", str(volume), "none", "demand_predictor")
        assert len(opened.trials) == number
        keep([finished(number)])
        assert [file.name for file in volume.iterdir()] == ["demand_predictor.db"]
