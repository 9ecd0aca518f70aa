"""Digests: of data, and of files."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any


def data_digest(data: Any) -> str:
    """Digest of JSON-like data in hexadecimal digits; it does not depend on the order of keys."""
    text = json.dumps(data, sort_keys=True, ensure_ascii=False)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def file_digest(path: Path) -> str:
    """Digest of a file's contents in hexadecimal digits.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
