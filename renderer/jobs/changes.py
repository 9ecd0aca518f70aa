"""What a run that was begun with other settings keeps, and what of it would be dreamed anew."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from renderer.atlas.seen import SeenRun
from renderer.common.errors import UserError
from renderer.common.progress import project_seconds
from renderer.common.wording import format_duration, listed, together
from renderer.film.recipe import flatten
from renderer.film.timeline import Segment
from renderer.jobs.amounts import amount_of, fresh_stills
from renderer.jobs.fresh import fresh_digest
from renderer.jobs.presenting import Presenter
from renderer.settings.sections import Settings
from renderer.starts.start import ALL, FLOW
from renderer.store.cleaning import remove_facets
from renderer.store.files import remove
from renderer.store.run import Run
from renderer.store.run_file import RunFile
from renderer.targets.target import Target

Agree = Callable[[str], bool]
"""Is told what would be dreamed anew, and says whether to."""

_MOST_NAMED = 10  # settings
_COMPANIONS = "network.companions"

_Values = dict[str, tuple[Any, Any]]
"""By the key of a setting, what it was and what it is."""


OF_MACHINE = ("device", "lose_at_most")
"""Settings of `run` that each machine may have its own of; no picture depends on them."""


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
        outdated: Segments that are there and would be written over: they are too long, or their clean frames were
            dropped and they are to be longer or to look otherwise.
        stale: Names of those of them that would be taken for finished.
        lacking: What is to be dreamed of the film, lead-ins too; longer segments that are gone on with as a whole.
        is_another: Whether the film is to be of other targets altogether.
        is_reversible: Whether all that is there stays.
    """

    old: Run
    new: Run
    frames_anew: tuple[Target, ...]
    stills_anew: tuple[Target, ...]
    outdated: tuple[Segment, ...] = ()
    stale: tuple[str, ...] = ()
    lacking: tuple[Segment, ...] = ()
    is_another: bool = False
    is_reversible: bool = True

    @property
    def is_costly(self) -> bool:
        """Whether anything would be dreamed anew, or nothing of what is there would be used."""
        return bool(self.frames_anew or self.stills_anew) or self.is_another

    def describe(self) -> str:
        """What has changed, and what it costs, in lines."""
        found = list(dict.fromkeys(self._named()))
        if len(found) > _MOST_NAMED:
            found[_MOST_NAMED - 1 :] = [f"and {len(found) - _MOST_NAMED + 1} others"]
        lines = "".join(f"  {text}\n" for text in found)
        begun = f"was begun with other settings:\n{lines}" if found else "has frames or stills of earlier settings. "
        return f"{self.new.paths.root} {begun}{self._cost()}"

    def _cost(self) -> str:
        if self.is_another and not self.frames_anew and not self.stills_anew:
            return f"What is there is of other classes ({_list_titles(self.old.targets)}); this would be another film"
        all_, counted = len(self.new.targets), (("frames", self.frames_anew), ("stills", self.stills_anew))
        costs = [f"the {what} of {len(anew)} of {all_} classes" for what, anew in counted if anew]
        titles = list(dict.fromkeys(target.title for target in (*self.frames_anew, *self.stills_anew)))
        cost = f"What still fits is kept; {' and '.join(costs)} would be dreamed anew ({listed(titles)})"
        if self.stills_anew:
            seconds = self._seconds_of_stills()
            time = f", in about {format_duration(seconds)}" if seconds else ""
            cost += f". New stills take the place of those that are there{time}"
        to_dream = len({segment.position for segment in self.lacking if not segment.is_lead_in})
        if self.frames_anew:
            seconds = self._seconds()
            time = f", about {format_duration(seconds)}" if seconds else ""
            cost += f". With what is new, {to_dream} of {all_} classes are to be dreamed{time}"
            if self.is_reversible:
                cost += ". The frames that are there stay on the disk, and are used again if you set it back"
        return cost

    def _seconds(self) -> float | None:
        """How long the film's frames will take by those that are there, if they are of the same kind."""
        old, new = self.old, self.new
        kinds = [(run.settings.network, run.settings.film.width, run.settings.film.height) for run in (old, new)]
        if kinds[0] != kinds[1]:
            return None
        seen = SeenRun(old)
        timed = [(one, seen.segment(one)) for chain in old.timeline.chains for one in chain]
        known = [(one, record) for one, record in timed if record]
        made = amount_of(old.film_recipe, (one for one, _ in known)).work
        seconds = sum(record.seconds for _, record in known)
        return project_seconds(amount_of(new.film_recipe, self.lacking).work, made, seconds)

    def _seconds_of_stills(self) -> float | None:
        """How long the new stills will take by those that are there, if it is known what these are, and of one kind."""
        old, new = self.old, self.new
        kinds = [(run.file.network, run.settings.stills.width, run.settings.stills.height) for run in (old, new)]
        if kinds[0] != kinds[1]:
            return None
        seen = SeenRun(old)
        found = [(position, seen.still(target)) for position, target in enumerate(old.targets)]
        known = [still.seconds for position, still in found if still and still.made_from == fresh_digest(old, position)]
        left, timed = fresh_stills(new, len(self.stills_anew)).steps, fresh_stills(old, len(known)).steps
        return project_seconds(left, timed, sum(known))

    def accept(self) -> None:
        """Forget what would be taken for what is asked for, and is not; everything else stays on the disk."""
        for segment in self.outdated:
            remove(self.new.paths.segment_record(segment.name))
        if self.old.file.network != self.new.file.network:
            for target in self.stills_anew:
                remove_facets(self.new.paths, target, 1)
                remove(self.new.paths.still_record(target.key))

    def _named(self) -> list[str]:
        values: _Values = {}
        if self.frames_anew or self.is_another:
            values |= self.old.film_recipe.differences(self.new.film_recipe)
        if self.stills_anew:
            values |= self.old.still_recipe.differences(self.new.still_recipe)
        if self.outdated or self.new.settings.stills.overlay or self.old.settings.stills.overlay:
            values |= _differences_of_looks(self.old.file, self.new.file)
        return _describe_changes(self.old.file, self.new.file, values)


def describe_differences(old: Run, new: Run) -> str:
    """In what a run is another one than that which is asked for, in lines; empty where it is not."""
    before, after = (_set_of(run.settings) for run in (old, new))
    values = {key: (before.get(key), after.get(key)) for key in before | after}
    values = {key: pair for key, pair in values.items() if pair[0] != pair[1]}
    values |= old.film_recipe.differences(new.film_recipe) | _differences_of_looks(old.file, new.file)
    found = _describe_changes(old.file, new.file, values)
    if len(found) > _MOST_NAMED:
        found[_MOST_NAMED - 1 :] = [f"and {len(found) - _MOST_NAMED + 1} others"]
    return "".join(f"  {text}\n" for text in found)


def _set_of(settings: Settings) -> dict[str, Any]:
    """All settings but those of which each machine may have its own."""
    own = {f"run.{key}" for key in OF_MACHINE}
    return {key: value for key, value in flatten(settings).items() if key not in own}


def find_changes(old: Run, new: Run) -> Changes:
    """Compare what is there of a run with what is asked for now.

    Args:
        old: The run as its directory tells of it.
        new: The run in the same directory as it is asked for.
    """
    film = old.file.film or new.file.film  # Stills alone, too, take their settings along into a film's directory.
    if not film:
        return Changes(old, new, (), _stills_anew(old, new))
    seen, dreamed, presenter = SeenRun(new), _dreamed(old), Presenter(new)
    wanted = [segment for chain in new.timeline.chains for segment in chain]
    outdated = [segment for segment in wanted if _is_outdated(seen, presenter, segment)]
    going_on = {segment.name for segment in wanted if seen.of_any_length(segment)} - {one.name for one in outdated}
    lacking = [segment for segment in wanted if segment.name not in going_on or not seen.segment(segment)]
    lost = {old.targets[one.position].key for one in dreamed if one.name not in going_on}
    lost |= {new.targets[one.position].key for one in outdated if not one.is_lead_in}
    asked = lost & {new.targets[one.position].key for one in lacking if not one.is_lead_in}
    keys = {old.targets[segment.position].key for segment in dreamed}
    return Changes(
        old=old,
        new=new,
        frames_anew=tuple(target for target in new.targets if target.key in asked),
        stills_anew=_stills_anew(old, new),
        outdated=tuple(outdated),
        stale=tuple(segment.name for segment in outdated if seen.segment(segment)),
        lacking=tuple(lacking),
        is_another=bool(keys) and not going_on and keys.isdisjoint(target.key for target in new.targets),
        is_reversible=not any(seen.of_any_length(segment) for segment in lacking),
    )


def _dreamed(run: Run) -> list[Segment]:
    """The segments of a run of which something is there, of whatever length."""
    seen = SeenRun(run)
    return [segment for segment in run.timeline.segments if seen.of_any_length(segment)]


def _is_outdated(seen: SeenRun, presenter: Presenter, segment: Segment) -> bool:
    """Whether a segment is there, fits, and can all the same not be used; see `Changes`."""
    record = seen.of_any_length(segment)
    if record is None:
        return False
    if record.frames > segment.frames:
        return True
    if not record.dropped or seen.has_frames(record):
        return False
    return record.frames < segment.frames or presenter.is_outdated(seen, segment, record)


def _stills_anew(old: Run, new: Run) -> tuple[Target, ...]:
    """Targets that have fresh stills, and are to have others."""
    seen = SeenRun(new)
    found = [(position, seen.still(target)) for position, target in enumerate(new.targets)]
    fresh = [(position, still) for position, still in found if still and still.fresh]
    if not new.dreams_stills:
        # A film takes what stills there are, but for those of another network.
        fresh = fresh if old.file.network != new.file.network else []
        return tuple(new.targets[position] for position, _ in fresh)
    wanted = {position: fresh_digest(new, position) for position, _ in fresh}
    unfit = [position for position, still in fresh if still.made_from != wanted[position]]
    agreed = _asked_for(old, new) if unfit else set()
    return tuple(new.targets[position] for position in unfit if wanted[position] not in agreed)


def _asked_for(old: Run, new: Run) -> set[str]:
    """What a run asks for of fresh stills already: that has been agreed to, and was interrupted."""
    # Another version may have asked for what this one takes for something else.
    is_known = old.dreams_stills and old.file.versions == new.file.versions
    return {fresh_digest(old, position) for position in range(len(old.targets))} if is_known else set()


def _describe_changes(old: RunFile, new: RunFile, values: _Values) -> list[str]:
    named = _named_files(old, new)
    titles = {f"scenes.{target.key}": target.title for file in (old, new) for target in file.targets}
    told, (before, after) = _target_changes(old, new), (_companions(file) for file in (old, new))
    if before != after:  # by number they would be compared with others
        follow = "with them usual values change that were not set, see docs/presets.md"
        told.append(f"{_COMPANIONS}: was {before}, is {after}; {follow}")
        values = {key: pair for key, pair in values.items() if not key.startswith(_COMPANIONS)}
    return told + [_describe(_titled(key, titles), *(named.get(key) or pair)) for key, pair in sorted(values.items())]


def _companions(file: RunFile) -> str:
    names = [companion.label for companion in file.settings.network.companions]
    return together(names) if names else "none"


def _differences_of_looks(old: RunFile, new: RunFile) -> _Values:
    """In what is written over the pictures, and how they are encoded."""
    before, after = (_looks(run) for run in (old, new))
    names, both = {"font": "overlay.font"}, {**before, **after}
    return {names.get(key, key): (before.get(key), after.get(key)) for key in both if before.get(key) != after.get(key)}


def _looks(file: RunFile) -> Mapping[str, Any]:
    settings = file.settings
    data = {
        "overlay": settings.overlay.model_dump(mode="json", exclude={"font"}),
        "video": {"codec": settings.video.codec, "quality": settings.video.quality},
        "stills": {"overlay": settings.stills.overlay},
        "scenes": {
            key: scene.model_dump(mode="json", include={"overlay", "before", "after"})
            for key, scene in file.scenes.items()
        },
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
    named = {ALL: "start.path", FLOW: "start.flow"}
    files |= {named.get(key, f"start.path.{key}"): file.path for key, file in run.start.items()}
    with suppress(UserError):  # The network of an earlier run may not be found from here.
        files |= run.settings.network.files()
    with suppress(UserError):
        files |= run.settings.dream.parameterization.files()
    return {key: str(path) for key, path in files.items()}


def _titled(key: str, titles: Mapping[str, str]) -> str:
    """The key of what a class has of its own, with the class's title in place of its key."""
    scene = next((scene for scene in titles if key.startswith(f"{scene}.")), None)
    return f"classes.select, {titles[scene]!r:.60}: {key.removeprefix(f'{scene}.')}" if scene else key


def _describe(key: str, before: Any, after: Any) -> str:
    if key.startswith(f"{_COMPANIONS}[") and key.endswith("].classes"):
        return f"{key}: matches other classes than when the run was begun, since a class list has changed"
    if key.startswith("sound.") and before and after:
        return f"{key.removeprefix('sound.')}: what is heard is other than when the run was begun"
    if key == "times":
        return "classes begin at other times than when the run was begun: their own seconds, or the beats, have changed"
    if before == after:
        return f"{key}: the file is not the one that the run was begun with"
    return f"{key}: was {_show(before)}, is {_show(after)}"


def _target_changes(old: RunFile, new: RunFile) -> list[str]:
    if _titles(old) == _titles(new):
        return []
    before, after = (run.settings.classes.model_dump(mode="json") for run in (old, new))
    found = [_describe(f"classes.{key}", before[key], after[key]) for key in after if before[key] != after[key]]
    keys = [{target.key for target in run.targets} for run in (old, new)]
    told = {
        "added": [target for target in new.targets if target.key not in keys[0]],
        "no longer asked for": [target for target in old.targets if target.key not in keys[1]],
    }
    return [*(f"{what}: {_list_titles(targets)}" for what, targets in told.items() if targets), *found]


def _titles(run: RunFile) -> list[tuple[str, str]]:
    return [(target.key, target.title) for target in run.targets]


def _list_titles(targets: Sequence[Target]) -> str:
    titles = ", ".join(target.title for target in targets[:3])
    return f"{titles} and {len(targets) - 3} more" if len(targets) > 3 else titles


def _show(value: Any) -> str:
    return "not set" if value is None else json.dumps(value, ensure_ascii=False)
