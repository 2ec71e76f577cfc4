"""dbt commands of the tests, which share among them what dbt has parsed."""

from __future__ import annotations

import hashlib
import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

PARSE_FOLDER = "WANDERBRICKS_TESTS_PARSED"
"""Environment variable: the folder of what a session has parsed, for all its workers."""

PARSED_WITH = ("--vars", "--target")
READ_BY_THE_PROJECT = ("WANDERBRICKS_", "DATABRICKS_", "EMULATOR_")


def run_dbt(
    arguments: Sequence[str],
    project: Path,
    target: Path,
    environment: Mapping[str, str],
    timeout: int = 900,
) -> subprocess.CompletedProcess[str]:
    """Run a dbt command in the folder `project`, its output in one text.

    Parsing takes dbt longer than most of what is tested. So what a run has parsed is put before every later one with
    the same settings, wherever its project lies: dbt itself holds the files against each other, and parses those that
    differ.
    """
    parsed = target / "partial_parse.msgpack"
    saved = None
    if PARSE_FOLDER in os.environ:
        saved = Path(os.environ[PARSE_FOLDER]) / _settings(arguments, project, environment)
        if saved.exists():
            parsed.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(saved, parsed)
    finished = subprocess.run(
        [Path(sys.executable).with_name("dbt"), "--no-use-colors", *arguments, "--target-path", str(target)],
        cwd=project,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
        check=False,
    )
    if saved and not saved.exists() and parsed.exists():
        # whole at once: another worker may look for it
        part = saved.with_suffix(f".{os.getpid()}")
        shutil.copy(parsed, part)
        part.replace(saved)
    return finished


def _settings(arguments: Sequence[str], project: Path, environment: Mapping[str, str]) -> str:
    """A name for all but the project's files that invalidates what dbt has parsed."""
    options = [word for pair in itertools.pairwise(arguments) for word in pair if pair[0] in PARSED_WITH]
    read = {**os.environ, **environment}
    variables = sorted((name, value) for name, value in read.items() if name.startswith(READ_BY_THE_PROJECT))
    content = (project / "dbt_project.yml").read_bytes()
    return hashlib.sha256(repr((options, variables)).encode() + content).hexdigest()[:16]
