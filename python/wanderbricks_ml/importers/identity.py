"""Keyed hashing of personal text, so that no published name reaches gold.

HMAC-SHA-256 under a secret key: equal names stay equal within one key, and without the key nobody
can find a name by hashing a list of names.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass

import pyarrow as pa

KEY_VARIABLE = "WANDERBRICKS_HASH_KEY"


@dataclass(frozen=True)
class HashingKey:
    """A secret, and whether it is forgotten after this run."""

    secret: bytes
    is_temporary: bool


def hashing_key() -> HashingKey:
    """The key in ``WANDERBRICKS_HASH_KEY``, else a fresh random one that nothing stores."""
    given = os.environ.get(KEY_VARIABLE, "")
    if given:
        return HashingKey(given.encode(), is_temporary=False)
    return HashingKey(secrets.token_bytes(32), is_temporary=True)


def keyed_hash(texts: pa.ChunkedArray, key: HashingKey) -> pa.ChunkedArray:
    """Hash strings under `key`; each distinct one is hashed once.

    Parameters
    ----------
    texts
        Strings, length n; nulls stay null.
    key
        The secret to use.

    Returns
    -------
    pa.ChunkedArray
        Strings of 64 hexadecimal digits, length n, in the order of `texts`.
    """
    encoded = texts.combine_chunks().dictionary_encode()
    digests = pa.array(
        [hmac.new(key.secret, text.encode(), hashlib.sha256).hexdigest() for text in encoded.dictionary.to_pylist()],
        pa.string(),
    )
    return pa.chunked_array([digests.take(encoded.indices)])
