"""Single pictures, dreamed and not written; the networks that dream them are kept."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import overload

import numpy as np
from PIL import Image

from renderer.api.apart import ALONE, apart
from renderer.api.configuring import Config, checked
from renderer.api.gallery import DreamPicture, Gallery
from renderer.api.showing import ProgressChoice, shown
from renderer.common.digests import data_digest
from renderer.common.errors import UserError
from renderer.common.progress import Progress
from renderer.film.tasks import Still
from renderer.jobs.choosing import chosen_targets, said_of_companions
from renderer.jobs.machine import choose, note_machine
from renderer.jobs.session import describe_run
from renderer.jobs.stills import dream_unwritten
from renderer.jobs.worker import Worker, local_worker
from renderer.settings.sections import Settings
from renderer.store.index_file import IndexGuess
from renderer.store.log_file import logged_within
from renderer.store.paths import RunPaths
from renderer.store.run import Run
from renderer.targets.entries import Names, find
from renderer.targets.storyboard import Card, Mixed, Shown
from renderer.targets.target import Target

Entry = int | str | Mapping[str, object]
"""What is dreamed, as in `classes.select`: an index, a title, a wnid, a glob, `under:NAME`, or a mixture such as
`{"title": "lion fish", "mix": {"lion": 1, "lionfish": 0.7}}`.
"""

_MOST_KEPT = 2
_kept: dict[str, Worker] = {}
"""Networks that are loaded, by all that loading depends on; that of the last call comes last."""


@overload
def dream_of(  # type: ignore[overload-overlap]  # text is a sequence too, and means one
    targets: Entry, config: Config | None = None, *, progress: ProgressChoice = "auto", **settings: object
) -> DreamPicture: ...


@overload
def dream_of(
    targets: Sequence[Entry], config: Config | None = None, *, progress: ProgressChoice = "auto", **settings: object
) -> Gallery: ...


def dream_of(
    targets: Entry | Sequence[Entry],
    config: Config | None = None,
    *,
    progress: ProgressChoice = "auto",
    **settings: object,
) -> DreamPicture | Gallery:
    """Dream pictures and give them; nothing is written. They are those that `stills` makes of the same targets.

    The networks of the last two calls stay loaded for the next one; `unload` lets them go.

    Args:
        targets: One entry for one picture, or a list for as many as its entries stand for, in their order.
        config: As for `load`; without it the embedded network and the default settings. Of the section `classes`
            nothing counts here, nor does `stills.overlay`: there is no text on the pictures.
        progress: How it is shown: `"auto"` (a bar in a notebook, else silent), `"silent"`, `"bar"`, or an object with
            `begin`, `advance`, `end` and `note`.
        **settings: Any settings, as for `load`: `network="squeezenet1_1"`, `stills={"width": 256, "steps": 128}`.

    Returns:
        A picture, or a gallery of them; each of `stills.width` x `stills.height` pixels.

    Raises:
        UserError: A setting is wrong, an entry matches nothing, or the network cannot be had.
        RuntimeError: Memory ran out, or the device failed.
        KeyboardInterrupt: It was interrupted; the network is loaded anew next time.
    """
    is_list = isinstance(targets, Sequence) and not isinstance(targets, str)
    entries = list(targets) if isinstance(targets, Sequence) and not isinstance(targets, str) else [targets]
    said = checked(_with_targets(settings, entries), {} if config is None else config)
    with shown(progress) as seen, logged_within(None, notes=not seen.shows_notes):
        pictures = apart(partial(_dream, said, single=not is_list), seen.progress, seen.refresh)
    return pictures if is_list else pictures[0]


def unload() -> None:
    """Let go of the networks that `dream_of` keeps loaded, and of the memory that they take."""
    with ALONE:
        while _kept:
            _kept.popitem()[1].close()
        gc.collect()
        if torch := sys.modules.get("torch"):
            torch.cuda.empty_cache()  # which else keeps for itself what was freed; nothing where no card was used


def _with_targets(settings: Mapping[str, object], entries: list[Entry]) -> dict[str, object]:
    if named := next((key for key in settings if key.partition(".")[0] == "classes"), None):
        raise UserError(f"{named}: what is dreamed is said by the targets here; leave it out")
    return {**settings, "classes": {"select": entries, "exclude": [], "order": "index", "limit": None}}


def _dream(settings: Settings, progress: Progress, *, single: bool) -> Gallery:
    targets, entries = chosen_targets(settings), settings.classes.select
    if single and len(targets) > 1:
        raise UserError(f"targets: {entries[0]!r:.60} stands for {len(targets)} of them; put it into a list for all")
    file = describe_run("dream", settings, targets, film=False, chosen=choose(settings))
    run = Run(RunPaths(Path()), file)  # of which nothing is on the disk
    with _worker(run, progress) as worker:
        dreamed = dream_unwritten(run, worker, progress)
    pictures = {target.key: _picture(run, target, dreamed[target.key]) for target in targets}
    return Gallery(pictures[target.key] for target in _in_order(settings, targets))


def _in_order(settings: Settings, targets: Sequence[Target]) -> Iterator[Target]:
    """The targets as their entries come, while a film has them by index."""
    known = settings.network.known_targets()
    names, by_index = Names(known), {target.index: target for target in targets}
    mixtures = iter([target for target in targets if target.index >= len(known)])
    for entry in settings.classes.select:
        if isinstance(entry, Mixed):
            yield next(mixtures)
        elif not isinstance(entry, Card):
            named = entry.select if isinstance(entry, Shown) else (entry,)
            found = set().union(*(find(str(one).strip(), names) for one in named))
            yield from (by_index[index] for index in sorted(found))


@contextmanager
def _worker(run: Run, progress: Progress) -> Iterator[Worker]:
    """The worker that dreams, kept from call to call; one that has failed or was interrupted is not used again."""
    decided = run.file.decided
    network = decided.network.with_absolute_paths().model_dump(mode="json")
    key = data_digest([run.file.network, network, decided.run.model_dump(mode="json", exclude={"seed", "batch"})])
    worker = _kept.pop(key, None)
    if worker is None:
        note_machine(run.file, progress)
        worker = local_worker(decided)
    for text in said_of_companions(decided.network, run.targets):
        progress.note(text)
    yield worker
    _kept[key] = worker
    while len(_kept) > _MOST_KEPT:
        _kept.pop(next(iter(_kept))).close()


def _picture(run: Run, target: Target, stills: Sequence[Still]) -> DreamPicture:
    best, *facets = (_described(run, target, still) for still in stills)
    return replace(best, facets=tuple(facets))


def _described(run: Run, target: Target, still: Still) -> DreamPicture:
    pixels = still.picture if still.opacity is None else np.dstack([still.picture, still.opacity])
    score, titles = still.score, run.titles
    return DreamPicture(
        title=target.title,
        index=target.index,
        activation=score.activation,
        probability=score.probability,
        rank=score.rank,
        top=tuple(
            IndexGuess(index=one.index, title=titles.get(one.index, str(one.index)), probability=one.probability)
            for one in score.top
        ),
        seed=still.task.seed,
        opened=partial(Image.fromarray, pixels),
    )
