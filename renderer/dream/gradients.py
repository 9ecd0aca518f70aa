"""Gradients that can be followed: a dead or broken one is found, and cured where that can be done."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

from renderer.common.errors import UserError
from renderer.common.progress import Stepped
from renderer.dream.balance import Balance, Mean, is_tame, is_usable
from renderer.dream.climb import Ascent, Climb, Pictures, Step
from renderer.dream.diversity import likeness
from renderer.dream.health import Health
from renderer.dream.objectives import ObjectiveKind
from renderer.dream.per_picture import onto, per_picture
from renderer.networks.network import Activations, Dreamer, Network
from renderer.networks.rectifiers import redirected
from renderer.targets.strength import distance
from renderer.targets.target import Units

_SLOPE = 0.1  # Small: where some units of a layer are on, the way through these counts most.

Views = Float[Tensor, "views 3 size size"]


def climbed(network: Network, climbs: Sequence[Climb], climb: Climbing, stepped: Stepped) -> Ascent:
    """Climb with gradients that can be followed.

    A device that is not this processor is not asked after every step, for it would have to stop each time: it is asked
    at the end, and in the rare case that something was wrong all is done again, and from then on, carefully. Both
    give the same pictures.

    Args:
        network: The network that dreams.
        climbs: What each picture is to become.
        climb: Does it, with the gradients, telling of each step; gives the pictures.
        stepped: Is told of each step.
    """
    if not _is_asked_at_once(network.device) and not network.needs_care:
        gradients = UsableGradient(network, climbs, careful=False)
        pictures = climb(gradients, stepped)
        if gradients.are_fine:
            return Ascent(pictures, gradients.health)
        network.needs_care = True
        return _climbed_carefully(network, climbs, climb, lambda _pictures: stepped(0))
    return _climbed_carefully(network, climbs, climb, stepped)


def _climbed_carefully(network: Network, climbs: Sequence[Climb], climb: Climbing, stepped: Stepped) -> Ascent:
    gradients = UsableGradient(network, climbs)
    return Ascent(climb(gradients, stepped), gradients.health)


def _is_asked_at_once(device: torch.device) -> bool:
    return device.type == "cpu"


class UsableGradient:
    """The gradient of the objective with respect to what the network is shown, and what had to be done to get it.

    It is checked where it comes out of the network, since behind that regularizers cover a gradient that is dead. Each
    picture is treated by itself, and the check costs one sum where nothing is wrong.
    """

    def __init__(self, network: Network, climbs: Sequence[Climb], *, careful: bool = True) -> None:
        """Begin for some pictures.

        Args:
            network: The network that dreams, with its companions.
            climbs: What each picture is to become.
            careful: Look at each gradient before it is followed; without that, only remember whether it had to be.
        """
        self._network, self._careful = network, careful
        self._dreamers = [network.dreamers(climb.target) for climb in climbs]
        self._apart = [climb.apart for climb in climbs]
        self._near = [climb.reference if climb.stays_by_layer else None for climb in climbs]
        self._aside: dict[int, Tensor | float] = {}
        self._health = [Health() for _ in climbs]
        self._balance = Balance(len(climbs), max(map(len, self._dreamers), default=1), network.device)
        self._fine = torch.ones((), dtype=torch.bool, device=network.device)
        self._steps = 0

    @property
    def are_fine(self) -> bool:
        """Whether all gradients so far could be followed; this waits for the device."""
        return bool(self._fine)

    @property
    def health(self) -> tuple[Health, ...]:
        """How the gradients of each picture have been so far."""
        return tuple(health + Health(steps=self._steps) for health in self._health)

    def of(self, views: Views, step: Step) -> tuple[Views, Bool[Tensor, " batch"] | None]:
        """The gradient for one step.

        Args:
            views: Equally many views of each picture, in the order of the pictures.
            step: What holds for each picture in this step.

        Returns:
            The gradient with respect to the views, averaged over those of a picture; and, unless it is so for all, for
            each picture whether the step can be taken: if not, nothing gives a gradient that can be followed, and it
            is 0.
        """
        self._steps += 1
        places = list(range(len(step.values)))
        gradient = self._backward(views, places, step)
        count = len(views) // len(places)
        usable = is_usable(_magnitudes(gradient, count))
        fine = usable.all()
        self._fine &= fine
        if not self._careful or bool(fine):
            return self._with_aside(gradient) / count, None
        gradient = self._cure(views.detach(), gradient.clone(), step)
        return self._with_aside(gradient) / count, is_usable(_magnitudes(gradient, count))

    def _with_aside(self, gradient: Views) -> Views:
        """Also away from what a picture is kept apart from, and to what it stays near.

        These come last, for behind them a gradient that is dead would not show.
        """
        if not self._aside:
            return gradient
        by_picture = _by_picture(gradient.clone(), len(gradient) // len(self._dreamers))
        for place, aside in self._aside.items():
            by_picture[place] += aside
        return by_picture.flatten(0, 1)

    def _cure(self, views: Views, gradient: Views, step: Step) -> Views:
        count = len(views) // len(step.values)
        by_picture, its_views = _by_picture(gradient, count), _by_picture(views, count)

        def again(places: Sequence[int]) -> None:
            if places:
                anew = self._backward(its_views[places].flatten(0, 1), places, step, precise=True)
                by_picture[places] = _by_picture(anew, count)

        wild = _places(~is_tame(_magnitudes(gradient, count)))
        if any(member.dtype != torch.float32 for member in self._network.members):
            again(wild)
        dead = _places(_magnitudes(gradient, count) == 0)
        with redirected(_SLOPE):
            again(dead)
        lost = _places(~is_usable(_magnitudes(gradient, count)))
        by_picture[lost] = 0
        self._remember(wild, dead, lost)
        return gradient

    def _remember(self, wild: Sequence[int], dead: Sequence[int], lost: Sequence[int]) -> None:
        for place in {*wild, *dead}:
            if place in lost:
                found = Health(lost=1)
            else:
                found = Health(redirected=int(place in dead), recomputed=int(place in wild))
            self._health[place] += found

    def _backward(self, views: Views, places: Sequence[int], step: Step, *, precise: bool = False) -> Views:
        """The gradient for some of the pictures: the mean of those of all networks that are asked."""
        for place in places:
            self._aside.pop(place, None)
        asked = [self._asked(place, step) for place in places]
        networks = list(dict.fromkeys(network for dreamers in asked for network, _ in dreamers))
        if len(networks) == 1:
            units = [own for ((_, own),) in asked]
            found = self._gradient(networks[0], views, units, places, step, precise=precise)
            return self._balanced(networks[0], places, found, step)
        count = len(views) // len(places)
        its_views = _by_picture(views, count)
        mean = Mean(its_views)
        for network in networks:
            known = [(row, units) for row, own in enumerate(asked) for one, units in own if one is network]
            rows, wanted = [row for row, _ in known], [units for _, units in known]
            own_views, own_places = its_views[rows].flatten(0, 1), [places[row] for row in rows]
            found = self._gradient(network, own_views, wanted, own_places, step, precise=precise)
            found = self._balanced(network, own_places, found, step)
            mean.add(rows, _by_picture(found, count))
        return mean.found.flatten(0, 1)

    def _balanced(self, network: Network, places: Sequence[int], gradient: Views, step: Step) -> Views:
        """The gradient of one network, where it is one of several that take turns, heard as much as those of others."""
        taking = [self._takes_turns(place, step) for place in places]
        if not any(taking):
            return gradient
        turns = [[one for one, _ in self._dreamers[place]].index(network) for place in places]
        by_picture = _by_picture(gradient, len(gradient) // len(places))
        return self._balance.balanced(places, turns, taking, by_picture).flatten(0, 1)

    def _takes_turns(self, place: int, step: Step) -> bool:
        return len(self._dreamers[place]) > 1 and step.values[place].together == "turns"

    def _asked(self, place: int, step: Step) -> Sequence[Dreamer]:
        """Who is asked about a picture in a step."""
        dreamers = self._dreamers[place]
        if step.values[place].together == "all":
            return dreamers
        return [dreamers[step.numbers[place] % len(dreamers)]]

    def _gradient(
        self,
        network: Network,
        views: Views,
        units: Sequence[Units],
        places: Sequence[int],
        step: Step,
        *,
        precise: bool,
    ) -> Views:
        """The gradient of one network's objective, for equally many views of the pictures at some places."""
        seen = views.detach().requires_grad_()
        count = len(views) // len(units)
        each = [step.values[place] for place in places for _ in range(count)]
        share = per_picture([one.residual_gradient for one in each], views)
        watched = network.kind.watched(_numbers(units))
        layers = [*dict.fromkeys([*watched, *self._layers_aside(network, places)])]
        shown = _resized(seen, network.size)
        activations = network.activations(shown, layers, residual_gradient=share, precise=precise)
        numbers, weights = _padded(tuple(units), count, views.device)
        # Others of the batch may have more parts.
        shown_beside = step.beside[: numbers.shape[1]]
        beside = [_answers(network, one, places, count, watched, precise=precise) for one in shown_beside]
        wanted = (network.kind.answers(activations, numbers, beside) * weights).sum(1)
        rivals = network.kind.rivals(activations)
        reached = _objective([one.objective for one in each], wanted, rivals, weights.sum(1))
        if not reached.requires_grad:
            raise UserError("network: what is ascended does not follow from the picture by a gradient; choose another")
        # Summed, not averaged: a picture's gradient does not depend on how many others there are.
        aside = self._reached_aside(network, activations, places, step, count, precise=precise)
        gradient = torch.autograd.grad(reached.sum(), seen, retain_graph=bool(aside))[0]
        if aside:
            followed = _by_picture(torch.autograd.grad(torch.cat([*aside.values()]).sum(), seen)[0], count)
            for row in aside:
                place = places[row]
                self._aside[place] = self._aside.get(place, 0.0) + followed[row] / len(self._asked(place, step))
        return gradient

    def _layers_aside(self, network: Network, places: Sequence[int]) -> list[str]:
        """The layers by which pictures are kept apart, or stay near."""
        by_texture = [network.texture_layer] if any(self._apart[place] for place in places) else []
        near = {own.layer for place in places if (own := self._near[place])}
        return by_texture + [self._layer_near(network, layer) for layer in near if layer]

    def _layer_near(self, network: Network, layer: str) -> str:
        # Companions have layers of other names.
        return network.texture_layer if layer == "auto" or network is not self._network else layer

    def _reached_aside(
        self,
        network: Network,
        activations: Activations,
        places: Sequence[int],
        step: Step,
        count: int,
        *,
        precise: bool,
    ) -> dict[int, Tensor]:
        """What else is ascended, by row, for the pictures that are kept apart or stay near something."""
        found: dict[int, Tensor] = {}
        for row, place in enumerate(places):
            if apart := self._apart[place]:
                textures = _by_picture(activations[network.texture_layer], count)[row]
                found[row] = -likeness(apart, network, textures)
            near = self._near[place]
            if near and near.layer and step.near is not None:
                layer = self._layer_near(network, near.layer)
                wanted = _answers(network, step.near, [place], count, [layer], precise=precise)[layer]
                missed = near.weight * distance(_by_picture(activations[layer], count)[row], wanted)
                found[row] = found[row] - missed if row in found else -missed
        return found


def _resized(views: Views, size: int) -> Views:
    """For a companion that sees pictures of another size than the first network, for which views are drawn."""
    if views.shape[-1] == size:
        return views
    return functional.interpolate(views, (size, size), mode="bilinear", antialias=True)


def _numbers(units: Sequence[Units]) -> set[int]:
    return {number for own in units for number, _ in own}


@lru_cache(maxsize=64)
def _padded(
    units: tuple[Units, ...], count: int, device: torch.device
) -> tuple[Int[Tensor, "views parts"], Float[Tensor, "views parts"]]:
    """Numbers and weights of the units that each view is to show; where one has fewer than others, nothing counts.

    Kept, since the units of a picture are the same in every step.
    """
    most = max(len(own) for own in units)
    padded = [(*own, *[(own[0][0], 0.0)] * (most - len(own))) for own in units for _ in range(count)]
    numbers = torch.tensor([[number for number, _ in own] for own in padded])
    weights = torch.tensor([[weight for _, weight in own] for own in padded])
    return onto(numbers, device), onto(weights, device)


def _objective(
    kinds: Sequence[ObjectiveKind],
    wanted: Float[Tensor, " views"],
    rivals: Float[Tensor, "views classes"] | None,
    weights: Float[Tensor, " views"],
) -> Float[Tensor, " views"]:
    """The objective of each view: at once where all have the same one, which is nearly always so."""
    if all(kind == kinds[0] for kind in kinds):
        return kinds[0].value(wanted, rivals, weights)
    rows = [slice(number, number + 1) for number in range(len(kinds))]
    values = [
        kind.value(wanted[row], None if rivals is None else rivals[row], weights[row])
        for kind, row in zip(kinds, rows, strict=True)
    ]
    return torch.cat(values)


@torch.no_grad()
def _answers(
    network: Network, shown: Views, places: Sequence[int], count: int, layers: Sequence[str], *, precise: bool
) -> Mapping[str, Tensor]:
    """What layers answer to the views of other pictures, for some of those that are stepped."""
    views = _by_picture(shown, count)[list(places)].flatten(0, 1)
    return network.activations(_resized(views, network.size), layers, precise=precise)


def _by_picture(views: Views, count: int) -> Float[Tensor, "batch count 3 size size"]:
    return views.view(-1, count, *views.shape[1:])


def _magnitudes(gradient: Views, count: int) -> Float[Tensor, " batch"]:
    """Sum of the magnitudes for each picture; not a number where one of them is not."""
    magnitudes: Tensor = torch.linalg.vector_norm(_by_picture(gradient, count), 1, dim=(1, 2, 3, 4))
    return magnitudes


def _places(chosen: Bool[Tensor, " batch"]) -> list[int]:
    return chosen.nonzero()[:, 0].tolist()


Climbing = Callable[[UsableGradient, Stepped], Pictures]
