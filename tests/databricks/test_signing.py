"""Models signed by keys of a secret scope: what a job that fits signs, and what a job that predicts refuses to load."""

from __future__ import annotations

import sysconfig

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from test_emulator import run
from workspace import Emulator

# the wheel brings model-signing to a workspace; here it is had from the environment of the tests, after all else
BEGIN = f"""
import json, sys, types
sys.path.append({sysconfig.get_path("purelib")!r})
from wanderbricks_ml.registry import integrity, store
from wanderbricks_ml.surroundings import Surroundings, entered

def enter(scope, fits=False):
    entered(types.SimpleNamespace(surroundings=Surroundings(signing_scope=scope), model_name="signed"), fits=fits)
"""

FIT = """
import mlflow
from sklearn.linear_model import LinearRegression

def fitted():
    with mlflow.start_run(experiment_id=store.experiment_id("signed")) as started:
        model = LinearRegression().fit([[0.0], [1.0]], [0.0, 2.0])
        # without them it looks for them, in a process of its own
        needs = store.requirements([])
        logged = mlflow.sklearn.log_model(
            model, name="model", pip_requirements=needs, serialization_format="cloudpickle"
        )
    run = started.info.run_id
    store.sign(logged.model_uri, run)
    number = store.register("signed", logged.model_uri, run, None, logged.model_id)
    files = store.artifact_files(logged.model_uri)
    return number, f"models:/signed/{number}", run, json.dumps(files), integrity.overall_digest(files)

rows = [fitted()]
enter("ours", fits=True)
rows.append(fitted())
columns = ["model_version", "model_uri", "run_id", "artifact_files", "artifact_digest"]
spark.createDataFrame(rows, columns).write.format("delta").saveAsTable("signed")
"""

SCORE = """
unsigned, signed = (row.asDict() for row in spark.table("signed").orderBy("model_version").collect())

def is_refused(version, why):
    try:
        store.verified("signed", version)
    except RuntimeError as error:
        assert why in str(error), error
    else:
        raise AssertionError(f"v{version['model_version']} is loaded")

enter("ours")
assert not integrity.key_is_set(integrity.SIGNING_KEY), "who predicts has no key to sign with"
folder = store.verified("signed", signed)
assert abs(store.load(folder).predict([[3.0]])[0] - 6) < 1e-9
is_refused(unsigned, "holds no model.sig")
# whoever can write the store and the table, too, changes both; a pickle is read to its end, whatever comes after
with open(folder / "model.pkl", "ab") as file:
    file.write(b" ")
files = integrity.file_digests(folder)
changed = signed | {"artifact_files": json.dumps(files), "artifact_digest": integrity.overall_digest(files)}
is_refused(changed, "its signature is one of other files: model.pkl was changed")
enter("theirs")
is_refused(signed, "Key mismatch")
spark.sql("drop table signed")
"""


def pems() -> dict[str, str]:
    """A key to sign with and the one to verify with, as a scope has them."""
    private = ec.generate_private_key(ec.SECP256R1())
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    secret = private.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    public = private.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    return {"signing_key": secret.decode(), "verify_key": public.decode()}


@pytest.fixture
def scopes(emulator: Emulator) -> None:
    """Two secret scopes with keys of their own."""
    emulator.control(secrets={"ours": pems(), "theirs": pems()})


@pytest.mark.usefixtures("scopes")
def test_what_a_job_has_signed_is_loaded_and_nothing_else(emulator: Emulator) -> None:
    for source in (FIT, SCORE):
        answer = run(emulator, BEGIN + source, [str(emulator.wheel)])
        assert answer["error"] is None, answer["error_trace"]
