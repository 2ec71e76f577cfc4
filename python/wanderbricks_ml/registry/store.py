"""Where MLflow and the studies are; how a model is registered, loaded and pointed at."""

from __future__ import annotations

import functools
import json
import logging
import os
import tempfile
import threading
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from wanderbricks_ml.credentials import redacted
from wanderbricks_ml.libraries import LEARNERS, import_first
from wanderbricks_ml.registry import integrity
from wanderbricks_ml.registry.carried import without_carried_code

logger = logging.getLogger(__name__)

_MAKING = threading.Lock()

LIBRARY = "mlflow"
"""The package that keeps the registry."""

PACKAGES = ("scikit-learn", "xgboost", "numpy", "pandas", "cloudpickle")

EXISTS = ("RESOURCE_ALREADY_EXISTS", "ALREADY_EXISTS")
"""What MLflow, and Unity Catalog, say of a registered model that is there already."""

ABSENT = ("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND")
"""What they say of what is not there, likewise."""

SIGNATURE = "model.sig"
"""Name of a model's signature among its run's artifacts."""

FIRST_FIT = "first_fit.pkl"
"""File of a logged model that holds the fit which is judged; the model itself is the refit, which serves."""

REMEDY = "restore the files, or roll back to another version and archive this one (`wanderbricks registry --help`)"


@functools.cache
def connect() -> Any:
    """An MLflow client: on Databricks for its workspace and Unity Catalog, else for MLFLOW_TRACKING_URI.

    That is by default a SQLite store under ``data/``.
    """
    import_first("mlflow")
    import mlflow

    on_databricks = "DATABRICKS_RUNTIME_VERSION" in os.environ
    default = "databricks" if on_databricks else f"sqlite:///{Path('data').resolve()}/mlflow.db"
    uri = os.environ.get("MLFLOW_TRACKING_URI") or default
    # Logging a model sets a variable, deletes it again, and notes which are read by patching the class of os.environ:
    # dbt, which lists the environment in another thread, then misses a key that it was told of
    os.environ.setdefault("_MLFLOW_IS_IN_SERVING_ENVIRONMENT", "false")
    os.environ.setdefault("MLFLOW_RECORD_ENV_VARS_IN_MODEL_LOGGING", "false")
    # after each run it prints the store's address, password and all
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    # a file of a few hundred kilobytes needs no bar, and dbt's lines run into it
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # it warns that pickles can run code; these are our own, and the digest in the predictor's table tells them apart
    logging.getLogger("mlflow.sklearn").setLevel(logging.ERROR)
    if uri.startswith("sqlite:///"):
        _make_whole(Path(uri.removeprefix("sqlite:///").partition("?")[0]))
    mlflow.set_tracking_uri(uri)
    registry = os.environ.get("MLFLOW_REGISTRY_URI") or ("databricks-uc" if uri == "databricks" else uri)
    mlflow.set_registry_uri(registry)
    return mlflow.MlflowClient()


def _make_whole(file: Path) -> None:
    """Let MLflow make its tables in a file beside it, which then takes its place.

    It makes them one statement after the other: a process that is killed meanwhile would leave a file that no later one
    can open.
    """
    import mlflow

    with _MAKING:
        if file.exists():
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=file.parent, prefix="mlflow-") as folder:
            made = Path(folder) / file.name
            mlflow.MlflowClient(tracking_uri=f"sqlite:///{made}").search_experiments(max_results=1)
            try:
                # unlike a move, it leaves alone what another process has put there meanwhile
                os.link(made, file)
            except FileExistsError:
                logger.debug("another process has made %s", file)
            except OSError:
                # a file system without links
                made.replace(file)


def experiment_id(name: str, note: str = "") -> str:
    """The id of the experiment, made on first use; artifacts lie beside a SQLite store.

    Its tags say that models are trained there, not prompts written, and show the note.

    A workspace wants a path: experiments lie in MLFLOW_EXPERIMENT_FOLDER, by default ``/Shared/wanderbricks_ml``.
    """
    client = connect()
    import mlflow

    if mlflow.get_tracking_uri() == "databricks":
        folder = os.environ.get("MLFLOW_EXPERIMENT_FOLDER") or "/Shared/wanderbricks_ml"
        name = f"{folder}/{name}"
    found = client.get_experiment_by_name(name)
    tags = {"mlflow.experimentKind": "custom_model_development"} | ({"mlflow.note.content": note} if note else {})
    if found is not None:
        for key, value in tags.items():
            if found.tags.get(key) != value:
                client.set_experiment_tag(found.experiment_id, key, value)
        return str(found.experiment_id)
    location = None
    uri = mlflow.get_tracking_uri()
    if uri.startswith("sqlite:///"):
        location = (Path(uri.removeprefix("sqlite:///")).resolve().parent / "mlartifacts").as_uri()
    if uri == "databricks":
        from databricks.sdk import WorkspaceClient

        # an experiment in a folder that is not there is refused
        WorkspaceClient().workspace.mkdirs(folder)
    return str(client.create_experiment(name, artifact_location=location, tags=tags))


def study_storage() -> str:
    """The database of hyper-parameter studies, as a URL of SQLAlchemy, or a folder: WANDERBRICKS_STUDIES, or SQLite's.

    The file lies beside MLflow's where that is SQLite, else under ``data/``; on Databricks, which keeps no file of ours
    from one cluster to the next, among the driver's temporary files.
    """
    named = os.environ.get("WANDERBRICKS_STUDIES")
    if named:
        return named
    connect()
    import mlflow

    uri = mlflow.get_tracking_uri()
    if uri.startswith("sqlite:///"):
        folder = Path(uri.removeprefix("sqlite:///")).resolve().parent
    else:
        folder = Path(tempfile.gettempdir() if "DATABRICKS_RUNTIME_VERSION" in os.environ else "data").resolve()
        folder.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{folder / 'studies.db'}"


def register(name: str, model_uri: str, run_id: str, newer_than: int | None, model_id: str | None = None) -> int:
    """Register a logged model, to whose page `model_id` links its version, and return the version.

    Raises
    ------
    RuntimeError
        When the registry's newest version lies behind those that the database knows, as after the MLflow store was
        deleted: a number that is given away stays so, and none is.
    """
    client = connect()
    from mlflow.exceptions import MlflowException

    if newer_than is not None:
        newest = max((int(found.version) for found in registered_versions(name)), default=0)
        if newest < newer_than:
            raise RuntimeError(
                f"the database knows {name} v{newer_than}, but the newest version at MLFLOW_TRACKING_URI is "
                f"{f'v{newest}' if newest else 'none'}: not the store of earlier runs, or one that lost versions. "
                "Point MLFLOW_TRACKING_URI at that store, let `wanderbricks registry rebuild` register again what the "
                "database and the artifacts know, or start a new database with WANDERBRICKS_DB"
            )
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code not in EXISTS:
            raise
    return int(client.create_model_version(name, model_uri, run_id=run_id, model_id=model_id).version)


def registered_versions(name: str) -> list[Any]:
    """All versions that the registry has of a model, which Unity Catalog tells a page at a time."""
    client, found, token = connect(), [], None
    while True:
        page = client.search_model_versions(f"name = '{name}'", page_token=token)
        found += page
        token = page.token
        if not token:
            return found


def unfinished_runs(name: str) -> list[tuple[int, str]]:
    """Versions of a registered model whose runs never ended, and these runs: of fits killed while they registered."""
    client = connect()
    runs = {int(one.version): str(one.run_id) for one in registered_versions(name) if one.run_id}
    return sorted((number, run) for number, run in runs.items() if client.get_run(run).info.status == "RUNNING")


def end_run(run_id: str) -> None:
    """Mark a run as killed."""
    connect().set_terminated(run_id, status="KILLED")


def write_first_fit(model: Any, folder: str) -> str:
    """Write a version's first fit to a folder, to be logged beside the refit, and return its file."""
    import cloudpickle

    file = Path(folder) / FIRST_FIT
    file.write_bytes(cloudpickle.dumps(model))
    return str(file)


def load_first_fit(folder: str) -> Any:
    """The fit to judge in a folder that `verified` has proven; a version from before there were two has one for all."""
    import_first(*LEARNERS)
    import cloudpickle

    file = Path(folder) / "extra_files" / FIRST_FIT
    return cloudpickle.loads(file.read_bytes()) if file.exists() else load(folder)


def load(folder: str) -> Any:
    """The fit that serves, a scikit-learn pipeline, in a folder that `verified` has proven."""
    import_first(*LEARNERS, "mlflow.sklearn")
    connect()
    import mlflow

    with without_carried_code():
        return mlflow.sklearn.load_model(folder)


def point_aliases(name: str, champion: int, challenger: int | None) -> None:
    """Make the registry's aliases say what the champion table says.

    Raises
    ------
    RuntimeError
        When the registry knows the model or one of the versions no longer.
    """
    client = connect()
    from mlflow.exceptions import MlflowException

    try:
        aliases = dict(client.get_registered_model(name).aliases)
        before = aliases.get("champion")
        if before is not None and int(before) != champion:
            client.set_registered_model_alias(name, "previous", before)
        if before is None or int(before) != champion:
            client.set_registered_model_alias(name, "champion", str(champion))
        if challenger is not None:
            client.set_registered_model_alias(name, "challenger", str(challenger))
        elif "challenger" in aliases:
            client.delete_registered_model_alias(name, "challenger")
    except MlflowException as error:
        raise RuntimeError(
            f"{name} v{champion} serves by its champion table, but {gone(name, champion)} ({redacted(str(error))})"
        ) from error


def requirements(packages: Sequence[str]) -> list[str]:
    """What a logged model needs, the product's own packages included, pinned to what fitted it."""
    return [f"{package}=={version(package)}" for package in (*PACKAGES, *packages)]


def artifact_files(model_uri: str) -> dict[str, str]:
    """SHA-256 of each of a logged model's files, by name."""
    return integrity.file_digests(_folder(model_uri))


def sign(model_uri: str, run_id: str) -> None:
    """Sign a logged model where WANDERBRICKS_SIGNING_KEY is set; the signature becomes an artifact of its run."""
    if not integrity.key_is_set(integrity.SIGNING_KEY):
        return
    with tempfile.TemporaryDirectory() as folder:
        signature = Path(folder) / SIGNATURE
        integrity.sign(_folder(model_uri), signature)
        connect().log_artifact(run_id, str(signature))


def verified(model_name: str, version: Mapping[str, Any]) -> Path:
    """The folder of a version's files, once they are proven to be those that were logged.

    What is loaded has to be loaded from this folder: files that are fetched again could be others.

    Parameters
    ----------
    model_name
        The model, for the error.
    version
        Row of the predictor's table: model_version, model_uri, run_id, artifact_digest, artifact_files.

    Raises
    ------
    RuntimeError
        When MLflow no longer has the version, when a file is not as it was logged, or when WANDERBRICKS_VERIFY_KEY is
        set and no signature by that key vouches for the files.
    """
    said = f"{model_name} v{version['model_version']}"
    connect()
    from mlflow.exceptions import MlflowException

    try:
        folder = _folder(version["model_uri"])
    except (MlflowException, OSError) as error:
        raise RuntimeError(
            f"{said} cannot be loaded: {gone(model_name, version['model_version'])} ({redacted(str(error))})"
        ) from error
    recorded = version["artifact_files"]
    if recorded is None:
        raise RuntimeError(
            f"{said}: its row in table {model_name} has no artifact_files, so nothing can be proven; {REMEDY}"
        )
    expected = json.loads(recorded)
    problems = integrity.differences(expected, integrity.file_digests(folder))
    if integrity.overall_digest(expected) != version["artifact_digest"]:
        problems.append(f"artifact_files in table {model_name} is not what artifact_digest was taken of")
    if integrity.key_is_set(integrity.VERIFY_KEY):
        problem = _signature_problem(folder, version["run_id"])
        problems += [problem] if problem else []
    if problems:
        raise RuntimeError(
            f"{said} is not what was logged and is not loaded: {'; '.join(problems)} (in {folder}); {REMEDY}"
        )
    return folder


def gone(name: str, version: int) -> str:
    """What to do about a version that MLflow does not give, in words."""
    import mlflow

    return (
        f"the MLflow store at {redacted(mlflow.get_tracking_uri())} does not have {name} v{version}. Point "
        "MLFLOW_TRACKING_URI at the store that earlier runs wrote, restore it from a backup, or register again what "
        "the artifacts hold (`wanderbricks registry rebuild`); `wanderbricks registry verify` lists all that is gone"
    )


def copy_signature(run_id: str, place: Path) -> None:
    """Copy the signature of a run's model to a folder, where there is one."""
    connect()
    import mlflow
    from mlflow.exceptions import MlflowException

    try:
        mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path=SIGNATURE, dst_path=str(place))
    except (MlflowException, OSError) as error:
        # whether one is needed is decided where the model is loaded
        logger.debug("run %s holds no %s: %s", run_id, SIGNATURE, redacted(str(error)))


def _signature_problem(folder: Path, run_id: str) -> str | None:
    import mlflow
    from mlflow.exceptions import MlflowException

    with tempfile.TemporaryDirectory() as place:
        try:
            signature = mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path=SIGNATURE, dst_path=place)
        except (MlflowException, OSError):
            return f"{integrity.VERIFY_KEY} is set, but its run {run_id} holds no {SIGNATURE}"
        return integrity.signature_problem(folder, Path(signature))


def _folder(model_uri: str) -> Path:
    import mlflow

    return Path(mlflow.artifacts.download_artifacts(model_uri))
