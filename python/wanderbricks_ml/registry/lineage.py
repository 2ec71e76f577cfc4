"""What a version was made from: revision of the code, and packages."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path


def code_revision() -> str:
    """WANDERBRICKS_REVISION, else the revision of the git checkout that holds this package, else the package's version.

    A checkout with changes that are not committed adds ``-dirty``.
    """
    named = os.environ.get("WANDERBRICKS_REVISION")
    if named:
        return named
    describe = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        found = subprocess.run(
            describe, cwd=Path(__file__).parent, capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        found = None
    if found is not None and found.returncode == 0:
        return found.stdout.strip()
    return f"wanderbricks-ml {version('wanderbricks-ml')}"


def package_versions(requirements: list[str]) -> str:
    """Python and the packages that fit, as requirements with a comma between them."""
    return ", ".join([f"python=={platform.python_version()}", *requirements])
