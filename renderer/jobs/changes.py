"""What a run that was begun with other settings keeps, and what of it would be dreamed anew."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from renderer.atlas.seen import SeenRun
from renderer.common.errors import UserError
from renderer.common.wording import listed
from renderer.film.recipe import film_recipe, flatten, still_recipe
from renderer.film.timeline import Segment
from renderer.jobs.fresh import fresh_digest
from renderer.jobs.presenting import Presenter
from renderer.store.files import remove
from renderer.store.run import Run
from renderer.store.run_file import RunFile
from renderer.targets.target import Target

Agree = Callable[[str], bool]
"""Is told what would be dreamed anew, and says whether to."""

_Values = dict[str, tuple[Any, Any]]
"""By the key of a setting, what it was and what it is."""


def disagree(_text: str) -> bool:
    """An `Agree` for those who cannot be asked."""
    return False


@dataclass(frozen=True)
class Changes:
    """What other settings make of a run.

    Attributes:
        old: The run as it was begun.
        new: The run as it is asked for.
        frames_anew: Targets of which frames are there that do not fit.
        stills_anew: Targets of which fresh stills are there that do not fit.
        stale: Names of segments that fit, but their clean frames were dropped and they are to look otherwise.
        is_another: Whether the film is to be of other targets altogether.
    """

    old: Run
    new: Run
    frames_anew: tuple[Target, ...]
    stills_anew: tuple[Target, ...]
    stale: tuple[str, ...]
    is_another: bool

    @property
    def is_costly(self) -> bool:
        """Whether anything would be dreamed anew, or nothing of what is there would be used."""
        return bool(self.frames_anew or self.stills_anew or self.stale) or self.is_another

    def describe(self) -> str:
        """What has changed, and what it costs, in lines."""
        lines = "".join(f"  {text}\n" for text in dict.fromkeys(self._named()))
        counted = (("frames", self.frames_anew), ("stills", self.stills_anew))
        costs = [f"the {what} of {len(anew)} of {len(self.new.targets)} targets" for what, anew in counted if anew]
        titles = list(dict.fromkeys(target.title for target in (*self.frames_anew, *self.stills_anew)))
        cost = f"{' and '.join(costs)} would be dreamed anew ({listed(titles)})" if costs else ""
        cost = cost or "no frame that is there is of these targets: the film would be another one"
        return f"{self.new.paths.root} was begun with other settings:\n{lines}What still fits is kept; {cost}"

    def accept(self) -> None:
        """Forget what would be taken for what is asked for, and is not; everything else stays on the disk."""
        for name in self.stale:
            remove(self.new.paths.segment_record(name))

    def _named(self) -> list[str]:
        values: _Values = {}
        if self.frames_anew or self.is_another:
            values |= film_recipe(*_of(self.old.file)).differences(film_recipe(*_of(self.new.file)))
        if self.stills_anew:
            values |= still_recipe(*_of(self.old.file)).differences(still_recipe(*_of(self.new.file)))
        if self.stale or self.new.settings.stills.overlay or self.old.settings.stills.overlay:
            values |= _differences_of_looks(self.old.file, self.new.file)
        return _describe_changes(self.old.file, self.new.file, values)


def find_changes(old: Run, new: Run) -> Changes:
    """Compare what is there of a run with what is asked for now.

    Args:
        old: The run as its directory tells of it.
        new: The run in the same directory as it is asked for.
    """
    film = old.file.film or new.file.film  # Stills alone, too, take their settings along into a film's directory.
    stale = _stale(new) if film else ()
    there = {path.stem for path in new.paths.segment_records()} if film else set[str]()
    dreamed = [segment for segment in old.timeline.segments if segment.name in there] if film else []
    keys = {old.targets[segment.position].key for segment in dreamed}
    return Changes(
        old=old,
        new=new,
        frames_anew=_frames_anew(old, new, dreamed, there, stale) if film else (),
        stills_anew=_stills_anew(new),
        stale=stale,
        is_another=bool(keys) and keys.isdisjoint(target.key for target in new.targets),
    )


def _of(file: RunFile) -> tuple[Any, Any, Any]:
    return file.decided, file.targets, file.network


def _frames_anew(
    old: Run, new: Run, dreamed: Sequence[Segment], there: AbstractSet[str], stale: Sequence[str]
) -> tuple[Target, ...]:
    """Targets that were dreamed, at least in part, and are asked for, but otherwise.

    Args:
        old: The run as it was begun.
        new: The run as it is asked for.
        dreamed: The segments of the old one that are there.
        there: Names of all segments that are there, also from still earlier settings.
        stale: Those of them that are to look otherwise; see `Changes`.
    """
    wanted = {segment.name: segment.frames for segment in new.timeline.segments}
    # A segment that is to be longer is gone on with.
    longer = {segment.name for segment in dreamed if segment.frames > wanted.get(segment.name, math.inf)}
    fitting = there - longer - set(stale)
    lost = {old.targets[one.position].key for one in dreamed if one.name not in fitting or one.name not in wanted}
    lost |= {new.targets[one.position].key for one in new.timeline.segments if one.name in stale}
    lacking = {new.targets[one.position].key for one in new.timeline.segments if one.name not in fitting}
    return tuple(target for target in new.targets if target.key in lost & lacking)


def _stale(new: Run) -> tuple[str, ...]:
    """Segments of which only the part for the film is there, and that is to look otherwise."""
    seen, presenter = SeenRun(new), Presenter(new)
    found = ((segment, seen.segment(segment)) for segment in new.timeline.segments)
    dropped = [(one, record) for one, record in found if record and record.dropped]
    return tuple(one.name for one, record in dropped if not presenter.is_current(seen, one, record))


def _stills_anew(new: Run) -> tuple[Target, ...]:
    """Targets that have fresh stills, and are to have others."""
    if not new.dreams_stills:
        return ()  # A film takes what stills there are.
    seen = SeenRun(new)
    found = [(position, seen.still(target)) for position, target in enumerate(new.targets)]
    fresh = [(position, still) for position, still in found if still and still.fresh]
    return tuple(new.targets[position] for position, still in fresh if still.made_from != fresh_digest(new, position))


def _describe_changes(old: RunFile, new: RunFile, values: _Values) -> list[str]:
    named = _named_files(old, new)
    found = [_describe(key, *(named.get(key) or pair)) for key, pair in sorted(values.items())]
    return found + _target_changes(old, new)


def _differences_of_looks(old: RunFile, new: RunFile) -> _Values:
    """In what is written over the pictures, and how they are encoded."""
    before, after = (_looks(run) for run in (old, new))
    names = {"font": "overlay.font"}
    return {names.get(key, key): (before[key], after[key]) for key in before if before[key] != after.get(key)}


def _looks(file: RunFile) -> Mapping[str, Any]:
    settings = file.settings
    data = {
        "overlay": settings.overlay.model_dump(mode="json", exclude={"font"}),
        "video": {"codec": settings.video.codec, "quality": settings.video.quality},
        "stills": {"overlay": settings.stills.overlay},
    }
    return flatten(data) | {"font": file.font}


def _named_files(old: RunFile, new: RunFile) -> _Values:
    """What the settings say of the files of which a digest stands in a recipe."""
    before, after = (_files(run) for run in (old, new))
    keys = before.keys() | after.keys()
    said = [{**files, **flatten(run.settings)} for files, run in ((before, old), (after, new))]
    return {key: (said[0].get(key), said[1].get(key)) for key in keys}


def _files(run: RunFile) -> dict[str, str]:
    files: dict[str, Path] = {"overlay.font": run.settings.overlay.font} if run.settings.overlay.font else {}
    with suppress(UserError):  # The network of an earlier run may not be found from here.
        files |= run.settings.network.files()
    return {key: str(path) for key, path in files.items()}


def _describe(key: str, before: Any, after: Any) -> str:
    if key.startswith("network.companions[") and key.endswith("].classes"):
        return f"{key}: matches other classes than when the run was begun, since a class list has changed"
    if before == after:
        return f"{key}: the file is not the one that the run was begun with"
    return f"{key}: was {_show(before)}, is {_show(after)}"


def _target_changes(old: RunFile, new: RunFile) -> list[str]:
    if _titles(old) == _titles(new):
        return []
    before, after = (run.settings.classes.model_dump(mode="json") for run in (old, new))
    found = [_describe(f"classes.{key}", before[key], after[key]) for key in after if before[key] != after[key]]
    return [*found, f"classes: {_list_titles(old.targets)} before, {_list_titles(new.targets)} now"]


def _titles(run: RunFile) -> list[tuple[str, str]]:
    return [(target.key, target.title) for target in run.targets]


def _list_titles(targets: Sequence[Target]) -> str:
    titles = ", ".join(target.title for target in targets[:3])
    return f"{titles} and {len(targets) - 3} more" if len(targets) > 3 else titles


def _show(value: Any) -> str:
    return "not set" if value is None else json.dumps(value, ensure_ascii=False)
