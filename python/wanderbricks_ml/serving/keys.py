"""API keys: a file of their hashes, what each may ask for, and how often."""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
import stat
import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import msgspec

logger = logging.getLogger(__name__)

FILE = "WANDERBRICKS_API_KEYS"
"""Environment variable: the file of keys."""

PER_MINUTE = 100
"""Requests a minute of a key for which nothing else is said."""

ALL_MODELS = "*"

_NO_KEY = hashlib.sha256(secrets.token_bytes(32)).hexdigest()


class ApiKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key of which only the hash is known.

    Attributes
    ----------
    id
        Part of the key that is no secret, by which logs name it.
    name
        Who has it.
    hash
        SHA-256 of the key, hexadecimal. A key is 256 random bits, so that nothing slower is needed.
    models
        Models that it may ask, `*` for all.
    per_minute
        Requests that any sixty seconds may hold.
    created, expires
        Days; it is no longer valid on the day on which it expires.
    """

    id: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{12}$")]
    name: str
    hash: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    models: list[str] = msgspec.field(default_factory=lambda: [ALL_MODELS])
    per_minute: Annotated[int, msgspec.Meta(ge=1)] = PER_MINUTE
    created: date | None = None
    expires: date | None = None

    def may_ask(self, model: str) -> bool:
        """Whether it is a key for this model."""
        return ALL_MODELS in self.models or model in self.models


class KeyFile(msgspec.Struct, forbid_unknown_fields=True):
    """The file of keys, JSON."""

    keys: list[ApiKey] = []


def new_key(
    name: str,
    models: tuple[str, ...] = (ALL_MODELS,),
    per_minute: int = PER_MINUTE,
    expires: date | None = None,
) -> tuple[str, ApiKey]:
    """A new key: the text that its holder gets, once, and what is kept of it."""
    identity = secrets.token_hex(6)
    text = f"wb_{identity}_{secrets.token_urlsafe(32)}"
    kept = ApiKey(
        id=identity,
        name=name,
        hash=_hash(text),
        models=list(models),
        per_minute=per_minute,
        created=datetime.now(UTC).date(),
        expires=expires,
    )
    return text, kept


def read_keys(file: Path) -> list[ApiKey]:
    """The keys of a file.

    Raises
    ------
    ValueError
        When it is no file of keys; says where it is wrong.
    FileNotFoundError
        When there is none.
    """
    try:
        found = msgspec.json.decode(file.read_bytes(), type=KeyFile).keys
    except msgspec.DecodeError as error:
        raise ValueError(f"{file} is no file of keys: {error}; `wanderbricks serve-keys add` writes one") from error
    if len({key.id for key in found}) < len(found):
        raise ValueError(f"{file} has two keys of one id")
    return found


def write_keys(file: Path, keys: list[ApiKey]) -> None:
    """Write a file of keys, whole at once, for its owner alone, or for those who may read the one that is there."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f"{file.name}.part")
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)
    if file.is_file():
        part.chmod(stat.S_IMODE(file.stat().st_mode))
    part.write_bytes(msgspec.json.format(msgspec.json.encode(KeyFile(keys)), indent=2))
    part.replace(file)


class KeyRing:
    """Keys that are valid now; a file that was changed is read again.

    Parameters
    ----------
    file
        The file of keys; None where there is none.
    further
        Keys beside those of the file.

    Raises
    ------
    ValueError, FileNotFoundError
        As `read_keys`.
    """

    def __init__(self, file: Path | None, further: list[ApiKey]) -> None:
        self._file = file
        self._further = further
        self._changed = 0
        self._looked = float("-inf")
        self._keys = {key.id: key for key in further}
        if file is not None:
            self._take(read_keys(file), file.stat().st_mtime_ns)
            self._looked = time.monotonic()

    def holder(self, text: str) -> ApiKey | None:
        """The key of a text; None where it is none, or no longer valid."""
        self._look()
        found = self._keys.get(text[3:15])
        # compared also where there is none, so that the time taken does not tell
        is_right = hmac.compare_digest(_hash(text), found.hash if found else _NO_KEY)
        if not found or not is_right or (found.expires and datetime.now(UTC).date() >= found.expires):
            return None
        return found

    def _look(self) -> None:
        now = time.monotonic()
        if self._file is None or now - self._looked < 1:
            return
        self._looked = now
        try:
            changed = self._file.stat().st_mtime_ns
            if changed != self._changed:
                self._take(read_keys(self._file), changed)
        except FileNotFoundError:
            # whoever takes the file away takes the keys away
            self._take([], 0)
        except (OSError, ValueError) as error:
            logger.error("the keys of before stay valid: %s", error)

    def _take(self, keys: list[ApiKey], changed: int) -> None:
        self._changed = changed
        self._keys = {key.id: key for key in [*keys, *self._further]}


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
