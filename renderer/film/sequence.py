"""Frames and stills: move, dream, repeat. All pictures of a call are stepped together as one batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from renderer.common.progress import Stepped, unheard
from renderer.dream.ascent import Reached, ascend, ascend_in_spans
from renderer.dream.blur import blur
from renderer.dream.canvas import CANVASES, Canvas
from renderer.dream.climb import Ascent, Climb, references_of
from renderer.dream.diversity import Apart
from renderer.dream.dreaming import AscentSettings
from renderer.dream.health import Health
from renderer.dream.nearness import Reference, References
from renderer.dream.opacity import opacity
from renderer.dream.per_picture import per_picture
from renderer.dream.randomness import PictureKey
from renderer.film.camera import camera_of
from renderer.film.film_recipe import FilmRecipe, FilmValues
from renderer.film.first_pictures import brought, first_picture, pictures_beside, reference_of
from renderer.film.motion import Move
from renderer.film.moving import OnePicture
from renderer.film.saving import Watch, reached, save, segments_key, stills_key
from renderer.film.still_recipe import StillRecipe
from renderer.film.tasks import NOT_SAVING, DreamedStill, Frame, Opacity, Picture, Saved, Saving, SegmentTask, StillTask
from renderer.film.timeline import Segment, blend_frames, follows_class, transition_frames
from renderer.film.warp import apply_moves
from renderer.networks.network import Network
from renderer.targets.target import Aim

_FORGETTING_SECONDS = 0.25
# A still is leveled as it is dreamed, by as much as a film of 25 frames a second with five steps each, and once more at
# the end, as in this time: what is left of what the ascent has burned comes back.
_STILL_STEP_SECONDS = 0.008
_STILL_END_SECONDS = 0.2
# Of the time after which it is told where stills stand: so long at least have whole ones taken, all variants together.
_END_SHARE = 1 / 8

Pictures = Float[Tensor, "batch 3 height width"]


def dream_segments(
    network: Network,
    recipe: FilmRecipe,
    tasks: Sequence[SegmentTask],
    stepped: Stepped = unheard,
    saving: Saving = NOT_SAVING,
) -> Iterator[Sequence[Frame | Saved]]:
    """Dream the frames of segments in lockstep.

    Args:
        network: The network that dreams.
        recipe: What the film is made from.
        tasks: The segments of one batch.
        stepped: Is told of each ascent step.
        saving: How often to tell where they stand, and where they stood.

    Yields:
        For each number of a frame, from 0 where a segment begins or was begun, the frame of each segment that is so
        long; now and then where they stand.
    """
    with ExitStack() as opened:
        yield from _dream_segments(network, recipe, tasks, stepped, saving, opened)


def _dream_segments(
    network: Network,
    recipe: FilmRecipe,
    tasks: Sequence[SegmentTask],
    stepped: Stepped,
    saving: Saving,
    opened: ExitStack,
) -> Iterator[Sequence[Frame | Saved]]:
    """The same; what is opened for it is closed with the stack."""
    key, names, watch = segments_key(tasks), tuple(task.segment.name for task in tasks), Watch(saving)
    saved = saving.find(key)
    begin, before = saved.frames if saved else 0, dict[Segment, Health]()
    running = [_Running(network, recipe, task, opened) for task in tasks if task.frames >= begin]
    if saved and begin:
        pictures = torch.from_numpy(saved.pictures).to(network.device)
        for one in running:
            one.skip(begin)
    else:
        pictures = torch.cat([one.first_picture() for one in running])
        for span in _begin_fresh(network, recipe, running, pictures, stepped, saved):
            before = _put_in(pictures, running, span)
            if watch.is_due():
                yield [save(key, names, span)]
    last = max(task.frames for task in tasks if task.is_wanted)
    for number in range(begin, last):
        # A shorter segment has ended; the others go on without it.
        staying = [row for row, one in enumerate(running) if number < one.task.frames]
        if len(staying) < len(running):
            running, pictures = [running[row] for row in staying], pictures[staying]
        dreamed = _next_frame(network, recipe, running, pictures, number, _of_wanted(running, stepped))
        pictures = dreamed.pictures
        yield [
            Frame(one.segment, one.task.begun + number, picture, before.pop(one.segment, Health()) + own)
            for one, picture, own in zip(running, _shown(running, pictures, number), dreamed.health, strict=True)
        ]
        if number + 1 < last and (number + 1) % saving.frames == 0 and watch.is_due():
            yield [Saved(key, names, number + 1, 0, pictures.cpu().numpy(), tuple(Health() for _ in running))]


def dream_stills(
    network: Network,
    recipe: StillRecipe,
    tasks: Sequence[StillTask],
    stepped: Stepped = unheard,
    saving: Saving = NOT_SAVING,
) -> Iterator[DreamedStill | Saved]:
    """Dream a picture of each target from a fresh one; the tasks are one batch.

    Now and then, and at the end of a longer time, it is told where they stand.
    """
    key, names, watch = stills_key(recipe, tasks), tuple(task.aim.key for task in tasks), Watch(saving)
    climbs = [_still_climb(network, recipe, task) for task in tasks]
    begun = torch.cat([first_picture(network, recipe, climb.target, climb.key) for climb in climbs])
    steps, seconds = recipe.stills.steps, _STILL_STEP_SECONDS
    saved = saving.find(key)
    for span in ascend_in_spans(
        network,
        begun,
        climbs,
        steps,
        stepped,
        seconds_per_step=seconds,
        begun=reached(saved, network.device) if saved else None,
    ):
        # What is whole waits for others before it is a file.
        if watch.is_due(_END_SHARE / recipe.stills.variants if span.steps == steps else 1):
            yield save(key, names, span)
    dreamed = span.ascent
    levels, canvas = [recipe.at(task.aim, recipe.stills.steps).level for task in tasks], CANVASES[recipe.dream.canvas]
    references = references_of(climbs, recipe.size)
    # What a decoder draws stays as it is.
    seconds = _STILL_END_SECONDS if recipe.dream.parameterization.holds_any else 0.0
    leveled = references.leveled(levels, dreamed.pictures, seconds, canvas)
    finished = references.shown(blur(leveled, recipe.stills.smooth, canvas))
    opacities = _opacities(dreamed, canvas, references)
    yield from map(DreamedStill, tasks, _to_pictures(finished), dreamed.health, opacities)


def _still_climb(network: Network, recipe: StillRecipe, task: StillTask) -> Climb:
    weight = recipe.stills.diversity
    apart = Apart(task.others, weight) if task.others and weight else None
    values = partial(recipe.at, task.aim)
    beside, canvas = pictures_beside(network, recipe, task.aim), CANVASES[recipe.dream.canvas]
    reference = reference_of(network, recipe, task.aim)
    reference = reference and replace(reference, keep=recipe.keep(task.aim))
    return Climb(
        task.aim,
        task.seed,
        values,
        apart=apart,
        beside=beside,
        reference=reference,
        is_traced=recipe.stills.alpha,
        canvas=canvas,
    )


class _Running:
    """One segment while it is dreamed."""

    def __init__(self, network: Network, recipe: FilmRecipe, task: SegmentTask, opened: ExitStack) -> None:
        self.recipe, self.task, self.segment, self.start = recipe, task, task.segment, task.start
        self.aim, self.canvas = recipe.aims[task.segment.position], CANVASES[recipe.canvas]
        self.key = PictureKey(recipe.run.seed, self.aim.key)
        self._network, self._reference = network, reference_of(network, recipe, self.aim)
        self._brought = brought(network, recipe, task, opened)
        self.is_fresh = not task.begun and recipe.begins_fresh(task.segment, follows=task.start is not None)
        self._first = task.segment.first_frame + task.begun
        self._camera = camera_of(recipe, task.segment)
        self._fading: Pictures | None = None
        self._compared: dict[tuple[int, ...], tuple[OnePicture, ...]] = {}

    def values(self, frame: float) -> FilmValues:
        """What holds at a frame, counted from the first that is dreamed; also between two frames."""
        return self._values_at((self._first + frame) / self.recipe.film.fps)

    def _values_at(self, seconds: float) -> FilmValues:
        """What holds so many seconds after the class began."""
        return self.recipe.at(self.recipe.moment(self.segment, seconds))

    def first_picture(self) -> OnePicture:
        if self.start is not None and not self.is_fresh:
            return _from_picture(self.start, self._network.device)
        if self._brought:
            return self._brought.picture(0)
        first = first_picture(self._network, self.recipe, self.aim, self.key)
        return self.canvas.scattered(first) if self.recipe.start.is_noise else first

    def moved(self, picture: OnePicture, number: int) -> OnePicture:
        """The picture before as it goes over to the frame of the given number: as the camera and the start move it."""
        move = partial(apply_moves, moves=[self._move(number)], canvas=self.canvas)
        return self._brought.followed(picture, number, move) if self._brought else move(picture)

    def reference(self, number: int) -> Reference | None:
        """What the frame of the given number stays near."""
        found = self._brought.reference(number) if self._brought else self._reference
        return found and replace(found, keep=self.values(number).keep)

    def climb_fresh(self) -> Climb:
        """The ascent before the first frame, in which time stands still."""
        return self._climb(0, self.aim, lambda _step: self.values(0).dream)

    def climb(self, number: int) -> Climb:
        """The ascent of the frame of the given number."""
        dream = self.recipe.dream
        first = dream.fresh_steps + (self._first + number) * dream.steps_per_frame

        def values(step: int) -> AscentSettings:
            return self.values(number + step / dream.steps_per_frame).dream

        return self._climb(number, self._aim_at(number), values, first)

    def _climb(self, number: int, aim: Aim, values: Callable[[int], AscentSettings], first: int = 0) -> Climb:
        seed, canvas, reference = self.recipe.run.seed, self.canvas, self.reference(number)
        return Climb(aim, seed, values, first, beside=self._beside(aim), reference=reference, canvas=canvas)

    def _beside(self, aim: Aim) -> tuple[OnePicture, ...]:
        """As below; the pictures are the same in all frames, also where the weights are not."""
        parts = tuple(unit for unit, _ in aim.units)
        if parts not in self._compared:
            self._compared[parts] = pictures_beside(self._network, self.recipe, aim)
        return self._compared[parts]

    def _aim_at(self, number: int) -> Aim:
        """What the frame of the given number is to show: on the way from the class before, something of that too."""
        film, position = self.recipe.film, self.segment.position
        frame, frames = self._first + number, blend_frames(film, self.segment.class_frames)
        follows = follows_class(self.segment, self.recipe.timeline.chains[self.segment.chain])
        if film.transition != "carry" or not follows or frame >= frames:
            return self.aim
        return self.aim.blended(self.recipe.aims[position - 1], (frame + 1) / (frames + 1))

    def move_to(self, number: int) -> Move:
        """The camera's move to the frame of the given number; a fresh picture begins at rest."""
        return Move() if self.rests(number) else self._move(number)

    def rests(self, number: int) -> bool:
        """Whether nothing has moved yet in the frame of the given number."""
        return number == 0 and self.is_fresh

    def kept(self, number: int) -> float:
        """Share of its contrast that the picture keeps in a frame, while the class before is being forgotten."""
        frame = self._first + number
        frames = max(1, round(_FORGETTING_SECONDS * self.recipe.film.fps))
        carried = self.recipe.film.transition == "carry" and not self.is_fresh
        return (1 - self.values(number).forget) ** (1 / frames) if carried and frame < frames else 1.0

    def skip(self, frames: int) -> None:
        """Go past frames that are there already."""
        for number in range(frames):
            self._fade(number)

    def shown(self, picture: Float[Tensor, "3 height width"], number: int) -> Float[Tensor, "3 height width"]:
        """The frame: the picture, behind that of the class before while it fades out."""
        before = self._fade(number)
        return picture if before is None else torch.lerp(before, picture, (number + 1) / (self._fade_frames + 1))

    def _fade(self, number: int) -> Float[Tensor, "3 height width"] | None:
        """The picture of the class before, moved on to a frame; None where it has gone."""
        if self.start is None or not self.is_fresh or number >= self._fade_frames:
            return None
        before = self._fading if self._fading is not None else _from_picture(self.start, self._network.device)
        self._fading = self.moved(before, number)
        return self._fading[0]

    @property
    def _fade_frames(self) -> int:
        film = self.recipe.film
        return min(transition_frames(film), self.segment.frames - 1) if film.transition == "crossfade" else 0

    def _move(self, number: int) -> Move:
        fps, frame = self.recipe.film.fps, self._first + number
        return self._camera.move((frame - 1) / fps, frame / fps)


def _begin_fresh(
    network: Network,
    recipe: FilmRecipe,
    running: Sequence[_Running],
    pictures: Pictures,
    stepped: Stepped,
    saved: Saved | None,
) -> Iterator[Reached]:
    """Climb the pictures that are fresh; gives nothing where there are none."""
    rows, begun = _fresh_rows(running), reached(saved, network.device) if saved else None
    if rows:
        climbs = [running[row].climb_fresh() for row in rows]
        told = _of_wanted([running[row] for row in rows], stepped)
        yield from ascend_in_spans(network, pictures[rows], climbs, recipe.dream.fresh_steps, told, begun=begun)


def _of_wanted(running: Sequence[_Running], stepped: Stepped) -> Stepped:
    """Tell of the steps of what is wanted alone, not of what is only dreamed beside it."""
    wanted = sum(one.task.is_wanted for one in running)
    return lambda pictures: stepped(min(pictures, wanted))


def _fresh_rows(running: Sequence[_Running]) -> list[int]:
    return [row for row, one in enumerate(running) if one.is_fresh]


def _put_in(pictures: Pictures, running: Sequence[_Running], span: Reached) -> dict[Segment, Health]:
    """Put fresh pictures among the others once they are of full size; gives how their gradients were, by segment."""
    rows, ascent = _fresh_rows(running), span.ascent
    if ascent.pictures.shape[-2:] == pictures.shape[-2:]:
        pictures[rows] = ascent.pictures
    return {running[row].segment: health for row, health in zip(rows, ascent.health, strict=True)}


def _next_frame(
    network: Network,
    recipe: FilmRecipe,
    running: Sequence[_Running],
    pictures: Pictures,
    number: int,
    stepped: Stepped,
) -> Ascent:
    canvas, moved = CANVASES[recipe.canvas], _moved(recipe, running, pictures, number).clamp(0, 1)
    climbs = [one.climb(number) for one in running]
    references, kept = references_of(climbs, recipe.size), [one.kept(number) for one in running]
    if any(share != 1 for share in kept):
        rest = references.rest
        moved = rest + per_picture(kept, moved) * (moved - rest)
    dreamed = ascend(network, moved, climbs, recipe.dream.steps_per_frame, stepped)
    levels = [one.values(number + 1).dream.level for one in running]
    leveled = references.leveled(levels, dreamed.pictures, 1 / recipe.film.fps, canvas)
    return replace(dreamed, pictures=references.shown(leveled, 1 / recipe.film.fps))


def _moved(recipe: FilmRecipe, running: Sequence[_Running], pictures: Pictures, number: int) -> Pictures:
    """The pictures as they go over to the next frame; all at once where the camera alone moves them."""
    if not recipe.start.moves:
        return apply_moves(pictures, [one.move_to(number) for one in running], CANVASES[recipe.canvas])
    pairs = zip(running, torch.split(pictures, 1), strict=True)
    return torch.cat([picture if one.rests(number) else one.moved(picture, number) for one, picture in pairs])


def _from_picture(picture: Picture, device: torch.device) -> Float[Tensor, "1 3 height width"]:
    return torch.from_numpy(picture).to(device).permute(2, 0, 1)[None].float() / 255


def _shown(running: Sequence[_Running], pictures: Pictures, number: int) -> list[Picture]:
    own = list(pictures)
    shown = [one.shown(picture, number) for one, picture in zip(running, own, strict=True)]
    nothing_fades = all(frame is picture for frame, picture in zip(shown, own, strict=True))
    return _to_pictures(pictures if nothing_fades else torch.stack(shown))


def _opacities(dreamed: Ascent, canvas: Canvas, references: References) -> list[Opacity | None]:
    """Of each picture, where its gradients were traced, and where its mask shows it."""
    if dreamed.trace is None:
        return [None] * len(dreamed.pictures)
    return list(_to_bytes(references.seen(opacity(dreamed.trace, canvas))).cpu().numpy())


def _to_bytes(values: Tensor) -> Tensor:
    return (values * 255).round_().clamp_(0, 255).byte()


def _to_pictures(pictures: Pictures) -> list[Picture]:
    """In 8 bits, all at once: there is one copy from the device to the host."""
    whole = _to_bytes(pictures)
    shown = torch.stack(whole.unbind(1), dim=-1).cpu().numpy()
    # Each by itself: one that waits for an encoder is not to keep the others in memory.
    return [picture.copy() for picture in shown] if len(shown) > 1 else list(shown)
