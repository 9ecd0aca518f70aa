"""A frozen network: what the rest of the program knows of any network."""

from __future__ import annotations

import copy
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn import functional

from renderer.common.errors import UserError
from renderer.common.wording import did_you_mean, listed, nearest
from renderer.networks.gradient_scale import GradientScale, Share
from renderer.targets.class_outputs import ClassOutputs
from renderer.targets.kind import TargetKind
from renderer.targets.target import OUTPUTS, Aim, Score, Target, Units

Views = Float[Tensor, "views 3 size size"]
Dreamer = tuple["Network", Units]
"""A network, and the units of it that are wanted."""
Activations = Mapping[str, Float[Tensor, "views channels *place"]]


_LUMINANCE = (0.299, 0.587, 0.114)  # Of red, green and blue (ITU-R BT.601), as Pillow makes pictures gray.
_FEWEST = 4  # Places on a side by which textures can be told.


@dataclass(frozen=True)
class Preprocessing:
    """What a network expects of a picture.

    Attributes:
        size: Side of the square input in pixels.
        mean: Mean of each channel that is subtracted, in the units of `range`: one a color, or one.
        std: Standard deviation of each channel that is divided by.
        color_order: Order of the colors, also of `mean` and `std`.
        range: What black and white are before the mean is subtracted.
    """

    size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    color_order: Literal["rgb", "bgr"] = "rgb"
    range: tuple[float, float] = (0.0, 1.0)

    @property
    def is_gray(self) -> bool:
        """Whether it is shown gray pictures, of one channel."""
        return len(self.mean) == 1


@dataclass(frozen=True)
class Loaded:
    """What a source gives.

    Attributes:
        module: The network: normalized pictures in, outputs before the softmax out, batch x classes.
        preprocessing: What it expects of a picture.
        branches: Its modules whose output is added to a shortcut, where it is a residual network.
        memory_format: Order of pictures and weights in memory; the usual one where the module asks for it by `view`.
        keeps_float32: Whether its precision is what it was made with, whatever is asked for.
    """

    module: nn.Module
    preprocessing: Preprocessing
    branches: tuple[nn.Module, ...] = ()
    memory_format: torch.memory_format = torch.channels_last
    keeps_float32: bool = False


@dataclass(frozen=True)
class Layer:
    """A layer of a network.

    Attributes:
        kind: Name of the module's class.
        shape: Of its answer to a picture: channels, then height and width, or a number of places, or nothing.
    """

    kind: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Companion:
    """A network that dreams with another one.

    Attributes:
        network: The companion.
        units: Number of its output by that of the other network's, for the classes that both know.
    """

    network: Network
    units: Mapping[int, int]


class Network:
    """A network whose weights never change and never get a gradient."""

    def __init__(
        self,
        loaded: Loaded,
        kind: TargetKind | None = None,
        classes: Sequence[Target] = (),
        companions: Sequence[Companion] = (),
        *,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """Freeze a network and make it ready.

        Args:
            loaded: What its source gave.
            kind: What is dreamed toward; None for its classes.
            classes: What its outputs stand for, by index.
            companions: Networks that dream with it; only for classes.
            device: Where it computes.
            dtype: Its precision; `activations` are float32 all the same.
        """
        self.kind = kind or ClassOutputs()
        self.classes = tuple(classes)
        self.companions = tuple(companions)
        self._preprocessing = expected = loaded.preprocessing
        self.size = expected.size
        self.device = device
        self.dtype = torch.float32 if loaded.keeps_float32 else dtype
        self._module = loaded.module.eval().requires_grad_(requires_grad=False)
        self._format = loaded.memory_format
        self._module.to(device=device, dtype=self.dtype, memory_format=self._format)  # type: ignore[call-overload]
        black, white = expected.range
        mean, std = (torch.tensor(values, dtype=torch.float64) for values in (expected.mean, expected.std))
        self._mean = ((mean - black) / (white - black)).float().to(device).view(-1, 1, 1)
        self._std = (std / (white - black)).float().to(device).view(-1, 1, 1)
        self._luminance = torch.tensor(_LUMINANCE, device=device).view(3, 1, 1)
        self._gradient_scale = GradientScale(loaded.branches)
        self.needs_care = False
        """Whether a gradient could not be followed once; told here, and of no matter to any pixel."""
        self._seen: dict[str, Tensor] = {}
        self._wanted: frozenset[str] = frozenset()
        self._watched: set[str] = set()

    def activations(
        self, views: Views, layers: Sequence[str] = (OUTPUTS,), *, residual_gradient: Share = 1.0, precise: bool = False
    ) -> Activations:
        """What layers answer to views; differentiable with respect to the views.

        Args:
            views: Values in [0, 1].
            layers: Names of modules, or `OUTPUTS` for the answer before the softmax.
            residual_gradient: Share of the gradient that goes back through residual branches.
            precise: Compute in float32 whatever the network's precision; slow where that is another.

        Returns:
            Activations in float32, by layer.

        Raises:
            UserError: There is no such layer, or it gives no tensor.
        """
        for layer in layers:
            self._watch(layer)
        self._wanted = frozenset(layers)
        with self._gradient_shared(residual_gradient):
            try:
                outputs = self._precise_outputs(views) if precise else self._module(self._normalized(views, self.dtype))
                seen = {**self._seen, OUTPUTS: outputs}
            finally:
                self._seen.clear()  # also where memory runs out: what it keeps would take some
        return {layer: _tensor(seen, layer, len(views)).float() for layer in layers}

    def twin(self) -> Network:
        """Another one with the very same weights, for another thread: what it remembers during a pass is its own.

        Functions are not copied, so one that names the module goes on naming this one's; see `Twins`.
        """
        shared = {id(one): one for member in self.members for one in member._shared}
        return copy.deepcopy(self, shared)

    @property
    def _shared(self) -> list[object]:
        """What copies have in common."""
        tensors = [*self._module.parameters(), *self._module.buffers(), self._mean, self._std]
        return [*tensors, self.kind, self.classes]

    @property
    def members(self) -> tuple[Network, ...]:
        """The network itself, and its companions."""
        return (self, *(companion.network for companion in self.companions))

    def as_gray(self, pictures: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch 1 height width"]:
        """The luminance of pictures."""
        gray: Tensor = (pictures * self._luminance).sum(1, keepdim=True)
        return gray

    @property
    def is_gray(self) -> bool:
        """Whether all that dream are shown gray pictures: none of them would tell a color from another."""
        return all(member._preprocessing.is_gray for member in self.members)

    def dreamers(self, aim: Aim) -> tuple[Dreamer, ...]:
        """The members that know all of what is aimed at, this one first, with the units that it is there."""
        knowing = [one for one in self.companions if all(unit in one.units for unit, _ in aim.units)]
        own = [(one.network, tuple((one.units[unit], weight) for unit, weight in aim.units)) for one in knowing]
        return ((self, aim.units), *own)

    @contextmanager
    def telling(self, tell: Callable[[], None]) -> Iterator[None]:
        """Call a function before and after each of its modules, as long as this lasts."""
        hooks = [
            register(lambda *_: tell())
            for module in self._module.modules()
            for register in (module.register_forward_pre_hook, module.register_forward_hook)
        ]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def channels(self, layer: str) -> int:
        """How many channels a layer has; raises UserError as `activations` does."""
        with torch.no_grad():
            return self.activations(self._gray, [layer])[layer].shape[1]

    @cached_property
    def texture_layer(self) -> str:
        """The last layer that still tells places apart: a sixteenth of the input's side, or finer where there is one.

        Parts of things are told there, before they are put together to classes.

        Raises:
            UserError: No layer tells places apart.
        """
        places = {name: math.prod(layer.shape[1:]) for name, layer in self.layers().items()}
        for least in (max(_FEWEST, self.size // 16), _FEWEST):
            fine = [layer for layer, count in places.items() if count >= least**2]
            if fine:
                return fine[-1]
        raise UserError(
            "network: no layer tells places apart, as stills.diversity and start.keep_layer=auto need it; set "
            "stills.diversity=0, and start.keep_layer to a layer's name or to nothing"
        )

    @property
    def parameters(self) -> int:
        """How many numbers it has learned."""
        return sum(parameter.numel() for parameter in self._module.parameters())

    def layers(self) -> dict[str, Layer]:
        """The layers that can be dreamed of, in the order of their work; only of layers that work once."""
        found: dict[str, Layer] = {}
        calls = Counter[str]()
        # Two, so that what is the same for all pictures, or has them side by side, is not taken for a layer's answer.
        views = self._gray.repeat(2, 1, 1, 1).requires_grad_()

        def look(name: str, module: nn.Module, _inputs: object, output: Any) -> None:
            calls[name] += 1
            if isinstance(output, Tensor) and output.ndim in (2, 3, 4) and len(output) == 2 and output.requires_grad:
                found[name] = Layer(type(module).__name__, tuple(_channels_first(output).shape[1:]))

        named = [(name, module) for name, module in self._module.named_modules() if name]
        hooks = [module.register_forward_hook(partial(look, name)) for name, module in named]
        try:
            self._module(self._normalized(views, self.dtype))
        finally:
            for hook in hooks:
                hook.remove()
        # Of a layer that works several times only the last answer would be seen.
        return {name: layer for name, layer in found.items() if calls[name] == 1}

    @property
    def _gray(self) -> Views:
        return torch.full((1, 3, self.size, self.size), 0.5, device=self.device)

    def count_outputs(self) -> int:
        """How many numbers its answer has."""
        return self.first_answer().shape[1]

    @torch.no_grad()
    def first_answer(self) -> Tensor:
        """What it says of a gray picture, or of noise in float32 where that gives no finite number."""
        answer = self.activations(self._gray)[OUTPUTS]
        if not answer.isfinite().any():
            # It may overflow in its own precision, or scale each picture by its contrast, of which gray has none.
            noise = torch.rand(self._gray.shape, generator=torch.Generator().manual_seed(0)).to(self.device)
            answer = self.activations(noise, precise=True)[OUTPUTS]
        return answer

    @torch.no_grad()
    def scores(self, pictures: UInt8[np.ndarray, "batch height width 3"], aims: Sequence[Aim]) -> tuple[Score, ...]:
        """What the network says of whole pictures, each of which is to show the given target."""
        size, layers = pictures.shape[1:3], self.kind.watched()
        return tuple(
            self.kind.scores(self.activations(view[None], layers), [aim], self._beside(aim, size, layers))[0]
            # One at a time: what is recorded of a picture does not depend on the others.
            for view, aim in zip(self.whole_pictures(pictures), aims, strict=True)
        )

    def _beside(self, aim: Aim, size: tuple[int, int], layers: Sequence[str]) -> list[Activations]:
        """What it answers to the pictures with which dreams of a target are compared."""
        found = [self.kind.beside(unit, size) for unit, _ in aim.units]
        return [self.activations(self.whole_pictures(one.frame[None]), layers) for one in found if one]

    @torch.no_grad()
    def log_probabilities(
        self, pictures: UInt8[np.ndarray, "batch height width 3"]
    ) -> Float[np.ndarray, "batch classes"]:
        """Natural logarithms of the probabilities of all classes in whole pictures; finite where they round to 0."""
        return self.logits(pictures).double().log_softmax(1).numpy()

    @torch.no_grad()
    def logits(self, pictures: UInt8[np.ndarray, "batch height width 3"]) -> Float[Tensor, "batch classes"]:
        """All outputs before the softmax for whole pictures, which are shown to it one at a time."""
        return torch.cat([self.activations(view[None])[OUTPUTS] for view in self.whole_pictures(pictures)]).cpu()

    def whole_pictures(self, pictures: UInt8[np.ndarray, "batch height width 3"]) -> Views:
        """Pictures as the network is shown them whole."""
        tensor = torch.from_numpy(pictures).to(self.device).permute(0, 3, 1, 2).float() / 255
        return functional.interpolate(tensor, (self.size, self.size), mode="bilinear", antialias=True)

    def output_weights(self) -> Float[np.ndarray, "classes features"]:
        """Weights of the last layer, a row for each class: classes with similar rows look alike to the network.

        Raises:
            LookupError: The network has no linear or pointwise convolutional layer with an output for each class.
        """
        for layer in reversed(list(self._module.modules())):
            if isinstance(layer, nn.Linear | nn.Conv2d) and layer.weight.shape[0] == len(self.classes):
                return layer.weight.float().flatten(1).cpu().numpy()
        raise LookupError("the network has no last layer with an output for each class")

    def _watch(self, layer: str) -> None:
        """Keep what a layer answers, from now on."""
        if layer == OUTPUTS or layer in self._watched:
            return
        modules = dict(self._module.named_modules())
        if layer not in modules or not layer:
            remedy = did_you_mean(nearest(layer, modules)) or f"; it has {listed([*modules][1:]) or 'no other'}"
            raise UserError(f"{self.kind.layer_key}: the network has no layer '{layer}'{remedy}")

        modules[layer].register_forward_hook(partial(self._keep, layer))
        self._watched.add(layer)

    def _keep(self, layer: str, _module: nn.Module, _inputs: object, output: Any) -> None:
        if layer in self._wanted:  # a copy: the next layer may change it in place
            self._seen[layer] = output.clone() if isinstance(output, Tensor) else output

    @contextmanager
    def _gradient_shared(self, share: Share) -> Iterator[None]:
        self._gradient_scale.share = share
        try:
            yield
        finally:
            self._gradient_scale.share = 1.0

    def _precise_outputs(self, views: Views) -> Tensor:
        state = {**dict(self._module.named_parameters()), **dict(self._module.named_buffers())}
        precise = {name: tensor.float() for name, tensor in state.items() if tensor.is_floating_point()}
        outputs: Tensor = torch.func.functional_call(self._module, precise, (self._normalized(views, torch.float32),))
        return outputs

    def _normalized(self, views: Views, dtype: torch.dtype) -> Float[Tensor, "views channels size size"]:
        if self._preprocessing.is_gray:
            views = self.as_gray(views)
        elif self._preprocessing.color_order == "bgr":
            views = views.flip(1)
        return ((views - self._mean) / self._std).to(dtype, memory_format=self._format)


def _tensor(seen: Mapping[str, Any], layer: str, views: int) -> Tensor:
    found = seen.get(layer)
    if layer == OUTPUTS and not (isinstance(found, Tensor) and found.ndim == 2):
        shape = f"a tensor of {found.ndim} dimensions" if isinstance(found, Tensor) else f"a {type(found).__name__}"
        raise UserError(f"network: the network answers with {shape}; it has to give a tensor, batch x classes")
    if not isinstance(found, Tensor) or found.ndim < 2 or not found.is_floating_point() or len(found) != views:
        raise UserError(f"network.targets: '{layer}' gives no numbers for each picture; choose another layer")
    if not found.numel():
        raise UserError(f"network.targets: '{layer}' has no channels; choose another layer")
    return _channels_first(found)


def _channels_first(found: Tensor) -> Tensor:
    """Channels before places: some transformers have a row of channels for each token, or for each place."""
    if found.ndim == 3:
        return found.movedim(2, 1)
    is_last = found.ndim == 4 and found.shape[1] == found.shape[2] != found.shape[3]  # inputs are squares
    return found.movedim(3, 1) if is_last else found
