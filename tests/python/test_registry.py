"""Decisions about versions, comparison, and the integrity of artifacts."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from conftest import PRODUCTS
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from eased_project import copied_project
from local_workspace import Workspace
from mlflow import MlflowClient
from pandas.testing import assert_frame_equal

from wanderbricks_ml.commands import dbt_client
from wanderbricks_ml.commands.cli import main
from wanderbricks_ml.registry import drawing, integrity
from wanderbricks_ml.registry.comparison import differences, paired_difference

DEMAND = ("--select", "model_state", "registry_decisions", "path:models/demand")


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A key to sign with and the one to verify with, as files, by environment variable."""
    folder = tmp_path_factory.mktemp("keys")
    private = ec.generate_private_key(ec.SECP256R1())
    pem = serialization.Encoding.PEM
    secret = private.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    public = private.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    (folder / "private.pem").write_bytes(secret)
    (folder / "public.pem").write_bytes(public)
    return {integrity.SIGNING_KEY: str(folder / "private.pem"), integrity.VERIFY_KEY: str(folder / "public.pem")}


class Life:
    """Demand on tiny gold, where every build fits a candidate that beats the reigning version, and the commands."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def build(self, *arguments: str) -> int:
        return self.workspace.dbt("run", *DEMAND, *arguments)

    def registry(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command ``wanderbricks registry``."""
        return self.workspace.wanderbricks("registry", *arguments, WANDERBRICKS_USER="ann", **environment)

    def serving(self) -> list[tuple[Any, ...]]:
        return self.workspace.query("select distinct model_version from demand_predictions order by all")

    def champion(self) -> list[tuple[Any, ...]]:
        return self.workspace.query("select model_version, role, serves from demand_champion order by all")


@pytest.fixture(scope="module")
def life(fresh: Workspace, keys: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Life:
    folder = tmp_path_factory.mktemp("registry")
    project = copied_project(folder / "project")
    seed = project / "seeds/performance_targets.csv"
    given = "demand_predictor,poisson_deviance,at_most,,error,true,0.005"
    assert given in seed.read_text(encoding="utf-8")
    # negative: a candidate wins even where it is no better
    text = seed.read_text(encoding="utf-8").replace(given, given.replace("0.005", "-0.5"))
    seed.write_text(text, encoding="utf-8")
    settings = project / "dbt_project.yml"
    text = settings.read_text(encoding="utf-8")
    # not by --vars, which makes dbt parse everything anew
    assert "retrain: auto" in text
    settings.write_text(text.replace("retrain: auto", "retrain: force"), encoding="utf-8")
    workspace = fresh.copy(folder / "workspace", project=project)
    assert workspace.dbt("seed", "--select", "performance_targets") == 0, workspace.log
    life = Life(workspace)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(integrity.SIGNING_KEY, keys[integrity.SIGNING_KEY])
        assert life.build() == 0, workspace.log
    return life


def test_a_rollback_survives_retraining_until_it_is_lifted(life: Life) -> None:
    assert life.serving() == [(2,)]
    said = life.registry("rollback", "demand_predictor", "--reason", "Ann's weekends: \\ off")
    assert said.returncode == 0, said.stderr
    assert "rollback demand_predictor v1, by ann: Ann's weekends: \\ off" in said.stdout
    decided = "select decision_id, model_version, action, decided_by, reason from registry_decisions"
    assert life.workspace.query(decided) == [(1, 1, "rollback", "ann", "Ann's weekends: \\ off")]

    assert life.build() == 0, life.workspace.log
    assert life.champion() == [(1, "pinned", True), (2, "reigning", False), (3, "candidate", False)]
    assert life.serving() == [(1,)]
    assert life.workspace.aliases("demand_predictor") == {"champion": 1, "previous": 2, "challenger": 3}
    parents = "select model_version, parent_version from demand_predictor order by all"
    assert life.workspace.query(parents) == [(1, None), (2, 1), (3, 2)]

    for action, version, refused in [
        ("promote", "9", "demand_predictor v9 does not exist; there are v1, v2, v3"),
        ("archive", "1", "demand_predictor v1 serves; promote another version or roll back first"),
        ("promote", "1", "demand_predictor v1 is pinned already"),
    ]:
        said = life.registry(action, "demand_predictor", version, "--reason", "why not")
        assert (said.returncode, said.stderr) == (1, f"Error: {refused}\n")

    states = {"1": ("production", True), "2": ("deprecated", False), "3": ("staging", False)}
    listed = json.loads(life.registry("list", "demand_predictor", "--format", "json").stdout)
    assert {str(row["model_version"]): (row["state"], row["is_pinned"]) for row in listed} == states

    said = life.registry("unpin", "demand_predictor", "--reason", "mended")
    assert said.returncode == 0, said.stderr
    newest = "select max_by(action, decision_id) from wanderbricks_ml.registry_decisions"
    assert life.workspace.query(newest) == [("unpin",)]
    assert life.build() == 0, life.workspace.log
    assert life.champion() == [(1, "reigning", False), (4, "candidate", True)]
    assert life.serving() == [(4,)]


def test_a_changed_byte_stops_scoring(life: Life, keys: dict[str, str], tmp_path: Path) -> None:
    workspace = life.workspace
    as_it_is = ("--vars", json.dumps({"retrain": "never"}))
    before = workspace.table("demand_predictions")
    said = life.registry("promote", "demand_predictor", "3", "--reason", "try it")
    assert said.returncode == 0, said.stderr
    code = (
        "from wanderbricks_ml.registry import store; store.connect(); import mlflow; "
        "print(mlflow.artifacts.download_artifacts('models:/demand_predictor/3'))"
    )
    logged = Path(life.workspace.python(code).stdout.strip()) / "model.pkl"
    content = logged.read_bytes()
    logged.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    try:
        assert life.build(*as_it_is) != 0
        assert "demand_predictor v3 is not what was logged and is not loaded: model.pkl was changed" in workspace.log
        assert_frame_equal(workspace.table("demand_predictions"), before, check_exact=True)
        verified = life.registry("verify", "demand_predictor", "--format", "json")
        assert verified.returncode == 1
        sound = {row["model_version"]: row["is_sound"] for row in json.loads(verified.stdout)}
        assert sound == {4: True, 3: False, 2: True, 1: True}
    finally:
        logged.write_bytes(content)

    signed = json.loads(life.registry("verify", "demand_predictor", "--format", "json", **keys).stdout)
    results = {row["model_version"]: row["result"] for row in signed}
    assert results[2] == "signature and digests hold"
    assert "WANDERBRICKS_VERIFY_KEY is set, but its run" in results[1]

    elsewhere = f"sqlite:///{tmp_path}/mlflow.db"
    moved = {"MLFLOW_TRACKING_URI": elsewhere, "MLFLOW_REGISTRY_URI": elsewhere}
    deleted = json.loads(life.registry("verify", "--format", "json", **moved).stdout)
    assert {row["model_name"] for row in deleted} > {"demand_predictor"}
    for row in deleted:
        assert (
            f"the MLflow store at {elsewhere} does not have {row['model_name']} v{row['model_version']}"
            in row["result"]
        )

    assert life.build(*as_it_is) == 0, workspace.log
    assert life.serving() == [(3,)]


def test_the_losses_that_are_compared_are_those_of_the_metrics(fresh: Workspace) -> None:
    primary = fresh.query(
        """
        select targets.model_name, inventory.product
        from performance_targets as targets
        inner join model_inventory as inventory on targets.model_name = inventory.model_name
        where targets.is_primary
        """
    )
    assert len(primary) == 8
    union = " union all ".join(
        f"select * from ({{{{ paired_losses('{model}', 1, 1) }}}}) as {model}" for model, _ in primary
    )
    code = (
        "import json, sys; from wanderbricks_ml.commands import dbt_client; "
        "print(json.dumps(dbt_client.rows(sys.argv[1]), default=str))"
    )
    asked = fresh.python(code, union)
    assert asked.returncode == 0, asked.stderr
    losses = json.loads(asked.stdout)
    for model, product in primary:
        of_model = [row for row in losses if row["model_name"] == model]
        (metric,) = {row["metric_name"] for row in of_model}
        values = dict(
            fresh.query(
                f"select segment, metric_value from {product}_metrics where split = 'test' and metric_name = '{metric}'"
            )
        )
        found = {one.segment: one for one in differences(of_model, 1, 1)}
        assert len(found) > 1, model
        for segment, one in found.items():
            assert one.value == pytest.approx(values[segment], rel=1e-9), (model, segment)
            assert (one.difference, one.lower, one.upper) == (0, 0, 0) or one.blocks == 1


def test_mlflow_says_what_the_champion_tables_say(fresh: Workspace) -> None:
    client = MlflowClient(tracking_uri=fresh.mlflow_uri, registry_uri=fresh.mlflow_uri)
    told = 0
    for product in PRODUCTS:
        rows = fresh.query(
            "select model_version, metric_name, metric_value, baseline_value, missed_targets is not null "
            f"from {product.name}_champion where serves"
        )
        for number, metric, value, baseline, misses in rows:
            version = client.get_model_version_by_alias(product.model_name, "champion")
            assert int(version.version) == number
            assert version.description.startswith(f"# {product.model_name} v{number}")
            assert (version.tags["stage"], version.tags["gate"]) == ("production", "amber" if misses else "serves")
            run = client.get_run(version.run_id)
            assert run.data.metrics[f"test_{metric}"] == value
            assert run.data.metrics.get(f"test_{metric}_baseline") == baseline
            assert run.info.end_time - run.info.start_time == int(1000 * run.data.metrics["fit_seconds"])
            assert client.get_registered_model(product.model_name).tags["owner"]
            told += 1
    assert told >= 4


def test_the_bootstrap_of_a_mean_has_the_known_interval() -> None:
    random = np.random.default_rng(1)
    losses = random.gamma(2, size=400)
    gained = random.normal(0.1, 0.5, size=400)
    weights = np.ones(400)
    value, other, lower, upper = paired_difference(losses, losses + gained, weights, resamples=4_000)
    assert value == pytest.approx(losses.mean())
    assert other - value == pytest.approx(gained.mean())
    # a mean of 400: the percentiles are those of the normal distribution, but for the resampling
    half = 1.96 * gained.std() / 20
    assert lower == pytest.approx(gained.mean() - half, abs=0.05 * half)
    assert upper == pytest.approx(gained.mean() + half, abs=0.05 * half)
    assert (value, other, lower, upper) == paired_difference(losses, losses + gained, weights, resamples=4_000)


def test_a_difference_that_is_the_same_in_every_block_has_no_interval_to_speak_of() -> None:
    # weighted: 2 * (1, 2, 3) rows, each worse by 0.5, however hard its block
    losses, weights = np.array([10.0, 1.0, 60.0]), np.array([2.0, 4.0, 6.0])
    found = paired_difference(losses, losses + 0.5 * weights, weights)
    assert found == pytest.approx((71 / 12, 77 / 12, 0.5, 0.5))
    assert paired_difference(losses[:1], losses[:1], weights[:1])[2:] == (None, None)


def test_versions_on_other_rows_are_not_compared() -> None:
    rows = [
        {"model_version": version, "segment": "all", "block": "b", "loss": 1.0, "weight": 1.0, "row_count": version}
        for version in (1, 2)
    ]
    with pytest.raises(ValueError, match="not evaluated on the same rows: block b of all differs"):
        differences(rows, 1, 2)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files of a model."""
    made = tmp_path / "model"
    (made / "data").mkdir(parents=True)
    (made / "MLmodel").write_text("flavors", encoding="utf-8")
    (made / "data/model.pkl").write_bytes(b"trees")
    return made


CHANGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "changed": (lambda folder: (folder / "data/model.pkl").write_bytes(b"treez"), "data/model.pkl was changed"),
    "gone": (lambda folder: (folder / "data/model.pkl").unlink(), "data/model.pkl is gone"),
    "added": (lambda folder: (folder / ".gitignore").write_text("x"), ".gitignore was added"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_file_that_is_not_as_it_was_is_named(
    name: str, folder: Path, keys: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    change, difference = CHANGES[name]
    for variable, file in keys.items():
        monkeypatch.setenv(variable, file)
    logged = integrity.file_digests(folder)
    integrity.sign(folder, tmp_path / "model.sig")
    # what MLflow adds after a download is no change
    (folder / "registered_model_meta").write_text("model_name: m", encoding="utf-8")
    assert integrity.differences(logged, integrity.file_digests(folder)) == []
    assert integrity.signature_problem(folder, tmp_path / "model.sig") is None
    change(folder)
    assert integrity.differences(logged, integrity.file_digests(folder)) == [difference]
    problem = integrity.signature_problem(folder, tmp_path / "model.sig")
    assert problem == f"its signature is one of other files: {difference}"


def test_a_signature_of_another_key_does_not_count(
    folder: Path, keys: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    # the text of a key instead of a file
    monkeypatch.setenv(integrity.SIGNING_KEY, other.decode())
    monkeypatch.setenv(integrity.VERIFY_KEY, keys[integrity.VERIFY_KEY])
    integrity.sign(folder, tmp_path / "model.sig")
    assert "signature" in str(integrity.signature_problem(folder, tmp_path / "model.sig"))
    monkeypatch.setenv(integrity.VERIFY_KEY, str(tmp_path / "nowhere.pem"))
    with pytest.raises(RuntimeError, match="WANDERBRICKS_VERIFY_KEY holds no public key that can be read"):
        integrity.signature_problem(folder, tmp_path / "model.sig")


def version_row(number: int, state: str, **known: Any) -> dict[str, Any]:
    return {
        "model_name": "demand_predictor",
        "model_version": number,
        "state": state,
        "alias": "champion" if state == "production" else None,
        "gate": "serves" if state == "production" else None,
        "metric_name": "poisson_deviance",
        "metric_value": 0.1875,
        "baseline_value": 0.2046,
        "age_days": 3,
        "is_pinned": False,
        "as_of_date": "2025-08-01",
        "reason": "schedule",
        "parent_version": None,
        "last_scoring_date": None,
        "last_decision": None,
        "artifact_files": json.dumps({"model.pkl": "ab"}),
        "run_id": f"run{number}",
    } | known


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """A function that runs ``wanderbricks registry`` with dbt's answers given."""
    rows = [version_row(1, "deprecated"), version_row(2, "production", parent_version=1)]
    monkeypatch.setattr(dbt_client, "model_rows", lambda name, target: rows)
    monkeypatch.setenv("WANDERBRICKS_USER", "ann")
    return lambda *arguments: CliRunner().invoke(main, ["registry", *arguments])


def test_versions_are_listed_as_a_table(cli: Callable[..., Any]) -> None:
    lines = cli("list").output.splitlines()
    assert lines[0].split()[:5] == ["model_name", "model_version", "state", "alias", "gate"]
    quality = ["poisson_deviance", "0.1875", "0.2046", "3", "no"]
    assert [line.split() for line in lines[1:]] == [
        ["demand_predictor", "2", "production", "champion", "serves", *quality],
        ["demand_predictor", "1", "deprecated", "-", "-", *quality],
    ]
    assert (
        len({line.index("state" if number == 0 else lines[number].split()[2]) for number, line in enumerate(lines)})
        == 1
    )


def test_the_earlier_name_of_unpin_says_so(cli: Callable[..., Any]) -> None:
    said = cli("lift", "demand_predictor", "--reason", "mended")
    assert said.exit_code == 2
    assert "lift is now called unpin: wanderbricks registry unpin demand_predictor --reason mended" in said.output
    assert "lift" not in CliRunner().invoke(main, ["registry", "--help"]).output


def test_the_version_of_the_package_is_told() -> None:
    said = CliRunner().invoke(main, ["--version"])
    assert said.output == f"wanderbricks, version {metadata.version('wanderbricks-ml')}\n"


def test_the_version_in_production_is_shown(cli: Callable[..., Any]) -> None:
    shown = cli("show", "demand_predictor")
    assert "model_version      2" in shown.output
    assert "artifact_file      ab  model.pkl" in shown.output
    assert json.loads(cli("show", "demand_predictor", "1", "--format", "json").output)["model_version"] == 1


def test_plots_are_drawn_of_the_version_that_is_asked_for(
    cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawing, "draw_plots", lambda run_id, said: [f"{run_id}.png"] if run_id == "run2" else [])
    assert cli("plots", "demand_predictor").output == "demand_predictor v2, run run2: run2.png\n"
    assert cli("plots", "demand_predictor", "1").output.endswith("run run1: no table that has a plot\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["plots", "demand_predictor", "7"], "demand_predictor has no version v7; there are v2, v1"),
        (["show", "demand_predictor", "7"], "demand_predictor has no version v7; there are v2, v1"),
        (["list", "demand"], "demand has no version. Models that have one: demand_predictor"),
        (["verify", "demand_predictor", "7"], "demand_predictor has no version v7"),
        (["compare", "demand'); drop", "1", "2"], "is no name of a model"),
        (["compare", "demand_predictor", "1", "7"], "demand_predictor has no version v7; there are v2, v1"),
        (["compare", "demand_predictor", "2", "2"], "v2 is named twice; name two versions of demand_predictor"),
        (["promote", "demand_predictor", "1"], "Missing option '--reason'"),
    ],
)
def test_what_cannot_be_done_is_said(arguments: list[str], said: str, cli: Callable[..., Any]) -> None:
    refused = cli(*arguments)
    assert refused.exit_code != 0
    assert said in refused.output


def test_a_refusal_of_the_macro_is_quoted(cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def refuse(macro: str, arguments: dict[str, Any], target: str | None) -> list[str]:
        asked.update(arguments, target=target)
        raise RuntimeError("Compilation Error in macro x\n  registry: v1 is archived already\n  > called by macro x")

    monkeypatch.setattr(dbt_client, "run_operation", refuse)
    refused = cli("archive", "demand_predictor", "1", "--reason", "bad", "--target", "prod")
    assert (refused.exit_code, refused.output) == (1, "Error: v1 is archived already\n")
    assert asked == {
        "model_name": "demand_predictor",
        "action": "archive",
        "reason": "bad",
        "decided_by": "ann",
        "model_version": 1,
        "target": "prod",
    }


@pytest.mark.parametrize(
    ("comparison", "better"), [("at_most", "v1"), ("at_least", "v2")], ids=["lower is better", "higher is better"]
)
def test_the_better_version_is_named(
    comparison: str, better: str, cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    common = {"metric_name": "m", "comparison": comparison, "evaluated_as_of": "2025-08-01", "segment": "all"}
    losses = [
        common | {"model_version": version, "block": str(block), "loss": 1.0 * version, "weight": 1.0, "row_count": 1}
        for version in (1, 2)
        for block in range(3)
    ]
    monkeypatch.setattr(dbt_client, "rows", lambda query, target: losses)
    compared = cli("compare", "demand_predictor", "1", "2", "--format", "json")
    (row,) = json.loads(compared.output)
    assert (row["v1"], row["v2"], row["difference"], row["better"]) == (1, 2, 1, better)
