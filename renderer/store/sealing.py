"""Text files with a digest of themselves: what was damaged, or changed by hand, is known as such."""

from __future__ import annotations

from pathlib import Path

from renderer.common.digests import bytes_digest
from renderer.store.plain_files import read_plain

_SEAL = b"# digest: "


def sealed(heading: str, body: str) -> bytes:
    """Put a line with a digest of the body between the two.

    Args:
        heading: Lines of comment.
        body: The contents, which the digest is of.
    """
    contents = body.encode()
    return heading.encode() + _SEAL + bytes_digest(contents).encode() + b"\n" + contents


def read_sealed(path: Path) -> bytes | None:
    """What a sealed file holds, heading and all; None if it is missing, damaged or changed."""
    try:
        data = read_plain(path)
    except OSError:
        return None
    before, found, rest = data.partition(_SEAL)
    digest, _, contents = rest.partition(b"\n")
    is_headed = found and all(line.startswith(b"#") for line in before.splitlines())
    return data if is_headed and digest == bytes_digest(contents).encode() else None
