"""Whether a logged model's files are still those that were logged: digests by file, and signatures where a key is set.

Signatures are those of the OpenSSF model-signing specification (a Sigstore bundle over an in-toto statement that names
every file), made with an elliptic-curve key: WANDERBRICKS_SIGNING_KEY, the private one, signs what is logged, and with
WANDERBRICKS_VERIFY_KEY, the public one, nothing is loaded that it does not vouch for. Either is the path of a PEM file
or the PEM text itself, as a cluster's environment has it from a secret.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

SIGNING_KEY = "WANDERBRICKS_SIGNING_KEY"
VERIFY_KEY = "WANDERBRICKS_VERIFY_KEY"

WRITTEN_BY_MLFLOW = frozenset({"registered_model_meta"})
"""Files that MLflow's client adds to what it has downloaded; nothing reads them to predict."""

COMPILED = "__pycache__"
"""Folder that Python adds where a process without this package loads a model, by the code that the model carries."""


def file_digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder, hexadecimal, by its path there."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in WRITTEN_BY_MLFLOW and path.parent.name != COMPILED
    }


def overall_digest(files: Mapping[str, str]) -> str:
    """SHA-256 of a folder: of the names and digests of its files, as JSON in order of name."""
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()


def differences(expected: Mapping[str, str], found: Mapping[str, str]) -> list[str]:
    """What became of the files that were logged, in words; empty where all are as they were."""
    changed = [
        f"{name} was changed" for name in sorted(expected.keys() & found.keys()) if expected[name] != found[name]
    ]
    gone = [f"{name} is gone" for name in sorted(expected.keys() - found.keys())]
    return [*changed, *gone, *(f"{name} was added" for name in sorted(found.keys() - expected.keys()))]


def key_is_set(name: str) -> bool:
    """Whether there is a key in the environment variable `name`."""
    return bool(os.environ.get(name))


def sign(folder: Path, signature: Path) -> None:
    """Sign all files below a folder with the key in WANDERBRICKS_SIGNING_KEY, and write the signature.

    Raises
    ------
    RuntimeError
        When the key cannot be read.
    """
    from model_signing import signing

    with _key_file(SIGNING_KEY) as key:
        try:
            config = signing.Config().use_elliptic_key_signer(private_key=key)
        except (OSError, ValueError, TypeError) as error:
            raise RuntimeError(_unreadable(SIGNING_KEY, "private", error)) from error
    config.set_hashing_config(_hashing(folder))
    config.sign(folder, signature)


def signature_problem(folder: Path, signature: Path) -> str | None:
    """Why a signature does not vouch for the files below a folder, None if it does; the key is WANDERBRICKS_VERIFY_KEY.

    Raises
    ------
    RuntimeError
        When the key cannot be read.
    """
    from cryptography.exceptions import InvalidSignature
    from model_signing import verifying

    with _key_file(VERIFY_KEY) as key:
        try:
            config = verifying.Config().use_elliptic_key_verifier(public_key=key)
        except (OSError, ValueError, TypeError) as error:
            raise RuntimeError(_unreadable(VERIFY_KEY, "public", error)) from error
    config.set_hashing_config(_hashing(folder))
    try:
        config.verify(folder, signature)
    except InvalidSignature:
        return f"its signature is not one of the key in {VERIFY_KEY}"
    except ValueError as error:
        if not str(error).startswith("Signature mismatch"):
            return f"its signature does not hold: {error}"
        return (
            f"its signature is one of other files: {'; '.join(differences(_signed(signature), file_digests(folder)))}"
        )
    return None


def _signed(signature: Path) -> dict[str, str]:
    """Files and SHA-256 digests that a signature is about."""
    bundle = json.loads(signature.read_text(encoding="utf-8"))
    statement = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))
    return {resource["name"]: resource["digest"] for resource in statement["predicate"]["resources"]}


def _hashing(folder: Path) -> Any:
    """Every file counts but those of MLflow's client and Python's: the library would leave out what git ignores."""
    from model_signing import hashing

    ignored = [*(folder / name for name in sorted(WRITTEN_BY_MLFLOW)), *folder.rglob(COMPILED)]
    return hashing.Config().set_ignored_paths(paths=ignored, ignore_git_paths=False)


def _unreadable(name: str, kind: str, error: Exception) -> str:
    return (
        f"{name} holds no {kind} key that can be read ({type(error).__name__}: {error}); it takes the path of a PEM "
        "file with a key on curve P-256, P-384 or P-521, such as openssl ecparam -genkey -name prime256v1 makes"
    )


@contextlib.contextmanager
def _key_file(name: str) -> Iterator[Path]:
    """A file with the key in the environment variable `name`, gone afterwards where it was made for this."""
    value = os.environ[name]
    if not value.lstrip().startswith("-----BEGIN"):
        yield Path(value)
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "key.pem"
        file.touch(mode=0o600)
        file.write_text(value, encoding="utf-8")
        yield file
