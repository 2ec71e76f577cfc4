"""Build the wheel of a workspace: ``python deploy/wheel.py [FOLDER]`` prints its path, by default below dist/.

Its version ends with a digest of the files, such as 0.1.0+3f2a9c01b7de: serverless compute caches environments by the
text of their dependencies, and would go on with the code of before under a name that stays. The same files give the
same name, and wheels of before are kept, so that a job that was deployed with one still finds it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
NEEDED = ("pyproject.toml", "README.md", "LICENSE", "python/wanderbricks_ml")
"""What a wheel is built from."""


def digest(project: Path = PROJECT) -> str:
    """Twelve hexadecimal digits of the names and contents of all files."""
    found = hashlib.sha256()
    for name in NEEDED:
        path = project / name
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and "__pycache__" not in file.parts:
                found.update(f"{file.relative_to(project).as_posix()}\0".encode())
                found.update(hashlib.sha256(file.read_bytes()).digest())
    return found.hexdigest()[:12]


def build(folder: Path, project: Path = PROJECT) -> Path:
    """Build the wheel into `folder`, and return it.

    Raises
    ------
    subprocess.CalledProcessError
        When pip cannot build it.
    """
    tag = digest(project)
    with tempfile.TemporaryDirectory() as place:
        # elsewhere: what an earlier build left beside the sources would come along
        source = Path(place) / "source"
        for name in NEEDED:
            target = source / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if (project / name).is_dir():
                shutil.copytree(project / name, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(project / name, target)
        config = Path(place) / "version.cfg"
        config.write_text(f"[egg_info]\ntag_build = +{tag}\n", encoding="utf-8")
        pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps"]
        subprocess.run(
            [*pip, "--no-build-isolation", "--wheel-dir", folder, source],
            check=True,
            # the same files, the same bytes
            env=os.environ | {"DIST_EXTRA_CONFIG": str(config), "SOURCE_DATE_EPOCH": "1577836800"},
        )
    (wheel,) = folder.glob(f"wanderbricks_ml-*+{tag}-py3-none-any.whl")
    return wheel


if __name__ == "__main__":
    print(build(Path(*sys.argv[1:2] or [PROJECT / "dist"])))
