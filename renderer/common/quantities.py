"""Times, sizes of files and proportions, as people write them on a command line."""

from __future__ import annotations

import re
from fractions import Fraction

from renderer.common.errors import UserError

_TIME = re.compile(r"(?:(?:(\d{1,4}):)?(\d{1,4}):)?(\d{1,7}(?:\.\d{1,9})?)", re.ASCII)
_BYTES = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)\s*(?:(K|M|G|Ki|Mi|Gi)B?|B)", re.ASCII | re.IGNORECASE)
_PROPORTION = re.compile(r"([1-9]\d{0,3}):([1-9]\d{0,3})", re.ASCII)
_LEAST_BYTES = 1000  # less than any film has
_FACTORS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30}


def read_time(option: str, text: str) -> Fraction:
    """Seconds, of `75`, `1:15`, `0:01:15.5`; raises UserError that names the option."""
    found = _TIME.fullmatch(text.strip())
    hours, minutes, seconds = (Fraction(part or 0) for part in found.groups()) if found else (Fraction(0),) * 3
    if found is None or (found[2] and seconds >= 60) or (found[1] and minutes >= 60):
        raise UserError(f"{option}: {text!r:.40} is no time; write seconds (75), 1:15 or 0:01:15.5")
    return (hours * 60 + minutes) * 60 + seconds


def read_bytes(option: str, text: str) -> int:
    """Bytes, of `4MB`, `500 kB` (decimal), `3.5MiB` (binary); at least 1000; raises UserError that names the option."""
    found = _BYTES.fullmatch(text.strip())
    count = int(Fraction(found[1]) * _FACTORS[(found[2] or "").lower()]) if found else 0
    if count < _LEAST_BYTES:
        what = "is less than any film has" if found else "is no size of a file with its unit"
        raise UserError(f"{option}: {text!r:.40} {what}; write 4MB, 500KB or 3.5MiB")
    return count


def read_proportion(option: str, text: str) -> tuple[int, int]:
    """Width to height, of `9:16`; raises UserError that names the option."""
    found = _PROPORTION.fullmatch(text.strip())
    if not found:
        raise UserError(f"{option}: {text!r:.40} is no proportion; write width:height, as in 9:16 or 1:1")
    return int(found[1]), int(found[2])


def format_time(seconds: Fraction) -> str:
    """A place in a film, such as `1:05` or `0:07.25`; what `read_time` reads."""
    minutes, hundredths = divmod(int(seconds * 100), 6000)
    hours, minutes = divmod(minutes, 60)
    parts = f"{hundredths % 100:02d}".rstrip("0")
    shown = f"{hundredths // 100:02d}" + (f".{parts}" if parts else "")
    return f"{hours}:{minutes:02d}:{shown}" if hours else f"{minutes}:{shown}"
