"""The frames of segments: move, dream, repeat. All segments of a call are stepped together as one batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from renderer.dream.ascent import Ascent, ascend, ascend_fresh
from renderer.dream.blur import blur
from renderer.dream.dreaming import Dream
from renderer.dream.health import Health
from renderer.dream.level import keep_level
from renderer.dream.randomness import PictureKey, normal
from renderer.film.motion import Move, apply_moves, move_between
from renderer.film.timeline import Segment, transition_frames
from renderer.networks.network import Network
from renderer.settings.sections import Settings

_FORGETTING_SECONDS = 0.25
_GRAY = 0.5
# A still is leveled as it is dreamed, by as much as a film of 25 frames a second with five steps each, and once more at
# the end, as in this time: what is left of what the ascent has burned comes back.
_STILL_STEP_SECONDS = 0.008
_STILL_END_SECONDS = 0.2
_USUAL_SIDE = 224  # Of the pictures with which the rates were found.

Picture = UInt8[np.ndarray, "height width 3"]
Pictures = Float[Tensor, "batch 3 height width"]


class Shown(NamedTuple):
    """A frame of one of the segments that are dreamed together.

    Attributes:
        place: Place of the segment among them.
        picture: The frame.
        health: How the gradients were on the way from the frame before.
    """

    place: int
    picture: Picture
    health: Health


def dream_segments(
    network: Network, settings: Settings, segments: Sequence[Segment], starts: Sequence[Picture | None]
) -> Iterator[list[Shown]]:
    """Dream the frames of segments in lockstep.

    Args:
        network: The network that dreams.
        settings: All settings of the run.
        segments: What to dream.
        starts: For each segment the last frame of the one before it in its chain, or None where there is none.

    Yields:
        For each number of a frame, from 0, the frame of each segment that is so long.
    """
    strands = [_Strand(settings, segment, start) for segment, start in zip(segments, starts, strict=True)]
    pictures = torch.cat([strand.first_picture(network.device) for strand in strands])
    before: dict[int, Health] = {}
    fresh = [place for place, strand in enumerate(strands) if strand.is_fresh]
    if fresh:
        keys = [strands[place].key for place in fresh]
        begun = ascend_fresh(network, settings.dream, pictures[fresh], keys, settings.dream.fresh_steps)
        pictures[fresh] = begun.pictures
        before = dict(zip(fresh, begun.health, strict=True))
    running = list(range(len(strands)))
    for number in range(max(segment.frames for segment in segments)):
        # A shorter segment has ended; its company goes on without it.
        staying = [row for row, place in enumerate(running) if number < strands[place].segment.frames]
        running = [running[row] for row in staying]
        dreamed = _next_frame(network, settings, [strands[place] for place in running], pictures[staying], number)
        pictures = dreamed.pictures
        yield [
            Shown(place, strands[place].shown(picture, number), before.get(place, Health()) + own)
            for place, picture, own in zip(running, pictures, dreamed.health, strict=True)
        ]
        before = {}


def dream_stills(network: Network, settings: Settings, keys: Sequence[PictureKey]) -> Iterator[tuple[Picture, Health]]:
    """Dream a picture of each class from fresh noise, of the size and with the steps that `stills` says."""
    size = (settings.stills.height, settings.stills.width)
    noise = torch.cat([_fresh_picture(settings, key, size, network.device) for key in keys])
    dream, steps = _for_size(settings.dream, min(size)), settings.stills.steps
    dreamed = ascend_fresh(network, dream, noise, keys, steps, seconds_per_step=_STILL_STEP_SECONDS)
    leveled = keep_level(settings.dream.level, dreamed.pictures, _STILL_END_SECONDS)
    finished = blur(leveled, settings.stills.smooth)
    return ((_to_picture(picture), own) for picture, own in zip(finished, dreamed.health, strict=True))


def _for_size(dream: Dream, side: int) -> Dream:
    """Smaller steps for large stills: Adam's equal steps add up the more, the more coefficients there are."""
    optimizer = dream.optimizer
    if dream.parameterization.kind != "fourier" or optimizer.kind != "adam" or side <= _USUAL_SIDE:
        return dream
    rate = optimizer.learning_rate * (_USUAL_SIDE / side) ** 0.5
    return dream.model_copy(update={"optimizer": optimizer.model_copy(update={"learning_rate": rate})})


class _Strand:
    """One segment among those that are dreamed together."""

    def __init__(self, settings: Settings, segment: Segment, start: Picture | None) -> None:
        self.settings = settings
        self.segment = segment
        self.key = PictureKey(settings.run.seed, segment.class_index)
        self.start = start
        carries = segment.first_frame > 0 or settings.film.transition == "carry"
        self.is_fresh = start is None or not carries
        self._fading: Pictures | None = None

    def first_picture(self, device: torch.device) -> Float[Tensor, "1 3 height width"]:
        if self.start is None or self.is_fresh:
            size = (self.settings.film.height, self.settings.film.width)
            return _fresh_picture(self.settings, self.key, size, device)
        return _from_picture(self.start, device)

    def move_to(self, number: int) -> Move:
        """The camera's move to the frame of the given number; a fresh picture begins at rest."""
        return Move() if number == 0 and self.is_fresh else self._move(number)

    def kept(self, number: int) -> float:
        """Share of its contrast that the picture keeps in a frame, while the class before is being forgotten."""
        film, frame = self.settings.film, self.segment.first_frame + number
        frames = max(1, round(_FORGETTING_SECONDS * film.fps))
        carried = film.transition == "carry" and not self.is_fresh
        return (1 - film.forget) ** (1 / frames) if carried and frame < frames else 1.0

    def first_step(self, number: int) -> int:
        """Number of the first ascent step of a frame, counted from the beginning of the class."""
        dream = self.settings.dream
        return dream.fresh_steps + (self.segment.first_frame + number) * dream.steps_per_frame

    def shown(self, picture: Float[Tensor, "3 height width"], number: int) -> Picture:
        """The frame: the picture, behind that of the class before while it fades out."""
        frames = min(transition_frames(self.settings.film), self.segment.frames - 1)
        if self.settings.film.transition != "crossfade" or self.start is None or not self.is_fresh or number >= frames:
            return _to_picture(picture)
        before = self._fading if self._fading is not None else _from_picture(self.start, picture.device)
        self._fading = apply_moves(before, [self._move(number)])
        return _to_picture(torch.lerp(self._fading[0], picture, (number + 1) / (frames + 1)))

    def _move(self, number: int) -> Move:
        fps = self.settings.film.fps
        frame = self.segment.first_frame + number
        return move_between(self.settings.motion, (frame - 1) / fps, frame / fps, self.segment.class_frames / fps)


def _next_frame(
    network: Network, settings: Settings, strands: Sequence[_Strand], pictures: Pictures, number: int
) -> Ascent:
    moved = apply_moves(pictures, [strand.move_to(number) for strand in strands]).clamp(0, 1)
    kept = torch.tensor([strand.kept(number) for strand in strands], device=moved.device).view(-1, 1, 1, 1)
    moved = _GRAY + kept * (moved - _GRAY)
    keys = [strand.key for strand in strands]
    steps = [strand.first_step(number) for strand in strands]
    dreamed = ascend(network, settings.dream, moved, keys, steps, settings.dream.steps_per_frame)
    return replace(dreamed, pictures=keep_level(settings.dream.level, dreamed.pictures, 1 / settings.film.fps))


def _fresh_picture(
    settings: Settings, key: PictureKey, size: tuple[int, int], device: torch.device
) -> Float[Tensor, "1 3 height width"]:
    noise = torch.from_numpy(normal(key, (1, 3, *size)))
    return (_GRAY + settings.start.contrast * noise).clamp(0, 1).to(device)


def _from_picture(picture: Picture, device: torch.device) -> Float[Tensor, "1 3 height width"]:
    return torch.from_numpy(picture).to(device).permute(2, 0, 1)[None].float() / 255


def _to_picture(picture: Float[Tensor, "3 height width"]) -> Picture:
    return (picture.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).contiguous().cpu().numpy()
