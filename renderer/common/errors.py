"""Errors that are the user's to mend, or a cluster's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class UserError(Exception):
    """The settings, a file or the command line are wrong; the message says what, where and what to do."""


class ClusterError(Exception):
    """A cluster that computes for this command failed or is gone; what has come of it by then is kept."""


@contextmanager
def naming(key: str) -> Iterator[None]:
    """Let errors begin with the key of the setting that they are about."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{key}: {error}") from error
