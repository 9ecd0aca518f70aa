"""Digests: of data, and of files."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any


def data_digest(data: Any) -> str:
    """Digest of JSON-like data in hexadecimal digits; it does not depend on the order of keys."""
    return bytes_digest(json.dumps(data, sort_keys=True, ensure_ascii=False).encode())


def bytes_digest(contents: bytes) -> str:
    """Digest of bytes in hexadecimal digits; of a file's contents it is the same as `file_digest`."""
    return _hash(contents).hexdigest()


def file_digest(path: Path) -> str:
    """Digest of a file's contents in hexadecimal digits.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, _hash).hexdigest()


def _hash(contents: bytes = b"") -> hashlib.blake2b:
    return hashlib.blake2b(contents, digest_size=16)
