"""A copy of a run in a store, as a directory like any other."""

from __future__ import annotations

import time
from collections.abc import Callable
from os.path import lexists
from pathlib import Path
from tempfile import TemporaryDirectory

from renderer.common.errors import UserError
from renderer.store.carried import RUN_FILE, RUN_FILES, is_record
from renderer.store.cleaning import refuse_foreign, remove_leftovers
from renderer.store.ledger import Ledger
from renderer.store.lock import locked
from renderer.store.paths import RUNS, RunPaths
from renderer.store.place import Place
from renderer.store.plain_files import is_plain_file, read_plain
from renderer.store.remote import Store
from renderer.store.stored_run import listed
from renderer.store.working_copy import WorkingCopy


def fetch_run(run: Place, directory: Path | None, tell: Callable[[str], None]) -> Path:
    """Copy a run from its store; what is there already, and the same, is not copied again.

    Args:
        run: Where it lies.
        directory: Where to; None for one in `runs` that is named after it.
        tell: Is told how much it is.

    Returns:
        The directory.

    Raises:
        UserError: There is no such run, or the directory holds another one, or other things.
        StoreError: The store cannot be reached; what was copied stays.
    """
    if run.url is None:
        raise UserError(f"{run} is no URL; what is on the disk need not be fetched")
    paths = RunPaths(directory or RUNS / run.url.name)
    store, listing = listed(run, tell, begins=False)
    refuse_foreign(paths)
    with locked(paths.lock), TemporaryDirectory() as notes:
        _refuse_other(paths, store)
        remove_leftovers(paths)
        ledger = Ledger(Path(notes) / "known.jsonl")
        place, now = Place(paths.root, run.url), time.time_ns()
        copy = WorkingCopy(place, store, listing, ledger, changed=now, keeps_damaged=False)
        found = copy.differences(tell)
        for wanted in (RUN_FILES.__contains__, is_record):
            copy.fetch_wanted(wanted, tell)
        copy.settle(found)
        copy.fetch_wanted(lambda _name: True, tell)
    return paths.root


def _refuse_other(paths: RunPaths, store: Store) -> None:
    """Refuse the directory of another run; raises UserError."""
    if not lexists(paths.settings):
        return
    if not is_plain_file(paths.settings) or read_plain(paths.settings) != store.read(RUN_FILE):
        raise UserError(
            f"{paths.root} holds another run, or this one with other settings; name another directory, as in "
            f"`neuron-atlas fetch {store.url} runs/copy`"
        )
