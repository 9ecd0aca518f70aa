"""What fresh stills are made from, without text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Any, Self

from renderer.common.over_time import Varying
from renderer.common.section import Section, with_values
from renderer.common.value_curves import OF_CLASS, Moment
from renderer.dream.dreaming import AscentSettings
from renderer.film.recipe import UNDIRECTED, Direction, Recipe, StillRun, follows_sound, part_of, pixels_of
from renderer.film.times import even_times
from renderer.settings.sections import Settings
from renderer.starts.start import StartFile
from renderer.targets.target import Aim, Target


class StillFormat(Section):
    """What of the section `stills` makes pixels."""

    width: int
    height: int
    steps: int
    smooth: float
    retries: int
    variants: int
    diversity: float
    alpha: bool


class StillRecipe(Recipe):
    """What fresh stills are made from, without text.

    Attributes:
        times: When each class of the film begins, and its end, in seconds, where something changes over time.
    """

    dream: AscentSettings
    stills: StillFormat
    run: StillRun
    times: tuple[float, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of a still in pixels."""
        return self.stills.height, self.stills.width

    def _told(self) -> dict[str, Any]:
        data = super()._told()
        format_ = data["stills"]
        if self.stills.variants == 1:
            del format_["variants"], format_["diversity"]
        if not self.times:
            del data["times"]
        return data

    def at(self, aim: Aim, step: int) -> AscentSettings:
        """What holds for the still of a target in a step; every step of every picture asks for it.

        What changes over time goes through the time of its class in a film.
        """
        own = self.of_class(aim.key)
        if own.changes.is_constant:
            return own._constant
        return self._now(aim, step).dream.for_side(min(self.size))

    def keep(self, aim: Aim) -> float:
        """How near the still of a target stays to what it starts from: as the film of its class does at its end."""
        is_constant = self.of_class(aim.key).changes.is_constant
        return self.start.held if is_constant else self._now(aim, self.stills.steps).start.held

    def told_of(self, aim: Aim) -> list[Any]:
        """As there; and in which part of the film its values change."""
        names = self.of_class(aim.key).changes.names
        if not names:
            return super().told_of(aim)
        moment = self._moment(aim, 0)
        told = {
            "seconds": moment.duration,
            "position": moment.position if "position" in names else None,
            "begin": moment.film_seconds if names - OF_CLASS else None,
            "film": moment.film_duration if "film_share" in names else None,
            "heard": self.sound.of(names) if self.sound else None,
        }
        return [*super().told_of(aim), told]

    def _now(self, aim: Aim, step: int) -> Self:
        return self.of_class(aim.key).changes.at(self._moment(aim, step), self.heard)

    def _moment(self, aim: Aim, step: int) -> Moment:
        position = self._positions[aim.key]
        begin, end = self.times[position : position + 2]
        seconds = (end - begin) * step / self.stills.steps
        return Moment(position, seconds, end - begin, begin + seconds, self.times[-1])

    @cached_property
    def _positions(self) -> Mapping[str, int]:
        return {aim.key: position for position, aim in enumerate(self.aims)}

    @cached_property
    def _constant(self) -> AscentSettings:
        return self.dream.for_side(min(self.size))


def still_recipe(
    settings: Settings,
    targets: Sequence[Target],
    network: dict[str, Any],
    files: Mapping[str, StartFile] = MappingProxyType({}),
    decoder: str | None = None,
    direction: Direction = UNDIRECTED,
) -> StillRecipe:
    """Take from settings what fresh stills are made from; the arguments are those of `film_recipe`."""
    dream = part_of(AscentSettings, settings.dream).for_fresh()
    own = pixels_of(direction.scenes, targets, ("dream",))
    changing = [settings.start, dream, *(with_values(dream, scene.dream) for scene in own.values())]
    is_constant = all(Varying(section).is_constant for section in changing)
    return StillRecipe(
        network=network,
        aims=tuple(target.aim for target in targets),
        start=settings.start,
        files=dict(files),
        decoder=decoder,
        scenes=own,
        dream=dream,
        stills=part_of(StillFormat, settings.stills),
        run=part_of(StillRun, settings.run),
        times=() if is_constant else direction.times or even_times(settings.film, len(targets)),
        sound=direction.sound if follows_sound(*changing) else None,
    )
