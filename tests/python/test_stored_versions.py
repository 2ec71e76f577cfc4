"""Versions that earlier code pickled load, and predict what they predicted then."""

from __future__ import annotations

import importlib
import json
import lzma
import pickle
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from wanderbricks_ml import moved
from wanderbricks_ml.gold.plugin import Plugin

STORED = Path(__file__).parent / "data/versions"
NAMES = sorted(file.stem for file in STORED.glob("*.json"))


@pytest.mark.parametrize("name", NAMES)
def test_a_stored_version_predicts_what_it_did(name: str) -> None:
    kept = json.loads((STORED / f"{name}.json").read_text())
    rows = pd.DataFrame(kept["rows"])
    rows = rows.astype({column: "float64" for column in kept["numeric"]})
    if "forecast_date" in rows:
        rows["forecast_date"] = pd.to_datetime(rows["forecast_date"])
    model = pickle.loads(lzma.decompress((STORED / f"{name}.pkl.xz").read_bytes()))
    np.testing.assert_allclose(model.predict(rows), kept["predictions"], rtol=1e-6)


def test_every_stored_version_is_looked_at() -> None:
    assert len(NAMES) == len(list(STORED.glob("*.pkl.xz"))) == 12


def test_a_process_that_knows_nothing_of_us_loads_one() -> None:
    """As MLflow does when it serves: what the pickle names is the first that is imported."""
    code = (
        "import lzma, pickle, sys; "
        "model = pickle.loads(lzma.decompress(open(sys.argv[1], 'rb').read())); "
        "print(type(model['estimator']).__name__)"
    )
    for name in ("two_part", "candidate_logistic_regression"):
        file = STORED / f"{name}.pkl.xz"
        said = subprocess.run([sys.executable, "-c", code, file], capture_output=True, text=True, check=True).stdout
        assert said.strip()


def test_the_plugin_that_profiles_name_is_found() -> None:
    named = re.findall(r"module: (\S+)", (Path(__file__).parents[2] / "profiles.yml").read_text())
    assert [importlib.import_module(module).Plugin for module in named] == [Plugin]


def test_every_module_that_moved_leads_somewhere() -> None:
    for old, places in moved.MODULES.items():
        assert importlib.import_module(f"wanderbricks_ml.{old}").__name__ == f"wanderbricks_ml.{old}"
        for place in places:
            importlib.import_module(f"wanderbricks_ml.{place}")


def test_what_never_was_is_not_found() -> None:
    with pytest.raises(ModuleNotFoundError, match="'wanderbricks_ml\\.nowhere'"):
        importlib.import_module("wanderbricks_ml.nowhere")
    with pytest.raises(ImportError, match="cannot import name 'Nobody'"):
        exec("from wanderbricks_ml.pricing import Nobody")
