"""Whole runs: rendering them, going on with them, and looking at what is there."""

from __future__ import annotations

import base64
import html
import logging
import math
import os
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from renderer.api.apart import apart
from renderer.api.configuring import Config, checked, name_of
from renderer.api.gallery import DreamPicture, Gallery
from renderer.api.showing import ProgressChoice, shown
from renderer.atlas.index import make_index
from renderer.atlas.seen import look_at
from renderer.common.errors import UserError
from renderer.common.progress import Progress
from renderer.jobs import commands
from renderer.jobs.commands import Outcome, Request
from renderer.jobs.status import Status, run_status
from renderer.media.pictures import open_still
from renderer.settings.sections import Settings
from renderer.store.evaluation_file import PictureScore, judge_names
from renderer.store.index_file import Index, IndexClass, IndexFacet
from renderer.store.log_file import logged_within
from renderer.store.paths import RUNS, RunPaths
from renderer.store.place import Place, read_place
from renderer.targets.target import Target

_LOG = logging.getLogger(__name__)

_PLAYED = {".mp4": "video/mp4", ".webm": "video/webm", ".gif": "image/gif", ".webp": "image/webp"}
_MOST_EMBEDDED = 8 * 2**20  # Bytes of a film that a notebook keeps; a larger one stays where it is.


class Atlas:
    """A run's directory as it is at one moment: its film, its stills, and what is said of them. Nothing is changed.

    It displays its film and its stills in a notebook. To see what is new, open the directory again.

    Attributes:
        directory: The directory.
        name: Name of the configuration.
        settings: All settings, as they were asked for.
        targets: What is dreamed, in the order of the film.
    """

    def __init__(self, directory: Path) -> None:
        """Look at a directory; raises UserError where it holds no run."""
        self._seen = look_at(directory)
        run = self._seen.run
        self.directory = directory
        self.name: str = run.name
        self.settings: Settings = run.settings
        self.targets: tuple[Target, ...] = run.targets

    @cached_property
    def stills(self) -> Gallery:
        """The stills that are there, in the order of the film; their files are read when they are looked at."""
        return Gallery(self._still(entry) for entry in self._index.classes if entry.still)

    @property
    def film(self) -> Path | None:
        """The film (for `video.codec: png` a folder); None where there is none."""
        return self.directory / self._index.film.path if self._index.film else None

    @property
    def page(self) -> Path | None:
        """The web page; None where there is none yet."""
        page = self._seen.paths.page
        return page if page.is_file() else None

    @property
    def status(self) -> Status:
        """How far it is now, also while another process works on it."""
        return run_status(self.directory)

    @property
    def failures(self) -> dict[str, str]:
        """Why targets could not be dreamed, by title."""
        reasons = self._seen.failures
        return {target.title: reasons[target.key] for target in self.targets if target.key in reasons}

    @property
    def scores(self) -> list[dict[str, Any]]:
        """What networks say of the pictures, a row for each network and picture, as a data frame takes them.

        Where `neuron-atlas evaluate` has been asked, the network that dreamed and all judges, of stills and of the
        film's frames; else the first alone, of stills. Keys: `network`, `picture` (`still` or `film`), `index`,
        `wnid`, `title`, `rank` (from 1), `probability` (in [0, 1]), `log_probability` (natural), `activation`, and
        `seen` (the title that the network puts first). What does not apply is None.

        Raises:
            UserError: `evaluation.json` is damaged.
        """
        evaluation = self._seen.evaluation
        if evaluation is None:
            label = self.settings.network.label
            return [_own_row(label, entry) for entry in self._index.classes if entry.still]
        names = [str(evaluation.network.network["name"]), *judge_names(evaluation)]
        judges = zip(names, (evaluation.network, *evaluation.judges), strict=True)
        scores = ((name, score) for name, judge in judges for score in judge.pictures)
        return [
            _row(name, view, score, score.log_probability, score.activation)
            for name, score in scores
            for view in score.shown
        ]

    def __repr__(self) -> str:
        film = f", film {self.film}" if self.film else ""
        return f"<{self.name} in {self.directory}: {len(self.stills)} of {len(self.targets)} stills{film}>"

    def _repr_html_(self) -> str:
        film = _player(self.film) if self.film else ""
        return f"<p>{html.escape(repr(self)[1:-1])}</p>{film}{self.stills._repr_html_()}"

    @cached_property
    def _index(self) -> Index:
        return make_index(self._seen)

    def _still(self, entry: IndexClass) -> DreamPicture:
        facets = tuple(self._picture(entry, facet) for facet in entry.facets)
        return self._picture(entry, entry, facets)

    def _picture(
        self, entry: IndexClass, said: IndexClass | IndexFacet, facets: tuple[DreamPicture, ...] = ()
    ) -> DreamPicture:
        return DreamPicture(
            title=entry.title,
            index=entry.index,
            activation=math.nan if said.logit is None else said.logit,
            probability=said.probability,
            rank=said.rank,
            top=entry.top if said is entry else (),
            seed=said.seed or 0,
            opened=partial(open_still, self.directory / str(said.still)),
            facets=facets,
        )


def open_run(directory: str | os.PathLike[str]) -> Atlas:
    """Look at what a run has left, or has made so far; nothing is written, and no network is loaded.

    Raises:
        UserError: The directory holds no run.
    """
    return Atlas(_as_directory(directory))


def render(
    config: Config,
    output: str | os.PathLike[str] | None = None,
    *,
    progress: ProgressChoice = "auto",
    restart: bool = False,
    yes: bool = False,
    **settings: object,
) -> Atlas:
    """Render a film, its stills and the page, or go on with it, as `neuron-atlas render` does.

    Args:
        config: As for `load`.
        output: The run's directory; by default `runs/NAME`, for a configuration that has a name.
        progress: As for `dream_of`.
        restart: Remove what was rendered in the directory, and begin anew.
        yes: Agree that frames and stills that do not fit changed settings are dreamed anew; else that is an error
            that names them.
        **settings: Any settings, as for `load`: `film={"width": 320}`.

    Returns:
        The run, which displays its film and its stills.

    Raises:
        UserError: The settings are wrong, or the directory is not to be used with them.
        EncodingError: ffmpeg failed; everything that is finished is kept.
        OSError: The disk is full, or the directory was removed.
        RuntimeError: Memory ran out, or the device failed; everything that is finished is kept.
        KeyboardInterrupt: It was interrupted; the same call goes on.
    """
    return _made(commands.render, _request(config, output, settings, restart=restart, yes=yes), progress)


def stills(
    config: Config,
    output: str | os.PathLike[str] | None = None,
    *,
    progress: ProgressChoice = "auto",
    restart: bool = False,
    yes: bool = False,
    **settings: object,
) -> Atlas:
    """Dream one picture a target and the page, and no film, as `neuron-atlas stills` does; else as `render`."""
    return _made(commands.render_stills, _request(config, output, settings, restart=restart, yes=yes), progress)


def _request(
    config: Config,
    output: str | os.PathLike[str] | None,
    settings: Mapping[str, object],
    *,
    restart: bool,
    yes: bool,
) -> Request:
    said, name = checked(settings, config), name_of(config)
    if output is None and name is None:
        raise UserError("output: say in which directory, since settings that have no file have no name either")
    if "\0" in os.fspath(output or ""):
        raise UserError("output: a name with a null character can be no folder's")
    directory = RUNS / str(name) if output is None else _as_directory(output)
    return Request(name or directory.absolute().name, said, directory, restart, agree=lambda _changes: yes)


def _as_directory(given: str | os.PathLike[str]) -> Path:
    place = read_place(given) if isinstance(given, str) else Place(Path(given))
    if place.url:
        raise UserError(
            f"{place}: from Python a run lies in a directory; in a store the command `neuron-atlas` keeps it"
        )
    return place.directory


def _made(make: Callable[[Request, Progress], Outcome], request: Request, progress: ProgressChoice) -> Atlas:
    paths = RunPaths(request.directory)
    with shown(progress) as seen, logged_within(paths, notes=not seen.shows_notes):
        _LOG.info("%s of %s, from Python", make.__name__, request.name)
        apart(partial(make, request), seen.progress, seen.refresh)
    return open_run(request.directory)


def _player(film: Path) -> str:
    """What plays a film within a page; one that is large is not copied into it."""
    kind = _PLAYED.get(film.suffix)
    if kind is None:
        return ""
    if film.stat().st_size <= _MOST_EMBEDDED:
        address = f"data:{kind};base64,{base64.b64encode(film.read_bytes()).decode()}"
    else:
        address = quote(Path(os.path.relpath(film)).as_posix())
    if kind.startswith("image"):
        return f'<p><img alt="the film" src="{address}"></p>'
    return f'<p><video controls loop muted style="max-width:100%" src="{address}"></video></p>'


def _own_row(network: str, entry: IndexClass) -> dict[str, Any]:
    """What the network that dreamed says of a still."""
    certainty = math.log(entry.probability) if entry.probability else None
    return _row(network, "still", entry, certainty, entry.logit)


def _row(
    network: str, view: str, said: IndexClass | PictureScore, log_probability: float | None, activation: float | None
) -> dict[str, Any]:
    return {
        "network": network,
        "picture": view,
        "index": said.index,
        "wnid": said.wnid,
        "title": said.title,
        "rank": said.rank,
        "probability": said.probability,
        "log_probability": log_probability,
        "activation": activation,
        "seen": said.top[0].title if said.top else None,
    }
