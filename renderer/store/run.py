"""A run: its directory, and all that follows from what `run.yaml` says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from renderer.common.errors import UserError
from renderer.common.over_time import Varying
from renderer.common.section import with_values
from renderer.common.value_curves import Heard, Moment, silence
from renderer.film.film_recipe import FilmRecipe, film_recipe
from renderer.film.recipe import Direction
from renderer.film.scenes import Lettering, Scene, letterings
from renderer.film.still_recipe import StillRecipe, still_recipe
from renderer.film.timeline import Segment, Timeline, crossfade_frames
from renderer.film.times import even_times
from renderer.settings.sections import Overlay, Settings
from renderer.starts.start import StartFile
from renderer.store.cleaning import refuse_strange
from renderer.store.paths import RunPaths
from renderer.store.run_file import RunFile, read_run_file
from renderer.targets.target import OUTPUTS, Target


@dataclass(frozen=True)
class Run:
    """A run and all that follows from its settings.

    Attributes:
        paths: Its directory.
        file: What `run.yaml` says.
    """

    paths: RunPaths
    file: RunFile

    @property
    def name(self) -> str:
        """Name of its configuration."""
        return self.file.name

    @property
    def settings(self) -> Settings:
        """Its settings."""
        return self.file.settings

    @property
    def targets(self) -> tuple[Target, ...]:
        """The selected targets in the order of the film."""
        return self.file.targets

    @property
    def dreams_stills(self) -> bool:
        """Whether its stills are dreamed for themselves, not taken from the film."""
        return self.settings.stills.fresh or not self.file.film

    @property
    def _parts(
        self,
    ) -> tuple[Settings, tuple[Target, ...], dict[str, Any], dict[str, StartFile], str | None, Direction]:
        """What recipes are made of."""
        file = self.file
        direction = Direction(file.times, file.sound, file.scenes)
        return file.decided, self.targets, file.network, file.start, file.decoder, direction

    @cached_property
    def film_recipe(self) -> FilmRecipe:
        """What the frames of its film are made from."""
        return film_recipe(*self._parts)

    @cached_property
    def source_sound(self) -> Path | None:
        """The film that its film starts from, if the sound is to be that one's; raises UserError."""
        return self.settings.start.sound() if self.settings.video.audio is None else None

    @cached_property
    def still_recipe(self) -> StillRecipe:
        """What its fresh stills are made from."""
        return still_recipe(*self._parts)

    def letterings(self, segment: Segment) -> tuple[Lettering, ...]:
        """What is written over the frames of a segment, one after another."""
        of_class = self._letterings(segment.position, segment.class_frames)
        first, last = segment.first_frame, segment.first_frame + segment.frames
        return tuple(one for one in of_class if one.first < last and one.first + one.frames > first)

    @cached_property
    def _letterings(self) -> Callable[[int, int], tuple[Lettering, ...]]:
        """Of a class, by its position and its number of frames."""
        overlay, fps = self.settings.overlay, self.settings.film.fps
        return cache(lambda position, frames: letterings(overlay, self.scene(position), fps, frames))

    def lettering(self, segment: Segment, frame: int) -> Lettering:
        """What is written over a frame of a segment."""
        place = segment.first_frame + frame
        return next(one for one in reversed(self.letterings(segment)) if one.first <= place)

    def overlay_at(self, segment: Segment, frame: int) -> Overlay:
        """How the text over a frame of a segment looks."""
        lettering, fps = self.lettering(segment, frame), self.settings.film.fps
        overlay = Varying(lettering.overlay)
        if overlay.is_constant:
            return lettering.overlay
        moment = self.film_recipe.moment(segment, (segment.first_frame + frame) / fps)
        return overlay.at(lettering.moment(moment, fps), self._heard)

    def overlay_of_still(self, position: int) -> Overlay:
        """How the text on a still looks: as in the middle of its class, without title cards."""
        own = with_values(self.settings.overlay, self.scene(position).overlay)
        overlay = Varying(own)
        if overlay.is_constant:
            return own
        times = self.file.times or even_times(self.settings.film, len(self.targets))
        begin, end = times[position : position + 2]
        moment = Moment(position, (end - begin) / 2, end - begin, (begin + end) / 2, times[-1])
        return overlay.at(moment, self._heard)

    def text_follows(self, segment: Segment) -> list[Any]:
        """From what the look of a segment's text follows, where it changes over time."""
        varying = [Varying(one.overlay) for one in self.letterings(segment)]
        if all(one.is_constant for one in varying):
            return []
        names = frozenset().union(*(one.names for one in varying))
        heard = self.file.sound.of(names) if self.file.sound else None
        return [segment.position, segment.start_frame, self.timeline.frames, heard]

    @cached_property
    def _heard(self) -> Heard:
        return self.file.sound.opened().at if self.file.sound else silence

    @cached_property
    def titles(self) -> Mapping[int, str]:
        """Titles of all classes that the network knows, by index."""
        return known_titles(self.settings, self.targets, self.file.network)

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The templates of all that is written over its pictures."""
        own = [line for scene in self.file.scenes.values() for line in scene.lines]
        return (*self.settings.overlay.lines, *own)

    def scene(self, position: int) -> Scene:
        """What a target has of its own, by its place in the film."""
        return self.file.scenes.get(self.targets[position].key, Scene())

    @property
    def are_classes(self) -> bool:
        """Whether the targets are outputs of the network, or mixtures of them."""
        return all(part.layer == OUTPUTS for target in self.targets for part in target.parts)

    @property
    def timeline(self) -> Timeline:
        """The film on paper."""
        return self.film_recipe.timeline

    @property
    def fade(self) -> int:
        """Frames of the crossfade between two chains."""
        return crossfade_frames(self.settings.film, self.file.times)


def known_titles(settings: Settings, targets: Sequence[Target], network: Mapping[str, Any]) -> dict[int, str]:
    """Titles of all classes that the network of some settings knows, by index; the network is not loaded.

    Args:
        settings: The settings.
        targets: The selected targets.
        network: What `NetworkSource.identity` said of the network.
    """
    titles = {target.index: target.title for target in targets if target.is_class}
    try:
        return {known.index: known.title for known in settings.network.classes_of(network.get("outputs"))} | titles
    except UserError:
        # A class list of the user's own may be gone by now; the selected classes are kept with the run.
        return titles


def load_run(directory: Path) -> Run:
    """The run that a directory holds; raises UserError where it holds none."""
    paths = RunPaths(directory)
    refuse_strange(paths)
    return Run(paths, read_run_file(paths.settings))
