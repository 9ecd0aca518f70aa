"""Frames of segments: they go on where the segment before ended, move at any frame rate alike, and never swap sides."""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from torch import Tensor

from renderer.dream.ascent import Reached
from renderer.dream.climb import Ascent, Climb
from renderer.dream.dreaming import AdamOptimizer, Dream, Level, OptimizerKind, PixelParameterization, Regularizers
from renderer.dream.health import Health
from renderer.film.film_recipe import FilmRecipe, film_recipe
from renderer.film.sequence import dream_segments, dream_stills
from renderer.film.still_recipe import still_recipe
from renderer.film.tasks import Picture, SegmentTask, StillTask
from renderer.film.timeline import Segment, build_timeline
from renderer.networks.network import Network
from renderer.settings.chosen import Chosen
from renderer.settings.sections import Film, Motion, Settings, Stills
from tests.networks.tiny import aims, tiny_network

WIDTH, HEIGHT = 60, 40


def settings(dream: Dream | None = None, motion: Motion | None = None, **film: object) -> Settings:
    return Settings(
        film=Film(width=WIDTH, height=HEIGHT, **{"fps": 5.0, "seconds_per_class": 1.0, **film}),
        dream=dream or Dream(steps_per_frame=2, fresh_steps=4),
        motion=motion or Motion(),
        stills=Stills(width=WIDTH, height=HEIGHT, steps=5),
    )


def recipe_of(given: Settings, classes: int = 4) -> FilmRecipe:
    return film_recipe(Chosen().fill_in(given), aims(*range(1, classes + 1)), {})


def segments_of(given: Settings, longest: float = 10.0) -> tuple[Segment, ...]:
    return build_timeline(given.film, 2, longest).segments


def frames(given: Settings, segment: Segment, start: Picture | None) -> list[Picture]:
    tasks = [SegmentTask(segment, start)]
    return [shown[0].picture for shown in dream_segments(tiny_network(), recipe_of(given), tasks)]


def whole_film(given: Settings, longest: float = 10.0) -> list[Picture]:
    shown: list[Picture] = []
    for segment in segments_of(given, longest=longest):
        shown += frames(given, segment, shown[-1] if shown else None)
    return shown


def ring(radius: float, scale: float = 1.0) -> Picture:
    """A bright ring, the radius of which tells the scale."""
    rows, columns = np.arange(HEIGHT)[:, None] - (HEIGHT - 1) / 2, np.arange(WIDTH)[None] - (WIDTH - 1) / 2
    distance = np.hypot(rows, columns)
    gray = np.rint(40 + 180 * np.exp(-((distance / scale - radius) ** 2) / 4))
    return np.repeat(gray[..., None], 3, axis=2).astype(np.uint8)


def radius_of(picture: Picture) -> float:
    rows, columns = np.arange(HEIGHT)[:, None] - (HEIGHT - 1) / 2, np.arange(WIDTH)[None] - (WIDTH - 1) / 2
    distance, light = np.hypot(rows, columns), picture[..., 0].astype(float) - 40
    inside = (distance < 19) & (light > 20)
    return float((light * distance)[inside].sum() / light[inside].sum())


STILL_DREAM = Dream(steps_per_frame=0, fresh_steps=0, level=Level(strength=0), regularizers=Regularizers())


def test_frames_are_as_the_settings_say() -> None:
    shown = whole_film(settings())
    assert len(shown) == 10
    assert all(picture.shape == (HEIGHT, WIDTH, 3) and picture.dtype == np.uint8 for picture in shown)


@pytest.mark.parametrize("fps", [12.0, 50.0])
def test_the_scale_after_each_second_does_not_depend_on_the_frame_rate(fps: float) -> None:
    given = settings(STILL_DREAM, Motion(zoom=1.25, rotate=10.0), fps=fps, seconds_per_class=2.5)
    second = segments_of(given)[1]
    shown = frames(given, second, ring(8.0))
    for seconds in (1, 2):
        # The first frame is one step after the picture that it goes on from.
        frame = int(seconds * fps) - 1
        assert radius_of(shown[frame]) == pytest.approx(radius_of(ring(8.0, 1.25**seconds)), rel=0.01)


def test_carry_goes_on_from_the_last_frame_and_reset_does_not() -> None:
    for transition, near in (("carry", True), ("reset", False)):
        given = settings(transition=transition)
        start = whole_film(given)[4]
        first = frames(given, segments_of(given)[1], start)[0]
        other = frames(given, segments_of(given)[1], 255 - start)[0]
        assert np.array_equal(first, other) != near


def test_crossfade_begins_near_the_old_picture_and_ends_in_the_new() -> None:
    given = settings(transition="crossfade", crossfade_seconds=0.6)
    second = segments_of(given)[1]
    bright = np.full((HEIGHT, WIDTH, 3), 230, np.uint8)
    means = [float(picture.mean()) for picture in frames(given, second, bright)]
    alone = [float(picture.mean()) for picture in frames(given, second, None)]
    assert means[0] > means[1] > means[2] > alone[2] + 5
    assert means[0] > alone[0] + 60
    assert means[3:] == alone[3:]


def test_a_class_in_parts_moves_as_a_whole_one() -> None:
    motion = Motion(zoom=1.5, rotate=30.0, easing="smooth")
    given = settings(STILL_DREAM, motion, transition="carry", seconds_per_class=2.0)
    whole, parts = whole_film(given), whole_film(given, longest=0.8)
    assert len(segments_of(given, longest=0.8)) == 6
    assert max(float(np.abs(a.astype(int) - b).mean()) for a, b in zip(whole, parts, strict=True)) < 1.0


def test_a_segment_does_not_depend_on_its_company() -> None:
    given = settings(chains=2)
    pair = build_timeline(given.film, 4, 10.0).rounds[-1]
    assert len(pair) == 2
    starts = [ring(6.0), ring(12.0)]
    together: dict[Segment, list[Picture]] = {}
    tasks = [SegmentTask(segment, start) for segment, start in zip(pair, starts, strict=True)]
    for shown in dream_segments(tiny_network(), recipe_of(given), tasks):
        for frame in shown:
            together.setdefault(frame.segment, []).append(frame.picture)
    for place, segment in enumerate(pair):
        alone = frames(given, segment, starts[place])
        assert len(alone) == len(together[segment]) == segment.frames
        for a, b in zip(alone, together[segment], strict=True):
            assert np.abs(a.astype(int) - b).mean() < 2.5  # Of 255; rounding in another order is all that differs.


def test_a_frame_that_is_kept_keeps_no_other_in_memory() -> None:
    given = settings(chains=2)
    tasks = [SegmentTask(segment, ring(6.0)) for segment in build_timeline(given.film, 4, 10.0).rounds[-1]]
    (first, second), *_ = dream_segments(tiny_network(), recipe_of(given), tasks)
    assert first.picture.base is None and second.picture.base is None


def test_segments_of_unequal_length_end_by_themselves() -> None:
    given = settings(chains=2, fps=3.0, seconds_per_class=0.8)
    timeline = build_timeline(given.film, 4, 10.0)
    lengths = {segment.frames for chain in timeline.chains for segment in chain}
    assert len(lengths) > 1
    for number in range(2):
        pair = [chain[number + (1 if chain[0].is_lead_in else 0)] for chain in timeline.chains]
        tasks = [SegmentTask(segment, ring(5.0)) for segment in pair]
        shown = [frame for frames in dream_segments(tiny_network(), recipe_of(given), tasks) for frame in frames]
        counts = Counter(frame.segment for frame in shown)
        assert counts == {segment: segment.frames for segment in pair}


def test_the_health_of_every_step_is_told_with_a_frame() -> None:
    given = settings()
    (first, *others), (_, *carried) = (
        [shown[0].health for shown in dream_segments(tiny_network(), recipe_of(given), [SegmentTask(segment, start)])]
        for segment, start in zip(segments_of(given), (None, ring(6.0)), strict=True)
    )
    assert first == Health(4 + 2)
    assert {*others, *carried} == {Health(2)}


def test_stills_are_wide_and_belong_to_their_seed_and_class() -> None:
    def stills(*seeds: int) -> list[Picture]:
        recipe, (aim,) = still_recipe(Chosen().fill_in(settings()), aims(1), {}), aims(1)
        tasks = [StillTask(aim, seed) for seed in seeds]
        return [still.picture for still in dream_stills(tiny_network(), recipe, tasks)]

    first, second, again = stills(0, 1, 0)
    assert first.shape == (HEIGHT, WIDTH, 3)
    assert np.abs(first.astype(int) - again).mean() < 0.5 < np.abs(first.astype(int) - second).mean()


@pytest.mark.parametrize(
    ("dream", "side", "rate"),
    [(Dream(), 224, 0.08), (Dream(), 896, 0.04), (Dream(parameterization=PixelParameterization()), 896, 0.08)],
)
def test_large_stills_are_dreamed_in_smaller_steps(
    monkeypatch: pytest.MonkeyPatch, dream: Dream, side: int, rate: float
) -> None:
    followed: list[OptimizerKind] = []

    def climb(
        _: Network, pictures: Tensor, climbs: Sequence[Climb], steps: int, *__: object, **___: object
    ) -> Iterator[Reached]:
        followed.append(climbs[0].values(0).optimizer)
        yield Reached(steps, Ascent(pictures, (Health(),)))

    monkeypatch.setattr("renderer.film.sequence.ascend_in_spans", climb)
    size = settings().stills.model_copy(update={"width": 2 * side, "height": side})
    recipe = still_recipe(Chosen().fill_in(settings(dream).model_copy(update={"stills": size})), aims(1), {})
    list(dream_stills(tiny_network(), recipe, [StillTask(aims(1)[0], 0)]))
    (optimizer,) = followed
    assert isinstance(optimizer, AdamOptimizer) and optimizer.learning_rate == pytest.approx(rate)


@pytest.mark.parametrize("fps", [8.0, 24.0])
def test_a_class_forgets_the_one_before_at_any_frame_rate(fps: float) -> None:
    def contrast(forget: float, frame: int) -> float:
        given = settings(STILL_DREAM, Motion(zoom=1.0, rotate=0.0), fps=fps, forget=forget)
        return float(frames(given, segments_of(given)[1], ring(9.0))[frame].std())

    quarter, last = round(fps / 4) - 1, int(fps) - 1
    assert contrast(0.0, last) == pytest.approx(float(ring(9.0).std()), rel=0.02)
    assert contrast(0.6, quarter) == pytest.approx(0.4 * contrast(0.0, last), rel=0.03)
    assert contrast(0.6, last) == pytest.approx(contrast(0.6, quarter), rel=0.02)


def test_a_crossfade_is_not_cut_short_by_segments_or_lead_ins() -> None:
    given = settings(transition="crossfade", crossfade_seconds=0.8, lead_in_seconds=0.0, fps=10.0)
    whole, parts = whole_film(given), whole_film(given, longest=0.1)
    assert len(segments_of(given, longest=0.1)) > len(segments_of(given))
    alone = frames(given, segments_of(given)[1], None)
    for shown in (whole, parts):  # Half of the old picture is still there in the middle of the fade.
        mixed = shown[13].astype(int) - alone[3]
        old = shown[9].astype(int) - alone[3]
        assert 0.3 < float((mixed * old).sum() / (old * old).sum()) < 0.8
