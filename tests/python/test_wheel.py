"""The wheel of a workspace: a name of its own for each state of the package's files."""

from __future__ import annotations

import runpy
import shutil
import zipfile
from pathlib import Path

from eased_project import PROJECT

BUILT = runpy.run_path(str(PROJECT / "deploy/wheel.py"))


def test_each_state_of_the_files_is_a_version_and_earlier_wheels_stay(tmp_path: Path) -> None:
    project, volume = tmp_path / "project", tmp_path / "volume"
    for name in BUILT["NEEDED"]:
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (PROJECT / name).is_dir() else shutil.copy
        copy(PROJECT / name, project / name)
    first = BUILT["build"](volume, project)
    assert first.name == f"wanderbricks_ml-0.1.0+{BUILT['digest']()}-py3-none-any.whl"
    with zipfile.ZipFile(first) as wheel:
        (metadata,) = [name for name in wheel.namelist() if name.endswith("METADATA")]
        assert f"Version: 0.1.0+{BUILT['digest']()}" in wheel.read(metadata).decode()
        assert "wanderbricks_ml/estimators/pick_up.py" in wheel.namelist()
        # those of the package's data
        assert [name for name in wheel.namelist() if "new_model/templates" in name]
    known = first.read_bytes()
    assert BUILT["build"](volume, project).read_bytes() == known, "the same files are the same wheel"
    with (project / "python/wanderbricks_ml/arrays.py").open("a") as file:
        file.write("# changed\n")
    second = BUILT["build"](volume, project)
    assert {file.name for file in volume.iterdir()} == {first.name, second.name}
    assert first.read_bytes() == known
