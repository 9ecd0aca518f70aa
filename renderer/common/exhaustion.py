"""Errors that are about the machine, not about what was being dreamed. Loads nothing."""

from __future__ import annotations

_MEMORY = ("out of memory", "can't allocate memory", "not enough memory", "cannot allocate memory")
_DEVICE = ("cuda error", "cudnn error", "hip error", "mps backend")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory has run out, on the device or on the computer itself."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and _says(error, _MEMORY)


def hits_all(error: BaseException) -> bool:
    """Whether what comes next would fail as well: memory has run out, or the device is in a state of error."""
    return is_out_of_memory(error) or (isinstance(error, RuntimeError) and _says(error, _DEVICE))


def _says(error: BaseException, words: tuple[str, ...]) -> bool:
    text = str(error).casefold()
    return any(word in text for word in words)
