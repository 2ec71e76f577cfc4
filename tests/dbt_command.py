"""dbt commands of the tests, which share among them what dbt has parsed."""

from __future__ import annotations

import functools
import hashlib
import itertools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from forked_dbt import ForkedDbt, Kill

PARSE_FOLDER = "WANDERBRICKS_TESTS_PARSED"
"""Environment variable: the folder of what a session has parsed, for all its workers."""

WITHOUT_ARTIFACTS = {"build", "run", "run-operation", "seed", "test"}
"""Commands that write no manifest and no results here, which takes them half a second each."""


@functools.cache
def _forked() -> ForkedDbt:
    return ForkedDbt()


def run_dbt(
    arguments: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    timeout: int = 900,
    own_process: bool = False,
    kill: Kill | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a dbt command in `folder`, its output in one text; DBT_PROJECT_DIR and DBT_TARGET_PATH are in `environment`.

    It runs in a fork of a process that has imported dbt and the learners already, which `kill` ends at a moment, or in
    one of its own as users run it.

    Parsing takes dbt longer than most of what is tested. So what a run has parsed is put before every later one with
    the same settings, wherever its project lies: dbt itself holds the files against each other, and parses those that
    differ. Nor does a fork write artifacts that nobody reads: who does gives DBT_WRITE_JSON.
    """
    environment = {**os.environ, **environment}
    if not own_process and arguments[0] in WITHOUT_ARTIFACTS:
        environment = {"DBT_WRITE_JSON": "false", **environment}
    parsed = Path(environment["DBT_TARGET_PATH"]) / "partial_parse.msgpack"
    saved = None
    if PARSE_FOLDER in os.environ:
        saved = Path(os.environ[PARSE_FOLDER]) / _settings(arguments, environment)
        if saved.exists():
            parsed.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(saved, parsed)
    arguments = ["--no-use-colors", *arguments]
    if own_process:
        finished = subprocess.run(
            [Path(sys.executable).with_name("dbt"), *arguments],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )
    else:
        finished = _forked().run(arguments, folder, environment, timeout, kill)
    if saved and not saved.exists() and parsed.exists() and not kill:
        # whole at once: another worker may look for it
        part = saved.with_suffix(f".{os.getpid()}")
        shutil.copy(parsed, part)
        part.replace(saved)
    return finished


def run_wanderbricks(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str], timeout: int = 300
) -> subprocess.CompletedProcess[str]:
    """Run a command of the package in `folder`, its output in one text, in a fork as `run_dbt` does."""
    return _forked().run(arguments, folder, {**os.environ, **environment}, timeout, tool="wanderbricks")


def _settings(arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    """A name for all but the project's files that makes dbt parse anew."""
    options = [word for pair in itertools.pairwise(arguments) for word in pair if pair[0] in ("--vars", "--target")]
    files = [(Path(environment["DBT_PROJECT_DIR"]) / name).read_text() for name in ("dbt_project.yml", "profiles.yml")]
    read = {name: environment.get(name) for text in files for name in re.findall(r"env_var\('(\w+)'", text)}
    return hashlib.sha256(repr((options, read, files)).encode()).hexdigest()[:16]
