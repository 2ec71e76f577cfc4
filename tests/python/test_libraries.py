"""Threads of dbt do not import a library at the same time."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import threading
import time

import pytest

from wanderbricks_ml import libraries


def test_one_thread_imports_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    busy, met = [], []

    def slow(name: str) -> None:
        met.append(len(busy))
        busy.append(name)
        time.sleep(0.01)
        busy.remove(name)

    monkeypatch.setattr(importlib, "import_module", slow)
    threads = [threading.Thread(target=libraries.import_first, args=("a", "b", "c")) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert met == [0] * 12


def test_nothing_that_a_build_runs_imports_matplotlib() -> None:
    """It takes a second and more, and is for those who look at plots."""
    modules = (
        "lifecycle.fitting",
        "lifecycle.rolling_origins",
        "lifecycle.predicting",
        "tuning.study",
        "registry.trials",
    )
    modules += ("reports.report", "estimators.pick_up", "registry.drawing", "commands.cli")
    imported = ", ".join(f"wanderbricks_ml.{module}" for module in modules)
    code = f"import sys, {imported}; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_build_with_nothing_due_imports_no_library() -> None:
    """Each takes one to four seconds; what decides that nothing is due reads a row."""
    code = (
        "import sys; from wanderbricks_ml.lifecycle import fitting, rolling_origins, predicting; "
        "print(sorted({'pandas', 'sklearn', 'scipy', 'xgboost', 'mlflow', 'prophet', 'optuna'} & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said == "[]\n"


def test_threads_that_wait_do_not_spin() -> None:
    code = "import os, wanderbricks_ml; print(os.environ['OMP_WAIT_POLICY'])"
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    said = [
        subprocess.run([sys.executable, "-c", code], env=given, capture_output=True, text=True, check=True).stdout
        for given in (environment, environment | {"OMP_WAIT_POLICY": "ACTIVE"})
    ]
    assert said == ["PASSIVE\n", "ACTIVE\n"]
