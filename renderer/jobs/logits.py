"""All outputs of the network for each still, where `stills.logits` asks for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float

from renderer.atlas.seen import SeenRun
from renderer.common.digests import data_digest
from renderer.common.errors import UserError
from renderer.common.progress import Amount, Progress
from renderer.jobs.worker import Observer
from renderer.media.pictures import load_picture
from renderer.store.files import remove
from renderer.store.logits_file import LogitsColumn, LogitsFile, LogitsRow, read_logits, write_array, write_names
from renderer.store.run import Run

_Row = Float[np.ndarray, " outputs"]


def keep_logits(run: Run, observer: Callable[[], Observer], progress: Progress) -> None:
    """Write `logits.npy` and `logits.json` for the stills that are there, if they are asked for and not there yet.

    A still is shown to the network once: rows are kept as long as the still's file is the same.

    Args:
        run: The run, whose stills are all that will be.
        observer: Gives what asks the network; asked for only if a still has no row yet.
        progress: Is told of the stills that are looked at.
    """
    if not run.settings.stills.logits:
        _remove_those_of_others(run, progress)
        return
    rows = _wanted_rows(run)
    written, kept = _kept_rows(run)
    if written == rows:
        return
    found = _look(run, rows, kept, observer, progress)
    outputs = np.stack([found[row.digest] for row in rows]).astype(np.float32, copy=False)
    digest = write_array(run.paths.logits, outputs)
    names = LogitsFile(digest=digest, network=_network(run), rows=tuple(rows), columns=_columns(run, outputs.shape[1]))
    write_names(run.paths.logits_names, names)


def _remove_those_of_others(run: Run, progress: Progress) -> None:
    """Outputs that nobody asks for any more, and that would be taken for those of the stills that are there."""
    read = read_logits(run.paths)
    if read and list(read[0].rows) != _wanted_rows(run):
        remove(run.paths.logits_names)
        remove(run.paths.logits)
        progress.note(f"{run.paths.logits} was of other stills, and is removed; stills.logits=true makes it anew")


def _wanted_rows(run: Run) -> list[LogitsRow]:
    stills = SeenRun(run).stills
    return [
        LogitsRow(
            still=file.path,
            digest=file.digest,
            variant=variant,
            key=target.key,
            index=target.index,
            wnid=target.wnid,
            title=target.title,
        )
        for target in run.targets
        if target.key in stills
        for variant, file in enumerate(stills[target.key].files, start=1)
    ]


def _kept_rows(run: Run) -> tuple[list[LogitsRow], dict[str, _Row]]:
    """The rows that were written before, with their outputs by the digest of the still; none if they are of no use."""
    read = read_logits(run.paths)
    if read is None or read[0].network != _network(run):
        return [], {}
    names, outputs = read
    # Copied, so that the file may be replaced.
    return list(names.rows), {row.digest: np.array(values) for row, values in zip(names.rows, outputs, strict=True)}


def _look(
    run: Run,
    rows: Sequence[LogitsRow],
    kept: dict[str, _Row],
    observer: Callable[[], Observer],
    progress: Progress,
) -> dict[str, _Row]:
    """The outputs by the digest of the still, with those that were kept."""
    missing = [row for row in rows if row.digest not in kept]
    if not missing:
        return kept
    found, classes = dict(kept), len({row.key for row in missing})
    progress.begin("pictures", total=Amount(len(missing), classes), done=Amount(0, 0))
    for row in missing:
        found[row.digest] = observer().outputs(load_picture(run.paths.root / row.still))
        progress.advance(Amount(1, int(row.variant == 1)), [row.title])
    progress.end()
    return found


def _network(run: Run) -> str:
    return data_digest(run.file.network)


def _columns(run: Run, count: int) -> tuple[LogitsColumn, ...]:
    """What the outputs stand for, as far as it is known."""
    try:
        known = {one.index: one for one in run.settings.network.classes_of(count)}
    except UserError:  # the file of a class list may be gone by now
        known = {target.index: target for target in run.targets if target.is_class}
    named = [known.get(index) for index in range(count)]
    return tuple(
        LogitsColumn(index=index, wnid=one.wnid if one else None, title=one.title if one else None)
        for index, one in enumerate(named)
    )
