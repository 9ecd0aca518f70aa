"""Runs in a store: what a command needs is fetched, and what it writes is carried there while it works."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from os.path import lexists

from renderer.common.errors import UserError
from renderer.store.absent import offered
from renderer.store.carried import RUN_FILES, is_record, is_result, is_saved
from renderer.store.carrying import Carrier
from renderer.store.lock import holder, locked
from renderer.store.mirrored import mirrored
from renderer.store.paths import LOG_FILE, LockedFolder, matching
from renderer.store.place import CACHE_VARIABLE, Place
from renderer.store.remote import Entry, Store, StoreError, connect
from renderer.store.working_copy import WorkingCopy, refuse_foreign_store

Tell = Callable[[str], None]
Needs = Callable[[WorkingCopy], Callable[[str], bool]]
"""Tells, once `run.yaml` is here, which other files a command needs from the beginning, by their names."""


def to_go_on(_copy: WorkingCopy) -> Callable[[str], bool]:
    """What `render` and `stills` need to go on with a whole run; frames and pictures come when they are read."""
    return lambda name: is_result(name) or is_saved(name)


def to_show(_copy: WorkingCopy) -> Callable[[str], bool]:
    """What `assemble` and `page` need."""
    return is_result


@contextmanager
def kept_in_store(
    place: Place, tell: Tell, needs: Needs, *, gives_way: bool = False, begins: bool = True
) -> Iterator[None]:
    """Work on a run in a store, in a working copy; at the end all that was written is in the store.

    A process that was killed, or lost its network, has left what it had not carried: that is carried now.

    Args:
        place: Where the run lies; where that is no store, this does nothing.
        tell: Is told what the user should know.
        needs: What is needed from the beginning.
        gives_way: Whether to take over the run that another machine begins at the same moment, as shards do.
        begins: Whether a run may be begun there.

    Raises:
        UserError: The store cannot be used, holds other things or no run, or another process of this machine works on
            the same run.
        StoreError: The store cannot be reached; what is finished is kept.
    """
    if place.url is None:
        yield
        return
    with ExitStack() as stack:
        copy, newer, obsolete = stack.enter_context(_opened(place, tell, needs, begins=begins))
        tell(f"{place}: the working copy is {place.directory}")
        carrier = Carrier(copy, tell, gives_way=gives_way)
        stack.enter_context(offered(copy.root, copy))
        stack.enter_context(carrier)
        carrier.put(newer)
        carrier.remove(obsolete)
        stack.callback(_put_logs, copy, carrier)
        stack.enter_context(mirrored(copy.root, carrier))
        yield
    if any(lexists(copy.root / name) for name in RUN_FILES) and copy.store.listing().keys().isdisjoint(RUN_FILES):
        raise StoreError(
            f"{place}: the run was removed there while it was worked on; remove what is left there, and give the same "
            "command again to begin anew"
        )


@contextmanager
def seen_in_store(place: Place, tell: Tell, *, begins: bool = False) -> Iterator[None]:
    """Look at a run in a store, of which no more than the records is fetched; nothing is put.

    Where another process of this machine works on it, what that one has is looked at.

    Args:
        place: Where the run lies; where that is no store, this does nothing.
        tell: Is told what the user should know.
        begins: Whether there may be none.

    Raises:
        UserError, StoreError: As `kept_in_store`.
    """
    if place.url is None:
        yield
        return
    if holder(_folder_of(place).lock) is not None:
        store, listing = listed(place, tell, begins=begins)
        with offered(place.directory, WorkingCopy(place, store, listing)):
            yield
        return
    with _opened(place, tell, lambda _copy: is_record, begins=begins) as (copy, _, _), offered(copy.root, copy):
        yield


@contextmanager
def _opened(
    place: Place, tell: Tell, needs: Needs, *, begins: bool
) -> Iterator[tuple[WorkingCopy, list[str], list[str]]]:
    """A working copy with what is needed in it, what in it is newer than the store, and what is to be removed there."""
    store, listing = listed(place, tell, begins=begins)
    stack = ExitStack()
    try:
        stack.enter_context(locked(_folder_of(place).lock, needed=False))
    except UserError as error:
        raise UserError(f"{place}: {error}") from error
    except OSError as error:
        raise UserError(
            f"{place}: no working copy can be made in {place.held} ({error.strerror}); name another folder for it with "
            f"{CACHE_VARIABLE}"
        ) from error
    with stack:
        copy = WorkingCopy(place, store, listing)
        found = copy.differences(tell)
        copy.fetch_wanted(RUN_FILES.__contains__, tell)
        if any(lexists(copy.root / name) for name in RUN_FILES):
            copy.fetch_wanted(needs(copy), tell)
        yield copy, copy.settle(found), found.obsolete


def listed(place: Place, tell: Tell, *, begins: bool) -> tuple[Store, dict[str, Entry]]:
    """The store of a run, and what it has; raises as `kept_in_store`."""
    if place.url is None:
        raise ValueError(f"{place} is no store")
    store = connect(place.url, tell)
    listing = store.listing()
    refuse_foreign_store(place, listing)
    if not begins and listing.keys().isdisjoint(RUN_FILES):
        raise UserError(f"{place} holds no run: there is no {RUN_FILES[0]} in it")
    return store, listing


def _folder_of(place: Place) -> LockedFolder:
    """The folder of the working copy, in which its lock lies beside it."""
    return LockedFolder(place.held)


def _put_logs(copy: WorkingCopy, carrier: Carrier) -> None:
    """The logs grow line by line, and are put at the end; what hinders that is told by whoever ends the carrying."""
    with suppress(StoreError):
        carrier.put([copy.name_of(path) for path in matching(copy.root / "state", LOG_FILE)])
