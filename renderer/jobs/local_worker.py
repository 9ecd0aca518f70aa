"""Batches computed in this process, on one device or side by side on several."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Float

from renderer.common.errors import UserError
from renderer.common.progress import Stepped
from renderer.film.film_recipe import FilmRecipe
from renderer.film.sequence import dream_segments, dream_stills
from renderer.film.still_recipe import StillRecipe
from renderer.film.tasks import NOT_SAVING, DreamedStill, Frame, Picture, Saved, Saving, SegmentTask, Still, StillTask
from renderer.jobs.lanes import Lanes, Stream, Together
from renderer.jobs.turns import Dreaming, Placed
from renderer.networks.devices import find_devices
from renderer.networks.loaded import load_network
from renderer.networks.network import Network
from renderer.networks.threads import prepare_thread
from renderer.settings.chosen import Chosen
from renderer.settings.sections import Settings
from renderer.targets.target import Aim, Score, Units

Task = TypeVar("Task")
Result = TypeVar("Result", bound=Placed)
_PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


class LocalWorker:
    """Dreams on some devices; each holds the network and takes whole batches, a processor in groups."""

    def __init__(self, settings: Settings) -> None:
        """Load the network, and try what draws pictures; else pixels follow from recipes, not from settings.

        Args:
            settings: Say which network, and where and how it computes; nothing of that may be `auto` but the device.

        Raises:
            UserError: A device is not there, or the network or a decoder cannot be loaded.
        """
        settings.dream.parameterization.check()
        chosen = Chosen.of(settings)
        prepare_thread(chosen.threads)
        dtype, devices = _PRECISIONS[chosen.precision], find_devices(settings.run.device)
        # A processor that is named several times is divided.
        threads = max(1, chosen.threads // max(1, sum(device.type == "cpu" for device in devices)))
        self._lanes = [Lanes(load_network(settings.network, device, dtype), threads) for device in devices]

    @property
    def devices(self) -> int:
        """How many devices there are."""
        return len(self._lanes)

    def segments(
        self,
        recipe: FilmRecipe,
        batches: Sequence[Sequence[SegmentTask]],
        stepped: Stepped,
        saving: Saving = NOT_SAVING,
        *,
        score_all: bool,
    ) -> Iterator[Frame | Saved]:
        """Compute batches of segments; see `Worker.segments`."""

        def dream(network: Network, tasks: Sequence[SegmentTask], stepped: Stepped) -> Iterator[Frame | Saved]:
            if not any(task.is_wanted for task in tasks):
                return
            for found in dream_segments(network, recipe, tasks, stepped, saving):
                for one in found:
                    scored = isinstance(one, Frame) and (score_all or (one.segment.ends_class and one.ends_segment))
                    yield _scored(network, recipe, one) if isinstance(one, Frame) and scored else one

        return self._compute(dream, batches, stepped)

    def stills(
        self,
        recipe: StillRecipe,
        batches: Sequence[Sequence[StillTask]],
        stepped: Stepped,
        saving: Saving = NOT_SAVING,
    ) -> Iterator[Still | Saved]:
        """Compute batches of stills; see `Worker.stills`."""

        def dream(network: Network, tasks: Sequence[StillTask], stepped: Stepped) -> Iterator[Still | Saved]:
            for found in dream_stills(network, recipe, tasks, stepped, saving):
                yield found if isinstance(found, Saved) else _told(network, found)

        if recipe.stills.variants > 1 and recipe.stills.diversity:
            self._lanes[0].prepare()
            _find_texture_layers(self._lanes[0].network)
        return self._compute(dream, batches, stepped)

    def score(self, aim: Aim, picture: Picture) -> Score:
        """What the network says of a picture; see `Worker.score`."""
        return self._lanes[0].network.scores(picture[None], [aim])[0]

    def outputs(self, picture: Picture) -> Float[np.ndarray, " outputs"]:
        """All that the network answers; see `Worker.outputs`."""
        found: Float[np.ndarray, " outputs"] = self._lanes[0].network.logits(picture[None])[0].numpy()
        return found

    def output_weights(self) -> Float[np.ndarray, "classes features"]:
        """Weights of the network's last layer; see `Worker.output_weights`."""
        return self._lanes[0].network.output_weights()

    def close(self) -> None:
        """Let the networks go."""
        self._lanes.clear()

    def _compute(
        self, dream: Dreaming[Task, Result], batches: Sequence[Sequence[Task]], stepped: Stepped
    ) -> Iterator[Result]:
        """Batches take turns on each device; the devices work side by side."""
        together = Together(stepped)

        def stream(lanes: Lanes, own: Sequence[Sequence[Task]]) -> Stream[Result]:
            for batch in own:
                yield from lanes.compute(dream, batch, together)

        shares = [batches[number :: self.devices] for number in range(self.devices)]
        return together.results([stream(lanes, own) for lanes, own in zip(self._lanes, shares, strict=True)])


def _told(network: Network, dreamed: DreamedStill) -> Still:
    """A still, with what is to be said of it."""
    task, picture, health, opacity = dreamed
    score = network.scores(picture[None], [task.aim])[0]
    return Still(task, picture, score, health, _agreement(network, task.aim, score, picture), opacity)


def _agreement(network: Network, aim: Aim, score: Score, picture: Picture) -> float | None:
    """How sure all are that dreamed it and say anything; a network by itself has said it already."""
    if score.probability is None:
        return None
    members = network.dreamers(aim)
    if len(members) == 1:
        return math.log(max(score.probability, sys.float_info.min))
    sure = [_log_probability(member, units, picture) for member, units in members]
    told = [one for one in sure if math.isfinite(one)]
    return float(np.mean(told)) if told else None


def _log_probability(network: Network, units: Units, picture: Picture) -> float:
    """Of what is wanted of the units, all together."""
    found = network.log_probabilities(picture[None])[0]
    with np.errstate(invalid="ignore"):  # a network may answer with what is no number
        return float(np.logaddexp.reduce([found[unit] for unit, weight in units if weight > 0]))


def _find_texture_layers(network: Network) -> None:
    """Raise UserError for a network that has none before anything is dreamed, not when they are needed."""
    for number, member in enumerate(network.members):
        try:
            _ = member.texture_layer
        except UserError as error:
            name = f"network.companions[{number - 1}]" if number else "network"
            raise UserError(str(error).replace("network", name, 1)) from error


def _scored(network: Network, recipe: FilmRecipe, frame: Frame) -> Frame:
    aim = recipe.aims[frame.segment.position]
    return replace(frame, score=network.scores(frame.picture[None], [aim])[0])
