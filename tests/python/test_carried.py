"""Logged models carry the code that they need."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from local_workspace import Workspace
from mlflow import MlflowClient
from mlflow.models import Model
from test_architecture import PACKAGE

from wanderbricks_ml.registry import carried, integrity, store

ALONE = """
import importlib.util, json, sys
source, *folders = sys.argv[1:]
sys.path = [place for place in sys.path if place != source]
assert importlib.util.find_spec("wanderbricks_ml") is None, "the package is still there"
import mlflow
found = {}
for folder in folders:
    model = mlflow.pyfunc.load_model(folder)
    found[folder] = model.predict(model.input_example).tolist()
    # the next one brings its own
    for name in [name for name in sys.modules if name.split(".")[0] == "wanderbricks_ml"]:
        assert sys.modules[name].__file__.startswith(folder), sys.modules[name].__file__
        del sys.modules[name]
    sys.path = [place for place in sys.path if not place.startswith(folder)]
print(json.dumps(found))
"""


def test_every_products_model_predicts_where_the_package_is_not(fresh: Workspace, tmp_path: Path) -> None:
    client = MlflowClient(tracking_uri=fresh.mlflow_uri, registry_uri=fresh.mlflow_uri)
    folders = {}
    for model in client.search_registered_models():
        place = Path(client.get_model_version_download_uri(model.name, "1").removeprefix("file://"))
        folders[model.name] = str(place)
    assert len(folders) == 8
    path, digests = list(sys.path), {folder: integrity.file_digests(Path(folder)) for folder in folders.values()}
    alone = subprocess.run(
        [sys.executable, "-I", "-W", "ignore", "-c", ALONE, str(PACKAGE.parent), *folders.values()],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert alone.returncode == 0, alone.stderr
    found = json.loads(alone.stdout.splitlines()[-1])
    for name, folder in folders.items():
        expected = store.load(folder).predict(Model.load(folder).load_input_example(folder))
        assert len(expected)
        np.testing.assert_array_equal(found[folder], expected, err_msg=name)
        assert list(Path(folder).rglob("__pycache__")), "compiled by Python, and still what was logged"
        assert integrity.file_digests(Path(folder)) == digests[folder]
    assert sys.path == path, "a model's code comes before the package"


def test_what_is_carried_imports_nothing_that_is_not() -> None:
    held = {*carried.MODULES, *(f"estimators.{file.stem}" for file in (PACKAGE / "estimators").glob("*.py"))}
    for name in held:
        file = PACKAGE / f"{name.replace('.', '/')}.py"
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("wanderbricks_ml"):
                continue
            module = (node.module or "").removeprefix("wanderbricks_ml").removeprefix(".")
            wanted = {module} if module else {alias.name for alias in node.names}
            assert {place for place in wanted if place != "estimators"} <= held, (name, wanted - held)


def test_code_is_taken_from_a_wheel_too(tmp_path: Path) -> None:
    """A zip on the path, as a job has it."""
    import zipfile

    wheel = tmp_path / "ours.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for file in PACKAGE.rglob("*.py"):
            archive.write(file, f"wanderbricks_ml/{file.relative_to(PACKAGE)}")
    code = "import sys; sys.path.insert(0, sys.argv[1]); from wanderbricks_ml.registry import carried; "
    code += "print(carried.write_code(sys.argv[2]))"
    said = subprocess.run(
        [sys.executable, "-c", code, wheel, tmp_path], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    written = Path(said.stdout.strip())
    assert (written / "estimators/pick_up.py").read_bytes() == (PACKAGE / "estimators/pick_up.py").read_bytes()
