"""Values in time: each picture of a batch follows what its recipe says of its own moment, and starts may move."""

from typing import ClassVar

import numpy as np
import pytest

from renderer.common.value_curves import Moment
from renderer.dream.dreaming import AdamOptimizer, Dream, Regularizers, Transforms
from renderer.film.film_recipe import FilmRecipe, FilmValues, film_recipe
from renderer.film.sequence import dream_segments
from renderer.film.tasks import Picture, SegmentTask
from renderer.settings.chosen import Chosen
from renderer.settings.sections import Film, Motion, Settings
from renderer.starts.noise import NoiseStart
from renderer.starts.start import MovingStart, StartFile, StartPicture
from tests.networks.tiny import aims, tiny_network

SETTINGS = Settings(
    film=Film(width=44, height=32, fps=4.0, seconds_per_class=1.0, chains=2, lead_in_seconds=0.0),
    dream=Dream(steps_per_frame=2, fresh_steps=3, transforms=Transforms(color=0.0)),
)


class Keyframed(FilmRecipe):
    """The first class is dreamed as usual, the second ever faster, with a camera that turns, and ever smoother."""

    asked: ClassVar[list[Moment]] = []

    def at(self, moment: Moment) -> FilmValues:
        self.asked.append(moment)
        if moment.position == 0:
            return FilmValues(self.dream, self.motion, 0.0, self.film.forget)
        share = moment.seconds / moment.duration
        dream = self.dream.model_copy(
            update={
                "optimizer": AdamOptimizer(learning_rate=0.05 + 0.1 * share),
                "regularizers": Regularizers(total_variation=1 + 4 * share, l2=share),
                "objective": self.dream.objective.model_copy(update={"log_probability": 5 - 5 * share}),
                "transforms": self.dream.transforms.model_copy(update={"rotate": 90 * share}),
                "level": self.dream.level.model_copy(update={"contrast": 0.1 + 0.1 * share}),
            }
        )
        return FilmValues(dream, Motion(zoom=1.2, rotate=40 * share), 0.0, 0.0)


def recipe_of(kind: type[FilmRecipe]) -> FilmRecipe:
    usual = film_recipe(Chosen().fill_in(SETTINGS), aims(1, 2), {})
    return kind(**{name: getattr(usual, name) for name in FilmRecipe.model_fields})


def frames(recipe: FilmRecipe, *positions: int) -> dict[int, list[Picture]]:
    segments = {segment.position: segment for segment in recipe.timeline.segments}
    shown: dict[int, list[Picture]] = {position: [] for position in positions}
    tasks = [SegmentTask(segments[position], None) for position in positions]
    for together in dream_segments(tiny_network(), recipe, tasks):
        for frame in together:
            shown[frame.segment.position].append(frame.picture)
    return shown


def difference(one: list[Picture], other: list[Picture]) -> float:
    return float(np.mean([np.abs(a.astype(int) - b).mean() for a, b in zip(one, other, strict=True)]))


def test_pictures_of_a_batch_follow_their_own_values() -> None:
    together, usual = frames(recipe_of(Keyframed), 0, 1), frames(recipe_of(FilmRecipe), 0, 1)
    alone = frames(recipe_of(Keyframed), 1)
    # Rounding in another order is all that differs, and an ascent makes it grow.
    assert difference(together[0], usual[0]) < 0.4 * difference(together[1], usual[1])
    assert difference(together[1], alone[1]) < 0.4 * difference(together[1], usual[1])


def test_every_step_asks_for_its_own_moment() -> None:
    Keyframed.asked.clear()
    frames(recipe_of(Keyframed), 1)
    moments = {moment.seconds for moment in Keyframed.asked}
    assert {0.0, 0.125, 0.25, 0.375, 0.875} <= moments
    assert {moment.duration for moment in Keyframed.asked} == {1.0}


def test_constants_are_what_the_recipe_says() -> None:
    recipe = recipe_of(FilmRecipe)
    values = recipe.at(Moment(0, 0.3, 1.0))
    assert (values.dream, values.motion, values.forget) == (recipe.dream, recipe.motion, recipe.film.forget)


class Columns(MovingStart):
    """A gray picture with a white column, in every frame farther to the right."""

    def picture(self, frame: int) -> StartPicture:
        gray = np.full((3, 32, 44), 0.5, np.float32)
        gray[:, :, 8 * frame : 8 * frame + 4] = 1.0
        return gray

    def carried(self, dreamed: StartPicture, frame: int) -> StartPicture:
        assert dreamed.shape == (3, 32, 44)
        return dreamed

    def close(self) -> None:
        pass


class Stripes(NoiseStart):
    """A start that moves."""

    moves: ClassVar[bool] = True

    def opened(self, size: tuple[int, int], fps: float, file: StartFile | None) -> MovingStart:
        return Columns()


@pytest.mark.parametrize("frame", [0, 1, 2, 3])
def test_a_start_that_moves_is_asked_for_every_frame(frame: int) -> None:
    recipe = recipe_of(FilmRecipe)
    dream = recipe.dream.model_copy(update={"steps_per_frame": 0, "fresh_steps": 0})
    shown = frames(recipe.model_copy(update={"dream": dream, "start": Stripes()}), 0)[0][frame]
    columns = shown.mean(axis=(0, 2))
    assert (columns[8 * frame : 8 * frame + 4] > 250).all()
    assert (np.delete(columns, range(8 * frame, 8 * frame + 4)) < 130).all()
